"""The mean squared error: the loss of a network that says how much, and not which."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.losses.base import Loss
from npbp.losses.checks import mean_or_sum, numbers_like, sample_weights, some


class MeanSquaredErrorLoss(Loss):
    """The squared error of each number, ``l = (s - t)^2``.

    With scores ``s`` and targets ``t``, both ``(N, ...)``::

        l     = (s - t)^2
        dl/ds = 2 (s - t)

    J is the mean of ``l`` over all numbers, or their sum. The score that makes it smallest is
    the mean of the targets that belong to one input.

    Parameters
    ----------
    reduction : "mean" or "sum"
        Of all the numbers. With a ``sample_weight`` ``w`` of shape ``(N,)`` the sum is that of
        ``w_n l_nc``, and the mean is the sum over ``C sum_n w_n``, for C numbers an example.

    Raises
    ------
    ValueError
        If targets and scores differ in shape, a target is not finite, the batch is empty,
        weights are not ``(N,)`` or negative, infinite or all 0, or ``reduction`` is unknown.
    TypeError
        If the targets or weights are not real numbers.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 5.1.4 and 6.2.2.1.

    Examples
    --------
    >>> loss = MeanSquaredErrorLoss()
    >>> scores, targets = np.array([[1.0], [5.0]]), np.array([[1.0], [3.0]])
    >>> loss(scores, targets)[1]
    2.0
    >>> loss.bp_input()
    array([[0.],
           [2.]])
    >>> loss(scores, targets, sample_weight=np.array([3, 1]))[1]
    1.0
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = mean_or_sum("MeanSquaredErrorLoss", reduction)

    def forward(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """``(scores, loss)``; scores and targets are ``(N, ...)``, ``sample_weight`` is ``(N,)``."""
        self.cache = None  # if this call fails, the gradient of the last one is no answer
        s = some(self, self.batch(scores))
        t, w = numbers_like(self, targets, s), sample_weights(self, sample_weight, s)
        l = (s - t) ** 2
        dl_ds = 2 * (s - t)
        return s, self.reduced(l, dl_ds, w)

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """``grad dJ/ds``, where ``dl/ds = 2 (s - t)``; ``(N, ...)``."""
        return self.cached() * float(grad)

    def correct(self, prediction: np.ndarray, targets: np.ndarray) -> None:
        """None: a number is near or far, not right or wrong."""

    def config(self) -> dict[str, Any]:
        return {"reduction": self.reduction}
