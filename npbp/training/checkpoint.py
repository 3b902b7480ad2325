"""A training that survives: where it stands is kept in a folder, and it goes on from there.

A checkpoint is everything that the next batch depends on: the weights and what else the
layers keep, the state of the optimizer, of the callbacks and of every random number
generator, the order of the epoch's examples and the place in it, the sums so far. Taken
between two steps and put back, the training cannot tell that it was away.

``checkpoint-00000123.npz`` was written after 123 steps. It appears under its name when all of
it is on the disk, and only then is an older one removed; so there is a whole one at any
moment. The file may come from anywhere, so it is read without pickle, and nothing is changed
before all of it has been looked at.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import inspect
import math
import os
import re
import time
import warnings
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Mapping

import numpy as np

from npbp.files import opened, replacing
from npbp.layers.checks import kind
from npbp.network import Network
from npbp.npy import Npz
from npbp.training.history import COLUMNS, History
from npbp.training.packing import ARRAY, pack, text, with_arrays
from npbp.training.record import OPTIONS, environment, generators, record
from npbp.training.state import State

if TYPE_CHECKING:
    from npbp.datasets import Batches

FORMAT = 1
NAME = re.compile(r"checkpoint-([0-9]{8,})\.npz")
LEFT_OVER = re.compile(r"\.checkpoint-[0-9]+-[0-9a-f]+\.npz")  # by a process killed as it wrote
HOLDS = {"epoch": int, "batch": int, "seconds": float, "stopped": bool, "totals": dict,
         "history": dict, "network": dict, "optimizer": dict, "callbacks": list, "generators": dict,
         "environment": dict}
NUMBERS = (float, int, np.number, np.ndarray)


class Checkpoints:
    """The folder in which a training keeps where it stands; the last two are there.

    Parameters
    ----------
    folder : path
        Made, if it is not there.
    seconds : float
        How often one is written within an epoch.
    network, train, validation, optimizer, callbacks
        Those of the training.
    counted : dict
        In words, what is counted and how: it must be the same when it goes on.
    rows : array or None
        Those that were drawn from the data for the validation.

    Raises
    ------
    TypeError
        If the optimizer, or a callback that has a state, could not take it back; or an
        argument is of the wrong kind.
    """

    def __init__(self, folder: Any, seconds: Any, network: Network, train: Batches,
                 validation: Batches | None, optimizer: Any, callbacks: tuple,
                 counted: Mapping[str, str] = MappingProxyType({}), rows: np.ndarray | None = None) -> None:
        self.folder, self.seconds = _folder(folder), _seconds(seconds)
        self.network, self.train, self.optimizer, self.rows = network, train, optimizer, rows
        self.callbacks = [c for c in callbacks if hasattr(c, "state_dict")]
        for part in (optimizer, *self.callbacks):
            _keeps_its_state(part)
        drawn_from = generators(network, train, validation, optimizer, callbacks)
        # What is counted comes first: with another share of validation the data differ as well.
        self.record = {**counted, **record(network, train, validation, optimizer, self.callbacks, drawn_from)}
        self.environment = environment()
        self.generators = {id(g): (name, g) for name, g in reversed(drawn_from.items())}
        # Not a number at the start is how a layer's buffer may begin; a weight may not.
        self.finite = {*network.parameters, *(n for n, b in network.buffers.items() if np.isfinite(b).all())}
        self.kept: list[Path] = []
        self.due, self.warned = math.inf, False

    # ---- writing

    def is_due(self) -> bool:
        return time.monotonic() >= self.due

    def write(self, state: State) -> None:
        """A new one, and the oldest of three is gone.

        Raises
        ------
        OSError
            If it cannot be written. Those before are as they were.
        """
        arrays = self._arrays()
        bad = _first_not_finite(arrays, self.finite)
        if bad:  # it could not be loaded, and the good ones would be gone
            if not self.warned:
                self.warned = True
                warnings.warn(f"fit: {bad} in epoch {state.epoch}: no checkpoint is written while it "
                              f"is so, {self.folder} stays as it is", stacklevel=3)
            return
        content = pack("fit: checkpoint", {
            "format": FORMAT,
            "record": self.record,
            "environment": self.environment,
            "epoch": state.epoch,
            "batch": state.batch,
            "order": state.order,
            "rows": self.rows,
            "seconds": state.seconds,
            "stopped": state.stopped,
            "totals": state.totals.state_dict(),
            "history": {f.name: getattr(state.history, f.name) for f in fields(History)},
            "network": arrays,
            "optimizer": self.optimizer.state_dict(),
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            "generators": {name: g.bit_generator.state for name, g in self.generators.values()},
        })
        steps = (state.epoch - 1) * len(self.train) + state.batch
        path = self.folder / f"checkpoint-{steps:08d}.npz"
        try:
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        except OSError as error:
            if error.filename is None:  # as if the disk is full
                error.filename = str(path)
            raise
        self.kept = [*(other for other in self.kept if other != path), path][-2:]
        for other in _paths(self.folder):
            if other not in self.kept:
                _remove(other)
        self.due = time.monotonic() + self.seconds

    # ---- going on

    def begin(self, resume: bool, epochs: int, state: State) -> None:
        """Put everything where the newest checkpoint stands; if there is none, write the first.

        Raises
        ------
        ValueError
            If there is one and ``resume`` is False, or none that can be read; if it is of
            another training, or of more than ``epochs``. Nothing has been changed.
        """
        paths = _paths(self.folder)
        if paths and not resume:
            raise ValueError(
                f"fit: {self.folder} holds {paths[0].name} of an earlier training, which would be lost: "
                "write resume=True to go on with it, or name another folder"
            )
        if paths:
            path, held = self._newest(paths, epochs, state)
            self._put_back(path, held, state)
            self.record = held["record"]
            _warn_of_another_machine(path, held["environment"], self.environment)
            self.kept, self.due = [path], time.monotonic() + self.seconds
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
        for name in os.listdir(self.folder):
            if LEFT_OVER.fullmatch(name):
                _remove(self.folder / name)
        if not paths:
            self.write(state)

    def _newest(self, paths: list[Path], epochs: int, state: State) -> tuple[Path, dict]:
        """The newest that can be read, and what it holds."""
        damaged: dict[Path, str] = {}
        for path in paths:
            refusal, held = "", {}
            try:
                with opened(path) as file, Npz(file) as arrays:
                    held = text(arrays)
                    refusal = self._of_another_training(path, held)
                    if not refusal:
                        self._sizes_fit(held["network"], arrays)
                        held = with_arrays(held, arrays)
                        self._makes_sense(held)
                        state.totals.load_state_dict(held["totals"])
                        refusal = _too_far(path, held, epochs)
            except Exception as error:  # a damaged file makes zipfile and json raise all sorts
                if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                    raise  # the system's own word, as in model_file.load
                reason = f"it has no {error}" if isinstance(error, KeyError) else str(error) or repr(error)
                damaged[path] = _line(reason)
                continue
            if damaged:
                told = "; ".join(f"{other} is damaged ({why})" for other, why in damaged.items())
                warnings.warn(f"fit: {told}: it goes on from {path.name}, the one before", stacklevel=4)
            if refusal:
                raise ValueError(refusal)
            return path, held
        told = "; ".join(f"{path.name}: {why}" for path, why in damaged.items())
        raise ValueError(f"fit: no checkpoint in {self.folder} can be read ({told}): to start anew, name "
                         "another folder")

    def _of_another_training(self, path: Path, held: Any) -> str:
        """What differs from this one, as a sentence, or ""."""
        if held["format"] != FORMAT:
            return (f"fit: got format {_line(held['format'])} in {path}, wanted {FORMAT}: another version "
                    "of npbp wrote it")
        before, now = held["record"], self.record
        for what in (*now, *before):
            if what == OPTIONS and not (what in now and what in before):
                continue  # one that has made steps goes on
            if now.get(what) != before.get(what):
                return (
                    f"fit: got {now.get(what, 'nothing')} as {_line(what)}, wanted "
                    f"{_line(before.get(what, 'nothing'))}, as it is in {path}: go on with what the "
                    "training began with, or name another folder"
                )
        return ""

    def _sizes_fit(self, names: dict, arrays: Npz) -> None:
        """Before they are read: the file may claim anything."""
        wanted = self._arrays()
        for name in (*wanted, *names):
            if name not in names or name not in wanted:
                raise ValueError(f"its weights are not those that it tells of: {name}")
            header, W = arrays.header(names[name][ARRAY]), wanted[name]
            if (header.dtype.newbyteorder("="), header.shape) != (W.dtype, W.shape):
                raise ValueError(f"{name} is {header.dtype} {header.shape}, wanted {W.dtype} {W.shape}")

    def _makes_sense(self, held: dict) -> None:
        """What a checkpoint of this training must hold, or an error that says what it has not."""
        for name, wanted in HOLDS.items():
            if type(held[name]) is not wanted:
                raise ValueError(f"its {name} is no {wanted.__name__}")
        epoch, batch, order, N = held["epoch"], held["batch"], held["order"], len(self.train.X)
        if epoch < 1 or not 0 <= batch <= len(self.train) or batch and order is None:
            raise ValueError(f"it stands at batch {batch} of epoch {epoch}, which there is not")
        if order is not None and not np.array_equal(np.sort(order), np.arange(N)):
            raise ValueError(f"its order is none of {N} examples")
        if not 0 <= held["seconds"] < math.inf:
            raise ValueError("its seconds are no time")
        _history_makes_sense(held["history"], epoch - 1)
        if not all(total is None or isinstance(total, NUMBERS) for total in held["totals"].values()):
            raise ValueError("its totals are no numbers")
        if len(held["callbacks"]) != len(self.callbacks):
            raise ValueError("it has not one state for each callback")
        if {*held["generators"]} != {name for name, _ in self.generators.values()}:
            raise ValueError("it has not one state for each generator")
        for its in held["generators"].values():
            _generator_makes_sense(its)
        bad = _first_not_finite(held["network"], self.finite)
        if bad:
            raise ValueError(bad)

    def _put_back(self, path: Path, held: dict, state: State) -> None:
        """Everything as it was; or, if a part does not take its state, all as it is."""
        undo = []
        try:
            for name, generator in self.generators.values():
                part, bits = f"the generator {name}", generator.bit_generator
                undo.append(partial(setattr, bits, "state", bits.state))
                bits.state = held["generators"][name]
            for owner, its in ((self.optimizer, held["optimizer"]), *zip(self.callbacks, held["callbacks"])):
                part = type(owner).__name__
                undo.append(partial(owner.load_state_dict, copy.deepcopy(owner.state_dict())))
                if "parameters" in inspect.signature(owner.load_state_dict).parameters:
                    owner.load_state_dict(its, self.network.parameters)  # to hold it against
                else:
                    owner.load_state_dict(its)
        except Exception as error:
            for back in undo:
                back()
            raise ValueError(f"fit: {part} does not take its state of {path} back: "
                             f"{type(error).__name__}: {_line(error)}") from error
        for name, W in self._arrays().items():
            W[...] = held["network"][name]
        for name in ("epoch", "batch", "order", "seconds", "stopped"):
            setattr(state, name, held[name])
        for name, values in held["history"].items():
            setattr(state.history, name, values)

    def _arrays(self) -> dict[str, np.ndarray]:
        """The weights of the network, and what else its layers keep."""
        return {**self.network.parameters, **self.network.buffers}


def rows_before(folder: Any) -> np.ndarray | None:
    """The rows that the training in ``folder`` drew for its validation, if it has drawn some.

    They are needed before there is anything to hold the checkpoint against: so what is wrong
    with it is told later, by `Checkpoints.begin`.

    Raises
    ------
    ValueError
        If ``folder`` is None.
    """
    if folder is None:
        raise ValueError("fit: got resume=True and no checkpoint, wanted its folder: checkpoint=...")
    for path in _paths(_folder(folder)):
        with contextlib.suppress(Exception), opened(path) as file, Npz(file) as arrays:
            rows = with_arrays(text(arrays)["rows"], arrays)
            rising = rows.ndim == 1 and rows.size and (np.diff(rows, prepend=-1) > 0).all()
            if rising and rows.dtype.kind == "i":
                return rows
    return None


def _paths(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first."""
    try:
        found = {name: NAME.fullmatch(name) for name in os.listdir(folder)}
    except FileNotFoundError:
        return []
    except NotADirectoryError as error:
        raise NotADirectoryError(error.errno, "this is a file, wanted a folder", str(folder)) from None
    steps = {name: int(match[1]) for name, match in found.items() if match}
    return [folder / name for name in sorted(steps, key=steps.get, reverse=True)]


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


# ---- checks


def _too_far(path: Path, held: dict, epochs: int) -> str:
    """A sentence if it is beyond the end that is wanted now, or ""."""
    epoch, batch = held["epoch"], held["batch"]
    if epoch - 1 < epochs or epoch - 1 == epochs and not batch:
        return ""
    stands = f"is at batch {batch} of epoch {epoch}" if batch else f"has {epoch - 1} whole epochs"
    return f"fit: got epochs={epochs}, wanted {epoch if batch else epoch - 1} or more: {path} {stands}"


def _warn_of_another_machine(path: Path, before: dict, now: dict) -> None:
    other = [f"{what} was {_line(before.get(what))} and is {now[what]}" for what in now
             if now[what] != before.get(what)]
    if other:
        warnings.warn(
            f"fit: {path} was written elsewhere: {'; '.join(other)}: the result may differ in the last "
            "digits from that of a training that was never stopped", stacklevel=4)


def _history_makes_sense(history: dict, epochs: int) -> None:
    fresh = History()
    for field in fields(History):
        if type(history[field.name]) is not type(getattr(fresh, field.name)):
            raise ValueError(f"its history has no {field.name}")
    lists = {name: history[name] for name in COLUMNS}
    if len(lists["loss"]) != epochs or len(lists["seconds"]) != epochs:
        raise ValueError(f"its history is not one of {epochs} epochs")
    for name, values in lists.items():
        if len(values) > epochs or not all(isinstance(value, NUMBERS) for value in values):
            raise ValueError(f"its history has something else than {epochs} numbers as {name}")


def _generator_makes_sense(state: dict) -> None:
    """NumPy believes what it is told of the place in a generator's buffer, and reads there."""
    for part in (state, state.get("state")):
        for name, most in (("pos", 624), ("buffer_pos", 4)):
            if isinstance(part, dict) and name in part:
                place = part[name]
                if type(place) is not int or not 0 <= place <= most:
                    raise ValueError(f"the state of a generator has the {name} {place}, wanted 0 to {most}")


def _first_not_finite(arrays: dict[str, np.ndarray], names: set[str]) -> str:
    for name, array in arrays.items():
        if name in names and not np.isfinite(array).all():
            return f"{name} is not finite"
    return ""


def _keeps_its_state(part: Any) -> None:
    missing = [name for name in ("state_dict", "load_state_dict") if not callable(getattr(part, name, None))]
    if missing:
        raise TypeError(
            f"fit: got {kind(part)} with no {missing[0]}, wanted one that has state_dict() and "
            "load_state_dict(state): else a checkpoint would lose its state"
        )


def _folder(folder: Any) -> Path:
    if not isinstance(folder, (str, bytes, os.PathLike)) or not os.fspath(folder):
        raise TypeError(f"fit: got checkpoint={folder!r}, wanted the path of a folder")
    return Path(os.fsdecode(folder))


def _seconds(seconds: Any) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float, np.integer, np.floating)):
        raise TypeError(f"fit: got checkpoint_seconds={seconds!r}, wanted a number")
    if not seconds >= 0:
        raise ValueError(f"fit: got checkpoint_seconds={seconds!r}, wanted 0 or more")
    return float(seconds)


def _line(reason: Any) -> str:
    return "".join(c if c.isprintable() else " " for c in str(reason)[:200])
