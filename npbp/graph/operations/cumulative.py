"""Sums, products and maxima that run along an axis; and the product of all, which needs them."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operation import LinearMap, Operation
from npbp.graph.operations.composed import composed
from npbp.graph.operations.constants import Flat
from npbp.graph.operations.elementwise import divide_or_0
from npbp.graph.protocols import implements


class Cumsum(LinearMap):
    """``Y_k = sum_{l <= k} X_l`` along an axis;  dJ/dX_l = sum_{k >= l} G_k."""

    analytic = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, X: Any) -> Any:
        return np.cumsum(X, axis=self.axis)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return np.flip(self(np.flip(G, self.axis)), self.axis)


class Prod(Operation):
    """``Y = prod_k X_k`` over one axis, which stays with length 1.

    dJ/dX_k = G prod_{l != k} X_l. This is not G Y / X_k: there may be zeros.
    """

    analytic = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, X: Any) -> Any:
        return np.prod(X, axis=self.axis, keepdims=True)

    def others(self, X: Any) -> Any:
        """The product of all before k, times the product of all after it."""
        flipped = np.flip(X, self.axis)
        return self.before(X) * np.flip(self.before(flipped), self.axis)

    def before(self, X: Any) -> Any:
        n = X.shape[self.axis]
        first = np.ones_like(along(X, self.axis, slice(0, 1)))
        rest = along(X, self.axis, slice(0, max(n - 1, 0)))
        return np.cumprod(np.concatenate([first, rest], axis=self.axis), axis=self.axis)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return G * self.others(X)

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return np.sum(T * self.others(X), axis=self.axis, keepdims=True)


# ---- helpers


def axes_of(X: Any, axis: Any) -> tuple[int, ...]:
    """The axes that ``axis`` means, none of them negative."""
    if axis is None:
        return tuple(range(X.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        if not -X.ndim <= a < X.ndim:
            raise ValueError(f"got axis={axis} for an array of {X.ndim} axes: there is no {a}")
    axes = tuple(a % X.ndim for a in axes)
    if len(set(axes)) < len(axes):
        raise ValueError(f"got axis={axis} for an array of {X.ndim} axes: one is there twice")
    return axes


def along(X: Any, axis: int, part: slice) -> Any:
    """``X[:, ..., part, ..., :]``, with ``part`` in the place of ``axis``."""
    return X[(slice(None),) * (axis % X.ndim) + (part,)]


# ---- what NumPy calls them


@implements(np.prod)
@composed(np.prod)
def product(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """Over one axis after the other."""
    a = a if dtype is None else a.astype(dtype)
    a = a if where is True else np.where(where, a, 1)
    axes = axes_of(a, axis) if np.ndim(a) or axis not in (0, -1) else ()  # as np.sum
    for i in axes:
        a = Prod(i)(a)
    a = a if keepdims or not axes else np.squeeze(a, axis=axes)
    return a if initial is None else a * initial


@composed(np.cumsum)
def _cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    return np.cumsum(a if dtype is None else a.astype(dtype), axis=axis)


@implements(np.cumsum)
def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    if dtype is not None or out is not None:
        return _cumsum(a, axis, dtype, out)
    return Cumsum(0)(np.ravel(a)) if axis is None else Cumsum(axis)(a)


@implements(np.cumprod)
@composed(np.cumprod)
def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Made of multiplications alone, so it is right with zeros, to every order."""
    return running(np.multiply, a if dtype is None else a.astype(dtype), axis)


def running(f: Any, a: Any, axis: int | None) -> Any:
    """What f makes of all numbers up to each place, for an f that is associative.

    In log2 n steps: of 1, 2, 4, 8, ... numbers up to each place.
    """
    if axis is None or not np.ndim(a):  # NumPy makes an axis for a single number
        a, axis = np.ravel(a), 0
    (axis,) = axes_of(a, axis)
    step, n = 1, a.shape[axis]
    while step < n:
        ready = along(a, axis, slice(0, step))
        longer = f(along(a, axis, slice(0, n - step)), along(a, axis, slice(step, n)))
        a = np.concatenate([ready, longer], axis=axis)
        step *= 2
    return a


@implements((np.add, "accumulate"))
def add_accumulate(array: Any, axis: int = 0, dtype: Any = None) -> Any:
    return np.cumsum(array, axis, dtype)


@implements((np.multiply, "accumulate"))
def multiply_accumulate(array: Any, axis: int = 0, dtype: Any = None) -> Any:
    return np.cumprod(array, axis, dtype)


@implements((np.logaddexp, "accumulate"))
@composed(np.logaddexp.accumulate)
def logaddexp_accumulate(array: Any, axis: int = 0, dtype: Any = None) -> Any:
    return running(np.logaddexp, array if dtype is None else array.astype(dtype), axis)


@implements((np.maximum, "accumulate"))
@composed(np.maximum.accumulate)
def maximum_accumulate(array: Any, axis: int = 0, dtype: Any = None) -> Any:
    return _running_extreme(np.maximum, array if dtype is None else array.astype(dtype), axis)


@implements((np.minimum, "accumulate"))
@composed(np.minimum.accumulate)
def minimum_accumulate(array: Any, axis: int = 0, dtype: Any = None) -> Any:
    return _running_extreme(np.minimum, array if dtype is None else array.astype(dtype), axis)


def _running_extreme(ufunc: np.ufunc, a: Any, axis: int) -> Any:
    """The mean of the numbers up to each place that are equal to the largest of them.

    So they share the gradient equally. They all lie where the largest so far is what it is
    now: sums over such a stretch are made as in `running`.
    """
    Y = Flat(ufunc.accumulate, axis=axis)(a)
    largest = a == Y

    def sum_so_far(Z: Any) -> Any:
        step, n = 1, Y.shape[axis]
        while step < n:
            before, after = slice(0, n - step), slice(step, n)
            same = along(Y, axis, before) == along(Y, axis, after)
            more = np.where(same, along(Z, axis, before), 0.0)
            Z = np.concatenate([along(Z, axis, slice(0, step)), along(Z, axis, after) + more], axis)
            step *= 2
        return Z

    return divide_or_0(sum_so_far(np.where(largest, a, 0.0)), sum_so_far(largest.astype(Y.dtype)))


if hasattr(np, "cumulative_sum"):  # NumPy 2.1

    @implements(np.cumulative_sum)
    @composed(np.cumulative_sum)
    def cumulative_sum(x: Any, /, *, include_initial: bool = False, **settings: Any) -> Any:
        return _cumulative(np.cumsum, np.zeros_like, x, include_initial, **settings)

    @implements(np.cumulative_prod)
    @composed(np.cumulative_prod)
    def cumulative_prod(x: Any, /, *, include_initial: bool = False, **settings: Any) -> Any:
        return _cumulative(np.cumprod, np.ones_like, x, include_initial, **settings)


def _cumulative(f: Any, like: Any, x: Any, include_initial: bool, axis: int | None = None,
                dtype: Any = None, out: Any = None) -> Any:  # fmt: skip
    axis = 0 if axis is None else axis
    Y = f(x, axis=axis, dtype=dtype)
    if not include_initial:
        return Y
    shape = list(x.shape)
    shape[axis] = 1
    return np.concatenate([like(x, shape=shape), Y], axis=axis)
