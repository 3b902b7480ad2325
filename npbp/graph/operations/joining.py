"""Several arrays into one, and one into several.

In an array made of several, each has its place; so its gradient is what stands in that
place of G. A piece of an array is an index of it, see `npbp.graph.operations.indexing`.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from npbp.graph.operation import Operation
from npbp.graph.operations.indexing import Scatter, checked_axis, getitem
from npbp.graph.protocols import IMPLEMENTED, implements
from npbp.graph.variable import Variable


class Concatenate(Operation):
    """``Y = X_0, X_1, ... one after the other`` along ``axis``;  dJ/dX_i = its part of G."""

    analytic = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *X: Any) -> Any:
        return np.concatenate(X, self.axis)

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        return G[self.place(i, X)]

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        return Scatter(self.place(i, X), Y.shape)(T)

    def place(self, i: int, X: Sequence) -> tuple:
        start = sum(x.shape[self.axis] for x in X[:i])
        axis = self.axis % X[i].ndim
        return (slice(None),) * axis + (slice(start, start + X[i].shape[axis]),)


class Stack(Operation):
    """``Y = X_0, X_1, ... side by side`` along a new ``axis``;  dJ/dX_i = G at i of that axis."""

    analytic = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *X: Any) -> Any:
        return np.stack(X, self.axis)

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        return G[self.place(i, Y)]

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        return Scatter(self.place(i, Y), Y.shape)(T)

    def place(self, i: int, Y: Any) -> tuple:
        return (slice(None),) * (self.axis % Y.ndim) + (i,)


def array(items: Any) -> Any:
    """An array of a nested list of variables and numbers, as ``np.array`` makes one of numbers.

    NumPy does not ask the elements of a list when it makes an array of them, so
    ``np.array([x, y])`` is an error if x is a variable.

    Parameters
    ----------
    items : nested list or tuple of variables, arrays and numbers
        All elements of one list have the same shape.

    Returns
    -------
    Variable, or array if there is no variable among the items
        Its dtype is that of the variables and arrays; Python's numbers do not change it,
        unless they are floats among integers.

    Raises
    ------
    ValueError
        If the elements of a list differ in shape.

    Examples
    --------
    >>> x, y = Variable(1.0), Variable(2.0)
    >>> array([[x, 0.0], [0.0, x * y]])
    Variable([[1., 0.],
              [0., 2.]], Stack)
    """
    leaves = list(_leaves(items))
    if not any(hasattr(x, "dtype") for x in leaves):
        return np.array(items)
    examples = {getattr(x, "dtype", type(x)): getattr(x, "dtype", x) for x in leaves}
    return _stacked(items, np.result_type(*examples.values()))


def _leaves(items: Any) -> Any:
    if isinstance(items, (list, tuple)):
        for item in items:
            yield from _leaves(item)
    else:
        yield items


def _stacked(items: Any, dtype: np.dtype) -> Any:
    if isinstance(items, (list, tuple)):
        items = [_stacked(item, dtype) for item in items]
        shapes = {np.shape(x) for x in items}
        if len(shapes) > 1:
            raise ValueError(
                f"array: got a list of elements of different shapes {sorted(shapes)}, wanted one"
            )
        return Stack(0)(*items) if items else np.array(items, dtype)
    return items if type(items) is Variable else np.array(items, dtype)


def as_arrays(items: Any, dtype: Any = None, casting: str = "same_kind") -> list:
    """Each of several as an array or a variable."""
    arrays = [x if hasattr(x, "dtype") else array(x) for x in items]
    if dtype is None:
        return arrays
    for x in arrays:
        if not np.can_cast(x.dtype, dtype, casting):
            raise TypeError(f"got dtype={np.dtype(dtype)} for {x.dtype}, with casting={casting!r}")
    return [IMPLEMENTED["astype"](x, dtype) for x in arrays]


@implements(np.concatenate)
def concatenate(
    arrays: Any, /, axis: int | None = 0, out: Any = None, *, dtype: Any = None, **casting: Any
) -> Any:
    arrays = as_arrays(arrays, dtype, **casting)
    if axis is None:
        arrays, axis = [np.ravel(x) for x in arrays], 0
    return Concatenate(axis)(*arrays)


@implements(np.stack)
def stack(
    arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, **casting: Any
) -> Any:
    return Stack(axis)(*as_arrays(arrays, dtype, **casting))


@implements(np.vstack)
def vstack(tup: Any, **dtype: Any) -> Any:
    return concatenate([np.atleast_2d(x) for x in as_arrays(tup)], 0, **dtype)


@implements(np.hstack)
def hstack(tup: Any, **dtype: Any) -> Any:
    arrays = [np.atleast_1d(x) for x in as_arrays(tup)]
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, **dtype)


@implements(np.dstack)
def dstack(tup: Any) -> Any:
    return concatenate([np.atleast_3d(x) for x in as_arrays(tup)], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    arrays = as_arrays(tup)
    return concatenate([x if x.ndim > 1 else np.reshape(x, (-1, 1)) for x in arrays], 1)


@implements(np.block)
def block(arrays: Any) -> Any:
    """The innermost lists are joined along the last axis, those around them along others."""
    depth, ndim = _depth(arrays), max((np.ndim(x) for x in _leaves(arrays)), default=0)

    def joined(items: Any, level: int) -> Any:
        if isinstance(items, list):
            return concatenate([joined(x, level - 1) for x in items], -level)
        (x,) = as_arrays([items])
        return np.reshape(x, (1,) * (max(depth, ndim) - x.ndim) + x.shape)

    return joined(arrays, depth)


def _depth(items: Any) -> int:
    if not isinstance(items, list):
        return 0
    depths = {_depth(x) for x in items}
    if len(depths) != 1:
        raise ValueError(
            "np.block: got an empty list" if not items else
            f"np.block: got lists that are {sorted(depths)} deep side by side, wanted one depth"
        )
    return 1 + depths.pop()


@implements(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return concatenate([arr, values], axis)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Where each number comes from is what NumPy makes of the places of both."""
    arr, values = as_arrays([arr, values])
    places = np.arange(arr.size).reshape(arr.shape)
    new = np.arange(arr.size, arr.size + values.size).reshape(values.shape)
    both = concatenate([np.ravel(arr), np.ravel(values)], dtype=arr.dtype, casting="unsafe")
    return both[np.insert(places, obj, new, axis)]


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """``func1d`` of each vector along the axis, put together."""
    axis = checked_axis(axis, np.ndim(arr))
    vectors = np.moveaxis(arr, axis, -1)
    outer = vectors.shape[:-1]
    if 0 in outer:
        raise ValueError(
            f"np.apply_along_axis: got an array of shape {arr.shape} and axis {axis}, which has no "
            "vector there"
        )
    results = [func1d(vectors[k], *args, **kwargs) for k in np.ndindex(outer)]
    Y = np.reshape(np.stack(results), outer + np.shape(results[0]))
    inner = range(len(outer), Y.ndim)
    return np.moveaxis(Y, tuple(inner), tuple(range(axis, axis + len(inner))))


@implements(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """``func(a, axis)`` for one axis after the other, each kept with length 1."""
    for axis in np.atleast_1d(axes):
        axis = checked_axis(int(axis), np.ndim(a))
        Y = func(a, axis)
        a = Y if np.ndim(Y) == np.ndim(a) else np.expand_dims(Y, axis)
    return a


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list:
    return _pieces(np.array_split, ary, indices_or_sections, axis)


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list:
    return _pieces(np.split, ary, indices_or_sections, axis)


def _pieces(function: Any, ary: Any, indices_or_sections: Any, axis: int) -> list:
    """The pieces of the numbers of an axis say where the pieces of the array are."""
    axis = checked_axis(axis, np.ndim(ary))
    before = (slice(None),) * axis
    numbers = function(np.arange(np.shape(ary)[axis]), indices_or_sections)
    return [getitem(ary, before + (slice(int(k[0]), int(k[-1]) + 1) if len(k) else slice(0),))
            for k in numbers]


def _split_along(function: Any, axis: int) -> None:
    @implements(function)
    def split_along(ary: Any, indices_or_sections: Any) -> list:
        if np.ndim(ary) < max(axis + 1, 2):
            raise ValueError(
                f"np.{function.__name__}: got an array of shape {np.shape(ary)}, wanted at least "
                f"{max(axis + 1, 2)} axes"
            )
        return split(ary, indices_or_sections, axis)


_split_along(np.vsplit, 0)
_split_along(np.dsplit, 2)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list:
    return split(ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1)


if hasattr(np, "unstack"):  # NumPy 2.1

    @implements(np.unstack)
    def unstack(x: Any, /, *, axis: int = 0) -> tuple:
        before = (slice(None),) * checked_axis(axis, np.ndim(x))
        return tuple(getitem(x, (*before, k)) for k in range(np.shape(x)[axis]))
