"""A function of NumPy that is composed of others: its value is NumPy's, its derivatives theirs.

``np.ptp(x)`` is ``np.max(x) - np.min(x)``, and so are its derivatives. But a value computed
by such a formula may differ from NumPy's in the last digits, or be slower; and a function that
stands for NumPy's should return NumPy's number. So one node does it: forward calls NumPy, and
the formula is run where a derivative is asked for.

    @implements(np.ptp)
    @composed(np.ptp)
    def ptp(a, axis=None, *, keepdims=False):
        return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable

import numpy as np

from npbp.graph.backprop import general_back_propagation
from npbp.graph.forward import general_forward_propagation
from npbp.graph.operation import LinearMap, Operation
from npbp.graph.variable import Variable


class Composed(Operation):
    """``Y = function(...)``, with the derivatives of ``formula(...)``, which takes the same.

    Any argument can be a variable, also one given by keyword: ``args`` and ``settings`` have
    a None for it, and ``places`` says where they are.
    """

    def __init__(
        self, function: Callable, formula: Callable, args: tuple, settings: dict, places: tuple
    ) -> None:
        self.function, self.formula = function, formula
        self.args, self.settings, self.places = args, settings, places
        self.name = function.__name__

    def forward(self, *X: Any) -> Any:
        return np.asarray(self.of(self.function, X))[()]

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        x, y = self.composition(i, X)
        return general_back_propagation([x], y, G, insert=type(Y) is Variable)[x]

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        x, y = self.composition(i, X)
        return general_forward_propagation({x: T}, [y], insert=type(Y) is Variable)[y]

    def composition(self, i: int, X: tuple) -> tuple[Variable, Variable]:
        """The formula's value, and X_i in it as a node of its own: others may depend on X_i."""
        x = identity(X[i]) if type(X[i]) is Variable else Variable(X[i])
        y = self.of(self.formula, (*X[:i], x, *X[i + 1 :]))
        return x, y if type(y) is Variable else Variable(y)  # (if it does not depend on x)

    def of(self, function: Callable, X: tuple) -> Any:
        args, settings = list(self.args), dict(self.settings)
        for place, x in zip(self.places, X):
            (args if type(place) is int else settings)[place] = x
        return function(*args, **settings)

    def __repr__(self) -> str:
        args = [repr(a) for k, a in enumerate(self.args) if k not in self.places]
        settings = [f"{k}={a!r}" for k, a in self.settings.items() if k not in self.places]
        return f"{self.name}({', '.join(args + settings)})"


class Identity(LinearMap):
    """``Y = X``, as a node of its own;  dJ/dX = G."""

    analytic = True

    def forward(self, X: Any) -> Any:
        return X

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return G


identity = Identity()


def composed(function: Callable) -> Callable:
    """Mark a formula as what ``function`` computes: calling it makes a `Composed` node."""

    def mark(formula: Callable) -> Callable:
        signature = inspect.signature(formula)

        @functools.wraps(formula)
        def call(*args: Any, **settings: Any) -> Any:
            try:
                signature.bind(*args, **settings)
            except TypeError as error:
                raise TypeError(
                    f"np.{function.__name__} of a variable: {error}; wanted "
                    f"{function.__name__}{unannotated(signature)}"
                ) from None
            places = [k for k, a in enumerate(args) if type(a) is Variable]
            places += [k for k, a in settings.items() if type(a) is Variable]
            X = [(args if type(k) is int else settings)[k] for k in places]
            args = tuple(None if k in places else a for k, a in enumerate(args))
            settings = {k: None if k in places else a for k, a in settings.items()}
            return Composed(function, formula, args, settings, tuple(places))(*X)

        return call

    return mark


def unannotated(signature: inspect.Signature) -> inspect.Signature:
    """As a message has it: ``(a, axis=None, *, keepdims=False)``."""
    plain = inspect.Parameter.empty
    parameters = [p.replace(annotation=plain) for p in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=plain)
