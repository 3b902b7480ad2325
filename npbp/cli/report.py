"""What a training says and leaves: a line an epoch, the files, the test at the end."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from npbp.cli.common import Failed, say
from npbp.cli.recipe import CLASSES, metrics_of
from npbp.datasets import Batches
from npbp.network import Network
from npbp.optimizers import Optimizer
from npbp.plotting import confusion
from npbp.training import EarlyStopping, History
from npbp.training.metrics import as_metrics, confusion_matrix
from npbp.training.progress import Bar
from npbp.training.totals import Totals


def settings(options: SimpleNamespace) -> str:
    """A line of how it is trained; what the network is, its summary says."""
    alpha = f"alpha {options.alpha:g}"
    if options.schedule != "constant":
        alpha += f" with the schedule {options.schedule}"
    if options.warm_up:
        alpha += f" after a warm-up of {plural(options.warm_up, 'epoch')}"
    parts = [f"epochs {options.epochs}", f"batch size {options.batch_size}"]
    parts += [options.optimizer] if options.optimizer != "sgd" else []
    parts += [alpha]
    parts += [f"weight decay {options.weight_decay:g}"] if options.weight_decay else []
    parts += [f"gradients clipped to {options.clip_norm:g}"] if options.clip_norm else []
    if options.initializer != "xavier-uniform":
        parts += [f"weights {options.initializer}"]
    if options.early_stopping:
        parts += [f"stopping early after {plural(options.early_stopping, 'epoch')} no better"]
    on = "the test images"
    if options.validation is not None:
        on = f"{100 * options.validation:g} % of the training images"
    return f"{', '.join(parts)}, seed {options.seed}; validation ({on}) after each epoch"


def plural(n: float, what: str) -> str:
    """``3 epochs``, ``1 epoch``."""
    return f"{n:g} {what}{'' if n == 1 else 's'}"


class Report:
    """What `fit` calls: writes the files, prints a line an epoch, moves the bar. Then the end."""

    def __init__(self, options: SimpleNamespace, folder: Path, optimizer: Optimizer,
                 resumed: bool) -> None:
        self.options, self.folder, self.optimizer = options, folder, optimizer
        n = options.early_stopping
        self.stopping = None if n is None else EarlyStopping(n)
        self.resumed = resumed  # and no step has been made yet
        self.written = -1  # epochs
        self.bar = Bar()

    def write(self, network: Network, history: History, is_best: bool = True) -> None:
        """Each file is replaced whole, so a process killed here leaves no part of one."""
        try:
            if is_best:
                network.save(self.folder / "model.npz")
            history.to_csv(self.folder / "history.csv")
        except OSError as error:
            raise self.cannot_write(error) from None
        self.written = len(history.loss)

    def cannot_write(self, error: OSError) -> Failed:
        reason = error.strerror or error if self.folder.is_dir() else "there is no such folder"
        return Failed(f"{self.folder} cannot be written: {reason}")

    def files(self) -> str:
        """What is on disk after a run that did not come to its end."""
        if not self.folder.is_dir():
            return f"{self.folder} is gone"
        if self.written < 0 and self.resumed:
            return f"{self.folder} is as it was"
        if self.written < 1:
            weights = "the weights of the start" if self.written == 0 else "nothing"
            return f"no epoch was whole; {self.folder} holds {weights}"
        n = self.written
        return f"{self.folder} holds the {n} whole epoch{'' if n == 1 else 's'} before"

    # ---- what `fit` calls

    def callbacks(self) -> list:
        """Of them the report is the last: the others have said what is the best."""
        return [self] if self.stopping is None else [self.stopping, self]

    def on_start(self, network: Network, history: History, epochs: int) -> None:
        if history.loss or self._has_both():  # resumed: the files are no older
            self.written = len(history.loss)
        else:
            self.write(network, history)  # a folder that cannot be written to says so now

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        if self.resumed:
            self.resumed = False
            say(f"goes on with epoch {epoch}, batch {batch} of {batches}")
        self.bar.draw(f"epoch {epoch}/{self.options.epochs}", batch, batches)

    def __call__(self, network: Network, history: History) -> None:
        epochs, n = self.options.epochs, len(history.loss)
        self.write(network, history, self.stopping is None or self.stopping.best_epoch == n)
        self.bar.clear()
        lists = {name: getattr(history, name)
                 for name in ("loss", "correct", "validation_loss", "validation_correct")}
        parts = [f"epoch {n:{len(str(epochs))}}/{epochs}", *numbers({**lists, **history.numbers()})]
        if callable(self.optimizer.alpha):  # that of the last step
            parts.append(f"alpha {self.optimizer.alpha(self.optimizer.steps - 1):.3g}")
        say("  ".join([*parts, f"{history.seconds[-1]:.2f} s"]))

    def on_end(self, network: Network, history: History) -> None:
        """The network is that of the best epoch again, if there is early stopping."""
        between = self.written < len(history.loss)  # Ctrl-C fell between an epoch's end and here
        if between or not (history.interrupted or self._has_both()):
            self.write(network, history)

    # ---- the end

    def say_how_it_ended(self, history: History) -> None:
        n = len(history.loss)
        if self.resumed:
            say(f"the run was complete: it has {plural(n, 'epoch')}")
        if self.stopping is not None:
            say(f"the best of {plural(n, 'epoch')} was {self.stopping.best_epoch}: its weights are kept")

    def test(self, network: Network, data: tuple) -> str:
        """Say how good the network is on the test images, unless the last line has said so
        already; why there is no picture, or ""."""
        options = self.options
        metrics = as_metrics([*metrics_of(options), confusion_matrix(CLASSES)])
        if options.validation is None and not options.metrics:
            return ""
        totals = Totals(network, metrics)
        with network.mode(training=False), np.errstate(all="ignore"):
            for X, y in Batches(*data, 1000, shuffle=False):
                totals.add(*network.loss(network.scores(X), y), y)
        loss, correct, values = totals.means()
        matrix = values.pop("confusion_matrix")
        found = {"loss": loss, "correct": correct, **values}
        say("  ".join(["test images", *numbers({name: [value] for name, value in found.items()})]))
        if "confusion" not in options.metrics:
            return ""
        say("which class (row) was taken for which (column):")
        say(table(matrix))
        return self.draw("confusion.png", confusion, matrix)

    def draw(self, name: str, draw: Any, what: Any) -> str:
        """Write a picture; why there is none, or ""."""
        if self.resumed and self._has(name):  # that of a run that was complete
            return ""
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # what it says of fonts and folders
        try:
            draw(what, self.folder / name, title=self.options.data)
        except Exception as error:  # matplotlib missing, broken, or at odds with its settings
            return f"{name} could not be drawn: {type(error).__name__}: {str(error)[:300]}"
        return ""

    def pictures(self) -> str:
        return "curves.png" + (", confusion.png" if "confusion" in self.options.metrics else "")

    def _has_both(self) -> bool:
        return self._has("model.npz") and self._has("history.csv")

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()


def numbers(lists: dict[str, list]) -> list[str]:
    """The last of each list, with its name."""
    return [f"{name.replace('_', ' ')} {values[-1]:.4f}" for name, values in lists.items() if values]


def table(matrix: np.ndarray) -> str:
    """A confusion matrix as text.

    Examples
    --------
    >>> print(table(np.array([[9, 1], [0, 10]])))
             0    1
        0    9    1
        1    0   10
    """
    wide = max(5, len(str(matrix.max())) + 2)
    rows = [["", *range(len(matrix))], *([i, *row] for i, row in enumerate(matrix))]
    return "\n".join("".join(f"{cell:>{wide}}" for cell in row) for row in rows)
