"""Functions of each number alone: exp, sin, maximum, where, sigmoid, ...

For a function of one number, the derivative is all that there is to know, so the table
below has one line for each: the function of NumPy, and its derivative as a formula in
X and Y. The formula is of NumPy's functions again, so it can be differentiated too.

`analytic` says that ``forward`` takes complex numbers and is a power series wherever
it has a derivative. Then the derivative can be checked with a step in the imaginary
direction: ``f'(x) = Im f(x + ih) / h``, in which nothing is subtracted and nothing lost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from npbp.graph.operation import Elementwise, Operation
from npbp.graph.operations.arithmetic import Power
from npbp.graph.operations.composed import composed
from npbp.graph.operations.constants import nonzero
from npbp.graph.protocols import implements
from npbp.graph.variable import Variable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def function(ufunc: np.ufunc, derivative: Callable, analytic: bool = True) -> Operation:
    """The operation ``Y = ufunc(X)``, with dY/dX = ``derivative(Y, X)``, number by number."""
    members = {
        "__doc__": f"``Y = {ufunc.__name__}(X)``, number by number; see the table for dY/dX.",
        "__module__": __name__,
        "forward": ufunc,
        "ufunc": ufunc,
        "analytic": analytic,
        "slope": lambda self, i, Y, X: derivative(Y, X),
    }
    return implements(ufunc)(type(ufunc.__name__.capitalize(), (Elementwise,), members)())


LOG_2, LOG_10, DEGREE = math.log(2), math.log(10), math.pi / 180

# Exponentials and powers: Y, and dY/dX.
exp = function(np.exp, lambda Y, X: Y)
exp2 = function(np.exp2, lambda Y, X: LOG_2 * Y)
expm1 = function(np.expm1, lambda Y, X: np.exp(X))
log = function(np.log, lambda Y, X: 1 / X)
log2 = function(np.log2, lambda Y, X: 1 / (LOG_2 * X))
log10 = function(np.log10, lambda Y, X: 1 / (LOG_10 * X))
log1p = function(np.log1p, lambda Y, X: 1 / (1 + X))
sqrt = function(np.sqrt, lambda Y, X: 0.5 / Y)
cbrt = function(np.cbrt, lambda Y, X: 1 / (3 * Y * Y), analytic=False)
square = function(np.square, lambda Y, X: 2 * X)
reciprocal = function(np.reciprocal, lambda Y, X: -Y * Y)

# Trigonometric.
sin = function(np.sin, lambda Y, X: np.cos(X))
cos = function(np.cos, lambda Y, X: -np.sin(X))
tan = function(np.tan, lambda Y, X: 1 + Y * Y)
arcsin = function(np.arcsin, lambda Y, X: 1 / np.sqrt((1 - X) * (1 + X)))
arccos = function(np.arccos, lambda Y, X: -1 / np.sqrt((1 - X) * (1 + X)))
arctan = function(np.arctan, lambda Y, X: 1 / (1 + X * X))
deg2rad = function(np.deg2rad, lambda Y, X: DEGREE, analytic=False)
radians = function(np.radians, lambda Y, X: DEGREE, analytic=False)
rad2deg = function(np.rad2deg, lambda Y, X: 1 / DEGREE, analytic=False)
degrees = function(np.degrees, lambda Y, X: 1 / DEGREE, analytic=False)

# Hyperbolic.
sinh = function(np.sinh, lambda Y, X: np.cosh(X))
cosh = function(np.cosh, lambda Y, X: np.sinh(X))
tanh = function(np.tanh, lambda Y, X: 1 - Y * Y)
arcsinh = function(np.arcsinh, lambda Y, X: 1 / np.sqrt(X * X + 1))
arccosh = function(np.arccosh, lambda Y, X: 1 / np.sqrt((X - 1) * (X + 1)))
arctanh = function(np.arctanh, lambda Y, X: 1 / ((1 - X) * (1 + X)))

# With a kink at 0, where dY/dX is taken to be 0.
absolute = function(np.absolute, lambda Y, X: np.sign(X), analytic=False)
fabs = function(np.fabs, lambda Y, X: np.sign(X), analytic=False)


# ---- of two numbers


class Arctan2(Operation):
    """``Y`` = angle of the point (B, A);  dJ/dA = G B / R,  dJ/dB = -G A / R,  R = A^2 + B^2."""

    forward = ufunc = np.arctan2

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        R = np.square(A) + np.square(B)
        return -G * A / R if i else G * B / R

    jvp = bprop  # number by number: the same with T in place of G


class Hypot(Elementwise):
    """``Y = sqrt(A^2 + B^2)``;  dY/dA = A / Y,  dY/dB = B / Y,  taken to be 0 where Y is."""

    forward = ufunc = np.hypot

    def slope(self, i: int, Y: Any, A: Any, B: Any) -> Any:
        return divide_or_0(B if i else A, Y)


def divide_or_0(A: Any, Y: Any) -> Any:
    """A / Y, and 0 where Y is 0."""
    return np.where(Y == 0, 0.0, A / np.where(Y == 0, 1.0, Y))


class LogAddExp(Elementwise):
    """``Y = log(e^A + e^B)``;  dY/dA = e^A / (e^A + e^B) = sigmoid(A - B)."""

    forward = ufunc = np.logaddexp

    def slope(self, i: int, Y: Any, A: Any, B: Any) -> Any:
        return sigmoid(B - A if i else A - B)


class LogAddExp2(Elementwise):
    """``Y = log2(2^A + 2^B)``;  dY/dA = 2^A / (2^A + 2^B) = sigmoid((A - B) log 2)."""

    forward = ufunc = np.logaddexp2

    def slope(self, i: int, Y: Any, A: Any, B: Any) -> Any:
        return sigmoid(LOG_2 * (B - A if i else A - B))


class FloatPower(Power):
    """``Y = A^B`` in float64, also for integers; derivatives as for `Power`."""

    forward = ufunc = np.float_power
    analytic = True


class Remainder(Operation):
    """``Y = A - B floor(A / B)``;  dJ/dA = G,  dJ/dB = -G floor(A / B)."""

    forward = ufunc = np.remainder

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        return -G * np.floor_divide(A, B) if i else G

    jvp = bprop


class Fmod(Operation):
    """``Y = A - B trunc(A / B)``;  dJ/dA = G,  dJ/dB = -G trunc(A / B)."""

    forward = ufunc = np.fmod

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        return -G * np.trunc(A / B) if i else G

    jvp = bprop


class Maximum(Operation):
    """``Y = max(A, B)``;  dJ/dA = G where Y is A, G/2 where A = B, 0 elsewhere.

    Half for each in a tie. So the derivative of ``np.maximum(x, 0)`` at 0 is 1/2; `relu`
    has 0 there.
    """

    forward = ufunc = np.maximum

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        return G * ((B if i else A) == Y) - G * (A == B) / 2

    jvp = bprop


class Minimum(Maximum):
    """``Y = min(A, B)``;  dJ/dA = G where Y is A, G/2 where A = B, 0 elsewhere."""

    forward = ufunc = np.minimum


class Fmax(Maximum):
    """As `Maximum`, but of a number and nan it is the number."""

    forward = ufunc = np.fmax


class Fmin(Maximum):
    """As `Minimum`, but of a number and nan it is the number."""

    forward = ufunc = np.fmin


class Copysign(Elementwise):
    """``Y = |A|, with the sign of B``;  dY/dA = sign(A) sign(B), and 0 at 0;  dY/dB = 0."""

    forward = ufunc = np.copysign

    def slope(self, i: int, Y: Any, A: Any, B: Any) -> Any:
        return np.zeros_like(Y) if i else np.sign(A) * np.sign(np.copysign(1.0, B))


class Heaviside(Elementwise):
    """``Y = 0 where A < 0, 1 where A > 0, B where A = 0``;  dY/dA = 0,  dY/dB = 1 where A = 0."""

    forward = ufunc = np.heaviside

    def slope(self, i: int, Y: Any, A: Any, B: Any) -> Any:
        return np.equal(A, 0) if i else np.zeros_like(Y)


arctan2 = implements(np.arctan2)(Arctan2())
copysign = implements(np.copysign)(Copysign())
heaviside = implements(np.heaviside)(Heaviside())
hypot = implements(np.hypot)(Hypot())
logaddexp = implements(np.logaddexp)(LogAddExp())
logaddexp2 = implements(np.logaddexp2)(LogAddExp2())
float_power = implements(np.float_power)(FloatPower())
remainder = implements(np.remainder)(Remainder())
fmod = implements(np.fmod)(Fmod())
maximum = implements(np.maximum)(Maximum())
minimum = implements(np.minimum)(Minimum())
fmax = implements(np.fmax)(Fmax())
fmin = implements(np.fmin)(Fmin())


class Where(Operation):
    """``Y = A if C else B``;  dJ/dA = G where C,  dJ/dB = G where not C,  0 elsewhere."""

    def forward(self, C: Any, A: Any, B: Any) -> Any:
        Y = np.where(C, A, B)
        return Y if Y.ndim else Y[()]  # a number, and not an array of rank 0

    def bprop(self, i: int, G: Any, Y: Any, C: Any, A: Any, B: Any) -> Any:
        # Not G * C, as that would be nan where G is infinite and not chosen.
        return np.where(C, G, 0.0) if i == 1 else np.where(C, 0.0, G)

    jvp = bprop


_where = Where()


@implements(np.where)
def where(condition: Any, *branches: Any) -> Any:
    if not branches:
        return nonzero(condition)
    if type(condition) is Variable and condition.dtype.kind == "f":
        condition = condition != 0  # no gradient passes to it
    return _where(condition, *branches)


@implements(np.clip)
@composed(np.clip)
def clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None,
    max: Any = None,
) -> Any:  # fmt: skip
    """Between ``a_min`` and ``a_max``. At a bound, a tie: half of the gradient goes to it."""
    a_min = min if a_min is None else a_min
    a_max = max if a_max is None else a_max
    a = a if a_min is None else np.maximum(a, a_min)
    return a if a_max is None else np.minimum(a, a_max)


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None):
    return _nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)  # always a copy


@composed(np.nan_to_num)
def _nan_to_num(x: Any, *, nan: Any, posinf: Any, neginf: Any) -> Any:
    """x where it is finite, something else elsewhere."""
    Y = np.where(np.isnan(x), nan, x)
    Y = np.where(x == np.inf, 0.0 if posinf is None else posinf, Y)
    return np.where(x == -np.inf, 0.0 if neginf is None else neginf, Y)


# ---- functions that NumPy does not have


class Sigmoid(Elementwise):
    """``Y = 1 / (1 + e^-X)``;  dY/dX = Y (1 - Y)."""

    analytic = True

    def forward(self, X: Any) -> Any:
        with np.errstate(over="ignore"):  # 1 / (1 + inf) = 0 is what it should be
            return 1 / (1 + np.exp(np.negative(X)))

    def slope(self, i: int, Y: Any, X: Any) -> Any:
        return Y * (1 - Y)


class Softplus(Elementwise):
    """``Y = log(1 + e^X) = max(X, 0) + log(1 + e^-|X|)``;  dY/dX = sigmoid(X)."""

    def forward(self, X: Any) -> Any:
        return np.maximum(X, 0) + np.log1p(np.exp(-np.abs(X)))

    def slope(self, i: int, Y: Any, X: Any) -> Any:
        return sigmoid(X)


class ReLU(Elementwise):
    """``Y = max(X, 0)``;  dY/dX = 1 where X > 0, otherwise 0, also at 0."""

    def forward(self, X: Any) -> Any:
        return np.maximum(X, 0)

    def slope(self, i: int, Y: Any, X: Any) -> Any:
        return X > 0


_sigmoid, _softplus, _relu = Sigmoid(), Softplus(), ReLU()


def sigmoid(x: Variable | ArrayLike) -> Any:
    """The logistic function, ``1 / (1 + exp(-x))``, of each number.

    It neither overflows nor loses digits for large or very negative numbers.

    Parameters
    ----------
    x : Variable or array, any shape

    Returns
    -------
    Variable, or array if ``x`` is one; in the shape of x.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return _sigmoid(x)


def softplus(x: Variable | ArrayLike) -> Any:
    """``log(1 + exp(x))`` of each number: a smooth relative of `relu`.

    It neither overflows nor loses digits for large or very negative numbers. Its derivative
    is `sigmoid`, and ``-softplus(-x)`` is the logarithm of sigmoid(x).

    Parameters
    ----------
    x : Variable or array, any shape

    Returns
    -------
    Variable, or array if ``x`` is one; in the shape of x.

    Examples
    --------
    >>> softplus(np.array([-1000.0, 0.0, 1000.0]))
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    return _softplus(x)


def relu(x: Variable | ArrayLike) -> Any:
    """``max(x, 0)`` of each number, with derivative 0 at 0.

    ``np.maximum(x, 0)`` has the same values, but at 0 it is a tie of two equal arguments,
    and x gets half of the gradient. In networks, 0 is the custom.

    Parameters
    ----------
    x : Variable or array, any shape

    Returns
    -------
    Variable, or array if ``x`` is one; in the shape of x.

    Examples
    --------
    >>> from npbp import graph
    >>> x = Variable(np.array([-1.0, 0.0, 2.0]))
    >>> relu(x).value
    array([0., 0., 2.])
    >>> graph.general_back_propagation([x], np.sum(relu(x)))[x].value
    array([0., 0., 1.])
    >>> graph.general_back_propagation([x], np.sum(np.maximum(x, 0)))[x].value
    array([0. , 0.5, 1. ])
    """
    return _relu(x)
