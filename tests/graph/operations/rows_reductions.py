"""Rows for `npbp.graph.operations.reductions` and `npbp.graph.operations.cumulative`."""

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
    Row("average", lambda x: np.average(x, axis=0), A(3, 2)),
    Row("average with weights", np.average, A(3, 2)),
    Row(
        "average with weights that are variables",
        lambda x, w: np.average(x, weights=w),
        A(3, 2),
        A(3, 2, low=1, high=2, seed=1),
    ),
    Row(
        "average with one weight a column",
        lambda x, w: np.average(x, axis=-1, weights=w),
        A(3, 2),
        A(2, low=1, high=2),
    ),
]

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
for shape in [(3, 1), (0, 3), (1,)]:
    ROWS += [
        Row(f"softmax of {shape}", graph.softmax, A(*shape), twin=lambda x: plain_softmax(x, -1)),
        Row(
            f"log_softmax of {shape}",
            graph.log_softmax,
            A(*shape),
            twin=lambda x: np.log(plain_softmax(x, -1)),
        ),
    ]

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
for ufunc in (np.add, np.multiply):
    name = ufunc.__name__
    ROWS += [
        Row(f"{name}.accumulate", ufunc.accumulate, A(3, 2)),
        Row(f"{name}.accumulate, axis", lambda x, u=ufunc: u.accumulate(x, axis=1), A(3, 2)),
    ]
