"""How much each example counts in training, by its class."""

from __future__ import annotations

import inspect
from typing import Any, Callable

import numpy as np

from npbp.layers.checks import kind, numbers

WANTED = 'wanted "balanced", an array with a weight for each class or a dict {label: weight}'


def sample_weights(class_weights: Any, y: np.ndarray, loss: Any) -> Callable[[np.ndarray], tuple]:
    """A function from the targets of a batch to what the loss gets besides: ``(weights,)``, or
    ``()`` if all classes count the same.

    Parameters
    ----------
    class_weights : None, "balanced", array (C,) or dict {label: weight}
        "balanced" is ``w_k = N / (C n_k)``, where ``n_k`` of ``N`` examples are of class k, of
        ``C`` classes that there are: each class has the same weight in all, and the mean over
        the examples is 1. A label that a dict leaves out has the weight 1.
    y : array
        The targets of all training examples: labels ``(N,)``, zeros and ones ``(N, 1)``, or rows
        of probabilities ``(N, C)``; such a row has the weight ``sum_k t_k w_k``.
    loss : Loss
        Must take a ``sample_weight``. A label that it ignores is none.

    Raises
    ------
    ValueError, TypeError
        If something is not as above.

    Examples
    --------
    >>> from npbp import Loss
    >>> weights = sample_weights("balanced", np.array([0, 0, 0, 1]), Loss())
    >>> weights(np.array([1, 0, 0]))
    (array([2.        , 0.66666667, 0.66666667]),)
    """
    if class_weights is None:
        return lambda y: ()
    if not _takes_weights(loss):
        raise TypeError(
            f"fit: got class_weights, and {type(loss).__name__} takes no sample_weight, wanted a loss "
            "with forward(scores, targets, sample_weight=None)"
        )
    if _is_column(y):
        table = _Table(class_weights, y[:, 0].astype(int), None)
        return lambda y: _some(table.of(y[:, 0].astype(int)))
    if y.ndim == 1:
        table = _Table(class_weights, y, getattr(loss, "ignored_label", None))
        return lambda y: _some(table.of(y))
    if not ((y >= 0).all() and (abs(y.sum(axis=1) - 1) < 1e-3).all()):
        raise TypeError(
            f"fit: got class_weights, and targets of shape {y.shape} that are neither labels (N,) "
            "nor rows of probabilities (N, C): there are no classes"
        )
    C = y.shape[1]
    w = _weights(class_weights, np.arange(C), y.sum(axis=0))
    return lambda y: _some(y @ w)


def as_text(class_weights: Any) -> str:
    """They in words, for a checkpoint: with others it would be another training."""
    if isinstance(class_weights, (np.ndarray, list, tuple)):
        class_weights = np.asarray(class_weights).tolist()
    return "none" if class_weights is None else repr(class_weights)


class _Table:
    """A weight for each label that there is; the labels may be any whole numbers."""

    def __init__(self, class_weights: Any, y: np.ndarray, ignored: int | None) -> None:
        labels, counts = np.unique(y, return_counts=True)
        used = labels != ignored if ignored is not None else np.ones(len(labels), bool)
        self.labels, self.w = labels, np.ones(len(labels))
        self.w[used] = _weights(class_weights, labels[used], counts[used])

    def of(self, y: np.ndarray) -> np.ndarray:
        return self.w[np.searchsorted(self.labels, y)]


def _weights(class_weights: Any, labels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The weight of each of ``labels``."""
    if isinstance(class_weights, str):
        if class_weights != "balanced":
            raise ValueError(f"fit: got class_weights={class_weights!r}, {WANTED}")
        there = counts > 0
        w = counts.sum() / (np.count_nonzero(there) * np.where(there, counts, 1))
        return np.where(there, w, 0.0)
    if isinstance(class_weights, dict):
        unknown = [label for label in class_weights if label not in labels.tolist()]
        if unknown:
            raise ValueError(
                f"fit: got class_weights for the label {unknown[0]!r}, wanted those of train: "
                f"{', '.join(map(str, labels[:20]))}{', ...' if len(labels) > 20 else ''}"
            )
        given = [class_weights.get(label, 1.0) for label in labels.tolist()]
        return _checked(given)
    w = _checked(class_weights)
    if w.ndim != 1:
        raise ValueError(f"fit: got {kind(w)} as class_weights, {WANTED}")
    outside = labels[(labels < 0) | (labels >= len(w))]
    if outside.size:
        raise ValueError(
            f"fit: got {len(w)} class_weights and the label {outside[0]} in train, {WANTED}"
        )
    return w[labels]


def _some(weights: np.ndarray) -> tuple[np.ndarray]:
    if not weights.any():
        raise ValueError(
            "fit: got class_weights that are 0 for all examples of a batch, so that nothing counts: "
            "leave these classes out of train, or take larger batches"
        )
    return (weights,)


def _checked(w: Any) -> np.ndarray:
    w = numbers("fit: class_weights", w).astype(np.float64)
    if not (np.isfinite(w).all() and (w >= 0).all() and w.any()):
        raise ValueError(
            f"fit: got class_weights={w.tolist()}, wanted finite numbers, none below 0 and not all 0"
        )
    return w


def _is_column(y: np.ndarray) -> bool:
    return y.ndim == 2 and y.shape[1] == 1 and bool(((y == 0) | (y == 1)).all())


def _takes_weights(loss: Any) -> bool:
    try:
        parameters = inspect.signature(getattr(loss, "forward", loss)).parameters
    except (TypeError, ValueError):  # no Python function: it will say so itself
        return True
    return "sample_weight" in parameters or any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
