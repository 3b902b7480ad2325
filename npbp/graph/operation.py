"""What an operation is: a forward, and how a gradient passes back through it.

An operation ``Y = f(X_0, X_1, ...)`` has

* ``forward(*X)``: Y, in plain NumPy;
* ``bprop(i, G, Y, *X)``: given ``G = dJ/dY``, the gradient dJ/dX_i, in the notation
  of the book ``sum_j (dY_j / dX_i) G_j``, with j running over all entries of Y;
* ``jvp(i, T, Y, *X)``: given a change T of X_i, the change of Y that it makes,
  ``sum_j (dY / dX_ij) T_j``: the same derivatives, summed the other way.

``bprop`` and ``jvp`` are written with NumPy's functions and with operations. Given
plain arrays, they compute arrays; given variables, they extend the graph, and their
result can be differentiated again. So there is one derivation, for every order.

None of them undoes broadcasting: if X_i was broadcast, ``bprop`` returns a gradient in
the shape of Y, and `npbp.graph.backprop` sums it back, once for all operations.

Source: Goodfellow, Bengio, Courville, Deep Learning, 6.5.6.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from npbp.graph.variable import NUMBERS, OBJECT, Variable, constant

VALUES = {np.ndarray, *(t for t in NUMBERS if issubclass(t, np.generic))}  # a variable has these


class Operation:
    """A differentiable operation: subclass it, write ``forward`` and ``bprop``.

    An instance is called like a function, on variables or plain arrays. Settings such
    as an axis are arguments of its ``__init__``.

    Examples
    --------
    An operation of your own:

    >>> from npbp import graph
    >>> class Cube(graph.Operation):
    ...     '''Y = X^3;  dJ/dX = 3 X^2 G.'''
    ...     def forward(self, X):
    ...         return X * X * X
    ...     def bprop(self, i, G, Y, X):
    ...         return 3 * X**2 * G
    >>> cube = Cube()
    >>> cube(2.0)
    8.0
    >>> x = graph.Variable(2.0)
    >>> gradient = graph.general_back_propagation([x], cube(x))[x]
    >>> gradient                                              # 3 x^2
    Variable(12.0, Multiply)
    >>> graph.general_back_propagation([x], gradient)[x]      # 6 x
    Variable(12.0, Multiply)
    """

    differentiable = True  # False: no gradient passes, see Constant
    analytic = False  # True: forward takes complex numbers too, see check_grads
    name: str  # in messages and pictures: ``Sum``, ``greater``, ``Linear``

    def __init_subclass__(cls) -> None:
        cls.name = cls.__dict__.get("name", cls.__name__)

    def forward(self, *X: Any) -> Any:
        """Y, from the values of the inputs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(*X)")

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        """dJ/dX_i, from ``G`` = dJ/dY; in the shape of X_i, or of Y if X_i was broadcast."""
        raise TypeError(
            f"{type(self).__name__} has no bprop(i, G, Y, *X), so no gradient passes through it"
        )

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        """The change of Y that a change ``T`` of X_i makes, in the shape of Y.

        Unless written, it is made of ``bprop``: see `npbp.graph.forward`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no jvp(i, T, Y, *X)")

    def __call__(self, *inputs: Any) -> Any:
        is_node = is_strange = False
        for x in inputs:
            kind = type(x)
            if kind is Variable:
                is_node = True
            elif x.dtype is OBJECT if kind is np.ndarray else kind not in NUMBERS:
                is_strange = True
        if not is_node:
            return self.forward(*inputs)
        if is_strange:
            inputs = self._numbers(inputs)
        value = self.forward(*[x.value if type(x) is Variable else x for x in inputs])
        if type(value) not in VALUES:
            value = self._array(value)
        Y = Variable(value, None, self, inputs)
        if watching:
            watcher().value(Y)
        return Y

    def __repr__(self) -> str:
        settings = ", ".join(f"{k}={v!r}" for k, v in vars(self).items())
        return f"{type(self).__name__}({settings})"

    def _numbers(self, inputs: tuple) -> tuple:
        """The inputs, with lists and the arrays of other packages as arrays of NumPy."""
        numbers = tuple(map(constant, inputs))
        for i, x in enumerate(inputs):
            if numbers[i] is NotImplemented:
                raise TypeError(
                    f"{self.name}: got {_what(x)} as input {i}, wanted a variable, an array or a "
                    "number: np.asarray(a) makes an array, and settings are for __init__"
                )
        return numbers

    def _array(self, value: Any) -> Any:
        """What forward returned, as a variable holds it."""
        array = constant(value)
        if array is NotImplemented or type(array) is Variable:
            raise TypeError(f"{self.name}: forward returned {_what(value)}, wanted an array")
        return np.asarray(array)[()]


def _what(x: Any) -> str:
    return f"an array of {x.dtype}" if type(x) is np.ndarray else type(x).__name__


class Elementwise(Operation):
    """An operation that acts on each number alone.

    Its Jacobian is diagonal, so one function gives both directions: ``slope(i, Y, *X)``
    is dY/dX_i, number by number.
    """

    def slope(self, i: int, Y: Any, *X: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no slope(i, Y, *X)")

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        return G * self.slope(i, Y, *X)

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        return T * self.slope(i, Y, *X)


class LinearMap(Operation):
    """An operation that is linear in its one input: a change T of X changes Y by f(T)."""

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return self(T)


class Constant(Operation):
    """A function that is flat wherever it has a derivative, such as a comparison.

    It is a node, so that the graph can be evaluated again, but no gradient passes.
    """

    differentiable = False

    def __init__(self, function: Any) -> None:
        self.forward = function
        self.name = getattr(function, "__name__", "Constant")

    def __repr__(self) -> str:
        return self.name

    def _numbers(self, inputs: tuple) -> tuple:  # a function may take settings as well
        return inputs


# ---- being watched, see `npbp.graph.watch`


class Watcher:
    """Is told of what a thread computes; this one takes no notice."""

    thread: int  # whose

    def value(self, Y: Variable) -> None:
        """Of a new variable."""

    def gradient(self, C: Variable, i: int, G: Any, gradient: Any) -> None:
        """Of what the operation that made ``C`` passes to its input i, for ``G`` = dJ/dC."""

    def total(self, V: Variable, total: Any) -> None:
        """Of the sum of what the consumers of ``V`` pass to it."""


# Those of all threads, the innermost last: a look at whether there are any is all it costs.
watching: list[Watcher] = []
nobody = Watcher()


def watcher() -> Watcher:
    """The innermost of this thread."""
    here = threading.get_ident()
    mine = [one for one in tuple(watching) if one.thread == here]  # another thread may add its own
    return mine[-1] if mine else nobody
