"""The command ``npbp``: train a network, let it predict, fetch data. One subcommand a file.

Whatever a user gets wrong ends in one line on stderr. Exit codes: 0 done, 1 the work
failed, 2 the arguments are wrong, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Sequence

import npbp
from npbp import datasets
from npbp.cli import download, predict, train
from npbp.cli.common import Failed, Parser, complain, new_run_folder
from npbp.training import DivergedError

__all__ = ["main", "new_run_folder"]


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
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:  # argparse's way to end after --help or a mistake
        return int(stop.code or 0)
    try:
        code = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of a pipe has what it wanted, as in `| head -1`
        # Python flushes stdout once more at its exit; its manual advises this.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return complain(options, "stopped by Ctrl-C", 130)
    except MemoryError as error:
        return complain(options, f"not enough memory: {error}", 1)
    except (Failed, DivergedError, datasets.DataError, OSError) as error:
        return complain(options, error, 1)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="npbp", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Back-propagation in pure NumPy.",
        epilog="examples:\n"
               "  npbp train                              a few seconds, no network needed\n"
               "  npbp train --data mnist --hidden 128    the full 97 %\n"
               "  npbp predict runs/mnist-1/model.npz digits.npy\n")
    parser.add_argument("--version", action="version", version=f"npbp {npbp.__version__}")
    parser.set_defaults(run=lambda options: parser.print_help() or 0, command="")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (train, predict, download):
        module.add_to(commands)
    return parser
