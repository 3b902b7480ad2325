"""Metrics: how good predictions are, in numbers that need not have a derivative.

A metric is a sum over examples until its last step. So an epoch stores no predictions: of
each batch there are the `sums`, a small array; `merge` puts those of two batches together;
`value` makes the number of them. A plain function of ``(prediction, targets)`` counts as a
mean over the examples.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable

import numpy as np

from npbp.layers.checks import kind, numbers, size
from npbp.training.history import COLUMNS

__all__ = ["Accuracy", "ConfusionMatrix", "MeanAbsoluteError", "MeanOf", "Metric", "R2", "TopK",
           "accuracy", "confusion_matrix", "mean_absolute_error", "r2", "top_k"]

class Metric:
    """The base of all metrics: subclass it, give it a ``name`` and write two methods.

    ``sums(prediction, targets)`` returns a float64 array of one batch; those of all batches are
    added (if that is not how they go together, write ``merge``). ``value(sums)`` makes a
    number of it, or an array. The prediction is that of the loss, ``(N, ...)``, such as
    probabilities; the targets are labels ``(N,)`` or rows. Called with whole arrays, the
    metric is their value.

    Examples
    --------
    >>> class RootMeanSquare(Metric):
    ...     name = "root_mean_square_error"
    ...     def sums(self, prediction, targets):
    ...         return np.array([np.sum((prediction - targets) ** 2), targets.size])
    ...     def value(self, sums):
    ...         return float(np.sqrt(sums[0] / sums[1]))
    >>> RootMeanSquare()(np.array([[1.0], [2.0]]), np.array([[4.0], [-1.0]]))
    3.0
    """

    name: str = ""

    def sums(self, prediction: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """What is summed over a batch, as a float64 array."""
        raise NotImplementedError(f"{type(self).__name__} has no sums(prediction, targets)")

    def value(self, sums: np.ndarray) -> Any:
        """The metric, from the sums over all examples."""
        raise NotImplementedError(f"{type(self).__name__} has no value(sums)")

    def merge(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The sums over two batches, from those over each."""
        return a + b

    def __call__(self, prediction: Any, targets: Any) -> Any:
        return self.value(self.sums(prediction, targets))

    def __repr__(self) -> str:
        return f"<metric {self.name}>"


class Accuracy(Metric):
    """The fraction of the examples whose largest prediction is at the target.

    ``prediction`` is ``(N, C)``, or ``(N, 1)``: the probability of class 1, of two. ``targets``
    are labels ``(N,)``, or probabilities in the shape of the prediction; the label of a row is
    its largest entry. Of equal predictions the first one counts. NaN if a prediction is NaN.

    Raises
    ------
    ValueError, TypeError
        If the arrays are not as above, or a label is not in ``0..C-1``.

    Examples
    --------
    >>> from npbp import metrics
    >>> metrics.accuracy(np.array([[0.1, 0.9], [0.6, 0.4]]), np.array([1, 1]))
    0.5
    """

    name = "accuracy"

    def sums(self, prediction: Any, targets: Any) -> np.ndarray:
        p, labels = _classes(self.name, prediction, targets)
        return _counted(p, p.argmax(axis=1) == labels)

    def value(self, sums: np.ndarray) -> float:
        return _ratio(*sums)


class TopK(Metric):
    """The fraction of the examples whose target is among the ``k`` largest predictions.

    The arrays are as for `Accuracy`. Of equal predictions the class that comes first has the
    better place, as with the largest one alone: ``top_k(1)`` is the accuracy, and who gives
    all classes the same probability guesses the first ``k``. NaN if a prediction is NaN.

    Raises
    ------
    ValueError, TypeError
        If ``k`` is no whole number of at least 1, or there are fewer than ``k`` classes; and as
        for `Accuracy`.

    Examples
    --------
    >>> from npbp import metrics
    >>> prediction = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    >>> metrics.top_k(2)(prediction, np.array([1, 2]))
    0.5
    """

    def __init__(self, k: int) -> None:
        self.k = size("top_k", "k", k)
        self.name = f"top_{self.k}"

    def sums(self, prediction: Any, targets: Any) -> np.ndarray:
        p, labels = _classes(self.name, prediction, targets)
        if self.k > p.shape[1]:
            raise ValueError(
                f"{self.name}: got predictions for {p.shape[1]} classes, wanted {self.k} or more: "
                "with fewer, each example would count as right"
            )
        of_target = p[np.arange(len(p)), labels, None]
        first = np.arange(p.shape[1]) < labels[:, None]
        better = (p > of_target) | (p == of_target) & first
        return _counted(p, better.sum(axis=1) < self.k)

    def value(self, sums: np.ndarray) -> float:
        return _ratio(*sums)


class ConfusionMatrix(Metric):
    """How often each class is taken for each: ``(classes, classes)`` whole numbers.

    In row ``i`` and column ``j`` is the number of the examples of class ``i`` whose largest
    prediction is ``j``. So the right ones are on the diagonal, and a row's sum is the number
    of the examples of that class. The arrays are as for `Accuracy`.

    Raises
    ------
    ValueError, TypeError
        If there are not ``classes`` of them, or a prediction is NaN; and as for `Accuracy`.

    Examples
    --------
    >>> from npbp import metrics
    >>> prediction = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    >>> metrics.confusion_matrix(2)(prediction, np.array([0, 0, 1]))
    array([[1, 1],
           [0, 1]])
    """

    name = "confusion_matrix"

    def __init__(self, classes: int) -> None:
        self.classes = size(self.name, "classes", classes)

    def sums(self, prediction: Any, targets: Any) -> np.ndarray:
        p, labels = _classes(self.name, prediction, targets)
        C = self.classes
        if p.shape[1] != C:
            raise ValueError(f"{self.name}: got predictions for {p.shape[1]} classes, wanted {C}")
        if np.isnan(p).any():
            n = int(np.isnan(p).any(axis=1).argmax())
            raise ValueError(f"{self.name}: got NaN as prediction {n}, wanted numbers")
        cells = np.bincount(labels * C + p.argmax(axis=1), minlength=C * C)
        return cells.reshape(C, C).astype(np.float64)

    def value(self, sums: np.ndarray) -> np.ndarray:
        return sums.astype(np.int64)


class MeanAbsoluteError(Metric):
    """The mean of ``|prediction - target|`` over all numbers; both have the same shape.

    Examples
    --------
    >>> from npbp import metrics
    >>> metrics.mean_absolute_error(np.array([[1.0], [5.0]]), np.array([[2.0], [2.0]]))
    2.0
    """

    name = "mean_absolute_error"

    def sums(self, prediction: Any, targets: Any) -> np.ndarray:
        p, t = _same_shape(self.name, prediction, targets)
        return np.array([np.abs(p - t).sum(), t.size], dtype=np.float64)

    def value(self, sums: np.ndarray) -> float:
        return _ratio(*sums)


class R2(Metric):
    """``R2 = 1 - sum_n (p_n - t_n)^2 / sum_n (t_n - mean(t))^2``, the mean over the columns.

    How much of the spread of the targets ``t`` the predictions ``p`` explain: 1 if all of it, 0
    if they are as good as the targets' mean, less than 0 if they are worse. NaN if a column
    of the targets is the same everywhere: there is nothing to explain. Both have the same
    shape, ``(N,)`` or ``(N, columns)``.

    Of a batch there are the number of examples, the mean of the targets, the squares about this
    mean and those of the errors. The squares about the common mean of two batches are
    ``S_a + S_b + (mean_b - mean_a)^2 n_a n_b / (n_a + n_b)``: no large number is
    subtracted from another, however far the targets are from 0.

    Source: Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances, 1979.

    Examples
    --------
    >>> from npbp import metrics
    >>> metrics.r2(np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [3.0]]))
    0.5
    """

    name = "r2"

    def sums(self, prediction: Any, targets: Any) -> np.ndarray:
        p, t = _same_shape(self.name, prediction, targets)
        p, t = (a.reshape(len(a), math.prod(a.shape[1:])) for a in (p, t))
        n = np.full(t.shape[1], float(len(t)))
        mean = t[:1].sum(axis=0)  # shifted by the first row: exact where all are the same
        mean = mean + (t - mean).sum(axis=0) / max(len(t), 1)
        return np.stack([n, mean, ((t - mean) ** 2).sum(axis=0), ((p - t) ** 2).sum(axis=0)])

    def merge(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        (n_a, mean_a, squares_a, errors_a), (n_b, mean_b, squares_b, errors_b) = a, b
        n, apart = n_a + n_b, mean_b - mean_a
        share = n_b / np.maximum(n, 1)
        squares = squares_a + squares_b + apart**2 * n_a * share
        return np.stack([n, mean_a + apart * share, squares, errors_a + errors_b])

    def value(self, sums: np.ndarray) -> float:
        _, _, squares, errors = sums
        explained = 1 - errors / np.where(squares > 0, squares, np.nan)
        return float(explained.sum() / explained.size) if explained.size else np.nan


class MeanOf(Metric):
    """A plain function of ``(prediction, targets)``: its mean over the examples.

    Each batch counts by its number of examples. So the function is one that is itself a mean
    over examples, else the result depends on the batch size.

    Examples
    --------
    >>> half = MeanOf(lambda prediction, targets: np.mean(prediction > 0.5), "half")
    >>> half.value(half.sums(np.array([0.9]), None) + half.sums(np.array([0.1, 0.2, 0.3]), None))
    0.25
    """

    def __init__(self, function: Callable[[np.ndarray, np.ndarray], float], name: str) -> None:
        self.function, self.name = function, name

    def sums(self, prediction: np.ndarray, targets: np.ndarray) -> np.ndarray:
        n = len(prediction)
        if not n:
            return np.zeros(2)
        return np.array([n * one_number(self.name, self.function(prediction, targets)), n])

    def value(self, sums: np.ndarray) -> float:
        return _ratio(*sums)


accuracy, top_k, confusion_matrix = Accuracy(), TopK, ConfusionMatrix
mean_absolute_error, r2 = MeanAbsoluteError(), R2()


def as_metrics(given: Any) -> dict[str, Metric]:
    """What `fit` gets as ``metrics``, by name.

    Raises
    ------
    TypeError, ValueError
        If one is neither a metric nor a function, or has no name of its own.

    Examples
    --------
    >>> as_metrics([accuracy, top_k(3)])
    {'accuracy': <metric accuracy>, 'top_3': <metric top_3>}
    >>> as_metrics({"sure": lambda prediction, targets: np.mean(prediction.max(axis=1) > 0.9)})
    {'sure': <metric sure>}
    """
    if given is None:
        return {}
    if isinstance(given, dict):
        pairs = list(given.items())
    elif isinstance(given, (str, Metric)) or callable(given) or not isinstance(given, Iterable):
        raise TypeError(f"fit: got metrics={given!r}, wanted a list: metrics=[...]")
    else:
        pairs = [(_name_of(metric), metric) for metric in given]
    found: dict[str, Metric] = {}
    for name, metric in pairs:
        if isinstance(metric, (type, str)) or not (_is_metric(metric) or callable(metric)):
            raise TypeError(
                f"fit: got {kind(metric) if isinstance(metric, type) else repr(metric)} as a metric, wanted "
                "a function of (prediction, targets) or an object such as npbp.metrics.accuracy or "
                "npbp.metrics.top_k(3)"
            )
        if not isinstance(name, str) or not name.isprintable() or not name or set(name) & set(',"<>'):
            raise ValueError(
                f"fit: got a metric with the name {name!r}, wanted a word for the columns of the "
                'history: metrics={"name": function}'
            )
        if name in (*COLUMNS, "epoch") or name.startswith("validation_"):
            raise ValueError(f"fit: got a metric with the name {name!r}, which the history has itself")
        if name in found:
            raise ValueError(f"fit: got two metrics with the name {name!r}, wanted one for each")
        found[name] = metric if _is_metric(metric) else MeanOf(metric, name)
    return found


def one_number(name: str, value: Any) -> float:
    """``value`` as a float, or an error that names the metric."""
    if isinstance(value, (int, float, np.number, np.bool_)) or getattr(value, "shape", None) == ():
        if np.isrealobj(value):
            return float(value)
    raise TypeError(f"metric {name}: got {kind(value)}, wanted one number")


def _is_metric(metric: Any) -> bool:
    return callable(getattr(metric, "sums", None)) and callable(getattr(metric, "value", None))


def _name_of(metric: Any) -> Any:
    return getattr(metric, "name", None) or getattr(metric, "__name__", "")


# ---- checks, and what several metrics share


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")  # of no examples


def _counted(p: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(how many are right, of how many); a NaN in the predictions stays one."""
    return np.array([np.nan if np.isnan(p).any() else np.count_nonzero(right), len(p)], dtype=np.float64)


def _classes(name: str, prediction: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """The predictions ``(N, C)`` and the labels ``(N,)``, or an error that names the metric."""
    p, t = numbers(name, prediction), numbers(name, targets)
    if p.ndim == 2 and p.shape[1] == 1:
        p = p[:, 0]
        t = t[:, 0] if t.shape == (len(p), 1) else t
    if p.ndim == 1 and p.dtype.kind == "f":
        if ((p < 0) | (p > 1)).any():
            n = int(((p < 0) | (p > 1)).argmax())
            raise ValueError(
                f"{name}: got {p[n]} as prediction {n}, wanted the probability of class 1, as there "
                "is a single output: is this a regression? Then nothing is right or wrong"
            )
        p = np.stack([1 - p, p], axis=1)
        if t.shape == (len(p),) and t.dtype.kind == "f" and ((t >= 0) & (t <= 1)).all():
            t = (t > 0.5).astype(int)
    if p.ndim != 2:
        raise ValueError(f"{name}: got a prediction of shape {p.shape}, wanted (N, C)")
    N, C = p.shape
    if t.shape == (N, C) and (t >= 0).all() and (abs(t.sum(axis=1) - 1) < 1e-3).all():
        return p, t.argmax(axis=1)
    if t.shape == (N,) and t.dtype.kind in "iu":
        if ((t < 0) | (t >= C)).any():
            label = t[(t < 0) | (t >= C)][0]
            raise ValueError(f"{name}: got the label {label}, wanted 0 to {C - 1}")
        return p, t.astype(np.intp)
    raise ValueError(
        f"{name}: got targets of shape {t.shape} and type {t.dtype} for predictions of shape "
        f"{np.shape(prediction)}, wanted integer labels ({N},) or rows of probabilities {(N, C)}"
    )


def _same_shape(name: str, prediction: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64: a float32 sum over many examples would lose digits."""
    p, t = numbers(name, prediction), numbers(name, targets)
    if p.shape != t.shape or not p.ndim:
        raise ValueError(
            f"{name}: got a prediction of shape {p.shape} for targets of shape {t.shape}, wanted "
            "the same shape (N, ...): a number for each number"
        )
    return p.astype(np.float64), t.astype(np.float64)
