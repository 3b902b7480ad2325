"""Sigmoid and binary cross-entropy in one: the loss of a network that says yes or no."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.checks import numbers
from npbp.losses.base import Loss
from npbp.losses.checks import entry, mean_or_sum, numbers_like, sample_weights, some


class BinaryCrossEntropyLoss(Loss):
    """Sigmoid and cross-entropy in one: each score is a question, answered by yes or no.

    With scores ``s`` and targets ``t`` from 0, no, to 1, yes, both ``(N, ...)``::

        p     = sigmoid(s) = 1 / (1 + exp(-s))         the probability of yes
        l     = -t log p - (1 - t) log(1 - p)
              = max(s, 0) - t s + log(1 + exp(-|s|))   never the logarithm of a 0
        dl/ds = p - t

    J is the mean of ``l`` over all numbers, or their sum. With several scores an example,
    ``(N, C)``, each is a question of its own: any number of them may be answered by yes. If
    exactly one may, it is `SoftmaxCrossEntropyLoss` that is wanted.

    Parameters
    ----------
    reduction : "mean" or "sum"
        Of all the numbers. With a ``sample_weight`` ``w`` of shape ``(N,)`` the sum is that of
        ``w_n l_nc``, and the mean is the sum over ``C sum_n w_n``, for C numbers an example.

    Raises
    ------
    ValueError
        If targets and scores differ in shape, a target is not in 0..1, the batch is empty,
        weights are not ``(N,)`` or negative, infinite or all 0, or ``reduction`` is unknown.
    TypeError
        If the targets or weights are not real numbers.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.2.2.2.

    Examples
    --------
    >>> loss = BinaryCrossEntropyLoss()
    >>> scores = np.array([[0.0], [np.log(3)]])
    >>> probabilities, number = loss(scores, np.array([1, 0]))
    >>> probabilities
    array([[0.5 ],
           [0.75]])
    >>> bool(np.isclose(number, -(np.log(0.5) + np.log(0.25)) / 2))
    True
    >>> loss.bp_input()
    array([[-0.25 ],
           [ 0.375]])
    >>> loss.correct(probabilities, np.array([1, 0]))    # none of two: 0.5 is no yes
    (0, 2)
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = mean_or_sum("BinaryCrossEntropyLoss", reduction)

    def forward(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """``(probabilities, loss)``.

        ``scores`` are ``(N, ...)``, ``targets`` too: 0 or 1, or probabilities. One score an
        example, ``(N, 1)``, may have targets ``(N,)``. ``sample_weight`` is ``(N,)``.
        """
        self.cache = None  # if this call fails, the gradient of the last one is no answer
        s = some(self, self.batch(scores))
        t, w = self._targets(targets, s), sample_weights(self, sample_weight, s)
        p, log_1_e = _sigmoid(s)
        l = np.maximum(s, 0) - t * s + log_1_e
        dl_ds = p - t
        return p, self.reduced(l, dl_ds, w)

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """``grad dJ/ds``, where ``dl/ds = p - t``; ``(N, ...)``."""
        return self.cached() * float(grad)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The probabilities alone, ``(N, ...)`` to ``(N, ...)``; needs no targets."""
        return _sigmoid(self.batch(scores))[0]

    def correct(self, prediction: np.ndarray, targets: np.ndarray) -> tuple[int, int]:
        """How many answers are right, of how many: a number each, not an example each.

        The answer is yes if the probability is above 0.5, and so is that of the target.
        """
        t = self._targets(targets, prediction)
        return int(np.count_nonzero((prediction > 0.5) == (t > 0.5))), t.size

    def config(self) -> dict[str, Any]:
        return {"reduction": self.reduction}

    # ---- checks

    def _targets(self, targets: Any, s: np.ndarray) -> np.ndarray:
        t = numbers(f"{type(self).__name__}: targets", targets)
        if t.shape == (len(s),) and s.shape == (len(s), 1):
            t = t[:, None]
        t = numbers_like(self, t, s)
        bad = (t < 0) | (t > 1)
        if bad.any():
            raise ValueError(
                f"{type(self).__name__}: got {entry(t, bad)}, wanted 0, 1 or a probability: of "
                "targets -1 and 1 make (targets + 1) / 2; for more than two classes there is "
                "SoftmaxCrossEntropyLoss"
            )
        return t


def _sigmoid(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``p = 1 / (1 + exp(-s))``, and ``log(1 + exp(-|s|))``."""
    e = np.exp(-abs(s))  # at most 1: it cannot overflow
    return np.where(s < 0, e, 1) / (1 + e), np.log1p(e)
