"""Norms: of vectors, by powers of the numbers; of matrices, by sums or singular values.

Where a norm is 0, it has a kink, and its derivative is taken to be 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operation import Elementwise, Operation
from npbp.graph.operations.composed import composed
from npbp.graph.operations.cumulative import axes_of
from npbp.graph.operations.elementwise import divide_or_0
from npbp.graph.protocols import implements


class VectorNorm(Operation):
    """``Y = (sum |X|^p)^(1/p)`` over axes, which are kept;  dJ/dX = G sign(U) |U|^(p-1), U = X/Y.

    Where Y is 0, the derivative is taken to be 0.
    """

    def __init__(self, p: float, axis: tuple[int, ...]) -> None:
        self.p, self.axis = p, axis

    def forward(self, X: Any) -> Any:
        if self.p == 2:
            return np.sqrt(np.sum(X * X, axis=self.axis, keepdims=True))
        with np.errstate(divide="ignore"):  # p < 0: a single 0 makes the norm 0
            return np.sum(np.abs(X) ** self.p, axis=self.axis, keepdims=True) ** (1 / self.p)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return G * self.slope(Y, X)

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return np.sum(T * self.slope(Y, X), axis=self.axis, keepdims=True)

    def slope(self, Y: Any, X: Any) -> Any:
        U = divide_or_0(X, Y)
        return U if self.p == 2 else AbsolutePower(self.p - 1, signed=True)(U)


class AbsolutePower(Elementwise):
    """``Y = |X|^p``, or ``sign(X) |X|^p`` if signed;  dY/dX = p times the other one, of p - 1.

    At 0, an infinite power is taken to be 0.
    """

    def __init__(self, p: float, signed: bool) -> None:
        self.p, self.signed = p, signed

    def forward(self, X: Any) -> Any:
        size = np.where(X == 0, 1, np.abs(X)) ** self.p
        if self.signed:
            return np.sign(X) * size
        return size if self.p == 0 else size * (X != 0)

    def slope(self, i: int, Y: Any, X: Any) -> Any:
        return self.p * AbsolutePower(self.p - 1, not self.signed)(X) if self.p else X * 0


# ---- what NumPy calls them


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norms of vectors, or of matrices if two axes are meant, as NumPy tells them apart."""
    try:
        return _norm(x, ord, axis, keepdims)
    except ValueError as error:
        raise _not_a_norm(x, ord, axis, error) from None


def _value(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    with np.errstate(divide="ignore"):  # p < 0: a single 0 makes the norm 0
        return np.linalg.norm(x, ord, axis, keepdims)


_value.__name__ = "norm"


@composed(_value)
def _norm(X: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    axes = axes_of(X, axis)
    if not X.size:
        return np.sum(X, axis=axes, keepdims=keepdims)
    if axis is None and ord is None:
        Y = VectorNorm(2, axes)(X)
    elif len(axes) == 1:
        Y = _vector_norm(X, 2 if ord is None else ord, axes)
    else:
        Y = _matrix_norm(X, "fro" if ord is None else ord, axes)
    return Y if keepdims or not axes else np.squeeze(Y, axes)


def _vector_norm(X: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(np.abs(X), axis=axes, keepdims=True)
    if ord == 0:  # how many are not 0: flat wherever it has a derivative
        return np.sum(np.abs(np.sign(X)), axis=axes, keepdims=True)
    return VectorNorm(ord, axes)(X)


def _matrix_norm(X: Any, ord: Any, axes: tuple[int, int]) -> Any:
    if ord in ("fro", "f"):
        return VectorNorm(2, axes)(X)
    if ord in (1, -1, np.inf, -np.inf):  # the largest or smallest sum of a column, or of a row
        along, over = axes if abs(ord) == 1 else axes[::-1]
        sums = np.sum(np.abs(X), axis=along, keepdims=True)
        return (np.max if ord > 0 else np.min)(sums, axis=over, keepdims=True)
    s = np.linalg.svd(np.moveaxis(X, axes, (-2, -1)), compute_uv=False)
    pick = np.sum if ord == "nuc" else np.max if ord > 0 else np.min
    return np.expand_dims(pick(s, axis=-1), tuple(sorted(axes)))


def _not_a_norm(X: Any, ord: Any, axis: Any, error: ValueError) -> ValueError:
    if type(error) is not ValueError:
        return error
    axes = X.ndim if axis is None else np.size(axis)
    got = f"np.linalg.norm: got ord={ord!r}"
    if axes == 1 and isinstance(ord, str):
        return ValueError(f"{got} for vectors, wanted a number")
    if axes == 2 and ord not in (None, "f", "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        return ValueError(f"{got} for matrices, wanted 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    return ValueError(
        f"{got}, axis={axis!r} and an array of shape {X.shape}, wanted one axis (norms of "
        f"vectors), two different ones (of matrices), or no ord: {error}"
    )


if hasattr(np.linalg, "matrix_norm"):  # NumPy 2 has names for each kind

    @implements(np.linalg.matrix_norm)
    def matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        return norm(x, ord, (-2, -1), keepdims)

    @implements(np.linalg.vector_norm)
    @composed(np.linalg.vector_norm)
    def vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        """Over any number of axes, taken as one."""
        axes = axes_of(x, axis)
        if not x.size:
            return np.sum(x, axis=axes, keepdims=keepdims)
        Y = _vector_norm(x, ord, axes)
        return Y if keepdims or not axes else np.squeeze(Y, axes)
