"""Indexing, and the two things that go with it: adding to places, and writing to them.

What was read from a place is what its gradient is added back to: `GetItem` and `Scatter`
are each other's transpose, so each is the derivative of the other, to every order. A place
that was read twice gets the sum of two gradients, as does any variable that is used twice.
"""

from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np

from npbp.graph.operation import Constant, Operation
from npbp.graph.protocols import IMPLEMENTED, implements
from npbp.graph.variable import Variable, value_of

# ---- an index: what is fixed in it, and the variables


class Hole:
    """Where the k-th variable of an index belongs."""

    def __init__(self, k: int) -> None:
        self.k = k

    def __repr__(self) -> str:
        return f"I_{self.k}"


def open_index(index: Any) -> tuple[tuple, list[Variable]]:
    """What is fixed in an index, with holes in it, and the variables that go into them.

    Examples
    --------
    >>> open_index((slice(2), Variable(1, name="i")))
    ((slice(None, 2, None), I_0), [Variable(1, name='i')])
    """
    if type(index) is int:
        return (index,), []
    I: list[Variable] = []

    def part(p: Any) -> Any:
        if type(p) is Variable:
            I.append(p)
            return Hole(len(I) - 1)
        if isinstance(p, slice):
            return slice(part(p.start), part(p.stop), part(p.step))
        if isinstance(p, (list, tuple)):
            if any(type(q) is Variable for q in p):
                return part(np.stack(p))
            return np.array(p) if len(p) else np.array(p, dtype=np.intp)
        return p.copy() if isinstance(p, np.ndarray) else p  # the caller may write into it

    return tuple(map(part, index if isinstance(index, tuple) else (index,))), I


def fill(index: tuple, I: Sequence) -> tuple:
    """The index that NumPy understands, with the values ``I`` in its holes."""
    if not I:
        return index

    def part(p: Any) -> Any:
        if type(p) is Hole:
            return I[p.k]
        if isinstance(p, slice):
            return slice(part(p.start), part(p.stop), part(p.step))
        return p

    return tuple(map(part, index))


def can_repeat(index: tuple) -> bool:
    """Whether the index might name one place twice: only arrays of integers can."""
    return any(isinstance(p, np.ndarray) and p.dtype.kind != "b" and p.size > 1 for p in index)


def places(shape: tuple[int, ...], index: tuple) -> Any:
    """The places that the index names, as positions in the flattened array."""
    return np.asarray(np.arange(math.prod(shape)).reshape(shape)[index])


# ---- the operations


class GetItem(Operation):
    """``Y = X[index]``;  dJ/dX = zeros, and G added to them at the index.

    The variables in the index, integers or booleans, are its further inputs I.
    """

    analytic = True

    def __init__(self, index: tuple) -> None:
        self.index = index

    def forward(self, X: Any, *I: Any) -> Any:
        return np.asarray(X)[fill(self.index, I)][()]

    def bprop(self, i: int, G: Any, Y: Any, X: Any, *I: Any) -> Any:
        return Scatter(self.index, X.shape)(G, *I)

    def jvp(self, i: int, T: Any, Y: Any, X: Any, *I: Any) -> Any:
        return self(T, *I)


class Scatter(Operation):
    """``Y = 0, then Y[index] += X``, each repetition of a place counted;  dJ/dX = G[index].

    ``shape`` is that of Y.
    """

    analytic = True

    def __init__(self, index: tuple, shape: tuple[int, ...]) -> None:
        self.index, self.shape = index, shape

    def forward(self, X: Any, *I: Any) -> Any:
        X, index = np.asarray(X), fill(self.index, I)
        wanted = np.shape(np.broadcast_to(0, self.shape)[index])
        if X.shape != wanted:
            raise ValueError(
                f"Scatter: got an array of shape {X.shape} for an index that names places of "
                f"shape {wanted}: was the graph evaluated again with an index, such as x > 0, "
                "that selects another number of places?"
            )
        if can_repeat(index):
            return self._sums(index, X)
        Y = np.zeros(self.shape, X.dtype)
        Y[index] = X
        return Y[()]

    def _sums(self, index: tuple, X: np.ndarray) -> np.ndarray:
        # To count is the fastest if many places are named; it goes through all places, though,
        # and computes in float64.
        size = math.prod(self.shape)
        if X.dtype.kind == "f" and X.dtype.itemsize <= 8 and size < 10 * X.size:
            Y = np.bincount(places(self.shape, index).ravel(), X.ravel(), size)
            return Y.astype(X.dtype).reshape(self.shape)
        Y = np.zeros(self.shape, X.dtype)
        np.add.at(Y, index, X)
        return Y

    def bprop(self, i: int, G: Any, Y: Any, X: Any, *I: Any) -> Any:
        return GetItem(self.index)(G, *I)

    def jvp(self, i: int, T: Any, Y: Any, X: Any, *I: Any) -> Any:
        return self(T, *I)


class SetItem(Operation):
    """``Y = X, then Y[index] = V``;  dJ/dX = G, but 0 at the index;  dJ/dV = G[index].

    If several values go to one place, the last one in V stays, and the others have no effect
    and the gradient 0. Y has the dtype of X.
    """

    analytic = True

    def __init__(self, index: tuple) -> None:
        self.index = index

    def forward(self, X: Any, V: Any, *I: Any) -> Any:
        index = fill(self.index, I)
        # Complex numbers are for the complex step of `check_grads` alone.
        Y = np.array(X, np.result_type(X, V) if np.iscomplexobj(V) else None, order="C")
        if can_repeat(index):
            at = places(Y.shape, index)
            Y.reshape(-1)[at.ravel()] = np.broadcast_to(V, at.shape).ravel()
        else:
            Y[index] = V
        return Y[()]

    def bprop(self, i: int, G: Any, Y: Any, X: Any, V: Any, *I: Any) -> Any:
        if i == 0:
            return self(G, 0.0, *I)
        return GetItem(self.index)(G, *I) * self.stays(Y.shape, *I)

    def jvp(self, i: int, T: Any, Y: Any, X: Any, V: Any, *I: Any) -> Any:
        if i == 0:
            return self(T, 0.0, *I)
        return Scatter(self.index, Y.shape)(T * self.stays(Y.shape, *I), *I)

    def stays(self, shape: tuple[int, ...], *I: Any) -> Any:
        """Which of the values in V are not overwritten by a later one: 1 or 0."""

        def stays(*I: Any) -> Any:
            at = places(shape, fill(self.index, I))
            number = np.arange(at.size).reshape(at.shape)
            last = np.empty(math.prod(shape), dtype=number.dtype)
            last[at.ravel()] = number.ravel()
            return (last[at] == number)[()]

        return Constant(stays)(*I)


@implements("getitem")
def getitem(X: Any, index: Any) -> Any:
    index, I = open_index(index)
    return GetItem(index)(X, *I)


# ---- at[index].set and .add


@implements("at")
class at:
    """``at(x)[index].set(value)`` and ``.add(value)``: assignment that makes a new array.

    They give what ``y = x.copy(); y[index] = value`` or ``y[index] += value`` would leave in
    y; x stays as it was. A place that the index names twice has both values added by ``add``,
    and keeps the last one by ``set``. A variable also has it as ``x.at[index]``; this
    function takes plain arrays too, so that a program runs on both.

    Parameters
    ----------
    x : Variable or array
    index
        Of every kind that NumPy knows; variables of integers or booleans in it are inputs of
        the operation.
    value : Variable, array or number
        Broadcast to the shape of ``x[index]``, and cast to the dtype of x.

    Raises
    ------
    TypeError
        If x is of integers and the value is not, as it would be cut off.
    ValueError
        If the value has more axes than ``x[index]``, or does not broadcast to its shape.
    IndexError
        If the index is outside of x.

    Examples
    --------
    >>> x = np.zeros(4)
    >>> at(x)[1:3].set(5.0)
    array([0., 5., 5., 0.])
    >>> at(x)[[0, 0, 3]].add([1.0, 2.0, 3.0])
    array([3., 0., 0., 3.])
    >>> v = Variable(2.0)
    >>> at(x)[0].set(v)
    Variable([2., 0., 0., 0.], SetItem)
    """

    def __init__(self, x: Any) -> None:
        self._x = x if type(x) is Variable else np.asarray(x)

    def __getitem__(self, index: Any) -> _Place:
        return _Place(self._x, index)


class _Place:
    """``x.at[index]``: what can be put there."""

    def __init__(self, x: Any, index: Any) -> None:
        self._x = x
        self._index, self._I = open_index(index)

    def set(self, value: Any) -> Any:
        """A new x, with ``value`` at the index."""
        return SetItem(self._index)(self._x, self._fitting(value, "set"), *self._I)

    def add(self, value: Any) -> Any:
        """A new x, with ``value`` added at the index, as often as it names a place."""
        x, value = self._x, self._fitting(value, "add")

        def stretched(*I: Any) -> Any:  # a sum with these zeros broadcasts the value
            return np.zeros(places(shape, fill(index, I)).shape, dtype)

        index, shape, dtype = self._index, x.shape, x.dtype
        value = value + Constant(stretched)(*self._I)
        return x + Scatter(index, shape)(value, *self._I)

    def _fitting(self, value: Any, name: str) -> Any:
        x = self._x
        if type(value) is not Variable:
            value = np.asarray(value)
        if value.dtype.kind == "f" and x.dtype.kind not in "fc":
            raise TypeError(
                f"at[index].{name}: got values of {value.dtype} for an array of {x.dtype}, "
                "which would cut them off: make it an array of floating numbers first"
            )
        shape = np.shape(value_of(x)[fill(self._index, [value_of(j) for j in self._I])])
        # (Assignment would drop leading axes of length 1; a gradient could not follow.)
        if len(value.shape) > len(shape):
            raise ValueError(
                f"at[index].{name}: got a value of shape {value.shape} for places of shape "
                f"{shape}, wanted one that broadcasts to it"
            )
        if value.dtype == x.dtype or "c" in (value.dtype.kind, x.dtype.kind):
            return value
        return IMPLEMENTED["astype"](value, x.dtype)


@implements(
    np.put, np.place, np.putmask, np.copyto, np.put_along_axis, np.fill_diagonal, (np.add, "at")
)  # fmt: skip
def _writes(*args: Any, **kwargs: Any) -> Any:
    raise TypeError(
        "got a variable in a function that writes into an array (np.put, np.place, np.putmask, "
        "np.copyto, np.put_along_axis, np.fill_diagonal, np.add.at), where its gradient would be "
        "lost: use npbp.graph.at(x)[index].set(value) or .add(value), which make a new one"
    )


# ---- functions of NumPy that are indexing under another name

_flatnonzero = Constant(np.flatnonzero)  # (np.flatnonzero itself is refused: see `constants`)


@implements(np.take)
def take(
    a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise"
) -> Any:
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = checked_axis(axis, np.ndim(a))
    indices = _array(indices)
    if indices.dtype == bool:  # here they are the numbers 0 and 1, and choose nothing
        indices = indices.astype(np.intp)
    n = np.shape(a)[axis]
    if mode == "wrap":
        indices = np.remainder(indices, max(n, 1))
    elif mode == "clip":
        indices = np.clip(indices, 0, max(n - 1, 0))
    elif mode != "raise":
        raise ValueError(f"np.take: got mode={mode!r}, wanted 'raise', 'wrap' or 'clip'")
    return getitem(a, (slice(None),) * axis + (indices,))


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return getitem(arr, along_axis(np.shape(arr), indices, axis))


def along_axis(shape: tuple[int, ...], indices: Any, axis: int) -> tuple:
    """The index of ``np.take_along_axis``: at each place its own one along ``axis``."""
    axis = checked_axis(axis, len(shape))
    if np.ndim(indices) != len(shape):
        raise ValueError(
            f"np.take_along_axis: got indices with {np.ndim(indices)} axes for an array of shape "
            f"{shape}, wanted as many"
        )
    index = list(np.ix_(*map(np.arange, shape)))
    index[axis] = indices
    return tuple(index)


@implements(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    if np.ndim(condition) != 1:
        raise ValueError(
            f"np.compress: got a condition of shape {np.shape(condition)}, wanted one axis"
        )
    return take(a, _flatnonzero(condition), axis)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return np.ravel(arr)[_flatnonzero(condition)]


@implements(np.ix_)
def ix_(*args: Any) -> tuple:
    index = []
    for k, a in enumerate(map(_array, args)):
        if a.ndim != 1:
            raise ValueError(f"np.ix_: got an array of shape {a.shape}, wanted one axis")
        if a.dtype == bool:
            a = _flatnonzero(a)
        index.append(np.reshape(a, (1,) * k + (-1,) + (1,) * (len(args) - k - 1)))
    return tuple(index)


def _places_from(function: Any) -> None:
    @implements(function)
    def places_from(arr: Any, k: int = 0) -> tuple:
        shape = np.broadcast_to(0, np.shape(arr))
        return function(shape, k) if k else function(shape)


for _function in (np.diag_indices_from, np.tril_indices_from, np.triu_indices_from):
    _places_from(_function)


def checked_axis(axis: int, ndim: int) -> int:
    """The axis, counted from the front."""
    if not -ndim <= axis < ndim:
        raise ValueError(f"got axis {axis} for an array with {ndim} axes")
    return axis % ndim


def _array(x: Any) -> Any:
    return x if type(x) is Variable else np.asarray(x)
