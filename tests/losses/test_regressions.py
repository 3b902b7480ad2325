"""Mean squared error, mean absolute error, Huber: by hand, and what they refuse."""

import numpy as np
import pytest

from npbp import HuberLoss, MeanAbsoluteErrorLoss, MeanSquaredErrorLoss

LOSSES = [MeanSquaredErrorLoss, MeanAbsoluteErrorLoss, HuberLoss]
every_loss = pytest.mark.parametrize("kind", LOSSES)

SCORES = np.array([[1.0, 2.0], [0.5, -3.0], [4.0, 0.0]])
TARGETS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.25]])  # the errors: 0, 2; 0.5, -4; 3, -0.25


@pytest.mark.parametrize(
    "loss, total, slopes",
    [
        (MeanSquaredErrorLoss, 0 + 4 + 0.25 + 16 + 9 + 0.0625, [[0, 4], [1, -8], [6, -0.5]]),
        (MeanAbsoluteErrorLoss, 0 + 2 + 0.5 + 4 + 3 + 0.25, [[0, 1], [1, -1], [1, -1]]),
        (lambda reduction: HuberLoss(2, reduction), 0 + 2 + 0.125 + 6 + 4 + 0.03125,
         [[0, 2], [0.5, -2], [2, -0.25]]),
    ],
)  # fmt: skip
def test_numbers_by_hand(loss, total, slopes):
    summed, mean = loss("sum"), loss("mean")
    prediction, number = summed(SCORES, TARGETS)
    assert prediction is SCORES and number == total
    assert summed.bp_input().tolist() == slopes
    assert mean(SCORES, TARGETS)[1] == total / 6
    np.testing.assert_allclose(mean.bp_input(), np.array(slopes) / 6, rtol=1e-15)


def test_weights_by_hand():
    weight = np.array([2.0, 0.0, 0.5])
    summed, mean = MeanSquaredErrorLoss("sum"), MeanSquaredErrorLoss()
    assert summed(SCORES, TARGETS, weight)[1] == 2 * 4 + 0.5 * 9.0625
    assert summed.bp_input().tolist() == [[0, 8], [0, 0], [3, -0.25]]
    assert mean(SCORES, TARGETS, weight)[1] == (2 * 4 + 0.5 * 9.0625) / (2 * 2.5)
    assert mean.bp_input().tolist() == [[0, 1.6], [0, 0], [0.6, -0.05]]
    assert mean.total_weight == summed.total_weight == 2.5
    mean(SCORES, TARGETS)
    assert mean.total_weight is None


def test_huber_is_continuous_where_its_pieces_meet_and_half_the_square_before():
    delta, h = 0.7, 1e-9
    for sign in (-1, 1):
        values, slopes = [], []
        for distance in (delta - h, delta, delta + h):
            loss = HuberLoss(delta)
            values.append(loss([[sign * distance]], [[0.0]])[1])
            slopes.append(loss.bp_input()[0, 0])
        np.testing.assert_allclose(values, delta**2 / 2, atol=1e-6)
        np.testing.assert_allclose(slopes, sign * delta, atol=1e-6)
    wide, square = HuberLoss(100), MeanSquaredErrorLoss()
    assert wide(SCORES, TARGETS)[1] == square(SCORES, TARGETS)[1] / 2
    np.testing.assert_array_equal(wide.bp_input(), square.bp_input() / 2)


def test_huber_of_a_distance_whose_square_overflows_is_finite():
    loss = HuberLoss()
    assert loss(np.array([[1e25]], np.float32), [[0.0]])[1] == pytest.approx(1e25)
    assert loss.bp_input() == 1


@every_loss
def test_nothing_is_right_or_wrong_whatever_the_targets_look_like(kind):
    loss = kind()
    for prediction, targets in (
        (SCORES, TARGETS),
        (np.eye(3), np.eye(3)),  # rows of probabilities
        (np.eye(3), np.array([0, 1, 2])),  # labels
        (np.ones((3, 1)), np.ones((3, 1), int)),
    ):
        assert loss.correct(prediction, targets) is None


@every_loss
@pytest.mark.parametrize(
    "scores, targets, message",
    [
        ((7, 1), (7,), r"wanted a number for each score, \(7, 1\): write targets\[:, None\]"),
        ((7,), (7, 1), r"wanted a number for each score, \(7,\): write targets\[:, 0\]"),
        ((7, 3), (7, 1), r"targets of shape \(7, 1\) for scores of shape \(7, 3\)"),
        ((7, 3), (7,), r"targets of shape \(7,\)"),
        ((7, 3), (3,), "are they those of other examples"),
        ((7, 3), (1, 3), "are they those of other examples"),
        ((7, 3), (), r"targets of shape \(\)"),
        ((7, 2, 3), (7, 3, 2), r"wanted a number for each score, \(7, 2, 3\)"),
        ((7, 0), (7, 0), r"got scores of shape \(7, 0\), wanted one an example or more"),
        ((), (), "got a single number"),
    ],
)
def test_shapes_that_would_be_broadcast_are_an_error_that_says_what_to_write(kind, scores, targets, message):
    with pytest.raises(ValueError, match=f"{kind.__name__}: .*{message}"):
        kind()(np.ones(scores), np.ones(targets))


@every_loss
def test_labels_in_place_of_rows_are_an_error_that_names_one_hot(kind):
    with pytest.raises(ValueError, match=r"npbp.datasets.one_hot\(targets, 3\) makes such rows"):
        kind()(np.ones((2, 3)), np.array([0, 2]))


@every_loss
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_target_that_is_not_finite_is_an_error_that_says_where(kind, value):
    targets = TARGETS.copy()
    targets[1, 1] = value
    with pytest.raises(ValueError, match=rf"{kind.__name__}: got targets\[1, 1\] = {value}, wanted finite"):
        kind()(SCORES, targets)
    with pytest.raises(ValueError, match=r"targets\[0\] = "):
        kind()(np.ones(2), [value, 0])


@every_loss
def test_a_target_beyond_float32_is_an_error_and_no_overflow(kind):
    with pytest.raises(ValueError, match=r"targets\[0, 0\] = inf"):
        kind()(np.ones((1, 1), np.float32), [[1e300]])


@every_loss
def test_whole_numbers_and_truth_values_are_targets_too(kind):
    for dtype in (int, np.uint8, bool):
        loss = kind("mean") if kind is not HuberLoss else kind()
        number = loss(SCORES, np.array([[1, 0], [0, 1], [1, 0]], dtype))[1]
        assert number == loss(SCORES, np.array([[1.0, 0], [0, 1], [1, 0]]))[1]


@pytest.mark.parametrize("delta", [0, -1.0, np.nan, np.inf, np.float32(0), pytest.param(10**400, id="10**400")])
def test_a_delta_that_cannot_be_is_a_value_error(delta):
    with pytest.raises(ValueError, match="HuberLoss: got delta=.*, wanted a finite number above 0"):
        HuberLoss(delta)


@pytest.mark.parametrize("delta", ["sum", None, True, [1.0], 1j, np.ones(1)])
def test_a_delta_that_is_no_number_is_a_type_error_that_shows_the_order(delta):
    with pytest.raises(TypeError, match=r'wanted a finite number above 0, as in HuberLoss\(1.0, "mean"\)'):
        HuberLoss(delta)


def test_a_delta_of_any_number_is_a_plain_float_in_the_config():
    for delta in (2, np.int64(2), np.float32(2)):
        config = HuberLoss(delta).config()
        assert config == {"delta": 2.0, "reduction": "mean"} and type(config["delta"]) is float
