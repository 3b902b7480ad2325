"""In order of size: sort, and partition.

Both put the numbers elsewhere, so a gradient is moved back, to where they came from. Where it
is ambiguous, because numbers are equal, they share.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operation import Constant, Operation
from npbp.graph.operations.constants import Flat
from npbp.graph.operations.indexing import Scatter, along_axis, checked_axis, open_index
from npbp.graph.protocols import implements


class Sort(Operation):
    """``Y = X in ascending order`` along the last axis;  dJ/dX = G, moved back.

    The rank of a number is how many are smaller, so each number of X gets what G has for
    its rank. Equal numbers have equal ranks, and share: each gets the mean.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def forward(self, X: Any) -> Any:
        return np.sort(X, **self.settings)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return self.move(G, rank(Y), rank(X))

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return self.move(T, rank(X), rank(Y))

    def move(self, D: Any, source: Any, target: Any) -> Any:
        """From numbers of ranks ``source``, in all their places, to those of ``target``."""
        index, I = open_index(along_axis(D.shape, source, -1))
        total = Scatter(index, D.shape)(D, *I)
        count = Scatter(index, D.shape)(np.ones(D.shape, D.dtype), *I)
        return np.take_along_axis(total, target, -1) / np.take_along_axis(count, target, -1)


class Partition(Sort):
    """``Y = X with the smaller numbers before the kth, the larger ones after it``; as `Sort`."""

    def forward(self, X: Any) -> Any:
        return np.partition(X, **self.settings)


@Constant
def rank(X: Any) -> Any:
    """How many numbers along the last axis are smaller."""
    order = np.argsort(X, kind="stable")
    Y = np.take_along_axis(X, order, -1)
    smaller = np.zeros(Y.shape, dtype=order.dtype)
    smaller[..., 1:] = np.where(Y[..., 1:] != Y[..., :-1], np.arange(1, Y.shape[-1]), 0)
    smaller = np.maximum.accumulate(smaller, axis=-1)
    ranks = np.empty_like(smaller)
    np.put_along_axis(ranks, order, smaller, -1)
    return ranks


# ---- what NumPy calls them


@implements(np.sort)
def sort(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, **stable: Any
) -> Any:
    _no_fields("sort", order)
    return _along(Sort(**stable) if kind is None else Sort(kind=kind, **stable), a, axis)


@implements(np.partition)
def partition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Any:
    _no_fields("partition", order)
    return _along(Partition(kth=kth, kind=kind), a, axis)


def _along(operation: Operation, a: Any, axis: int | None) -> Any:
    """Over the last axis, where the operation does it."""
    if axis is None:
        a, axis = np.ravel(a), -1
    axis = checked_axis(axis, np.ndim(a))
    if axis == np.ndim(a) - 1:
        return operation(a)
    return np.moveaxis(operation(np.moveaxis(a, axis, -1)), -1, axis)


def _no_fields(name: str, order: Any) -> None:
    if order is not None:
        raise ValueError(f"np.{name}: got order={order!r}, but numbers have no fields to go by")


@implements(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Any:
    keys = keys if hasattr(keys, "ndim") else np.stack(keys)
    return Flat(np.lexsort, axis=axis)(keys)
