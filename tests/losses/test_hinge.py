import numpy as np
import pytest

from npbp import HingeLoss


def test_it_agrees_with_two_nested_loops():
    rng = np.random.default_rng(0)
    s, labels = rng.standard_normal((7, 5)), rng.integers(0, 5, 7)
    total, slopes = 0.0, np.zeros((7, 5))
    for n, y in enumerate(labels):
        for k in range(5):
            margin = s[n, k] - s[n, y] + 1
            if k != y and margin > 0:
                total += margin
                slopes[n, k] += 1
                slopes[n, y] -= 1
    loss = HingeLoss("sum")
    prediction, number = loss(s, labels)
    assert prediction is s and number == pytest.approx(total, rel=1e-14)
    np.testing.assert_array_equal(loss.bp_input(), slopes)
    assert HingeLoss()(s, labels)[1] == pytest.approx(total / 7, rel=1e-14)


def test_a_class_that_wins_by_the_margin_is_left_alone():
    loss = HingeLoss()
    assert loss(np.array([[3.0, 2.0, -5.0]]), [0])[1] == 0
    assert not loss.bp_input().any()


def test_one_score_is_that_of_the_second_of_two_classes():
    rng = np.random.default_rng(0)
    s, labels, weight = 2 * rng.standard_normal((7, 1)), rng.integers(0, 2, 7), rng.random(7)
    one, two = HingeLoss(), HingeLoss()
    prediction, number = one(s, labels, weight)
    assert prediction is s
    assert number == two(np.hstack([np.zeros((7, 1)), s]), labels, weight)[1]
    np.testing.assert_array_equal(one.bp_input(), two.bp_input()[:, 1:])
    losses = np.maximum(0, 1 - (2 * labels - 1) * s[:, 0])
    assert number == pytest.approx((weight * losses).sum() / weight.sum(), rel=1e-14)
    assert one(s, labels[:, None], weight)[1] == number


def test_the_highest_score_or_the_sign_of_the_only_one_is_the_answer():
    loss = HingeLoss()
    assert loss.correct(np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 4.0]]), np.array([1, 0, 0])) == (2, 3)
    assert loss.correct(np.array([[0.5], [-2.0], [0.0]]), np.array([1, 0, 1])) == (2, 3)
    assert loss.correct(np.array([[0.5], [-2.0], [0.0]]), np.array([[1], [1], [0]])) == (2, 3)


@pytest.mark.parametrize(
    "scores, targets, message",
    [
        (np.zeros(3), [0], r"wanted \(N, C\)"),
        (np.zeros((2, 0)), [0, 0], r"wanted \(N, C\)"),
        (np.zeros((2, 3)), [0, 3], "the label 3, wanted 0 to 2"),
        (np.zeros((2, 3)), [0, -1], "the label -1, wanted 0 to 2"),
        (np.zeros((2, 1)), [0, 2], "the label 2, wanted 0 to 1"),
        (np.zeros((2, 1)), [-1, 1], r"the label -1, wanted 0 to 1.*\(labels \+ 1\) // 2"),
        (np.zeros((2, 3)), [0, 1, 2], r"targets of shape \(3,\).*wanted labels \(2,\)"),
        (np.zeros((2, 3)), np.eye(3)[:2], r"wanted labels \(2,\): .*targets.argmax\(axis=1\)"),
        (np.zeros((2, 3)), [[0], [1]], r"targets of shape \(2, 1\).*wanted labels \(2,\)"),
    ],
)
def test_targets_that_do_not_fit_are_an_error_that_says_what_was_wanted(scores, targets, message):
    with pytest.raises(ValueError, match="HingeLoss: got .*" + message):
        HingeLoss()(scores, np.array(targets))


@pytest.mark.parametrize("targets", [[0.0, 1.0], [True, False], ["0", "1"]])
def test_labels_that_are_no_integers_are_a_type_error(targets):
    for C in (1, 3):
        with pytest.raises(TypeError, match="HingeLoss: got labels of type .*wanted integers"):
            HingeLoss()(np.zeros((2, C)), np.array(targets))
