"""What the rows cannot say: ties, zeros, very large numbers, constant rows, error messages."""

import itertools
import warnings

import numpy as np
import pytest
from rows import A

import npbp.graph as graph
from npbp.graph import Variable


def gradient(f, x):
    """Of sum(f), as an array."""
    x = Variable(np.asarray(x, dtype=np.float64))
    return graph.general_back_propagation([x], np.sum(f(x)))[x].value


# ---- ties


def test_equal_maxima_share_the_gradient_equally():
    x = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]
    want = [[0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]]
    assert np.allclose(gradient(lambda x: np.max(x, axis=1), x), want, rtol=1e-15)
    assert np.allclose(gradient(lambda x: np.min(-x, axis=1), x), -np.array(want), rtol=1e-15)
    assert np.allclose(gradient(np.max, x), [[0, 0.5, 0.5], [0, 0, 0]], rtol=1e-15)


def test_the_tangent_of_equal_maxima_is_the_mean_of_theirs():
    x = Variable(np.array([3.0, 1.0, 3.0]))
    y = np.max(x)
    tangent = graph.general_forward_propagation({x: np.array([1.0, 10.0, 2.0])}, [y])[y]
    assert tangent.value == 1.5


def test_the_maximum_is_looked_for_again_when_the_graph_is_evaluated():
    x = Variable(np.array([1.0, 2.0, 3.0]))
    G = graph.general_back_propagation([x], np.max(x) ** 2)[x]
    assert np.array_equal(graph.evaluate(G, {x: np.array([5.0, 2.0, 3.0])}), [10, 0, 0])


def test_equal_maxima_up_to_a_place_share_the_gradient_equally():
    x = np.array([1.0, 3.0, 2.0, 3.0, 3.0, 4.0])
    want = np.zeros(6)
    for last in range(6):
        tied = x[: last + 1] == x[: last + 1].max()
        want[: last + 1] += tied / tied.sum()
    assert np.allclose(gradient(np.maximum.accumulate, x), want, rtol=1e-15)
    assert np.allclose(gradient(lambda x: -np.minimum.accumulate(-x), x), want, rtol=1e-15)


def test_the_maximum_and_an_equal_initial_value_share_the_gradient():
    assert np.array_equal(gradient(lambda x: np.max(x, initial=3.0), [1.0, 3.0]), [0, 0.5])
    assert np.array_equal(gradient(lambda x: np.max(x, initial=4.0), [1.0, 3.0]), [0, 0])


def test_what_does_not_count_has_no_gradient_even_if_it_is_nan():
    x, where = np.array([1.0, np.nan, 3.0]), np.array([True, False, True])
    for f in (np.sum, np.mean, np.var, np.std, np.prod):
        G = gradient(lambda x: f(x, where=where), x)
        assert np.allclose(G[[0, 2]], gradient(f, [1.0, 3.0])) and G[1] == 0
    assert np.array_equal(gradient(lambda x: np.max(x, where=where, initial=0), x), [0, 0, 1])


# ---- zeros in products


def product_derivative(x, places):
    """d^k prod(x) / dx_i dx_j ...: the product of the others, or 0 if a place is there twice."""
    if len(set(places)) < len(places):
        return 0.0
    return float(np.prod([x[k] for k in range(len(x)) if k not in places]))


@pytest.mark.parametrize("zeros", [(), (2,), (0,), (1, 3), (0, 1, 3), (0, 1, 2, 3)])
def test_derivatives_of_a_product_are_right_whatever_is_zero_to_third_order(zeros):
    x = np.array([1.5, -2.0, 0.5, 3.0])
    x[list(zeros)] = 0
    v = Variable(x)
    first = graph.general_back_propagation([v], np.prod(v))[v]
    for i in range(4):
        assert np.isclose(first.value[i], product_derivative(x, [i]), rtol=1e-14)
        second = graph.general_back_propagation([v], first[i])[v]
        for j in range(4):
            assert np.isclose(second.value[j], product_derivative(x, [i, j]), rtol=1e-14)
            third = graph.general_back_propagation([v], second[j])[v].value
            want = [product_derivative(x, [i, j, k]) for k in range(4)]
            assert np.allclose(third, want, rtol=1e-14)


def test_a_product_over_several_axes_is_right_with_zeros():
    x = A(2, 3, 2, low=1, high=2)
    x[0, 1, 0] = x[1, 0, 1] = x[1, 2, 1] = 0
    got = gradient(lambda x: np.prod(x, axis=(0, -1)), x)
    want = np.zeros_like(x)
    for i, j, k in itertools.product(range(2), range(3), range(2)):
        rest = np.delete(x[:, j, :].ravel(), 2 * i + k)
        want[i, j, k] = np.prod(rest)
    assert np.allclose(got, want, rtol=1e-14)


def test_derivatives_of_a_running_product_are_right_with_zeros():
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0, 7.0])
    want = np.zeros(6)
    for last in range(6):
        for i in range(last + 1):
            want[i] += np.prod(np.delete(x[: last + 1], i))
    assert np.allclose(gradient(np.cumprod, x), want, rtol=1e-14)


@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (0, 1, 2, 3)])
def test_derivatives_of_a_product_over_two_axes_are_right_to_third_order(zeros):
    x = np.array([1.5, -2.0, 0.5, 3.0])
    x[list(zeros)] = 0
    v = Variable(x.reshape(2, 2))
    for f in (lambda v: np.prod(v, axis=(1, 0)), lambda v: np.cumprod(v)[3]):
        first = graph.general_back_propagation([v], f(v))[v]
        second = graph.general_back_propagation([v], first[0, 0])[v]
        third = graph.general_back_propagation([v], second[0, 1])[v].value
        assert np.allclose(third.ravel(), [0, 0, x[3], x[2]], rtol=1e-14)


# ---- nothing to reduce


SETTINGS = [
    {"axis": 1},
    {"axis": (1, 2)},
    {"axis": None},
    {"axis": 0},
    {"axis": 1, "keepdims": True},
]
OF_NOTHING = [
    np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.ptp, np.median, np.nansum,
    np.nanmean, np.nanmax, np.nanmedian, np.nanvar, np.any, np.argmax, np.logaddexp.reduce,
    np.add.reduce, np.multiply.reduce, np.maximum.reduce,
]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("f", OF_NOTHING, ids=lambda f: f.__qualname__ + f.__name__)
def test_along_an_axis_without_numbers_it_is_what_numpy_says(f, settings):
    if f is np.argmax and type(settings["axis"]) is tuple:
        settings = {"axis": -2}
    x = np.zeros((3, 0, 2))
    want, got = result_and_warnings(f, x, settings), result_and_warnings(f, Variable(x), settings)
    assert want == got
    if isinstance(got[0], list):  # no error: and the derivatives are quiet
        v = Variable(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = f(v, **settings)
        if y.dtype.kind == "f":
            first = graph.general_back_propagation([v], y, np.ones(y.shape))[v]
            assert first.shape == x.shape
            tangent = graph.general_forward_propagation({v: x}, [y])[y]
            assert np.array_equal(tangent.value, np.zeros(y.shape))


def result_and_warnings(f, x, settings):
    """The value as a list, or the error's type; and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            y = f(x, **settings)
            y = getattr(y, "value", y)
            result = [y.shape, y.dtype, repr(y.tolist())]
        except (ValueError, TypeError) as error:
            result = type(error)
    return result, [str(w.message) for w in caught]


def test_logsumexp_of_nothing_is_minus_infinity_and_softmax_is_empty():
    x = Variable(np.zeros((5, 0)))
    y = graph.logsumexp(x, axis=1)
    assert np.array_equal(y.value, np.full(5, -np.inf))
    assert np.array_equal(np.logaddexp.reduce(x, axis=1).value, y.value)
    assert graph.logsumexp(Variable(np.zeros(0))).value == -np.inf
    assert graph.general_back_propagation([x], y, np.ones(5))[x].shape == (5, 0)
    assert np.array_equal(
        graph.general_forward_propagation({x: x.value}, [y])[y].value, np.zeros(5)
    )
    for f in (graph.softmax, graph.log_softmax):
        for axis in (0, 1, None):
            y = f(x, axis=axis)
            assert y.shape == (5, 0)
            assert graph.general_back_propagation([x], y, x.value)[x].shape == (5, 0)
            assert graph.general_forward_propagation({x: x.value}, [y])[y].shape == (5, 0)


# ---- very large numbers, infinities


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_softmax_and_its_relatives_do_not_overflow(dtype):
    x = Variable(np.array([[1000, -1000, 999], [-1000, -1000, -1000]], dtype=dtype))
    p = np.exp(np.array([0, -np.inf, -1]))
    p = np.array([p / p.sum(), np.ones(3) / 3])
    with np.errstate(all="raise", under="ignore"):
        y = graph.logsumexp(x, axis=1)
        assert y.dtype == dtype
        assert np.allclose(y.value, [1000 + np.log(1 + np.exp(-1)), -1000 + np.log(3)])
        G = graph.general_back_propagation([x], np.sum(y))[x]
        assert np.allclose(G.value, p, rtol=2e-4 if dtype == np.float32 else 1e-12)
        assert np.allclose(graph.softmax(x).value, p, rtol=1e-6)
        assert np.allclose(graph.log_softmax(x).value[0], [-0.3132617, -2000.3132617, -1.3132617])
        for f in (graph.softmax, graph.log_softmax):
            G = graph.general_back_propagation([x], np.sum(f(x)[:, 0]))[x]
            again = graph.general_back_propagation([x], np.sum(G * G))[x]
            assert np.all(np.isfinite(G.value)) and np.all(np.isfinite(again.value))


def test_a_score_of_minus_infinity_has_no_probability_and_no_gradient():
    x = np.array([0.0, -np.inf, 0.0])
    assert np.allclose(graph.softmax(x), [0.5, 0, 0.5])
    assert np.isclose(graph.logsumexp(x), np.log(2))
    assert np.allclose(gradient(graph.logsumexp, x), [0.5, 0, 0.5])
    assert np.allclose(gradient(lambda x: graph.softmax(x)[0], x), [0.25, 0, -0.25])


def test_logsumexp_of_infinities_is_infinite_and_not_nan():
    assert graph.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf
    assert graph.logsumexp(np.array([np.inf, 0.0])) == np.inf


@pytest.mark.parametrize("f", [graph.logsumexp, graph.softmax, graph.log_softmax])
def test_what_numpy_lacks_takes_arrays_and_lists_too(f):
    x = [[1.0, 2.0], [0.0, 3.0]]
    assert np.array_equal(f(x, axis=1), f(np.array(x), axis=1))
    assert type(f(x, axis=1)) is np.ndarray
    assert f(np.array(x, dtype=np.float32), axis=0).dtype == np.float32


# ---- spread


def test_the_derivative_of_a_standard_deviation_that_is_0_is_0():
    x = [[2.0, 2.0, 2.0], [1.0, 2.0, 3.0]]
    got = gradient(lambda x: np.std(x, axis=1), x)
    assert np.array_equal(got[0], [0, 0, 0])
    assert np.allclose(got[1], np.array([-1, 0, 1]) / 3 / np.std([1, 2, 3]))


def test_more_degrees_of_freedom_than_numbers_are_nan_as_in_numpy():
    x = Variable(np.array([1.0]))
    with pytest.warns(RuntimeWarning):
        assert np.isnan(np.var(x, ddof=1).value)


# ---- ufunc methods


@pytest.mark.parametrize(
    "ufunc", [np.add, np.multiply, np.maximum, np.minimum, np.logaddexp], ids=lambda u: u.__name__
)
def test_reduce_goes_over_the_first_axis_unless_told(ufunc):
    x = A(3, 2)
    for settings in ({}, {"axis": 1}, {"axis": None}, {"axis": -1, "keepdims": True}):
        got = ufunc.reduce(Variable(x), **settings)
        assert np.allclose(got.value, ufunc.reduce(x, **settings), rtol=1e-14)
    assert np.allclose(ufunc.reduce(Variable(x), 1).value, ufunc.reduce(x, 1), rtol=1e-14)


def test_methods_of_ufuncs_without_a_derivative_are_refused():
    for method in (np.subtract.reduce, np.hypot.accumulate):
        with pytest.raises(TypeError, match="(subtract.reduce|hypot.accumulate) has no deriv"):
            method(Variable(A(3)))
    with pytest.raises(TypeError, match="add.reduceat has no deriv"):
        np.add.reduceat(Variable(A(3)), [0, 2])


# ---- errors


@pytest.mark.parametrize("f", [np.sum, np.mean, np.max, np.prod, np.cumsum, np.cumprod, np.median])
def test_nothing_is_written_into_an_array_that_is_given_in_its_place(f):
    x, out = Variable(A(3)), np.zeros(())
    with pytest.raises(TypeError, match=f"np.{f.__name__} with out="):
        f(x, 0, out) if f in (np.max, np.median) else f(x, 0, None, out)
    assert out == 0


def test_settings_that_are_not_known_are_named_and_those_that_are_listed():
    with pytest.raises(TypeError, match=r"np.clip .* 'dtype'; known is np.clip\(a, a_min=None, "):
        np.clip(Variable(A(3)), 0, 1, dtype=np.float32)


def test_median_does_not_sort_the_value_of_a_variable():
    x = Variable(np.array([3.0, 1.0, 2.0]))
    with pytest.raises(TypeError, match="np.median with overwrite_input="):
        np.median(x, overwrite_input=True)
    assert np.array_equal(x.value, [3, 1, 2])


@pytest.mark.parametrize(
    "f", [np.sum, np.prod, np.max, np.cumsum, np.cumprod, graph.softmax, graph.logsumexp]
)
def test_an_axis_that_is_not_there_is_an_error(f):
    with pytest.raises(ValueError, match="axis.* 2"):
        f(Variable(A(2, 3)), axis=2)


@pytest.mark.parametrize("f", [np.sum, np.mean, np.prod, np.cumprod])
def test_an_axis_that_a_single_number_does_not_have_is_an_error(f):
    with pytest.raises(ValueError, match="axis"):
        f(Variable(2.0), axis=1)


@pytest.mark.parametrize("f", [np.sum, np.mean])
def test_the_gradient_of_a_single_number_is_a_number(f):
    assert isinstance(graph.grad(f)(2.0), np.float64)


def test_an_axis_twice_is_an_error():
    for f in (np.sum, np.prod):
        with pytest.raises(ValueError, match="axis"):
            f(Variable(A(2, 3)), axis=(0, -2))


def test_the_maximum_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="zero-size"):
        np.max(Variable(np.zeros(0)))


def test_weights_that_do_not_fit_are_an_error_that_gives_the_shapes():
    x = Variable(A(2, 3))
    for axis, weights in [(None, np.ones(3)), (0, np.ones(3)), (1, np.ones((2, 2)))]:
        with pytest.raises(ValueError, match=r"weights of shape .* \(2, 3\) and axis="):
            np.average(x, axis=axis, weights=weights)


def test_methods_and_functions_of_numpy_agree():
    x = Variable(A(3, 4))
    for name in ("sum", "mean", "prod", "max", "min", "var", "std", "cumsum", "argmax", "argmin"):
        for axis in (None, 0, -1):
            got = getattr(x, name)(axis=axis)
            assert type(got) is Variable
            assert np.allclose(got.value, getattr(x.value, name)(axis=axis), rtol=1e-14)


def test_a_mean_of_integers_is_of_floating_numbers_and_a_sum_stays_an_integer():
    n = Variable(np.array([1, 2, 4]))
    assert np.mean(n).value == 7 / 3
    assert np.sum(n).dtype.kind == "i" and np.sum(n).value == 7
    assert np.sum(n > 1).value == 2


def test_a_long_product_takes_few_operations():
    x = Variable(A(1000, low=0.9, high=1.1))
    y = np.prod(x)
    before = Variable(0.0).index
    G = graph.general_back_propagation([x], y)[x]
    assert G.index - before < 150
    assert np.allclose(G.value, y.value / x.value, rtol=1e-12)
