"""The benchmarks: that they run and tell what they measured. Nothing here depends on speed."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

import npbp
import npbp.layers
import npbp.losses
import npbp.optimizers

ROOT = Path(npbp.__file__).parents[1]
sys.path.append(str(ROOT))  # `python -m benchmarks` finds it as it is started there

from benchmarks import charts, comparison, layers, machine, mnist, optimizers  # noqa: E402
from benchmarks.__main__ import FILES  # noqa: E402
from benchmarks.harness import Failure, Session, Table, Timer, alternate, quartiles  # noqa: E402
from benchmarks.peers import PEERS, installed  # noqa: E402
from benchmarks.programs import ALPHA, with_npbp  # noqa: E402
from benchmarks.step import Step  # noqa: E402
from benchmarks.worker import Worker  # noqa: E402

SMALL = ("layers", "optimizers", "data", "import", "epoch", "step")


def benchmarks(*arguments, **options):
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A quick run of the small ones: what it printed, its JSON, its pictures."""
    folder = tmp_path_factory.mktemp("benchmarks")
    done = benchmarks(*SMALL, "--quick", "--json", folder / "new.json", "--plot", folder / "pictures")
    assert done.returncode == 0, done.stderr
    return done, json.loads((folder / "new.json").read_text()), folder


# ---- the command

def test_without_a_name_it_lists_every_benchmark_with_its_question():
    done = benchmarks()
    assert done.returncode == 0
    for name in FILES:
        line = next(line for line in done.stdout.splitlines() if line.split()[:1] == [name])
        assert line.endswith("?") and len(line) < 110
    assert "--compare OLD.json" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (["matmull"], ["'matmull'", "matmul, layers"]),
    (["import", "matmull"], ["'matmull'"]),
    (["import", "--compare", "no-such-file.json"], ["no-such-file.json: No such file"]),
    (["import", "--compare", "README.rst"], ["README.rst: not a file that --json wrote"]),
    (["import", "--json", "no-such-folder/new.json"], ["no-such-folder/new.json: No such file"]),
    (["import", "--plot", "README.rst"], ["README.rst: File exists"]),
    (["import", "--json", "tests"], ["tests: Is a directory"]),
    (["all", "matmull"], ["'matmull'"]),
])
def test_what_cannot_work_is_said_in_one_line_before_anything_runs(arguments, words):
    done = benchmarks(*arguments, "--quick")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("benchmarks: ") and done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_progress_is_on_stderr_and_tables_are_on_stdout(ran):
    done, results, _ = ran
    for name in SMALL:
        assert f"benchmarks: {name}: " in done.stderr
        assert f"{name}: {results['benchmarks'][name]['question']}\n===" in done.stdout
    assert "benchmarks: " not in done.stdout
    assert results["machine"]["numpy"] in done.stdout


def test_it_says_whether_the_data_are_mnist_or_random_bytes(ran, tmp_path):
    done, results, _ = ran
    note = results["benchmarks"]["data"]["notes"][0]
    assert note in ("The data: MNIST.", "The data: random bytes of MNIST's shape.")
    assert note in done.stdout
    elsewhere = benchmarks("data", "--quick", env={**os.environ, "NPBP_DATA": str(tmp_path)})
    assert "The data: random bytes of MNIST's shape." in elsewhere.stdout


# ---- what is written

def test_the_json_has_the_machine_and_every_run(ran):
    _, results, _ = ran
    assert results["quick"] is True and results["date"][:2] == "20"
    machine = results["machine"]
    assert machine["processor"] and machine["blas"] and machine["cores"] >= machine["threads"] >= 1
    assert machine["python"] == ".".join(map(str, sys.version_info[:3]))
    assert list(results["benchmarks"]) == list(SMALL)
    for benchmark in results["benchmarks"].values():
        assert benchmark["tables"]
        for table in benchmark["tables"]:
            assert table["unit"] and table["rows"]
            for row in table["rows"]:
                low, high = row["quartiles"]
                assert row["runs"] and 0 < low <= row["median"] <= high


def test_every_run_says_what_must_hold_and_whether_it_does(ran):
    done, results, _ = ran
    (limit,) = results["benchmarks"]["import"]["limits"]
    assert limit["at_most"] == 30 and limit["unit"] == "ms"
    line = next(line for line in done.stdout.splitlines() if line.startswith(limit["what"]))
    assert line.split()[-1] == ("yes" if limit["value"] <= 30 else "NO")


def test_a_picture_is_written_for_each_benchmark(ran):
    _, _, folder = ran
    for name in SMALL:
        png = (folder / "pictures" / f"{name}.png").read_bytes()
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = (int.from_bytes(png[i:i + 4], "big") for i in (16, 20))
        assert width == 1920 and height >= 1080


def test_every_layer_and_loss_of_the_library_is_timed():
    found = {kind for module in (npbp.layers, npbp.losses) for kind in vars(module).values()
             if isinstance(kind, type) and issubclass(kind, (npbp.Layer, npbp.Loss))}
    assert found - {npbp.Layer, npbp.Loss} == set(layers.CASES)


def test_every_optimizer_of_the_library_is_timed():
    found = {name for name, kind in vars(npbp.optimizers).items()
             if isinstance(kind, type) and issubclass(kind, npbp.Optimizer)}
    assert found - {"Optimizer"} == set(optimizers.KINDS) == set(optimizers.CASES[0][2])


def test_a_step_taken_piece_by_piece_trains_as_fit_does():
    images, labels, _ = mnist.images_and_labels()
    step, network = Step((784, 4, 10), 50), with_npbp.network((784, 4, 10))
    step.mean(len(images) // 50)
    npbp.fit(network, npbp.datasets.Batches(images, labels, 50, rng=0), epochs=1,
             optimizer=npbp.SGD(ALPHA))
    for name, W in network.parameters.items():
        np.testing.assert_array_equal(step.network.parameters[name], W)


def test_timing_the_pieces_alone_leaves_the_network_as_it_trains():
    step = Step((784, 4, 10), 50)
    calls = step.alone()
    before = {name: W.copy() for name, W in step.network.parameters.items()}
    for call in calls.values():
        for _ in range(3):
            call()
    for name, W in step.network.parameters.items():
        np.testing.assert_array_equal(W, before[name])


COURSE = [
    "batch", "linear1 forward", "batchnorm1d1 forward", "relu1 forward", "dropout1 forward",
    "linear2 forward", "loss forward", "fraction correct", "loss bp_input", "linear2 bp_param",
    "linear2 bp_input", "dropout1 bp_input", "relu1 bp_input", "batchnorm1d1 backward",
    "linear1 bp_param", "linear1 W step", "batchnorm1d1 step", "linear2 W step", "all of them",
]


def test_the_pieces_of_a_step_are_all_there_alone_too_and_the_products_bare(ran):
    _, results, _ = ran
    *plain, course = results["benchmarks"]["step"]["tables"]
    for table in (*plain, course):
        found = {}
        for row in table["rows"]:
            found.setdefault(row["program"], {})[row["x"]] = row
        assert list(found["in a step"]) == list(found["alone"]) == (COURSE if table is course else [
            "batch", "linear1 forward", "relu1 forward", "linear2 forward", "loss forward",
            "fraction correct", "loss bp_input", "linear2 bp_param", "linear2 bp_input",
            "relu1 bp_input", "linear1 bp_param", "linear1 W step", "linear2 W step",
            "all of them"])
        assert list(found["bare product"]) == [
            "linear1 forward", "linear2 forward", "linear2 bp_param", "linear2 bp_input",
            "linear1 bp_param", "all of them"]
        for rows in found.values():
            *pieces, total = (row["runs"] for row in rows.values())
            np.testing.assert_allclose(total, np.sum(pieces, axis=0))


# ---- --compare

def test_compare_prints_what_became_slower_the_worst_first(ran):
    _, new, _ = ran
    old = copy.deepcopy(new)
    tables = old["benchmarks"]["data"]["tables"]
    tables[0]["rows"][1]["median"] *= 3        # MB/s: it had been faster
    tables[1]["rows"][1]["median"] /= 3        # MB/s: it had been slower
    old["benchmarks"]["import"]["tables"][0]["rows"][0]["median"] /= 2      # ms
    old["benchmarks"]["import"]["tables"][0]["rows"][1]["median"] *= 2      # ms
    old["benchmarks"]["epoch"]["tables"][0]["rows"][0]["median"] /= 1.05    # below the threshold
    lines = comparison.text(old, new).splitlines()
    assert lines[0].startswith("2 of ")
    rows = [line for line in lines if line.lstrip()[:1].isdigit()][1:]
    assert [row.split()[:2] for row in rows] == [["3.00", "data"], ["2.00", "import"]]
    assert "npbp read_idx" in rows[0] and rows[1].endswith("numpy")
    assert "plain" in rows[0]  # MB/s, where less is slower; .gz became faster


def test_the_json_says_which_tables_are_better_when_higher(ran):
    _, results, _ = ran
    tables = [table for name in SMALL for table in results["benchmarks"][name]["tables"]]
    assert {table["unit"] for table in tables if table["higher_is_better"]} == {"MB/s"}
    assert "MB/s" not in {table["unit"] for table in tables if not table["higher_is_better"]}


def test_compare_says_when_nothing_became_slower_or_nothing_is_common(ran):
    _, new, _ = ran
    assert comparison.text(new, new).startswith("0 of ")
    other = {**new, "benchmarks": {}}
    assert comparison.text(other, new).startswith("Nothing to compare")


def test_compare_says_when_the_earlier_run_was_another_machine_or_of_other_effort(ran):
    _, new, _ = ran
    old = {**new, "quick": False, "machine": {**new["machine"], "processor": "Abacus 3"}}
    text = comparison.text(old, new)
    assert "another machine: Abacus 3" in text and "a quick run" in text


def test_the_command_compares_with_a_file_it_wrote(ran):
    _, new, folder = ran
    old = copy.deepcopy(new)
    for row in old["benchmarks"]["import"]["tables"][0]["rows"]:
        row["median"] /= 1000
    (folder / "old.json").write_text(json.dumps(old))
    done = benchmarks("import", "--quick", "--compare", folder / "old.json")
    assert done.returncode == 0
    assert f"2 of 2 became slower by more than 1.1 times, against the run of {old['date']}" in done.stdout


@pytest.mark.parametrize("name, value, threads", [
    ("OPENBLAS_NUM_THREADS", "1", 1), ("OMP_NUM_THREADS", "1", 1), ("MKL_NUM_THREADS", "1", 8),
    ("OPENBLAS_NUM_THREADS", "99", 8), ("OPENBLAS_NUM_THREADS", "all", 8)])
def test_the_threads_are_those_that_the_library_takes(monkeypatch, name, value, threads):
    for names in machine.THREADS.values():
        for each in names:
            monkeypatch.delenv(each, raising=False)
    monkeypatch.setattr(machine, "blas", lambda: "scipy-openblas 0.3")
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setenv(name, value)
    assert machine.threads() == threads


# ---- the kernel

def libraries(monkeypatch, *found):
    """As if threadpoolctl were installed and had found these; without one, as if it were not."""
    info = types.SimpleNamespace(threadpool_info=lambda: list(found)) if found else None
    monkeypatch.setitem(sys.modules, "threadpoolctl", info)


def library(folder, architecture, **others):
    return {"user_api": "blas", "filepath": str(folder / "libopenblas.so"), "version": "0.3.31",
            "num_threads": 3, "architecture": architecture, **others}


@pytest.fixture
def not_forced(monkeypatch):
    for name in machine.FORCING:
        monkeypatch.delenv(name, raising=False)


NUMPY, ELSEWHERE = Path(np.__file__).parent, Path("elsewhere") / "scipy.libs"


def test_the_record_names_the_kernel_that_numpy_runs(monkeypatch, not_forced):
    libraries(monkeypatch, {"user_api": "openmp"}, library(ELSEWHERE, "Other", num_threads=9),
              library(NUMPY.with_name("numpy.libs"), "SkylakeX"))
    record = machine.record()
    assert record["kernel"] == {"name": "SkylakeX", "version": "0.3.31", "threads": 3}
    assert record["threads"] == 3 and record["forced"] == {}
    assert json.loads(json.dumps(record)) == record
    lines = machine.text(record).splitlines()
    assert len(lines) == 2 and ", kernel SkylakeX, 3 threads" in lines[1]


def test_a_library_without_a_kernel_of_a_name_and_one_elsewhere_are_taken_as_they_are(monkeypatch):
    libraries(monkeypatch, library(ELSEWHERE, None))
    assert machine.kernel() == {"name": None, "version": "0.3.31", "threads": 3}
    assert ", kernel unnamed, " in machine.text(machine.record())
    libraries(monkeypatch, {"user_api": "openmp"})
    assert machine.kernel() is None


def test_without_threadpoolctl_the_kernel_is_unknown_and_the_threads_are_those_of_the_variables(
        monkeypatch, not_forced):
    libraries(monkeypatch)
    record = machine.record()
    assert record["kernel"] is None and record["threads"] == machine.threads()
    assert "kernel unknown (threadpoolctl is not installed)" in machine.text(record)


@pytest.mark.parametrize("name", machine.FORCING)
def test_what_forces_a_kernel_is_in_the_record_and_warned_of(monkeypatch, not_forced, name):
    monkeypatch.setenv(name, "")
    assert machine.forced() == {} and len(machine.text(machine.record()).splitlines()) == 2
    monkeypatch.setenv(name, "Prescott")
    record = machine.record()
    assert record["forced"] == {name: "Prescott"}
    lines = machine.text(record).splitlines()
    assert len(lines) == 3 and lines[2].startswith(f"WARNING: {name}=Prescott: ") and "unset" in lines[2]


@pytest.mark.parametrize("forced", [False, True])
def test_the_command_warns_of_a_forced_kernel_in_its_tables_its_json_and_to_the_user(tmp_path, forced):
    env = {name: value for name, value in os.environ.items() if name not in machine.FORCING}
    if forced:
        env["OPENBLAS_CORETYPE"] = "Prescott"
    done = benchmarks("import", "--quick", "--json", tmp_path / "new.json", env=env)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "new.json").read_text())
    assert results["machine"]["forced"] == ({"OPENBLAS_CORETYPE": "Prescott"} if forced else {})
    head = done.stdout.split("\n\n")[0].splitlines()
    assert len(head) == 2 + forced and (head[-1].startswith("WARNING: OPENBLAS_CORETYPE=") is forced)
    assert ("benchmarks: WARNING: OPENBLAS_CORETYPE=Prescott" in done.stderr) is forced
    asked = subprocess.run(
        [sys.executable, "-c", "from benchmarks import machine; print(machine.kernel())"], cwd=ROOT,
        capture_output=True, text=True, check=True, env=env)
    assert asked.stdout.strip() == str(results["machine"]["kernel"])


def test_compare_says_when_the_kernels_were_not_the_same(ran):
    _, new, _ = ran
    plain = {**new["machine"], "kernel": {"name": "SkylakeX", "version": "1", "threads": 2}, "forced": {}}
    new = {**new, "machine": plain}
    assert "kernel" not in comparison.text(new, new)
    for change, words in (
        ({"kernel": {**plain["kernel"], "name": "Katmai"}}, "That ran with the kernel Katmai, this with"),
        ({"forced": {"OPENBLAS_L2_SIZE": "1"}}, "the kernel SkylakeX, OPENBLAS_L2_SIZE=1, this with the"),
        ({"kernel": None}, "That ran with an unknown kernel, this with the kernel SkylakeX."),
    ):
        assert words in comparison.text({**new, "machine": {**plain, **change}}, new)
    old = {key: value for key, value in plain.items() if key not in ("kernel", "forced")}
    assert "an unknown kernel" in comparison.text({**new, "machine": old}, new)  # of an earlier version


@pytest.mark.parametrize("spoil", [
    lambda old: old.pop("date"),
    lambda old: old["benchmarks"]["import"]["tables"][0]["rows"][0].update(median="fast")])
def test_a_file_that_json_did_not_write_is_refused_when_it_is_read(ran, tmp_path, spoil):
    old = copy.deepcopy(ran[1])
    spoil(old)
    (tmp_path / "old.json").write_text(json.dumps(old))
    with pytest.raises(Failure, match="old.json: not a file that --json wrote"):
        comparison.read(tmp_path / "old.json")


# ---- the harness

def test_programs_take_turns_in_changing_order():
    calls = []
    measures = {name: lambda name=name: calls.append(name) or 1.0 for name in "abc"}
    runs = alternate(measures, rounds=3, patience=100)
    assert "".join(calls) == "cba" "abc" "cba"
    assert runs == {name: [1.0] * 3 for name in "abc"}


def test_a_program_that_takes_too_long_sits_out():
    runs = alternate({"slow": lambda: 5.0, "fast": lambda: 0.1}, rounds=4, patience=8)
    assert len(runs["slow"]) == 2 and len(runs["fast"]) == 4


def test_a_timer_calls_short_functions_often_enough_and_long_ones_once():
    calls = []
    timer = Timer(lambda: calls.append(1), at_least=0.005)
    timer()
    before = len(calls)
    seconds = timer()
    assert timer.calls > 100 and len(calls) - before == timer.calls
    assert seconds * timer.calls < 0.5
    once = Timer(lambda: calls.append(1), at_least=0)
    assert once() > 0 and once.calls == 1


def test_medians_quartiles_and_ratios():
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 4.0) and quartiles([7.0]) == (7.0, 7.0)
    table = Table("t", "us", ratios=("floor",))
    for program, runs in (("floor", [1.0, 9.0, 2.0]), ("a", [4.0]), ("b", [3.0])):
        table.add(program, runs)
    assert table.median("floor") == 2 and table.ratio("a", "floor") == 2
    assert table.ratio("floor", "a", "b") == pytest.approx(2 / 3)  # the better of the two
    table.higher = True
    assert table.ratio("floor", "a", "b") == 0.5
    assert table.text().splitlines()[1].split() == ["program", "us", "quartiles", "/", "floor"]


def test_a_limit_that_does_not_hold_stands_out():
    session = Session("name", "Is it so?", quick=True)
    session.limit("speed", 2.0, 1.5)
    line = next(line for line in session.text().splitlines() if line.startswith("speed"))
    assert line.split()[-3:] == ["times", "1.50", "NO"]


# ---- workers and peers

def test_a_worker_times_a_program_in_a_process_of_its_own():
    task = {"sizes": [4, 3, 2], "batch": 2, "examples": 8}
    with Worker("with_numpy") as worker:
        measure = worker.prepare("products", task, at_least=0.001)
        assert 0 < measure() < 1 and worker.process.pid != os.getpid()
        with pytest.raises(Failure, match="with_numpy: AttributeError: .*no_such_program"):
            worker.prepare("no_such_program", task, at_least=0.001)
        assert measure() > 0  # it goes on
    assert worker.process.returncode == 0


def test_a_worker_that_does_not_start_says_why():
    with Worker("with_nothing") as worker:
        with pytest.raises(Failure, match="with_nothing: ModuleNotFoundError: .*with_nothing"):
            worker.prepare("fit", {}, at_least=0)


@pytest.mark.skipif(any(map(installed, PEERS.values())), reason="peers are installed")
def test_absent_peers_are_named_and_how_to_install_them():
    done = benchmarks("peers", "graph", "--quick")
    assert done.returncode == 0
    peers, graph = done.stdout.split("graph: ", 1)
    for peer in PEERS:
        assert peer in peers
    assert "pip install -r benchmarks/requirements-peers.txt" in peers
    assert "Not installed: torch" in graph


def test_the_requirements_are_the_peers():
    lines = (ROOT / "benchmarks" / "requirements-peers.txt").read_text().splitlines()
    wanted = [*PEERS, "threadpoolctl"]  # the last one for the record of the machine
    assert [line for line in lines if line and not line.startswith("#")] == wanted


LEARNED = """
from benchmarks.programs import with_{0} as programs
found = programs.fit(sizes=[784, 32, 10], batch=64, examples=6400)()
loss, correct = {1}
print(float(loss), float(correct))
"""


@pytest.mark.parametrize("library", ["npbp", "torch", "jax", "mygrad", "dezero", "autograd"])
def test_the_programs_that_are_compared_do_the_same_work(library):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    how = "found.loss[-1], found.correct[-1]" if library == "npbp" else "found"
    simple = LEARNED.format("numpy", "found").replace("programs.fit(", "programs.loop(")
    losses, rights = zip(*(
        map(float, subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True,
                                  text=True, check=True).stdout.split())
        for code in (LEARNED.format(library, how), simple)))
    assert losses[0] == pytest.approx(losses[1], rel=0.15)
    assert rights[0] == pytest.approx(rights[1], abs=0.05)


def test_a_worker_that_cannot_start_says_so_every_time_it_is_asked_and_closes():
    with Worker("with_nothing") as worker:
        for _ in range(2):
            with pytest.raises(Failure, match="with_nothing: ModuleNotFoundError"):
                worker.prepare("fit", {}, 0.01)


def test_a_cold_first_call_does_not_decide_how_often_a_function_is_called():
    calls = []

    def cold():
        calls.append(time.sleep(0.05 if not calls else 0))

    timer = Timer(cold, 0.01)
    timer()
    assert timer.calls > 10 and timer() < 0.01


def test_each_program_has_its_own_unit_if_it_does_other_work():
    session = Session("name", "question?", quick=True)
    table = session.table("table", "GFLOP/s")
    session.measure(table, {"a": lambda: 2.0, "b": lambda: 2.0},
                    {"a": lambda seconds: 8 / seconds, "b": lambda seconds: 6 / seconds})
    assert (table.median("a"), table.median("b")) == (4, 3)


def sequence(name, calls, numbers):
    """A measure that notes its calls and returns the next number."""
    numbers = iter(numbers)
    return lambda: calls.append(name) or next(numbers)


def test_what_is_measured_warms_up_first_uncounted_and_then_takes_turns():
    session, calls = Session("name", "question?", quick=True), []
    table = session.table("table", "us")
    measures = {name: sequence(name, calls, [0.9, 0.1, 0.2, 0.3]) for name in "ab"}
    session.measure(table, measures, lambda seconds: 10 * seconds)
    assert "".join(calls) == "ab" "ba" "ab" "ba"
    assert table.rows == {(None, name): [1.0, 2.0, 3.0] for name in "ab"}


def test_what_is_warm_already_is_not_warmed_up_again():
    session, calls = Session("name", "question?", quick=True), []
    table = session.table("table", "us")
    measures = {name: sequence(name, calls, [0.1, 0.2, 0.3]) for name in "ab"}
    session.measure(table, measures, lambda seconds: 10 * seconds, warm_up=False)
    assert "".join(calls) == "ba" "ab" "ba"


def test_functions_that_are_compared_are_warm_and_take_turns():
    session, calls = Session("name", "question?", quick=True), []
    session.at_least = 0
    table = session.table("table", "us")
    session.compare(table, {name: lambda name=name: calls.append(name) for name in "ab"}, lambda s: s)
    # a first call, and one that finds how often to call: then the rounds
    assert "".join(calls) == "aabb" "ba" "ab" "ba"
    assert [len(runs) for runs in table.rows.values()] == [3, 3]


# ---- charts

def axes():
    from matplotlib.figure import Figure

    return Figure().add_subplot()


RUNS = {"npbp.fit": [8.0, 1.0, 3.0, 2.0, 9.0], "other": [50.0, 90.0, 40.0]}  # quartiles: 2 and 8


def test_a_dot_has_whiskers_from_quartile_to_quartile():
    table, drawn = Table("t", "us"), axes()
    for program, runs in RUNS.items():
        table.add(program, runs)
    charts.dots(drawn, table)
    names = [label.get_text() for label in drawn.get_yticklabels()]
    assert names == ["npbp.fit", "other"]  # the fastest at the top
    assert len(drawn.containers) == 2
    for name, container in zip(names, drawn.containers):
        point, _, (whiskers,) = container
        assert point.get_xdata()[0] == table.median(name)
        (segment,) = whiskers.get_segments()
        np.testing.assert_allclose(segment[:, 0], quartiles(RUNS[name]))
        assert segment[0, 0] < point.get_xdata()[0] < segment[1, 0]


def test_a_curve_has_a_band_from_quartile_to_quartile():
    table, drawn = Table("t", "us", x="size"), axes()
    for x in (1, 10):
        for program, runs in RUNS.items():
            table.add(program, [x * run for run in runs], x)
    charts.curves(drawn, table)
    assert len(drawn.lines) == len(drawn.collections) == 2
    for name, line, band in zip(RUNS, drawn.lines, drawn.collections):
        assert line.get_label() == name
        assert list(line.get_ydata()) == [table.median(name, 1), table.median(name, 10)]
        corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
        low, high = quartiles(RUNS[name])
        assert {(1, low), (1, high), (10, 10 * low), (10, 10 * high)} <= corners


# ---- programs

@pytest.mark.parametrize("sizes", [(784, 4, 10), (784, 5, 4, 10)])
def test_the_walk_throughs_loop_trains_as_fit_does(monkeypatch, sizes):
    made, build, batch, examples = [], with_npbp.network, 50, 500
    neural_net = npbp.NeuralNet
    monkeypatch.setattr(with_npbp, "network", lambda sizes: made.append(build(sizes)) or made[-1])
    monkeypatch.setattr(npbp, "NeuralNet", lambda *a, **k: made.append(neural_net(*a, **k)) or made[-1])
    run = with_npbp.loop(sizes, batch, examples)
    (model,) = made
    before = {name: W.copy() for name, W in model.parameters.items()}
    run()
    images, labels, _ = mnist.images_and_labels()
    network = build(sizes)
    for name, W in network.parameters.items():  # the same start
        np.testing.assert_array_equal(W, before[name])
    npbp.fit(network, npbp.datasets.Batches(images[:examples], labels[:examples], batch, rng=0),
             epochs=1, optimizer=npbp.SGD(ALPHA))
    for name, W in network.parameters.items():
        assert not np.array_equal(W, before[name])
        np.testing.assert_allclose(model.parameters[name], W, rtol=1e-3, atol=1e-6)
