"""Rows for `npbp.graph.operations.elementwise` and `npbp.graph.operations.constants`."""

import numpy as np
from rows import A, Row

from npbp import graph

# Each function of one number, and an interval on which it has derivatives.
UNARY = {
    np.exp: (-2, 2),
    np.exp2: (-2, 2),
    np.expm1: (-2, 2),
    np.log: (0.5, 3),
    np.log2: (0.5, 3),
    np.log10: (0.5, 3),
    np.log1p: (-0.5, 2),
    np.sqrt: (0.5, 3),
    np.cbrt: (0.5, 3),
    np.square: (-2, 2),
    np.reciprocal: (0.5, 3),
    np.sin: (-3, 3),
    np.cos: (-3, 3),
    np.tan: (-1, 1),
    np.arcsin: (-0.8, 0.8),
    np.arccos: (-0.8, 0.8),
    np.arctan: (-3, 3),
    np.sinh: (-2, 2),
    np.cosh: (-2, 2),
    np.tanh: (-2, 2),
    np.arcsinh: (-3, 3),
    np.arccosh: (1.5, 4),
    np.arctanh: (-0.8, 0.8),
    np.deg2rad: (-90, 90),
    np.radians: (-90, 90),
    np.rad2deg: (-2, 2),
    np.degrees: (-2, 2),
    np.absolute: (-2, 2),
    np.fabs: (-2, 2),
}
TWINS = {
    graph.sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    graph.softplus: lambda x: np.log(1 + np.exp(x)),
    graph.relu: lambda x: x * (x > 0),
}
SHAPES = [(2, 3), (), (3, 0), (1, 2)]

ROWS = []
for f, (low, high) in UNARY.items():
    for shape in SHAPES:
        ROWS.append(Row(f"{f.__name__} of {shape}", f, A(*shape, low=low, high=high)))
for f, twin in TWINS.items():
    for shape in SHAPES:
        ROWS.append(Row(f"{f.__name__} of {shape}", f, A(*shape, low=-3, high=3), twin=twin))
ROWS += [
    Row("cbrt of negative numbers", np.cbrt, A(4, low=-3, high=-0.5)),
    Row("the third derivative of tanh", np.tanh, A(3), order=3),
    Row("the third derivative of log1p", np.log1p, A(3), order=3),
]

BINARY = [
    np.arctan2, np.hypot, np.logaddexp, np.logaddexp2, np.maximum, np.minimum, np.fmax, np.fmin,
    np.remainder, np.fmod, np.float_power,
]  # fmt: skip
for f in BINARY:
    # All positive, and A / B is not close to an integer: there remainder has a step.
    a = {"low": 2.1, "high": 2.9, "seed": 1}
    b = {"low": 1.1, "high": 1.3, "seed": 2}
    if f not in (np.remainder, np.fmod):
        a, b = {"low": 0.5, "high": 2, "seed": 1}, {"low": 0.5, "high": 2, "seed": 2}
    x32 = f is not np.float_power  # which is of float64 always
    ROWS += [
        Row(f"{f.__name__} of two", f, A(2, 3, **a), A(2, 3, **b), float32=x32),
        Row(f"{f.__name__} of a vector and a column", f, A(3, **a), A(2, 1, **b), float32=x32),
        Row(f"{f.__name__} of a number and a matrix", f, A(**a), A(1, 2, **b), float32=x32),
        Row(f"{f.__name__} of a matrix and a number", f, A(2, 1, **a), A(**b), float32=x32),
        Row(f"{f.__name__} of two numbers", f, A(**a), A(**b), float32=x32),
        Row(f"{f.__name__} of empty ones", f, A(0, 3, **a), A(3, **b), float32=x32),
        Row(
            f"{f.__name__} with a constant on the right",
            lambda x, f=f: f(x, 1.25),
            A(3, **a),
            float32=x32,
        ),
        Row(
            f"{f.__name__} with a constant on the left",
            lambda x, f=f: f(2.75, x),
            A(3, **b),
            float32=x32,
        ),
        Row(
            f"{f.__name__} with a list",
            lambda x, f=f: f([2.2, 2.7, 2.8], x),
            A(3, **b),
            float32=False,
        ),
    ]
ROWS += [
    Row("arctan2 in all quadrants", np.arctan2, A(8, low=-2, high=2), A(8, low=-2, high=2, seed=1)),
    Row("hypot in all quadrants", np.hypot, A(8, low=-2, high=2), A(8, low=-2, high=2, seed=1)),
    Row("remainder of negative numbers", np.remainder, A(4, low=-2.9, high=-2.1), 1.2),
    Row("remainder by a negative number", np.remainder, A(4, low=2.5, high=3.5), -1.2),
    Row("fmod of negative numbers", np.fmod, A(4, low=-2.9, high=-2.5), 1.2),
    Row("a variable and itself in logaddexp", lambda x: np.logaddexp(x, x), A(3)),
    Row("true_divide", np.true_divide, A(3), A(3, low=1, high=2)),
]

CONDITION = np.array([[True, False, True], [False, False, True]])
ROWS += [
    Row("where", lambda a, b: np.where(CONDITION, a, b), A(2, 3), A(2, 3, seed=1)),
    Row("where, broadcast", lambda a, b: np.where(CONDITION, a, b), A(3), A(2, 1)),
    Row("where, of numbers", lambda a, b: np.where(CONDITION, a, b), A(), A(seed=1)),
    Row("where, 0-d", lambda a, b: np.where(True, a, b), A(), A(seed=1)),
    Row("where, empty", lambda a, b: np.where(np.ones((0, 3), bool), a, b), A(3), A(0, 1)),
    Row("where, and a constant", lambda a: np.where(CONDITION, a, 0.0), A(2, 3)),
    Row("where the condition depends on x", lambda x: np.where(x > 0, x * x, -3 * x), A(2, 3)),
    Row("where the condition is of numbers", lambda x: np.where(x, x * x, 1.0), A(2, 3)),
    Row("clip", lambda x: np.clip(x, -0.4, 0.5), A(3, 4)),
    Row("clip from below", lambda x: np.clip(x, 0.1, None), A(3, 4)),
    Row("clip from above", lambda x: np.clip(x, None, 0.1), A(3, 4)),
    Row("clip between variables", np.clip, A(3, 4), A(4, low=-0.9, high=-0.3), A(low=0.3)),
    Row("clip, 0-d", lambda x: np.clip(x, -0.1, 0.1), A()),
    Row("the method clip", lambda x: x.clip(-0.4, 0.5), A(3, 4)),
]

# What is flat goes through as a factor. A float32 times an integer is a float64, in NumPy.
STEPS = [np.sign, np.floor, np.ceil, np.rint, np.trunc, np.round, np.around]
QUESTIONS = [np.isfinite, np.isinf, np.isnan, np.signbit, np.logical_not, np.any, np.all]
POSITIONS = [np.argmax, np.argmin, np.argsort, np.count_nonzero]
COMPARISONS = [
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isclose,
    np.logical_and, np.logical_or, np.logical_xor, np.allclose, np.array_equal, np.floor_divide,
]  # fmt: skip
BITS = [np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift]
LIKE = [np.zeros_like, np.ones_like]

for f in STEPS + QUESTIONS + POSITIONS + LIKE:
    ROWS += [
        Row(f.__name__, lambda x, f=f: x + x * f(3 * x), A(2, 3), float32=f not in POSITIONS),
        Row(f"{f.__name__}, 0-d", lambda x, f=f: x + x * f(3 * x), A(), float32=False),
    ]
for f in COMPARISONS:
    ROWS.append(Row(f.__name__, lambda x, y, f=f: x + y * f(x, 0.3 + y), A(2, 3), A(3)))
for f in BITS:
    ROWS.append(
        Row(f.__name__, lambda x, f=f: x * f(np.argsort(x, axis=1), 1), A(2, 3), float32=False)
    )
ROWS += [
    Row("invert", lambda x: x * ~(x > 0), A(2, 3)),
    Row("comparison by operators", lambda x, y: x * (x > 0) + y * (x <= y), A(2, 3), A(3)),
    Row("round to tenths", lambda x: x * np.round(x, 1), A(2, 3)),
    Row("round by keyword", lambda x: x * np.around(x, decimals=1), A(2, 3)),
    Row("floor_divide by a number", lambda x: x * (3 * x // 0.7), A(2, 3)),
    Row("full_like", lambda x: np.full_like(x, 2.5) * x, A(2, 3)),
    Row("argmax, keepdims", lambda x: x * np.argmax(x, 1, keepdims=True), A(3, 2), float32=False),
    Row("searchsorted", lambda x: x * np.searchsorted([-0.5, 0.0], x), A(2, 3), float32=False),
    Row("digitize", lambda x: x * np.digitize(x, [-0.5, 0.0]), A(2, 3), float32=False),
    Row("shape, ndim and size", lambda x: x * np.size(x) / np.shape(x)[1] / np.ndim(x), A(2, 3)),
    Row(
        "questions about the type",
        lambda x: x.astype(np.result_type(x, np.float32)) * np.isrealobj(x) + np.iscomplexobj(x),
        A(2, 3),
    ),
]
