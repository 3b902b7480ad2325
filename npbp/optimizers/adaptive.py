"""A learning rate for each weight: alpha, divided by how large its gradients have been.

So a weight whose gradients are small or rare moves as far as the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.optimizers.base import Optimizer
from npbp.optimizers.checks import above_0, below_1


class AdaGrad(Optimizer):
    """``s <- s + d_W^2``;  ``W <- W - alpha d_W / (sqrt(s) + eps)``, from ``s = 0``.

    All gradients count, so that the steps become shorter and shorter.

    Parameters
    ----------
    alpha : float or schedule
        The learning rate.
    eps : float
        What keeps the quotient finite, above 0.
    options
        ``weight_decay``, ``decay_biases``, ``clip_norm``, ``clip_value``: see `Optimizer`.

    Source: Duchi, Hazan, Singer, Adaptive subgradient methods for online learning and stochastic
    optimization, 2011; Goodfellow, Bengio, Courville, Deep Learning, algorithm 8.4.

    Examples
    --------
    >>> W, optimizer = np.array([0.0, 0.0]), AdaGrad(alpha=1)
    >>> optimizer.step({"W": W}, {"W": np.array([3.0, 0.03])})
    >>> W.round(6)
    array([-1., -1.])
    >>> optimizer.step({"W": W}, {"W": np.array([4.0, 0.04])})
    >>> W.round(6)
    array([-1.8, -1.8])
    """

    elementwise = True

    def __init__(self, alpha: Any = 0.01, eps: float = 1e-10, **options: Any) -> None:
        super().__init__(alpha, **options)
        self.eps = above_0(type(self).__name__, "eps", eps)

    def start(self, W: np.ndarray) -> dict[str, np.ndarray]:
        return {"s": np.zeros_like(W)}

    def rule(self, d_W: np.ndarray, state: dict, t: int) -> np.ndarray:
        s = state["s"]
        s += d_W * d_W
        return d_W / (np.sqrt(s) + self.eps)


class RMSProp(Optimizer):
    """``v <- beta v + (1 - beta) d_W^2``;  ``W <- W - alpha d_W / (sqrt(v) + eps)``, from ``v = 0``.

    As `AdaGrad`, with an average in which the older gradients count less: the steps need not
    become shorter.

    Parameters
    ----------
    alpha : float or schedule
        The learning rate.
    beta : float
        How much of the average is kept at each step, from 0 to below 1.
    eps : float
        What keeps the quotient finite, above 0.
    options
        ``weight_decay``, ``decay_biases``, ``clip_norm``, ``clip_value``: see `Optimizer`.

    Source: Tieleman and Hinton, Neural networks for machine learning, lecture 6.5, 2012 (with a
    beta of 0.9); Goodfellow, Bengio, Courville, Deep Learning, algorithm 8.5.

    Examples
    --------
    >>> W, optimizer = np.array([0.0, 0.0]), RMSProp(alpha=1, beta=0.75)
    >>> optimizer.step({"W": W}, {"W": np.array([3.0, 0.03])})
    >>> W.round(4)
    array([-2., -2.])
    """

    elementwise = True

    def __init__(
        self, alpha: Any = 0.01, beta: float = 0.99, eps: float = 1e-8, **options: Any
    ) -> None:
        super().__init__(alpha, **options)
        self.beta = below_1(type(self).__name__, "beta", beta)
        self.eps = above_0(type(self).__name__, "eps", eps)

    def start(self, W: np.ndarray) -> dict[str, np.ndarray]:
        return {"v": np.zeros_like(W)}

    def rule(self, d_W: np.ndarray, state: dict, t: int) -> np.ndarray:
        v = state["v"]
        v *= self.beta
        v += (1 - self.beta) * (d_W * d_W)
        return d_W / (np.sqrt(v) + self.eps)
