"""The general algorithm, on graphs of every shape that has broken one before."""

import gc
import time
import tracemalloc
import weakref

import numpy as np
import pytest

from npbp import graph
from npbp.graph import Operation, Variable, general_back_propagation, naive_back_propagation, prune

X = np.array([1.0, -2.0, 3.0])


def d(z, *targets, upstream=None):
    """The gradients as plain arrays, after every way to compute them has given the same."""
    inserted = general_back_propagation(targets, z, upstream)
    plain = general_back_propagation(targets, z, upstream, insert=False)
    naive, _ = naive_back_propagation(targets, z, upstream)
    again = general_back_propagation(targets, z, upstream, insert=False)
    for V in targets:
        assert type(inserted[V]) is Variable and type(plain[V]) is not Variable
        for other in (inserted[V].value, naive[V], again[V]):
            np.testing.assert_allclose(other, plain[V], rtol=1e-14)
        assert plain[V].shape == inserted[V].shape == V.shape
        assert plain[V].dtype == inserted[V].dtype == V.dtype
    return plain[targets[0]] if len(targets) == 1 else [plain[V] for V in targets]


def same(found, expected):
    """The same nodes in the same order. (== between variables compares their values.)"""
    return len(found) == len(expected) and all(a is b for a, b in zip(found, expected))


# ---- shapes of graphs


def test_x_times_x():
    x = Variable(3.0)
    assert d(x * x, x) == 6


def test_b_is_a_plus_a_and_c_is_b_plus_b():
    a = Variable(1.5)
    b = a + a
    c = b + b
    assert d(c, a, b, c) == [4, 2, 1]


def test_the_two_expressions_of_the_worked_example():
    a = Variable(1.5)
    b = a + a
    c = b * b
    assert d(c, b, a) == [6, 12]


def test_a_diamond_ladder_of_60_rungs_has_2_to_the_60_paths_and_is_done_at_once():
    x = Variable(1.0)
    y = x
    for _ in range(60):
        left, right = y * 1.0, y * 1.0
        y = left + right
    began = time.perf_counter()
    for insert in (True, False):
        gradient = general_back_propagation([x], y, insert=insert)[x]
        assert float(graph.variable.value_of(gradient)) == 2.0**60
    tangent = graph.general_forward_propagation({x: 1.0}, [y], insert=False)[y]
    assert tangent == 2.0**60
    assert time.perf_counter() - began < 1


def test_paths_of_unequal_depth():
    x = Variable(2.0)
    long = x
    for _ in range(5):
        long = long * 3.0
    assert d(long * x + x, x) == 2 * 3**5 * 2 + 1
    # A node that is reached first by the short way, then by the long one:
    a = x * x
    b = a * 2.0
    c = b * a
    assert d(c + a, x) == 2 * 4 * 2**3 + 2 * 2


def test_an_unused_input_has_zeros():
    x, unused = Variable(2.0), Variable(np.ones((2, 3), np.float32))
    d_x, d_unused = d(x * 3.0, x, unused)
    assert d_x == 3 and not d_unused.any()
    assert not d(x * 3.0, Variable(1.0))


def test_a_target_above_z_and_one_beside_it_have_zeros():
    x = Variable(2.0)
    z = x * x
    above, beside = z * 3.0, x * 5.0
    assert d(z, above, beside, x) == [0, 0, 4]


def test_an_older_z_does_not_depend_on_a_newer_target():
    z = Variable(2.0) * 2.0
    x = Variable(1.0)
    assert d(z, x) == 0


def test_constants_get_no_gradient_and_do_no_harm():
    x = Variable(X)
    z = np.sum((2 * x + np.ones(3)) * np.arange(3) / 4.0 - 1)
    np.testing.assert_array_equal(d(z, x), [0, 0.5, 1])
    labels = Variable(np.array([0, 2]))
    np.testing.assert_array_equal(d(np.sum(x[labels] * 2.0), x), [2, 0, 2])


def test_nothing_passes_through_a_comparison():
    x = Variable(X)
    np.testing.assert_array_equal(d(np.sum((x > 0) * x), x), [1, 0, 1])
    np.testing.assert_array_equal(d(np.sum(np.floor(x)), x), [0, 0, 0])


def test_the_output_is_a_target():
    x = Variable(2.0)
    z = x * x
    assert d(z, z, x) == [1, 4]
    assert d(x, x) == 1
    np.testing.assert_array_equal(d(Variable(X), Variable(X), upstream=X), 0 * X)
    y = Variable(X)
    np.testing.assert_array_equal(d(y, y, upstream=2 * X), 2 * X)


def test_a_target_in_the_middle_and_below_it():
    x = Variable(2.0)
    y = x * x
    z = y * x
    assert d(z, x, y) == [12, 2]


def test_the_same_target_twice_and_no_target_at_all():
    x = Variable(2.0)
    gradients = general_back_propagation([x, x], x * x)
    assert list(gradients) == [x] and gradients[x].value == 4
    assert general_back_propagation([], x * x) == {}
    assert general_back_propagation(iter([x]), x * x)[x].value == 4


class Weighted(Operation):
    """Y = 1 A + 10 B + 100 C."""

    def forward(self, A, B, C):
        return A + 10 * B + 100 * C

    def bprop(self, i, G, Y, A, B, C):
        return 10**i * G


def test_the_same_variable_several_times_in_one_operation():
    x, y = Variable(2.0), Variable(3.0)
    weighted = Weighted()
    assert d(weighted(x, x, x), x) == 111
    assert d(weighted(x, y, x), x, y) == [101, 10]
    assert d(weighted(1.0, x, x), x) == 110
    z = weighted(x, x, y)
    assert same(graph.get_inputs(z), [x, x, y])
    assert sorted(i for C, i in graph.get_children(x, prune([x, y], z)) if C is z) == [0, 1]
    np.testing.assert_array_equal(
        d(np.sum(np.concatenate([Variable(X), x * np.ones(2), x * np.ones(3)])), x), 5
    )


def test_300_consumers_of_one_node():
    x = Variable(0.5)
    y = x * 1.0
    total = 0.0
    for k in range(300):
        total = total + y * float(k)
    assert d(total, x) == 299 * 300 / 2


def test_a_leaf_and_a_number_without_any_operation():
    x = Variable(2.0)
    assert graph.get_inputs(x) == [] and x.op is None
    assert d(+x, x) == 1


def test_broadcasting_is_undone_wherever_it_happened():
    for shape in [(), (1,), (3,), (1, 1), (2, 1), (2, 3), (1, 2, 1)]:
        x = Variable(np.full(shape, 2.0))
        z = np.sum(x * np.ones((4, 2, 3)))
        np.testing.assert_array_equal(d(z, x), np.full(shape, 24 / max(1, x.size)))


def test_gradients_keep_the_dtype_of_their_variable():
    x, y = Variable(np.float32([1, 2])), Variable(X[:2])
    d_x, d_y = d(np.sum(x * y), x, y)
    assert d_x.dtype == np.float32 and d_y.dtype == np.float64
    assert d(Variable(np.float32(2)) * 3.0 * x, x, upstream=[1, 1]).dtype == np.float32


# ---- upstream gradients


def test_z_of_any_shape_takes_an_upstream_gradient():
    x = Variable(X)
    for G in (np.array([1.0, 10, 100]), [1, 10, 100], Variable(np.array([1.0, 10, 100]))):
        np.testing.assert_array_equal(d(x * x, x, upstream=G), 2 * X * [1, 10, 100])
    y = Variable(2.0)
    assert d(y * y, y, upstream=5) == 20
    assert d(y * y, y, upstream=np.float32(5)) == 20


def test_an_upstream_variable_can_be_differentiated():
    x, G = Variable(2.0), Variable(5.0)
    gradient = general_back_propagation([x], x**3, G)[x]
    assert d(gradient, G, x) == [12, 60]


def test_an_upstream_gradient_is_left_as_it_is():
    G = np.ones(3)
    G.flags.writeable = False
    x = Variable(X)
    general_back_propagation([x], np.sort(x) + x, G, insert=False)
    np.testing.assert_array_equal(G, np.ones(3))


def test_z_with_many_entries_needs_an_upstream_gradient():
    x = Variable(X)
    for propagate in (general_back_propagation, naive_back_propagation):
        with pytest.raises(ValueError, match=r"shape \(3,\) and no upstream.*upstream=.*np\.sum"):
            propagate([x], x * x)
        with pytest.raises(ValueError, match=r"shape \(1,\) and no upstream"):
            propagate([x], x[:1])
        with pytest.raises(ValueError, match=r"upstream gradient of shape \(2,\), wanted \(3,\)"):
            propagate([x], x * x, np.ones(2))
        with pytest.raises(ValueError, match=r"upstream gradient of shape \(\), wanted \(3,\)"):
            propagate([x], x * x, 1.0)


# ---- what is refused


def test_what_is_no_variable_is_refused():
    x = Variable(2.0)
    with pytest.raises(TypeError, match="got float.*wanted a Variable.*depend on one at all"):
        general_back_propagation([x], 3.0)
    with pytest.raises(TypeError, match="got ndarray as a target, wanted a Variable"):
        general_back_propagation([X], x)
    with pytest.raises(TypeError, match="target of type int64.*constants"):
        general_back_propagation([Variable(np.array([1, 2]))], x)
    with pytest.raises(TypeError, match="target of type bool"):
        prune([Variable(True)], x)


def test_what_does_not_change_a_little_is_refused_and_not_given_zeros():
    x = Variable(X)
    for z in (np.argmax(x), np.sum(x > 0), x[0] > 1, Variable(2)):
        for call in (general_back_propagation, naive_back_propagation, prune):
            with pytest.raises(TypeError, match="got z of type (int64|bool), wanted floating"):
                call([x], z)
        with pytest.raises(TypeError, match="got an output of type (int64|bool), wanted floating"):
            graph.general_forward_propagation({x: X}, [np.sum(x), z])
    with pytest.raises(TypeError, match="got z of type complex128.*real function"):
        general_back_propagation([x], np.sum(x * 1j))
    assert not d(np.sum(np.floor(x)), x).any()  # flat, but of floating numbers


def test_one_number_with_axes_is_refused_with_what_to_write():
    x = Variable(X)
    for z, text in ((x[:1], r"z\[0\]"), (x[:1].reshape(1, 1), r"z\[0, 0\]")):
        with pytest.raises(ValueError, match=rf"{text}, z\.reshape\(\(\)\) or np\.sum\(z\)"):
            general_back_propagation([x], z)


@pytest.mark.parametrize("x", [0.5, np.array([0.5, 1.0])])
def test_a_way_through_complex_numbers_is_refused_and_not_cut_to_its_real_part(x):
    def f(x):
        return np.sum(np.abs(np.exp(x * 1j)))  # it is 1 for each x, so its derivative is 0

    z = f(x := Variable(x))
    for insert in (True, False):
        with pytest.raises(TypeError, match="derivative of type complex128.* 1j, in the program"):
            general_back_propagation([x], z, insert=insert)
        with pytest.raises(TypeError, match="derivative of type complex128.* 1j, in the program"):
            graph.general_forward_propagation({x: np.ones(x.shape)}, [z], insert=insert)


def test_a_bprop_of_a_wrong_shape_is_named():
    class Transposed(Operation):
        def forward(self, X):
            return X @ X.T

        def bprop(self, i, G, Y, X):
            return (2 * G @ X).T

    x = Variable(np.ones((2, 3)))
    for insert in (True, False):
        with pytest.raises(ValueError, match=r"shape \(3, 2\).*shape \(2, 3\).*bprop returns"):
            general_back_propagation([x], np.sum(Transposed()(x)), insert=insert)


def test_an_operation_without_bprop_is_named_but_only_if_it_is_in_the_way():
    class OneWay(Operation):
        def forward(self, X):
            return X + 1

    x, y = Variable(2.0), Variable(3.0)
    with pytest.raises(TypeError, match="OneWay has no bprop.*no gradient passes"):
        general_back_propagation([x], OneWay()(x) * y)
    assert d(OneWay()(x) * y, y) == 3


# ---- gradients are variables


def test_a_third_derivative():
    x = Variable(2.0)
    z = x**4
    for expected in (32, 48, 48, 24, 0):
        z = general_back_propagation([x], z)[x]
        assert z.value == expected


def test_a_mixed_derivative_of_an_array_function():
    x, y = Variable(X), Variable(X + 4)
    z = np.sum(x**2 * y**3)
    d_x = general_back_propagation([x], z)[x]
    d_xy = general_back_propagation([y], np.sum(d_x))[y]
    np.testing.assert_allclose(d_xy.value, 2 * X * 3 * (X + 4) ** 2)
    d_xyx = general_back_propagation([x], np.sum(d_xy))[x]
    np.testing.assert_allclose(d_xyx.value, 2 * 3 * (X + 4) ** 2)


def test_calling_twice_gives_the_same_and_stores_nothing_on_the_nodes():
    x = Variable(X)
    y = np.exp(x) * x
    z = np.sum(y * y)
    nodes = prune([x], z).order
    before = [(V.value, V.op, V.inputs, V.index, V.name) for V in nodes]
    assert not hasattr(x, "__dict__")
    first = general_back_propagation([x, y], z)
    second = general_back_propagation([x, y], z)
    for V in (x, y):
        assert first[V] is not second[V]
        np.testing.assert_array_equal(first[V].value, second[V].value)
    for V, (value, *rest) in zip(nodes, before):
        assert V.value is value
        assert all(a is b for a, b in zip([V.op, V.inputs, V.index, V.name], rest))


# ---- the parts of the algorithm, each alone


def test_get_inputs_and_get_children_are_the_edges_of_the_graph():
    a = Variable(1.0)
    b = a * 2.0
    c = b + a
    part = prune([a], c)
    assert same(graph.get_inputs(c), [b, a]) and same(graph.get_inputs(b), [a])
    assert set(graph.get_children(a, part)) == {(b, 0), (c, 1)}
    assert set(graph.get_children(b, part)) == {(c, 0)}
    assert not graph.get_children(c, part) and not graph.get_children(Variable(1.0), part)


def test_build_grad_asked_for_one_node_fills_in_what_it_needs():
    a = Variable(1.5)
    b = a + a
    c = b * b
    for insert in (True, False):
        table = graph.backprop.GradTable(prune([a], c), insert)
        table[c] = Variable(np.float64(1.0)) if insert else np.float64(1.0)
        assert float(graph.variable.value_of(graph.build_grad(a, table))) == 12
        assert set(table) == {a, b, c}
        known = table[b]
        assert graph.build_grad(b, table) is known


def test_bprop_is_one_term_of_the_sum():
    a = Variable(np.array([2.0]))
    c = a * np.array([3.0, 4.0])
    term = graph.bprop(c, 0, np.array([1.0, 10.0]), insert=False)
    np.testing.assert_array_equal(term, [43.0])  # summed back to the shape of a
    assert type(graph.bprop(c, 0, Variable(np.array([1.0, 10.0])))) is Variable


def test_pruning_leaves_out_what_is_on_no_path_from_a_target_to_z():
    class Bomb(Operation):
        """Must never be asked for a derivative."""

        def forward(self, X):
            return X * 1.0

        def bprop(self, i, G, Y, X):
            raise AssertionError("computed what nobody needs")

    bomb = Bomb()
    x, y = Variable(2.0), Variable(3.0)
    below = bomb(y)  # leads to z, comes from no target
    a = x * below
    beside = bomb(a)  # comes from a target, does not lead to z
    z = a * a + below
    part = prune([x], z)
    assert part.order[0] is z and part.order[-1] is x
    assert {a, x} <= set(part.order) and not {below, beside, y} & set(part.order)
    assert d(z, x) == 2 * 2 * 9
    # A dead end below: comes from a target by way of a constant only.
    w = (a > 0) * below
    assert prune([x], w).order == [] and d(w, x) == 0


def test_the_order_has_each_node_before_its_inputs():
    x = Variable(2.0)
    y = x
    for k in range(20):
        y = y * x + np.sin(y)
    order = prune([x], y).order
    place = {V: k for k, V in enumerate(order)}
    for V in order:
        for inp in graph.get_inputs(V):
            assert place[inp] > place[V]


def test_a_graph_with_dead_ends_is_in_order_too_and_they_are_left_out():
    x, other = Variable(2.0), Variable(3.0)
    y, dead = x, []
    for k in range(3000):
        dead.append(other * float(k))  # newer than x, and not made of it
        y = y * 0.999 + dead[-1] * 1e-3
    part = prune([x], y)
    indices = [V.index for V in part.order]
    assert indices == sorted(indices, reverse=True) and len(indices) == 2 * 3000 + 1
    assert part.order[0] is y and part.order[-1] is x and not set(dead) & set(part.order)
    # Each gradient is found in the table: `build_grad` never goes deep, which would end at 1000.
    assert d_plain(y, x) == pytest.approx(0.999**3000)


def test_without_dead_ends_the_order_is_that_of_the_indices_too():
    x = Variable(2.0)
    y = x
    for _ in range(50):
        y = np.sin(y) + x * y
    indices = [V.index for V in prune([x], y).order]
    assert indices == sorted(indices, reverse=True)


def d_plain(z, x):
    return general_back_propagation([x], z, insert=False)[x]


def test_get_consumers_is_the_name_that_the_book_has_for_get_children():
    a = Variable(1.0)
    b = a * 2.0
    c = b * b
    part = prune([a], c)
    assert graph.get_consumers is graph.get_children and "get_consumers" in graph.__all__
    assert "consumers" in graph.get_children.__doc__.splitlines()[0]
    assert type(part.children) is dict
    for V in part.order:  # one kind of thing, whether there is one consumer, or none or several
        assert type(part.children[V]) is list and part.children[V] == graph.get_consumers(V, part)


# ---- the count


def test_the_naive_sum_visits_2_to_the_n_paths_where_the_table_visits_n_nodes():
    for n in (1, 5, 12):
        x = Variable(1.0)
        rungs = [x]
        for _ in range(n):
            rungs.append(rungs[-1] + rungs[-1])
        gradients, counts = naive_back_propagation([x], rungs[-1])
        assert gradients[x] == 2.0**n
        # z once for each path from there to x, and so on down to x itself, once.
        assert [counts[V] for V in rungs] == [2**k for k in range(n + 1)]
        assert len(prune([x], rungs[-1]).order) == n + 1


def test_the_naive_count_of_a_chain_is_one_each_however_long():
    x = Variable(1.0)
    y = x
    for _ in range(5000):
        y = y * 1.0
    gradients, counts = naive_back_propagation([x], y)
    assert gradients[x] == 1 and set(counts.values()) == {1} and len(counts) == 5001


# ---- depth, memory, time


def chain(x, n):
    y = x
    for _ in range(n // 2):
        y = y * 0.999 + x
    return y


def test_a_chain_of_a_million_operations_is_built_differentiated_and_deleted():
    x = Variable(1.0)
    y = chain(x, 1_000_000)
    gradient = general_back_propagation([x], y, insert=False)[x]
    assert gradient == pytest.approx(y.value)  # y is linear in x, and x is 1
    del y


def test_a_target_at_the_end_of_a_long_graph_does_not_cost_the_graph():
    y = chain(Variable(1.0), 100_000)
    began = time.perf_counter()
    for _ in range(200):
        z = y * y
        general_back_propagation([y], z)
        graph.general_forward_propagation({y: 1.0}, [z])
        graph.grad(lambda x: x * y)(2.0)
    assert time.perf_counter() - began < 2  # 200 walks through all of it take half a minute


def test_gradients_of_a_chain_of_100_000_operations_are_inserted_and_deleted():
    x = Variable(1.0)
    y = chain(x, 100_000)
    table = general_back_propagation([x], y)
    assert table[x].value == pytest.approx(y.value)
    del y, table
    y = x
    for _ in range(10_000):
        y = np.sin(y)
    first = general_back_propagation([x], y)[x]
    second = general_back_propagation([x], first)[x]
    assert np.isfinite(second.value)


def test_a_deleted_graph_is_gone_at_once_without_the_garbage_collector():
    class Marked(Operation):
        def forward(self, X):
            return X * 1.0

        def bprop(self, i, G, Y, X):
            return G

    gc.disable()
    try:
        x, op = Variable(1.0), Marked()
        y = op(chain(x, 1000))
        gone = weakref.ref(op)
        del op
        gradient = general_back_propagation([x], y)[x]
        del y, gradient
        assert gone() is None
    finally:
        gc.enable()


def test_memory_is_linear_in_the_number_of_operations():
    def peak(n, insert):
        x = Variable(1.0)
        gc.collect()
        tracemalloc.start()
        y = chain(x, n)
        general_back_propagation([x], y, insert=insert)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size / n

    peak(1000, True)
    for insert, n in ((False, 100_000), (True, 40_000)):
        assert peak(n, insert) < 1.2 * peak(n // 10, insert)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was_also_after_an_error(enabled):
    class Broken(Operation):
        def forward(self, X):
            return X * 1.0

        def bprop(self, i, G, Y, X):
            assert not gc.isenabled()
            raise ZeroDivisionError("in bprop")

    x = Variable(2.0)
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        general_back_propagation([x], x * x)
        assert gc.isenabled() is enabled
        with pytest.raises(ZeroDivisionError, match="in bprop"):
            general_back_propagation([x], Broken()(x))
        assert gc.isenabled() is enabled
        with pytest.raises(ZeroDivisionError, match="in bprop"):
            graph.grad(Broken())(2.0)
        assert gc.isenabled() is enabled
        with pytest.raises(ValueError):
            general_back_propagation([x], x * X)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_a_bprop_that_is_zero_whatever_g_is_has_a_zero_tangent():
    class Flat(graph.Operation):
        def forward(self, X):
            return np.floor(X)

        def bprop(self, i, G, Y, X):
            return X * 0

    value, tangent = graph.jvp(Flat(), (np.array([1.5, 2.5]),), (np.ones(2),))
    assert value.tolist() == [1, 2] and tangent.tolist() == [0, 0]


@pytest.mark.parametrize("value", [2.0, [1.0, 2.0, 3.0]])
def test_one_variable_where_a_list_is_wanted_is_an_error_and_not_taken_apart(value):
    x = graph.Variable(np.array(value))
    z = np.sum(x * x)
    for call in (graph.general_back_propagation, graph.naive_back_propagation, graph.prune):
        with pytest.raises(TypeError, match=r"got one Variable as targets, wanted a list .*\[x\]"):
            call(x, z)
    with pytest.raises(TypeError, match=r"got one Variable as outputs, wanted a list"):
        graph.general_forward_propagation({x: np.ones_like(x.value)}, z)
