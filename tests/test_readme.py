"""The README keeps its word: its code runs, its commands and files are there."""

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import npbp

ROOT = Path(npbp.__file__).parents[1]
README = ROOT / "README.rst"
TEXT = README.read_text(encoding="utf-8")


def test_every_line_of_code_in_it_runs_and_prints_what_it_says():
    result = doctest.testfile(
        str(README),
        module_relative=False,
        encoding="utf-8",
        optionflags=doctest.ELLIPSIS,
    )
    assert result.attempted > 30 and not result.failed


def test_it_gives_two_commands_of_one_line_that_do_all_the_set_up():
    commands = re.findall(r"^ +(python3 -m venv .*)$", TEXT, re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("npbp train") and commands[1].endswith("pytest")


def test_every_file_and_picture_that_it_names_is_there():
    names = re.findall(r"\.\. image:: (\S+)|``((?:npbp|datasets|benchmarks)/[\w./-]+)``", TEXT)
    names = [image or file for image, file in names]
    assert len(names) > 5
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_each_file_of_the_reading_order_stands_on_those_before_it():
    order = TEXT.split("Reading the source\n")[1].split("Sources and licence")[0]
    files = re.findall(r"``(npbp/[\w/]+\.py)``", order)
    assert len(files) > 8
    for n, name in enumerate(files):
        for node in ast.parse((ROOT / name).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                needed = node.module.replace(".", "/") + ".py"
                assert needed not in files[n + 1 :], f"{name} stands on {needed}"


@pytest.mark.parametrize("options", sorted(set(re.findall(r"``\.venv/bin/npbp (.*?)``", TEXT))))
def test_every_form_of_the_command_in_it_is_one_that_the_command_knows(options):
    words = options.replace("MODEL IMAGE", "").split()
    result = subprocess.run(
        [sys.executable, "-m", "npbp", *words, "--help"], capture_output=True, text=True
    )
    assert result.returncode == 0 and "usage: npbp" in result.stdout
