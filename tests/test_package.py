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
    """The files of npbp that a file imports, anywhere in it, such as "npbp/layers/base.py"."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {file for node in ast.walk(tree) for file in files_of(node)}


def files_of(node):
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        names = []
    for name in names:
        parts = name.replace("npbp.datasets", "datasets", 1).split(".")
        for n in (len(parts), len(parts) - 1):  # npbp.losses.SGD is a name in npbp/losses
            module = ROOT.joinpath(*parts[:n])
            found = {module.with_suffix(".py"), module / "__init__.py"} & set(SOURCES)
            if found:
                yield from found
                break


def room(path):
    parts = path.relative_to(ROOT).parts
    return parts[1].removesuffix(".py") if parts[0] == "npbp" else parts[0]


def test_the_rooms_import_only_downwards():
    allowed = {
        "layers": {"layers", "initializers"},
        "initializers": set(),
        "losses": {"losses", "layers"},
        "optimizers": {"optimizers"},
        "gradcheck": {"gradcheck"},
        "network": {"layers", "losses", "optimizers", "model_file", "summary", "trace"},
        "summary": {"layers", "trace"},
        "trace": {"layers"},
        "model_file": {"layers", "losses", "files", "npy"},
        "training": {"training", "network", "layers", "losses", "optimizers", "datasets",
                     "plotting", "files"},
        "files": set(),
        "npy": set(),
        "plotting": {"plotting", "training", "files"},
        "graph": {"graph", "files"},
        "datasets": {"datasets"},
    }  # fmt: skip
    seen = 0
    for path in SOURCES:
        wanted = allowed.get(room(path))
        if wanted is not None:
            found = {room(file) for file in imports(path)} - {"__init__"}  # examples may
            assert found <= wanted, path
            seen += len(found)
    assert seen > 40


def test_the_ground_floor_of_the_graph_imports_none_of_the_rooms_above_it():
    graph = ROOT / "npbp" / "graph"
    ground = {graph / f"{name}.py" for name in ("variable", "operation", "protocols", "backprop", "forward")}
    assert ground <= set(SOURCES)
    for path in ground:
        assert {file for file in imports(path) if room(file) == "graph"} <= ground, path


def test_no_file_imports_itself_by_way_of_others():
    """An import for the type checker alone is none when the program runs."""
    stands_on = {}
    for path in SOURCES:
        if path.name == "__init__.py":
            continue  # a folder's list of names; its files import each other, not it
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"^if TYPE_CHECKING:\n(?:    .*\n)+", "", text, flags=re.M)
        stands_on[path] = {
            file
            for node in ast.walk(ast.parse(text))
            for file in files_of(node)
            if file.name != "__init__.py"
        }
    done, way = set(), []

    def visit(path):
        assert path not in way, " -> ".join(str(p.relative_to(ROOT)) for p in [*way, path])
        if path not in done:
            way.append(path)
            for file in sorted(stands_on[path]):
                visit(file)
            done.add(way.pop())

    for path in stands_on:
        visit(path)
