"""The nodes of the graph: variables, made by operations as the program runs.

A `Variable` holds a value and knows which operation made it, from which inputs. So
the program itself, an ordinary NumPy program, draws the graph. Nothing about
gradients is stored on a node: they are variables of their own (see ``backprop``).
"""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Any, Callable, Iterator

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
        If the value is not a plain array of real numbers; if a NumPy function is called that
        has no derivative here; if the value would be written into.

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
        for x in inputs:
            if type(x) not in AS_IT_IS and method == "__call__":
                inputs = tuple(map(constant, inputs))
                if any(x is NotImplemented for x in inputs):
                    return NotImplemented  # NumPy asks the other one, or says so
                break
        return protocols.call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        return protocols.call_function(function, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError(
            "a variable does not become a plain array by itself, as its gradient would be "
            "lost: use NumPy's functions on it, with plain arrays beside it; fill an array by "
            "np.stack([x, y]) or graph.array([[x, 0], [0, y]]), and not by a[:] = x; or take "
            "x.value if you want the numbers alone"
        )

    def __float__(self) -> float:  # math.exp(x) asks for it, and a[0] = x of an array
        raise TypeError(
            "a variable does not become a plain number by itself, as its gradient would be "
            "lost: use NumPy's functions and not those of math, as np.exp or np.floor; fill an "
            "array by np.stack([x, y]), and not by a[0] = x; or take float(x.value) for the "
            "number alone"
        )

    __int__ = __complex__ = __trunc__ = __float__

    # ---- what an array can do

    # + - * / ** and the unary minus are put here by ``arithmetic``; the other operators and
    # the methods that are a function of NumPy come below.

    def __pos__(self) -> Variable:
        return self

    def __round__(self, ndigits: int | None = None) -> Variable:
        return np.round(self, ndigits or 0)

    # (What is no number, such as None, gets NumPy's own answer: no derivative is lost.)
    def __eq__(self, other: Any) -> Any:
        if constant(other) is NotImplemented:
            return self.value == other
        return np.equal(self, other)

    def __ne__(self, other: Any) -> Any:
        if constant(other) is NotImplemented:
            return self.value != other
        return np.not_equal(self, other)

    def __getitem__(self, index: Any) -> Variable:
        return protocols.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(_not_written("x.at[index].set(value)"))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Variable]:
        if not self.ndim:
            raise TypeError("iteration over a variable without axes: it is a single number")
        return (self[i] for i in range(len(self)))

    def __contains__(self, x: Any) -> bool:
        return value_of(x) in np.asarray(self.value)

    def __bool__(self) -> bool:  # `if x > 0:` is the program's own choice of a branch
        return bool(self.value)

    def __index__(self) -> int:
        return operator.index(self.value)

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)
    nbytes = property(lambda self: self.value.nbytes)
    itemsize = property(lambda self: self.value.itemsize)
    T = property(lambda self: np.transpose(self))
    mT = property(lambda self: np.swapaxes(self, -2, -1))
    flat = property(lambda self: np.ravel(self))
    real = property(lambda self: np.real(self))
    imag = property(lambda self: np.imag(self))

    @property
    def at(self) -> Any:
        """``x.at[index].set(value)`` and ``.add(value)``: assignment that makes a new variable."""
        return protocols.At(self)

    def reshape(self, *shape: Any, **settings: Any) -> Variable:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **settings)

    def transpose(self, *axes: Any) -> Variable:
        if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)):
            axes = axes[0]
        return np.transpose(self, axes or None)

    def astype(self, dtype: Any, *args: Any, **settings: Any) -> Variable:
        # (What NumPy says of a setting, such as casting="safe", is asked of NumPy.)
        np.empty(0, self.dtype).astype(dtype, *args, **settings)
        return protocols.astype(self, dtype)

    def clip(self, min: Any = None, max: Any = None, *args: Any, **settings: Any) -> Variable:
        return np.clip(self, min, max, *args, **settings)

    def compress(self, condition: Any, *args: Any, **settings: Any) -> Variable:
        return np.compress(condition, self, *args, **settings)

    def item(self, *args: Any) -> Any:
        """The one number of the value, or that at a place, as Python's own; it has no gradient."""
        return self.value.item(*args)

    def tolist(self) -> Any:
        """The value as lists of Python's own numbers; they have no gradient."""
        return self.value.tolist()

    # ---- copies

    def __reduce_ex__(self, protocol: Any) -> tuple:  # what copy.deepcopy and pickle ask for
        if self.op is not None:
            raise TypeError(
                f"got a variable that {self.op.name} made to copy or pickle: its place in the "
                "graph, and with it all that it was made of, cannot go along; take x.value, or "
                "make a new leaf of it, graph.Variable(x.value)"
            )
        return Variable, (self.value, self.name)

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


# ---- what is a number

NUMBERS = {float, int, bool, complex}  # the types of a number, Python's and NumPy's
NUMBERS |= {np.dtype(c).type for c in np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?"}
OBJECT = np.dtype(object)  # of an array of anything: it is looked at further
AS_IT_IS = {Variable, np.ndarray, *NUMBERS}  # what goes into an operation without a further look

_ARRAYS = np.ndarray.__array_ufunc__


def constant(x: Any) -> Any:
    """What goes into an operation beside variables, as a number or a plain array of numbers.

    NotImplemented, if it is none, or has an idea of its own of what NumPy's functions mean
    (``__array_ufunc__``): then Python and NumPy ask it.
    """
    if type(x) not in AS_IT_IS:
        _check_operators(x)
        if getattr(type(x), "__array_ufunc__", _ARRAYS) is not _ARRAYS:
            return NotImplemented
        x = np.asarray(x)
    return NotImplemented if type(x) is np.ndarray and x.dtype.kind not in "fiubc" else x


def _checked(value: Any) -> Any:
    if type(value) is Variable:
        raise TypeError("got a Variable as the value of a Variable, wanted an array or number")
    _check_operators(value)
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise TypeError(
            f"got a value of type {value.dtype}, wanted real numbers: a derivative is that of "
            "a real function"
        )
    return value[()]  # a scalar and not an array of rank 0: NumPy computes faster with it


def _check_operators(x: Any) -> None:
    """Refuse what would mean something else as a plain array: a matrix, an array with gaps."""
    if isinstance(x, np.ndarray) and type(x).__mul__ is not np.ndarray.__mul__:
        raise TypeError(
            f"got a {type(x).__name__}, whose operators are not those of arrays, wanted a plain "
            "array: np.asarray(a) has the numbers alone, and of a masked array "
            "a.filled(number) has a number where there is none"
        )


# ---- operators and methods that are a function of NumPy


def _operator(function: Callable) -> tuple[Callable, Callable]:
    """The methods behind ``x @ other`` and ``other @ x``."""

    def method(self: Variable, other: Any) -> Any:
        if type(other) not in AS_IT_IS and constant(other) is NotImplemented:
            return NotImplemented
        return function(self, other)

    def reflected(self: Variable, other: Any) -> Any:
        return function(other, self)

    return method, reflected


for _name, _function in {
    "matmul": np.matmul, "mod": np.remainder, "floordiv": np.floor_divide, "divmod": np.divmod,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "lshift": np.left_shift, "rshift": np.right_shift,
}.items():  # fmt: skip
    _method, _reflected = _operator(_function)
    setattr(Variable, f"__{_name}__", _method)
    setattr(Variable, f"__r{_name}__", _reflected)

for _name, _function in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}.items():  # fmt: skip
    setattr(Variable, f"__{_name}__", _operator(_function)[0])


def _method_of(function: Callable) -> Callable:
    """Its arguments, also those without a keyword, are those of NumPy's method."""

    def method(self: Variable, *args: Any, **settings: Any) -> Any:
        return function(self, *args, **settings)

    method.__name__, method.__doc__ = function.__name__, f"See ``np.{function.__name__}``."
    method.__qualname__ = f"Variable.{function.__name__}"
    return method


for _name in (
    "all any argmax argmin argpartition argsort choose conjugate copy cumprod cumsum "
    "diagonal dot max mean min nonzero prod ravel repeat round searchsorted squeeze std sum "
    "swapaxes take trace var"
).split():
    setattr(Variable, _name, _method_of(getattr(np, _name)))
Variable.flatten, Variable.conj = Variable.ravel, Variable.conjugate
Variable.__abs__, Variable.__invert__ = _method_of(np.absolute), _method_of(np.invert)
Variable.__copy__ = Variable.copy


def _not_written(instead: str) -> str:
    return f"a variable is not written into: use {instead}, which makes a new one"


def _refused(instead: str) -> Callable:
    def method(self: Variable, *args: Any, **settings: Any) -> None:
        raise TypeError(_not_written(instead))

    return method


for _name, _instead in {
    "sort": "np.sort(x)",
    "partition": "np.partition(x, kth)",
    "resize": "np.resize(x, shape)",
    "fill": "np.full_like(x, value)",
    "put": "x.at[index].set(value)",
    "itemset": "x.at[index].set(value)",
    "setfield": "x.at[index].set(value)",
}.items():
    setattr(Variable, _name, _refused(_instead))


def _missing(name: str) -> property:
    def missing(self: Variable) -> None:
        raise AttributeError(
            f"a variable has no {name}, as an array has: x.value.{name} for the numbers alone"
        )

    return property(missing)


# (A method __getattr__ would make every other attribute slower.)
for _name in dir(np.ndarray):
    if not hasattr(Variable, _name) and not _name.startswith("_"):
        setattr(Variable, _name, _missing(_name))
