"""Rows for `elementwise`, `special`, `parts`, `outer`, `constants` in `npbp.graph.operations`."""

import numpy as np
from rows import NUMPY_2, A, Row

from npbp import graph
from npbp.graph import protocols

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
    np.sinc: (-3, 3),
    np.i0: (-3, 3),
    np.nan_to_num: (-3, 3),
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
    np.remainder, np.fmod, np.float_power, np.copysign, np.heaviside,
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
    Row("clip by keywords", lambda x, y: np.clip(x, a_max=y, a_min=-0.2), A(3, 4), A(4)),
    Row("clip, 0-d", lambda x: np.clip(x, -0.1, 0.1), A()),
    Row("the method clip", lambda x: x.clip(-0.4, 0.5), A(3, 4)),
]
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
    ROWS += [
        Row("clip, min", lambda x: np.clip(x, min=-0.2), A(3, 4)),
        Row("clip, min and max", lambda x, y: np.clip(x, min=-0.2, max=y), A(3, 4), A(4)),
    ]

# ---- close to 0, where the formula of sinc loses digits; parts of a number

ROWS += [
    Row(
        "sinc at 0 and close to it", np.sinc, np.array([0.0, 1e-9, -1e-5, 1e-3, 0.02, 0.3]), order=3
    ),
    Row("sinc of a list and 0", lambda x: np.sinc(x), np.zeros(2), order=3),
    Row("i0 at 0", np.i0, np.zeros(2)),
    Row(
        "nan_to_num of what is not finite",
        lambda x: np.nan_to_num(
            np.where(x > 0, x, [np.nan, np.inf, -np.inf]), nan=0.5, posinf=2, neginf=3
        ),
        A(4, 3),
        float32=False,
    ),
    Row(
        "nan_to_num, variables instead",
        lambda x, y: np.nan_to_num(np.where(x > 0, x, np.nan) + 0.0 * y, nan=y),
        A(4, 3),
        A(3),
    ),
    Row("copysign of negative numbers", np.copysign, A(5), A(5, seed=1)),
    Row("heaviside at 0", lambda y: np.heaviside([0.0, -1.0, 1.0], y), A(3), float32=False),
    Row("ldexp", lambda x: np.ldexp(x, 3), A(3)),
    Row("ldexp, broadcast", lambda x: np.ldexp(x, np.arange(-1, 2)[:, None]), A(2)),
    Row("divmod", lambda x: np.add(*np.divmod(x, 0.7)), A(2, 3)),
    Row("divmod by a variable", lambda y: np.multiply(*np.divmod(2.9, y)), A(3, low=1.1, high=1.3)),
    Row("modf", lambda x: np.add(*np.modf(5 * x)) * np.modf(5 * x)[0], A(2, 3)),
    Row("frexp", lambda x: np.frexp(5 * x)[0], A(2, 3)),
    Row("the exponent of frexp", lambda x: x * np.frexp(5 * x)[1], A(2, 3), float32=False),
    Row(
        "parts of real numbers",
        lambda x: (
            np.real(x) * np.conj(x) + np.imag(x) + np.real_if_close(x) * np.angle(x, deg=True)
        ),
        A(2, 3),
    ),
]

# ---- each number of the one with each of the other

OUTER = [key[0] for key in protocols.IMPLEMENTED if type(key) is tuple and key[1] == "outer"]
OUTER.remove(np.divmod)
for ufunc in OUTER:
    name, low, high = (
        f"{ufunc.__name__}.outer",
        A(2, low=2.1, high=2.4),
        A(3, 2, low=1.1, high=1.15),
    )
    if ufunc is np.ldexp or "dd->" not in "".join(t for t in ufunc.types):  # of integers
        f = lambda x, u=ufunc: u.outer(np.ceil(x).astype(int), [1, 2]) * x[:, None]  # noqa: E731
        ROWS.append(Row(name, f, low, float32=False))
    else:
        f = lambda x, y, u=ufunc: u.outer(x, y) + 0.0 * x[0]  # noqa: E731
        ROWS.append(Row(name, f, low, high, float32=NUMPY_2 and ufunc is not np.float_power))
ROWS.append(Row("divmod.outer", lambda x, y: np.add(*np.divmod.outer(x, y)), low, high))

# What is flat goes through as a factor. A float32 times an integer is a float64, in NumPy.
STEPS = [np.sign, np.floor, np.ceil, np.rint, np.trunc, np.round, np.around, np.fix]
QUESTIONS = [np.isfinite, np.isinf, np.isnan, np.signbit, np.logical_not, np.any, np.all] + [
    np.isposinf, np.isneginf, np.isreal, np.iscomplex,
]  # fmt: skip
POSITIONS = [np.argmax, np.argmin, np.argsort, np.nanargmax, np.nanargmin]
COMPARISONS = [
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isclose,
    np.logical_and, np.logical_or, np.logical_xor, np.allclose, np.array_equal, np.floor_divide,
    np.array_equiv, np.isin,
]  # fmt: skip
BITS = [np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift]
LIKE = [np.zeros_like, np.ones_like]

for f in STEPS + QUESTIONS + POSITIONS + LIKE:
    ROWS += [
        Row(f.__name__, lambda x, f=f: x + x * f(3 * x), A(2, 3), float32=f not in POSITIONS),
        Row(f"{f.__name__}, 0-d", lambda x, f=f: x + x * f(3 * x), A(), float32=False),
    ]
def counted(x):
    return x + x * np.count_nonzero(3 * x)


for x in (A(2, 3), A()):  # NumPy's own count is a number of Python, up to 2.3
    ROWS.append(Row(f"count_nonzero of {x.shape}", counted, x, float32=False, twin=counted))
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
    Row("argpartition", lambda x: x * np.argpartition(x, 1, axis=0), A(3, 2), float32=False),
    Row("gcd", lambda x: x * np.gcd(np.argsort(x), 2), A(3), float32=False),
    Row("lcm", lambda x: x * np.lcm(np.argsort(x), 2), A(3), float32=False),
    Row("isclose, by name", lambda x, y: x + y * np.isclose(x, 0.3, atol=np.abs(y)), A(2, 3), A(3)),
    Row("any, where", lambda x: x + x * np.any(x > 0, where=x < 0.5), A(2, 3)),
]
if hasattr(np, "bitwise_count"):  # NumPy 2
    f = np.bitwise_count
    ROWS.append(Row("bitwise_count", lambda x: x * f(np.argsort(x)), A(3), float32=False))
