"""The exponential linear units: straight above 0, and an exponential below."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.activation import Elementwise
from npbp.layers.checks import at_least_0


class ELU(Elementwise):
    """``y = x`` where ``x > 0``, else ``alpha (e^x - 1)``: smooth, and never below ``-alpha``.

    ========  ====================================================  ============================
    forward   ``y = x`` where ``x > 0``, else ``alpha (e^x - 1)``   ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad`` where ``x > 0``, else                ``(N, ...)`` to ``(N, ...)``
              ``grad alpha e^x``
    ========  ====================================================  ============================

    The derivative at 0 is taken to be ``alpha``; with ``alpha = 1`` there is no kink. The
    exponential is of ``min(x, 0)``, so it cannot overflow.

    Parameters
    ----------
    alpha : float
        How far below 0 the outputs go.

    Raises
    ------
    ValueError
        If ``alpha`` is negative or not finite.
    TypeError
        If it is no number.

    Source: Clevert, Unterthiner, Hochreiter, Fast and accurate deep network learning by
    exponential linear units, 2016.

    Examples
    --------
    >>> layer = ELU()
    >>> layer(np.array([[-np.log(2), 0.0, 3.0]]))        # e^-log(2) = 1/2
    array([[-0.5,  0. ,  3. ]])
    >>> layer.bp_input(np.array([[5.0, 6.0, 7.0]]))
    array([[2.5, 6. , 7. ]])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = at_least_0("ELU", "alpha", alpha)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = x`` where ``x > 0``, else ``alpha (e^x - 1)``; ``(N, ...)`` to ``(N, ...)``."""
        y, self.cache = elu(self.batch(x), self.alpha)
        return y

    def config(self) -> dict[str, Any]:
        return {"alpha": self.alpha}


class SELU(Elementwise):
    """``y = scale ELU(x)``, with numbers that keep mean 0 and variance 1 from layer to layer.

    ========  ====================================================  ============================
    forward   ``y = scale x`` where ``x > 0``, else                 ``(N, ...)`` to ``(N, ...)``
              ``scale alpha (e^x - 1)``
    bp_input  ``dJ/dx = scale grad`` where ``x > 0``, else          ``(N, ...)`` to ``(N, ...)``
              ``scale grad alpha e^x``
    ========  ====================================================  ============================

    If ``x`` is normal with mean 0 and variance 1, so are mean and variance of ``y``: this
    gives ``alpha = 1.6733`` and ``scale = 1.0507``. The layers between want weights with a
    variance of ``1 / fan_in``. The derivative at 0 is taken to be ``scale alpha``.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter, Self-normalizing neural networks, 2017.

    Examples
    --------
    >>> layer = SELU()
    >>> layer(np.array([[-np.log(2), 0.0, 3.0]])).round(4)
    array([[-0.879 ,  0.    ,  3.1521]])
    >>> x = np.random.default_rng(0).standard_normal((1000, 100))
    >>> y = layer(x)
    >>> bool(abs(y.mean()) < 0.01 and abs(y.var() - 1) < 0.01)
    True
    """

    ALPHA = 1.6732632423543772848
    SCALE = 1.0507009873554804934

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = scale x`` where ``x > 0``, else ``scale alpha (e^x - 1)``."""
        y, dy_dx = elu(self.batch(x), self.ALPHA)
        y *= self.SCALE
        dy_dx *= self.SCALE
        self.cache = dy_dx
        return y


def elu(x: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """``x`` where it is above 0, else ``alpha (e^x - 1)``; and its derivative, 1 or ``alpha e^x``.

    ``e^x - 1`` is ``expm1``, which keeps its digits close to 0; and ``alpha e^x`` is not
    ``y + alpha``, which would lose them far below.

    Examples
    --------
    >>> elu(np.array([-1e-20, -50.0]), 1.0)
    (array([-1.e-20, -1.e+00]), array([1.00000000e+00, 1.92874985e-22]))
    """
    low = np.clip(x, -np.inf, 0)  # as np.minimum(x, 0), in half the time
    with np.errstate(invalid="ignore"):  # NumPy 1.22 warns of a NaN
        y = np.expm1(low)
    y *= alpha
    y += np.clip(x, 0, np.inf)
    dy_dx = np.exp(low, out=low)
    if alpha != 1:  # else e^0 = 1 is right where x > 0
        above = x > 0
        dy_dx *= alpha
        dy_dx *= ~above
        dy_dx += above
    return y, dy_dx
