"""GELU: x, times the probability that a normal number is below x."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.activation import Elementwise
from npbp.layers.normal import FAR, normal
from npbp.layers.sigmoid import sigmoid


class GELU(Elementwise):
    """``y = x P(Z <= x)`` with a normal Z, the Gaussian error linear unit.

    With the distribution function ``F(x) = P(Z <= x) = (1 + erf(x / sqrt(2))) / 2``:

    ========  ===========================================================  ============================
    forward   ``y = x F(x)``                                               ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad (F(x) + x F'(x))``,                           ``(N, ...)`` to ``(N, ...)``
              ``F'(x) = e^(-x^2/2) / sqrt(2 pi)``
    ========  ===========================================================  ============================

    With ``approximate="tanh"``, the formula of many trained networks, ``F`` is instead
    ``(1 + tanh(u)) / 2 = sigmoid(2 u)``, with ``u = sqrt(2 / pi) (x + 0.044715 x^3)``; and
    ``F' = sigmoid'(2 u) 2 du/dx``, ``du/dx = sqrt(2 / pi) (1 + 0.134145 x^2)``.

    Parameters
    ----------
    approximate : "none" or "tanh"
        Whether ``F`` is the distribution function itself, or the approximation.

    Raises
    ------
    ValueError
        If ``approximate`` is something else.

    Source: Hendrycks and Gimpel, Gaussian error linear units, 2016, section 2.

    Examples
    --------
    >>> layer = GELU()
    >>> layer(np.array([[-6.0, 0.0, 2.0]]))                # 97.72 % are below 2
    array([[-5.91952587e-09,  0.00000000e+00,  1.95449974e+00]])
    >>> layer.bp_input(np.array([[1.0, 1.0, 1.0]]))
    array([[-3.54687095e-08,  5.00000000e-01,  1.08523180e+00]])
    >>> GELU(approximate="tanh")(np.array([[2.0]]))
    array([[1.95459769]])
    """

    def __init__(self, approximate: str = "none") -> None:
        if not isinstance(approximate, str) or approximate not in ("none", "tanh"):
            raise ValueError(f'GELU: got approximate={approximate!r}, wanted "none" or "tanh"')
        self.approximate = approximate

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = x F(x)``; ``(N, ...)`` to ``(N, ...)``."""
        x = self.batch(x)
        dtype = x.dtype
        if dtype == np.float16:  # too short for what stands between x and F
            x = x.astype(np.float32)
        near = np.clip(x, -FAR, FAR)  # beyond, F is 0 or 1
        F, dF_dx = normal(near) if self.approximate == "none" else by_tanh(near)
        dF_dx *= near
        dF_dx += F
        self.cache = dF_dx.astype(dtype, copy=False)  # dy/dx
        F *= np.clip(x, -FAR, np.inf)
        return F.astype(dtype, copy=False)

    def config(self) -> dict[str, Any]:
        return {} if self.approximate == "none" else {"approximate": self.approximate}


def by_tanh(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(1 + tanh(u)) / 2``, which is close to the normal distribution; and its derivative."""
    c = 2 * np.sqrt(2 / np.pi).item()
    square = x * x
    u = square * (c * 0.044715)
    u += c
    u *= x  # 2 u
    F, dF_dx = sigmoid(u)
    square *= 3 * c * 0.044715
    square += c
    dF_dx *= square
    return F, dF_dx
