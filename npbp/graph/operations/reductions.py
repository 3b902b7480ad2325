"""Many numbers become one: sum, mean, max, var.

The gradient of the one has to be handed back to the many, so each ``bprop`` begins by
giving G its reduced axes again, with length 1: then it broadcasts against X.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable

import numpy as np

from npbp.graph.operation import LinearMap, Operation
from npbp.graph.operations.composed import composed
from npbp.graph.operations.cumulative import axes_of
from npbp.graph.operations.elementwise import divide_or_0
from npbp.graph.protocols import implements


class Reduction:
    """What operations over axes have in common.

    axis : None (all of them), an integer or a tuple.
    keepdims : whether the reduced axes stay, with length 1.
    """

    def __init__(self, axis: Any = None, keepdims: bool = False) -> None:
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
        return self.stretched(G / self.n(X), X)

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return np.sum(T, axis=self.axis, keepdims=self.keepdims) / self.n(X)

    def n(self, X: Any) -> int:
        return max(count(X, self.axis), 1)  # of none there is no gradient, and the change is 0


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

    def __init__(self, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> None:
        super().__init__(axis, keepdims)
        self.ddof = ddof

    def forward(self, X: Any) -> Any:
        return np.var(X, axis=self.axis, ddof=self.ddof, keepdims=self.keepdims)

    def slope(self, Y: Any, X: Any) -> Any:
        if not X.size:
            return X
        D = X - np.mean(X, axis=self.axis, keepdims=True)
        return 2 * D / max(count(X, self.axis) - self.ddof, 0)

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


# ---- the same with NumPy's other settings, as formulas: see `composed`


def in_type(a: Any, dtype: Any) -> Any:
    """a, in a type that sums are to be made in."""
    return a if dtype is None else a.astype(dtype)


def counted(a: Any, where: Any, fill: Any) -> Any:
    """a, and ``fill`` where it does not count."""
    return a if where is True else np.where(where, a, fill)


def sum_formula(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """``np.sum`` with all of its settings."""
    Y = np.sum(counted(in_type(a, dtype), where, 0), axis=axis, keepdims=keepdims)
    return Y if initial is None else Y + initial


def _extreme(largest: Callable, larger: np.ufunc, least: float) -> Callable:
    def formula(
        a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None,
        where: Any = True,
    ) -> Any:  # fmt: skip
        if not count(a, axis):
            return np.sum(a, axis=axis, keepdims=keepdims) + initial
        Y = largest(counted(a, where, least), axis=axis, keepdims=keepdims)
        return Y if initial is None else larger(Y, initial)

    return formula


max_formula = _extreme(np.max, np.maximum, -np.inf)
min_formula = _extreme(np.min, np.minimum, np.inf)


def mean_formula(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    *, where: Any = True,
) -> Any:  # fmt: skip
    """``np.mean`` with all of its settings."""
    a = in_type(a, dtype)
    n = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)
    return divide_or_0(np.sum(counted(a, where, 0), axis=axis, keepdims=keepdims), n)


def var_formula(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
    keepdims: bool = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """``np.var`` with all of its settings."""
    if mean is None:
        mean = mean_formula(a, axis, dtype, keepdims=True, where=where)
    D = counted(in_type(a, dtype) - mean, where, 0)
    n = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)
    n = np.maximum(n - (ddof if correction is None else correction), 0)
    return divide_or_0(np.sum(D * D, axis=axis, keepdims=keepdims), n)


def std_formula(*args: Any, **settings: Any) -> Any:
    """``np.std`` with all of its settings."""
    V = var_formula(*args, **settings)
    return np.where(V == 0, 0.0, np.sqrt(np.where(V == 0, 1.0, V)))


std_formula.__signature__ = inspect.signature(var_formula)


# ---- what NumPy calls them


def _reducer(operation: Callable, formula: Callable, usual: set, *functions: Callable) -> None:
    """``np.sum(a, axis, keepdims=...)`` is Sum(axis, keepdims); with other settings, composed."""
    general = composed(functions[0])(formula)

    @implements(*functions)
    def reduce(*args: Any, **settings: Any) -> Any:
        if len(args) > 2 or not settings.keys() <= usual:
            return general(*args, **settings)
        a, *axis = args
        return operation(*axis, **settings)(a)


_reducer(Sum, sum_formula, {"axis", "keepdims"}, np.sum)
_reducer(Mean, mean_formula, {"axis", "keepdims"}, np.mean)
_reducer(Max, max_formula, {"axis", "keepdims"}, np.max, np.amax)
_reducer(Min, min_formula, {"axis", "keepdims"}, np.min, np.amin)
_reducer(Var, var_formula, {"axis", "keepdims", "ddof"}, np.var)
_reducer(Std, std_formula, {"axis", "keepdims", "ddof"}, np.std)


def _reduce_of(ufunc: np.ufunc, function: Callable) -> None:
    """``np.add.reduce(a)``: unlike np.sum, over the first axis, unless told."""

    @implements((ufunc, "reduce"))
    def reduce(array: Any, axis: Any = 0, **settings: Any) -> Any:
        return function(array, axis=axis, **settings)


_reduce_of(np.add, np.sum)
_reduce_of(np.multiply, np.prod)
_reduce_of(np.maximum, np.max)
_reduce_of(np.minimum, np.min)
