"""Functions that are flat wherever they have a derivative: comparisons, rounding, positions.

Their results are nodes of the graph, so that it can be evaluated again with new inputs,
but no gradient passes through them: it is 0. And a few questions about the shape or
the type of a variable, which are answered with plain Python objects, as no number of the
variable has a part in the answer.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Sequence

import numpy as np

from npbp.graph.operation import Constant
from npbp.graph.operations.composed import check
from npbp.graph.protocols import implements
from npbp.graph.variable import Variable, value_of

COMPARISONS = [
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.isfinite, np.isinf, np.isnan, np.signbit,
]  # fmt: skip
LOGIC = [
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift,
    np.gcd, np.lcm,
]  # fmt: skip
STEPS = [np.sign, np.floor, np.ceil, np.rint, np.trunc, np.floor_divide]

if hasattr(np, "bitwise_count"):  # NumPy 2
    LOGIC.append(np.bitwise_count)

for ufunc in COMPARISONS + LOGIC + STEPS:
    constant = implements(ufunc)(Constant(ufunc))
    constant.ufunc = ufunc


class Flat(Constant):
    """``Y = f(X, ...)``, a function of NumPy with settings by keyword, such as an axis.

    ``names`` are the keywords of the last inputs: variables may be given by keyword too.
    """

    def __init__(self, function: Callable, names: Sequence[str] = (), **settings: Any) -> None:
        self.function, self.names, self.settings = function, tuple(names), settings
        self.name = function.__name__

    def forward(self, *X: Any) -> Any:
        n = len(X) - len(self.names)
        # np.allclose and others give Python's own numbers: a node has a shape and a dtype.
        Y = np.asarray(self.function(*X[:n], **dict(zip(self.names, X[n:])), **self.settings))
        return Y if Y.ndim else Y[()]

    def __repr__(self) -> str:
        settings = ", ".join(f"{k}={v!r}" for k, v in self.settings.items())
        return f"{self.name}({settings})"


def _flat(function: Callable) -> Callable:
    def call(*inputs: Any, **settings: Any) -> Any:
        if len(inputs) > 2:  # one of them may be out
            check(function, inspect.signature(function), inputs, settings)
        names = [name for name, value in settings.items() if type(value) is Variable]
        others = [settings.pop(name) for name in names]
        return Flat(function, names, **settings)(*inputs, *others)

    return call


POSITIONS = [
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition,
    np.searchsorted, np.digitize,
]  # fmt: skip
ANSWERS = [
    np.any, np.all, np.count_nonzero, np.isclose, np.allclose, np.array_equal, np.array_equiv,
    np.isin, np.isposinf, np.isneginf, np.isreal, np.iscomplex,
]  # fmt: skip
ROUNDING = [np.round, np.around, np.fix]
LIKE = [np.zeros_like, np.ones_like]

for function in POSITIONS + ANSWERS + ROUNDING + LIKE:
    implements(function)(_flat(function))


@implements(np.full_like)
def full_like(a: Any, fill_value: Any, **settings: Any) -> Any:
    if type(fill_value) is Variable:  # it has a gradient
        zeros = np.zeros_like(a, **settings)
        return (zeros + fill_value).astype(zeros.dtype)
    return Flat(np.full_like, **settings)(a, fill_value)


@implements(np.nonzero, np.flatnonzero, np.argwhere)
def nonzero(*args: Any) -> Any:
    raise TypeError(
        "got a variable in np.nonzero, np.flatnonzero, np.argwhere or np.where with the "
        "condition alone: how many positions there are depends on the numbers, and an "
        "operation has to give the same shape for any; use np.where(condition, a, b), or "
        "np.nonzero(x.value) for indices that stay as they are"
    )


# ---- questions about the shape or type


@implements(np.shape)
def shape(a: Any) -> tuple[int, ...]:
    return a.shape


@implements(np.ndim)
def ndim(a: Any) -> int:
    return a.ndim


@implements(np.size)
def size(a: Any, axis: int | None = None) -> int:
    return a.size if axis is None else a.shape[axis]


@implements(np.result_type)
def result_type(*types: Any) -> np.dtype:
    return np.result_type(*[value_of(t) for t in types])


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    return False


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    return True
