"""The checkers must catch every wrong backward, and say where it is wrong."""

import warnings

import numpy as np
import pytest
from own_layers import Centre, Noise, Pair, Shared, Sum

from npbp import (
    GradientError,
    Layer,
    Linear,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    SoftmaxCrossEntropyLoss,
    check_layer,
    check_loss,
    gradcheck,
    graph,
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


# ---- what is drawn


class MeanSquares:
    """A loss of no base class, whose gradient is ``change`` of the right one."""

    def __init__(self, change=lambda d: d, returned=lambda p, squares: (p, squares.mean())):
        self.change, self.returned = change, returned

    def __call__(self, prediction, targets):
        self.d = prediction - targets
        return self.returned(prediction, self.d**2)

    def bp_input(self, grad=1.0):
        return self.change(grad * 2 * self.d / self.d.size)


@pytest.mark.parametrize("seed", [0, 1, 6])
@pytest.mark.parametrize("given", [lambda seed: None, int, np.int64, np.random.default_rng])
def test_targets_drawn_from_the_same_seed_are_not_the_scores(seed, given):
    for targets in (
        np.random.default_rng(seed).standard_normal((4, 3)),
        np.random.default_rng(seed).standard_normal((5, 3))[1:],
    ):
        assert 0 < check_loss(MeanSquares(), (4, 3), targets, given(seed)) < 1e-6
        with pytest.raises(GradientError, match="2 times"):
            check_loss(MeanSquares(lambda d: 2 * d), (4, 3), targets, given(seed))


@pytest.mark.parametrize("seed", [0, 1, 6])
def test_an_input_drawn_from_the_same_seed_is_not_the_upstream_gradient(seed):
    """If it were, a mask taken from the gradient would be right."""
    x = np.random.default_rng(seed).standard_normal((7, 5))
    for rng in (None, seed, np.random.default_rng(seed)):
        with pytest.raises(GradientError, match="MaskFromTheGradient"):
            check_layer(MaskFromTheGradient(), x, rng)


def test_a_seed_does_as_its_generator_and_without_one_each_call_is_the_same():
    assert check_layer(Softmax(), (7, 5), 3) == check_layer(Softmax(), (7, 5), np.random.default_rng(3))
    assert check_layer(Softmax(), (7, 5)) == check_layer(Softmax(), (7, 5))
    rng = np.random.default_rng(3)
    assert check_layer(Softmax(), (7, 5), rng) != check_layer(Softmax(), (7, 5), rng)


@pytest.mark.parametrize("rng", ["a", -1, 1.5, True, np.random.RandomState(0)], ids=repr)
def test_what_draws_no_numbers_is_refused_as_rng(rng):
    with pytest.raises(TypeError, match=r"check_layer: got .* as rng, wanted numpy.random.default_rng"):
        check_layer(ReLU(), (7, 5), rng)
    with pytest.raises(TypeError, match=r"check_loss: got .* as rng, wanted numpy.random.default_rng"):
        check_loss(SoftmaxCrossEntropyLoss(), (2, 3), [0, 1], rng)


# ---- zeros


class Embedding(Layer):
    """Rows of W; x are their numbers."""

    W = Parameter()

    def __init__(self):
        self.W = np.random.default_rng(0).standard_normal((10, 4))

    def forward(self, x):
        self.cache = np.array(x)
        return self.W[self.cache.astype(int)]

    def bp_input(self, grad):
        return np.zeros_like(self.cache)

    def bp_param(self, grad):
        d_W = np.zeros_like(self.W)
        np.add.at(d_W, self.cache.astype(int), grad)
        return d_W


ROWS = np.array([[1, 2, 3], [3, 3, 0]])


def test_a_gradient_that_is_zero_everywhere_checks_nothing_and_is_refused():
    zero = "the gradient is zero everywhere at this point, so nothing is checked"
    scores = np.random.default_rng(0).standard_normal((4, 3))
    with pytest.raises(GradientError, match=f"ReLU.bp_input: {zero}.*choose another x"):
        check_layer(ReLU(), np.array([[-1.0, -2.0], [-3.0, -4.0]]))
    for change in (lambda d: d, lambda d: 7 * d):
        with pytest.raises(GradientError, match=f"MeanSquares.bp_input: {zero}.*other targets"):
            check_loss(MeanSquares(change), scores, scores)
    with pytest.raises(GradientError, match=zero):  # the only class has the probability 1
        check_loss(SoftmaxCrossEntropyLoss(), (4, 1), [0, 0, 0, 0])
    layer = Linear(5, 3)
    layer.W[...] = 0
    with pytest.raises(GradientError, match=f"Linear.bp_input: {zero}"):
        check_layer(layer, (7, 5))
    with pytest.raises(GradientError, match=f"Embedding.bp_input: {zero}.*zero=..bp_input"):
        check_layer(Embedding(), ROWS + 0.5)


def test_a_gradient_lost_in_rounding_is_not_taken_for_checked():
    class Flat(Layer):
        def forward(self, x):
            return 5 + self.slope * x

        def bp_input(self, grad):
            return 2 * self.slope * grad

    layer = Flat()
    layer.slope = np.float32(1e-15)
    with pytest.raises(GradientError, match="too small to be told from rounding"):
        check_layer(layer, (7, 5))
    layer.slope = np.float32(2e-12)  # known to a tenth or so: that checks nothing
    with pytest.raises(GradientError, match="too small to be told from rounding|the worst entry"):
        check_layer(layer, (7, 5))
    layer.bp_input = lambda grad: layer.slope * grad
    with pytest.raises(GradientError, match="too small to be told from rounding"):
        check_layer(layer, (7, 5))
    del layer.bp_input
    for slope in (1e-7, 1e-9):
        layer.slope = np.float32(slope)
        with pytest.raises(GradientError, match="Flat.bp_input: the worst entry"):
            check_layer(layer, (7, 5))


@pytest.mark.parametrize("zero", ["bp_input", ["bp_input"], ("bp_input",)])
@pytest.mark.parametrize("x", [ROWS, ROWS + 0.5])
def test_a_gradient_said_to_be_zero_by_nature_may_be_and_the_others_are_checked(x, zero):
    assert check_layer(Embedding(), x, zero=zero) < 1e-6

    class Assigns(Embedding):
        def bp_param(self, grad):  # a row that is taken twice gets one of its gradients
            d_W = np.zeros_like(self.W)
            d_W[self.cache.astype(int)] = grad
            return d_W

    with pytest.raises(GradientError, match=r"Assigns.bp_param, W: the worst entry is \[3, \d\]"):
        check_layer(Assigns(), x, zero=zero)

    class Ones(Embedding):
        def bp_input(self, grad):
            return np.ones_like(self.cache)

    with pytest.raises(GradientError, match=r"Ones.bp_input: .*(wanted zeros|finite difference is 0)"):
        check_layer(Ones(), x, zero=zero)


def test_a_parameter_said_to_be_zero_by_nature_may_be():
    class Unused(Linear):
        a = Parameter()

        def __init__(self):
            super().__init__(5, 3)
            self.a = np.ones(2)

        def bp_param(self, grad):
            return super().bp_param(grad), np.zeros_like(self.a)

    with pytest.raises(GradientError, match=r"Unused.bp_param, a: .*zero=\['a'\]"):
        check_layer(Unused(), (7, 5))
    assert check_layer(Unused(), (7, 5), zero=["a"]) < 1e-6
    with pytest.raises(ValueError, match="check_layer: got zero='b', wanted names among bp_input, W, a"):
        check_layer(Unused(), (7, 5), zero=["b"])


def test_a_parameter_without_entries_is_no_zero():
    class Empty(Linear):
        a = Parameter()

        def __init__(self):
            super().__init__(5, 3)
            self.a = np.ones((0, 2))

        def bp_param(self, grad):
            return super().bp_param(grad), np.zeros_like(self.a)

    assert check_layer(Empty(), (7, 5)) < 1e-6


# ---- what kind of fault


class Squares(Layer):
    """y = x^2, and a gradient that is ``change`` of the right one."""

    def __init__(self, change=lambda d: d):
        self.change = change

    def forward(self, x):
        self.cache = x
        return x**2

    def bp_input(self, grad):
        return self.change(2 * grad * self.cached())


def shifted(d):
    return np.concatenate([np.zeros_like(d[:1]), d[:-1]])


@pytest.mark.parametrize(
    "change, kind",
    [
        (lambda d: d / 2, "every entry is 0.5 times the difference$"),
        (lambda d: -3.5 * d, "every entry is -3.5 times the difference$"),
        (lambda d: 11 * d, "every entry is 11 times the difference$"),
        (lambda d: -d, "the sign is wrong, all else is right$"),
        (lambda d: d / 7, "every entry is 1/7 times the difference: is it the mean over the batch, as N is 7, where"
                          " it should be the sum"),
        (lambda d: -7 * d, "every entry is -7 times the difference: is it the sum over the batch, as N is 7, where"
                           " it should be the mean"),
        (lambda d: d / 5, "every entry is 1/5 times the difference: is it the mean over a row of 5 where it"),
        (lambda d: 35 * d, "every entry is 35 times the difference: is it the sum over all 35 entries where it"),
        (lambda d: 0 * d, "it is zero everywhere$"),
        (lambda d: d * np.inf, "it has a NaN or an infinity, where the forward has none$"),
        (lambda d: d[::-1], "along axis 0 it is in reverse order$"),
        (lambda d: d[:, ::-1], "along axis 1 it is in reverse order$"),
        (shifted, "along axis 0 it is shifted by one$"),
        (lambda d: shifted(d[::-1])[::-1], "along axis 0 it is shifted by one$"),
        (lambda d: shifted(d.T).T, "along axis 1 it is shifted by one$"),
        (lambda d: d.T.reshape(d.shape), "its entries are right, but in another order$"),
        (lambda d: d + d.dtype.type(0.25), "it is right but for 0.25, added to every entry$"),
        (lambda d: d * (np.arange(len(d)) < 6)[:, None], "only row 6, the last, differs: it is zero every"),
        (lambda d: d * (np.arange(5) != 2), "only column 2 differs: it is zero everywhere$"),
        (lambda d: d * np.where(np.arange(5) != 2, 1, 3), "only column 2 differs: every entry is 3 times"
                                                          " the difference$"),
        (lambda d: np.where(d > 0, d, 0), "it is 0 where it should not be, the rest is right: does a mask"),
    ],
)  # fmt: skip
def test_the_kind_of_fault_is_said_where_it_shows(change, kind):
    with pytest.raises(GradientError, match=r"Squares.bp_input: the worst entry.*: " + kind):
        check_layer(Squares(change), np.random.default_rng(1).standard_normal((7, 5)))


@pytest.mark.parametrize(
    "layer, shape, kind",
    [
        (Transposed(5, 3), (7, 5), r"shape \(5, 7\), wanted \(7, 5\).*: is it transposed\?"),
        (ForgottenBias(5, 3), (7, 5), "only row 5, the last, differs: it is zero everywhere"),
        (MeanForSum(5, 3), (7, 5), "1/7 times the difference: is it the mean over the batch"),
        (SevenTimes(), (7, 5), "7 times the difference: is it the sum over the batch"),
        (OneEntry(5, 3), (7, 5), "1 of 18 entries differ$"),
        (MaskFromTheGradient(), (7, 5), "entries differ$"),
        (TransposedSquare(5, 5), (7, 5), "entries differ$"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_the_kind_of_fault_of_a_layer_is_said(layer, shape, kind):
    with pytest.raises(GradientError, match=kind):
        check_layer(layer, shape)


def test_a_missing_mask_is_told_from_one_that_covers_too_much():
    class NoMask(ReLU):
        def bp_input(self, grad):
            return grad

    with pytest.raises(GradientError, match="where it should be 0 it is not, .*: is a mask missing"):
        check_layer(NoMask(), (7, 5))


@pytest.mark.parametrize(
    "axes, shape",
    [((1, 0), (4, 4)), ((1, 0, 2), (4, 4, 3)), ((0, 2, 1), (3, 4, 4)), ((2, 1, 0), (4, 3, 4))],
)
def test_a_transpose_is_seen_where_sizes_are_equal_too(axes, shape):
    n = np.random.default_rng(0).standard_normal(shape)
    i, j = [k for k in range(len(axes)) if axes[k] != k]
    assert gradcheck.diagnosis(n.transpose(axes), n, 4) == (
        f"it is the transpose: axes {i} and {j} are swapped"
    )


def test_a_forward_that_does_not_use_a_parameter_is_said_to():
    class Unused(Layer):
        a = Parameter()

        def __init__(self):
            self.a = np.ones(5)

        def forward(self, x):
            return 2 * x

        def bp_input(self, grad):
            return 2 * grad

        def bp_param(self, grad):
            return grad.sum(axis=0)

    with pytest.raises(GradientError, match=r"bp_param, a: .*: J does not change with it at all: does the"):
        check_layer(Unused(), (7, 5))


SHAPES = [(1,), (2,), (3,), (1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (4, 4), (7, 5), (3, 3, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_random_wrong_gradients_are_like_no_fault(shape):
    """A false lead is worse than none."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, n = rng.standard_normal((2, *shape))
        assert gradcheck.diagnosis(a, n, shape[0]) == ""
        mask = rng.random(shape) < 0.5  # zeros in both, each with its own
        a, n = a * (rng.random(shape) < 0.5), n * mask
        if a.any() and n.any() and not np.array_equal(a == 0, n == 0):
            assert gradcheck.diagnosis(a + 0.1 * (a != 0), n, shape[0]) == ""
        wrong = n + 0.1 * rng.standard_normal(shape)
        if n.any():
            assert gradcheck.diagnosis(wrong, n, shape[0]) == ""


def test_where_two_kinds_fit_or_nothing_is_wrong_no_more_is_said_than_is_true():
    n = np.random.default_rng(0).standard_normal((7, 5))
    assert gradcheck.diagnosis(n, n, 7) == ""
    assert gradcheck.diagnosis(n * (1 + 2e-6), n, 7) == ""  # as good as right
    assert gradcheck.diagnosis(n, n * np.nan, 7) == ""
    assert gradcheck.diagnosis(2 * n[:2], n[:2], 2) == "every entry is 2 times the difference"
    assert gradcheck.diagnosis(np.array([1.0, 2, 3]), np.array([0.0, 0, 3]), 3) == ""  # one is right
    one = np.array([2.0])
    assert gradcheck.diagnosis(3 * one, one, 3) == ""  # of one number any other is a multiple
    assert gradcheck.diagnosis(np.array([3.0, 3.0]), np.array([2.0, 0.0]), 2) == ""
    two = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert gradcheck.diagnosis(two + [[0, 0], [0, 1]], two, 2) == ""  # one entry is no row
    spread = np.zeros((4, 3))
    spread[3] = 1, 2, 3
    assert gradcheck.diagnosis(np.eye(4, 3), spread, 4) == ""  # zeros that match shifted zeros


@pytest.mark.parametrize(
    "found, cause",
    [
        ((7, 6, 3), "is the sum over the batch missing"),
        ((3, 6), "is it transposed"),
        ((3,), "is the batch's axis missing"),
        ((5, 3), "is the last row missing, that of the bias"),
        ((6, 1, 3), "is an axis of length 1 too much, or one too few"),
        ((18,), "is a reshape missing"),
        ((), None),
        ((7, 3), None),
    ],
)
def test_a_wrong_shape_is_said_with_its_likely_cause(found, cause):
    class Shaped(Linear):
        def bp_param(self, grad):
            return np.zeros(found)

    with pytest.raises(GradientError) as error:
        check_layer(Shaped(5, 3), (7, 5))
    message = f"Shaped.bp_param, W: the gradient has the shape {found}, wanted (6, 3), the shape of what it"
    assert str(error.value).startswith(message)
    assert str(error.value).endswith(f": {cause}?" if cause else "gradient of")


# ---- what is returned


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda d: None, r"got None, wanted a plain array: is its `return` missing\?"),
        (lambda d: d.tolist(), "got a list of 7, wanted a plain array"),
        (lambda d: (d,), "got a tuple of 1, wanted a plain array"),
        (lambda d: 3.0, "got the float 3.0, wanted a plain array"),
        (lambda d: d.sum(), r"the shape \(\), wanted \(7, 5\)"),
        (lambda d: graph.Variable(d), "got a Variable, wanted a plain array"),
        (lambda d: np.ma.array(d), "got a MaskedArray, wanted a plain array"),
        (lambda d: np.ndarray.view(d, np.matrix), "got a matrix, wanted a plain array"),
        (lambda d: d + 0j, "got an array of type complex128 where all else is float64, wanted float64"),
        (lambda d: d.astype(object), "got an array of type object where all else is float64"),
        (lambda d: d.astype(np.float32), "got an array of type float32 where all else is float64"),
        (lambda d: d.astype(int), "got an array of type int64 where all else is float64"),
        (lambda d: d > 0, "got an array of type bool where all else is float64"),
    ],
)
def test_a_backward_or_forward_that_returns_no_array_of_its_type_is_said_to(change, message):
    with pytest.raises(GradientError, match=r"Squares\.bp_input: .*" + message):
        check_layer(Squares(change), (7, 5))

    class Forward(Squares):
        def forward(self, x):
            return change(super().forward(x))

    if "shape" not in message:
        with pytest.raises(GradientError, match=r"Forward\.forward: " + message):
            check_layer(Forward(), (7, 5))


@pytest.mark.parametrize("returned, message", [
    (lambda d_W: None, "got None, wanted a plain array: is its `return` missing"),
    (lambda d_W: (d_W,), "got a tuple of 1, wanted a plain array")])
def test_a_bp_param_that_returns_no_array_is_said_to(returned, message):
    class Returns(Linear):
        def bp_param(self, grad):
            return returned(super().bp_param(grad))

    with pytest.raises(GradientError, match=rf"Returns\.bp_param, W: {message}"):
        check_layer(Returns(5, 3), (7, 5))


def test_a_parameter_that_is_one_number_has_a_number_as_gradient():
    class Scale(Layer):
        a = Parameter()

        def __init__(self):
            self.a = 2.0

        def forward(self, x):
            self.cache = x
            return x * self.a

        def bp_input(self, grad):
            return grad * self.a

        def bp_param(self, grad):
            return (grad * self.cached()).sum()

    assert check_layer(Scale(), (7, 5)) < 1e-6


@pytest.mark.parametrize(
    "returned, message",
    [
        (lambda p, s: s.mean(), r"got the float\d* .* from MeanSquares, wanted \(prediction, number\)$"),
        (lambda p, s: None, r"got None from MeanSquares, .*is its `return` missing"),
        (lambda p, s: (p, s.mean(), s), "got a tuple of 3 from MeanSquares"),
        (lambda p, s: [p, s.mean()], "got a list of 2 from MeanSquares"),
        (lambda p, s: (p, s), r"got an array of shape \(4, 3\), .*is the sum or the mean over the batch"),
        (lambda p, s: (p, s[:1, 0]), r"got an array of shape \(1,\), .*is the sum or the mean"),
        (lambda p, s: (s.mean(), p), "are they in the wrong order"),
        (lambda p, s: (p, s.mean() + 0j), "got the complex.* wanted a real one$"),
        (lambda p, s: (p, "a"), "got the str 'a' as the number .* wanted a real one$"),
        (lambda p, s: (p, None), "got None as the number .* wanted a real one$"),
        (lambda p, s: (p, graph.Variable(s.mean())), "got a Variable as the number"),
    ],
)
def test_a_loss_that_returns_no_prediction_and_number_is_said_to(returned, message):
    with pytest.raises(GradientError, match="check_loss: .*" + message):
        check_loss(MeanSquares(returned=returned), (4, 3), np.ones((4, 3)))


@pytest.mark.parametrize("number", [float, np.float64, np.array, lambda n: np.float64(n)[()]])
def test_a_number_of_any_kind_is_one(number):
    loss = MeanSquares(returned=lambda p, s: (None, number(s.mean())))
    assert check_loss(loss, (4, 3), np.ones((4, 3))) < 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_forward_that_is_not_finite_has_nothing_to_compare_with(bad):
    with pytest.raises(GradientError, match="MeanSquares: got NaN or infinity from the forward"):
        check_loss(MeanSquares(returned=lambda p, s: (p, bad)), (4, 3), np.ones((4, 3)))

    class Bad(Squares):
        def forward(self, x):
            return super().forward(x) * bad

    with pytest.raises(GradientError, match="Bad: got NaN or infinity from the forward"):
        check_layer(Bad(), (7, 5))


# ---- what is passed in


def test_what_is_no_layer_or_loss_is_named():
    class Half:
        def forward(self, x):
            return x

    for value, got in (
        (None, "None"),
        ("x", "the str 'x' without forward and bp_input"),
        (abs, "the builtin_function_or_method abs without forward and bp_input"),
        (np.zeros(3), r"an array of shape \(3,\), float64 without forward and bp_input"),
        (Half(), "a Half without bp_input"),
    ):
        with pytest.raises(TypeError, match=f"check_layer: got {got}, wanted a layer: an object with"):
            check_layer(value, (7, 5))
    for value, got in ((None, "None"), (abs, "the builtin.* abs without bp_input"), (3, "the int 3 without")):
        with pytest.raises(TypeError, match=f"check_loss: got {got}.*, wanted a loss: it is called"):
            check_loss(value, (4, 3), [0, 1, 2, 0])


def test_a_loss_given_as_a_layer_or_a_layer_as_a_loss_is_said_to_be():
    with pytest.raises(TypeError, match="forward does not take 1 argument, .*is it one for check_loss"):
        check_layer(SoftmaxCrossEntropyLoss(), (7, 5))
    with pytest.raises(TypeError, match="__call__ does not take 2 arguments, .*is it one for check_layer"):
        check_loss(ReLU(), (7, 5), np.zeros(7))


def test_what_the_forward_raises_comes_through():
    with pytest.raises(ValueError, match=r"Linear.*got an input of shape \(7, 5\), wanted \(N, 4\)"):
        check_layer(Linear(4, 3), (7, 5))


@pytest.mark.parametrize(
    "x, error, message",
    [
        ((-7, 5), ValueError, r"got the shape \(-7, 5\), wanted \(N, ...\), of sizes from 1"),
        ((), ValueError, r"got the shape \(\), wanted"),
        ((7.0, 5), TypeError, r"got the tuple \(7.0, 5\), wanted a shape, of whole numbers, or an array"),
        ((True, 5), TypeError, "got the tuple"),
        (7, ValueError, r"got the input 7, wanted \(N, ...\), an array or its shape: the first axis is"),
        (None, TypeError, "got None as input, of type object, wanted real numbers"),
        ("abc", TypeError, "got the str 'abc' as input"),
        ([[1, 2], [3]], (TypeError, ValueError), "got a list of 2 as input"),
        (np.ones((2, 3)) + 1j, TypeError, "of type complex128, wanted real numbers"),
        (np.ones((2, 3), bool), TypeError, "of type bool, wanted real numbers"),
        (np.ones((2, 3), object), TypeError, "of type object, wanted real numbers"),
        (np.ma.array([[1.0, 2.0]]), TypeError, "got a masked array, wanted a plain one"),
        (graph.Variable([[1.0, 2.0]]), TypeError, "got a Variable as input"),
    ],
    ids=str,
)
def test_an_input_that_is_none_is_refused_by_name(x, error, message):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # before 1.24, NumPy warns of rows of unequal length
        with pytest.raises(error, match="check_layer: .*" + message):
            check_layer(Squares(), x)
        with pytest.raises(error, match="check_loss: .*" + message):
            check_loss(MeanSquares(), x, np.ones((2, 3)))


@pytest.mark.parametrize(
    "x",
    [
        [[1, 2, 3], [4, 5, 6]],
        ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),
        np.arange(1, 7).reshape(2, 3),
        np.arange(1, 7, dtype=np.uint8).reshape(2, 3),
        np.arange(1, 7, dtype=np.float32).reshape(3, 2).T,
        (np.int64(2), np.int32(3)),
        [1.0, 2.0],
        (3,),
    ],
    ids=str,
)
def test_numbers_of_any_kind_are_an_input(x):
    assert check_layer(Squares(), x) < 1e-6
    with pytest.raises(GradientError, match="0.5 times"):
        check_layer(Squares(lambda d: d / 2), x)
    assert check_loss(MeanSquares(), x, 0.25) < 1e-6


@pytest.mark.parametrize("targets", [[0, 2, 1, 2], (0, 2, 1, 2), np.array([0, 2, 1, 2], np.int8)])
def test_labels_of_any_kind_are_targets(targets):
    assert check_loss(SoftmaxCrossEntropyLoss(), (4, 3), targets) < 1e-6


def test_targets_of_any_kind_are_handed_on():
    seen = []

    class Takes(MeanSquares):
        def __call__(self, prediction, targets):
            seen.append(targets)
            return super().__call__(prediction, 1.0)

    for targets in (None, {"a": 1}, "word", [[1], [2, 3]]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert check_loss(Takes(), (4, 3), targets) < 1e-6
        assert type(seen[-1]) in (type(targets), np.ndarray)
        assert targets is None or list(seen[-1]) == list(targets)
    check_loss(Takes(), (4, 3), [1.0, 2.0])
    assert isinstance(seen[-1], np.ndarray)


# ---- layers of no base class, and parameters


class Bare:
    """y = x W, of no base class; ``parameters`` is what it is given."""

    def __init__(self, parameters=lambda layer: {"W": layer.W}, dtype=np.float64):
        self.W = np.random.default_rng(0).standard_normal((5, 3)).astype(dtype)
        self.parameters = parameters(self)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def bp_input(self, grad):
        return grad @ self.W.T

    def bp_param(self, grad):
        return self.x.T @ grad


def test_a_layer_of_no_base_class_is_checked_too():
    assert check_layer(Bare(), (7, 5)) < 1e-6

    class Wrong(Bare):
        def bp_param(self, grad):
            return 2 * super().bp_param(grad)

    with pytest.raises(GradientError, match="Wrong.bp_param, W: .*2 times"):
        check_layer(Wrong(), (7, 5))


@pytest.mark.parametrize("undeclared", ["bare", "layer"])
def test_a_gradient_of_a_weight_that_is_not_declared_is_an_error(undeclared):
    if undeclared == "bare":
        layer = Bare(lambda layer: {})
    else:
        layer = Bare(lambda layer: {})
        del layer.parameters
    for change in (lambda d_W: d_W, lambda d_W: 0 * d_W, lambda d_W: (d_W,)):
        layer.bp_param = lambda grad: change(np.ones((5, 3)))
        with pytest.raises(GradientError, match="Bare.bp_param: got .*, but the layer has no parameters .*W ="):
            check_layer(layer, (7, 5))
    for nothing in (None, (), [], {}):
        layer.bp_param = lambda grad: nothing
        assert check_layer(layer, (7, 5)) < 1e-6


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: Bare(lambda layer: [layer.W]), TypeError, "Bare.parameters: got a list of 1, wanted a dict"),
        (lambda: Bare(lambda layer: {"W": [1.0]}), TypeError, "Bare.W: got a list of 1, wanted a float64"),
        (lambda: Bare(dtype=np.float32), TypeError, "Bare.W: got float32, wanted a float64 array: .*astype"),
        (lambda: Bare(lambda layer: {"W": layer.W * np.nan}), ValueError, "Bare.W: got a NaN"),
    ],
)
def test_parameters_that_cannot_be_moved_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        check_layer(make(), (7, 5))


def test_parameters_that_are_copies_or_have_no_gradient_are_refused():
    class Copies(Bare):
        parameters = property(lambda self: {"W": self.W.copy()}, lambda self, value: None)

    with pytest.raises(TypeError, match="Copies.parameters: got a copy of W, wanted the array itself"):
        check_layer(Copies(), (7, 5))

    class NoParam(Bare):
        @property
        def bp_param(self):
            raise AttributeError

    with pytest.raises(TypeError, match=r"NoParam: got parameters, W, but no bp_param\(grad\)"):
        check_layer(NoParam(), (7, 5))


# ---- what callers rely on


class Randomly(Layer):
    rng = np.random.default_rng(0)

    def forward(self, x):
        self.cache = (self.rng.random(x.shape) > 0.5).astype(x.dtype)
        return x * self.cache

    def bp_input(self, grad):
        return grad * self.cached()


class Drifting(Squares):
    """Its state grows with each forward, a little."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) + x.dtype.type(1e-6 * self.calls)


class ReturnsItsCache(Squares):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def bp_input(self, grad):
        return grad * (1 - self.y**2)


class Remembers(Squares):
    """The gradient is made once for each forward."""

    def forward(self, x):
        self.d = None
        return super().forward(x)

    def bp_input(self, grad):
        if self.d is None:
            self.d = super().bp_input(grad)
        return self.d


class OneBufferForward(Squares):
    buffer = {}

    def forward(self, x):
        y = self.buffer.setdefault((x.shape, x.dtype), np.empty_like(x))
        y[...] = super().forward(x)
        return y


class OneBufferBackward(Squares):
    buffer = {}

    def bp_input(self, grad):
        d = self.buffer.setdefault((grad.shape, grad.dtype), np.empty_like(grad))
        d[...] = super().bp_input(grad)
        return d


class WritesIntoItsWeights(Linear):
    def bp_param(self, grad):
        d_W = super().bp_param(grad)
        self.W -= 0.1 * d_W
        return d_W


class InputBeforeParam(Linear):
    """bp_param reads what bp_input left."""

    def forward(self, x):
        self.left = 0
        return super().forward(x)

    def bp_input(self, grad):
        self.left = grad
        return super().bp_input(grad)

    def bp_param(self, grad):
        return super().bp_param(np.zeros_like(grad) + self.left)


class InMemorysOrder(Squares):
    def forward(self, x):
        return super().forward(x).ravel("K").reshape(x.shape)


class BackwardInMemorysOrder(Squares):
    def bp_input(self, grad):
        return 2 * self.cached() * grad.ravel("K").reshape(grad.shape)


class ReshapesInPlace(Squares):
    def forward(self, x):
        if not x.flags.c_contiguous:
            raise AttributeError("incompatible shape for in-place modification")
        return super().forward(x)


class ForwardInFloat64(Squares):
    def forward(self, x):
        return super().forward(x) * np.ones(x.shape)


class BackwardInFloat64(Squares):
    def bp_input(self, grad):
        return super().bp_input(grad) * np.ones(grad.shape)


class ParamInFloat64(Linear):
    def bp_param(self, grad):
        return super().bp_param(grad).astype(np.float64)


class Squeezes(Squares):
    def bp_input(self, grad):
        return super().bp_input(grad).squeeze()


class NeedsTwo(Squares):
    def forward(self, x):
        if len(x) < 2:
            raise RuntimeError("wanted two examples")
        return super().forward(x)


@pytest.mark.parametrize(
    "layer, message",
    [
        (Randomly(), "Randomly: a second forward at the same x gives another output: is it random"),
        (Drifting(), "Drifting: a second forward at the same x gives another output"),
        (ReturnsItsCache(), "ReturnsItsCache.forward returns an array that is still used: .*return a copy"),
        (Remembers(), "Remembers.bp_input returns an array that is still used"),
        (OneBufferForward(), "OneBufferForward.forward returns the same memory again, .*a new array"),
        (OneBufferBackward(), "OneBufferBackward.bp_input returns the same memory again"),
        (WritesIntoItsInput(), "WritesIntoItsInput: the forward writes into its input, x$"),
        (WritesIntoTheGradient(), "the backward writes into its input, the upstream gradient$"),
        (WritesIntoItsWeights(5, 3), "the backward writes into its input, W$"),
        (InputBeforeParam(5, 3), "bp_param, W: another gradient if bp_param is called before bp_input"),
        (InMemorysOrder(), "InMemorysOrder.forward: another output if x is in Fortran's order"),
        (BackwardInMemorysOrder(), "BackwardInMemorysOrder.bp_input: another gradient if x is in Fortran's"),
        (ReshapesInPlace(), "ReshapesInPlace.forward raises AttributeError: incompatible shape .*Fortran"),
        (ForwardInFloat64(), "ForwardInFloat64.forward: got float64 where all else is float32"),
        (BackwardInFloat64(), "BackwardInFloat64.bp_input: got float64 where all else is float32"),
        (ParamInFloat64(5, 3), "ParamInFloat64.bp_param, W: got float64 where all else is float32"),
        (Squeezes(), r"with a batch of one, Squeezes.bp_input: the gradient has the shape \(5,\)"),
        (NeedsTwo(), "with a batch of one, NeedsTwo.forward raises RuntimeError: .*give x as an array"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_a_layer_that_breaks_what_callers_rely_on_is_caught(layer, message):
    with pytest.raises(GradientError, match=message):
        check_layer(layer, (7, 5))


def test_only_a_shape_is_checked_with_a_batch_of_one_too():
    x = np.random.default_rng(0).standard_normal((7, 5))
    assert check_layer(NeedsTwo(), x) < 1e-6
    assert check_layer(Squeezes(), x) < 1e-6


def test_a_gradient_may_be_zero_for_the_batch_of_one():
    class Centred(Layer):
        def forward(self, x):
            return x - x.mean(axis=0)

        def bp_input(self, grad):
            return grad - grad.mean(axis=0)

    assert check_layer(Centred(), (7, 5)) < 1e-6
    with pytest.raises(GradientError, match="zero everywhere"):
        check_layer(Centred(), (1, 5))


def test_a_view_of_the_callers_array_is_the_callers_business():
    class Flatten(Layer):
        def forward(self, x):
            self.cache = x.shape
            return x.reshape(len(x), -1)

        def bp_input(self, grad):
            return grad.reshape(self.cached())

    assert check_layer(Flatten(), (7, 5, 2)) < 1e-6

    class Same(Squares):
        def forward(self, x):
            self.cache = np.full_like(x, 0.5)
            return x

    assert check_layer(Same(), (7, 5)) < 1e-6


def test_a_gradient_that_cannot_be_written_into_is_an_array_too():
    class Mean(Layer):
        def forward(self, x):
            self.cache = x.shape
            return x.mean(axis=1, keepdims=True)

        def bp_input(self, grad):
            return np.broadcast_to(grad / np.float32(self.cached()[1]), self.cached())

    assert check_layer(Mean(), (7, 5)) < 1e-6


def test_a_state_that_the_output_does_not_show_may_change():
    class Counting(Squares):
        def forward(self, x):
            self.mean = 0.9 * getattr(self, "mean", 0) + 0.1 * x.mean()
            return super().forward(x)

    assert check_layer(Counting(), (7, 5)) < 1e-6


def test_a_loss_that_breaks_what_callers_rely_on_is_caught():
    class Keeps(MeanSquares):
        def __call__(self, prediction, targets):
            prediction = prediction.copy()
            self.d = prediction
            return prediction, (self.d**2).mean()

    with pytest.raises(GradientError, match="Keeps.forward returns an array that is still used"):
        check_loss(Keeps(), (4, 3), None)

    class OneBuffer(MeanSquares):
        buffer = np.empty((4, 3))

        def bp_input(self, grad):
            self.buffer[...] = super().bp_input(grad)
            return self.buffer

    with pytest.raises(GradientError, match="OneBuffer.bp_input returns the same memory again"):
        check_loss(OneBuffer(), (4, 3), np.ones((4, 3)))

    class Overwrites(MeanSquares):
        def __call__(self, prediction, targets):
            number = super().__call__(prediction, targets)[1]
            targets *= 2
            return prediction, number

    with pytest.raises(GradientError, match="the forward writes into its input, the targets$"):
        check_loss(Overwrites(), (4, 3), np.ones((4, 3)))


# ---- differences


class Tanh(Layer):
    factor = 1.0

    def forward(self, x):
        self.cache = np.tanh(x)
        return self.cache.copy()

    def bp_input(self, grad):
        return self.factor * grad * (1 - self.cached() ** 2)


class Normalized(Layer):
    """Rows of mean 0 and variance 1."""

    factor = 1.0

    def forward(self, x):
        d = x - x.mean(axis=1, keepdims=True)
        s = 1 / np.sqrt((d**2).mean(axis=1, keepdims=True))
        self.cache = d * s, s
        return d * s

    def bp_input(self, grad):
        y, s = self.cached()
        mean = grad.mean(axis=1, keepdims=True)
        return self.factor * s * (grad - mean - y * (grad * y).mean(axis=1, keepdims=True))


class Logarithm(Layer):
    factor = 1.0

    def forward(self, x):
        self.cache = x
        return np.log(np.abs(x))

    def bp_input(self, grad):
        return self.factor * grad / self.cached()


class Largest(Layer):
    factor = 1.0

    def forward(self, x):
        self.cache = x == x.max(axis=1, keepdims=True)
        return x.max(axis=1, keepdims=True)

    def bp_input(self, grad):
        return self.factor * grad * self.cached()


class Rectified(ReLU):
    factor = 1.0

    def bp_input(self, grad):
        return self.factor * super().bp_input(grad)


class Product(Linear):
    factor = 1.0

    def bp_input(self, grad):
        return self.factor * super().bp_input(grad)

    def bp_param(self, grad):
        return self.factor * super().bp_param(grad)


SCALES = [1e-6, 1e-3, 1.0, 1e3, 1e6]
LAYERS = {
    "Linear": lambda: Product(9, 3),
    "ReLU": Rectified,
    "Softmax": Softmax,
    "squares": lambda: Squares(),
    "tanh": Tanh,
    "normalized": Normalized,
    "log": Logarithm,
    "largest": Largest,
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", LAYERS)
def test_at_any_scale_the_right_gradient_passes_and_a_wrong_one_does_not(name, scale):
    x = scale * np.random.default_rng(0).standard_normal((4, 9))
    if name in ("Softmax", "tanh") and scale > 1:  # flat there
        with pytest.raises(GradientError, match="zero everywhere|too small"):
            check_layer(LAYERS[name](), 1e3 * x)
        return
    assert check_layer(LAYERS[name](), x) < 1e-5
    for factor in (2.0, 0.0, -1.0, 1.01, 1 + 1e-4):
        layer = LAYERS[name]()
        layer.factor, layer.change = factor, lambda d: factor * d
        with pytest.raises(GradientError, match="the worst entry"):
            check_layer(layer, x)


@pytest.mark.parametrize("scale", SCALES)
def test_tiny_and_huge_gradients_are_held_to_the_same_measure(scale):
    for change, right in ((lambda d: d, True), (lambda d: 2 * d, False), (lambda d: 1.001 * d, False)):
        loss = MeanSquares(
            lambda d: change(d) * scale, lambda p, squares: (p, np.float64(scale * squares.mean()))
        )
        if right:
            assert check_loss(loss, (4, 3), np.ones((4, 3))) < 1e-6
        else:
            with pytest.raises(GradientError, match="the worst entry"):
                check_loss(loss, (4, 3), np.ones((4, 3)))


def test_an_entry_that_is_tiny_beside_the_others_is_checked_too():
    """The bias's gradient is 1e-7 of that of the weights, and is forgotten."""
    x = 1e7 * np.random.default_rng(0).standard_normal((7, 5))
    assert check_layer(Linear(5, 3), x) < 1e-6
    with pytest.raises(GradientError, match=r"ForgottenBias.bp_param, W: the worst entry is \[5, \d\]: 0"):
        check_layer(ForgottenBias(5, 3), x)


@pytest.mark.parametrize("offset", [0.0, 1e-3, 1e-5, 1e-7, 1e-9])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_kink_near_x_does_no_harm_and_at_x_it_is_said(offset, sign):
    x = np.array([[1.0, sign * offset, -1.0], [2.0, -2.0, 3.0]])
    if offset:
        assert check_layer(ReLU(), x) < 1e-6
    else:
        message = r"ReLU.bp_input: \[0, 1\]: within 1e-07 there is a kink or a jump: .*from above and 0 from"
        with pytest.raises(GradientError, match=message):
            check_layer(ReLU(), x)

    class Wrong(ReLU):
        def bp_input(self, grad):
            return 7 * super().bp_input(grad) + grad

    with pytest.raises(GradientError, match=r"the worst entry is \[\d, \d\]"):
        check_layer(Wrong(), x)


def test_a_gradient_that_is_none_of_those_beside_a_kink_is_wrong_there_too():
    class Far(ReLU):
        def bp_input(self, grad):
            return super().bp_input(grad) + 9 * grad * (self.cached() == 0)

    with pytest.raises(GradientError, match=r"Far.bp_input: the worst entry is \[0, 1\]"):
        check_layer(Far(), np.array([[1.0, 0.0, 2.0], [2.0, 2.0, 3.0]]))


@pytest.mark.parametrize("scale", [1e-5, 1e-3, 1.0])
def test_a_step_out_of_the_domain_of_the_function_does_no_harm(scale):
    class Log(Logarithm):
        def forward(self, x):
            super().forward(x)
            return np.log(x)

    x = scale * np.random.default_rng(0).uniform(0.5, 1, (7, 5))
    assert check_layer(Log(), x) < 1e-6


def test_a_kink_is_said_along_a_direction_too():
    """Of 100,000 entries one is at a kink, and is not among those that are checked alone."""

    class Rectifies(Layer):
        w = Parameter()

        def __init__(self):
            self.w = np.where(np.arange(100_000) == 77_777, 0.0, 1.0)

        def forward(self, x):
            return x + np.maximum(self.w, 0).sum() / np.float32(1000)

        def bp_input(self, grad):
            return grad

        def bp_param(self, grad):
            return (self.w > 0) * grad.sum() / np.float32(1000)

    with pytest.raises(GradientError, match="w: along a random direction: .*there is a kink or a jump"):
        check_layer(Rectifies(), (3, 2))


def test_of_a_large_array_the_few_entries_with_a_gradient_are_among_those_checked():
    class Sparse(Layer):
        W = Parameter()

        def __init__(self, factor):
            self.W, self.factor = np.ones((100, 1000)), factor

        def forward(self, x):
            self.cache = x
            return x * self.W[70, 700]

        def bp_input(self, grad):
            return grad * self.W[70, 700]

        def bp_param(self, grad):
            d_W = np.zeros_like(self.W)
            d_W[70, 700] = self.factor * (grad * self.cached()).sum()
            return d_W

    assert check_layer(Sparse(1), (3, 2)) < 1e-6
    with pytest.raises(GradientError, match=r"worst entry is \[70, 700\].*; 1 of 2000 entries differ"):
        check_layer(Sparse(1.001), (3, 2))


def test_a_large_array_is_checked_at_no_more_than_two_thousand_entries():
    calls = []

    class Counted(Squares):
        def forward(self, x):
            calls.append(1)
            return super().forward(x)

    x = np.random.default_rng(0).uniform(1, 2, (70, 50))
    assert check_layer(Counted(), x) < 1e-6
    assert 4000 < len(calls) < 4200


def test_the_parameters_and_the_input_are_as_before_when_a_step_fails():
    class Fails(Linear):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls == 9:
                raise RuntimeError("in the middle of a step")
            return super().forward(x)

    x = np.ones((2, 5))
    with pytest.raises(RuntimeError, match="in the middle"):
        check_layer(Fails(5, 3), x)
    assert (x == 1).all()


# ---- backward, layers inside, noise, training and inference


class Scaled(Layer):
    """y = s x, whose backward is up to the test."""

    s = Parameter()

    def __init__(self, change=lambda d_x, d_s: (d_x, d_s)):
        self.s, self.change = np.array([2.0, -3.0, 5.0, 7.0]), change

    def forward(self, x):
        self.cache = x
        return self.s * x

    def bp_input(self, grad):
        return grad * self.s

    def bp_param(self, grad):
        return (grad * self.cached()).sum(axis=0)

    def backward(self, grad):
        return self.change(grad * self.s, (grad * self.cached()).sum(axis=0))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda d_x, d_s: (2 * d_x, d_s), "Scaled.backward gives another gradient than bp_input"),
        (lambda d_x, d_s: (d_x, -d_s), "Scaled.backward gives another gradient than bp_param, s"),
        (lambda d_x, d_s: (d_s, d_x), r"Scaled.backward, bp_input: the gradient has the shape \(4,\), wanted \(7, 4\)"),
        (lambda d_x, d_s: (d_x, d_s[:1]), r"Scaled.backward, bp_param, s: the gradient has the shape \(1,\), wanted \(4,\)"),
        (lambda d_x, d_s: (d_x.astype(np.float32), d_s), "Scaled.backward, bp_input: got an array of type float32"),
        (lambda d_x, d_s: (np.where(d_x == d_x.flat[0], 0, d_x), d_s), "another gradient than bp_input"),
        (lambda d_x, d_s: d_x, r"Scaled.backward: got an array .*, wanted \(bp_input\(grad\), bp_param\(grad\)\)"),
        (lambda d_x, d_s: None, "Scaled.backward: got None, wanted"),
        (lambda d_x, d_s: (d_x, d_s, 3), "Scaled.backward: got a tuple of 3, wanted"),
        (lambda d_x, d_s: [d_x, d_s], "Scaled.backward: got a list of 2, wanted"),
        (lambda d_x, d_s: (d_x, None), "Scaled.backward, .*: got None, wanted a plain array"),
        (lambda d_x, d_s: (None, d_s), "Scaled.backward, .*: got None, wanted a plain array"),
        (lambda d_x, d_s: (d_x, (d_s, d_s)), "Scaled.backward.*got a tuple of 2, wanted a plain array"),
        (lambda d_x, d_s: (np.full_like(d_x, np.nan), d_s), "another gradient than bp_input"),
    ],
)
def test_a_wrong_backward_beside_right_gradients_is_caught(change, message):
    assert check_layer(Scaled(), (7, 4)) < 1e-6
    with pytest.raises(GradientError, match=message):
        check_layer(Scaled(change), (7, 4))


def test_a_backward_that_breaks_what_callers_rely_on_is_caught():
    class InPlace(Scaled):
        def backward(self, grad):
            d_s = self.bp_param(grad)
            grad *= self.s
            return grad, d_s

    class Reused(Scaled):
        def backward(self, grad):
            d_x, d_s = super().backward(grad)
            if getattr(self, "kept", None) is None or self.kept.dtype != d_s.dtype:
                self.kept = d_s.copy()
            self.kept[...] = d_s
            return d_x, self.kept

    class Wide(Scaled):
        def backward(self, grad):
            d_x, d_s = super().backward(grad)
            return d_x.astype(np.float64), d_s

    for kind, message in (
        (InPlace, "InPlace: the backward writes into its input, the upstream gradient"),
        (Reused, "Reused.backward, bp_param, s returns the same memory again"),
        (Wide, "Wide.backward, bp_input: got float64 where all else is float32"),
    ):
        with pytest.raises(GradientError, match=message):
            check_layer(kind(), (7, 4))


def test_a_wrong_backward_alone_is_caught_by_the_differences():
    class Alone(Shared):
        def backward(self, grad):
            d_x, found = super().backward(grad)
            return d_x, {**found, "first": 2 * found["first"]}

    assert check_layer(Shared(5, 4), (7, 5)) < 1e-6
    with pytest.raises(GradientError, match=r"Alone\.bp_param, first\.W: the worst entry is .* 2 times the difference"):
        check_layer(Alone(5, 4), (7, 5))


@pytest.mark.parametrize("make", [
    lambda: Pair(5, 4), lambda: Shared(5, 4), lambda: Sum([Linear(5, 3), Linear(5, 3)], [Linear(5, 3)]),
    lambda: Residual([Pair(5, 3), Sequential([Linear(5, 5)])]), lambda: Sequential([ReLU()]),
])  # fmt: skip
def test_a_layer_with_layers_inside_is_checked_and_left_as_it_is(make):
    layer = make()
    before = {name: W.copy() for name, W in layer.parameters.items()}
    assert check_layer(layer, (7, 5)) < 1e-6
    assert all(np.array_equal(W, before[name]) for name, W in layer.parameters.items())
    assert all(inner.cache is None and "forward" not in vars(inner) for _, inner in layer.walk())


@pytest.mark.parametrize("wrong", ["first", "second"])
def test_a_wrong_gradient_inside_is_named_with_its_layer(wrong):
    class Wrong(Pair):
        def bp_param(self, grad):
            found = super().bp_param(grad)
            return {**found, wrong: -found[wrong]}

    with pytest.raises(GradientError, match=rf"Wrong\.bp_param, {wrong}\.W: .*: the sign is wrong"):
        check_layer(Wrong(5, 4), (7, 5))
    with pytest.raises(GradientError, match=rf"Residual\.bp_param, wrong1\.{wrong}\.W: .*: the sign is wrong"):
        check_layer(Residual([Wrong(5, 4)]), (7, 5))


@pytest.mark.parametrize("make", [
    lambda: Noise(0), lambda: Residual([Noise(0), Linear(5, 5)]),
    lambda: Sequential([Sum([Sequential([Noise(0)])], [Noise(1)]), Noise(2)]),
])  # fmt: skip
def test_noise_is_held_fixed_at_any_depth_and_drawn_on_as_if_nothing_had_been_checked(make):
    layer, twin = make().train(), make().train()
    assert check_layer(layer, (7, 5)) < 1e-6
    x = np.random.default_rng(0).standard_normal((7, 5))
    for mine, other in zip(layer.parameters.values(), twin.parameters.values()):
        other[...] = mine
    assert np.array_equal(layer(x), twin(x))
    assert not np.array_equal(layer(x), twin.eval()(x))


def test_noise_of_one_generator_in_two_layers_is_held_fixed_too():
    layer = Sequential([Noise(0), Noise(1), Linear(5, 3)]).train()
    layer.layers[1].rng = layer.layers[0].rng
    assert check_layer(layer, (7, 5)) < 1e-6


def test_a_gradient_without_its_noise_is_wrong():
    class Forgets(Noise):
        def bp_input(self, grad):
            return grad

    with pytest.raises(GradientError, match="Forgets.bp_input: the worst entry is .*is a mask missing"):
        check_layer(Forgets(0).train(), (7, 5))


def test_a_layer_that_is_another_in_training_is_checked_as_it_was_told_to_be():
    class Only(Centre):
        """Right in inference, and wrong in training."""

        def bp_input(self, grad):
            return grad

    assert check_layer(Centre(5).train(), np.random.default_rng(0).standard_normal((7, 5))) < 1e-6
    assert check_layer(Centre(5).eval(), (7, 5)) < 1e-6
    assert check_layer(Only(5).eval(), (7, 5)) < 1e-6
    with pytest.raises(GradientError, match="Only.bp_input"):
        check_layer(Only(5).train(), np.random.default_rng(0).standard_normal((7, 5)))
    with pytest.raises(ValueError, match=r"Centre: .* of a layer alone, layer\.train\(\) and layer\.eval\(\)"):
        check_layer(Centre(5), (7, 5))
