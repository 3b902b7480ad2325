"""What the rows cannot say: ties, nan, weights of 0, kinks, error messages."""

import numpy as np
import pytest
from rows import A

import npbp.graph as graph
from npbp.graph import Variable


def gradient(f, x):
    """Of sum(f), as an array."""
    x = Variable(np.asarray(x, dtype=np.float64))
    return graph.general_back_propagation([x], np.sum(f(x)))[x].value


def test_weights_that_add_up_to_0_are_the_error_of_numpy():
    x = Variable(A(3))
    for weights in (np.zeros(3), Variable(np.zeros(3)), np.array([1, -1, 0])):
        with pytest.raises(ZeroDivisionError, match="Weights sum to zero"):
            np.average(x, weights=weights)


def test_average_returns_the_sum_of_the_weights_in_its_own_shape():
    x, w = A(2, 3), np.array([1.0, 2.0, 4.0])
    got = np.average(Variable(x), axis=1, weights=Variable(w), returned=True)
    for a, b in zip(got, np.average(x, axis=1, weights=w, returned=True)):
        assert type(a) is Variable and np.array_equal(a.value, b) and a.shape == b.shape


def test_numbers_that_are_equal_share_the_gradient_of_a_quantile():
    x = [2.0, 1.0, 2.0, 5.0]
    assert np.array_equal(gradient(np.median, x), [0.5, 0, 0.5, 0])
    assert np.array_equal(
        gradient(lambda x: np.quantile(x, 2 / 3, method="lower"), x), [0.5, 0, 0.5, 0]
    )


def test_a_quantile_that_is_nan_is_that_of_numpy_and_others_keep_their_gradient():
    x = np.array([[1.0, np.nan, 3.0], [4.0, 2.0, 0.0]])
    v = Variable(x)
    y = np.median(v, axis=1)
    assert np.array_equal(y.value, [np.nan, 2], equal_nan=True)
    G = graph.general_back_propagation([v], y, np.ones(2))[v].value
    assert np.array_equal(G[1], [0, 1, 0])
    G = graph.general_back_propagation([v], np.nanmedian(v, axis=1), np.ones(2))[v].value
    assert np.array_equal(G, [[0.5, 0, 0.5], [0, 1, 0]])


def test_quantiles_of_a_graph_with_kept_axes_are_computed_again():
    x = Variable(A(2, 5))
    y = np.quantile(x, [0.2, 0.7], axis=1, keepdims=True)
    G = graph.general_back_propagation([x], np.sum(y * y))[x]
    new = A(2, 5, seed=1)
    want = gradient(lambda x: np.quantile(x, [0.2, 0.7], axis=1, keepdims=True) ** 2, new)
    assert np.array_equal(graph.evaluate(G, {x: new}), want)


def test_what_is_nan_has_no_gradient_where_it_is_left_out():
    x = [1.0, np.nan, 3.0]
    for f, want in [
        (np.nansum, [1, 0, 1]), (np.nanmean, [0.5, 0, 0.5]), (np.nanprod, [3, 0, 1]),
        (np.nanmax, [0, 0, 1]), (np.nanmin, [1, 0, 0]), (np.nanvar, [-1, 0, 1]),
        (np.nanstd, [-0.5, 0, 0.5]), (np.nanmedian, [0.5, 0, 0.5]), (np.nancumsum, [3, 0, 1]),
    ]:  # fmt: skip
        assert np.allclose(gradient(f, x), want, rtol=1e-15), f


def test_between_known_points_the_slope_is_that_to_the_right():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    got = gradient(lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0]), x)
    assert np.array_equal(got, [0, 1, 1, 4, 4, 0])


def test_the_spacings_of_a_gradient_are_one_for_all_or_one_for_each_axis():
    x = Variable(A(3, 4, 2))
    for spacings in [(1.0, 2.0), (np.arange(3.0),), (1.0, 1.0, 1.0, 1.0)]:
        with pytest.raises(
            TypeError, match=rf"np.gradient: got {len(spacings)} spacings for 3 axes"
        ):
            np.gradient(x, *spacings)
    assert type(np.gradient(x)) is type(np.gradient(x.value)) and len(np.gradient(x)) == 3


def test_parts_of_numbers_are_those_of_numpy():
    x = A(2, 3, low=-5, high=5)
    for f in (np.modf, np.frexp, lambda x: np.divmod(x, 0.7)):
        for got, want in zip(f(Variable(x)), f(x)):
            assert np.array_equal(got.value, want) and got.dtype == want.dtype


@pytest.mark.parametrize("f", [np.histogram, np.nextafter, np.spacing, np.polyfit, np.emath.sqrt])
def test_what_has_no_derivative_is_refused_by_name(f):
    args = {np.nextafter: (1.0,), np.polyfit: (np.arange(3), 1)}.get(f, ())
    with pytest.raises(TypeError, match=f"{f.__name__} has no derivative here"):
        f(Variable(A(3)), *args)
