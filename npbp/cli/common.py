"""What the subcommands share: a parser that speaks in one line, data, folders, the bar."""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npbp import datasets

if TYPE_CHECKING:
    from typing import NoReturn


class Failed(Exception):
    """The work cannot be done, for the reason in the message."""


class Parser(argparse.ArgumentParser):
    """An argparse parser whose mistakes are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def subcommand(commands: Any, name: str, run: Any, text: str, epilog: str) -> argparse.ArgumentParser:
    """Add ``npbp NAME``, which calls ``run(options)``."""
    sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".",
                              epilog="examples:\n" + epilog,
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    sub.set_defaults(run=run, command=name)
    return sub


def whole(least: int, most: int | None = None) -> Any:
    """Reads an argument that is a whole number."""
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            span = f"of at least {least}" if most is None else f"of {least} to {most}"
            raise argparse.ArgumentTypeError(f"got {text[:40]!r}, wanted a whole number {span}")
        return value
    return read


def learning_rate(text: str) -> float:
    """Reads an argument that is a learning rate."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"got {text[:40]!r}, wanted a number above 0")
    return value


def complain(options: argparse.Namespace, error: Any, code: int) -> int:
    """One line on stderr; ``code`` is handed back."""
    if isinstance(error, OSError) and error.filename is not None:
        error = f"{error.filename}: {error.strerror}"
    line = "; ".join(part.strip() for part in str(error).splitlines()).replace(":; ", ": ")
    print(f"npbp {options.command}: {line}", file=sys.stderr)
    return code


def load(name: str) -> datasets.Dataset:
    """The data set, and a line that says how large it is."""
    try:
        data = datasets.load(name)
    except RuntimeError as error:  # no home folder, so no cache folder
        reason = str(error).rstrip(".")
        raise Failed(f"{reason}: choose a folder for the data with NPBP_DATA") from None
    n_train, n_test = len(data.train[0]), len(data.test[0])
    print(f"data {name}: {n_train} training and {n_test} test images", flush=True)
    return data


def new_run_folder(out: str | os.PathLike[str], name: str) -> Path:
    """Make ``out/name-1``, or the first number that is free.

    Making a folder fails if it is there already, even by a process that came first by a
    moment; so no two runs share one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as out:
    ...     [new_run_folder(out, "mnist").name for _ in range(2)]
    ['mnist-1', 'mnist-2']
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = out / f"{name}-{number}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


class Bar:
    """A progress bar on the last line of a terminal; nothing where stderr is a file."""

    def __init__(self) -> None:
        self.terminal = sys.stderr is not None and sys.stderr.isatty()
        self.drawn = 0.0

    def draw(self, label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self.terminal or now - self.drawn < 0.1:
            return
        self.drawn = now
        end = f" {done}/{total}"
        room = max(0, min(50, shutil.get_terminal_size().columns - len(label) - len(end) - 5))
        full = room * done // total
        sys.stderr.write(f"\r{label} [{'#' * full}{'.' * (room - full)}]{end}\x1b[K")
        sys.stderr.flush()

    def clear(self) -> None:
        if self.terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
