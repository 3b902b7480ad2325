"""The share of a batch that is classified right, for the history of a training."""

from __future__ import annotations

import numpy as np


def fraction_correct(prediction: np.ndarray, targets: np.ndarray) -> float:
    """The fraction of the examples whose largest prediction is at the target.

    ``prediction`` is ``(N, C)``; ``targets`` are labels ``(N,)`` or rows ``(N, C)``,
    whose label is their largest entry.

    Examples
    --------
    >>> fraction_correct(np.array([[0.1, 0.9], [0.6, 0.4]]), np.array([1, 1]))
    0.5
    """
    return count_correct(prediction, targets) / len(prediction)


def count_correct(prediction: np.ndarray, targets: np.ndarray) -> int:
    """The number of the examples that `fraction_correct` is the fraction of."""
    targets = np.asarray(targets)
    labels = targets if targets.ndim == 1 else targets.argmax(axis=1)
    return int(np.count_nonzero(prediction.argmax(axis=1) == labels))
