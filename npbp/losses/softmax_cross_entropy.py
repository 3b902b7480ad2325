"""Softmax and cross-entropy in one: the loss of a network that chooses among classes."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from npbp.layers.base import Layer


class SoftmaxCrossEntropyLoss(Layer):
    """Softmax and cross-entropy in one: ``loss = -sum_k t_k log p_k`` of each example.

    With scores ``s`` of shape ``(N, C)`` and targets ``t``::

        p_k    = exp(s_k) / sum_j exp(s_j)
        loss_n = -sum_k t_k log p_k
               = (sum_k t_k) log(sum_j exp(s_j)) - sum_k t_k s_k
        d loss_n / d s_k = (sum_k t_k) p_k - t_k          (p_k - t_k, as sum_k t_k = 1)

    The second form of the loss (log-sum-exp, after the row's largest score has been
    subtracted) never takes the logarithm of a probability, so it stays finite where
    ``p_k`` underflows to 0. Taken together, the two functions have the simplest
    gradient there is: what was predicted, minus what was wanted.

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

    def __call__(self, scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, float]:
        return self.forward(scores, targets)

    def forward(self, scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, float]:
        """``(probabilities, loss)``.

        ``scores`` are ``(N, C)``; ``targets`` are labels ``(N,)`` of any integer dtype,
        or rows of probabilities ``(N, C)``. The probabilities are ``(N, C)``, the loss
        one number.
        """
        self.cache = None  # if this call fails, the gradient of the last one is no answer
        scores = self._scores(scores)
        t, sum_t = self._targets(targets, scores)
        p, shifted, log_sum_exp = self._softmax(scores)
        self.cache = p, t, sum_t
        if sum_t is None:  # labels: t is a mask, with one True for each example
            loss_n = log_sum_exp - shifted.T[t.T]
        else:
            # Where t is 0 nothing is added, even if the score is -inf: a class ruled out.
            t_s = np.multiply(t, shifted, out=np.zeros_like(shifted), where=t > 0)
            loss_n = sum_t * log_sum_exp - np.add.reduce(t_s)
        number = float(np.add.reduce(loss_n))
        return p.T.copy(), number / len(scores) if self.reduction == "mean" else number

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """``grad * (p - t)``, over ``N`` if the loss is the mean; shape ``(N, C)``.

        ``grad`` is the derivative of J with respect to the number returned: 1 if the
        loss is J itself.
        """
        p, t, sum_t = self.cached()
        d_scores = np.subtract(p if sum_t is None else p * sum_t, t)
        d_scores *= grad / p.shape[1] if self.reduction == "mean" else grad
        return d_scores.T

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The probabilities alone, ``(N, C)`` to ``(N, C)``; needs no targets."""
        return self._softmax(self._scores(scores))[0].T

    def config(self) -> dict[str, Any]:
        return {"reduction": self.reduction}

    @staticmethod
    def _softmax(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """p, the scores less their row's largest, and the log-sum-exp of these.

        All are transposed, ``(C, N)``: NumPy sums along the first axis, whole rows at a
        time, in two thirds of the time that it takes along a short last one.
        """
        shifted = scores.T.copy()
        shifted -= np.maximum.reduce(shifted)
        p = np.exp(shifted)
        total = np.add.reduce(p)
        p /= total
        return p, shifted, np.log(total)

    def _scores(self, scores: Any) -> np.ndarray:
        scores = self.batch(scores)
        if scores.ndim != 2 or not scores.shape[1]:
            raise ValueError(
                f"SoftmaxCrossEntropyLoss: got scores of shape {scores.shape}, wanted (N, C): "
                "a row of C scores for each example"
            )
        return scores

    def _targets(self, targets: Any, scores: np.ndarray) -> tuple[np.ndarray, Any]:
        """The targets t, checked, as ``(C, N)``, and their sums: None for labels, where all
        are 1. New arrays, as the caller may fill its own with those of the next batch."""
        targets = np.asarray(targets)
        N, C = scores.shape
        if targets.shape == (N,) and N and targets.dtype.kind in "iu":
            t = _classes(C) == targets
            if np.count_nonzero(t) == N:
                return t, None
        elif targets.shape == (N, C) and N and targets.dtype.kind in "iuf":
            sums = targets.sum(axis=1)
            if (targets >= 0).all() and (abs(sums - 1) < 1e-3).all():
                t = targets.T.astype(scores.dtype)
                return t, np.add.reduce(t)
        raise self._bad_targets(targets, N, C)

    @staticmethod
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


@functools.lru_cache(maxsize=8)
def _classes(C: int) -> np.ndarray:
    """The labels 0 to C - 1 as a column, to compare with."""
    return np.arange(C)[:, None]
