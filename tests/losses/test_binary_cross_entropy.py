import math

import numpy as np
import pytest

from npbp import BinaryCrossEntropyLoss, SoftmaxCrossEntropyLoss


def test_it_agrees_with_its_definition_number_by_number():
    rng = np.random.default_rng(0)
    scores, targets = rng.standard_normal((7, 3)), rng.random((7, 3))
    p, number = BinaryCrossEntropyLoss("sum")(scores, targets)
    losses = []
    for s, t, found in zip(scores.flat, targets.flat, p.flat):
        one = 1 / (1 + math.exp(-s))
        assert found == pytest.approx(one, rel=1e-14)
        losses.append(-t * math.log(one) - (1 - t) * math.log(1 - one))
    assert number == pytest.approx(math.fsum(losses), rel=1e-13)


def test_one_score_is_a_softmax_of_two_classes_whose_first_score_is_0():
    rng = np.random.default_rng(0)
    s, labels, weight = rng.standard_normal((7, 1)), rng.integers(0, 2, 7), rng.random(7)
    one, two = BinaryCrossEntropyLoss(), SoftmaxCrossEntropyLoss()
    p, number = one(s, labels, weight)
    p_two, number_two = two(np.hstack([np.zeros((7, 1)), s]), labels, weight)
    np.testing.assert_allclose(p[:, 0], p_two[:, 1], rtol=1e-13)
    assert number == pytest.approx(number_two, rel=1e-13)
    np.testing.assert_allclose(one.bp_input(), two.bp_input()[:, 1:], rtol=1e-12)


def test_labels_may_be_a_row_or_a_column_if_there_is_one_score():
    s = np.array([[0.5], [-2.0], [1.0]])
    loss = BinaryCrossEntropyLoss()
    number = loss(s, np.array([[1], [0], [1]]))[1]
    gradient = loss.bp_input()
    for labels in ([1, 0, 1], np.array([1, 0, 1], np.uint8), np.array([True, False, True]), [1.0, 0, 1]):
        assert loss(s, labels)[1] == number
        assert loss.bp_input().shape == (3, 1)
        np.testing.assert_array_equal(loss.bp_input(), gradient)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_of_ten_thousand_have_right_losses_and_gradients(dtype):
    s, t = np.array([[1e4, -1e4, 1e4, -1e4]], dtype), np.array([[1, 0, 0, 1]])
    loss = BinaryCrossEntropyLoss("sum")
    p, number = loss(s, t)
    assert p.tolist() == [[1, 0, 1, 0]] and number == 2e4
    assert loss.bp_input().tolist() == [[0, 0, 1, -1]]


def test_a_small_loss_keeps_its_digits():
    """1 - p is lost where p is close to 1: the loss must not be made of it."""
    number = BinaryCrossEntropyLoss()(np.array([[50.0]]), [[1]])[1]
    assert number == pytest.approx(math.exp(-50), rel=1e-12, abs=0)
    number = BinaryCrossEntropyLoss()(np.array([[-50.0]]), [[0]])[1]
    assert number == pytest.approx(math.exp(-50), rel=1e-12, abs=0)


def test_every_answer_counts_not_every_example():
    loss = BinaryCrossEntropyLoss()
    p = np.array([[0.9, 0.2, 0.6], [0.4, 0.5, 0.51]])
    assert loss.correct(p, np.array([[1, 0, 0], [1, 0, 1]])) == (4, 6)
    assert loss.correct(p, np.array([[0.9, 0.5, 0.4], [0.51, 0.1, 1]])) == (4, 6)  # yes is above 0.5
    assert loss.correct(p[:, :1], np.array([1, 0])) == (2, 2)
    assert loss.correct(p[:, :1], np.array([[1], [1]])) == (1, 2)


@pytest.mark.parametrize(
    "scores, targets, message",
    [
        (np.zeros((2, 1)), [[1], [2]], r"targets\[1, 0\] = 2.0, wanted 0, 1 or a probability"),
        (np.zeros((2, 1)), [-1, 1], r"targets\[0, 0\] = -1.0.*of targets -1 and 1 make \(targets \+ 1\) / 2"),
        (np.zeros((2, 3)), [[0, 0, 1], [0, 1.5, 0]], r"targets\[1, 1\] = 1.5"),
        (np.zeros((2, 1)), [[np.nan], [1]], r"targets\[0, 0\] = nan, wanted finite"),
        (np.zeros((2, 3)), [0, 1], r"targets of shape \(2,\) for scores of shape \(2, 3\).*one_hot"),
        (np.zeros((2, 1)), [0, 1, 1], "are they those of other examples"),
        (np.zeros(2), [[0], [1]], r"write targets\[:, 0\]"),
        (np.zeros((2, 0)), np.zeros((2, 0)), r"scores of shape \(2, 0\), wanted one an example or more"),
    ],
)
def test_targets_that_do_not_fit_are_an_error_that_says_what_was_wanted(scores, targets, message):
    with pytest.raises(ValueError, match="BinaryCrossEntropyLoss: got .*" + message):
        BinaryCrossEntropyLoss()(scores, np.array(targets))
