"""A number taken apart: quotient and rest, whole and fraction, mantissa and exponent.

And the parts of a complex number, of a real one: programs that are written for both ask for
them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operation import Constant, Operation
from npbp.graph.operations.composed import composed
from npbp.graph.operations.constants import Flat
from npbp.graph.protocols import implements


@implements(np.divmod)
def divmod(x1: Any, x2: Any) -> tuple:
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


@implements(np.modf)
def modf(x: Any) -> tuple:
    return _fraction(x), np.trunc(x)


@composed(lambda x: np.modf(x)[0])
def _fraction(x: Any) -> Any:
    return x  # and an integer, which is constant


class Ldexp(Operation):
    """``Y = A 2^B``, for an integer B;  dJ/dA = G 2^B."""

    forward = staticmethod(np.ldexp)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        return np.ldexp(G, B)

    jvp = bprop


implements(np.ldexp)(Ldexp())


@implements(np.frexp)
def frexp(x: Any) -> tuple:
    return _mantissa(x), exponent(x)


@composed(lambda x: np.frexp(x)[0])
def _mantissa(x: Any) -> Any:
    return np.ldexp(x, -exponent(x))


@Constant
def exponent(x: Any) -> Any:
    """e, of ``x = m 2^e`` with m from 1/2 to 1."""
    return np.frexp(x)[1]


# ---- of a real number


@implements(np.real, np.conjugate, np.real_if_close)
def real(x: Any, tol: float = 100) -> Any:
    if x.dtype.kind == "c":
        raise TypeError(
            f"got a variable of type {x.dtype}, of which real, imag and conj have no derivative "
            "here, wanted real numbers: compute with real and imaginary parts"
        )
    return x


@implements(np.imag)
def imag(val: Any) -> Any:
    return np.zeros_like(real(val))


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    return Flat(np.angle, deg=deg)(z)  # 0, or pi of a negative number
