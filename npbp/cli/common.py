"""What the subcommands share: a parser that speaks in one line, output, data."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Callable, Iterable

from npbp import datasets

if TYPE_CHECKING:
    from typing import NoReturn


class Failed(Exception):
    """The work cannot be done, for the reason in the message."""


class Parser(argparse.ArgumentParser):
    """An argparse parser whose mistakes are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse forgets an error of stdout, and writes what is for a closed stderr there."""
        if file is sys.stderr:
            to_stderr(message)
        elif file is not None:
            file.write(message)


class Help(argparse.RawDescriptionHelpFormatter):
    """Its lines are not broken at a hyphen: an option is in one piece, to be searched and copied."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def subcommand(
    commands: Any, name: str, run: Any, text: str, epilog: str
) -> argparse.ArgumentParser:
    """Add ``npbp NAME``, which calls ``run(options)``."""
    sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".",
                              epilog="examples:\n" + epilog,
                              formatter_class=Help)
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


def number(allowed: Callable[[float], bool], which: str) -> Any:
    """Reads an argument that is a finite number, one that is ``allowed``."""
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and allowed(value)):
            raise argparse.ArgumentTypeError(f"got {text[:40]!r}, wanted a number {which}")
        return value
    return read


def one_of(names: Iterable[str]) -> Any:
    """Reads an argument that is one of these names."""
    def read(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(
                f"got {text[:40]!r}, wanted one of {', '.join(names)}")
        return text
    return read


def say(line: str) -> None:
    """One line on stdout, at once."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failed(f"stdout cannot be written: {error.strerror or error}") from None


def complain(options: argparse.Namespace, error: Any, code: int) -> int:
    """One line on stderr; ``code`` is handed back."""
    if isinstance(error, OSError) and error.filename is not None:
        error = f"{error.filename}: {error.strerror}"
    line = "; ".join(part.strip() for part in str(error).splitlines()).replace(":; ", ": ")
    # Names of files and words of libraries may hold what a terminal takes for a command.
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    to_stderr(f"npbp {options.command}".rstrip() + f": {line}\n")
    return code


def to_stderr(text: str) -> None:
    """Write to stderr, if there is one that takes it."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except OSError:
        drop(sys.stderr)


def drop(stream: Any) -> None:
    """Send what a stream did not take to nowhere. Python flushes stdout and stderr once more
    at its exit, which would fail again; its manual advises this."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


_signals = [int(signal.SIGINT)]  # the last one is that which stopped us


def stop(number: int, frame: Any = None) -> NoReturn:
    """A handler that lets another signal stop the work as Ctrl-C does."""
    _signals.append(number)
    raise KeyboardInterrupt


def stopped(options: argparse.Namespace, *more: str) -> int:
    """Say what stopped the work, and what is left of it; the exit code of a shell."""
    number = _signals[-1]
    by = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    return complain(options, "; ".join((f"stopped by {by}", *filter(None, more))), 128 + number)


def load(name: str) -> datasets.Dataset:
    """The data set, and a line that says how large it is."""
    try:
        data = datasets.load(name)
    except RuntimeError as error:  # no home folder, so no cache folder
        reason = str(error).rstrip(".")
        raise Failed(f"{reason}: choose a folder for the data with NPBP_DATA") from None
    n_train, n_test = len(data.train[0]), len(data.test[0])
    say(f"data {name}: {n_train} training and {n_test} test images")
    return data
