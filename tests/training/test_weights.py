"""Class weights: what the loss gets, what it changes, and what is refused."""
from __future__ import annotations

import numpy as np
import pytest

from npbp import (BinaryCrossEntropyLoss, Linear, Loss, MeanSquaredErrorLoss, Network, NeuralNet, ReLU, SGD,
                  SoftmaxCrossEntropyLoss, fit)
from npbp.datasets import Batches, one_hot
from npbp.training.weights import sample_weights

rng = np.random.default_rng
LOSS = SoftmaxCrossEntropyLoss()


def of(class_weights, y, loss=LOSS, batch=None):
    y = np.asarray(y)
    (w,) = sample_weights(class_weights, y, loss)(y if batch is None else np.asarray(batch))
    return w


def test_none_gives_the_loss_nothing():
    assert sample_weights(None, np.array([0, 1]), object())(np.array([0, 1])) == ()


def test_balanced_is_n_over_classes_times_count():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    w = of("balanced", y)
    assert w[0] == pytest.approx(100 / (3 * 60)) and w[-1] == pytest.approx(100 / (3 * 10))
    sums = [w[y == k].sum() for k in range(3)]
    np.testing.assert_allclose(sums, 100 / 3)
    assert w.mean() == pytest.approx(1)


def test_classes_that_are_not_there_do_not_count_in_balanced():
    np.testing.assert_allclose(of("balanced", [2, 2, 7, 7]), 1)


@pytest.mark.parametrize("given", [[1, 2, 5], (1, 2, 5), np.array([1, 2, 5], np.float32)])
def test_an_array_has_a_weight_for_each_class(given):
    assert of(given, [0, 2, 1, 2]).tolist() == [1, 5, 2, 5]


def test_a_label_that_a_dict_leaves_out_counts_1():
    assert of({2: 5.0}, [0, 2, 1, 2]).tolist() == [1, 5, 1, 5]
    assert of({np.int64(2): 5.0}, np.array([0, 2], np.uint8)).tolist() == [1, 5]


def test_a_batch_may_have_any_of_the_labels():
    assert of([1, 2, 5], [0, 1, 2], batch=[2, 2, 0]).tolist() == [5, 5, 1]


def test_rows_of_probabilities_have_the_mean_of_their_classes_weights():
    rows = np.array([[1.0, 0.0], [0.25, 0.75]])
    assert of([1, 3], rows).tolist() == [1, 2.5]
    labels = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(of("balanced", one_hot(labels, 2)), of("balanced", labels))
    np.testing.assert_allclose(of({1: 3}, one_hot(labels, 2)), [1, 1, 1, 3])


def test_a_column_of_zeros_and_ones_has_two_classes():
    y = np.array([[0.0], [0.0], [0.0], [1.0]])
    np.testing.assert_allclose(of("balanced", y, BinaryCrossEntropyLoss()), [2 / 3] * 3 + [2])


def test_a_label_that_the_loss_ignores_is_no_class():
    loss = SoftmaxCrossEntropyLoss(ignored_label=-1)
    w = of("balanced", [0, 0, 0, 1, -1, -1], loss)
    np.testing.assert_allclose(w[:4], [2 / 3] * 3 + [2])
    assert of([1, 2], [0, 1, -1], loss)[:2].tolist() == [1, 2]


# ---- in fit

def data(N=120, C=3):
    X = rng(0).standard_normal((N, 5)).astype(np.float32)
    y = np.minimum(rng(1).geometric(0.6, N) - 1, C - 1)
    return X, y


def net(loss=None, seed=2, C=3):
    r = rng(seed)
    return Network([Linear(5, 6, r), ReLU(), Linear(6, C, r)], loss or SoftmaxCrossEntropyLoss())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_steps_are_those_of_the_loss_with_sample_weights(reduction):
    X, y = data()
    ours, theirs = net(SoftmaxCrossEntropyLoss(reduction)), net(SoftmaxCrossEntropyLoss(reduction))
    fit(ours, Batches(X, y, 50, shuffle=False), epochs=2, optimizer=SGD(0.01), class_weights=[1, 2, 4])
    w = np.array([1.0, 2.0, 4.0])[y]
    for _ in range(2):
        for start in (0, 50, 100):
            some = slice(start, start + 50)
            theirs.loss(theirs.scores(X[some]), y[some], w[some])
            SGD(0.01).step(theirs.parameters, theirs.gradients())
    for name, W in ours.parameters.items():
        assert np.array_equal(W, theirs.parameters[name])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_of_the_history_is_the_weighted_mean_and_what_is_measured_is_not_weighted(reduction):
    X, y = data()
    network = net(SoftmaxCrossEntropyLoss(reduction))
    history = fit(network, (X, y), (X, y), epochs=1, batch_size=50, optimizer=SGD(0.0),
                  class_weights=[1, 2, 4])
    each = -np.log(network.predict(X)[np.arange(len(y)), y])
    w = np.array([1.0, 2.0, 4.0])[y]
    assert history.loss == pytest.approx([np.average(each, weights=w)], rel=1e-5)
    assert history.validation_loss == pytest.approx([each.mean()], rel=1e-5)
    assert history.correct == history.validation_correct


def test_the_walk_throughs_network_takes_class_weights():
    X = rng(0).random((60, 784), np.float32)
    history = fit(NeuralNet(rng=rng(0)), (X, np.arange(60) % 3), epochs=2, class_weights="balanced", rng=rng(0))
    plain = fit(NeuralNet(rng=rng(0)), (X, np.arange(60) % 3), epochs=2, rng=rng(0))
    assert history.loss == pytest.approx(plain.loss, rel=1e-5)      # they are balanced already


def test_balanced_weights_find_the_rare_class():
    r = rng(0)
    y = (r.random(2000) < 0.03).astype(int)
    X = (r.standard_normal((2000, 5)) + 0.8 * y[:, None]).astype(np.float32)
    found = {}
    for weights in (None, "balanced"):
        network = net(C=2)
        fit(network, (X, y), epochs=10, class_weights=weights, rng=rng(1), optimizer=SGD(0.1))
        found[weights] = (network.predict(X).argmax(axis=1) == y)[y == 1].mean()
    assert found["balanced"] > 0.8 > 0.5 > found[None]


def test_the_weights_of_a_share_are_those_of_the_rest():
    X, y = data()
    y[0] = 2
    history = fit(net(), (X, y), validation=0.2, epochs=1, class_weights="balanced", rng=rng(0))
    assert len(history.validation_loss) == 1


# ---- refused

class Plain(Loss):
    def forward(self, scores, targets):
        self.cache = scores
        return scores, 1.0

    def bp_input(self, grad=1.0):
        return 0 * self.cached()


class NoLossOfOurs:
    def __call__(self, scores, targets):
        return scores, 1.0

    def bp_input(self, grad=1.0):
        return 0


@pytest.mark.parametrize("loss", [Plain(), NoLossOfOurs()])
def test_a_loss_that_takes_no_weights_is_named(loss):
    with pytest.raises(TypeError, match=f"^fit: got class_weights, and {type(loss).__name__} takes no sample_weight"):
        fit(net(loss), data(), epochs=1, class_weights="balanced")


def test_a_regression_has_no_classes():
    X, _ = data()
    with pytest.raises(TypeError, match=r"^fit: .*neither labels \(N,\) nor rows of probabilities.*no classes"):
        fit(net(MeanSquaredErrorLoss()), (X, X[:, :3]), epochs=1, class_weights="balanced")


@pytest.mark.parametrize("given, error, message", [
    ("even", ValueError, "got class_weights='even', wanted \"balanced\", an array"),
    ([1, 2], ValueError, "got 2 class_weights and the label 2 in train"),
    ([[1, 2, 3]], ValueError, r"got an array of shape \(1, 3\) as class_weights"),
    (2.0, ValueError, r"got an array of shape \(\) as class_weights"),
    ([1, -1, 1], ValueError, "wanted finite numbers, none below 0"),
    ([1, np.nan, 1], ValueError, "wanted finite numbers"),
    ([1, np.inf, 1], ValueError, "wanted finite numbers"),
    ([0, 0, 0], ValueError, "not all 0"),
    (["a", "b", "c"], TypeError, "class_weights: got an array of <U1, wanted real numbers"),
    ({5: 2.0}, ValueError, "class_weights for the label 5, wanted those of train: 0, 1, 2"),
    ({"1": 2.0}, ValueError, "class_weights for the label '1'"),
    ({1: None}, TypeError, "wanted real numbers"),
    ({1: -1.0}, ValueError, "none below 0"),
])
def test_what_are_no_class_weights_is_named_before_the_training(given, error, message):
    network, start = net(), net()
    with pytest.raises(error, match=f"^fit: .*{message}"):
        fit(network, data(), epochs=1, class_weights=given)
    assert np.array_equal(network.layers[0].W, start.layers[0].W)


def test_a_batch_in_which_nothing_counts_is_an_error():
    with pytest.raises(ValueError, match="^fit: got class_weights that are 0 for all examples of a batch"):
        fit(net(), data(), epochs=1, batch_size=1, class_weights=[0, 1, 1])
