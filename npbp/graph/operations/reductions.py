"""Many numbers become one: sum, mean, max, var, logsumexp; and softmax.

The gradient of the one has to be handed back to the many, so each ``bprop`` begins by
giving G its reduced axes again, with length 1: then it broadcasts against X.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from npbp.graph.operations.composed import composed
from npbp.graph.operations.cumulative import axes_of
from npbp.graph.operations.elementwise import divide_or_0
from npbp.graph.operation import LinearMap, Operation
from npbp.graph.protocols import implements
from npbp.graph.variable import Variable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Reduction:
    """What operations over axes have in common.

    axis : None (all of them), an integer or a tuple.
    keepdims : whether the reduced axes stay, with length 1.
    """

    def __init__(self, axis: Any = None, keepdims: bool = False, **others: Any) -> None:
        if others:
            raise TypeError(
                f"{type(self).__name__} of a variable: got {'=, '.join(others)}=, wanted no "
                "settings but axis=, keepdims= and, for var and std, ddof= (for dtype=, write "
                "x.astype(dtype); for where=, choose with np.where first)"
            )
        self.axis, self.keepdims = axis, keepdims

    def spread(self, G: Any) -> Any:
        """G with its reduced axes as axes of length 1."""
        if self.keepdims or self.axis is None:
            return G
        return np.expand_dims(G, self.axis)

    def stretched(self, G: Any, X: Any) -> Any:
        """G for each number of X."""
        if not X.ndim:  # of a single number, NumPy knows the axes 0 and -1 too
            return G
        return np.broadcast_to(self.spread(G), X.shape)


class Sum(Reduction, LinearMap):
    """``Y = sum_k X_k``;  dJ/dX_k = G."""

    analytic = True

    def forward(self, X: Any) -> Any:
        return np.sum(X, axis=self.axis, keepdims=self.keepdims)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return self.stretched(G, X)


class Mean(Reduction, LinearMap):
    """``Y = sum_k X_k / n``;  dJ/dX_k = G / n."""

    analytic = True

    def forward(self, X: Any) -> Any:
        return np.mean(X, axis=self.axis, keepdims=self.keepdims)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return self.stretched(G / count(X, self.axis), X)


class Max(Reduction, Operation):
    """``Y = max_k X_k``;  dJ/dX_k = G / m where X_k = Y, one of m that are equal."""

    def forward(self, X: Any) -> Any:
        return np.max(X, axis=self.axis, keepdims=self.keepdims)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        chosen = X == self.spread(Y)
        return self.spread(G) * chosen / number_of(chosen, self.axis, X.dtype)

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        chosen = X == self.spread(Y)
        T = T * chosen / number_of(chosen, self.axis, X.dtype)
        return np.sum(T, axis=self.axis, keepdims=self.keepdims)


class Min(Max):
    """``Y = min_k X_k``;  dJ/dX_k = G / m where X_k = Y, one of m that are equal."""

    def forward(self, X: Any) -> Any:
        return np.min(X, axis=self.axis, keepdims=self.keepdims)


class Var(Reduction, Operation):
    """``Y = sum_k D_k^2 / (n - ddof)``, D = X - mean X;  dJ/dX_k = G 2 D_k / (n - ddof).

    That D depends on all of X adds nothing: D sums to 0.
    """

    def __init__(self, axis: Any = None, keepdims: bool = False, ddof: int = 0, **others: Any):
        super().__init__(axis, keepdims, **others)
        self.ddof = ddof

    def forward(self, X: Any) -> Any:
        return np.var(X, axis=self.axis, ddof=self.ddof, keepdims=self.keepdims)

    def slope(self, Y: Any, X: Any) -> Any:
        D = X - np.mean(X, axis=self.axis, keepdims=True)
        return 2 * D / (count(X, self.axis) - self.ddof)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return self.spread(G) * self.slope(Y, X)

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return np.sum(T * self.slope(Y, X), axis=self.axis, keepdims=self.keepdims)


class Std(Var):
    """``Y = sqrt(var X)``;  dJ/dX_k = G D_k / ((n - ddof) Y),  taken to be 0 where Y is."""

    def forward(self, X: Any) -> Any:
        return np.std(X, axis=self.axis, ddof=self.ddof, keepdims=self.keepdims)

    def slope(self, Y: Any, X: Any) -> Any:
        return divide_or_0(super().slope(Y, X) / 2, self.spread(Y))


class LogSumExp(Reduction, Operation):
    """``Y = log sum_k e^X_k``;  dJ/dX_k = G e^(X_k - Y)."""

    analytic = True

    def forward(self, X: Any) -> Any:
        X = np.asarray(X)
        M = X.max(axis=self.axis, keepdims=True)
        infinite = not np.isfinite(M).all()
        if infinite:  # inf - inf is nan
            M = np.where(np.isfinite(M), M, 0)
        E = np.exp(X - M).sum(axis=self.axis, keepdims=self.keepdims)  # X - M is at most 0
        if not infinite:  # so E is at least 1
            return np.log(E) + M.reshape(E.shape)
        with np.errstate(divide="ignore"):  # log 0 = -inf, if all X are
            return np.log(E) + M.reshape(E.shape)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return self.spread(G) * np.exp(X - self.spread(Y))

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        T = T * np.exp(X - self.spread(Y))
        return np.sum(T, axis=self.axis, keepdims=self.keepdims)


class Softmax(Operation):
    """``Y_k = e^X_k / sum_l e^X_l``;  dJ/dX_k = Y_k (G_k - sum_l G_l Y_l)."""

    analytic = True

    def __init__(self, axis: Any) -> None:
        self.axis = axis

    def forward(self, X: Any) -> Any:
        E = np.exp(X - np.max(X, axis=self.axis, keepdims=True))
        return E / np.sum(E, axis=self.axis, keepdims=True)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return Y * (G - np.sum(G * Y, axis=self.axis, keepdims=True))

    jvp = bprop  # dY_k/dX_l = dY_l/dX_k


class LogSoftmax(Operation):
    """``Y_k = X_k - log sum_l e^X_l``;  dJ/dX_k = G_k - e^Y_k sum_l G_l."""

    analytic = True

    def __init__(self, axis: Any) -> None:
        self.axis = axis

    def forward(self, X: Any) -> Any:
        X = X - np.max(X, axis=self.axis, keepdims=True)
        return X - np.log(np.sum(np.exp(X), axis=self.axis, keepdims=True))

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return G - np.exp(Y) * np.sum(G, axis=self.axis, keepdims=True)

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return T - np.sum(np.exp(Y) * T, axis=self.axis, keepdims=True)


# ---- helpers


def count(X: Any, axis: Any) -> int:
    """How many numbers of X go into one of Y."""
    n = 1
    for a in axes_of(X, axis):
        n *= X.shape[a]
    return n


def number_of(chosen: Any, axis: Any, dtype: Any) -> Any:
    """How many are true, as floating numbers of the type that the gradient has."""
    return np.sum(chosen, axis=axis, keepdims=True).astype(dtype)


# ---- what NumPy calls them


def _reducer(operation: Callable, first_axis: Any = None) -> Callable:
    """``np.sum(a, axis, keepdims=...)`` from Sum(axis, keepdims)."""

    def reduce(a: Any, axis: Any = first_axis, *, keepdims: bool = False, **settings: Any) -> Any:
        return operation(axis, keepdims, **settings)(a)

    return reduce


for operation, names in {
    Sum: [np.sum],
    Mean: [np.mean],
    Max: [np.max, np.amax],
    Min: [np.min, np.amin],
    Var: [np.var],
    Std: [np.std],
}.items():
    implements(*names)(_reducer(operation))

# np.add.reduce(a): unlike np.sum, over the first axis, unless told
implements((np.add, "reduce"))(_reducer(Sum, 0))
implements((np.maximum, "reduce"))(_reducer(Max, 0))
implements((np.minimum, "reduce"))(_reducer(Min, 0))
implements((np.logaddexp, "reduce"))(_reducer(LogSumExp, 0))


@implements(np.ptp)
@composed(np.ptp)
def ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    """``sum_k w_k X_k / sum_k w_k``; without weights, the mean."""
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    if np.shape(weights) != np.shape(a):
        if not isinstance(axis, int) or np.shape(weights) != (np.shape(a)[axis],):
            raise ValueError(
                f"np.average: got weights of shape {np.shape(weights)} for an array of shape "
                f"{np.shape(a)} and axis={axis}, wanted the same shape, or one weight for "
                "each place along one axis"
            )
        weights = np.reshape(weights, (-1,) + (1,) * (np.ndim(a) - 1 - axis % np.ndim(a)))
        weights = np.broadcast_to(weights, np.shape(a))
    settings = {"axis": axis, "keepdims": keepdims}
    return np.sum(a * weights, **settings) / np.sum(weights, **settings)


# ---- functions that NumPy does not have


def logsumexp(x: Variable | ArrayLike, axis: Any = None, keepdims: bool = False) -> Any:
    """``log(sum(exp(x)))``, without overflow: a smooth relative of the maximum.

    Parameters
    ----------
    x : Variable or array
    axis : None, int or tuple of int
        What to sum over; None: everything.
    keepdims : bool
        Whether the axes that are summed over stay, with length 1.

    Returns
    -------
    Variable, or array if ``x`` is one.

    Examples
    --------
    >>> logsumexp(np.array([[1000.0, 1000.0], [-1000.0, 0.0]]), axis=1)
    array([1000.69314718,    0.        ])
    """
    return LogSumExp(axis, keepdims)(x)


def softmax(x: Variable | ArrayLike, axis: Any = -1) -> Any:
    """Probabilities from scores, ``exp(x) / sum(exp(x))``, without overflow.

    Parameters
    ----------
    x : Variable or array, such as (N, classes)
    axis : int, tuple of int or None
        Along which the probabilities add up to 1; None: all of them together.

    Returns
    -------
    Variable, or array if ``x`` is one; in the shape of x.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    return Softmax(axis)(x)


def log_softmax(x: Variable | ArrayLike, axis: Any = -1) -> Any:
    """The logarithm of `softmax`, ``x - logsumexp(x)``: finite where softmax rounds to 0.

    Parameters
    ----------
    x : Variable or array, such as (N, classes)
    axis : int, tuple of int or None
        Along which the probabilities add up to 1; None: all of them together.

    Returns
    -------
    Variable, or array if ``x`` is one; in the shape of x.

    Examples
    --------
    >>> log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    return LogSoftmax(axis)(x)
