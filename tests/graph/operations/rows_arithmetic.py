"""Rows for `npbp.graph.operations.arithmetic`, and for a gradient within a function."""

import operator

import numpy as np
from rows import A, Row

from npbp import graph

ROWS = []

SHAPES = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 1), (1, 3)),
    ((2, 3), ()),
    ((), (2, 3)),
    ((1,), (1, 1)),
    ((4, 1, 3), (2, 1)),
    ((0, 3), (3,)),
    ((2, 1), (2, 0)),
]
for name, op, function in [
    ("+", operator.add, np.add),
    ("-", operator.sub, np.subtract),
    ("*", operator.mul, np.multiply),
    ("/", operator.truediv, np.divide),
    ("**", operator.pow, np.power),
]:
    low = 0.5 if name in ("/", "**") else -1.0
    for a, b in SHAPES:
        ROWS.append(
            Row(f"{a} {name} {b}", op, A(*a, low=low, high=2), A(*b, low=low, high=2, seed=1))
        )
    x, y = A(2, 3, low=0.5, high=2), A(3, low=0.5, high=2)
    ROWS += [
        Row(f"np.{function.__name__}", function, x, y),
        Row(f"x {name} number", lambda x, op=op: op(x, 3.5), x),
        Row(f"x {name} int", lambda x, op=op: op(x, 3), x),
        Row(f"number {name} x", lambda x, op=op: op(1.5, x), x),
        Row(f"x {name} array", lambda x, op=op, y=y: op(x, y.astype(x.dtype)), x),
        Row(f"array {name} x", lambda x, op=op, y=y: op(y.astype(x.dtype), x), x),
        Row(f"x {name} integers", lambda x, op=op: op(x, np.array([1, 2, 3])), x, float32=False),
        Row(f"x {name} x", lambda x, op=op: op(x, x), x),
        Row(f"x {name} np.float64, 0-d", lambda x, op=op: op(x, 1.5), A(low=0.5)),
    ]

ROWS += [
    Row("-x", operator.neg, A(2, 3)),
    Row("-x, 0-d", operator.neg, A()),
    Row("-x, size 0", operator.neg, A(0, 2)),
    Row("np.negative", np.negative, A(3)),
    Row("+x", lambda x: +x * x, A(3)),
    Row("np.positive", lambda x: np.positive(x) * x, A(3)),
    Row("x**2, negative", lambda x: x**2, A(3, low=-2, high=-1)),
    Row("x**3 to the third order", lambda x: x**3, A(2), order=3),
    Row("x**2 at 0", lambda x: x**2, np.zeros(2)),
    Row("x**1 at 0", lambda x: x**1, np.zeros(2)),
    Row("x**0 at 0", lambda x: x**0 + x, np.zeros(2)),
    Row("x**0", lambda x: x**0 + x, A(3)),
    Row("x**-1", lambda x: x**-1, A(3, low=-2, high=-1)),
    Row("x**0.5", lambda x: x**0.5, A(3, low=1, high=2)),
    Row(
        "negative numbers to constant integer powers",
        lambda x: x ** np.array([0.0, 1.0, 2.0, 3.0], dtype=x.dtype),
        A(2, 4, low=-2, high=-1),
    ),
    Row("a polynomial", lambda x: ((x - 2) * x + 1) / (x * x + 1), A(5)),
    Row("x / y to the third order", lambda x, y: x / y, A(2), A(2, low=1, high=2), order=3),
    # A gradient within a function: the Identity of `transforms`.
    Row("a gradient", lambda x: graph.grad(lambda x: (x[0] * x[1]) ** 2 * x[0])(x), A(3)),
    Row(
        "a gradient with respect to another variable",
        lambda x: graph.grad(lambda y: np.sum(y**2 * x))(x * 2) * x,
        A(3),
    ),
    Row(
        "a tangent",
        lambda x, t: graph.jvp(lambda x: x**3 * x[0], (x,), (t,))[1],
        A(3),
        A(3, seed=1),
    ),
]
