"""How far a training is: a line an epoch, and a bar within one."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npbp.network import Network
    from npbp.training.history import History


class Progress:
    """Print a line an epoch: its number, the numbers of the history, the time, and that left.

    On a terminal a bar on stderr shows the epoch at hand. The time left counts on all
    epochs, each as long as those so far.

    Examples
    --------
    >>> from npbp import History
    >>> history = History(loss=[0.9, 0.5], validation_loss=[1.0, 0.75], seconds=[1.0, 1.0])
    >>> Progress()(None, history)
    epoch 2  loss 0.5000  validation loss 0.7500  1.00 s
    """

    def __init__(self) -> None:
        self.epochs: int | None = None
        self.begun = self.before = 0.0
        self.bar = Bar()

    def on_start(self, network: Network, history: History, epochs: int) -> None:
        self.epochs, self.before, self.begun = epochs, len(history.loss), time.monotonic()
        self.bar = Bar()

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        if self.bar.is_due():
            left = self._left(epoch - 1 + batch / batches)
            self.bar.draw(self._epoch(epoch) + (f", {left}" if left else ""), batch, batches)

    def __call__(self, network: Network, history: History) -> None:
        self.bar.clear()
        epoch = len(history.loss)
        shown = {name: getattr(history, name)
                 for name in ("loss", "correct", "validation_loss", "validation_correct")}
        parts = [self._epoch(epoch)]
        for name, values in {**shown, **history.numbers()}.items():
            if len(values):
                parts.append(f"{name.replace('_', ' ')} {values[-1]:#.4g}".rstrip("."))
        parts.append(f"{history.seconds[-1]:.2f} s")
        left = self._left(epoch)
        print("  ".join(parts) + (f", {left}" if left else ""), flush=True)

    def on_end(self, network: Network, history: History) -> None:
        self.bar.clear()

    def _epoch(self, epoch: int) -> str:
        if self.epochs is None:
            return f"epoch {epoch}"
        return f"epoch {epoch:{len(str(self.epochs))}}/{self.epochs}"

    def _left(self, done: float) -> str:
        """The time for the epochs to come, if those ``done`` tell it."""
        if self.epochs is None or not self.before < done < self.epochs:
            return ""
        each = (time.monotonic() - self.begun) / (done - self.before)
        return f"{duration(each * (self.epochs - done))} left"

    def __repr__(self) -> str:
        return "Progress()"


class Bar:
    """A progress bar on the last line of a terminal; nothing where stderr is a file."""

    def __init__(self) -> None:
        from npbp.datasets.terminal import can_redraw

        self.terminal = can_redraw()
        self.drawn = 0.0

    def is_due(self) -> bool:
        """Whether there is a terminal, and the last drawing is a tenth of a second ago."""
        return self.terminal and time.monotonic() - self.drawn >= 0.1

    def draw(self, label: str, done: int, total: int) -> None:
        from npbp.datasets.terminal import columns

        if not self.is_due():
            return
        self.drawn = time.monotonic()
        end = f" {done}/{total}"
        width = columns() - 1  # in the last column some terminals begin a new line
        room = max(0, min(50, width - len(label) - len(end) - 3))
        full = room * done // total
        line = f"{label} [{'#' * full}{'.' * (room - full)}]{end}" if room else label + end
        self._write(f"\r{line[:width]}\x1b[K")

    def clear(self) -> None:
        if self.terminal and self.drawn:
            self.drawn = 0.0
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # the terminal is gone: the work goes on
            self.terminal = False


def duration(seconds: float) -> str:
    """
    Examples
    --------
    >>> duration(8.4), duration(80), duration(7500)
    ('8 s', '1 min 20 s', '2 h 05 min')
    """
    s = round(seconds)
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60:02} s"
    return f"{s // 3600} h {s % 3600 // 60:02} min"
