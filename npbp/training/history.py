"""How a training went: five lists, which can be written, drawn and printed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

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
        Empty where there are no classes (see `npbp.losses.fraction_correct`).
    validation_loss, validation_correct : list of float
        The same over the validation examples, with the weights of the epoch's end.
        Empty if there are none.
    seconds : list of float
        The time the epoch's training took, validation and callbacks at its end not
        counted.
    interrupted : bool
        Whether Ctrl-C stopped the training. The lists then hold the whole epochs.

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

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a line an epoch: its number and the five lists, every digit kept.

        The columns of validation are empty if there is none. The file is written
        whole: if this is interrupted, an earlier file at ``path`` is still there.

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
        lines = [",".join(("epoch", *COLUMNS))]
        rows = zip_longest(*(getattr(self, name) for name in COLUMNS))
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
        for name in COLUMNS[:4]:
            values = getattr(self, name)
            if values:
                parts.append(f"{name} {values[-1]:.4g}")
        if self.interrupted:
            parts.append("interrupted")
        return f"History({', '.join(parts)})"

    def _add(self, numbers: tuple, validation: tuple, seconds: float) -> None:
        """An epoch: (loss, correct) of the training and, if there is one, of the validation."""
        for name, value in zip(COLUMNS, (*numbers, *validation)):
            if value is not None:
                getattr(self, name).append(value)
        self.seconds.append(seconds)  # last: what it counts is whole

    def _drop_part_of_an_epoch(self) -> None:
        """Ctrl-C can fall between two of the lines of `_add`."""
        for name in COLUMNS:
            del getattr(self, name)[len(self.seconds):]
