"""What rows cannot say of `npbp.graph.operations.shaping` and `npbp.graph.operations.joining`."""

import numpy as np
import pytest
from rows import A

from npbp import graph
from npbp.graph import Variable, evaluate, general_back_propagation


# ---- sort: ties


def sharing(x):
    """The Jacobian of sort(x), with ties shared: by its definition, number by number."""
    y = np.sort(x)
    equal = (y[:, None] == x[None, :]).astype(float)
    return equal / equal.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "x",
    [[2, 1, 2, 0, 2, 1], [1, 1], [3], [1, 2, 3], [3, 2, 1], [0.0, -0.0, 1], [np.inf, 1, np.inf]],
    ids=str,
)
def test_equal_numbers_in_sort_share_the_gradient_equally_to_second_order(x):
    x = np.array(x, dtype=float)
    J = sharing(x)
    G, T = A(len(x)), A(len(x), seed=1)
    y, pull = graph.vjp(np.sort, x)
    np.testing.assert_array_equal(y, np.sort(x))
    np.testing.assert_allclose(pull(G)[0], J.T @ G, atol=1e-14)
    np.testing.assert_allclose(graph.jvp(np.sort, (x,), (T,))[1], J @ T, atol=1e-14)
    weights = np.arange(1.0, len(x) + 1)
    finite = np.where(np.isinf(x), 0, x)
    if not np.isinf(x).any():
        hessian = graph.hessian(lambda x: np.sum(weights * np.sort(x) ** 2))(finite)
        np.testing.assert_allclose(hessian, J.T @ np.diag(2 * weights) @ J, atol=1e-13)


def test_ties_are_shared_within_each_row_alone():
    x = np.array([[1.0, 1.0, 0.0], [1.0, 2.0, 1.0]])
    G = A(2, 3)
    pulled = graph.vjp(np.sort, x)[1](G)[0]
    for row in range(2):
        np.testing.assert_allclose(pulled[row], sharing(x[row]).T @ G[row], atol=1e-14)


def test_ties_are_found_again_when_the_graph_is_evaluated_again():
    x = Variable(np.array([3.0, 1.0, 2.0]))
    slope = general_back_propagation([x], np.sort(x), [1.0, 10.0, 100.0])[x]
    np.testing.assert_array_equal(slope.value, [100, 1, 10])
    np.testing.assert_array_equal(evaluate(slope, {x: [2.0, 2.0, 5.0]}), [5.5, 5.5, 100])


def test_sort_puts_nan_last_and_keeps_their_gradients_apart():
    x = np.array([np.nan, 1.0, np.nan, 0.0])
    G = np.array([1.0, 10.0, 100.0, 1000.0])
    pulled = graph.vjp(np.sort, x)[1](G)[0]
    np.testing.assert_array_equal(pulled, [100, 10, 1000, 1])


# ---- lists of variables


def test_a_plain_array_is_not_made_of_variables_in_silence():
    x = Variable(1.0)
    v = Variable(A(3))
    for make in (
        lambda: np.array([x, x]),
        lambda: np.array([1.0, x]),
        lambda: np.array([[x, 1.0], [2.0, x]]),
        lambda: np.array([v, v]),
        lambda: np.array(v),
        lambda: np.asarray([x], dtype=float),
        lambda: np.array([Variable(1), Variable(2)]),
    ):
        with pytest.raises(TypeError, match="a variable does not become a plain array by itself"):
            make()


def test_numbers_keep_the_type_of_the_variables_beside_them():
    x = Variable(np.float32(2.0))
    assert graph.array([x, 1.0, 2]).dtype == np.float32
    assert graph.array([[x, 1.0], [True, 2]]).dtype == np.float32
    assert graph.array([Variable(1), 2]).dtype.kind == "i"
    assert graph.array([Variable(1), 0.5]).dtype == np.float64
    assert graph.array([x, Variable(1.0)]).dtype == np.float64


def test_array_of_plain_numbers_is_a_plain_array():
    y = graph.array([[1, 2], [3, 4.5]])
    assert type(y) is np.ndarray
    np.testing.assert_array_equal(y, [[1, 2], [3, 4.5]])


def test_array_takes_many_of_all_kinds():
    items = [Variable(1.0), np.float32(2), 3, 4.0] * 100
    assert graph.array(items).shape == (400,)


def test_array_of_different_shapes_is_refused():
    with pytest.raises(ValueError, match=r"different shapes \[\(\), \(2,\)\], wanted one"):
        graph.array([Variable(1.0), [2.0, 3.0]])


def test_lists_mix_variables_arrays_lists_and_numbers():
    x, y = Variable(A(2)), Variable(0.5)
    z = np.concatenate([x, np.ones(2), [3.0, 4.0], [y, 1.0]])
    np.testing.assert_array_equal(z.value, np.r_[x.value, 1, 1, 3, 4, 0.5, 1])
    G = np.arange(8.0)
    slopes = general_back_propagation([x, y], z, G)
    np.testing.assert_array_equal(slopes[x].value, [0, 1])
    assert slopes[y].value == 6
    np.testing.assert_array_equal(np.stack([y, 1.0]).value, [0.5, 1])


# ---- names, settings and what is refused


def test_an_array_function_that_only_moves_numbers_gives_numpys_errors():
    x = Variable(A(2, 3))
    for wrong in (
        lambda: np.reshape(x, (4, 2)),
        lambda: np.squeeze(x, axis=0),
        lambda: np.swapaxes(x, 0, 2),
        lambda: np.transpose(x, (0, 0)),
        lambda: np.moveaxis(x, 0, 5),
        lambda: np.expand_dims(x, 5),
        lambda: np.broadcast_to(x, (2, 4)),
        lambda: np.concatenate([x, A(2, 2)]),
        lambda: np.concatenate([x], axis=2),
        lambda: np.stack([x, A(2, 2)]),
        lambda: np.split(x, 2, axis=1),
        lambda: np.flip(x, axis=2),
        lambda: np.roll(x, 1, axis=2),
        lambda: np.sort(x, axis=2),
        lambda: np.repeat(x, [1, 2, 3], axis=0),
        lambda: np.repeat(x, 2, axis=2),
        lambda: np.split(x, 1, axis=-3),
        lambda: np.hsplit(x[0, 0], 1),
    ):
        with pytest.raises(ValueError):  # np.AxisError is one
            wrong()
    with pytest.raises(ValueError, match=r"np.dsplit: got an array of shape \(2, 3\), wanted at"):
        np.dsplit(x, 1)
    with pytest.raises(ValueError, match=r"np.vsplit: got an array of shape \(3,\), wanted at"):
        np.vsplit(x[0], 1)
    with pytest.raises(ValueError, match="got axis 2 for an array with 2 axes"):
        np.flip(x, 2)


def test_settings_that_are_not_known_are_refused_by_name():
    x = Variable(A(2, 3))
    with pytest.raises(TypeError, match="np.reshape: got order='F'"):
        np.reshape(x, (3, 2), order="F")
    with pytest.raises(TypeError, match="np.ravel: got order='F'"):
        np.ravel(x, order="F")
    with pytest.raises(TypeError, match="np.pad: got mode='linear_ramp'"):
        np.pad(x, 1, mode="linear_ramp")
    with pytest.raises(TypeError, match="reflect_type"):
        np.pad(x, 1, mode="reflect", reflect_type="odd")
    with pytest.raises(TypeError, match="dtype"):
        np.concatenate([x, x], dtype=np.float32)
    with pytest.raises(TypeError, match="np.concatenate with out="):
        np.concatenate([x, x], out=np.zeros((4, 3)))


def test_reshape_takes_the_shape_under_its_name():
    x = Variable(A(2, 3))
    assert np.reshape(x, [3, 2]).shape == (3, 2)
    assert x.reshape(-1).shape == (6,)
    name = "shape" if np.lib.NumpyVersion(np.__version__) >= "2.1.0" else "newshape"
    assert np.reshape(x, **{name: (3, 2)}).shape == (3, 2)


def test_several_at_once_come_back_as_several():
    a, b = np.atleast_1d(Variable(1.0), 2.0)
    assert a.shape == b.shape == (1,)
    a, b = np.broadcast_arrays(Variable(A(2, 1)), A(3))
    assert a.shape == b.shape == (2, 3)


def test_astype_passes_the_gradient_between_floating_types_only():
    x = Variable(A(3))
    y = x.astype(np.float32)
    assert y.dtype == np.float32
    slope = general_back_propagation([x], np.sum(y * y))[x]
    assert slope.dtype == np.float64
    np.testing.assert_allclose(slope.value, 2 * x.value, rtol=1e-6)
    for dtype in (int, bool, np.uint8):
        n = np.abs(x).astype(dtype)
        assert n.dtype == dtype
        slope = general_back_propagation([x], np.sum(n * x))[x]
        np.testing.assert_array_equal(slope.value, n.value)
    assert Variable(np.array([1, 2])).astype(float).dtype == np.float64
    with pytest.raises(TypeError, match="astype: got complex128, wanted a type of real numbers"):
        x.astype(complex)


def test_a_repeat_count_can_be_a_variable():
    x, n = Variable(A(2)), Variable(np.array([1, 2]))
    y = np.repeat(x, n)
    np.testing.assert_array_equal(y.value, np.repeat(x.value, [1, 2]))
    np.testing.assert_array_equal(evaluate(y, {n: [2, 1]}), np.repeat(x.value, [2, 1]))


def test_single_numbers_stay_single_numbers():
    x = Variable(A(1, 1))
    for y in (np.reshape(x, ()), np.squeeze(x), x[0, 0], x[..., 0, 0], np.transpose(x[0, 0])):
        assert isinstance(y.value, np.float64)
