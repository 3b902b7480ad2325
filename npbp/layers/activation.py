"""Activations: functions of each number alone, between the linear layers.

Here are those that are made of two straight lines. The curved ones are in ``elu``,
``sigmoid``, ``softplus`` and ``gelu``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.base import Layer
from npbp.layers.checks import at_least_0, floating, size
from npbp.layers.parameter import Parameter


class Elementwise(Layer):
    """``y = f(x)`` of each number alone: ``forward`` leaves dy/dx, the slopes, in the cache."""

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dx = grad dy/dx``, number by number; ``(N, ...)`` to ``(N, ...)``."""
        dy_dx = self.cached()
        grad = self.upstream(grad, dy_dx.shape)
        return (grad * dy_dx).astype(dy_dx.dtype, copy=False)


class ReLU(Elementwise):
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


class LeakyReLU(Elementwise):
    """``y = x`` where ``x > 0``, else ``slope * x``: a `ReLU` that lets a little through.

    ========  =================================================  ============================
    forward   ``y = x`` where ``x > 0``, else ``slope * x``      ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad`` where ``x > 0``, else             ``(N, ...)`` to ``(N, ...)``
              ``slope * grad``
    ========  =================================================  ============================

    So no unit is without a gradient. The derivative at 0 is taken to be ``slope``, as that
    of `ReLU` is 0.

    Parameters
    ----------
    slope : float
        On the negative side.

    Raises
    ------
    ValueError
        If ``slope`` is negative or not finite.
    TypeError
        If it is no number.

    Source: Maas, Hannun, Ng, Rectifier nonlinearities improve neural network acoustic
    models, 2013.

    Examples
    --------
    >>> layer = LeakyReLU(slope=0.1)
    >>> layer(np.array([[-2.0, 0.0, 3.0]]))
    array([[-0.2,  0. ,  3. ]])
    >>> layer.bp_input(np.array([[5.0, 6.0, 7.0]]))
    array([[0.5, 0.6, 7. ]])
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = at_least_0("LeakyReLU", "slope", slope)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = x`` where ``x > 0``, else ``slope * x``; ``(N, ...)`` to ``(N, ...)``."""
        x = self.batch(x)
        self.cache = dy_dx = one_or(self.slope, x)
        return x * dy_dx if self.slope else np.maximum(x, 0)  # 0 * -inf would be NaN

    def config(self) -> dict[str, Any]:
        return {"slope": self.slope}


class PReLU(Layer):
    """``y = x`` where ``x > 0``, else ``slope * x``: a `LeakyReLU` that learns its slope.

    ========  ====================================================  ============================
    forward   ``y = x`` where ``x > 0``, else ``slope * x``         ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad`` where ``x > 0``, else                ``(N, ...)`` to ``(N, ...)``
              ``slope * grad``
    bp_param  ``dJ/dslope = sum grad x``, of those with ``x <= 0``  ``(N, ...)`` to
                                                                    ``(features,)``
    ========  ====================================================  ============================

    The derivative at 0 is taken to be ``slope``. A weight decay leaves the slope alone, as
    it would make a ReLU of the layer.

    Parameters
    ----------
    features : int
        1: one slope for all numbers, of inputs of any shape. More: a slope for each feature,
        of inputs ``(N, ..., features)``.
    slope : float
        The start of each slope.
    dtype : floating type, optional
        Of the parameter ``slope``; float32 unless asked.

    Raises
    ------
    ValueError
        If ``features`` is below 1, ``slope`` is negative or not finite, or an array passed
        in has the wrong shape.
    TypeError
        If ``features`` is not a whole number, or ``slope`` no number.

    Source: He, Zhang, Ren, Sun, Delving deep into rectifiers, 2015, section 2.1.

    Examples
    --------
    >>> layer = PReLU()
    >>> layer(np.array([[-2.0, 0.0, 3.0], [-4.0, -8.0, 1.0]]))
    array([[-0.5,  0. ,  3. ],
           [-1. , -2. ,  1. ]])
    >>> layer.bp_input(np.array([[4.0, 8.0, 7.0], [4.0, 4.0, 1.0]]))
    array([[1., 2., 7.],
           [1., 1., 1.]])
    >>> layer.bp_param(np.array([[4.0, 8.0, 7.0], [4.0, 4.0, 1.0]]))   # -2*4 - 4*4 - 8*4
    array([-56.], dtype=float32)
    """

    slope = Parameter()

    def __init__(self, features: int = 1, slope: float = 0.25, dtype: Any = np.float32) -> None:
        self.features = size("PReLU", "features", features)
        self.dtype = floating(dtype)
        self.slope = np.full(self.features, at_least_0("PReLU", "slope", slope))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = x`` where ``x > 0``, else ``slope * x``; ``(N, ...)`` to ``(N, ...)``."""
        x = self._input(x)
        dy_dx = one_or(self.slope.astype(x.dtype), x)
        self.cache = x, dy_dx
        return x * dy_dx

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dx = grad`` where ``x > 0``, else ``slope * grad``."""
        x, dy_dx = self.cached()
        return (self.upstream(grad, x.shape) * dy_dx).astype(x.dtype, copy=False)

    def bp_param(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dslope = sum grad x``, of those with ``x <= 0``; to ``(features,)``."""
        x, _ = self.cached()
        d_slope = self.upstream(grad, x.shape) * np.clip(x, -np.inf, 0)
        return d_slope.reshape(-1, self.features).sum(axis=0, dtype=self.slope.dtype)

    def output_shape(self, shape: tuple | None) -> tuple | None:
        if shape is not None:
            self._fits(("N", *shape))
        return shape

    def config(self) -> dict[str, Any]:
        return {"features": self.features}

    # ---- checks

    def _input(self, x: np.ndarray) -> np.ndarray:
        x = self.batch(x)
        self._fits(x.shape)
        return x

    def _fits(self, shape: tuple) -> None:
        if self.features > 1 and (len(shape) < 2 or shape[-1] != self.features):
            got = str(shape).replace("'", "")
            raise ValueError(
                f"{self!r}: got an input of shape {got}, wanted (N, ..., {self.features}): it has "
                "a slope for each feature of the last axis; PReLU() has one slope for all"
            )


def one_or(slope: Any, x: np.ndarray) -> np.ndarray:
    """1 where ``x > 0``, ``slope`` elsewhere. (``np.where`` takes five times as long.)"""
    one = (x > 0).astype(x.dtype)
    rest = 1 - one
    rest *= slope
    rest += one
    return rest
