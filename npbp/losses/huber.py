"""The Huber loss: the squared error near the target, the absolute one far from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npbp.layers.checks import number
from npbp.losses.base import Loss
from npbp.losses.checks import mean_or_sum, numbers_like, sample_weights, some


class HuberLoss(Loss):
    """Squared where the error is small, absolute where it is large.

    With scores ``s`` and targets ``t``, both ``(N, ...)``::

        l     = (s - t)^2 / 2                     if |s - t| <= delta
                delta (|s - t| - delta / 2)       if not
        dl/ds = s - t, cut off at -delta and delta

    The two pieces meet with the same slope, so a target far off, an outlier, pulls no
    harder than one at a distance of ``delta``. J is the mean of ``l`` over all numbers, or
    their sum.

    Parameters
    ----------
    delta : float
        Where the pieces meet, above 0.
    reduction : "mean" or "sum"
        Of all the numbers. With a ``sample_weight`` ``w`` of shape ``(N,)`` the sum is that of
        ``w_n l_nc``, and the mean is the sum over ``C sum_n w_n``, for C numbers an example.

    Raises
    ------
    ValueError
        If targets and scores differ in shape, a target is not finite, the batch is empty,
        weights are not ``(N,)`` or negative, infinite or all 0, ``delta`` is not finite and
        above 0, or ``reduction`` is unknown.
    TypeError
        If the targets, weights or ``delta`` are not real numbers.

    Source: Huber, Robust Estimation of a Location Parameter, 1964.

    Examples
    --------
    >>> loss = HuberLoss(delta=1.0)
    >>> scores, targets = np.array([[3.5], [8.0]]), np.array([[3.0], [3.0]])
    >>> loss(scores, targets)[1]               # (0.125 + 4.5) / 2
    2.3125
    >>> loss.bp_input()
    array([[0.25],
           [0.5 ]])
    >>> loss(scores, targets, sample_weight=np.array([1, 0]))[1]
    0.125
    """

    def __init__(self, delta: float = 1.0, reduction: str = "mean") -> None:
        wanted = 'a finite number above 0, as in HuberLoss(1.0, "mean")'
        self.delta = number("HuberLoss", "delta", delta, wanted, lambda d: 0 < d < math.inf)
        self.reduction = mean_or_sum("HuberLoss", reduction)

    def forward(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """``(scores, loss)``; scores and targets are ``(N, ...)``, ``sample_weight`` is ``(N,)``."""
        self.cache = None  # if this call fails, the gradient of the last one is no answer
        s = some(self, self.batch(scores))
        t, w = numbers_like(self, targets, s), sample_weights(self, sample_weight, s)
        distance = abs(s - t)
        near = np.minimum(distance, self.delta)
        l = near * (distance - near / 2)  # both pieces in one
        dl_ds = np.clip(s - t, -self.delta, self.delta)
        return s, self.reduced(l, dl_ds, w)

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """``grad dJ/ds``, where ``dl/ds`` is ``s - t``, cut off; ``(N, ...)``."""
        return self.cached() * float(grad)

    def correct(self, prediction: np.ndarray, targets: np.ndarray) -> None:
        """None: a number is near or far, not right or wrong."""

    def config(self) -> dict[str, Any]:
        return {"delta": self.delta, "reduction": self.reduction}
