"""Sums and products that run along an axis; and the product of all, which needs them."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operation import LinearMap, Operation
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
def product(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Over one axis after the other."""
    axes = axes_of(a, axis) if np.ndim(a) or axis not in (0, -1) else ()  # as np.sum
    for i in axes:
        a = Prod(i)(a)
    return a if keepdims or not axes else np.squeeze(a, axis=axes)


@implements((np.multiply, "reduce"))
def multiply_reduce(a: Any, axis: Any = 0, *, keepdims: bool = False) -> Any:
    return product(a, axis, keepdims=keepdims)


@implements(np.cumsum)
def cumsum(a: Any, axis: int | None = None) -> Any:
    return Cumsum(0)(np.ravel(a)) if axis is None else Cumsum(axis)(a)


@implements(np.cumprod)
def cumprod(a: Any, axis: int | None = None) -> Any:
    """Running products, in log2 n steps: of 1, 2, 4, 8, ... numbers up to each place.

    Made of multiplications alone, so it is right with zeros, to every order.
    """
    if axis is None:
        a, axis = np.ravel(a), 0
    elif not np.ndim(a):  # NumPy makes an axis for a single number, as np.cumsum does
        a = np.ravel(a)
    (axis,) = axes_of(a, axis)
    step, n = 1, a.shape[axis]
    while step < n:
        ready = along(a, axis, slice(0, step))
        longer = along(a, axis, slice(step, n)) * along(a, axis, slice(0, n - step))
        a = np.concatenate([ready, longer], axis=axis)
        step *= 2
    return a


@implements((np.add, "accumulate"))
def add_accumulate(a: Any, axis: int = 0) -> Any:
    return cumsum(a, axis)


@implements((np.multiply, "accumulate"))
def multiply_accumulate(a: Any, axis: int = 0) -> Any:
    return cumprod(a, axis)
