"""S-shaped activations: from one level, through 0 or 1/2, to another."""

from __future__ import annotations

import numpy as np

from npbp.layers.activation import Elementwise


class Sigmoid(Elementwise):
    """``y = 1 / (1 + e^-x)``, the logistic function: from 0 to 1, as a probability.

    ========  ===========================  ============================
    forward   ``y = 1 / (1 + e^-x)``       ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad y (1 - y)``   ``(N, ...)`` to ``(N, ...)``
    ========  ===========================  ============================

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.3.2 and 3.10.

    Examples
    --------
    >>> layer = Sigmoid()
    >>> layer(np.array([[-np.log(3), 0.0, np.log(3)]]))     # 1 / (1 + 3) is the first
    array([[0.25, 0.5 , 0.75]])
    >>> layer.bp_input(np.array([[16.0, 16.0, 16.0]]))
    array([[3., 4., 3.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = 1 / (1 + e^-x)``; ``(N, ...)`` to ``(N, ...)``."""
        y, self.cache = sigmoid(self.batch(x))
        return y


class Tanh(Elementwise):
    """``y = (e^x - e^-x) / (e^x + e^-x)``, the hyperbolic tangent: from -1 to 1.

    ========  =======================================  ============================
    forward   ``y = (e^x - e^-x) / (e^x + e^-x)``      ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad (1 - y^2)``               ``(N, ...)`` to ``(N, ...)``
    ========  =======================================  ============================

    It is a sigmoid of another size: ``tanh(x) = 2 sigmoid(2 x) - 1``. The derivative is
    computed as ``4 e / (1 + e)^2`` with ``e = e^(-2 |x|)``, which is the same, and keeps its
    digits where ``y`` is rounded to 1.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.3.2.

    Examples
    --------
    >>> layer = Tanh()
    >>> layer(np.array([[-np.log(2), 0.0, np.log(2)]]))     # (1/2 - 2) / (1/2 + 2)
    array([[-0.6,  0. ,  0.6]])
    >>> layer.bp_input(np.array([[25.0, 25.0, 25.0]]))
    array([[16., 25., 16.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = tanh(x)``; ``(N, ...)`` to ``(N, ...)``."""
        x = self.batch(x)
        e = np.exp(-np.abs(x))
        e *= e
        half = 2 / (1 + e)
        half *= half
        half *= e
        self.cache = half  # dy/dx
        return np.tanh(x)


class Softsign(Elementwise):
    """``y = x / (1 + |x|)``: from -1 to 1 as tanh, and slower.

    ========  ===============================  ============================
    forward   ``y = x / (1 + |x|)``            ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad / (1 + |x|)^2``   ``(N, ...)`` to ``(N, ...)``
    ========  ===============================  ============================

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward
    neural networks, 2010.

    Examples
    --------
    >>> layer = Softsign()
    >>> layer(np.array([[-3.0, 0.0, 1.0]]))
    array([[-0.75,  0.  ,  0.5 ]])
    >>> layer.bp_input(np.array([[16.0, 16.0, 16.0]]))
    array([[ 1., 16.,  4.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = x / (1 + |x|)``; ``(N, ...)`` to ``(N, ...)``."""
        x = within(self.batch(x))  # as inf / inf is NaN
        d = np.abs(x)
        d += 1
        y = x / d
        dy_dx = np.divide(1, d, out=d)
        dy_dx *= dy_dx
        self.cache = dy_dx
        return y


class HardSigmoid(Elementwise):
    """``y = (x + 3) / 6``, between 0 and 1: a sigmoid of straight lines.

    ========  ========================================  ============================
    forward   ``y = min(max(x + 3, 0), 6) / 6``         ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad / 6`` where ``|x| < 3``,   ``(N, ...)`` to ``(N, ...)``
              else 0
    ========  ========================================  ============================

    The derivative at the kinks, -3 and 3, is taken to be 0.

    Source: Howard et al., Searching for MobileNetV3, 2019, section 5.2.

    Examples
    --------
    >>> layer = HardSigmoid()
    >>> layer(np.array([[-4.0, -1.5, 0.0, 3.0]]))
    array([[0.  , 0.25, 0.5 , 1.  ]])
    >>> layer.bp_input(np.array([[12.0, 12.0, 12.0, 12.0]]))
    array([[0., 2., 2., 0.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = min(max(x + 3, 0), 6) / 6``; ``(N, ...)`` to ``(N, ...)``."""
        x = self.batch(x)
        dy_dx = (np.abs(x) < 3).astype(x.dtype)
        dy_dx /= 6
        self.cache = dy_dx
        y = x + 3
        np.clip(y, 0, 6, out=y)
        y /= 6
        return y


def sigmoid(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``y = 1 / (1 + e^-x)`` of each number, and its derivative ``y (1 - y)``.

    ``e^-|x|`` cannot overflow. It gives the smaller of ``y`` and ``1 - y``, and nothing is
    subtracted to get it: so both keep their digits, however small they are.

    Examples
    --------
    >>> y, dy_dx = sigmoid(np.array([-100.0, 0.0, 100.0]))
    >>> y
    array([3.72007598e-44, 5.00000000e-01, 1.00000000e+00])
    >>> dy_dx
    array([3.72007598e-44, 2.50000000e-01, 3.72007598e-44])
    """
    e = np.exp(-np.abs(x))
    larger = 1 / (1 + e)
    smaller = np.multiply(e, larger, out=e)
    y = np.abs((x > 0) - smaller)  # 1 - smaller where x > 0, else the smaller itself
    larger *= smaller
    return y, larger


def within(x: np.ndarray, top: float | None = None) -> np.ndarray:
    """``x`` with the lowest number instead of -inf, and ``top``, or the largest number, of inf."""
    most = np.finfo(x.dtype).max
    return np.clip(x, -most, most if top is None else top)
