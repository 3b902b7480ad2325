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
    with pytest.raises(ValueError, match="order must be"):
        np.reshape(x, (3, 2), order="G")
    with pytest.raises(ValueError, match="order must be"):
        np.ravel(x, order="G")
    with pytest.raises(TypeError, match="np.pad: got mode='linear_ramp'"):
        np.pad(x, 1, mode="linear_ramp")
    with pytest.raises(TypeError, match="reflect_type"):
        np.pad(x, 1, mode="reflect", reflect_type="odd")
    with pytest.raises(TypeError, match="got dtype=int64 for float64, with casting='same_kind'"):
        np.concatenate([x, x], dtype=np.int64)
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


# ---- orders, types, sizes


@pytest.mark.parametrize("order", ["C", "F", "A", "K"])
def test_ravel_and_reshape_read_the_numbers_in_the_order_that_numpy_does(order):
    x = A(2, 3, 4)
    for x in (x, np.asfortranarray(x), np.transpose(x, (1, 0, 2)), x[:, ::-1], x[::-1, :, ::2]):
        np.testing.assert_array_equal(np.ravel(Variable(x), order).value, np.ravel(x, order))
        if order != "K":
            found = np.reshape(Variable(x), (-1, 2), order=order)
            np.testing.assert_array_equal(found.value, np.reshape(x, (-1, 2), order=order))
    graph.check_grads(lambda x: np.ravel((x * x).T, order), (A(2, 3),))
    if order != "K":
        graph.check_grads(lambda x: np.reshape((x * x).T, (2, 3), order=order), (A(2, 3),))


def test_arrays_are_joined_in_the_type_that_is_asked_for():
    x, y = Variable(A(2, 3)), A(2, 3, seed=1).astype(np.float32)
    for f in (np.concatenate, np.stack, np.vstack, np.hstack):
        z = f([x, y], dtype=np.float32)
        np.testing.assert_array_equal(z.value, f([x.value, y], dtype=np.float32))
        assert z.dtype == np.float32
        slope = general_back_propagation([x], np.sum(z * z))[x]
        assert slope.dtype == np.float64
        np.testing.assert_allclose(slope.value, 2 * x.value, rtol=1e-6)
        whole = f([x, y], dtype=np.int64, casting="unsafe")
        np.testing.assert_array_equal(whole.value, np.zeros(z.shape))


def test_resize_of_an_empty_array_is_zeros_as_in_numpy():
    x = Variable(np.zeros(0))
    y = np.resize(x, (2, 3))
    np.testing.assert_array_equal(y.value, np.resize(x.value, (2, 3)))
    slope = general_back_propagation([x], np.sum(y) + np.sum(x))[x]
    assert slope.shape == (0,)


def test_a_variable_among_the_settings_of_what_moves_numbers_is_refused():
    x, i = Variable(A(3)), Variable(1)
    with pytest.raises(TypeError, match="np.delete: got a variable among the settings"):
        np.delete(x, i)


def test_blocks_that_do_not_fit_fail_as_in_numpy():
    x = Variable(A(2, 3))
    for wrong in ([[x, x], x], [], [[x], []], [[x, x], [x]]):
        with pytest.raises(ValueError):
            np.block(wrong)


def test_insert_cuts_off_what_does_not_fit_into_integers_as_numpy_does():
    x = Variable(np.array([1, 2, 3]))
    np.testing.assert_array_equal(np.insert(x, 1, Variable(2.7)).value, [1, 2, 2, 3])


def test_lexsort_gives_positions_that_are_a_constant():
    a, b = np.array([1.0, 0.0, 1.0, 0.0]), A(4)
    for keys in ((Variable(b), Variable(a)), (b, Variable(a)), Variable(np.stack([b, a]))):
        np.testing.assert_array_equal(np.lexsort(keys).value, np.lexsort((b, a)))


def test_apply_along_axis_wants_vectors():
    with pytest.raises(ValueError, match=r"shape \(0, 3\) and axis 1, which has no vector there"):
        np.apply_along_axis(np.sum, 1, Variable(np.zeros((0, 3))))


def test_choose_and_select_refuse_what_numpy_refuses():
    x = Variable(A(2))
    with pytest.raises(ValueError, match="np.choose: got an index outside of the 2 choices"):
        np.choose(np.array([0, 2]), [x, x])
    with pytest.raises(ValueError, match="np.select: got 1 conditions and 2 choices"):
        np.select([x > 0], [x, x])
    with pytest.raises(TypeError, match="np.select: got a condition of float64, wanted booleans"):
        np.select([x], [x])


@pytest.mark.parametrize("kth", [0, 2, -1, (1, 4)])
def test_equal_numbers_in_a_partition_share_the_gradient(kth):
    x = np.array([2.0, 1, 2, 0, 2, 1])
    y, pull = graph.vjp(lambda x: np.partition(x, kth), x)
    np.testing.assert_array_equal(y, np.partition(x, kth))
    G = A(6)
    equal = (y[:, None] == x[None, :]).astype(float)
    J = equal / equal.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pull(G)[0], J.T @ G, atol=1e-14)


@pytest.mark.parametrize(
    "f, reason",
    [
        (np.unique, r"np.unique of a variable: how many .* use np.unique\(x.value\)"),
        (np.trim_zeros, "np.trim_zeros of a variable: how many"),
        (np.sort_complex, "result is complex"),
        (np.linalg.eig, "np.linalg.eig of a variable: .* use np.linalg.eigh"),
        (np.linalg.eigvals, "np.linalg.eigvals of a variable"),
        (lambda x: np.piecewise(x, [x > 0], [1.0]), "np.where or np.select"),
    ],
)
def test_what_has_no_derivative_is_refused_with_its_reason(f, reason):
    with pytest.raises(TypeError, match=reason):
        f(Variable(A(3, 3)))
