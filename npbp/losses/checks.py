"""What stands around the formulas of the losses: is what they were given what it should be?

Each function returns what it was given, checked. ``loss`` is the one that asks, for its name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.checks import numbers


def mean_or_sum(owner: str, reduction: Any) -> str:
    """``reduction``, if it is one of the two."""
    if not isinstance(reduction, str) or reduction not in ("mean", "sum"):
        raise ValueError(f'{owner}: got reduction={reduction!r}, wanted "mean" or "sum"')
    return reduction


def weights(owner: str, name: str, value: Any, shape: tuple, dtype: Any = float) -> np.ndarray:
    """``value`` as weights of this shape: finite, none negative, and not all of them 0."""
    w = numbers(f"{owner}: {name}", value)
    if w.shape != shape:
        raise ValueError(
            f"{owner}: got {name} of shape {w.shape}, wanted {shape}: one number for each "
            + ("example" if name == "sample_weight" else "class")
        )
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite
        w = w.astype(dtype, copy=False)
    good = (w >= 0) & (w < np.inf)
    if not good.all():
        k = int(good.argmin())
        raise ValueError(
            f"{owner}: got {name}[{k}] = {w[k]}, wanted finite numbers, none of them negative"
        )
    if not w.any():
        raise ValueError(f"{owner}: got {name} of zeros alone, wanted one above 0: nothing counts")
    return w


def sample_weights(loss: Any, value: Any, s: np.ndarray) -> np.ndarray | None:
    """The weights of the examples, ``(N,)`` in the floating type of the scores; or None."""
    if value is None:
        return None
    return weights(type(loss).__name__, "sample_weight", value, (len(s),), s.dtype)


def empty(loss: Any) -> ValueError:
    """The error for a batch of no examples."""
    return ValueError(f"{type(loss).__name__}: got an empty batch, wanted at least one example")


def some(loss: Any, s: np.ndarray) -> np.ndarray:
    """Scores, if there are any: there is no mean of nothing."""
    if not len(s):
        raise empty(loss)
    if not s.size:
        raise ValueError(
            f"{type(loss).__name__}: got scores of shape {s.shape}, wanted one an example or more"
        )
    return s


# ---- targets that are numbers, one for each score


def numbers_like(loss: Any, targets: Any, s: np.ndarray) -> np.ndarray:
    """The targets in the shape and floating type of the scores ``s``.

    Shapes that differ are refused and never broadcast: ``(N, 1) - (N,)`` would be ``(N, N)``.
    """
    owner = type(loss).__name__
    t = numbers(f"{owner}: targets", targets)
    if t.shape != s.shape:
        raise ValueError(
            f"{owner}: got targets of shape {t.shape} for scores of shape {s.shape}, wanted a "
            f"number for each score, {s.shape}{_way_out(t, s)}"
        )
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite
        t = t.astype(s.dtype, copy=False)
    good = np.isfinite(t)
    if not good.all():
        raise ValueError(
            f"{owner}: got {entry(t, ~good)}, wanted finite numbers: leave such examples out, or "
            "give them any number and a sample_weight of 0"
        )
    return t


def entry(t: np.ndarray, bad: np.ndarray) -> str:
    """The first bad target, and where it is: ``targets[3, 0] = nan``."""
    place = tuple(np.argwhere(bad)[0].tolist())
    return f"targets[{', '.join(map(str, place))}] = {t[place]}"


def _way_out(t: np.ndarray, s: np.ndarray) -> str:
    if t.shape[:1] != s.shape[:1]:
        return ": are they those of other examples?"
    if t.ndim == 1 and s.shape[1:] == (1,):
        return ": write targets[:, None]"
    if t.shape[1:] == (1,) and s.ndim == 1:
        return ": write targets[:, 0]"
    if t.ndim == 1 and s.ndim == 2 and t.dtype.kind in "iu":
        return f": npbp.datasets.one_hot(targets, {s.shape[1]}) makes such rows of labels"
    return ""


# ---- targets that are classes


def class_scores(loss: Any, scores: Any) -> np.ndarray:
    """Scores of classes, ``(N, C)``."""
    s = loss.batch(scores)
    if s.ndim != 2 or not s.shape[1]:
        raise ValueError(
            f"{type(loss).__name__}: got scores of shape {s.shape}, wanted (N, C): a row of C "
            "scores for each example"
        )
    return s


def rows_of_labels(loss: Any, labels: np.ndarray, C: int, ignored: int | None = None) -> np.ndarray:
    """Labels ``(N,)`` as rows ``(N, C)``, True at the label; all False where it is ``ignored``."""
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"{type(loss).__name__}: got labels of type {labels.dtype}, wanted integers: convert "
            "them with labels.astype(int)"
        )
    rows, count = labels[:, None] == np.arange(C), len(labels)
    if ignored is not None:
        used = labels != ignored
        rows, count = rows & used[:, None], np.count_nonzero(used)
    if np.count_nonzero(rows) != count:
        bad = (labels < 0) | (labels >= C)
        label = labels[bad if ignored is None else bad & used][0]
        cause = f"the network has {C} outputs"
        if C == 2:  # or one, which stands for two
            cause = "there are two classes; of labels -1 and 1 make (labels + 1) // 2"
        raise ValueError(
            f"{type(loss).__name__}: got the label {label}, wanted 0 to {C - 1}: {cause}"
        )
    return rows


def probabilities(loss: Any, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Rows ``(N, C)``, if each is a distribution, in the floating type of the scores."""
    owner = type(loss).__name__
    if rows.dtype.kind not in "iuf":
        raise TypeError(f"{owner}: got targets of type {rows.dtype}, wanted numbers")
    if not (rows.min() >= 0 and (abs(rows.sum(axis=1) - 1) < 1e-3).all()):
        with np.errstate(invalid="ignore"):
            good = (rows >= 0).all(axis=1) & (abs(rows.sum(axis=1) - 1) < 1e-3)
        n = int(good.argmin())
        raise ValueError(
            f"{owner}: got the row {rows[n]} as target {n}, wanted probabilities: none "
            "negative, and their sum 1"
        )
    return rows.astype(dtype, copy=False)


def other_shape(loss: Any, targets: np.ndarray, s: np.ndarray, wanted: str) -> Exception:
    """The error for class targets of another shape than ``wanted``; or for an empty batch."""
    if not len(s):
        return empty(loss)
    owner = type(loss).__name__
    if targets.dtype.kind not in "biuf":
        return TypeError(f"{owner}: got targets of type {targets.dtype}, wanted {wanted}")
    return ValueError(
        f"{owner}: got targets of shape {targets.shape} for scores of shape {s.shape}, wanted {wanted}"
    )
