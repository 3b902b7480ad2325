"""Softplus and SiLU: two smooth relatives of ReLU, made with the sigmoid."""

from __future__ import annotations

import numpy as np

from npbp.layers.activation import Elementwise
from npbp.layers.sigmoid import sigmoid, within


class Softplus(Elementwise):
    """``y = log(1 + e^x)``: a smooth ReLU, whose derivative is the sigmoid.

    ========  =================================  ============================
    forward   ``y = log(1 + e^x)``               ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad / (1 + e^-x)``      ``(N, ...)`` to ``(N, ...)``
    ========  =================================  ============================

    It is computed as ``max(x, 0) + log(1 + e^-|x|)``, in which nothing can overflow.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.3.3 and 3.10; Dugas et al.,
    Incorporating second-order functional knowledge for better option pricing, 2001.

    Examples
    --------
    >>> layer = Softplus()
    >>> layer(np.array([[-1000.0, 0.0, 1000.0]]))           # the second is log(2)
    array([[0.00000000e+00, 6.93147181e-01, 1.00000000e+03]])
    >>> layer.bp_input(np.array([[8.0, 8.0, 8.0]]))
    array([[0., 4., 8.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = log(1 + e^x)``; ``(N, ...)`` to ``(N, ...)``."""
        x = self.batch(x)
        e = np.exp(-np.abs(x))
        y = np.log1p(e)
        y += np.clip(x, 0, np.inf)  # as np.maximum(x, 0), in half the time
        e /= 1 + e
        self.cache = np.abs((x > 0) - e)  # dy/dx; see sigmoid
        return y


class SiLU(Elementwise):
    """``y = x sigmoid(x)``, the sigmoid-weighted linear unit, also called swish.

    ========  =======================================  ============================
    forward   ``y = x s``, with ``s = 1 / (1 + e^-x)`` ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad (s + x s (1 - s))``       ``(N, ...)`` to ``(N, ...)``
    ========  =======================================  ============================

    Source: Elfwing, Uchibe, Doya, Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning, 2018.

    Examples
    --------
    >>> layer = SiLU()
    >>> layer(np.array([[-1000.0, 0.0, 1000.0]]))
    array([[  -0.,    0., 1000.]])
    >>> layer.bp_input(np.array([[8.0, 8.0, 8.0]]))
    array([[0., 4., 8.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = x sigmoid(x)``; ``(N, ...)`` to ``(N, ...)``."""
        x = self.batch(x)
        s, ds_dx = sigmoid(x)
        ds_dx *= within(x)  # as 0 * inf is NaN
        ds_dx += s
        self.cache = ds_dx  # dy/dx
        s *= within(x, np.inf)
        return s
