"""What rows cannot say of `npbp.graph.operations.indexing`."""

import numpy as np
import pytest
from rows import A

from npbp import graph
from npbp.graph import Variable, evaluate, general_back_propagation
from npbp.graph.operations.indexing import GetItem, Scatter


def gradient(f, x):
    return graph.grad(f)(x)


def test_repeated_integers_add_up():
    weights = np.array([1.0, 10.0, 100.0])
    np.testing.assert_array_equal(
        gradient(lambda x: np.sum(x[[0, 2, 0]] * weights), A(4)), [101, 0, 10, 0]
    )


@pytest.mark.parametrize("size", [8, 8000], ids=["counted", "added one by one"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.longdouble, complex, int])
def test_scatter_is_what_add_at_does_in_every_type(size, dtype):
    rng = np.random.default_rng(0)
    index = rng.integers(-size, size, (5, 6)), slice(1, None, 2)
    X = rng.integers(-9, 9, (5, 6, 3)).astype(dtype) + (1j if dtype is complex else 0)
    Y = np.zeros((size, 6), dtype)
    np.add.at(Y, index, X)
    result = Scatter(index, (size, 6))(X)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, Y)


def test_scatter_and_getitem_are_each_others_transpose():
    x, y = A(4, 3), A(3, 3)
    index = np.array([[0], [0], [3]]), np.array([1, -1, 1])
    left = np.sum(GetItem(index)(x) * y)
    right = np.sum(x * Scatter(index, x.shape)(y))
    assert left == pytest.approx(right, abs=1e-14)


def test_an_index_that_is_written_into_later_does_not_change_the_gradient():
    index = np.array([0, 1])
    x = Variable(A(4))
    y = np.sum(x[index])
    index[:] = 3
    np.testing.assert_array_equal(general_back_propagation([x], y)[x].value, [1, 1, 0, 0])


def test_an_index_of_variables_is_an_input_of_the_operation():
    x = Variable(A(3, 4), name="x")
    i, j = Variable(np.array([0, 0, 2])), Variable(1)
    y = x[i, j:]
    assert [V.index for V in y.inputs] == [x.index, i.index, j.index]
    z = np.sum(y * y)
    slope = general_back_propagation([x], z)[x]
    new = np.array([1, -1, 1])
    got_y, got_slope = evaluate([y, slope], {i: new})
    np.testing.assert_array_equal(got_y, x.value[new, 1:])
    wanted = np.zeros((3, 4))
    np.add.at(wanted, (new, slice(1, None)), 2 * x.value[new, 1:])
    np.testing.assert_allclose(got_slope, wanted, atol=1e-14)


def test_variables_in_a_list_are_an_index_too():
    x, i = Variable(A(5)), Variable(3)
    y = x[[i, 0, i]]
    np.testing.assert_array_equal(y.value, x.value[[3, 0, 3]])
    np.testing.assert_array_equal(evaluate(y, {i: 1}), x.value[[1, 0, 1]])


def test_a_plain_array_does_not_take_a_variable_for_an_index_in_silence():
    x, i = A(3, 4), Variable(np.array([2, 0]))
    for use in (lambda: x[i], lambda: x[i > 0], lambda: np.take(x, i)):
        # (NumPy 1.22 would take the variable for a tuple of indices, but warns of it.)
        with pytest.raises((TypeError, FutureWarning)):
            use()


def test_functions_that_ask_their_index_take_a_variable_for_it():
    x = A(3, 4)
    i = Variable(np.array([2, 0]))
    for f in [
        lambda x, i: np.take_along_axis(x, i.reshape(2, 1), axis=0),
        lambda x, i: np.compress(i, x, axis=0),
        lambda x, i: graph.at(x)[i].set(0.0),
    ]:
        y = f(x, i)
        assert type(y) is Variable
        np.testing.assert_array_equal(y.value, f(x, i.value))


def test_ix_takes_variables():
    x, i, mask = Variable(A(3, 4)), Variable(np.array([2, 0])), Variable(np.arange(4) > 1)
    np.testing.assert_array_equal(x[np.ix_(i, mask)].value, x.value[np.ix_(i.value, mask.value)])
    with pytest.raises(ValueError, match=r"np.ix_: got an array of shape \(3, 4\), wanted"):
        np.ix_(x)


def test_a_mask_found_again_moves_the_gradient():
    x = Variable(np.array([1.0, -2.0, 3.0]))
    y = np.sum(x[x > 0] ** 2)
    slope = general_back_propagation([x], y)[x]
    np.testing.assert_array_equal(slope.value, [2, 0, 6])
    np.testing.assert_array_equal(evaluate(slope, {x: [-1.0, 2.0, 3.0]}), [0, 4, 6])


def test_a_mask_that_selects_another_number_is_refused_and_not_broadcast():
    x = Variable(np.array([1.0, -2.0, -3.0]))
    slope = general_back_propagation([x], np.mean(x[x > 0]))[x]
    with pytest.raises(ValueError, match="got an array of shape .* selects another number"):
        evaluate(slope, {x: [1.0, 2.0, 3.0]})


def test_a_variable_can_be_iterated_and_unpacked():
    x = Variable(A(2, 3))
    a, b = x
    np.testing.assert_array_equal(a.value + 10 * b.value, x.value[0] + 10 * x.value[1])
    np.testing.assert_array_equal(
        general_back_propagation([x], np.sum(a - b))[x].value, [[1, 1, 1], [-1, -1, -1]]
    )


def test_an_index_out_of_bounds_is_numpys_error():
    x = Variable(A(3))
    for use in (lambda: x[3], lambda: x[[0, 5]], lambda: x.at[3].set(0.0), lambda: np.take(x, 4)):
        with pytest.raises(IndexError, match="out of bounds"):
            use()
    with pytest.raises(IndexError, match="too many indices"):
        x[0, 0]
    with pytest.raises(IndexError):
        x[0.5]
    with pytest.raises(IndexError):
        x[Variable(0.5)]


# ---- at


def test_at_leaves_x_as_it_was():
    x = A(4)
    before = x.copy()
    graph.at(x)[1:].set(0.0), graph.at(x)[[0, 0]].add(1.0), Variable(x).at[0].add(5.0)
    np.testing.assert_array_equal(x, before)


def test_what_at_gives_shares_no_memory_with_x():
    x = A(4)
    assert not np.shares_memory(x, graph.at(x)[1:].set(0.0))
    assert not np.shares_memory(x, graph.at(x)[[]].set(np.zeros(0)))
    assert not np.shares_memory(x, graph.at(x)[:0].add(1.0))


def test_of_values_set_to_one_place_the_last_stays_and_only_it_has_a_gradient():
    x, v = Variable(A(3)), Variable(np.array([5.0, 6.0, 7.0, 8.0]))
    y = x.at[[1, 1, 2, 1]].set(v)
    np.testing.assert_array_equal(y.value, [x.value[0], 8, 7])
    G = np.array([1.0, 10.0, 100.0])
    slopes = general_back_propagation([x, v], y, G)
    np.testing.assert_array_equal(slopes[v].value, [0, 0, 100, 10])
    np.testing.assert_array_equal(slopes[x].value, [1, 0, 0])


def test_a_number_set_to_one_place_twice_counts_once_and_added_counts_twice():
    f = lambda v: np.sum(graph.at(np.zeros(3))[[1, 1, 2]].set(v))
    assert gradient(f, 2.0) == 2
    f = lambda v: np.sum(graph.at(np.zeros(3))[[1, 1, 2]].add(v))
    assert gradient(f, 2.0) == 3


def test_the_last_value_stays_also_for_an_index_of_variables():
    x, v, i = Variable(A(3)), Variable(A(2)), Variable(np.array([0, 0]))
    y = x.at[i].set(v)
    slope = general_back_propagation([v], np.sum(y))[v]
    np.testing.assert_array_equal(slope.value, [0, 1])
    np.testing.assert_array_equal(evaluate(slope, {i: [2, 1]}), [1, 1])


def test_the_last_value_is_that_of_numpy():
    rng = np.random.default_rng(0)
    for index, shape in [
        (rng.integers(0, 3, 20), (20, 4)),
        ((slice(None), rng.integers(0, 4, 20)), (3, 20)),
        ((rng.integers(0, 3, (5, 6)), rng.integers(0, 4, (5, 6))), (5, 6)),
        ((rng.integers(0, 3, (5, 1)), rng.integers(0, 4, 6)), (5, 6)),
    ]:
        v = rng.normal(size=shape)
        y = np.zeros((3, 4))
        y[index] = v
        np.testing.assert_array_equal(graph.at(np.zeros((3, 4)))[index].set(v), y)


def test_at_keeps_the_type_of_x():
    x = A(3).astype(np.float32)
    for y in (
        graph.at(x)[0].set(0.1),
        graph.at(x)[0].add(np.float64(0.1)),
        Variable(x).at[1:].add(A(2)).value,
        Variable(x).at[1:].set(Variable(A(2))).value,
        Variable(x).at[[1, 1]].add(Variable(A(2))).value,
    ):
        assert y.dtype == np.float32
    assert graph.at(np.zeros(3, int))[0].add(2).dtype == int


def test_a_value_of_another_floating_type_has_a_gradient_of_its_own_type():
    x, v = Variable(A(3).astype(np.float32)), Variable(A(2))
    for y in (x.at[1:].set(v), x.at[1:].add(v)):
        slopes = general_back_propagation([x, v], np.sum(y))
        assert slopes[x].dtype == np.float32 and slopes[v].dtype == np.float64


@pytest.mark.parametrize("name", ["set", "add"])
def test_values_that_do_not_fit_are_refused(name):
    def put(x, index, v):
        return getattr(graph.at(x)[index], name)(v)

    with pytest.raises(TypeError, match=f"{name}: got values of float64 for an array of int.*cut"):
        put(np.zeros(3, int), 0, Variable(0.5))
    with pytest.raises(ValueError, match=r"a value of shape \(1, 2\) for places of shape \(2,\)"):
        put(np.zeros(3), slice(2), Variable(A(1, 2)))
    with pytest.raises(ValueError, match="broadcast"):
        put(np.zeros(3), slice(2), Variable(A(3)))
    with pytest.raises(ValueError, match="broadcast"):
        put(np.zeros(3), [0, 0], Variable(A(3)))


def test_complex_numbers_go_through_at():
    x, step = A(3), 1e-30j
    v = A(2)
    for f in (
        lambda v: graph.at(x)[[0, 0]].add(v),
        lambda v: graph.at(x)[1:].set(v),
        lambda v: graph.at(x)[[0, 0]].set(v),
        lambda v: graph.at(v)[1].set(2.0),
        lambda v: graph.at(v)[1].add(2.0),
    ):
        y = f(v + step)
        np.testing.assert_array_equal(y.real, f(v))
        assert np.any(y.imag != 0)


def test_functions_that_write_say_what_to_use():
    x = Variable(A(3))
    plain = A(3)
    for write in (
        lambda: np.put(x, [0], 1.0),
        lambda: np.place(x, [True, False, True], 1.0),
        lambda: np.putmask(x, [True, False, True], 1.0),
        lambda: np.fill_diagonal(Variable(A(3, 3)), 0.0),
        lambda: np.copyto(plain, x),
        lambda: np.put_along_axis(x, np.array([0]), 1.0, 0),
        lambda: np.add.at(plain, [0, 1], x[:2]),
    ):
        with pytest.raises(TypeError, match=r"at\(x\)\[index\]\.set\(value\) or \.add"):
            write()
    with pytest.raises(TypeError, match=r"use x.at\[index\].set\(value\)"):
        x[0] = 1.0
    np.testing.assert_array_equal(plain, A(3))


def test_take_knows_the_modes_of_numpy_and_no_other():
    x = Variable(A(3))
    with pytest.raises(ValueError, match="np.take: got mode='around', wanted 'raise', 'wrap'"):
        np.take(x, [5], mode="around")
    with pytest.raises(IndexError):
        np.take(x, [5])
    for mode in ("wrap", "clip"):
        with pytest.raises(IndexError):  # as NumPy does
            np.take(x[:0], [5], mode=mode)


def test_the_mode_of_take_is_applied_again_to_an_index_that_is_a_variable():
    x, i = Variable(A(3)), Variable(np.array([4, -5]))
    y = np.take(x, i, mode="wrap")
    np.testing.assert_array_equal(y.value, np.take(x.value, [4, -5], mode="wrap"))
    again = graph.evaluate(y, {i: [7, 2]})
    np.testing.assert_array_equal(again, np.take(x.value, [7, 2], mode="wrap"))


def test_compress_wants_a_condition_of_one_axis():
    with pytest.raises(ValueError, match=r"np.compress: got a condition of shape \(1, 2\)"):
        np.compress([[True, False]], Variable(A(2)))


@pytest.mark.parametrize(
    "f", [np.diag_indices_from, np.tril_indices_from, lambda x: np.triu_indices_from(x, k=1)]
)
def test_the_places_of_a_part_of_a_matrix_are_asked_of_its_shape(f):
    x = A(3, 3)
    for found, expected in zip(f(Variable(x)), f(x)):
        np.testing.assert_array_equal(found, expected)


def test_take_along_axis_wants_as_many_axes():
    with pytest.raises(ValueError, match=r"indices with 1 axes for an array of shape \(2, 3\)"):
        np.take_along_axis(Variable(A(2, 3)), np.array([0]), axis=0)
    with pytest.raises(ValueError, match="got axis 2 for an array with 2 axes"):
        np.take(Variable(A(2, 3)), 0, axis=2)
