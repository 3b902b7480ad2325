"""Activations: functions of each number alone, between the linear layers."""

from __future__ import annotations

import numpy as np

from npbp.layers.base import Layer


class ReLU(Layer):
    """``y = max(x, 0)``, the rectified linear unit.

    ========  =============================  ============================
    forward   ``y = max(x, 0)``              ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad where x > 0``   ``(N, ...)`` to ``(N, ...)``
    ========  =============================  ============================

    The derivative at 0 is taken to be 0. A NaN stays a NaN, so that an overflow
    below does not go unseen; and as ``grad`` is multiplied by 1 or 0, an infinite one
    is NaN where ``x <= 0``.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.3.1.

    Examples
    --------
    >>> layer = ReLU()
    >>> layer(np.array([[-2.0, 0.0, 3.0]]))
    array([[0., 0., 3.]])
    >>> layer.bp_input(np.array([[5.0, 6.0, 7.0]]))
    array([[0., 0., 7.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = max(x, 0)``; ``(N, ...)`` to ``(N, ...)``."""
        x = self.batch(x)
        self.cache = (x > 0).astype(x.dtype)  # dy/dx
        return np.maximum(x, 0)

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dx = grad`` where ``x > 0``, else 0; ``(N, ...)`` to ``(N, ...)``."""
        dy_dx = self.cached()
        grad = self.upstream(grad, dy_dx.shape)
        return (grad * dy_dx).astype(dy_dx.dtype, copy=False)
