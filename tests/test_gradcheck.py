"""The checkers must catch every wrong backward, and say where it is wrong."""

import numpy as np
import pytest

from npbp import (
    GradientError,
    Layer,
    Linear,
    Parameter,
    ReLU,
    SoftmaxCrossEntropyLoss,
    check_layer,
    check_loss,
)


class Softmax(Layer):
    """Rows of probabilities: what an upstream gradient of ones is blind to."""

    factor = 1.0

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.cache = e / e.sum(axis=1, keepdims=True)
        return self.cache.copy()

    def bp_input(self, grad):
        p = self.cached()
        return self.factor * p * (grad - (grad * p).sum(axis=1, keepdims=True))


class SevenTimes(Softmax):
    factor = 7.0


class Zero(Softmax):
    factor = 0.0


class Transposed(Linear):
    def bp_input(self, grad):
        return super().bp_input(grad).T


class TransposedSquare(Linear):
    """With as many inputs as outputs, the shape does not give it away."""

    def bp_input(self, grad):
        return grad @ self.W[:-1]


class MeanForSum(Linear):
    def bp_param(self, grad):
        return super().bp_param(grad) / len(grad)


class ForgottenBias(Linear):
    def bp_param(self, grad):
        d_W = super().bp_param(grad)
        d_W[-1] = 0
        return d_W


class MaskFromTheGradient(ReLU):
    def bp_input(self, grad):
        return grad * (grad > 0)


class OneEntry(Linear):
    def bp_param(self, grad):
        d_W = super().bp_param(grad)
        d_W[2, 1] += 1e-3
        return d_W


class NotANumber(ReLU):
    def bp_input(self, grad):
        d_x = super().bp_input(grad)
        d_x[3, 2] = np.nan
        return d_x


class Forgetful(ReLU):
    """The second call finds the cache spent."""

    def bp_input(self, grad):
        d_x = super().bp_input(grad)
        self.cache = np.zeros_like(self.cache)
        return d_x


class WritesIntoItsInput(ReLU):
    def forward(self, x):
        super().forward(x)
        np.maximum(x, 0, out=x)
        return x.copy()


class WritesIntoTheGradient(ReLU):
    def bp_input(self, grad):
        grad *= self.cached() > 0
        return grad


def test_a_right_layer_passes_with_an_error_far_below_the_tolerance():
    assert check_layer(Softmax(), (7, 5)) < 1e-8
    assert check_layer(Linear(5, 3), (7, 5)) < 1e-8


@pytest.mark.parametrize(
    "layer, shape, where",
    [
        (SevenTimes(), (7, 5), r"SevenTimes\.bp_input: the worst entry is \[\d, \d\]"),
        (Zero(), (7, 5), r"Zero\.bp_input: the worst entry is \[\d, \d\]: -?0, but"),
        (Transposed(5, 3), (7, 5), r"Transposed\.bp_input: .*\(5, 7\), wanted \(7, 5\)"),
        (TransposedSquare(5, 5), (7, 5), r"TransposedSquare\.bp_input: the worst entry"),
        (MeanForSum(5, 3), (7, 5), r"MeanForSum\.bp_param, W: the worst entry is \[\d, \d\]"),
        (ForgottenBias(5, 3), (7, 5), r"ForgottenBias\.bp_param, W: the worst entry is \[5, \d\]"),
        (MaskFromTheGradient(), (7, 5), r"MaskFromTheGradient\.bp_input: the worst entry"),
        (OneEntry(5, 3), (7, 5), r"bp_param, W: the worst entry is \[2, 1\]:.* 1 of 18 entries"),
        (NotANumber(), (7, 5), r"bp_input: the worst entry is \[3, 2\]: nan"),
        (Forgetful(), (7, 5), "a second call gives another gradient"),
        (WritesIntoItsInput(), (7, 5), "writes into its input"),
        (WritesIntoTheGradient(), (7, 5), "writes into its input"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_a_wrong_layer_is_caught_and_the_worst_entry_named(layer, shape, where):
    with pytest.raises(GradientError, match=where):
        check_layer(layer, shape)


@pytest.mark.parametrize("seed", range(20))
def test_a_wrong_layer_is_caught_whatever_the_seed(seed):
    rng = np.random.default_rng(seed)
    for layer in (SevenTimes(), Zero(), MaskFromTheGradient(), MeanForSum(4, 3), TransposedSquare(4, 4)):
        with pytest.raises(GradientError):
            check_layer(layer, (5, 4), rng)


def test_one_wrong_entry_among_many_is_seen_along_the_random_directions():
    class Large(Layer):
        w = Parameter()

        def __init__(self):
            self.w = np.ones(100_000)

        def forward(self, x):
            self.cache = self.batch(x)
            return x + self.w.sum() / 1000

        def bp_input(self, grad):
            return grad

        def bp_param(self, grad):
            d_w = np.full(100_000, grad.sum() / 1000)
            d_w[77_777] += 10
            return d_w

    with pytest.raises(GradientError, match=r"Large\.bp_param, w"):
        check_layer(Large(), (3, 2))


class TwoParameters(Layer):
    """y = a x + b, with the ``bp_param`` it is given."""

    a, b = Parameter(), Parameter()

    def __init__(self, bp_param):
        self.a, self.b, self.bp_param = np.full(5, 2.0), np.ones(5), bp_param

    def forward(self, x):
        return x * self.a + self.b

    def bp_input(self, grad):
        return grad * self.a


@pytest.mark.parametrize(
    "returned",
    [None, (np.zeros(5),), np.zeros((2, 5)), (np.zeros(5), np.zeros(5), np.zeros(5))],
    ids=["None", "one", "an array", "three"],
)
def test_a_forgotten_gradient_of_two_is_caught(returned):
    with pytest.raises(GradientError, match=r"wanted a tuple of 2 gradients, one for each of a, b"):
        check_layer(TwoParameters(lambda grad: returned), (7, 5))


@pytest.mark.parametrize(
    "x, message",
    [
        ((0, 5), r"got an input of shape \(0, 5\), wanted some numbers"),
        (np.zeros((7, 0)), "wanted some numbers"),
        (np.full((2, 3), np.nan), "wanted finite numbers"),
        (np.full((2, 3), np.inf), "wanted finite numbers"),
    ],
)
def test_an_input_that_nothing_can_be_checked_at_is_an_error_and_no_pass(x, message):
    with pytest.raises(ValueError, match=message):
        check_layer(ReLU(), x)
    with pytest.raises(ValueError, match=message):
        check_loss(SoftmaxCrossEntropyLoss(), x, np.zeros(len(x), int))


def test_a_class_in_place_of_an_object_is_named():
    with pytest.raises(TypeError, match=r"check_layer: got the class ReLU.*as in ReLU\(\)"):
        check_layer(ReLU, (7, 5))
    with pytest.raises(TypeError, match="check_loss: got the class SoftmaxCrossEntropyLoss"):
        check_loss(SoftmaxCrossEntropyLoss, (4, 3), np.array([0, 2, 1, 2]))


class LossOf(SoftmaxCrossEntropyLoss):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def bp_input(self, grad=1.0):
        return self.change(super().bp_input(grad), grad)


@pytest.mark.parametrize(
    "change",
    [
        lambda d, grad: 7 * d,
        lambda d, grad: 0 * d,
        lambda d, grad: d * len(d),
        lambda d, grad: d / grad,
        lambda d, grad: d.T,
        lambda d, grad: d * (d > 0),
    ],
    ids=["seven times", "zero", "sum for mean", "upstream ignored", "transposed", "masked"],
)
def test_a_wrong_loss_is_caught(change):
    with pytest.raises(GradientError, match=r"LossOf\.bp_input: the"):
        check_loss(LossOf(change), (4, 3), np.array([0, 2, 1, 2]))


def test_the_layer_the_input_and_the_targets_are_left_as_they_were():
    layer = Linear(5, 3)
    x = np.random.default_rng(0).standard_normal((7, 5))
    W0, x0 = layer.W.copy(), x.copy()
    check_layer(layer, x)
    assert np.array_equal(layer.W, W0) and layer.W.dtype == np.float32 and layer.cache is None
    assert np.array_equal(x, x0)
    loss, labels = SoftmaxCrossEntropyLoss(), np.array([0, 1, 2])
    check_loss(loss, (3, 4), labels)
    assert labels.tolist() == [0, 1, 2] and loss.cache is None
