"""How an operation is written in a compiled program: as one line of Python.

A line calls the operation's ``forward``. For some it can be said shorter and run faster,
as ``W[:-1]`` or ``add(a, b, out)``, and there is something to be known about memory: does
the result share it with an input, as a slice does, or is it new, and can it be written
into an array that is there already? `compile` needs that to reuse memory safely.
"""

from __future__ import annotations

import keyword
import operator
import types
from typing import Any, Callable, Sequence

import numpy as np

from npbp.graph.operation import Constant, Operation
from npbp.graph.operations.indexing import GetItem, Hole
from npbp.graph.operations.reductions import Max, Min, Sum
from npbp.graph.operations.shaping import Reshape, Transpose

# What forward is in ``arithmetic``, and how to say it of numbers and of arrays.
OPERATORS: dict[Callable, tuple[str, np.ufunc]] = {
    operator.add: ("{0} + {1}", np.add),
    operator.sub: ("{0} - {1}", np.subtract),
    operator.mul: ("{0} * {1}", np.multiply),
    operator.truediv: ("{0} / {1}", np.true_divide),
    operator.pow: ("{0} ** {1}", np.power),
    operator.neg: ("-{0}", np.negative),
}
REDUCERS = {Sum: np.add, Max: np.maximum, Min: np.minimum}

# What ``x ** k`` of floating numbers is for NumPy's operator; np.power is 10 times slower.
POWERS = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}

# Kinds of memory that a line's result can have.
NUMBER = "number"  # a single number, that nothing writes into
NEW = "new"  # an array of its own
UFUNC = "ufunc"  # the same, and takes out=, which may be one of its inputs
OUT = "out"  # the same, and takes out=, which must not be one of its inputs
VIEW = "view"  # shares memory with its first input, or does so for some inputs
READ = "read"  # shares none, but is not to be written into
UNKNOWN = "unknown"  # may share memory with any input, or with what the operation keeps


class Recipe:
    """How to write a line.

    ``text`` is a format with {0}, {1}, ... for the inputs, and ``into`` one that has {out}
    too, or None. ``names`` are the objects that they speak of, as {name}.
    """

    def __init__(self, kind: str, text: str, names: dict, into: str | None = None) -> None:
        self.kind, self.text, self.names, self.into = kind, text, names, into


def recipe(op: Operation, Y: Any, X: Sequence[Any]) -> Recipe:
    """For the operation with values ``X`` of its inputs, and ``Y`` of its output."""
    forward, kind = op.forward, type(op)
    number = isinstance(Y, np.generic)
    if isinstance(forward, types.BuiltinFunctionType) and forward in OPERATORS:
        text, ufunc = OPERATORS[forward]
        if number:
            return Recipe(NUMBER, text, {})
        if ufunc is np.power:
            exponent = X[1] if type(X[1]) in (int, float) else None  # and not of a variable
            if exponent in POWERS and X[0].dtype.kind == "f":
                return _ufunc(POWERS[exponent], 1, number)
        return _ufunc(ufunc, len(X), number)
    if forward is np.matmul:
        recipe = _ufunc(forward, 2, number)
        recipe.kind = NUMBER if number else OUT
        return recipe
    if isinstance(forward, np.ufunc) and forward.nout == 1 and forward.nin == len(X):
        return _ufunc(forward, len(X), number)
    if kind in REDUCERS and isinstance(X[0], np.ndarray):
        # np.sum, np.max and np.min do the same, but it takes them a microsecond to get there.
        ufunc = REDUCERS[kind]
        name = f"{ufunc.__name__}_reduce"
        axis = tuple(map(int, op.axis)) if np.ndim(op.axis) else op.axis and int(op.axis)
        text = f"{{{name}}}({{0}}, {axis}, None, {{out}}, {bool(op.keepdims)})"
        # (NumPy 1.26 to 2.1 gets a maximum with out= wrong, of an array read backwards.)
        takes_out = ufunc is np.add
        memory = NUMBER if number else OUT if takes_out else NEW
        return Recipe(memory, text, {name: ufunc.reduce}, text if takes_out else None)
    if not number:
        if kind is Transpose:
            backwards = op.axes == tuple(range(Y.ndim))[::-1]
            return Recipe(VIEW, "{0}.T" if backwards else f"{{0}}.transpose({op.axes})", {})
        if kind is Reshape:
            return Recipe(VIEW, f"{{0}}.reshape({Y.shape})", {})
    if kind is GetItem and isinstance(X[0], np.ndarray):
        index, names, copies = index_text(op.index, X[1:])
        if index is not None:
            # (x[..., 0] of a vector is not a number, but an array of rank 0.)
            scalar = "[()]" if number and "..." in index else ""
            kind = NUMBER if number else NEW if copies else VIEW
            return Recipe(kind, f"{{0}}[{index}]{scalar}", names)
    name = _snake_case(op.name)
    text = f"{{{name}}}({', '.join(f'{{{i}}}' for i in range(len(X)))})"
    return Recipe(NUMBER if number else _memory(op, Y, X), text, {name: forward})


def _ufunc(ufunc: np.ufunc, n: int, number: bool) -> Recipe:
    name = ufunc.__name__
    inputs = ", ".join(f"{{{i}}}" for i in range(n))
    text, into = f"{{{name}}}({inputs})", f"{{{name}}}({inputs}, out={{out}})"
    return Recipe(NUMBER if number else UFUNC, text, {name: ufunc}, into)


def index_text(index: tuple, I: Sequence[Any] = ()) -> tuple[str | None, dict, bool]:
    """An index as text (None if it has no short one), its arrays, and whether it copies."""
    parts, names, copies = [], {}, False
    for p in index:
        value = I[p.k] if type(p) is Hole else p
        if isinstance(p, slice):
            ends = [p.start, p.stop] if p.step is None else [p.start, p.stop, p.step]
            if any(type(e) not in (int, type(None)) for e in ends):
                return None, {}, False
            parts.append(":".join("" if e is None else str(e) for e in ends))
        elif type(p) is Hole:
            parts.append(f"{{{p.k + 1}}}")
        elif isinstance(p, np.ndarray):
            names[f"index{len(parts)}"] = p
            parts.append(f"{{index{len(parts)}}}")
        elif p is None or type(p) is int:
            parts.append(str(p))
        elif p is Ellipsis:
            parts.append("...")
        else:
            return None, {}, False
        if isinstance(value, np.ndarray):
            copies = True
    return ", ".join(parts) or "()", names, copies


def _memory(op: Operation, Y: Any, X: Sequence[Any]) -> str:
    """NEW, VIEW, READ or UNKNOWN: found by trying, as forward is any Python at all.

    Both orders of the axes are tried: a reshape is a view of the one and a copy of the
    other.
    """
    if not is_ours(op) or type(Y) is not np.ndarray:
        return UNKNOWN
    shared = set()
    for order in "CF":
        copies = [np.array(x, order=order) if isinstance(x, np.ndarray) else x for x in X]
        with np.errstate(all="ignore"):
            Y = op.forward(*copies)
        if not (Y.flags.owndata and Y.flags.writeable):
            shared.add(-1)
        # (Arrays without entries share no memory, not even with themselves.)
        shared.update(i for i, x in enumerate(copies)
                      if isinstance(x, np.ndarray) and (x is Y or np.may_share_memory(x, Y)))
    if not shared:
        return NEW
    if shared == {-1}:
        return READ
    return VIEW if shared <= {-1, 0} else UNKNOWN


def is_ours(op: Operation) -> bool:
    """Whether nothing can come of ``op`` but its result: it is of this package, and plain.

    Others may keep an input for later, as a hand-written layer does, or return an array
    of their own.
    """
    if isinstance(op, Constant) and isinstance(op.forward, types.FunctionType):
        if op.forward.__module__.partition(".")[0] not in ("numpy", "npbp"):
            return False
    return type(op).__module__.startswith("npbp.graph.") and settings(op) is not None


FUNCTIONS = (type, np.dtype, np.ufunc, types.FunctionType, types.BuiltinFunctionType, type(np.sum))


def settings(x: Any) -> Any:
    """What is the same for two operations, or settings, that do the same; None if in doubt."""
    kind = type(x)
    if x is None or kind in (bool, int, float, str, type(Ellipsis)) or isinstance(x, np.generic):
        return kind, repr(x)
    if kind in (tuple, list):
        parts = tuple(map(settings, x))
        return None if None in parts else (kind, parts)
    if kind is slice:
        return settings((slice, x.start, x.stop, x.step))
    if kind is dict:
        return settings(list(x.items()))
    if isinstance(x, np.ndarray):
        # Short ones, such as an index, by their numbers, large ones by identity.
        return kind, x.shape, x.dtype.str, x.tobytes() if x.size <= 10000 else id(x)
    if isinstance(x, FUNCTIONS):
        return kind, id(x)
    if isinstance(x, (Operation, Hole)) and not getattr(x, "__slots__", ()):
        return settings((kind, vars(x)))
    return None


def _snake_case(name: str) -> str:
    """The name of an operation as one in the program: Linear.bp_input is linear_bp_input."""
    letters = [("_" if c.isupper() and k and name[k - 1].islower() else "") + c.lower()
               for k, c in enumerate(name)]
    text = "_".join("".join(letters).replace(".", " ").split())
    return text if is_name(text) and text != "out" else "function"


def is_name(text: str) -> bool:
    """Whether it can be a name in the program."""
    return text.isascii() and text.isidentifier() and not keyword.iskeyword(text)
