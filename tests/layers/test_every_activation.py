"""What every activation promises, beside what every layer does: right everywhere, and in any type."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from layer_rows_activation import ROWS, elu, hard_sigmoid, leaky_relu, relu, selu

import npbp
from npbp import (
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    LeakyReLU,
    LogSoftmax,
    MeanSquaredErrorLoss,
    Network,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
    check_layer,
    graph,
)

TYPES = [np.float16, np.float32, np.float64]
every_type = pytest.mark.parametrize("dtype", TYPES)

# ---- each with its limits: (at -inf, at inf) of y, and of dy/dx

INF = math.inf
LIMITS = [
    (ReLU(), (0, INF), (0, 1)),
    (LeakyReLU(), (-INF, INF), (0.01, 1)),
    (LeakyReLU(slope=0), (0, INF), (0, 1)),
    (LeakyReLU(slope=2), (-INF, INF), (2, 1)),
    (PReLU(), (-INF, INF), (0.25, 1)),
    (ELU(), (-1, INF), (0, 1)),
    (ELU(alpha=0.5), (-0.5, INF), (0, 1)),
    (ELU(alpha=0), (0, INF), (0, 1)),
    (SELU(), (-1.7580993408473766, INF), (0, 1.0507009873554805)),
    (Sigmoid(), (0, 1), (0, 0)),
    (Tanh(), (-1, 1), (0, 0)),
    (Softsign(), (-1, 1), (0, 0)),
    (HardSigmoid(), (0, 1), (0, 0)),
    (Softplus(), (0, INF), (0, 1)),
    (SiLU(), (0, INF), (0, 1)),
    (GELU(), (0, INF), (0, 1)),
    (GELU(approximate="tanh"), (0, INF), (0, 1)),
]
every_one = pytest.mark.parametrize("layer, y, slope", LIMITS, ids=lambda value: repr(value))


def test_no_activation_is_left_out():
    assert {type(layer).__name__ for layer, *_ in LIMITS} == {row.kind for row in ROWS}


@every_type
@every_one
def test_at_infinity_it_has_its_limit_and_there_is_no_warning(layer, y, slope, dtype):
    x = np.array([[-INF, INF]], dtype)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(layer(x), np.array([y], dtype), rtol=2 * eps)
    np.testing.assert_allclose(layer.bp_input(np.ones_like(x)), np.array([slope], dtype), rtol=2 * eps)


@every_type
@every_one
def test_far_out_it_has_its_limit_too_and_there_is_no_warning(layer, y, slope, dtype):
    x = np.array([[-1e4, 1e4]], dtype)
    found, eps = layer(x), 4 * float(np.finfo(dtype).eps)
    for value, limit, at, rises in zip(found[0], y, (-1e4, 1e4), slope):
        if math.isinf(limit):
            assert value == pytest.approx(rises * at, rel=eps)
        else:
            assert value == pytest.approx(limit, rel=eps, abs=1.1e-4)  # softsign is slow
    np.testing.assert_allclose(layer.bp_input(np.ones_like(x)), [slope], rtol=eps, atol=1e-7)


@every_type
@every_one
def test_the_largest_numbers_of_a_type_warn_of_nothing(layer, y, slope, dtype):
    x = np.array([[-1, 1]], dtype) * np.finfo(dtype).max / dtype(2)
    assert np.isfinite(layer(x)).all()
    assert np.isfinite(layer.bp_input(np.ones_like(x))).all()


@every_type
@every_one
def test_a_nan_stays_a_nan_and_spoils_no_other_number(layer, y, slope, dtype):
    x = np.array([[np.nan, 1, -1]], dtype)
    found, alone = layer(x), layer(x[:, 1:])
    assert np.isnan(found[0, 0]) and np.array_equal(found[:, 1:], alone)


@every_type
@every_one
def test_the_type_of_the_input_is_kept_and_16_bits_are_as_good_as_they_can_be(layer, y, slope, dtype):
    x = (3 * np.random.default_rng(0).standard_normal((50, 7))).astype(dtype)
    grad = np.random.default_rng(1).standard_normal((50, 7)).astype(dtype)
    found, d_x = layer(x), layer.bp_input(grad)
    assert found.dtype == d_x.dtype == dtype
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(found, layer(x.astype(np.float64)), rtol=4 * eps, atol=eps / 8)
    np.testing.assert_allclose(d_x, layer.bp_input(grad.astype(np.float64)), rtol=4 * eps, atol=4 * eps)


@every_one
def test_an_empty_batch_gives_an_empty_batch(layer, y, slope):
    x = np.zeros((0, 4, 3), np.float32)
    assert layer(x).shape == layer.bp_input(x).shape == (0, 4, 3)
    assert all(not d_W.any() for d_W in layer.named_gradients(x).values())


@every_one
def test_a_batch_of_single_numbers_will_do(layer, y, slope):
    x = np.array([-2.0, 1.0])
    assert np.array_equal(layer(x), layer(x[:, None])[:, 0])


@pytest.mark.parametrize("shape", [(6,), (4, 2), (2, 3, 4), (2, 1, 3, 2)], ids=str)
@every_one
def test_finite_differences_agree_in_any_number_of_axes(layer, y, slope, shape):
    assert check_layer(layer, shape) < 1e-6


# ---- to the last digits: against 230 digits, as e^-450 is added to 1


def digits(function):
    """``function`` of a float, computed with 230 digits."""
    def exactly(x):
        with localcontext() as context:
            context.prec = 230
            context.Emin, context.Emax = -10**9, 10**9
            return tuple(float(value) for value in function(Decimal(float(x))))
    return exactly


def s(x):
    return 1 / (1 + (-x).exp()) if x > 0 else x.exp() / (1 + x.exp())


def exponential(x, scale=Decimal(1), alpha=Decimal(1)):
    if x > 0:
        return scale * x, scale
    return scale * alpha * (x.exp() - 1), scale * alpha * x.exp()


def exact_tanh(x):
    e = (-2 * abs(x)).exp()
    return ((1 - e) / (1 + e)).copy_sign(x), 4 * e / (1 + e) ** 2


def exact_gelu(x):
    """``F(x) = 1/2 + F'(x) (x + x^3/3 + x^5/(3 5) + x^7/(3 5 7) + ...)``, by its Taylor series."""
    if abs(x) > 39:  # the tail is below the least number of float64
        return (x, Decimal(1)) if x > 0 else (Decimal(0), Decimal(0))
    total, term, k = Decimal(0), x, 1
    while abs(term) > Decimal("1e-230"):
        total, k = total + term, k + 2
        term *= x * x / k
    density = (-x * x / 2).exp() / (2 * pi()).sqrt()
    F = Decimal("0.5") + density * total
    return x * F, F + x * density


def pi():
    """By Machin: ``pi = 16 arctan(1/5) - 4 arctan(1/239)``."""
    def arctan_of_one_over(n):
        return sum(Decimal((-1) ** k) / ((2 * k + 1) * Decimal(n) ** (2 * k + 1)) for k in range(170))
    return 16 * arctan_of_one_over(5) - 4 * arctan_of_one_over(239)


EXACT = [
    (Sigmoid(), lambda x: (s(x), s(x) * s(-x))),
    (Tanh(), exact_tanh),
    (Softsign(), lambda x: (x / (1 + abs(x)), 1 / (1 + abs(x)) ** 2)),
    (Softplus(), lambda x: (max(x, Decimal(0)) + (1 + (-abs(x)).exp()).ln(), s(x))),
    (SiLU(), lambda x: (x * s(x), s(x) + x * s(x) * s(-x))),
    (ELU(), exponential),
    (ELU(alpha=0.5), lambda x: exponential(x, alpha=Decimal("0.5"))),
    (SELU(), lambda x: exponential(x, Decimal(SELU.SCALE), Decimal(SELU.ALPHA))),
    (GELU(), exact_gelu),
]
POINTS = [0, 1e-30, 1e-10, 1e-3, 0.1, 0.5, 1, 2, 3, 6, 9, 12.5, 20, 30, 40, 80, 100, 450, 1000, 1e4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer, function", EXACT, ids=lambda value: repr(value))
def test_no_digits_are_lost_close_to_0_or_far_out(layer, function, dtype):
    x = np.array([POINTS + [-x for x in POINTS]], dtype)
    eps, smallest = np.finfo(dtype).eps, np.finfo(dtype).tiny * np.finfo(dtype).eps
    exact = np.array([digits(function)(number) for number in x[0]])
    rtol = 8 * eps
    atol = 1000 * smallest  # where a number is too small to have all its digits
    np.testing.assert_allclose(layer(x)[0], exact[:, 0], rtol, atol)
    np.testing.assert_allclose(layer.bp_input(np.ones_like(x))[0], exact[:, 1], rtol, atol)


# ---- kinks: the same in the layer and in the graph


@pytest.mark.parametrize("layer, twin, kinks, slopes", [
    (ReLU(), relu, [0.0, -0.0], [0, 0]),
    (LeakyReLU(), leaky_relu, [0.0, -0.0], [0.01, 0.01]),
    (PReLU(), lambda x: leaky_relu(x, np.array([0.25])), [0.0, -0.0], [0.25, 0.25]),
    (ELU(alpha=0.5), lambda x: elu(x, 0.5), [0.0, -0.0], [0.5, 0.5]),
    (SELU(), selu, [0.0, -0.0], [1.7580993408473766, 1.7580993408473766]),
    (HardSigmoid(), hard_sigmoid, [-3.0, 3.0], [0, 0]),
], ids=lambda value: repr(value) if isinstance(value, npbp.Layer) else "")  # fmt: skip
def test_the_derivative_at_a_kink_is_the_one_that_the_docstring_says(layer, twin, kinks, slopes):
    x, grad = np.array([kinks]), np.array([[3.0, -5.0]])
    layer(x)
    np.testing.assert_allclose(layer.bp_input(grad), grad * slopes, rtol=1e-15)
    X = graph.Variable(x)
    gradient = graph.general_back_propagation([X], twin(X), grad)[X]
    np.testing.assert_allclose(gradient.value, layer.bp_input(grad), rtol=1e-15)


# ---- in a network

ALL = [row.build(np.random.default_rng(0)) for row in ROWS] + [Softmax(), LogSoftmax()]


@pytest.mark.parametrize("layer", ALL, ids=[row.name for row in ROWS] + ["Softmax", "LogSoftmax"])
def test_a_network_is_saved_with_its_options_and_loaded_again(layer, tmp_path):
    network = Network([npbp.Linear(3, 6), layer], MeanSquaredErrorLoss())
    network.save(tmp_path / "network.npz")
    again = Network.load(tmp_path / "network.npz")
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    assert repr(again) == repr(network)
    assert np.array_equal(again.scores(x), network.scores(x))


@pytest.mark.parametrize("make, error, words", [
    (lambda: LeakyReLU(slope=-0.1), ValueError, "LeakyReLU: got slope=-0.1, wanted a finite number of at least 0"),
    (lambda: LeakyReLU(slope=np.nan), ValueError, "LeakyReLU: got slope=nan, wanted a finite"),
    (lambda: LeakyReLU(slope=np.inf), ValueError, "LeakyReLU: got slope=inf, wanted a finite"),
    (lambda: LeakyReLU(slope="0.1"), TypeError, "LeakyReLU: got slope='0.1' of type str, wanted a finite number"),
    (lambda: LeakyReLU(slope=None), TypeError, "LeakyReLU: got slope=None of type NoneType"),
    (lambda: LeakyReLU(slope=True), TypeError, "LeakyReLU: got slope=True of type bool"),
    (lambda: LeakyReLU(slope=1j), TypeError, "LeakyReLU: got slope=1j of type complex"),
    (lambda: LeakyReLU(slope=np.ones(3)), TypeError, "LeakyReLU: got slope=.* of type ndarray"),
    (lambda: ELU(alpha=-1), ValueError, "ELU: got alpha=-1, wanted a finite number of at least 0"),
    (lambda: ELU(alpha=np.nan), ValueError, "ELU: got alpha=nan"),
    (lambda: ELU(alpha=[1]), TypeError, "ELU: got alpha=.* of type list, wanted a finite number"),
    (lambda: PReLU(slope=-1), ValueError, "PReLU: got slope=-1, wanted a finite number of at least 0"),
    (lambda: PReLU(slope="a"), TypeError, "PReLU: got slope='a' of type str"),
    (lambda: PReLU(features=0), ValueError, "PReLU: got features=0, wanted at least 1"),
    (lambda: PReLU(features=2.0), TypeError, "PReLU: got features=2.0 of type float, wanted a whole number"),
    (lambda: PReLU(dtype=int), TypeError, "got dtype int64, wanted a real floating type"),
    (lambda: GELU(approximate="Tanh"), ValueError, "GELU: got approximate='Tanh', wanted \"none\" or \"tanh\""),
    (lambda: GELU(approximate=None), ValueError, "GELU: got approximate=None, wanted"),
    (lambda: GELU(approximate=True), ValueError, "GELU: got approximate=True, wanted"),
    (lambda: GELU(approximate=np.ones(2)), ValueError, "GELU: got approximate=array.*, wanted"),
])  # fmt: skip
def test_an_option_that_cannot_be_is_an_error_that_says_which_and_what_is_wanted(make, error, words):
    with pytest.raises(error, match=words):
        make()
