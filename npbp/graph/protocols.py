"""How NumPy's own functions, applied to variables, find their operations.

NumPy asks the arguments of ``np.exp(x)`` or ``np.sum(x)`` whether they would rather
do it themselves (``__array_ufunc__``, NEP 13; ``__array_function__``, NEP 18). Here
are the tables in which an operation says which function of NumPy it stands for:
``@implements(np.sum)`` beside its definition is all it takes. A function that nobody
implements is an error that says so; nothing turns into a plain array in silence.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

# A function of NumPy, or (a ufunc, "reduce" or "accumulate") -> what to call instead.
IMPLEMENTED: dict[Any, Callable] = {}


def implements(*functions: Any) -> Callable:
    """Mark a function, or an instance of an operation, as what NumPy's ``functions`` mean."""

    def mark(implementation: Callable) -> Callable:
        for function in functions:
            IMPLEMENTED[function] = implementation
        return implementation

    return mark


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> Any:
    """``np.exp(x)`` (method "__call__") or ``np.add.reduce(x)`` (method "reduce")."""
    if kwargs.pop("out", None) is not None:
        raise TypeError(
            f"np.{ufunc.__name__} with out=, or an in-place operator such as array += x: a "
            "variable is not written into an array, as its gradient would be lost: write "
            "y = y + x"
        )
    implementation = IMPLEMENTED.get(ufunc if method == "__call__" else (ufunc, method))
    if implementation is None:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        raise TypeError(_no_derivative(f"np.{name}"))
    if kwargs and method == "__call__":
        raise TypeError(
            f"np.{ufunc.__name__}: got {', '.join(kwargs)}=, which is not known for variables: "
            "for where=, write np.where(condition, y, otherwise); for dtype=, x.astype(dtype)"
        )
    return implementation(*inputs, **kwargs)


def call_function(function: Any, args: tuple, kwargs: dict) -> Any:
    """``np.sum(x, axis=1)`` and all that is not a ufunc."""
    implementation = IMPLEMENTED.get(function)
    if implementation is None:
        module = getattr(function, "__module__", None) or "numpy"
        raise TypeError(_no_derivative(f"{module.replace('numpy', 'np', 1)}.{function.__name__}"))
    if kwargs.get("out") is not None:
        raise TypeError(f"np.{function.__name__} with out=: a variable is not written into an array")
    return implementation(*args, **kwargs)


def _no_derivative(name: str) -> str:
    return (
        f"{name} has no derivative here: write it with functions that have one, or define an "
        "operation of your own (see npbp.graph.Operation: a class with forward and bprop); "
        "x.value gives the numbers alone, without a gradient"
    )


# ---- what is not a function of NumPy but an array's own; ``indexing`` and ``shaping`` fill it in


def getitem(x: Any, index: Any) -> Any:
    """``x[index]``."""
    return IMPLEMENTED["getitem"](x, index)


def astype(x: Any, dtype: Any) -> Any:
    """``x.astype(dtype)``."""
    return IMPLEMENTED["astype"](x, dtype)


def At(x: Any) -> Any:
    """``x.at``."""
    return IMPLEMENTED["at"](x)
