"""The package as a whole: what it imports, ships and says of itself."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import npbp

ROOT = Path(npbp.__file__).parents[1]
SOURCES = sorted([*(ROOT / "npbp").rglob("*.py"), *(ROOT / "datasets").rglob("*.py")])
MODULES = sorted(
    {"npbp", "npbp.datasets"}
    | {m.name for m in pkgutil.walk_packages(npbp.__path__, "npbp.") if "__main__" not in m.name}
    | {f"npbp.datasets.{path.stem}" for path in (ROOT / "datasets").glob("[!_]*.py")}
)


def run(code, *flags):
    return subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, cwd=ROOT.parent
    )


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_its_docstrings_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(
        module, optionflags=doctest.ELLIPSIS
    )
    assert not result.failed


def test_importing_any_part_of_npbp_loads_neither_matplotlib_nor_requests():
    loaded = run("import npbp, npbp.cli, npbp.plotting, sys; print(sorted(sys.modules))").stdout
    assert "'npbp.network'" in loaded
    assert "'matplotlib" not in loaded and "'requests" not in loaded


def test_without_an_install_the_import_fails_with_one_sentence_that_says_what_to_do():
    # -S leaves site-packages, and so every install, out.
    result = run(f"import sys; sys.path.insert(0, {str(ROOT)!r}); import npbp", "-I", "-S")
    last = result.stderr.strip().splitlines()[-1]
    assert result.returncode == 1
    assert last.startswith("ImportError: npbp is imported from its source folder without an install")
    assert "`pip install -e .`" in last and "start Python in another folder" in last


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert npbp.__version__ == version("npbp")


def test_everything_in_all_is_there_and_a_typo_is_an_attribute_error():
    for name in npbp.__all__:
        assert getattr(npbp, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Liner'"):
        npbp.Liner


def public_objects():
    for name in npbp.__all__:
        value = getattr(npbp, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield name, value
    for name in npbp.datasets.__all__:
        value = getattr(npbp.datasets, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield f"datasets.{name}", value


@pytest.mark.parametrize("name, value", list(public_objects()))
def test_every_public_name_has_a_docstring_and_all_but_the_errors_an_example(name, value):
    text = inspect.getdoc(value) or ""
    assert len(text) > 30
    if not (inspect.isclass(value) and issubclass(value, Exception)):
        assert ">>> " in text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_has_no_bare_assert_and_uses_no_global_random_numbers(path):
    text = path.read_text(encoding="utf-8")
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text)))
    assert not re.search(r"np\.random\.(seed|rand|randn|random|shuffle|permutation)\b", text)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_parts_of_a_docstring_have_underlined_headings(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^ +(Args|Parameters|Returns|Raises|Attributes|Examples):$", text, re.M)


def imports(path):
    """The rooms of npbp that a file imports, such as "layers" or "datasets"."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{a.name}" for a in node.names] if node.module == "npbp" else [node.module]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("npbp.")}
    return rooms


def test_the_rooms_import_only_downwards():
    allowed = {
        "layers": {"layers", "initializers"},
        "initializers.py": set(),
        "losses.py": {"layers"},
        "optimizers.py": set(),
        "gradcheck.py": set(),
        "network.py": {"layers", "losses", "optimizers", "files"},
        "files.py": set(),
        "plotting.py": {"training", "files"},
    }
    for path in SOURCES:
        room = path.relative_to(ROOT).parts[1] if path.is_relative_to(ROOT / "npbp") else "datasets"
        wanted = {"datasets"} if room == "datasets" else allowed.get(room)
        if wanted is not None:
            assert imports(path) <= wanted, path
