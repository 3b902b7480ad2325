"""Diagonals and triangles of matrices, and what is made of them: trace, diag, tril, triu.

All are linear: the gradient of what was taken goes back to where it was, and is 0 elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operation import LinearMap
from npbp.graph.operations.composed import composed
from npbp.graph.protocols import implements


class Diagonal(LinearMap):
    """``Y = np.diagonal(X, offset, axis1, axis2)``;  dJ/dX = G there, and 0 elsewhere."""

    analytic = True

    def __init__(self, offset: int, axis1: int, axis2: int) -> None:
        self.offset, self.axis1, self.axis2 = offset, axis1, axis2

    def forward(self, X: Any) -> Any:
        return np.diagonal(X, self.offset, self.axis1, self.axis2)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return OnDiagonal(X.shape, self.offset, self.axis1, self.axis2)(G)


class OnDiagonal(LinearMap):
    """``Y``: zeros of the given shape, with X on a diagonal;  dJ/dX = that diagonal of G."""

    analytic = True

    def __init__(self, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> None:
        self.shape, self.offset, self.axis1, self.axis2 = shape, offset, axis1, axis2

    def forward(self, X: Any) -> Any:
        Y = np.zeros(self.shape, X.dtype)
        row = np.arange(X.shape[-1])
        rows, columns = row + max(-self.offset, 0), row + max(self.offset, 0)
        np.moveaxis(Y, (self.axis1, self.axis2), (-2, -1))[..., rows, columns] = X
        return Y

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return np.diagonal(G, self.offset, self.axis1, self.axis2)


class Triangle(LinearMap):
    """``Y = X`` in the lower (or upper) triangle, 0 elsewhere;  dJ/dX = the same of G."""

    analytic = True

    def __init__(self, part: str, k: int) -> None:
        self.part, self.k = part, k

    def forward(self, X: Any) -> Any:
        return (np.tril if self.part == "lower" else np.triu)(X, self.k)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return self(G)


@implements(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return Diagonal(offset, axis1, axis2)(a)


@implements(np.trace)
@composed(np.trace)
def trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    Y = np.sum(diagonal(a, offset, axis1, axis2), axis=-1)
    return Y if dtype is None else Y.astype(dtype)


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """A matrix with the vector v on its diagonal ``k``, or that diagonal of a matrix v."""
    if v.ndim == 1:
        n = v.shape[0] + abs(k)
        return OnDiagonal((n, n), k, 0, 1)(v)
    if v.ndim == 2:
        return diagonal(v, k)
    raise ValueError(
        f"np.diag: got an array of shape {v.shape}, wanted a vector or a matrix: for stacks of "
        "matrices, np.diagonal(x, axis1=-2, axis2=-1) takes the diagonals"
    )


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    return diag(np.ravel(v), k)


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    return Triangle("lower", k)(m)


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    return Triangle("upper", k)(m)


if hasattr(np.linalg, "diagonal"):  # NumPy 2, for stacks

    @implements(np.linalg.diagonal)
    def _linalg_diagonal(x: Any, *, offset: int = 0) -> Any:
        return diagonal(x, offset, -2, -1)

    @implements(np.linalg.trace)
    def _linalg_trace(x: Any, *, offset: int = 0, dtype: Any = None) -> Any:
        return trace(x, offset, -2, -1, dtype)
