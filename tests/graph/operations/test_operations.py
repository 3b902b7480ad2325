"""Every operation against NumPy, finite differences and itself: one row, all checks.

The rows are in the files `rows_*.py` beside this one.
"""

import importlib
from pathlib import Path

import numpy as np
import pytest
from rows import NUMPY_2, Row

from npbp import graph
from npbp.graph import protocols
from npbp.graph.variable import value_of

HERE = Path(__file__).parent
ROOMS = [importlib.import_module(path.stem) for path in sorted(HERE.glob("rows_*.py"))]
ROWS = [
    pytest.param(row, id=f"{room.__name__[5:]}: {row.name}") for room in ROOMS for row in room.ROWS
]
every_row = pytest.mark.parametrize("row", ROWS)
rows_of_float32 = pytest.mark.parametrize("row", [p for p in ROWS if p.values[0].float32])

rows_of_numpy = pytest.mark.parametrize("row", [p for p in ROWS if p.values[0].twin is None])
rows_that_compile = pytest.mark.parametrize("row", [p for p in ROWS if p.values[0].compiles])


def close(found, expected, tolerance=1e-9):
    """Of one shape, and different by no more than `tolerance` of the largest number."""
    found, expected = np.asarray(value_of(found)), np.asarray(value_of(expected))
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def upstream(y, seed=1):
    return np.random.default_rng(seed).standard_normal(np.shape(y)).astype(y.dtype)[()]


def gradients(row, args):
    """The value and, for a random upstream gradient, the gradients: plain arrays."""
    value, pullback = graph.vjp(row.f, *args)
    return value, pullback(upstream(value))


def again(x):
    """Other arguments from the same range: what is largest is elsewhere now."""
    return np.flip(x).copy() if x.size > 1 else x * 0.95


def test_there_are_rows_and_few_make_an_exception():
    rows = [param.values[0] for param in ROWS]
    assert len(rows) > 1000 and all(isinstance(row, Row) for row in rows)
    assert sum(not row.float32 for row in rows) < len(rows) / (10 if NUMPY_2 else 6)
    assert sum(not row.compiles for row in rows) < 5
    assert sum(row.order < 2 for row in rows) < 10


@every_row
def test_the_value_is_that_of_numpy(row):
    y = row.f(*map(graph.Variable, row.args))
    assert type(y) is graph.Variable
    expected = (row.twin or row.f)(*row.args)
    close(y, expected)
    assert y.dtype == expected.dtype == np.float64


# What NumPy says if it has no such function, or none at these numbers.
CANNOT = ArithmeticError, TypeError, ValueError, np.linalg.LinAlgError


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int64", "mixed"])
@rows_of_numpy
def test_the_value_is_that_of_numpy_to_the_last_bit(row, kind):
    """And of its type, whatever the type of the numbers and their order in memory."""
    args = of_kind(row.args, kind)
    for args in [args, *zip(*map(strided, args))]:
        with np.errstate(all="ignore"):
            try:
                expected = row.f(*args)
            except CANNOT as error:
                with pytest.raises(type(error)):
                    row.f(*map(graph.Variable, args))
                continue
            found = row.f(*map(graph.Variable, args))
        found, expected = value_of(found), np.asarray(expected)
        assert found.dtype == expected.dtype and found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


def of_kind(args, kind):
    """The arguments as numbers of another type; mixed: the first stays, others are integers."""
    if kind == "mixed":
        return [args[0], *(np.rint(3 * x).astype(np.int8) for x in args[1:])]
    if kind == "int64":
        return [np.rint(3 * x).astype(np.int64) for x in args]
    return [x.astype(kind) for x in args]


@every_row
def test_check_grads(row):
    graph.check_grads(row.f, row.args, order=row.order)


@pytest.mark.parametrize("row", [
    # (The third derivative of |x|^3 jumps at 0.)
    p for p in ROWS
    if p.values[0].order == 2 and p.values[0].name != "norm 3 where an entry is 0"
])  # fmt: skip
def test_the_third_derivative(row):
    graph.check_grads(row.f, row.args, order=3, modes=("rev",))


@every_row
def test_bprop_is_the_sum_over_the_flattened_jacobian(row):
    """dJ/dX_i = sum_j (dY_j / dX_i) G_j, j over all entries of Y, written out."""
    y, d_args = gradients(row, row.args)
    G = upstream(y)
    for n, (x, d_x) in enumerate(zip(row.args, d_args)):
        for i in np.ndindex(x.shape):
            above, below = np.array(x), np.array(x)
            above[i] += 1e-6
            below[i] -= 1e-6
            dY_dXi = (
                row.f(*row.args[:n], above[()], *row.args[n + 1 :])
                - row.f(*row.args[:n], below[()], *row.args[n + 1 :])
            ) / 2e-6
            expected = 0.0
            for j in np.ndindex(y.shape):
                expected += dY_dXi[j] * G[j]
            scale = max(1.0, np.abs(dY_dXi * G).sum(), np.abs(y).max(initial=0.0))
            assert abs(d_x[i] - expected) <= 1e-6 * scale


@rows_of_float32
def test_float32_stays_float32(row):
    args = [x.astype(np.float32)[()] for x in row.args]
    value, d_args = gradients(row, args)
    close(value, row.f(*row.args), 1e-3)
    # (NumPy 1 itself makes float64 of a single float32 and a number of Python.)
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0" or any(x.ndim for x in args):
        assert value.dtype == jvp_of(row, args).dtype == np.float32
    for x, d_x in zip(args, d_args):
        assert d_x.dtype == np.float32 and d_x.shape == x.shape
    # And the graph's own gradient, inserted, and that of the gradient.
    X = [graph.Variable(x) for x in args]
    y = row.f(*X)
    first = graph.general_back_propagation(X, y, upstream(y))
    for V in X:
        assert first[V].dtype == np.float32
        if first[V].op is not None and row.order > 1:
            second = graph.general_back_propagation(X, first[V], upstream(first[V]))
            assert {G.dtype for G in second.values()} == {np.dtype(np.float32)}


def jvp_of(row, args):
    return graph.jvp(row.f, args, [upstream(x, 2) for x in args])[1]


@every_row
def test_strided_and_read_only_inputs_give_the_same(row):
    value, d_args = gradients(row, row.args)
    tangent = jvp_of(row, row.args)
    for args in map(list, zip(*map(strided, row.args))):
        for x in args:
            if x.ndim:
                x.flags.writeable = False
        other_value, other_d_args = gradients(row, args)
        close(other_value, value)
        close(jvp_of(row, args), tangent)
        for d, other in zip(d_args, other_d_args):
            close(other, d)


def strided(x):
    """The same numbers: backwards in memory, with gaps, in Fortran's order."""
    if not np.ndim(x):
        return x, x, x
    gaps = np.full([2 * n for n in x.shape], np.nan)
    gaps = gaps[tuple(slice(None, None, 2) for _ in x.shape)]
    gaps[...] = x
    return np.flip(np.flip(x).copy()), gaps, np.asfortranarray(x)


@every_row
def test_constants_among_the_arguments_change_nothing(row):
    y, d_args = gradients(row, row.args)
    for n, d_x in enumerate(d_args):
        value, pullback = graph.vjp(row.f, *row.args, argnums=n)
        close(pullback(upstream(y)), d_x, 1e-12)
        change = upstream(row.args[n], 3)
        others = [change if k == n else x * 0 for k, x in enumerate(row.args)]
        alone = graph.jvp(row.f, row.args, change, argnums=n)[1]
        close(alone, graph.jvp(row.f, row.args, others)[1], 1e-12)


@every_row
def test_the_inserted_gradient_is_the_plain_one(row):
    y, plain = gradients(row, row.args)
    X = [graph.Variable(x) for x in row.args]
    inserted = graph.general_back_propagation(X, row.f(*X), upstream(y))
    for V, G in zip(X, plain):
        close(inserted[V], G, 1e-12)


def graph_of(row):
    """A row's inputs, and its output with all gradients."""
    X = [graph.Variable(x) for x in row.args]
    y = row.f(*X)
    table = graph.general_back_propagation(X, y, upstream(y))
    return X, [y, *(table[V] for V in X)]


@every_row
def test_evaluate_runs_forward_and_backward_again(row):
    X, outputs = graph_of(row)
    for args in [row.args] + [[again(x) for x in row.args]] * row.compiles:
        value, d_args = gradients(row, args)
        for found, expected in zip(graph.evaluate(outputs, dict(zip(X, args))), (value, *d_args)):
            close(found, expected)


@rows_that_compile
def test_compile_gives_the_same(row):
    X, outputs = graph_of(row)
    program = graph.compile(outputs, X)
    for args in (row.args, [again(x) for x in row.args], row.args):
        value, d_args = gradients(row, args)
        for found, expected in zip(program(*args), (value, *d_args)):
            close(found, expected)


# ---- nothing is left out


def operations(V):
    """All operations in the graph below V."""
    seen, stack = {V}, [V]
    while stack:
        for x in graph.get_inputs(stack.pop()):
            if x not in seen:
                seen.add(x)
                stack.append(x)
    return {type(x.op) for x in seen if x.op is not None}


WITHOUT_ROWS = {
    # What others derive from:
    "Elementwise", "LinearMap", "Constant", "Product",
    # No gradient passes:
    "Flat",
    # A node without a value, for several outputs; see test_transforms:
    "Together",
    # Hand-written layers, differentiated once and not twice; see test_bridge:
    "LayerOperation", "LayerGradient",
}  # fmt: skip


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def test_every_operation_has_a_row():
    with_rows = set()
    for param in ROWS:
        row = param.values[0]
        with_rows |= operations(row.f(*map(graph.Variable, row.args)))
    own = [cls for cls in subclasses(graph.Operation) if cls.__module__.startswith("npbp.graph.")]
    missing = [cls for cls in own if cls not in with_rows and cls.__name__ not in WITHOUT_ROWS]
    assert not missing
    assert WITHOUT_ROWS <= {cls.__name__ for cls in own}


def test_every_function_of_numpy_that_is_implemented_has_a_row(monkeypatch):
    called = set()

    class Recording(dict):
        def get(self, key, default=None):
            called.add(key)
            return super().get(key, default)

        def __getitem__(self, key):
            called.add(key)
            return super().__getitem__(key)

    monkeypatch.setattr(protocols, "IMPLEMENTED", Recording(protocols.IMPLEMENTED))
    for param in ROWS:
        row = param.values[0]
        row.f(*map(graph.Variable, row.args))
    missing = [
        key
        for key, implementation in protocols.IMPLEMENTED.items()
        if key not in called and not is_flat(implementation) and key not in ELSEWHERE
    ]
    assert not missing


# Functions that write into an array; and x.at, which plain arrays do not have: test_indexing.
ELSEWHERE = [
    np.put, np.place, np.putmask, np.copyto, np.put_along_axis, np.fill_diagonal, (np.add, "at"),
    "at",
]  # fmt: skip
# Positions and counts: test_indexing, test_shaping, test_linalg.
ELSEWHERE += [
    np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.lexsort,
    np.linalg.matrix_rank,
]  # fmt: skip
if hasattr(np, "trapz") and hasattr(np, "trapezoid"):  # NumPy 2.0 to 2.3 warn of the old name
    ELSEWHERE.append(np.trapz)


def is_flat(implementation):
    """No gradient passes: it is a Constant, a question such as np.shape, or refused."""
    constant = isinstance(implementation, graph.Constant)
    flat = ("npbp.graph.operations.constants", "npbp.graph.operations.refused")
    return constant or implementation.__module__ in flat
