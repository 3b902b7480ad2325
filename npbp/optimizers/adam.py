"""Adam: momentum, and a learning rate for each weight."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npbp.optimizers.base import Optimizer
from npbp.optimizers.checks import above_0, below_1


class Adam(Optimizer):
    """An average of the gradients, divided by the root of an average of their squares.

    ====================  =====================================================
    mean of the gradient  ``m <- beta1 m + (1 - beta1) d_W``, from ``m = 0``
    and of its square     ``v <- beta2 v + (1 - beta2) d_W^2``, from ``v = 0``
    the start at 0 undone ``m' = m / (1 - beta1^t)``, ``v' = v / (1 - beta2^t)``
    the step              ``W <- W - alpha m' / (sqrt(v') + eps)``
    ====================  =====================================================

    A step is about as long as ``alpha`` for each weight, whatever the size of its gradients.

    What is kept as ``m`` and ``v`` is ``m / (1 - beta1)`` and ``v / (1 - beta2)`` of the table:
    sums instead of means.

    Parameters
    ----------
    alpha : float or schedule
        The learning rate.
    beta1, beta2 : float
        How much of the averages is kept at each step, from 0 to below 1.
    eps : float
        What keeps the quotient finite, above 0.
    options
        ``weight_decay``, ``decay_biases``, ``clip_norm``, ``clip_value``: see `Optimizer`.

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1.

    Examples
    --------
    >>> W, optimizer = np.array([1.0, 1.0]), Adam(alpha=0.5)
    >>> optimizer.step({"W": W}, {"W": np.array([7.0, -0.07])})
    >>> W.round(6)
    array([0.5, 1.5])
    """

    elementwise = True

    def __init__(
        self,
        alpha: Any = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        **options: Any,
    ) -> None:
        super().__init__(alpha, **options)
        self.beta1 = below_1(type(self).__name__, "beta1", beta1)
        self.beta2 = below_1(type(self).__name__, "beta2", beta2)
        self.eps = above_0(type(self).__name__, "eps", eps)

    def start(self, W: np.ndarray) -> dict[str, np.ndarray]:
        return {"m": np.zeros_like(W), "v": np.zeros_like(W)}

    def rule(self, d_W: np.ndarray, state: dict, t: int) -> tuple[np.ndarray, float]:
        m, v = state["m"], state["v"]
        m *= self.beta1
        m += d_W
        v *= self.beta2
        v += d_W * d_W
        mean = (1 - self.beta1) / (1 - self.beta1**t)  # m' = mean m
        root = math.sqrt((1 - self.beta2) / (1 - self.beta2**t))  # sqrt(v') = root sqrt(v)
        # m' / (sqrt(v') + eps) = m / (sqrt(v) + eps / root) * (mean / root): with all factors
        # outside of the arrays, it is ten passes over them and not 14, in two thirds of the time.
        direction = np.sqrt(v)
        direction += self.eps / root
        np.divide(m, direction, out=direction)
        return direction, mean / root


class AdamW(Adam):
    """`Adam` with a weight decay of its own: ``W <- W - alpha lambda W`` before each step.

    In `Adam` the decay is a part of the gradient and is divided by the root of ``v`` with it, so
    that weights with large gradients hardly decay. Here all do, in the same ratio.

    Parameters
    ----------
    alpha, beta1, beta2, eps, options
        As in `Adam`.
    weight_decay : float
        Lambda.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, 2019, algorithm 2 (where
    the decay is multiplied with the schedule only, and not with alpha).

    Examples
    --------
    >>> W, optimizer = np.array([[1.0, 1.0]]), AdamW(alpha=0.5, weight_decay=0.2)
    >>> optimizer.step({"W": W}, {"W": np.array([[7.0, 0.0]])})
    >>> W.round(6)
    array([[0.4, 0.9]])
    """

    decoupled = True

    def __init__(
        self,
        alpha: Any = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        **options: Any,
    ) -> None:
        super().__init__(alpha, beta1, beta2, eps, weight_decay=weight_decay, **options)
