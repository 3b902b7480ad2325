"""The normal distribution: its density and its distribution function, right far into the tails.

NumPy has no error function. With ``a = |x|``, the tail of the normal distribution is
``P(Z > a) = e^(-a^2/2) R(a)``, where ``R`` falls slowly, from 1/2 at 0 to about
``0.4 / a``. So ``R`` is close to a quotient of two polynomials, and where the tail is tiny it is
the exponential that makes it so: no digit is lost.

``erfc(z) = 2 P(Z > sqrt(2) z)`` is the same function in another scale.

Source: Cody, Rational Chebyshev approximations for the error function, 1969 (the form, and how
the exponential is computed). The coefficients are those of the least largest relative error,
found for this file by Remez's exchange in arithmetic of 60 digits.
"""

from __future__ import annotations

import numpy as np

FAR = 40.0  # beyond it, the tail is 0 in float32 and float64

# R(a) = P(a) / Q(a), the highest power first. All are positive, so no sum cancels.
# To 6e-9 of R, for float32 (up to a = 15, where its tail ends):
SHORT = (
    (0.3989465598, 3.926924747, 17.6715807, 42.19644356, 48.02880894),
    (1.0, 9.843928165, 45.28224749, 115.8018612, 161.0358197, 96.05761727),
)
# To 6e-17 of R, for float64:
LONG = (
    (0.398942280400361248, 10.7112713623989098, 140.849798272864479, 1173.3451195613511,
     6772.15883802876695, 27986.716822421393, 82820.1836566209348, 169921.600586561571,
     221485.990520201232, 142801.827203202833),
    (1.0, 26.8491756536709064, 354.058086880069491, 2967.9892252268616, 17326.3430264330887,
     73039.7341846703631, 223878.650203367816, 490467.693232048992, 732302.811965966692,
     670850.727400147766, 285603.65440640568),
)  # fmt: skip


def normal(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``P(Z <= x)`` and the density ``e^(-x^2/2) / sqrt(2 pi)`` of a normal Z, for ``|x| <= FAR``.

    Examples
    --------
    >>> p, density = normal(np.array([-6.0, 0.0, 1.96]))
    >>> p
    array([9.86587645e-10, 5.00000000e-01, 9.75002105e-01])
    >>> density.round(4)
    array([0.    , 0.3989, 0.0584])
    """
    a = np.abs(x)
    # a^2/2 is rounded, and e^(-a^2/2) has the error of the exponent. So take a to the nearest
    # sixteenth, whose square is exact, and the small rest apart.
    h = np.rint(a * 16)
    h /= 16
    rest = h - a
    rest *= h + a
    rest /= 2
    h *= h
    h /= -2
    e = np.exp(h, out=h)
    e *= np.exp(rest, out=rest)
    P, Q = SHORT if x.dtype.itemsize == 4 else LONG
    tail = polynomial(P, a)
    tail /= polynomial(Q, a)
    tail *= e
    e *= 1 / np.sqrt(2 * np.pi).item()
    return np.abs((x > 0) - tail), e  # 1 - tail, or tail itself


def polynomial(coefficients: tuple[float, ...], a: np.ndarray) -> np.ndarray:
    """By Horner's scheme: ``((c_0 a + c_1) a + c_2) a + ...``."""
    first, *others, last = coefficients
    y = first * a
    for c in others:
        y += c
        y *= a
    y += last
    return y
