"""Shapes: what puts the same numbers elsewhere, or says them again.

All of it is linear, and the gradient is moved back the same way. What NumPy says about shapes
and axes, wrong ones included, is asked of NumPy: its function is applied to an array without
numbers that has the shape in question.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from npbp.graph.operation import Constant, LinearMap
from npbp.graph.operations.indexing import Scatter, SetItem, checked_axis, getitem
from npbp.graph.protocols import implements
from npbp.graph.variable import Variable, value_of


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


@implements(np.reshape)
def reshape(
    a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None
) -> Any:
    # (It was called newshape before NumPy 2.1. Nothing writes into a variable, so whether it is
    # copied makes no difference.)
    shape = newshape if shape is None else shape
    shape = shape if np.ndim(shape) == 0 else tuple(shape)
    if order == "A":
        order = _order_in_memory(a)
    if order == "C":
        return Reshape(shape)(a)
    numbered = np.reshape(np.broadcast_to(0, np.shape(a)), shape, order=order)  # or an error
    return np.transpose(Reshape(numbered.shape[::-1])(np.transpose(a)))


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    if order == "A":
        order = _order_in_memory(a)
    if order == "F":
        return Reshape(-1)(np.transpose(a))
    if order == "K":  # in the order in which the numbers are in memory when this is called
        places = np.empty_like(value_of(a), dtype=np.intp)
        places[...] = np.arange(places.size).reshape(places.shape)
        return Reshape(-1)(a)[np.ravel(places, "K")]
    np.ravel(0, order)  # or an error
    return Reshape(-1)(a)


def _order_in_memory(a: Any) -> str:
    return "F" if np.isfortran(np.asarray(value_of(a))) else "C"


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
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return BroadcastTo(shape if np.ndim(shape) == 0 else tuple(shape))(array)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple:
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(broadcast_to(a, shape) for a in args)


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple:
    """The coordinates of a grid: each of xi along an axis of its own, and the same along others."""
    shapes = [np.broadcast_to(0, np.shape(x)) for x in xi]
    grids = np.meshgrid(*shapes, copy=False, sparse=True, indexing=indexing)
    coordinates = tuple(Reshape(grid.shape)(x) for grid, x in zip(grids, xi))
    return coordinates if sparse else broadcast_arrays(*coordinates)


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
    if any(type(x) is Variable for x in (*args, *kwargs.values())):
        raise TypeError(
            f"np.{function.__name__}: got a variable among the settings, wanted plain numbers "
            "there (x.value), as the shape of the result depends on them"
        )
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
    if not np.size(a):
        return np.zeros_like(a, shape=new_shape)
    return _moved(np.resize, a, new_shape)


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", **settings: Any) -> Any:
    if mode in ("edge", "reflect", "symmetric", "wrap") and settings.get("reflect_type") != "odd":
        return _moved(np.pad, array, pad_width, mode, **settings)
    if mode != "constant":
        described = ", ".join([f"mode={mode!r}", *(f"{k}={v!r}" for k, v in settings.items())])
        raise TypeError(
            f"np.pad: got {described}, which is not known for variables: only constant, edge, "
            "reflect, symmetric and wrap"
        )
    shape = np.shape(array)
    border = np.pad(np.zeros(shape, array.dtype), pad_width, **settings)
    places = np.pad(np.arange(array.size).reshape(shape), pad_width, constant_values=-1)
    corner = np.argwhere(places == 0)[0] if array.size else (0,) * len(shape)
    inside = tuple(slice(int(k), int(k) + n) for k, n in zip(corner, shape))
    return SetItem(inside)(border, array) if border.any() else Scatter(inside, border.shape)(array)


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


if hasattr(np, "unstack"):  # NumPy 2.1: there it asks its argument

    @implements(np.astype)
    def _np_astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
        return astype(x, dtype)


@implements(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return a  # nothing writes into a variable, so it is as good as a copy
