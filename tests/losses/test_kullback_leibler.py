import math

import numpy as np
import pytest

from npbp import KullbackLeiblerLoss, SoftmaxCrossEntropyLoss


def rows(rng, N, C):
    t = rng.random((N, C))
    return t / t.sum(axis=1, keepdims=True)


def test_it_agrees_with_its_definition_number_by_number():
    rng = np.random.default_rng(0)
    scores, targets = rng.standard_normal((7, 5)), rows(rng, 7, 5)
    p, number = KullbackLeiblerLoss("sum")(scores, targets)
    np.testing.assert_allclose(p, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), rtol=1e-13)
    losses = [t * math.log(t / p_k) for t, p_k in zip(targets.flat, p.flat)]
    assert number == pytest.approx(math.fsum(losses), rel=1e-12)


def test_it_is_the_cross_entropy_less_the_entropy_with_the_same_gradient():
    rng = np.random.default_rng(0)
    scores, targets = rng.standard_normal((7, 5)), rows(rng, 7, 5)
    divergence, cross_entropy = KullbackLeiblerLoss(), SoftmaxCrossEntropyLoss()
    entropy = -(targets * np.log(targets)).sum() / 7
    found = divergence(scores, targets)[1]
    assert found == pytest.approx(cross_entropy(scores, targets)[1] - entropy, rel=1e-12)
    np.testing.assert_allclose(divergence.bp_input(), cross_entropy.bp_input(), rtol=1e-13)


def test_it_is_0_where_the_prediction_is_the_target_and_above_0_elsewhere():
    targets = rows(np.random.default_rng(0), 7, 5)
    loss = KullbackLeiblerLoss()
    assert loss(np.log(targets), targets)[1] == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(loss.bp_input(), 0, atol=1e-16)
    assert loss(np.log(targets) + np.eye(7, 5), targets)[1] > 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_target_of_zero_adds_nothing_even_where_a_class_is_ruled_out(dtype):
    loss = KullbackLeiblerLoss("sum")
    number = loss(np.array([[0.0, 0.0, -np.inf], [1e4, -1e4, 0.0]], dtype), np.array([[1, 0, 0], [1.0, 0, 0]]))[1]
    assert number == pytest.approx(math.log(2)) and np.isfinite(loss.bp_input()).all()


def test_the_most_probable_class_is_the_answer():
    p = np.array([[0.1, 0.9], [0.6, 0.4], [0.7, 0.3]])
    assert KullbackLeiblerLoss().correct(p, np.array([[0.2, 0.8], [0.4, 0.6], [1, 0]])) == (2, 3)


@pytest.mark.parametrize(
    "scores, targets, message",
    [
        (np.zeros(3), [1.0], r"wanted \(N, C\)"),
        (np.zeros((2, 3)), [0, 1], r"wanted rows of probabilities \(2, 3\): for labels there is Softmax"),
        (np.zeros((2, 3)), np.zeros((3, 3)), r"targets of shape \(3, 3\)"),
        (np.zeros((2, 3)), [[1.0, 0, 0], [0.5, 0, 0]], "as target 1.*their sum 1"),
        (np.zeros((2, 3)), [[2.0, -1, 0], [1, 0, 0]], "as target 0.*none negative"),
        (np.zeros((2, 3)), [[1.0, 0, 0], [np.nan, 0, 1]], "as target 1"),
        (np.zeros((2, 3)), [[np.inf, -np.inf, 0], [0, 0, 1]], "as target 0"),
    ],
)
def test_targets_that_do_not_fit_are_an_error_that_says_what_was_wanted(scores, targets, message):
    with pytest.raises(ValueError, match="KullbackLeiblerLoss: got .*" + message):
        KullbackLeiblerLoss()(scores, np.array(targets))
