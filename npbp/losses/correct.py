"""The share of a batch that is classified right, where there are classes."""

from __future__ import annotations

from typing import Any

import numpy as np


def fraction_correct(prediction: np.ndarray, targets: np.ndarray) -> float | None:
    """The fraction of the examples whose largest prediction is at the target.

    ``prediction`` is ``(N, C)``; ``targets`` are labels ``(N,)``, or rows of probabilities
    ``(N, C)``, whose label is their largest entry. None where there are no classes to choose
    from: with a single output, or targets that are neither, as in a regression.

    Examples
    --------
    >>> fraction_correct(np.array([[0.1, 0.9], [0.6, 0.4]]), np.array([1, 1]))
    0.5
    >>> fraction_correct(np.array([[0.1], [0.6]]), np.array([[0.2], [0.7]])) is None
    True
    """
    correct = count_correct(prediction, targets)
    return None if correct is None else correct / len(prediction)


def count_correct(prediction: np.ndarray, targets: np.ndarray) -> int | None:
    """The number of the examples that `fraction_correct` is the fraction of."""
    prediction, targets = np.asarray(prediction), np.asarray(targets)
    if prediction.ndim != 2 or prediction.shape[1] < 2:
        return None
    if targets.shape == prediction.shape[:1] and targets.dtype.kind in "iu":
        labels = targets
    elif targets.shape == prediction.shape and _are_probabilities(targets):
        labels = targets.argmax(axis=1)
    else:
        return None
    return int(np.count_nonzero(prediction.argmax(axis=1) == labels))


def correct_of(loss: Any, prediction: np.ndarray, targets: np.ndarray) -> tuple[int, int] | None:
    """How many predictions are right, of how many, as the loss counts them; see `npbp.Loss`.
    A loss of another library counts nothing itself: then `count_correct` does."""
    if hasattr(loss, "correct"):
        return loss.correct(prediction, targets)
    right = count_correct(prediction, targets)
    return None if right is None else (right, len(prediction))


def _are_probabilities(rows: np.ndarray) -> bool:
    return bool((rows >= 0).all() and (abs(rows.sum(axis=1) - 1) < 1e-3).all())
