"""Sums of exponentials: logsumexp and softmax, without overflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from npbp.graph.operation import Operation
from npbp.graph.operations.composed import composed
from npbp.graph.operations.reductions import Reduction, counted, in_type
from npbp.graph.protocols import implements
from npbp.graph.variable import Variable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class LogSumExp(Reduction, Operation):
    """``Y = log sum_k e^X_k``;  dJ/dX_k = G e^(X_k - Y)."""

    analytic = True

    def forward(self, X: Any) -> Any:
        X = floating(X)
        M = X.max(axis=self.axis, keepdims=True, initial=-np.inf)
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
        X = floating(X)
        E = np.exp(X - X.max(axis=self.axis, keepdims=True, initial=-np.inf))
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
        X = floating(X)
        X = X - X.max(axis=self.axis, keepdims=True, initial=-np.inf)
        if not X.size:
            return X
        return X - np.log(np.sum(np.exp(X), axis=self.axis, keepdims=True))

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return G - np.exp(Y) * np.sum(G, axis=self.axis, keepdims=True)

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return T - np.sum(np.exp(Y) * T, axis=self.axis, keepdims=True)


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


# ---- what NumPy calls it, and a helper


@implements((np.logaddexp, "reduce"))
@composed(np.logaddexp.reduce)
def logaddexp_reduce(
    array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    Y = logsumexp(counted(in_type(array, dtype), where, -np.inf), axis, keepdims)
    return Y if initial is None else np.logaddexp(Y, initial)


def floating(X: Any) -> Any:
    """An array that can be -inf, which the maximum of nothing is."""
    X = np.asarray(X)
    return X if X.dtype.kind in "fc" else X.astype(np.float64)
