"""The nodes of the graph: variables, made by operations as the program runs.

A `Variable` holds a value and knows which operation made it, from which inputs. So
the program itself, an ordinary NumPy program, draws the graph. Nothing about
gradients is stored on a node: they are variables of their own (see ``backprop``).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Iterator

import numpy as np

from npbp.graph import protocols

if TYPE_CHECKING:
    from npbp.graph.operation import Operation

_next_index = itertools.count().__next__


class Variable:
    """A node of the graph: a value, and the operation that made it of its inputs.

    Operators and NumPy's own functions, applied to a variable, give new variables.
    Integers and booleans are constants: they can be nodes, but have no gradient.

    Parameters
    ----------
    value : array or number
        Kept as a NumPy array or scalar; an array is not copied, so leave it as it is.
    name : str, optional
        Shown by ``repr`` and in pictures.

    Attributes
    ----------
    value : numpy.ndarray or numpy scalar
    op : Operation or None
        What made it; None for a variable that the program was given.
    inputs : tuple
        What it was made of: variables, and constants as they are.
    index : int
        When it was made. An input is older than what is made of it, so the order of
        the indices is an order in which the graph can be computed.

    Raises
    ------
    TypeError
        If the value is not of real numbers; if a NumPy function is called that has no
        derivative here; if the value would be written into.

    Examples
    --------
    >>> x = Variable(np.array([1.0, 2.0]), name="x")
    >>> y = np.sum(x * x)
    >>> y
    Variable(5.0, Sum)
    >>> float(y.value)
    5.0
    >>> x[0] = 3.0
    Traceback (most recent call last):
    ...
    TypeError: a variable is not written into: use x.at[index].set(value), which makes a new one
    """

    __slots__ = ("value", "op", "inputs", "index", "name")

    def __init__(
        self, value: Any, name: str | None = None, op: Operation | None = None, inputs: tuple = ()
    ) -> None:
        self.value = value if op is not None else _checked(value)
        self.name = name
        self.op = op
        self.inputs = inputs
        self.index = _next_index()

    # A node is a key of gradient tables, and == compares values: so hash by identity.
    __hash__ = object.__hash__

    # ---- NumPy's protocols: np.exp(x), np.sum(x), ... arrive here

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return protocols.call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        return protocols.call_function(function, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError(
            "a variable does not become a plain array by itself, as its gradient would be "
            "lost: use NumPy's functions on it, or x.value if you want the numbers alone"
        )

    # ---- operators

    # + - * / ** and the unary minus are put here by ``arithmetic``.

    def __pos__(self) -> Variable:
        return self

    def __abs__(self) -> Variable:
        return np.absolute(self)

    def __matmul__(self, other: Any) -> Variable:
        return np.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Variable:
        return np.matmul(other, self)

    def __eq__(self, other: Any) -> Variable:  # type: ignore[override]
        return np.equal(self, other)

    def __ne__(self, other: Any) -> Variable:  # type: ignore[override]
        return np.not_equal(self, other)

    def __lt__(self, other: Any) -> Variable:
        return np.less(self, other)

    def __le__(self, other: Any) -> Variable:
        return np.less_equal(self, other)

    def __gt__(self, other: Any) -> Variable:
        return np.greater(self, other)

    def __ge__(self, other: Any) -> Variable:
        return np.greater_equal(self, other)

    def __and__(self, other: Any) -> Variable:
        return np.bitwise_and(self, other)

    def __or__(self, other: Any) -> Variable:
        return np.bitwise_or(self, other)

    def __xor__(self, other: Any) -> Variable:
        return np.bitwise_xor(self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Variable:
        return np.invert(self)

    def __mod__(self, other: Any) -> Variable:
        return np.remainder(self, other)

    def __rmod__(self, other: Any) -> Variable:
        return np.remainder(other, self)

    def __floordiv__(self, other: Any) -> Variable:
        return np.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Variable:
        return np.floor_divide(other, self)

    def __getitem__(self, index: Any) -> Variable:
        return protocols.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "a variable is not written into: use x.at[index].set(value), which makes a new one"
        )

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Variable]:
        for i in range(len(self.value)):
            yield self[i]

    def __bool__(self) -> bool:  # `if x > 0:` is the program's own choice of a branch
        return bool(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __float__(self) -> float:
        raise TypeError(
            "a variable does not become a plain number by itself, as its gradient would be "
            "lost: use np.exp and not math.exp, or float(x.value) for the number alone"
        )

    __int__ = __complex__ = __float__

    # ---- what an array can do, through the functions of NumPy

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def dtype(self) -> np.dtype:
        return self.value.dtype

    @property
    def T(self) -> Variable:
        return np.transpose(self)

    @property
    def at(self) -> Any:
        """``x.at[index].set(value)`` and ``.add(value)``: assignment that makes a new variable."""
        return protocols.At(self)

    def reshape(self, *shape: Any) -> Variable:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Variable:
        if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)):
            axes = axes[0]
        return np.transpose(self, axes or None)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Variable:
        return np.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Variable:
        return np.mean(self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Variable:
        return np.prod(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Variable:
        return np.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Variable:
        return np.min(self, axis=axis, keepdims=keepdims)

    def var(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Variable:
        return np.var(self, axis=axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Variable:
        return np.std(self, axis=axis, ddof=ddof, keepdims=keepdims)

    def cumsum(self, axis: int | None = None) -> Variable:
        return np.cumsum(self, axis=axis)

    def cumprod(self, axis: int | None = None) -> Variable:
        return np.cumprod(self, axis=axis)

    def any(self, axis: Any = None, keepdims: bool = False) -> Variable:
        return np.any(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Variable:
        return np.all(self, axis=axis, keepdims=keepdims)

    def argsort(self, axis: int | None = -1) -> Variable:
        return np.argsort(self, axis=axis)

    def argmax(self, axis: int | None = None) -> Variable:
        return np.argmax(self, axis=axis)

    def argmin(self, axis: int | None = None) -> Variable:
        return np.argmin(self, axis=axis)

    def dot(self, other: Any) -> Variable:
        return np.dot(self, other)

    def ravel(self) -> Variable:
        return np.ravel(self)

    flatten = ravel

    def squeeze(self, axis: Any = None) -> Variable:
        return np.squeeze(self, axis=axis)

    def swapaxes(self, a: int, b: int) -> Variable:
        return np.swapaxes(self, a, b)

    def trace(self) -> Variable:
        return np.trace(self)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Variable:
        return np.diagonal(self, offset, axis1, axis2)

    def clip(self, least: Any = None, most: Any = None) -> Variable:
        return np.clip(self, least, most)

    def repeat(self, repeats: Any, axis: int | None = None) -> Variable:
        return np.repeat(self, repeats, axis=axis)

    def astype(self, dtype: Any) -> Variable:
        return protocols.astype(self, dtype)

    def item(self) -> float:
        """The one number of the value, as Python's own; it has no gradient."""
        return self.value.item()

    # ---- showing itself

    def __repr__(self) -> str:
        if self.value.ndim:
            text = np.array2string(self.value, separator=", ", threshold=20, edgeitems=2)
        else:
            text = str(self.value)
        parts = [text.replace("\n", "\n         ")]
        if self.value.dtype not in (np.float64, np.int64, np.bool_):
            parts.append(f"dtype={self.value.dtype}")
        if self.name:
            parts.append(f"name={self.name!r}")
        if self.op is not None:
            parts.append(self.op.name)
        return f"Variable({', '.join(parts)})"

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else repr(self)


def value_of(x: Any) -> Any:
    """The numbers alone: of a variable its value, of anything else itself."""
    return x.value if type(x) is Variable else x


def _checked(value: Any) -> Any:
    if type(value) is Variable:
        raise TypeError("got a Variable as the value of a Variable, wanted an array or number")
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise TypeError(
            f"got a value of type {value.dtype}, wanted real numbers: a derivative is that of "
            "a real function"
        )
    return value[()]  # a scalar and not an array of rank 0: NumPy computes faster with it


