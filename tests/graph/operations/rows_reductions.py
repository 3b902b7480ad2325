"""Rows for `reductions`, `cumulative` and `softmax` in `npbp.graph.operations`."""

import numpy as np
from rows import A, Row

from npbp import graph

AXES = [None, 0, -1, (0, 2), (-1, 0), (0, 1, 2), (1,)]
REDUCTIONS = [np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std, np.ptp, graph.logsumexp]


def plain_logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def plain_softmax(x, axis):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def reduction(name, f, *args, **settings):
    """A row for f with these settings, and its twin, where it needs one."""
    twin = plain_logsumexp if f is graph.logsumexp else f
    return Row(name, lambda x: f(x, **settings), *args, twin=lambda x: twin(x, **settings))


ROWS = []
for f in REDUCTIONS:
    for axis in AXES:
        for keepdims in (False, True):
            name = f"{f.__name__} over axis={axis}, keepdims={keepdims}"
            ROWS.append(reduction(name, f, A(2, 3, 2), axis=axis, keepdims=keepdims))
    ROWS += [
        reduction(f"{f.__name__} of no axis", f, A(2, 3), axis=()),
        reduction(f"{f.__name__}, 0-d", f, A()),
        reduction(f"{f.__name__} over an axis of size 1", f, A(3, 1, 2), axis=1),
        reduction(f"{f.__name__} of none of many", f, A(3, 0, 2), axis=0),
    ]
for axis in (0, -1):  # NumPy knows these two of a single number, though it has no axis
    for f in (np.sum, np.prod, np.max, np.min, np.ptp, graph.logsumexp, np.cumsum, np.cumprod):
        ROWS.append(reduction(f"{f.__name__} over axis={axis}, 0-d", f, A(), axis=axis))
ROWS += [
    reduction("sum over an axis of size 0", np.sum, A(3, 0, 2), axis=1),
    reduction("sum of nothing", np.sum, A(0)),
    reduction("prod over an axis of size 0", np.prod, A(3, 0, 2), axis=1),
    reduction("prod of nothing", np.prod, A(0)),
    reduction("var, ddof", np.var, A(3, 4), axis=0, ddof=1),
    reduction("var, ddof, keepdims", np.var, A(3, 4), axis=(0, 1), ddof=2, keepdims=True),
    reduction("std, ddof", np.std, A(3, 4), axis=0, ddof=1),
    Row("the third derivative of prod", lambda x: np.prod(x, axis=0), A(4), order=3),
    Row("the third derivative of logsumexp", graph.logsumexp, A(4), order=3, twin=plain_logsumexp),
    Row("prod with a zero", lambda x: np.prod(x), A(4) * [1, 0, 1, 1]),
    Row("prod with two zeros", lambda x: np.prod(x), A(5) * [1, 0, 1, 1, 0]),
    Row("prod with three zeros", lambda x: np.prod(x, axis=1), A(2, 4) * [0, 0, 1, 0], order=3),
    Row("cumprod with zeros", lambda x: np.cumprod(x), A(5) * [1, 0, 1, 0, 1]),
    Row("amax and amin", lambda x: np.amax(x, axis=0) * np.amin(x, axis=1, keepdims=True), A(3, 2)),
    Row("methods", lambda x: x.sum(0) + x.mean(0) + x.prod(0) + x.max(0) + x.min(0), A(3, 2)),
    Row("methods of spread", lambda x: x.var(0, ddof=1) + x.std(axis=-1, keepdims=True), A(3, 3)),
    Row(
        "argmax and argmin",
        lambda x: x.sum(1) * x.argmax(1) + x.sum(1) * x.argmin(1),
        A(3, 2),
        float32=False,  # in NumPy, a float32 times an int64 is a float64
    ),
]

# ---- NumPy's other settings

MASK = np.array([[True, False, True, True], [False, False, True, False], [True] * 4])
for f in (np.sum, np.prod, np.max, np.min):
    name, x, start = f.__name__, A(3, 4), {"initial": 0.3}
    ROWS += [
        reduction(f"{name}, initial", f, x, axis=1, **start),
        reduction(f"{name}, where", f, x, axis=1, where=MASK, **start),
        reduction(f"{name}, where, over all", f, x, where=MASK, keepdims=True, **start),
        reduction(f"{name}, where one row says it", f, x, axis=(0, 1), where=MASK[:1], **start),
        reduction(f"{name}, initial, of nothing", f, A(3, 0, 2), axis=1, **start),
        reduction(f"{name}, initial, 0-d", f, A(), **start),
        Row(f"{name}, where x says it", lambda x, f=f: f(x, where=x > 0, initial=0.5), x),
        Row(
            f"{name}, initial is a variable",
            lambda x, y, f=f: f(x + 0.0 * y, axis=0, initial=y),
            x,
            A(),
            float32=False,
        ),
    ]
for f in (np.mean, np.var, np.std):
    name, x = f.__name__, A(3, 4)
    ROWS += [
        reduction(f"{name}, where", f, x, axis=0, where=MASK),
        reduction(f"{name}, where, over all", f, x, where=MASK, keepdims=True),
        reduction(f"{name} in float64", f, x, axis=1, dtype=np.float64),
    ]
    ROWS[-1].float32 = False
for f in (np.sum, np.prod, np.cumsum, np.cumprod):
    name = f.__name__
    ROWS += [
        Row(f"{name} in float64", lambda x, f=f: f(x, 1, np.float64), A(2, 3), float32=False),
        Row(f"{name}, dtype is None", lambda x, f=f: f(x, 0, None), A(2, 3)),
    ]
ROWS += [
    reduction("var, ddof, where", np.var, A(3, 4), axis=1, ddof=0.5, where=MASK),
    Row("sum, all in its place", lambda x: np.sum(x, 1, None, None, True, 0.5), A(2, 3)),
    Row("max, all in its place", lambda x: np.max(x, 1, None, True, 0.5), A(2, 3)),
]
if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
    for f in (np.var, np.std):
        name = f.__name__
        ROWS += [
            reduction(f"{name}, correction", f, A(3, 4), axis=1, correction=1),
            Row(
                f"{name} from a mean",
                lambda x, m, f=f: f(x, axis=1, mean=m),
                A(3, 4),
                A(3, 1, low=2, high=3),
            ),
        ]

# ---- exponentials

for axis in (-1, 0, (0, 1), None):
    ROWS += [
        Row(
            f"softmax over axis={axis}",
            lambda x, axis=axis: graph.softmax(x, axis),
            A(2, 3),
            twin=lambda x, axis=axis: plain_softmax(x, axis),
        ),
        Row(
            f"log_softmax over axis={axis}",
            lambda x, axis=axis: graph.log_softmax(x, axis),
            A(2, 3),
            twin=lambda x, axis=axis: np.log(plain_softmax(x, axis)),
        ),
    ]
for shape in [(3, 1), (0, 3), (1,), (3, 0), (0,)]:
    ROWS += [
        Row(f"softmax of {shape}", graph.softmax, A(*shape), twin=lambda x: plain_softmax(x, -1)),
        Row(
            f"log_softmax of {shape}",
            graph.log_softmax,
            A(*shape),
            twin=lambda x: np.log(plain_softmax(x, -1)),
        ),
    ]
ROWS.append(
    Row("logsumexp of nothing is flat", lambda x: np.exp(graph.logsumexp(x, axis=1)), A(2, 0),
        twin=lambda x: np.zeros(2))
)  # fmt: skip

for f in (np.cumsum, np.cumprod):
    for axis in (None, 0, 1, -1):
        ROWS.append(reduction(f"{f.__name__} along axis={axis}", f, A(2, 3, 2), axis=axis))
    ROWS += [
        reduction(f"{f.__name__} of a vector", f, A(9)),
        reduction(f"{f.__name__}, 0-d", f, A()),
        reduction(f"{f.__name__} along an axis of size 0", f, A(2, 0), axis=1),
        reduction(f"{f.__name__} along an axis of size 1", f, A(2, 1), axis=-1),
    ]
ROWS.append(Row("the method cumsum", lambda x: x.cumsum(1), A(2, 3)))

for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logaddexp):
    name = ufunc.__name__
    ROWS += [
        Row(f"{name}.reduce", ufunc.reduce, A(3, 2)),
        Row(f"{name}.reduce over all", lambda x, u=ufunc: u.reduce(x, axis=None), A(3, 2)),
        Row(
            f"{name}.reduce, keepdims",
            lambda x, u=ufunc: u.reduce(x, axis=-1, keepdims=True),
            A(3, 2),
        ),
    ]
for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logaddexp):
    name = ufunc.__name__
    ROWS += [
        Row(f"{name}.reduce, initial", lambda x, u=ufunc: u.reduce(x, 1, initial=0.2), A(3, 2)),
        Row(
            f"{name}.reduce, where",
            lambda x, u=ufunc: u.reduce(x, axis=1, initial=0.2, where=MASK),
            A(3, 4),
        ),
        Row(f"{name}.accumulate", ufunc.accumulate, A(3, 2)),
        Row(f"{name}.accumulate, axis", lambda x, u=ufunc: u.accumulate(x, axis=1), A(2, 5)),
        Row(f"{name}.accumulate, last", lambda x, u=ufunc: u.accumulate(x, axis=-1), A(2, 3, 4)),
        Row(f"{name}.accumulate of none", lambda x, u=ufunc: u.accumulate(x, axis=1), A(2, 0)),
        Row(f"{name}.accumulate of one", lambda x, u=ufunc: u.accumulate(x, axis=0), A(1, 3)),
    ]
ROWS += [
    Row(
        "logaddexp.reduce of nothing is flat", lambda x: np.exp(np.logaddexp.reduce(x, 1)), A(2, 0)
    ),
    Row("logaddexp.reduce over two axes", lambda x: np.logaddexp.reduce(x, (0, 2)), A(2, 3, 2)),
]
for name in ("cumulative_sum", "cumulative_prod"):
    if hasattr(np, name):  # NumPy 2.1
        f = getattr(np, name)
        ROWS += [
            Row(name, f, A(4)),
            reduction(f"{name} along an axis", f, A(2, 3, 2), axis=1),
            reduction(f"{name} with the first", f, A(2, 3), axis=-1, include_initial=True),
            reduction(f"{name} with the first, of none", f, A(2, 0), axis=1, include_initial=True),
        ]
