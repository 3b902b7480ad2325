"""The hinge loss: the right class is to win by a margin, and then it is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.checks import plain
from npbp.losses.base import Loss
from npbp.losses.checks import (
    class_scores,
    mean_or_sum,
    other_shape,
    rows_of_labels,
    sample_weights,
)


class HingeLoss(Loss):
    """Every class that comes within 1 of the right one costs what it comes too near.

    With scores ``s`` of shape ``(N, C)`` and labels ``y`` of shape ``(N,)``, it is the loss of
    Weston and Watkins, the sum over the wrong classes::

        m_k     = s_k - s_y + 1                            for k != y
        l_n     = sum_k max(m_k, 0)
        dl/ds_k = 1 if m_k > 0, else 0                     for k != y
        dl/ds_y = -(how many of the m_k are above 0)

    (That of Crammer and Singer has the largest of the ``m_k`` in place of the sum.) At the
    kink, where ``m_k = 0``, the derivative is taken to be 0.

    One score an example, ``(N, 1)``, stands for two classes, of which the first has the score
    0. Then this is the hinge loss of a support vector machine, ``max(0, 1 - s)`` for a label
    1 and ``max(0, 1 + s)`` for a label 0, and the answer is 1 if ``s > 0``.

    J is the mean of ``l`` over the examples, or their sum. The prediction is the scores.

    Parameters
    ----------
    reduction : "mean" or "sum"
        Over the examples. With a ``sample_weight`` ``w`` of shape ``(N,)`` the sum is that of
        ``w_n l_n``, and the mean is the sum over ``sum_n w_n``.

    Raises
    ------
    ValueError
        If shapes do not fit, a label is not in ``0..C-1`` (0 or 1 with one score), the batch
        is empty, weights are not ``(N,)`` or negative, infinite or all 0, or ``reduction`` is
        unknown.
    TypeError
        If the labels are no integers, or the weights no real numbers.

    Source: Weston and Watkins, Support Vector Machines for Multi-Class Pattern Recognition,
    1999; with one score Cortes and Vapnik, Support-Vector Networks, 1995.

    Examples
    --------
    >>> loss = HingeLoss()
    >>> scores = np.array([[3.0, 2.5, 1.0], [0.0, 5.0, 1.0]])
    >>> loss(scores, np.array([0, 1]))[1]           # (0.5 + 0) / 2
    0.25
    >>> loss.bp_input()
    array([[-0.5,  0.5,  0. ],
           [ 0. ,  0. ,  0. ]])
    >>> loss(np.array([[0.5], [-2.0]]), np.array([1, 0]))[1]
    0.25
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = mean_or_sum("HingeLoss", reduction)

    def forward(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """``(scores, loss)``; scores are ``(N, C)``, targets are labels ``(N,)``.

        ``sample_weight`` is ``(N,)``.
        """
        self.cache = None  # if this call fails, the gradient of the last one is no answer
        scores = class_scores(self, scores)
        s = scores if scores.shape[1] > 1 else np.hstack([np.zeros_like(scores), scores])
        t, w = self._targets(targets, scores), sample_weights(self, sample_weight, s)
        m = np.where(t, 0, s - s[t][:, None] + 1)
        l = np.maximum(m, 0).sum(axis=1)
        dl_ds = (m > 0).astype(s.dtype)
        dl_ds -= t * dl_ds.sum(axis=1, keepdims=True)
        return scores, self.reduced(l, dl_ds[:, -scores.shape[1]:], w)

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """``grad dJ/ds``; ``(N, C)``."""
        return self.cached() * float(grad)

    def correct(self, prediction: np.ndarray, targets: np.ndarray) -> tuple[int, int] | None:
        """How many examples are right, of how many: the highest score is that of the label."""
        if prediction.shape[1] > 1:
            return super().correct(prediction, targets)
        right = (prediction > 0) == self._targets(targets, prediction)[:, 1:]
        return int(np.count_nonzero(right)), len(right)

    def config(self) -> dict[str, Any]:
        return {"reduction": self.reduction}

    # ---- checks

    def _targets(self, targets: Any, scores: np.ndarray) -> np.ndarray:
        """The labels as rows, True at the label; two columns if there is one score."""
        labels, (N, C) = plain(type(self).__name__, targets), scores.shape
        if C == 1 and labels.shape == (N, 1):
            labels = labels[:, 0]
        if labels.shape == (N,) and N:
            return rows_of_labels(self, labels, max(C, 2))
        hint = ": of rows make labels with targets.argmax(axis=1)" if labels.shape == (N, C) else ""
        raise other_shape(self, labels, scores, f"labels ({N},){hint}")
