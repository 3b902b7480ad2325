"""A graph as a flat program: the same numbers, and nobody's memory written into."""

import ast
import collections
import gc
import re
import tracemalloc
import weakref

import numpy as np
import pytest

from npbp import Linear, NeuralNet, ReLU, SoftmaxCrossEntropyLoss, graph
from npbp.graph import Variable, evaluate
from npbp.graph.transforms.trees import leaves

# ---- random programs: what is compiled, evaluated and plain NumPy must agree

N, M = 4, 3
NUMBERS = np.array([2, 0, 0, 1])

EACH = [  # of each number alone
    np.tanh, np.sin, np.negative, np.square, np.abs,
    lambda x: x * 1.0, lambda x: 0.5 * x, lambda x: x / 2, lambda x: x - 0.25, lambda x: 1 - x,
    lambda x: x**2, lambda x: (x * x + 1) ** 0.5, lambda x: (x * x + 1) ** -1, lambda x: x**3,
    lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, x, 0.1 * x),
    lambda x: np.exp(-x * x), graph.sigmoid,
]  # fmt: skip
ONE = [
    *EACH, graph.logsumexp, lambda x: graph.softmax(x, axis=0), np.transpose, lambda x: x.T,
    np.ravel, lambda x: np.reshape(x, (-1, 1)), lambda x: np.reshape(x, np.shape(x)),
    lambda x: np.reshape(np.transpose(x), np.shape(x)),
    lambda x: x[..., None], lambda x: x[:1], lambda x: x[::-1], lambda x: x[-1], lambda x: x[1:],
    lambda x: x[..., 0], lambda x: x[NUMBERS % len(x)], lambda x: np.flip(x),
    np.sum, lambda x: np.sum(x, axis=0), lambda x: np.sum(x, axis=-1, keepdims=True),
    lambda x: np.max(x, axis=0), lambda x: np.mean(x, axis=(0,)), np.mean,
    lambda x: np.broadcast_to(x, (2, *np.shape(x))), lambda x: np.sort(x, axis=0),
    lambda x: np.concatenate([x[1:], x[:1]]), lambda x: np.stack([x, x]), lambda x: np.cumsum(x, 0),
]  # fmt: skip
TWO = [
    np.add, np.subtract, np.multiply, np.maximum, np.arctan2, np.minimum,
    lambda x, y: x / (1 + y * y), lambda x, y: np.where(x > y, x, y), lambda x, y: np.matmul(x, y),
    lambda x, y: np.matmul(x, np.transpose(y)), lambda x, y: np.concatenate([x, y]),
    lambda x, y: graph.at(x)[0].set(y[0]), lambda x, y: graph.at(x)[:-1].add(y[1:]),
]  # fmt: skip


def random_program(rng, x, length=30):
    """A plan [(function, places of its arguments)] that can be computed, tried out at x."""
    values, plan = list(x), []
    while len(plan) < length:
        functions, n = (ONE, 1) if rng.integers(2) else (TWO, 2)
        f = functions[rng.integers(len(functions))]
        # Most often of what is recent, so that there are long chains of dead arrays.
        recent = [len(values) - 1 - int(k) for k in rng.geometric(0.2, size=n)]
        places = [k if k >= 0 else int(rng.integers(len(values))) for k in recent]
        if f not in EACH and not all(np.ndim(values[k]) for k in places):
            continue
        try:
            y = f(*[values[k] for k in places])
        except (ValueError, IndexError, ZeroDivisionError):
            continue  # shapes that do not fit
        if np.size(y) <= 200 and np.all(np.isfinite(y)) and np.max(np.abs(y), initial=0) < 100:
            values.append(y)
            plan.append((f, places))
    return plan


def run(plan, x):
    values = list(x)
    for f, places in plan:
        values.append(f(*[values[k] for k in places]))
    return values


def arrays(rng, dtype):
    """Inputs of several layouts, and none to be written into."""

    def draw(*shape):
        return rng.standard_normal(shape).astype(dtype)

    x = [draw(N, M), draw(M, N), draw(N), draw(2 * N, M)[::2], np.asfortranarray(draw(N, M))]
    order = rng.integers(3)
    if order == 1:
        x = [np.asfortranarray(a) for a in x]
    elif order == 2:
        x = [a[::-1] for a in x]
    for a in x:
        a.flags.writeable = False
    return [*x, dtype(rng.standard_normal())]


def same(found, expected):
    for a, b in zip(found, expected):
        assert np.shape(a) == np.shape(b) and a.dtype == b.dtype
        tolerance = 1e-12 if a.dtype == np.float64 else 1e-4
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("ignore:invalid value")  # 0 / 0 in the derivative of arctan2
@pytest.mark.parametrize("seed", range(120))
def test_random_programs_give_what_evaluate_and_numpy_give(seed):
    rng, dtype = np.random.default_rng(seed), (np.float64, np.float32)[seed % 2]
    x = arrays(rng, dtype)
    plan = random_program(rng, x)
    X = [Variable(a) for a in x]
    V = run(plan, X)
    z = np.sum(V[-1] * 0.5)
    gradients = graph.general_back_propagation(X, z)
    # Any of it may be wanted: inputs, views of inputs, the same twice; and constants.
    wanted = [int(k) for k in rng.integers(len(V), size=5)] + [len(V) - 1]
    constant = Variable(np.arange(3.0))
    outputs = [[V[k] for k in wanted], list(gradients.values()), [constant, constant[1:], z, z]]
    # Some inputs keep their values.
    chosen = [k for k in range(len(X)) if rng.integers(4)]
    program = graph.compile(outputs, [X[k] for k in chosen])

    held = []
    for _ in range(3):
        new = arrays(rng, dtype)
        new = [new[k] if k in chosen else x[k] for k in range(len(X))]
        results = leaves(program(*[new[k] for k in chosen]))
        plain = run(plan, new)
        same(results[: len(wanted)], [plain[k] for k in wanted])
        feed = {X[k]: new[k] for k in chosen}
        same(results, leaves(evaluate(outputs, feed)))
        # Fresh arrays: nobody else's memory, neither of this call nor of an earlier one.
        fresh = [a for a in results if isinstance(a, np.ndarray)]
        others = [*new, *x, constant.value, *(v.value for v in V), *(a for a, _ in held)]
        for k, a in enumerate(fresh):
            assert not any(np.shares_memory(a, b) for b in [*fresh[k + 1 :], *others])
        held += [(a, a.copy()) for a in fresh]
        for a, before in held:
            np.testing.assert_array_equal(a, before)
        # And what the caller does to them is nothing to the program.
        if rng.integers(2):
            for a, _ in held:
                a[...] = np.nan
            held = []


# ---- what is left out


class Counting(graph.Operation):
    """Y = 2 X, and how often that was computed."""

    times = 0

    def forward(self, X):
        Counting.times += 1
        return 2 * X

    def bprop(self, i, G, Y, X):
        return 2 * G


@pytest.fixture
def count():
    Counting.times = 0
    return lambda: Counting.times


def test_what_no_output_needs_is_not_computed(count):
    x = Variable(np.ones(3))
    Counting()(x)
    program = graph.compile(x + 1.0, [x])
    Counting.times = 0
    program(np.zeros(3))
    assert count() == 0


def test_what_does_not_depend_on_the_inputs_is_a_constant(count):
    x, y = Variable(np.ones(3)), Variable(np.ones(3))
    program = graph.compile(Counting()(y) + x, [x])
    Counting.times = 0
    np.testing.assert_array_equal(program(np.zeros(3)), [2.0, 2.0, 2.0])
    assert count() == 0


def test_an_input_in_the_middle_cuts_off_what_is_above_it(count):
    x = Variable(np.ones(3))
    h = Counting()(x)
    program = graph.compile([h * x, h], [h])
    Counting.times = 0
    same(program(np.full(3, 5.0)), [np.full(3, 5.0), np.full(3, 5.0)])
    assert count() == 0


def test_what_is_there_twice_is_computed_once(count):
    x = Variable(np.ones(3))
    y = Counting()(x) * Counting()(x)  # two operations with the same settings
    program = graph.compile([y, Counting()(x)], [x])
    Counting.times = 0
    same(program(np.full(3, 3.0)), [np.full(3, 36.0), np.full(3, 6.0)])
    assert count() == 1


def test_what_is_random_is_not_shared():
    class Noise(graph.Operation):
        def __init__(self, rng):
            self.rng = rng

        def forward(self, X):
            return X + self.rng.standard_normal(X.shape)

    x, noise = Variable(np.zeros(3)), Noise(np.random.default_rng(0))
    a, b = graph.compile([noise(x), noise(x)], [x])(np.zeros(3))
    assert (a != b).all()


def test_settings_in_slots_are_settings():
    class Times(graph.Operation):
        __slots__ = ("k",)

        def __init__(self, k):
            self.k = k

        def forward(self, X):
            return self.k * X

    x = Variable(np.ones(3))
    a, b = graph.compile([Times(2.0)(x), Times(3.0)(x)], [x])(np.ones(3))
    assert a[0] == 2.0 and b[0] == 3.0


def test_what_differs_in_its_settings_is_not_shared():
    x = Variable(np.arange(6.0).reshape(2, 3))
    outputs = [np.sum(x, axis=0), np.sum(x, axis=1), np.sum(x, axis=0, keepdims=True), x[0], x[1],
               x[np.array([0, 1])], x[np.array([1, 0])], x * 1, x * 2, x * 0.0, x * -0.0, x * True,
               np.cumsum(x, 0), np.cumsum(x, 1), x.T, x.reshape(3, 2)]  # fmt: skip
    new = np.arange(6.0)[::-1].reshape(2, 3)
    for a, b in zip(graph.compile(outputs, [x])(new), evaluate(outputs, {x: new})):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def lines(program):
    return program.source.splitlines()[1 + program.source.count("convert(") :]


def test_times_one_and_shapes_that_stay_take_no_line():
    x = Variable(np.ones((2, 3)))
    y = (np.broadcast_to(1.0 * x * 1, (2, 3)).reshape(2, 3) / 1.0) ** 1
    assert len(lines(graph.compile(y + 1.0, [x]))) == 2  # the sum and the return
    # but not if the dtype or the shape changes
    n = Variable(np.ones(3, np.int64))
    assert graph.compile(n * 1.0, [n])([1, 2, 3]).dtype == np.float64
    assert graph.compile(Variable(1.0) * x, [x])(np.ones((2, 3))).shape == (2, 3)
    s = Variable(2.0)
    assert graph.compile(s * np.ones((2, 3)), [s])(5.0).shape == (2, 3)


def test_gradients_of_parts_go_to_their_places_at_once():
    rng = np.random.default_rng(0)
    W = Variable(rng.standard_normal((5, 4)))
    x = rng.standard_normal((3, 4))
    y = np.sum(np.tanh(x @ W[:-1] + W[-1]) ** 2)
    gradient = graph.general_back_propagation([W], y)[W]
    program = graph.compile(gradient, [W])
    assert "scatter" not in program.source and "empty" in program.source
    new = rng.standard_normal((5, 4))
    same([program(new)], [evaluate(gradient, {W: new})])


def test_an_array_with_a_part_in_its_place_may_have_other_uses():
    x = Variable(np.arange(3.0))
    p, q = np.pad(x, (0, 1)), np.pad(x * 2.0, (1, 0))
    outputs = [p + q, p, p + p, x * 2.0]
    same(graph.compile(outputs, [x])(np.ones(3)), evaluate(outputs, {x: np.ones(3)}))


def test_what_is_stretched_for_a_function_of_each_number_is_not():
    x = Variable(np.arange(6.0).reshape(2, 3))
    z = np.mean(np.exp(np.sum(x, axis=1)))
    gradient = graph.general_back_propagation([x], z)[x]
    program = graph.compile(gradient * x, [x])
    assert "broadcast_to" not in program.source
    same([program(np.ones((2, 3)))], [evaluate(gradient * x, {x: np.ones((2, 3))})])


@pytest.mark.parametrize(
    "parts",
    [
        [np.s_[:-1], np.s_[1:]],  # they meet
        [np.s_[:2], np.s_[3:]],  # with a gap
        [np.s_[0], np.s_[1:], np.s_[0]],
        [np.s_[..., 0], np.s_[..., 1:]],
        [np.s_[::2], np.s_[1::2]],
        [np.s_[:, ::2], np.s_[:, 1::2]],
        [np.s_[::-1]],
        [np.s_[1, 2], np.s_[0]],
        [np.s_[None, 1:], np.s_[:1]],
        [np.s_[()]],
        [np.s_[2:2]],
        [np.s_[[0, 0]], np.s_[1:]],  # repeated
        [np.s_[:2], np.s_[np.array([True, False, False, True])]],
    ],
)
def test_gradients_of_parts_of_any_kind(parts):
    rng = np.random.default_rng(0)
    W = Variable(rng.standard_normal((4, 4)))
    z = np.sum(W[0] * 0.0)
    for part in parts:
        piece = np.sin(W[part])
        if piece.ndim == 2:  # a product of matrices, that can write into a place
            piece = W[part] @ piece.T
        z = z + np.sum(piece * piece)
    gradient = graph.general_back_propagation([W], z)[W]
    program = graph.compile([gradient, W - 0.1 * gradient], [W])
    for _ in range(2):
        new = rng.standard_normal((4, 4))
        same(program(new), evaluate([gradient, W - 0.1 * gradient], {W: new}))


# ---- memory


def test_a_chain_needs_no_more_than_two_buffers():
    x = Variable(np.ones(100_000))
    y = x
    for _ in range(50):
        y = np.sin(y) * 0.5 + y
    program = graph.compile(y, [x])
    new = np.full(100_000, 0.3)
    same([program(new)], [evaluate(y, {x: new})])
    assert len(set(re.findall(r"\bb\d+\b", program.source))) <= 2
    tracemalloc.start()
    try:
        program(new)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * new.nbytes  # what is returned, and little else


def test_arrays_that_operations_make_are_given_back_as_well():
    x = Variable(np.ones(100_000))
    y = x
    for _ in range(50):
        y = np.where(y > 0.5, y, x)
    program = graph.compile(np.sum(y), [x])
    new = np.full(100_000, 0.3)
    tracemalloc.start()
    try:
        program(new)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * new.nbytes


def test_a_view_keeps_its_array_from_being_written_into():
    x = Variable(np.arange(6.0).reshape(2, 3))
    a = x + 1.0
    view = a.T[::-1].reshape(-1)[1:]  # a's last use is here, but a lives on in its view
    b = np.sin(x) * 2.0 + np.cos(x)  # takes every free buffer of this shape
    y = np.sum(view) + np.sum(b)
    same([graph.compile(y, [x])(np.ones((2, 3)))], [evaluate(y, {x: np.ones((2, 3))})])


def test_one_number_of_an_array_is_no_view_of_it():
    x = Variable(np.arange(3.0))
    h = x * 2.0
    first = h[..., 0]
    y = np.sin(h * 3.0) + 1.0  # written into the memory of h
    program = graph.compile([first, y * first], [x])
    results = program(np.ones(3))
    assert type(results[0]) is np.float64
    same(results, evaluate([first, y * first], {x: np.ones(3)}))


def test_an_array_that_is_stretched_is_not_written_into():
    x = Variable(np.arange(3.0))
    y = np.sin(np.broadcast_to(np.sum(x), (4,)))
    same([graph.compile(y * 2.0, [x])(np.ones(3))], [evaluate(y * 2.0, {x: np.ones(3)})])


def test_an_operation_that_keeps_its_input_is_not_betrayed():
    class Forward(graph.Operation):
        def forward(self, X):
            self.kept = X
            return X + 0.0

    class Later(graph.Operation):
        def __init__(self, first):
            self.first = first

        def forward(self, X):
            return self.first.kept * 1.0

    x = Variable(np.arange(3.0))
    first = Forward()
    a = first(x * 2.0)
    b = np.sin(a) * 2.0 + np.cos(a)  # would be written into the memory of x * 2
    y = Later(first)(b)
    program = graph.compile([y, b], [x])
    for new in (np.ones(3), np.arange(3.0)):
        kept = first.kept
        before = kept.copy()
        y_new, _ = program(new)
        np.testing.assert_array_equal(y_new, 2 * new)
        np.testing.assert_array_equal(kept, before)


@pytest.mark.parametrize("function", [np.ravel, np.asfortranarray, np.ascontiguousarray])
def test_an_array_that_is_copied_or_not_as_its_layout_demands(function):
    x = Variable(np.arange(6.0).reshape(2, 3))
    h = x * 2.0
    view = graph.Constant(function)(h)
    y = view * 3.0 + 1.0  # must not go into the memory of the view
    outputs = [np.sum(y), np.sin(h) + np.cos(h), np.sum(view), graph.Constant(function)(x) * 3.0]
    program = graph.compile(outputs, [x])
    for new in (np.ones((2, 3)), np.ones((3, 2)).T):
        new.flags.writeable = False
        same(program(new), evaluate(outputs, {x: new}))


def test_an_operation_that_returns_its_input_or_a_part_of_it():
    class Same(graph.Operation):
        def forward(self, X):
            return X

    class Part(graph.Operation):
        def forward(self, X, Y):
            return Y[1:]

    x = Variable(np.arange(3.0))
    h = x * 2.0
    a, b = Same()(h), Part()(x, h)
    outputs = [Same()(x), a, b, np.sin(x) * 2.0 + np.cos(x) * 3.0, h, Same()(x) * 2.0, b + 1.0]
    program = graph.compile(outputs, [x])
    new = np.array([5.0, 6.0, 7.0])
    new.flags.writeable = False
    same(program(new), evaluate(outputs, {x: new}))
    results = program(new)
    assert not any(np.shares_memory(p, q) for i, p in enumerate(results) for q in results[:i])
    assert not any(np.shares_memory(p, new) for p in results)


def test_an_operation_that_returns_an_array_of_its_own():
    table = np.arange(3.0)

    class Table(graph.Operation):
        def forward(self, X):
            return table

    x = Variable(np.ones(3))
    for op in (Table(), graph.Constant(lambda X: table)):
        program = graph.compile([op(x) * 2.0 + 1.0, op(x)], [x])
        results = program(np.zeros(3))
        results[1][...] = -1.0
        np.testing.assert_array_equal(table, np.arange(3.0))
        np.testing.assert_array_equal(results[0], [1.0, 3.0, 5.0])


def test_nothing_keeps_the_graph():
    x = Variable(np.ones(3))
    h = np.sin(x)
    program = graph.compile(h * 2.0 + x[x > 0], [x])
    gone = weakref.ref(h.value)
    del h
    gc.collect()
    assert gone() is None
    np.testing.assert_allclose(program(np.ones(3)), np.sin(1.0) * 2.0 + 1.0)


# ---- the outside of it


def test_outputs_have_the_form_that_was_asked_for():
    pair = collections.namedtuple("pair", "left right")
    x = Variable(1.0)
    y, z = x + 1.0, x + 2.0
    for outputs, expected in [
        (y, 11.0), ([y], [11.0]), ((y,), (11.0,)), ((y, [z, x]), (11.0, [12.0, 10.0])), ([], []),
        ((), ()), ({"a": y, x: {"b": z}, None: y}, {"a": 11.0, x: {"b": 12.0}, None: 11.0}),
    ]:  # fmt: skip
        found = graph.compile(outputs, [x])(10.0)
        assert found == expected and type(found) is type(expected if outputs is not y else y.value)
    found = graph.compile(pair(y, z), [x])(10.0)
    assert type(found) is pair and found == (11.0, 12.0)


def test_single_numbers_are_numpy_scalars():
    x = Variable(np.ones(3))
    y = np.sum(x)
    program = graph.compile([y, y.reshape(()), x[0], y.reshape(1).reshape(()), -y**2], [x])
    for value in program([1.0, 2.0, 3.0]):
        assert type(value) is np.float64


def test_constants_are_what_they_are():
    x = Variable(np.array([2.0, 3.0]))
    outputs = [(-2.0) ** (x - x + 2), x - -1, x * np.inf, np.where(x > 2, np.nan, x), x * True,
               np.float32(0.1) + x, x[0] - -2.0, (-3.0) ** x[0]]  # fmt: skip
    same(graph.compile(outputs, [x])([2.0, 1.0]), evaluate(outputs, {x: [2.0, 1.0]}))


def test_an_exponent_that_is_an_input_may_change():
    x, k = Variable(np.array([2.0, 3.0])), Variable(2.0)
    program = graph.compile(x**k, [x, k])
    np.testing.assert_allclose(program([2.0, 3.0], 3.0), [8.0, 27.0])


def test_variables_keep_their_names_where_python_can_say_them():
    names = ["weights", "class", "weights", "add", "type", "float64", "x y", "b0", "v0", None,
             "ﬁ", "multiply", "convert", "program", "ndarray"]  # fmt: skip
    X = [Variable(np.full(2, float(k)), name=name) for k, name in enumerate(names)]
    y = X[0]
    for V in X[1:]:
        y = y * 0.5 + V
    y.name = "add"
    program = graph.compile([y, y * y], X)
    assert program.source.startswith("def program(weights, x1, weights_1, add, ")
    new = [np.full(2, k + 1.0) for k in range(len(X))]
    same(program(*new), evaluate([y, y * y], dict(zip(X, new))))


def test_operations_may_have_any_name():
    x = Variable(np.ones(3))
    y = x
    for name in ("Lambda", "Out", "É", "Add", "X", "B0", "V1", "Program", "Type", "Convert"):
        kind = type(name, (graph.Operation,), {"forward": lambda self, X: X + 1.0})
        y = kind()(y)
        y.name = name.lower()
    same([graph.compile(y, [x])(np.zeros(3))], [np.full(3, 10.0)])


def test_the_source_calls_an_operation_by_its_name():
    class SoftStep(graph.Operation):
        def forward(self, X):
            return X / (1 + np.abs(X))

        def bprop(self, i, G, Y, X):
            return G / (1 + np.abs(X)) ** 2

    class Other(SoftStep):
        name = "half a step"

    x = Variable(np.ones((3, 2), np.float32), name="x")
    layer = Linear(2, 2)
    y = graph.apply(layer, Other()(SoftStep()(x))) + np.argsort(x, axis=0)
    d = graph.general_back_propagation([x], np.sum(y))[x]
    program = graph.compile([y, d], [x])
    for text in (" soft_step(x)", " half_a_step(", " argsort(x)", " linear(", " linear_bp_input("):
        assert text in program.source
    new = np.random.default_rng(0).standard_normal((3, 2)).astype(np.float32)
    same(program(new), evaluate([y, d], {x: new}))


def test_the_source_is_the_python_that_runs():
    x = Variable(np.ones((2, 3)), name="x")
    program = graph.compile(np.tanh(x[:-1] @ x.T), [x])
    (function,) = ast.parse(program.source).body
    assert function.name == "program"
    for text in ("x[:-1]", "x.T", "matmul(", "tanh(", "# (1, 2)"):
        assert text in program.source
    assert repr(program).startswith("Program(x: ")


def test_values_are_converted_or_refused_as_by_evaluate():
    x = Variable(np.zeros((2, 3), np.float32), name="weights")
    s, n = Variable(1.0, name="rate"), Variable(np.zeros(2, np.uint8))
    program = graph.compile([x, x * 2, s, n], [x, s, n])
    results = program(np.ones((2, 3)).tolist(), 3, [1, 2])
    assert [a.dtype for a in results] == [np.float32, np.float32, np.float64, np.uint8]
    good = np.ones((2, 3)), 3.0, [1, 2]
    for k, wrong, error, message in [
        (0, np.ones(3), ValueError, r"program: the input weights: got an array of shape \(3,\)"),
        (0, x, TypeError, "weights: got a Variable, wanted a plain array"),
        (1, [1.0], ValueError, r"the input rate: got an array of shape \(1,\), wanted \(\)"),
        (2, [1, 300], TypeError, "the input 2: got values of type int64, wanted uint8"),
        (2, [1.0, 2.0], TypeError, "the input 2: got values of type float64, wanted uint8"),
    ]:
        with pytest.raises(error, match=message):
            program(*good[:k], wrong, *good[k + 1 :])
    with pytest.raises(TypeError, match="program: got 2 values, wanted 3"):
        program(*good[:2])


def test_inputs_and_outputs_that_make_no_sense_are_refused():
    x = Variable(1.0)
    with pytest.raises(ValueError, match="got one variable twice among the inputs"):
        graph.compile(x, [x, x])
    with pytest.raises(TypeError, match="got float as an input, wanted a Variable"):
        graph.compile(x, [1.0])
    with pytest.raises(TypeError, match="got int as an output, wanted a Variable"):
        graph.compile([x, 1], [x])


def test_one_input_needs_no_list_and_an_input_may_be_unused():
    x, y = Variable(1.0), Variable(2.0)
    assert graph.compile(x + 1.0, x)(2.0) == 3.0
    assert graph.compile(x + 1.0, [y, x])(5.0, 2.0) == 3.0
    assert graph.compile(x + 1.0, [])() == 2.0


class Positive(graph.Operation):
    def forward(self, X):
        return X[X > 0]


@pytest.mark.parametrize(
    "f", [lambda x: x[x > 0], Positive(), graph.Constant(lambda X: X[X > 0]),
          lambda x: x[: np.sum(x > 0)]],
)  # fmt: skip
def test_a_shape_that_depends_on_values_must_not_change(f):
    x = Variable(np.array([1.0, -1.0, 2.0]))
    y = f(x) * 10.0 + 1.0
    program = graph.compile(y, [x])
    same([program([-3.0, 4.0, 5.0])], [evaluate(y, {x: [-3.0, 4.0, 5.0]})])
    with pytest.raises(ValueError, match=r"got a result of shape \(1,\), wanted \(2,\)"):
        program([-3.0, -4.0, 5.0])


def test_a_call_that_fails_leaves_no_trace():
    x, i = Variable(np.arange(3.0)), Variable(np.array([0, 1]))
    program = graph.compile((x * 2.0 + 1.0)[i] * 3.0, [x, i])
    with pytest.raises(IndexError):
        program(np.ones(3), [0, 7])
    np.testing.assert_array_equal(program(np.ones(3), [0, 2]), [9.0, 9.0])


@pytest.mark.parametrize("flip", [np.flip, np.flipud, lambda x: x[:, ::-1], lambda x: x.T[::-1]])
@pytest.mark.parametrize("reduce", [
    np.sum, np.mean, np.max, np.min, np.prod, np.var, np.std, np.any, np.all, np.argmax, np.argmin,
    graph.logsumexp, np.count_nonzero,
])  # fmt: skip
def test_reductions_of_arrays_read_backwards(reduce, flip):
    """NumPy 1.26 to 2.1 has np.maximum.reduce(x[::-1], out=...) wrong: the program avoids it."""
    rng = np.random.default_rng(0)
    for shape in ((2, 1), (3, 2), (17, 5), (8, 33)):
        x = Variable(np.zeros(shape))
        outputs = [
            reduce(flip(x), axis=axis, **keep)
            for axis in (None, 0, -1)
            for keep in ({}, {"keepdims": True})
            if not keep or reduce not in (np.argmax, np.argmin, np.count_nonzero)
        ]
        # What is returned is a new array, what is not is written into a buffer.
        programs = graph.compile(outputs, [x]), graph.compile([y * 1.5 for y in outputs], [x])
        for _ in range(3):
            new = rng.standard_normal(shape)
            expected = evaluate(outputs, {x: new})
            for a, b, c in zip(programs[0](new), programs[1](new), expected):
                np.testing.assert_allclose(a, c, rtol=1e-12)
                np.testing.assert_allclose(b, c * 1.5, rtol=1e-12)


def test_twenty_thousand_operations():
    for x in (Variable(1.0), Variable(np.ones(3))):
        y = x
        for _ in range(10_000):
            y = y * 0.5 + x
        program = graph.compile(y, [x])
        np.testing.assert_allclose(program(3.0 * x.value), 6.0)


# ---- training


def test_a_compiled_step_of_the_walk_throughs_network_is_the_hand_written_one():
    rng = np.random.default_rng(0)
    model = NeuralNet(20, 8, 5, alpha=0.01, rng=rng)
    X, y = rng.random((16, 20), dtype=np.float32), rng.integers(0, 5, 16)
    W1, W2 = Variable(model.w1.copy(), name="W1"), Variable(model.w2.copy(), name="W2")
    x, labels = Variable(X, name="X"), Variable(y, name="y")
    scores = graph.relu(x @ W1[:-1] + W1[-1]) @ W2[:-1] + W2[-1]
    loss = np.mean(graph.logsumexp(scores, axis=1) - scores[np.arange(16), labels])
    gradients = graph.general_back_propagation([W1, W2], loss)
    alpha = np.float32(0.01 * 16)  # the network steps along the gradient of the sum
    step = graph.compile(
        [loss, [W - alpha * gradient for W, gradient in gradients.items()]], [x, labels, W1, W2]
    )
    weights = [W1.value, W2.value]
    for _ in range(20):
        X, y = rng.random((16, 20), dtype=np.float32), rng.integers(0, 5, 16)
        found, weights = step(X, y, *weights)
        expected = model.evaluate(X, y)[2]
        model.gradient_descent()
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        for a, b in zip(weights, (model.w1, model.w2)):
            assert a.dtype == np.float32
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_hand_written_layers_compile_too():
    rng = np.random.default_rng(0)
    first, second, relu = Linear(4, 4, rng, np.float64), Linear(4, 3, rng, np.float64), ReLU()
    x, labels = Variable(rng.standard_normal((5, 4))), Variable(np.array([0, 1, 2, 0, 1]))
    h = graph.apply(first, x)
    h = graph.apply(relu, h) + x
    h = graph.apply(relu, graph.apply(first, h)) * 0.5 + h  # a layer used twice
    z = graph.apply(SoftmaxCrossEntropyLoss(), graph.apply(second, h), labels)
    targets = [x, graph.parameters(first)["W"], graph.parameters(second)["W"]]
    outputs = [z, *graph.general_back_propagation(targets, z).values()]
    program = graph.compile(outputs, [x, labels])
    for _ in range(3):
        new, y = rng.standard_normal((5, 4)), rng.integers(0, 3, 5)
        same(program(new, y), evaluate(outputs, {x: new, labels: y}))
        first.W -= 0.1  # in place: the program sees it, as the graph does


def test_an_operation_that_returns_its_own_input_is_a_view_also_without_entries():
    """Else the program would take the caller's array for a new one, and write into it."""
    from npbp.graph.operations.composed import identity
    from npbp.graph.program.recipes import VIEW, recipe

    for shape in ((0, 3), (2, 3)):
        x = np.zeros(shape)
        assert recipe(identity, x, [x]).kind == VIEW
