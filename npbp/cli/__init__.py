"""The command ``npbp``: train a network, let it predict, fetch data. One subcommand a file.

Whatever goes wrong ends in one line on stderr. Exit codes: 0 done, 1 the work failed, 2
the arguments are wrong, 130 stopped by Ctrl-C (128 + its number by another signal).
"""

from __future__ import annotations

import argparse
import errno
import sys
from typing import Sequence

import npbp
from npbp import datasets
from npbp.cli import download, predict, train
from npbp.cli.common import Failed, Help, Parser, complain, drop, stopped
from npbp.cli.run_folder import new_run_folder
from npbp.training import DivergedError

__all__ = ["main", "new_run_folder"]

FULL = (errno.ENOSPC, errno.EFBIG, errno.EIO)  # errors of writing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with ``arguments`` (those of the process if None); its exit code.

    Examples
    --------
    >>> main(["predict", "no-such-file.npz", "digits.npy"])  # the reason is on stderr
    1
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file's name may not fit the terminal's encoding
            stream.reconfigure(errors="backslashreplace")
    options = argparse.Namespace(command="")
    try:
        try:
            options = _parser().parse_args(arguments)
            code = options.run(options)
        except SystemExit as end:  # argparse's way to end after --help or a mistake
            code = int(end.code or 0)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of a pipe has what it wanted, as in `| head -1`
        drop(sys.stdout)
        return 1
    except KeyboardInterrupt:
        return stopped(options)
    except MemoryError as error:
        return complain(options, f"not enough memory: {error}", 1)
    except (Failed, DivergedError, datasets.DataError, OSError) as error:
        lost = not _can_write()
        if lost:
            drop(sys.stdout)
        # A file's error names the file.
        if isinstance(error, OSError) and error.filename is None and (lost or error.errno in FULL):
            error = f"stdout cannot be written: {error.strerror or error}"
        return complain(options, error, 1)


def _can_write() -> bool:
    """Whether stdout takes what was printed."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="npbp", formatter_class=Help,
        description="Back-propagation in pure NumPy.",
        epilog="examples:\n"
               "  npbp train                              a few seconds, no network needed\n"
               "  npbp train --data mnist --hidden 128    the full 97 %\n"
               "  npbp train --resume runs/mnist-1        the rest of a run that was stopped\n"
               "  npbp predict runs/mnist-1/model.npz digits.npy\n\n"
               "NPBP_DATA: the folder of the data sets, if it is not to be the usual cache folder\n\n"
               "exit codes: 0 done, 1 the work failed, 2 the arguments are wrong, 130 Ctrl-C\n"
               "(143 by SIGTERM, 129 by SIGHUP)\n")
    parser.add_argument("--version", action="version", version=f"npbp {npbp.__version__}")
    parser.set_defaults(run=lambda options: parser.print_help() or 0, command="")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (train, predict, download):
        module.add_to(commands)
    return parser
