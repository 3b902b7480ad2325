"""Rows for `differences` and `interpolation` in `npbp.graph.operations`."""

import numpy as np
from rows import A, Row

trapezoid = getattr(np, "trapezoid", None) or np.trapz  # its names in NumPy 2 and 1

ROWS = [
    Row("diff", np.diff, A(3, 4)),
    Row("diff along the first axis", lambda x: np.diff(x, axis=0), A(3, 4)),
    Row("diff twice", lambda x: np.diff(x, 2, 1), A(2, 4, 3)),
    Row("diff, not at all", lambda x: np.diff(x, n=0) * x, A(3)),
    Row("diff until nothing is left", lambda x: np.diff(x, 3), A(2, 3)),
    Row("diff of none", np.diff, A(2, 0)),
    Row(
        "diff between ends", lambda x, a, b: np.diff(x, prepend=a, append=b), A(3, 4), A(), A(3, 2)
    ),
    Row(
        "diff with a number before",
        lambda x: np.diff(x, axis=0, prepend=0.5),
        A(3, 4),
        float32=False,
    ),
    Row("diff with a number after", lambda x: np.diff(x, 2, append=0), A(5), float32=False),
    Row("ediff1d", np.ediff1d, A(2, 3)),
    Row("ediff1d between ends", np.ediff1d, A(4), A(2), A(3)),
    Row("ediff1d of one", np.ediff1d, A(1)),
    Row("unwrap", lambda x: np.unwrap(9 * x), A(6)),
    Row("unwrap along an axis", lambda x: np.unwrap(x, discont=0.4, axis=0, period=0.7), A(4, 3)),
    Row("trapezoid", trapezoid, A(3, 4)),
    Row(
        "trapezoid with a step", lambda y, h: trapezoid(y, dx=h, axis=0), A(3, 4), A(low=1, high=2)
    ),
    Row("trapezoid at places", lambda y, x: trapezoid(y, x, axis=0), A(3, 4), A(3)),
    Row("trapezoid at places of each", lambda y, x: trapezoid(y, x=x), A(3, 4), A(3, 4, seed=1)),
    Row(
        "trapezoid at the same places", lambda x: trapezoid([1.0, 2.0, 4.0], x), A(3), float32=False
    ),
    Row("trapezoid of one", trapezoid, A(3, 1)),
]


def all_slopes(*args, **settings):
    """Of several axes as one array."""
    slopes = np.gradient(*args, **settings)
    return sum(k * slope for k, slope in enumerate(slopes, 1))


for edge in (1, 2):
    ROWS += [
        Row(
            f"gradient, edges of order {edge}", lambda f, e=edge: np.gradient(f, edge_order=e), A(5)
        ),
        Row(
            f"gradient along an axis, edges of order {edge}",
            lambda f, e=edge: np.gradient(f, axis=-2, edge_order=e),
            A(2, 3, 2),
        ),
        Row(
            f"gradient of three numbers with a step, edges of order {edge}",
            lambda f, h, e=edge: np.gradient(f, h, edge_order=e),
            A(3),
            A(low=1, high=2),
        ),
        Row(
            f"gradient at places, edges of order {edge}",
            lambda f, x, e=edge: np.gradient(f, x, edge_order=e),
            A(5),
            np.array([0.0, 0.3, 0.7, 1.5, 1.9]),
        ),
        Row(
            f"gradient at places at equal distances, edges of order {edge}",
            lambda f, x, e=edge: np.gradient(f, x, edge_order=e),
            A(5),
            np.arange(5.0),
        ),
        Row(
            f"gradient along all axes, edges of order {edge}",
            lambda f, h, e=edge: all_slopes(f, h, edge_order=e),
            A(4, 3),
            A(low=1, high=2),
        ),
        Row(
            f"gradient with a spacing for each axis, edges of order {edge}",
            lambda f, h, x, e=edge: all_slopes(f, x, h, axis=(2, 0), edge_order=e),
            A(3, 2, 4),
            A(low=1, high=2),
            np.array([0.0, 0.3, 0.7, 1.5]),
        ),
    ]
ROWS.append(Row("gradient of two numbers", np.gradient, A(2)))

# ---- between two numbers

for f in (np.linspace, np.logspace, np.geomspace):
    name, a, b = f.__name__, {"low": 0.5, "high": 1}, {"low": 1.5, "high": 2}
    x32 = {"float32": f is not np.geomspace}  # which is of float64 always
    ROWS += [
        Row(f"{name} of numbers", lambda x, y, f=f: f(x, y, 5), A(**a), A(**b), float32=False),
        Row(f"{name} of arrays", lambda x, y, f=f: f(x, y, 4), A(2, 3, **a), A(3, **b), **x32),
        Row(f"{name}, axis", lambda x, y, f=f: f(x, y, 4, axis=-1), A(3, **a), A(2, 1, **b), **x32),
        Row(
            f"{name}, without the end",
            lambda x, f=f: f(x, 3.0, 4, endpoint=False),
            A(3, **a),
            **x32,
        ),
        Row(f"{name} of one", lambda x, f=f: f(0.2, x, 1) + x, A(3, **a), **x32),
        Row(f"{name} of none", lambda x, y, f=f: f(x, y, 0), A(3, **a), A(3, **b), **x32),
        Row(
            f"{name} in float64",
            lambda x, f=f: f(x, 3.0, 4, dtype=np.float64),
            A(3, **a),
            float32=False,
        ),
    ]
ROWS += [
    Row(
        "linspace, with the step",
        lambda x, y: np.multiply(*np.linspace(x, y, 4, retstep=True)),
        A(3),
        A(3, seed=1),
    ),
    Row(
        "logspace, base",
        lambda x, y, b: np.logspace(x, y, 4, base=b),
        A(),
        A(seed=1),
        A(low=2, high=3),
        float32=False,
    ),
    Row(
        "geomspace of negative numbers",
        lambda x: np.geomspace(x, [-3.0, -4.0], 4),  # (NumPy 1 does not broadcast here)
        A(2, low=-2, high=-1),
        float32=False,
    ),
]
if np.lib.NumpyVersion(np.__version__) >= "1.25.0":
    ROWS.append(
        Row(
            "logspace, bases",
            lambda x, y, b: np.logspace(x, y, 4, base=b, axis=1),
            A(3),
            A(3, seed=1),
            A(2, 3, low=2, high=3),
        )
    )

# ---- on a line between known points, whose places are here sums of steps

f64 = {"float32": False}  # what interp returns always
X, STEPS, F = A(2, 3, low=-1, high=5), A(5, low=0.5, high=1), A(5, seed=1)
ROWS += [
    Row("interp", lambda x, d, f: np.interp(x, np.cumsum(d), f), X, STEPS, F, **f64),
    Row("interp of a number", lambda x, d, f: np.interp(x, np.cumsum(d), f), 1.7, STEPS, F, **f64),
    Row("interp, x alone", lambda x: np.interp(x, [0, 1.1, 2.7], [1, 0.5, 3]), X, **f64),
    Row("interp, values alone", lambda f: np.interp([0.5, 1.5, 9], np.arange(5), f), F, **f64),
    Row(
        "interp, left and right",
        lambda x, d, f, left, right: np.interp(
            x + 0 * left + 0 * right, np.cumsum(d), f, left, right
        ),
        X,
        STEPS,
        F,
        A(),
        A(seed=1),
        **f64,
    ),
    Row(
        "interp, period",
        lambda x, d, f: np.interp(5 * x, np.cumsum(d), f, period=4.3),
        X,
        STEPS,
        F,
        **f64,
    ),
    Row(
        "interp, a negative period",
        lambda x, f: np.interp(x, np.arange(5), f, period=-2.3),
        X,
        F,
        **f64,
    ),
    Row("interp of one point", lambda x, f: np.interp(x, [1.0], f), X, A(1), **f64),
    Row("interp of none", lambda x, f: np.interp(x, np.arange(5), f), A(0), F, **f64),
]

# ---- polynomials

ROWS += [
    Row("polyval", np.polyval, A(4), A(2, 3), float32=False),
    Row("polyval of a number", np.polyval, A(4), A(), float32=False),
    Row("polyval with numbers", lambda x: np.polyval([1.5, 2.0, 3.0], x), A(3), float32=False),
    Row(
        "polyval with a variable in a list",
        lambda a, x: np.polyval([1.5, a, 3.0], x + 0 * a),
        A(),
        A(3),
        float32=False,
    ),
    Row("polyval at a number", lambda p: np.polyval(p, 2.0), A(3), float32=False),
    Row("polyval without any", lambda x: np.polyval(np.zeros(0), x), A(3), float32=False),
    Row("vander", np.vander, A(3), float32=False),
    Row("vander, increasing", lambda x: np.vander(x, 5, increasing=True), A(3), float32=False),
    Row("vander at 0", lambda x: np.vander(x, 4), np.zeros(2), float32=False),
    Row("vander of one column", lambda x: np.vander(x, 1), A(3), float32=False),
    Row("vander of no column", lambda x: np.vander(x, N=0), A(3), float32=False),
]
