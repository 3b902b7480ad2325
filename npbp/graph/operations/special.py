"""Functions whose derivatives are no formula of NumPy's: each of them is a function of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npbp.graph.operation import Elementwise
from npbp.graph.protocols import implements


class Sinc(Elementwise):
    """``Y = d^k/dX^k sin(pi X) / (pi X)``;  dY/dX is the same with k + 1.

    Let s be that of u = pi X, without the factors pi. From ``u s = sin u``, derived k times:
    ``u s^(k) + k s^(k-1) = sin(u + k pi/2)``. Close to 0 that is a difference of almost equal
    numbers, and the power series of ``sin u / u`` is used.
    """

    def __init__(self, k: int = 0) -> None:
        self.k = k

    def forward(self, X: Any) -> Any:
        if not self.k:
            return np.sinc(X)
        u = np.pi * np.asarray(X, dtype=np.float64)
        near = np.abs(u) < 1 + self.k
        Y = np.where(near, self.series(np.where(near, u, 0)), self.quotient(np.where(near, 1, u)))
        return (np.pi**self.k * Y).astype(np.asarray(X).dtype)[()]

    def series(self, u: Any) -> Any:
        """``sum_m (-1)^m u^(2m-k) / ((2m+1) (2m-k)!)``, by Horner."""
        first = (self.k + 1) // 2
        Y = 0.0
        for m in reversed(range(first, first + 12 + 2 * self.k)):
            n = 2 * m - self.k
            Y = (-1) ** m / ((2 * m + 1) * math.factorial(n)) + u * u * Y
        return Y * u ** (2 * first - self.k)

    def quotient(self, u: Any) -> Any:
        s = np.sin(u) / u
        for k in range(1, self.k + 1):
            s = (np.sin(u + k * np.pi / 2) - k * s) / u
        return s

    def slope(self, i: int, Y: Any, X: Any) -> Any:
        return Sinc(self.k + 1)(X)


class I0(Elementwise):
    """``Y = d^k/dX^k I_0(X)``, the modified Bessel function;  dY/dX is the same with k + 1.

    ``I_0(X) = mean of e^(X cos t)`` over a circle, so each derivative brings a factor cos t.
    """

    def __init__(self, k: int = 0) -> None:
        self.k = k

    def forward(self, X: Any) -> Any:
        if not self.k:
            return np.i0(X)
        X = np.asarray(X)
        Y = np.zeros(X.shape)
        for c in np.cos(np.pi * (np.arange(self.POINTS) + 0.5) / self.POINTS):
            Y += c**self.k * np.exp(c * X.astype(np.float64))
        return (Y / self.POINTS).astype(X.dtype)[()]

    POINTS = 200  # on half of the circle: of a periodic function, the mean of few points is exact

    def slope(self, i: int, Y: Any, X: Any) -> Any:
        return I0(self.k + 1)(X)


implements(np.sinc)(Sinc())
implements(np.i0)(I0())
