"""Arithmetic: the operators of Python, number by number."""

from __future__ import annotations

import operator
from typing import Any, Callable

import numpy as np

from npbp.graph.operation import Elementwise, Operation, watcher, watching
from npbp.graph.protocols import implements
from npbp.graph.variable import NUMBERS, OBJECT, Variable, constant

# Python's operators and not NumPy's functions: on NumPy's scalars they are ten times
# faster, and the numbers are the same, but for powers.


class Add(Operation):
    """``Y = A + B``;  dJ/dA = dJ/dB = G."""

    analytic = True
    forward = staticmethod(operator.add)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        return G

    def jvp(self, i: int, T: Any, Y: Any, A: Any, B: Any) -> Any:
        return T


class Subtract(Operation):
    """``Y = A - B``;  dJ/dA = G,  dJ/dB = -G."""

    analytic = True
    forward = staticmethod(operator.sub)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        return -G if i else G

    def jvp(self, i: int, T: Any, Y: Any, A: Any, B: Any) -> Any:
        return -T if i else T


class Multiply(Operation):
    """``Y = A B``, number by number;  dJ/dA = G B,  dJ/dB = G A."""

    analytic = True
    forward = staticmethod(operator.mul)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        return G * (A if i else B)

    jvp = bprop  # number by number: the same with T in place of G


class Divide(Operation):
    """``Y = A / B``;  dJ/dA = G / B,  dJ/dB = -G A / B^2 = -G Y / B."""

    analytic = True
    forward = staticmethod(operator.truediv)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        return -G * Y / B if i else G / B

    jvp = bprop


class Power(Elementwise):
    """``Y = A^B``;  dY/dA = B A^(B-1),  dY/dB = Y log A.

    Where B is 0, dY/dA is 0 also at A = 0. Where A is 0, dY/dB is taken to be 0.
    """

    analytic = True
    forward = staticmethod(operator.pow)

    def slope(self, i: int, Y: Any, A: Any, B: Any) -> Any:
        if i:
            return Y * np.log(np.where(A == 0, 1.0, A))
        if isinstance(B, (int, float)):  # x**2 is the common case: spare it the where
            return B * A ** (B - 1) if B else A * 0
        return B * A ** np.where(B == 0, 1.0, B - 1)


class Negative(Operation):
    """``Y = -X``;  dJ/dX = -G."""

    analytic = True
    forward = staticmethod(operator.neg)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return -G

    def jvp(self, i: int, T: Any, Y: Any, X: Any) -> Any:
        return -T


add = implements(np.add)(Add())
subtract = implements(np.subtract)(Subtract())
multiply = implements(np.multiply)(Multiply())
divide = implements(np.divide)(Divide())
power = Power()
negative = implements(np.negative)(Negative())

# Of single numbers, and of some exponents, np.power differs from ``**`` in the last digit.
np_power = implements(np.power)(Power())
np_power.forward = np.power


@implements(np.positive)
def positive(X: Any) -> Any:
    return X


def _operator(op: Operation) -> tuple[Callable, Callable]:
    """The methods behind ``x * other`` and ``other * x``.

    They do what calling ``op`` does. Written out for two inputs, it takes half of the time,
    and a program of many small numbers is made of little else.
    """
    forward, array = op.forward, np.ndarray

    def method(self: Variable, other: Any) -> Variable:
        kind = type(other)
        if kind is Variable:
            value = forward(self.value, other.value)
        else:
            if kind is not float and (
                other.dtype is OBJECT if kind is array else kind not in NUMBERS
            ):
                other = constant(other)
                if other is NotImplemented:
                    return other
            value = forward(self.value, other)
        Y = Variable(value, None, op, (self, other))
        if watching:
            watcher().value(Y)
        return Y

    def reflected(self: Variable, other: Any) -> Variable:
        if type(other) is not float:  # of a number such as 1j, Python would make its own
            return op(other, self)
        Y = Variable(forward(other, self.value), None, op, (other, self))
        if watching:
            watcher().value(Y)
        return Y

    return method, reflected


Variable.__add__, Variable.__radd__ = _operator(add)
Variable.__sub__, Variable.__rsub__ = _operator(subtract)
Variable.__mul__, Variable.__rmul__ = _operator(multiply)
Variable.__truediv__, Variable.__rtruediv__ = _operator(divide)
Variable.__pow__, Variable.__rpow__ = _operator(power)
Variable.__neg__ = lambda self: negative(self)
