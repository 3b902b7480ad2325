"""Softmax and cross-entropy in one: the loss of a network that chooses among classes."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from npbp.layers.checks import number, numbers, plain
from npbp.losses.base import Loss
from npbp.losses.checks import (
    class_scores,
    mean_or_sum,
    other_shape,
    probabilities,
    rows_of_labels,
    sample_weights,
    weights,
)
from npbp.losses.softmax import softmax

NAME = "SoftmaxCrossEntropyLoss"


class SoftmaxCrossEntropyLoss(Loss):
    """Softmax and cross-entropy in one: ``loss = -sum_k t_k log p_k`` of each example.

    With scores ``s`` of shape ``(N, C)`` and targets ``t``::

        p_k    = exp(s_k) / sum_j exp(s_j)
        loss_n = -sum_k t_k log p_k
               = (sum_k t_k) log(sum_j exp(s_j)) - sum_k t_k s_k
        d loss_n / d s_k = (sum_k t_k) p_k - t_k          (p_k - t_k, as sum_k t_k = 1)

    Taken together, the two functions have the simplest gradient there is: what was
    predicted, minus what was wanted.

    With a weight ``v_n`` for each example, a weight ``c_k`` for each class, and a smoothing
    ``e``, the targets become ``u_k = (1 - e) t_k + e / C``, and::

        loss_n = -v_n sum_k c_k u_k log p_k
        sum      J = sum_n loss_n
        mean     J = sum_n loss_n / sum_n v_n c_n,        with c_n = sum_k c_k t_k

    so ``c_n`` is the weight of the label, also where it is given as a row. The gradient is
    that from above with ``v_n c_k u_k`` in place of ``t_k``. An example whose label is ignored
    has ``v_n = 0``; if nothing in a batch counts, the mean is 0, and the gradient too.

    Parameters
    ----------
    reduction : "mean" or "sum"
        Whether the number returned is the mean or the sum over the batch. The
        gradient is the true derivative of that number.
    class_weights : list of C numbers, optional
        How much each class counts, 1 unless given.
    label_smoothing : float
        The share of each target, from 0 to below 1, that is spread over all classes alike:
        then no score has to grow without end.
    ignored_label : int, optional
        Examples with this label count nothing; it may be out of range, such as -1.

    Raises
    ------
    ValueError
        If shapes do not fit, a label is not in ``0..C-1``, a row of targets is not a
        distribution, the batch is empty, weights have another length, are negative, infinite
        or all 0, rows come where labels could be ignored, or an argument is not as above.
    TypeError
        If the targets are neither integers nor rows of numbers, or an argument is no number.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.2.2.3, 4.1 and, for the smoothing,
    7.5.1.

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
    >>> loss = SoftmaxCrossEntropyLoss(class_weights=[1, 2, 3], ignored_label=-1)
    >>> number = loss(scores, np.array([2, -1]))[1]
    >>> bool(np.isclose(number, -3 * np.log(0.5) / 3))
    True
    >>> loss.bp_input()
    array([[ 0.25,  0.25, -0.5 ],
           [ 0.  ,  0.  ,  0.  ]])
    """

    def __init__(
        self,
        reduction: str = "mean",
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        ignored_label: int | None = None,
    ) -> None:
        self.reduction = mean_or_sum(NAME, reduction)
        self.class_weights = _class_weights(class_weights)
        self.label_smoothing = number(NAME, "label_smoothing", label_smoothing,
                                      "a number from 0 to below 1", lambda e: 0 <= e < 1)  # fmt: skip
        self.ignored_label = _label(ignored_label)
        self.has_options = len(self.config()) > 1  # if not, targets stay as they are

    def forward(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """``(probabilities, loss)``.

        ``scores`` are ``(N, C)``; ``targets`` are labels ``(N,)`` of any integer dtype,
        or rows of probabilities ``(N, C)``; ``sample_weight`` is ``(N,)``. The probabilities
        are ``(N, C)``, the loss one number.
        """
        self.cache = None  # if this call fails, the gradient of the last one is no answer
        s = class_scores(self, scores)
        t, total = self._targets(targets, s), None
        if sample_weight is not None or self.has_options:
            t, total = self._weighted(t, s, sample_weight)
        p, log_p = softmax(s)
        if t.dtype == bool:  # labels: t is True once in each row
            l, dl_ds = -log_p[t], p - t.astype(s.dtype)
        else:
            used = t > 0  # where t is 0 nothing is added, even if log p is -inf: a class ruled out
            l, dl_ds = -t[used] * log_p[used], t.sum(axis=1, keepdims=True) * p - t
        return p, self.reduced(l, dl_ds, total=total)

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """``grad * (p - t)``, over ``N`` if the loss is the mean; shape ``(N, C)``.

        ``grad`` is the derivative of J with respect to the number returned: 1 if the
        loss is J itself.
        """
        return self.cached() * float(grad)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The probabilities alone, ``(N, C)`` to ``(N, C)``; needs no targets."""
        return softmax(class_scores(self, scores))[0]

    def correct(self, prediction: np.ndarray, targets: np.ndarray) -> tuple[int, int] | None:
        """How many examples are right, of how many: an ignored one is not counted."""
        if self.ignored_label is not None:
            targets = np.asarray(targets)
            used = targets != self.ignored_label
            prediction, targets = prediction[used], targets[used]
        return super().correct(prediction, targets)

    def config(self) -> dict[str, Any]:
        """The reduction, and those of the other arguments that are not left as they were."""
        config: dict[str, Any] = {"reduction": self.reduction}
        if self.class_weights is not None:
            config["class_weights"] = list(self.class_weights)
        if self.label_smoothing:
            config["label_smoothing"] = self.label_smoothing
        if self.ignored_label is not None:
            config["ignored_label"] = self.ignored_label
        return config

    # ---- targets

    def _targets(self, targets: Any, s: np.ndarray) -> np.ndarray:
        """The targets as rows t, ``(N, C)``: truth values for labels, or probabilities."""
        N, C = s.shape
        if type(targets) is not np.ndarray:
            targets = plain(type(self).__name__, targets)
        if targets.shape == (N,) and N:
            return rows_of_labels(self, targets, C, self.ignored_label)
        if targets.shape != (N, C) or not N:
            raise other_shape(self, targets, s, f"labels ({N},) or rows of probabilities {(N, C)}")
        if self.ignored_label is not None:
            raise ValueError(
                f"{type(self).__name__}: got rows of probabilities and ignored_label="
                f"{self.ignored_label}, wanted labels: a row is ignored by a sample_weight of 0"
            )
        return probabilities(self, targets, s.dtype)

    def _weighted(self, t: np.ndarray, s: np.ndarray, sample_weight: Any) -> tuple[np.ndarray, float]:
        """The targets ``v_n c_k u_k``, and what the mean is divided by; ``(N, C)`` and a number."""
        t = t.astype(s.dtype)
        used = t.any(axis=1, keepdims=True).astype(s.dtype)  # 0 where the label is ignored
        v = sample_weights(self, sample_weight, s)
        v = used if v is None else used * v[:, None]
        c = 1.0
        total = v.sum()
        if self.class_weights is not None:
            if len(self.class_weights) != s.shape[1]:
                raise ValueError(
                    f"{type(self).__name__}: got {len(self.class_weights)} class_weights for scores "
                    f"of shape {s.shape}, wanted one for each of the {s.shape[1]} classes"
                )
            c = np.array(self.class_weights, s.dtype)
            total = (v * c * t).sum()
        u = (1 - self.label_smoothing) * t + self.label_smoothing / s.shape[1]
        return v * c * u, float(total)


# ---- arguments


def _class_weights(value: Any) -> list[float] | None:
    if value is None:
        return None
    if isinstance(value, (str, dict)):  # which need to know the examples
        raise TypeError(f"{NAME}: got class_weights={value!r}, wanted a number for each class: that is for "
                        "npbp.fit, as fit(..., class_weights=...)")
    value = numbers(f"{NAME}: class_weights", value)
    return weights(NAME, "class_weights", value, (value.size,)).tolist()


def _label(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{NAME}: got ignored_label={value!r}, wanted a label, such as -1, or None")
    return int(value)
