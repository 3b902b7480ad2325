"""Callbacks: what `fit` calls at the end of each epoch.

A callback is a function ``callback(network, history)``; if it returns True, the training
stops there. One that is an object may have more methods, and `fit` calls those that it has:

==============================================  ===================================================
``on_start(network, history, epochs)``          before the first step; after a resume, the history
                                                has the epochs before
``on_batch(epoch, batch, batches)``             after each step, counted from 1
``callback(network, history)``                  after each epoch and its validation
``on_end(network, history)``                    when the training has ended: by its epochs, by a
                                                callback, by Ctrl-C or by a `DivergedError`
``state_dict()``, ``load_state_dict(state)``    what a checkpoint keeps of it: a flat dict of arrays
                                                and plain values
==============================================  ===================================================
"""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any, Callable, Iterable

import numpy as np

from npbp.layers.checks import at_least_0, flag, kind, size
from npbp.training.history import History
from npbp.training.live_plot import LivePlot
from npbp.training.metrics import one_number
from npbp.training.progress import Progress

if TYPE_CHECKING:
    from npbp.network import Network

__all__ = ["CsvLog", "EarlyStopping", "LivePlot", "Progress", "ReduceOnPlateau", "SaveBest", "Schedule",
           "Watching"]

SMALLER = re.compile(r"(.*_)?(loss|error)$")
LARGER = re.compile(r"(validation_)?(correct|accuracy|top_\d+|r2)$")


class Watching:
    """The base of the callbacks that watch one list of the history for its best epoch.

    Parameters
    ----------
    watch : str
        ``"loss"``, ``"correct"``, the name of a metric, or one of these after ``"validation_"``.
    at_least : float
        How much better than the best one an epoch must be to be better.
    direction : "smaller" or "larger", optional
        What is better. The names say it of losses and errors (smaller) and of ``correct``, accuracy,
        top-k and R2 (larger).

    Attributes
    ----------
    best : float or None
        The best number so far. NaN is never better.
    best_epoch : int
        The epoch that had it, counted from 1; 0 if there was none yet.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above, or the history has no such list of numbers.

    Examples
    --------
    >>> watching = Watching("validation_loss")
    >>> watching.improved(History(loss=[0.9, 0.8], validation_loss=[1.0, 0.7]))
    True
    >>> watching.improved(History(loss=[0.9, 0.8, 0.7], validation_loss=[1.0, 0.7, 0.9]))
    False
    >>> watching
    Watching(watch='validation_loss', best=0.7, best_epoch=2)
    """

    _options: tuple[str, ...] = ("watch", "direction", "at_least")  # when it goes on, the same as before

    def __init__(self, watch: str, at_least: float = 0.0, direction: str | None = None) -> None:
        owner = type(self).__name__
        if not isinstance(watch, str):
            raise TypeError(f'{owner}: got watch={watch!r}, wanted a name such as "validation_loss"')
        if direction is None:
            direction = "smaller" if SMALLER.match(watch) else "larger" if LARGER.match(watch) else None
        if direction not in ("smaller", "larger"):
            raise ValueError(
                f'{owner}: got watch={watch!r} and direction={direction!r}, wanted direction="smaller" or '
                '"larger": which one is better?'
            )
        self.watch, self.direction = watch, direction
        self.at_least = at_least_0(owner, "at_least", at_least)
        self.best: float | None = None
        self.best_epoch = 0

    def on_start(self, network: Network, history: History, epochs: int) -> None:
        """A training that begins anew has no best epoch yet."""
        if not history.loss:
            self.best, self.best_epoch = None, 0

    def improved(self, history: History) -> bool:
        """Whether the last epoch is the best one so far; if it is, it is noted."""
        value = one_number(self.watch, history.column(self.watch)[-1])
        if math.isnan(value):
            return False
        if self.best is not None:
            gain = self.best - value if self.direction == "smaller" else value - self.best
            if not (gain > 0 and gain >= self.at_least):
                return False
        self.best, self.best_epoch = value, len(history.loss)
        return True

    def state_dict(self) -> dict[str, Any]:
        options = {name: getattr(self, name) for name in self._options}
        return {**options, "best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in self._options:
            mine, its = getattr(self, name), state.get(name, getattr(self, name))
            if mine != its:  # its best would be compared with what is no such number
                raise ValueError(f"{type(self).__name__}: got {name}={mine!r}, wanted {name}={its!r}, as "
                                 "the training began with it")
        self.best, self.best_epoch = state["best"], state["best_epoch"]

    def config(self) -> dict[str, Any]:
        """What the repr shows first."""
        return {"watch": self.watch}

    def __repr__(self) -> str:
        shown = {**self.config(), "best": self.best, "best_epoch": self.best_epoch}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in shown.items())})"


class EarlyStopping(Watching):
    """Stop when ``patience`` epochs in a row were no better; give back the best weights.

    Trained for too long, a network learns its examples by heart: the training loss still
    falls, while that of a validation rises again. The epoch with the best validation has the
    weights that one wants.

    Parameters
    ----------
    patience : int
        How many epochs in a row without a better one end the training.
    watch, at_least, direction
        See `Watching`. ``watch`` is a list of the history.
    restore : bool
        Whether the network gets the weights and running statistics of the best epoch when
        the training ends, whatever ends it: patience, the number of epochs, Ctrl-C, a
        `DivergedError`. The history keeps all epochs.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 7.8.

    Examples
    --------
    >>> from npbp import Linear, Network, SGD, SoftmaxCrossEntropyLoss, fit
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 20)).astype(np.float32)
    >>> y = rng.integers(0, 2, 60)             # nothing to learn but by heart
    >>> network = Network([Linear(20, 2, rng)], SoftmaxCrossEntropyLoss())
    >>> stopping = EarlyStopping(patience=3)
    >>> history = fit(network, (X, y), validation=0.3, epochs=100, callbacks=[stopping], rng=rng)
    >>> len(history.loss) - stopping.best_epoch
    3
    >>> stopping.best == min(history.validation_loss)
    True
    """

    _options = (*Watching._options, "patience", "restore")

    def __init__(self, patience: int = 5, watch: str = "validation_loss", at_least: float = 0.0,
                 restore: bool = True, direction: str | None = None) -> None:
        super().__init__(watch, at_least, direction)
        self.patience = size("EarlyStopping", "patience", patience)
        self.restore = flag("EarlyStopping", "restore", restore)
        self.kept: dict[str, np.ndarray] = {}

    def __call__(self, network: Network, history: History) -> bool:
        if self.improved(history) and self.restore:
            self.kept = {name: array.copy() for name, array in _state(network).items()}
        return len(history.loss) - self.best_epoch >= self.patience

    def on_start(self, network: Network, history: History, epochs: int) -> None:
        super().on_start(network, history, epochs)
        if self.best is None:
            self.kept = {}

    def on_end(self, network: Network, history: History) -> None:
        if self.kept:
            for name, array in _state(network).items():
                array[...] = self.kept[name]

    def state_dict(self) -> dict[str, Any]:
        kept = {f"kept.{name}": array for name, array in self.kept.items()}
        return {**super().state_dict(), **kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.kept = {key[5:]: np.array(array) for key, array in state.items() if key.startswith("kept.")}

    def config(self) -> dict[str, Any]:
        return {"patience": self.patience, "watch": self.watch}


class SaveBest(Watching):
    """Write the network to ``path`` whenever an epoch was the best one so far.

    The file is replaced whole: whatever happens, it holds the best network until then.
    `npbp.Network.load` reads it. For the other arguments see `Watching`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from npbp import NeuralNet, Network
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save = SaveBest(pathlib.Path(folder, "best.npz"), watch="loss")
    ...     save(NeuralNet(4, 3, 2), History(loss=[0.5]))
    ...     Network.load(pathlib.Path(folder, "best.npz"))
    NeuralNet(input_size=4, hidden_size=3, output_size=2, alpha=0.001)
    """

    def __init__(self, path: str | os.PathLike[str], watch: str = "validation_loss",
                 at_least: float = 0.0, direction: str | None = None) -> None:
        super().__init__(watch, at_least, direction)
        self.path = os.fspath(path)

    def __call__(self, network: Network, history: History) -> None:
        if self.improved(history):
            network.save(self.path)

    def config(self) -> dict[str, Any]:
        return {"path": self.path, "watch": self.watch}


class Schedule:
    """The learning rate of each epoch: ``optimizer.alpha = schedule(n)``, after ``n`` epochs.

    ``schedule(0)`` is that of the first epoch. (An optimizer whose ``alpha`` is itself a function
    follows it by the step; see `npbp.optimizers`.)

    Parameters
    ----------
    optimizer : optimizer
        The one that `fit` is given.
    schedule : function
        From the number of epochs made, 0 at first, to the learning rate.

    Raises
    ------
    TypeError, ValueError
        If the optimizer has no ``alpha`` that is a number, or the schedule gives no learning rate.

    Examples
    --------
    >>> from npbp import SGD
    >>> optimizer = SGD(0.5)
    >>> schedule = Schedule(optimizer, lambda n: 0.1 / 10**n)
    >>> schedule.on_start(None, History(), epochs=3)
    >>> optimizer.alpha
    0.1
    >>> schedule(None, History(loss=[0.9, 0.8]))
    >>> optimizer.alpha
    0.001
    """

    def __init__(self, optimizer: Any, schedule: Callable[[int], float]) -> None:
        self.optimizer = _with_alpha("Schedule", optimizer)
        if not callable(schedule):
            raise TypeError(f"Schedule: got schedule={schedule!r}, wanted a function of the epochs made")
        self.schedule = schedule
        self.epochs: float = math.inf

    def on_start(self, network: Network, history: History, epochs: int) -> None:
        self.epochs = epochs
        self(network, history)

    def __call__(self, network: Network, history: History) -> None:
        made = len(history.loss)
        if made < self.epochs:  # none is to come otherwise, and the schedule may end there
            alpha = self.schedule(made)
            self.optimizer.alpha = at_least_0(f"Schedule: schedule({made})", "alpha", alpha)

    def __repr__(self) -> str:
        return f"Schedule({self.optimizer!r}, {self.schedule!r})"


class ReduceOnPlateau(Watching):
    """Make the learning rate smaller when ``patience`` epochs in a row were no better.

    ``optimizer.alpha <- max(factor * optimizer.alpha, smallest)``; then the count begins anew.

    Parameters
    ----------
    optimizer : optimizer
        The one that `fit` is given; its ``alpha`` is a number.
    factor : float
        Between 0 and 1.
    patience : int
    watch, at_least, direction
        See `Watching`.
    smallest : float
        Where ``alpha`` ends.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.

    Examples
    --------
    >>> from npbp import SGD
    >>> optimizer = SGD(0.1)
    >>> reduce = ReduceOnPlateau(optimizer, factor=0.5, patience=2, watch="loss")
    >>> for epoch in range(1, 5):
    ...     reduce(None, History(loss=[0.9, 0.8, 0.8, 0.85][:epoch]))
    >>> optimizer.alpha
    0.05
    """

    _options = (*Watching._options, "factor", "patience", "smallest")

    def __init__(self, optimizer: Any, factor: float = 0.5, patience: int = 3,
                 watch: str = "validation_loss", at_least: float = 0.0, smallest: float = 0.0,
                 direction: str | None = None) -> None:
        super().__init__(watch, at_least, direction)
        self.optimizer = _with_alpha("ReduceOnPlateau", optimizer)
        self.factor = at_least_0("ReduceOnPlateau", "factor", factor)
        if not 0 < self.factor < 1:
            raise ValueError(f"ReduceOnPlateau: got factor={factor}, wanted one between 0 and 1")
        self.patience = size("ReduceOnPlateau", "patience", patience)
        self.smallest = at_least_0("ReduceOnPlateau", "smallest", smallest)
        self.since = 0  # the epoch from which is counted

    def on_start(self, network: Network, history: History, epochs: int) -> None:
        super().on_start(network, history, epochs)
        if not history.loss:
            self.since = 0

    def __call__(self, network: Network, history: History) -> None:
        epoch = len(history.loss)
        if self.improved(history):
            self.since = epoch
        elif epoch - self.since >= self.patience:
            self.since = epoch
            alpha = self.optimizer.alpha
            self.optimizer.alpha = min(alpha, max(self.factor * alpha, self.smallest))

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "since": self.since, "alpha": self.optimizer.alpha}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.since, self.optimizer.alpha = state["since"], state["alpha"]


class CsvLog:
    """Write the history to ``path`` after each epoch, as `History.to_csv` does, each time whole.

    At the start it writes what there is, the header: so a folder that cannot be written to is
    an error before the first epoch, not after it.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "log.csv")
    ...     CsvLog(path)(None, History(loss=[0.5], correct=[0.9], seconds=[1.25]))
    ...     print(path.read_text(), end="")
    epoch,loss,correct,validation_loss,validation_correct,seconds
    1,0.5,0.9,,,1.25
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    def on_start(self, network: Network, history: History, epochs: int) -> None:
        history.to_csv(self.path)

    def __call__(self, network: Network, history: History) -> None:
        history.to_csv(self.path)

    def __repr__(self) -> str:
        return f"CsvLog({self.path!r})"


# ---- checks


def check_callbacks(callbacks: Iterable[Any], optimizer: Any, metrics: Iterable[str],
                    validation: bool) -> None:
    """An error before the first epoch, if one could only fail, or do nothing, after it."""
    names = ["loss", "correct", *metrics]
    if validation:
        names += [f"validation_{name}" for name in names]
    for callback in callbacks:
        owner = type(callback).__name__
        if isinstance(callback, Watching) and callback.watch not in names:
            hint = ""
            if callback.watch.startswith("validation_") and not validation:
                hint = "; fit has no validation: give it one, such as validation=0.1"
            raise ValueError(
                f"{owner}: got watch={callback.watch!r}, wanted one of {', '.join(names)}{hint}"
            )
        if isinstance(callback, (Schedule, ReduceOnPlateau)) and callback.optimizer is not optimizer:
            raise ValueError(
                f"{owner}: got another optimizer than fit, wanted the same object: "
                f"fit(..., optimizer=optimizer, callbacks=[{owner}(optimizer, ...)])"
            )


def _state(network: Network) -> dict[str, np.ndarray]:
    """The weights and running statistics by name: the arrays themselves."""
    return {**network.parameters, **network.buffers}


def _with_alpha(owner: str, optimizer: Any) -> Any:
    alpha = getattr(optimizer, "alpha", None)
    if isinstance(optimizer, type) or not np.isscalar(alpha):
        raise TypeError(
            f"{owner}: got {kind(optimizer)} as optimizer, wanted one whose alpha is a number, "
            "such as SGD(0.1)" + (": this one has a schedule already" if callable(alpha) else "")
        )
    return optimizer
