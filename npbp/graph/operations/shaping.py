"""Shapes: what puts the same numbers elsewhere, or says them again.

All of it but sorting is linear, and the gradient is moved back the same way. What NumPy
says about shapes and axes, wrong ones included, is asked of NumPy: its function is applied
to an array without numbers that has the shape in question.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from npbp.graph.operations.indexing import Scatter, along_axis, checked_axis, getitem, open_index
from npbp.graph.operation import Constant, LinearMap, Operation
from npbp.graph.protocols import implements


class Transpose(LinearMap):
    """``Y = X with axis axes[k] as its axis k``;  dJ/dX = G with the axes moved back."""

    analytic = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def forward(self, X: Any) -> Any:
        return np.transpose(X, self.axes)[()]

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return Transpose(tuple(int(k) for k in np.argsort(self.axes)))(G)


class Reshape(LinearMap):
    """``Y = X in another shape``, the numbers in the same order;  dJ/dX = G in X's shape."""

    analytic = True

    def __init__(self, shape: Any) -> None:
        self.shape = shape

    def forward(self, X: Any) -> Any:
        return np.reshape(X, self.shape)[()]

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return Reshape(X.shape)(G)


class BroadcastTo(LinearMap):
    """``Y = X, again and again``;  dJ/dX = G summed over the repetitions.

    That sum is the one that undoes broadcasting for all operations.
    """

    analytic = True

    def __init__(self, shape: Any) -> None:
        self.shape = shape

    def forward(self, X: Any) -> Any:
        return np.broadcast_to(X, self.shape)[()]

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return G


class Roll(LinearMap):
    """``Y = X, shifted along the axes and in again at the other end``;  dJ/dX = G, shifted back."""

    analytic = True

    def __init__(self, shift: Any, axis: Any) -> None:
        self.shift, self.axis = shift, axis

    def forward(self, X: Any) -> Any:
        return np.roll(X, self.shift, self.axis)[()]

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return Roll(tuple(-s for s in self.shift), self.axis)(G)


class Cast(LinearMap):
    """``Y = X in another floating type``;  dJ/dX = G in X's."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def forward(self, X: Any) -> Any:
        return X.astype(self.dtype)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return Cast(X.dtype)(G)


# ---- other axes


def _moves_axes(function: Callable) -> None:
    @implements(function)
    def moved(a: Any, *args: Any, **kwargs: Any) -> Any:
        # In an array of shape (0, 1, 2, ...), each length is the number of its axis.
        numbered = np.broadcast_to(0, range(np.ndim(a)))
        return Transpose(function(numbered, *args, **kwargs).shape)(a)


for _function in (np.transpose, np.swapaxes, np.moveaxis, np.rollaxis):
    _moves_axes(_function)


# ---- the same numbers in another shape


def _only_c_order(name: str, order: str) -> None:
    if order != "C":
        raise TypeError(f"np.{name}: got order={order!r}, which is not known for variables: only C")


@implements(np.reshape)
def reshape(a: Any, shape: Any = None, order: str = "C", *, newshape: Any = None) -> Any:
    _only_c_order("reshape", order)
    shape = newshape if shape is None else shape  # it was called newshape before NumPy 2.1
    return Reshape(shape if np.ndim(shape) == 0 else tuple(shape))(a)


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    _only_c_order("ravel", order)
    return Reshape(-1)(a)


def _reshapes(function: Callable) -> None:
    @implements(function)
    def reshaped(a: Any, *args: Any, **kwargs: Any) -> Any:
        without_numbers = np.broadcast_to(0, np.shape(a))
        return Reshape(function(without_numbers, *args, **kwargs).shape)(a)


for _function in (np.squeeze, np.expand_dims):
    _reshapes(_function)


def _at_least(function: Callable) -> None:
    @implements(function)
    def reshaped(*arrays: Any) -> Any:
        several = [Reshape(function(np.broadcast_to(0, np.shape(a))).shape)(a) for a in arrays]
        return several[0] if len(several) == 1 else tuple(several)


for _function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    _at_least(_function)


# ---- the same numbers again


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any) -> Any:
    return BroadcastTo(shape if np.ndim(shape) == 0 else tuple(shape))(array)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any) -> tuple:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(broadcast_to(a, shape) for a in args)


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    reps = tuple(reps) if np.ndim(reps) else (reps,)
    ndim = max(np.ndim(A), len(reps))
    shape = (1,) * (ndim - np.ndim(A)) + np.shape(A)
    reps = (1,) * (ndim - len(reps)) + reps
    # Each axis is one of length r, to be stretched, and its own.
    A = Reshape(sum(((1, n) for n in shape), ()))(A)
    A = BroadcastTo(sum(zip(reps, shape), ()))(A)
    return Reshape(tuple(r * n for r, n in zip(reps, shape)))(A)


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None:
        a, axis = ravel(a), 0
    n = np.shape(a)[checked_axis(axis, np.ndim(a))]

    def which(repeats: Any) -> Any:
        return np.repeat(np.arange(n), repeats)

    return np.take(a, Constant(which)(repeats), axis)


# ---- the same numbers in another order


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    ndim = np.ndim(m)
    axes = range(ndim) if axis is None else np.atleast_1d(axis)
    axes = {checked_axis(a, ndim) for a in axes}
    return getitem(m, tuple(slice(None, None, -1 if a in axes else None) for a in range(ndim)))


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    return flip(m, 1)


@implements(np.flipud)
def flipud(m: Any) -> Any:
    return flip(m, 0)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return Roll(tuple(shift) if np.ndim(shift) else (shift,), axis)(a)


def _moved(function: Callable, a: Any, *args: Any, **kwargs: Any) -> Any:
    """What ``function`` does to the numbers' places says where each number comes from.

    So one line does what would need an operation of its own.
    """
    places = np.arange(np.size(a)).reshape(np.shape(a))
    return ravel(a)[function(places, *args, **kwargs)]


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    return _moved(np.rot90, m, k, axes)


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    return _moved(np.delete, arr, obj, axis)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    return _moved(np.resize, a, new_shape)


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return _moved(np.pad, array, pad_width, mode)
    if mode != "constant":
        raise TypeError(
            f"np.pad: got mode={mode!r}, which is not known for variables: only constant, edge, "
            "reflect, symmetric and wrap"
        )
    shape = np.shape(array)
    border = np.pad(np.zeros(shape, array.dtype), pad_width, constant_values=constant_values)
    widths = np.broadcast_to(pad_width, (len(shape), 2))
    inside = tuple(slice(int(w), int(w) + n) for (w, _), n in zip(widths, shape))
    padded = Scatter(inside, border.shape)(array)
    return padded + border if border.any() else padded


# ---- in order of size


class Sort(Operation):
    """``Y = X in ascending order`` along the last axis;  dJ/dX = G, moved back.

    The rank of a number is how many are smaller, so each number of X gets what G has for
    its rank. Equal numbers have equal ranks, and share: each gets the mean.
    """

    def forward(self, X: Any) -> Any:
        return np.sort(X)

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


_sort = Sort()


@implements(np.sort)
def sort(a: Any, axis: int | None = -1, kind: str | None = None) -> Any:
    if axis is None:
        a, axis = ravel(a), -1
    if axis in (-1, np.ndim(a) - 1):
        return _sort(a)
    return np.moveaxis(_sort(np.moveaxis(a, axis, -1)), -1, axis)


# ---- the same numbers as they are


@implements("astype")
def astype(X: Any, dtype: Any) -> Any:
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return Cast(dtype)(X)
    if dtype.kind not in "iub":
        raise TypeError(f"astype: got {dtype}, wanted a type of real numbers")

    def astype(X: Any) -> Any:  # a step function, so its derivative is 0
        return X.astype(dtype)

    return Constant(astype)(X)


@implements(np.copy)
def copy(a: Any, order: str = "K") -> Any:
    return a  # nothing writes into a variable, so it is as good as a copy
