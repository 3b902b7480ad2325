"""How a training went: five lists and those of metrics, which can be written, drawn and printed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from npbp.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("loss", "correct", "validation_loss", "validation_correct", "seconds")


@dataclass(repr=False)
class History:
    """How a training went: lists with one entry an epoch.

    Attributes
    ----------
    loss : list of float
        The mean over the training examples, each counted just before the step of its
        batch, so that the weights change under it.
    correct : list of float
        The fraction of the training examples that were right, counted in the same way.
        Empty where there are no classes (see `npbp.Loss.correct`).
    validation_loss, validation_correct : list of float
        The same over the validation examples, with the weights of the epoch's end.
        Empty if there are none.
    seconds : list of float
        The time the epoch's training took, validation and callbacks at its end not
        counted.
    interrupted : bool
        Whether Ctrl-C stopped the training. The lists then hold the whole epochs.
    metrics : dict of lists
        What `fit` was asked to count besides, such as ``"top_3"``, and ``"validation_top_3"``
        if there is a validation; that of the training is counted as ``correct`` is. A metric
        that is no number, as a confusion matrix, has an array an epoch.

    Examples
    --------
    >>> History(loss=[2.3, 0.5], correct=[0.1, 0.9], seconds=[1.0, 1.0])
    History(2 epochs, loss 0.5, correct 0.9)
    """

    loss: list[float] = field(default_factory=list)
    correct: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_correct: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False
    metrics: dict[str, list] = field(default_factory=dict)

    def column(self, name: str) -> list:
        """The list of that name: one of the five, or a metric's.

        Raises
        ------
        ValueError
            If there is none; the message says which there are.

        Examples
        --------
        >>> History(loss=[0.5], metrics={"top_3": [0.8]}).column("top_3")
        [0.8]
        """
        values = getattr(self, name) if name in COLUMNS else self.metrics.get(name, [])
        if not len(values):
            there = [*(name for name in COLUMNS if len(getattr(self, name))), *self.metrics]
            raise ValueError(
                f"History: got the name {name!r}, wanted one of {', '.join(there) or 'none: it is empty'}"
            )
        return values

    def numbers(self) -> dict[str, list]:
        """The metrics that are a number an epoch: what can be a column or a curve.

        Examples
        --------
        >>> History(metrics={"top_3": [0.8], "confusion_matrix": [np.eye(2)]}).numbers()
        {'top_3': [0.8]}
        """
        return {name: values for name, values in self.metrics.items()
                if all(np.ndim(value) == 0 for value in values)}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a line an epoch: its number, the five lists and the metrics, every digit kept.

        The columns of validation are empty if there is none. A metric that is no number is
        left out. The file is written whole: if this is interrupted, an earlier file at
        ``path`` is still there.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "history.csv")
        ...     History(loss=[0.5], correct=[0.9], seconds=[1.25]).to_csv(path)
        ...     print(path.read_text(), end="")
        epoch,loss,correct,validation_loss,validation_correct,seconds
        1,0.5,0.9,,,1.25
        """
        columns = {**{name: getattr(self, name) for name in COLUMNS}, **self.numbers()}
        lines = [",".join(("epoch", *columns))]
        rows = zip_longest(*columns.values())
        for epoch, row in enumerate(rows, start=1):
            numbers = ("" if value is None else repr(float(value)) for value in row)
            lines.append(",".join((str(epoch), *numbers)))
        with replacing(path) as temporary, open(temporary, "w", newline="\n") as file:
            file.write("\n".join(lines) + "\n")

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The chart of `npbp.plotting.curves`; also written to ``path`` if given."""
        from npbp.plotting import curves

        return curves(self, path)

    def __repr__(self) -> str:
        n = len(self.loss)
        parts = [f"{n} epoch{'' if n == 1 else 's'}"]
        shown = {**{name: getattr(self, name) for name in COLUMNS[:4]}, **self.numbers()}
        parts += [f"{name} {values[-1]:.4g}" for name, values in shown.items() if len(values)]
        if self.interrupted:
            parts.append("interrupted")
        return f"History({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        """Whether all entries are the same; a metric's may be arrays."""
        if type(other) is not History:
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def _add(self, trained: tuple, measured: tuple, seconds: float) -> None:
        """An epoch: (loss, correct, metrics) of the training and, if there is one, of the
        validation."""
        for before, totals in (("", trained), ("validation_", measured)):
            for name, value in zip(COLUMNS, totals[:2]):
                if value is not None:
                    getattr(self, before + name).append(value)
            for name, value in (totals[2].items() if totals else ()):
                self.metrics.setdefault(before + name, []).append(value)
        self.seconds.append(seconds)  # last: what it counts is whole

    def _drop_part_of_an_epoch(self) -> None:
        """Ctrl-C can fall between two of the lines of `_add`."""
        for values in (*(getattr(self, name) for name in COLUMNS), *self.metrics.values()):
            del values[len(self.seconds):]
        self.metrics = {name: values for name, values in self.metrics.items() if values}


def _same(a: Any, b: Any) -> bool:
    """Of a flag, of lists, of a dict of lists. NaN is the same as NaN: it was measured so."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)
    if isinstance(a, bool):
        return a == b
    return len(a) == len(b) and all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b))
