"""Softmax and cross-entropy in one: the loss of a network that chooses among classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.checks import plain
from npbp.losses.base import Loss
from npbp.losses.softmax import softmax


class SoftmaxCrossEntropyLoss(Loss):
    """Softmax and cross-entropy in one: ``loss = -sum_k t_k log p_k`` of each example.

    With scores ``s`` of shape ``(N, C)`` and targets ``t``::

        p_k    = exp(s_k) / sum_j exp(s_j)
        loss_n = -sum_k t_k log p_k
               = (sum_k t_k) log(sum_j exp(s_j)) - sum_k t_k s_k
        d loss_n / d s_k = (sum_k t_k) p_k - t_k          (p_k - t_k, as sum_k t_k = 1)

    Taken together, the two functions have the simplest gradient there is: what was
    predicted, minus what was wanted.

    Parameters
    ----------
    reduction : "mean" or "sum"
        Whether the number returned is the mean or the sum over the batch. The
        gradient is the true derivative of that number.

    Raises
    ------
    ValueError
        If shapes do not fit, a label is not in ``0..C-1``, a row of targets is not a
        distribution, the batch is empty, or ``reduction`` is unknown.
    TypeError
        If the targets are neither integers nor rows of numbers.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.2.2.3 and 4.1.

    Examples
    --------
    >>> loss = SoftmaxCrossEntropyLoss()
    >>> scores = np.log(np.array([[1.0, 1.0, 2.0], [3.0, 1.0, 4.0]]))
    >>> probabilities, number = loss(scores, np.array([2, 0]))
    >>> probabilities
    array([[0.25 , 0.25 , 0.5  ],
           [0.375, 0.125, 0.5  ]])
    >>> bool(np.isclose(number, -(np.log(0.5) + np.log(0.375)) / 2))
    True
    >>> loss.bp_input()
    array([[ 0.125 ,  0.125 , -0.25  ],
           [-0.3125,  0.0625,  0.25  ]])
    """

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum"):
            raise ValueError(
                f'SoftmaxCrossEntropyLoss: got reduction={reduction!r}, wanted "mean" or "sum"'
            )
        self.reduction = reduction

    def forward(self, scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, float]:
        """``(probabilities, loss)``.

        ``scores`` are ``(N, C)``; ``targets`` are labels ``(N,)`` of any integer dtype,
        or rows of probabilities ``(N, C)``. The probabilities are ``(N, C)``, the loss
        one number.
        """
        self.cache = None  # if this call fails, the gradient of the last one is no answer
        s = self._scores(scores)
        t = self._targets(targets, s)
        p, log_p = softmax(s)
        if t.dtype == bool:  # labels: t is True once in each row
            total, d_s = -log_p[t].sum(), p - t
        else:
            used = t > 0  # where t is 0 nothing is added, even if log p is -inf: a class ruled out
            total, d_s = -(t[used] * log_p[used]).sum(), t.sum(axis=1, keepdims=True) * p - t
        n = len(s) if self.reduction == "mean" else 1
        self.cache = d_s / n
        return p, float(total) / n

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """``grad * (p - t)``, over ``N`` if the loss is the mean; shape ``(N, C)``.

        ``grad`` is the derivative of J with respect to the number returned: 1 if the
        loss is J itself.
        """
        return self.cached() * float(grad)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The probabilities alone, ``(N, C)`` to ``(N, C)``; needs no targets."""
        return softmax(self._scores(scores))[0]

    def config(self) -> dict[str, Any]:
        return {"reduction": self.reduction}

    # ---- checks

    def _scores(self, scores: Any) -> np.ndarray:
        scores = self.batch(scores)
        if scores.ndim != 2 or not scores.shape[1]:
            raise ValueError(
                f"SoftmaxCrossEntropyLoss: got scores of shape {scores.shape}, wanted (N, C): "
                "a row of C scores for each example"
            )
        return scores

    def _targets(self, targets: Any, scores: np.ndarray) -> np.ndarray:
        """The targets as rows t, ``(N, C)``: truth values for labels, or probabilities."""
        targets = plain("SoftmaxCrossEntropyLoss", targets)
        N, C = scores.shape
        if targets.shape == (N,) and N and targets.dtype.kind in "iu":
            t = targets[:, None] == np.arange(C)
            if np.count_nonzero(t) == N:
                return t
        elif targets.shape == (N, C) and N and targets.dtype.kind in "iuf":
            if (targets >= 0).all() and (abs(targets.sum(axis=1) - 1) < 1e-3).all():
                return targets.astype(scores.dtype, copy=False)
        raise _bad_targets(targets, N, C)


def _bad_targets(targets: np.ndarray, N: int, C: int) -> Exception:
    """Say what is wrong with targets that are not as they should be."""
    name = "SoftmaxCrossEntropyLoss"
    if not N:
        return ValueError(f"{name}: got an empty batch, wanted at least one example")
    if targets.shape not in ((N,), (N, C)):
        return ValueError(
            f"{name}: got targets of shape {targets.shape} for scores of shape {(N, C)}, "
            f"wanted labels ({N},) or rows of probabilities {(N, C)}"
        )
    if targets.ndim == 1 and targets.dtype.kind not in "iu":
        return TypeError(
            f"{name}: got labels of type {targets.dtype}, wanted integers: convert them "
            "with labels.astype(int)"
        )
    if targets.ndim == 1:
        label = targets[(targets < 0) | (targets >= C)][0]
        return ValueError(
            f"{name}: got the label {label}, wanted 0 to {C - 1}: the network has {C} outputs"
        )
    if targets.dtype.kind not in "iuf":
        return TypeError(f"{name}: got targets of type {targets.dtype}, wanted numbers")
    good = (targets >= 0).all(axis=1) & (abs(targets.sum(axis=1) - 1) < 1e-3)
    n = int(good.argmin())
    return ValueError(
        f"{name}: got the row {targets[n]} as target {n}, wanted probabilities: none "
        "negative, and their sum 1"
    )
