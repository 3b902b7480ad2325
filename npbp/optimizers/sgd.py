"""Stochastic gradient descent: the plainest step there is."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.optimizers.base import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent: ``W <- W - alpha d_W``, where ``d_W`` is dJ/dW.

    "Stochastic", as J is that of one random batch and not of all examples.

    Parameters
    ----------
    alpha : float or schedule
        The learning rate.
    options
        ``weight_decay``, ``decay_biases``, ``clip_norm``, ``clip_value``: see `Optimizer`.

    Raises
    ------
    ValueError
        If ``alpha`` is not a finite number of at least 0.
    TypeError
        If it is not a number at all.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 8.3.1.

    Examples
    --------
    >>> W = np.array([1.0, 2.0])
    >>> SGD(alpha=0.5).step({"W": W}, {"W": np.array([1.0, -1.0])})
    >>> W
    array([0.5, 2.5])
    """

    elementwise = True

    def __init__(self, alpha: Any = 0.1, **options: Any) -> None:
        super().__init__(alpha, **options)

    def rule(self, d_W: np.ndarray, state: dict, t: int) -> np.ndarray:
        return d_W

    def step(self, parameters: Any, gradients: Any = None) -> None:
        # Without options, for small arrays that have been checked, it is the formula and no more: a
        # training step of the walk-through's network takes 1 % less.
        if (type(self) is not SGD or self.weight_decay or self.clip_norm or self.clip_value
                or not self._small or not self._as_before(parameters, gradients)):
            super().step(parameters, gradients)
            return
        alpha = self.current_alpha
        for name, W in parameters.items():
            W -= alpha * gradients[name]
        self.steps += 1
