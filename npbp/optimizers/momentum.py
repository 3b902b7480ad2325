"""Momentum: a step goes along a sum of all gradients so far, of which the older count less.

Where the gradients agree from step to step, the sum grows to ``1 / (1 - beta)`` times one of
them; where they turn to and fro, as across a narrow valley, they cancel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.optimizers.base import Optimizer
from npbp.optimizers.checks import below_1


class Momentum(Optimizer):
    """``v <- beta v + d_W``;  ``W <- W - alpha v``, from ``v = 0``.

    (Some books put alpha into ``v``. With a constant alpha that is the same; here, a change of
    alpha counts at once.)

    Parameters
    ----------
    alpha : float or schedule
        The learning rate.
    beta : float
        How much of the sum is kept at each step, from 0 to below 1.
    options
        ``weight_decay``, ``decay_biases``, ``clip_norm``, ``clip_value``: see `Optimizer`.

    Source: Polyak, Some methods of speeding up the convergence of iteration methods, 1964;
    Goodfellow, Bengio, Courville, Deep Learning, 8.3.2.

    Examples
    --------
    >>> W, optimizer = np.array([0.0]), Momentum(alpha=1, beta=0.5)
    >>> for step in range(3):
    ...     optimizer.step({"W": W}, {"W": np.array([1.0])})
    ...     print(W)
    [-1.]
    [-2.5]
    [-4.25]
    """

    elementwise = True

    def __init__(self, alpha: Any = 0.01, beta: float = 0.9, **options: Any) -> None:
        super().__init__(alpha, **options)
        self.beta = below_1(type(self).__name__, "beta", beta)

    def start(self, W: np.ndarray) -> dict[str, np.ndarray]:
        return {"v": np.zeros_like(W)}

    def rule(self, d_W: np.ndarray, state: dict, t: int) -> np.ndarray:
        v = state["v"]
        v *= self.beta
        v += d_W
        return v


class Nesterov(Momentum):
    """``v <- beta v + d_W``;  ``W <- W - alpha (d_W + beta v)``, from ``v = 0``.

    Nesterov takes the gradient where the momentum will have carried the weights. So that it is
    the gradient at ``W`` that is asked for, ``W`` here is that place ahead: the form that
    PyTorch has too.

    Parameters
    ----------
    alpha, beta, options
        As in `Momentum`.

    Source: Sutskever, Martens, Dahl, Hinton, On the importance of initialization and momentum in
    deep learning, 2013, equations 3 and 4; Bengio, Boulanger-Lewandowski, Pascanu, Advances in
    optimizing recurrent networks, 2013, equation 7 (the form here).

    Examples
    --------
    >>> W, optimizer = np.array([0.0]), Nesterov(alpha=1, beta=0.5)
    >>> for step in range(3):
    ...     optimizer.step({"W": W}, {"W": np.array([1.0])})
    ...     print(W)
    [-1.5]
    [-3.25]
    [-5.125]
    """

    def rule(self, d_W: np.ndarray, state: dict, t: int) -> np.ndarray:
        return d_W + self.beta * super().rule(d_W, state, t)
