"""Softmax and the Kullback-Leibler divergence: how far a distribution is from the one wanted."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.checks import plain
from npbp.losses.base import Loss
from npbp.losses.checks import (
    class_scores,
    mean_or_sum,
    other_shape,
    probabilities,
    sample_weights,
)
from npbp.losses.softmax import softmax


class KullbackLeiblerLoss(Loss):
    """The divergence ``KL(t || p)`` of each example, with ``p = softmax(s)``.

    With scores ``s`` and targets ``t``, rows of probabilities, both ``(N, C)``::

        p_k     = exp(s_k) / sum_j exp(s_j)
        l_n     = sum_k t_k log(t_k / p_k)         with 0 log 0 = 0
        dl/ds_k = (sum_k t_k) p_k - t_k            (p_k - t_k, as sum_k t_k = 1)

    It is the cross-entropy of `SoftmaxCrossEntropyLoss` less the entropy of the targets,
    which the scores do not change: so the gradients are the same, and this number is 0 where
    the prediction is the target. J is the mean of ``l`` over the examples, or their sum.

    Parameters
    ----------
    reduction : "mean" or "sum"
        Over the examples. With a ``sample_weight`` ``w`` of shape ``(N,)`` the sum is that of
        ``w_n l_n``, and the mean is the sum over ``sum_n w_n``.

    Raises
    ------
    ValueError
        If shapes do not fit, a row of targets is not a distribution, the batch is empty,
        weights are not ``(N,)`` or negative, infinite or all 0, or ``reduction`` is unknown.
    TypeError
        If the targets or weights are not real numbers.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 3.13.

    Examples
    --------
    >>> loss = KullbackLeiblerLoss()
    >>> scores = np.array([[0.0, 0.0], [0.0, np.log(3)]])
    >>> probabilities, number = loss(scores, np.array([[0.0, 1.0], [0.25, 0.75]]))
    >>> probabilities
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    >>> bool(np.isclose(number, np.log(2) / 2))     # the second row is as it should be
    True
    >>> loss.bp_input().round(3)
    array([[ 0.25, -0.25],
           [ 0.  ,  0.  ]])
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = mean_or_sum("KullbackLeiblerLoss", reduction)

    def forward(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """``(probabilities, loss)``; scores and targets are ``(N, C)``, ``sample_weight`` ``(N,)``."""
        self.cache = None  # if this call fails, the gradient of the last one is no answer
        s = class_scores(self, scores)
        t, w = self._targets(targets, s), sample_weights(self, sample_weight, s)
        p, log_p = softmax(s)
        used = t > 0  # where t is 0 nothing is added, even if log p is -inf: a class ruled out
        log_t = np.log(np.where(used, t, 1))
        l = (t * np.where(used, log_t - log_p, 0)).sum(axis=1)
        dl_ds = t.sum(axis=1, keepdims=True) * p - t
        return p, self.reduced(l, dl_ds, w)

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """``grad dJ/ds``, where ``dl/ds = p - t``; ``(N, C)``."""
        return self.cached() * float(grad)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The probabilities alone, ``(N, C)`` to ``(N, C)``; needs no targets."""
        return softmax(class_scores(self, scores))[0]

    def config(self) -> dict[str, Any]:
        return {"reduction": self.reduction}

    # ---- checks

    def _targets(self, targets: Any, s: np.ndarray) -> np.ndarray:
        t = plain(type(self).__name__, targets)
        if t.shape == s.shape and len(t):
            return probabilities(self, t, s.dtype)
        hint = "for labels there is SoftmaxCrossEntropyLoss"
        raise other_shape(self, t, s, f"rows of probabilities {s.shape}: {hint}")
