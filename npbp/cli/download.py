"""``npbp download``: the files of a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from npbp import datasets
from npbp.cli.common import load, say, subcommand


def add_to(commands: Any) -> None:
    """The arguments of ``npbp download``."""
    sub = subcommand(commands, "download", download, "fetch a data set and say where its files are",
                  "  npbp download mnist\n"
                  "  NPBP_DATA=/srv/data npbp download fashion-mnist\n\n"
                  "The files go to a folder NAME in that of NPBP_DATA, or else in the usual cache\n"
                  "folder. The proxy is that of https_proxy or all_proxy; the certificates are those\n"
                  "of REQUESTS_CA_BUNDLE, if it is set.\n")
    sub.add_argument("name", metavar="NAME", choices=datasets.NAMES,
                     help=", ".join(datasets.NAMES))


def download(options: argparse.Namespace) -> int:
    """``npbp download``: the four files of a data set, whole and verified."""
    load(options.name)
    is_part_of_npbp = options.name == "mnist-sample"
    folder = (Path(datasets.__file__).parent / "sample" if is_part_of_npbp
              else datasets.cache_folder() / options.name)
    say(f"the files are in {folder.absolute()}")
    return 0
