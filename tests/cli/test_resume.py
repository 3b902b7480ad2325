"""``npbp train --resume``: real processes that are killed, stopped, damaged and started twice."""
from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import sys
import time

import numpy as np
import pytest
from processes import NPBP, run, start

from npbp import Network
from npbp.cli import main
from npbp.datasets import load

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and locks")

# Everything that has a state: running statistics, masks, averages, a schedule, the best weights.
EVERYTHING = ["--hidden", 12, 8, "--activation", "prelu", "--norm", "batch", "--dropout", 0.2,
              "--optimizer", "adam", "--schedule", "cosine", "--warm-up", 1, "--weight-decay", 1e-4,
              "--early-stopping", 5, "--metrics", "top-3", "--epochs", 6, "--batch-size", 8]
# The command with a checkpoint at each step, and not every half minute.
AT_EACH_STEP = [sys.executable, "-c",
                "import npbp.cli.train as t, npbp.__main__ as m; t.SECONDS = 0; raise SystemExit(m.run())"]


def results(folder):
    """The weights and the history of a run, but for its seconds."""
    with np.load(folder / "model.npz") as file:
        weights = {name: (file[name].dtype, file[name].tobytes()) for name in file.files}
    with open(folder / "history.csv", newline="") as file:
        rows = [{name: value for name, value in row.items() if name != "seconds"}
                for row in csv.DictReader(file)]
    return weights, rows


def files(folder):
    """All files below a folder with their bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def trained(out, *arguments):
    done = run("train", *arguments, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    return out / "mnist-sample-1"


def resumed(capsys, folder, *arguments):
    """The exit code, stdout and stderr, in this process: faster where nothing is killed."""
    code = main(["train", "--resume", str(folder), *map(str, arguments)])
    return (code, *capsys.readouterr())


def stopped_in_the_middle(out, *arguments, number=signal.SIGKILL, after="epoch 2/"):
    """The folder of a run that a signal ended after a line, and what it said."""
    process = start("train", *arguments, "--out", out)
    while not process.stdout.readline().startswith(after):
        assert process.poll() is None
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    return out / "mnist-sample-1", stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nobody stopped."""
    return trained(tmp_path_factory.mktemp("whole"), *EVERYTHING)


@pytest.fixture(scope="module")
def small_and_whole(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("small"), "--epochs", 4, "--batch-size", 8)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run of the walk-through's network that was killed after two of its three epochs."""
    out = tmp_path_factory.mktemp("plain")
    folder, _ = stopped_in_the_middle(out, "--epochs", 5, "--batch-size", 4)
    return folder


@pytest.fixture
def killed(plain, tmp_path):
    return shutil.copytree(plain, tmp_path / "mnist-sample-1")


# ---- the same end

def test_a_run_killed_at_random_moments_ends_as_if_it_had_not_been(whole, tmp_path):
    chance, folder = random.Random(0), tmp_path / "mnist-sample-1"
    arguments, kills = ["train", *EVERYTHING, "--out", tmp_path], 0
    while True:
        process = start(*arguments, command=AT_EACH_STEP if kills % 2 else NPBP)
        while not process.stdout.readline().startswith("total"):  # then it begins
            assert process.poll() is None
        if kills < 4:
            time.sleep(chance.uniform(0, 0.5))
            process.kill()
        _, stderr = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL and stderr == ""
        arguments, kills = ["train", "--resume", folder], kills + 1
    assert kills >= 3
    assert results(folder) == results(whole)
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint", "curves.png", "history.csv", "model.npz", "options.json"]


def test_the_steps_within_an_epoch_are_kept_as_well(tmp_path):
    process = start("train", "--epochs", 1, "--batch-size", 2, "--out", tmp_path, command=AT_EACH_STEP)
    checkpoints = tmp_path / "mnist-sample-1" / "checkpoint"
    while not list(checkpoints.glob("checkpoint-0000002?.npz")):
        assert process.poll() is None
    process.kill()
    process.communicate()
    done = run("train", "--resume", tmp_path / "mnist-sample-1")
    line = next(line for line in done.stdout.splitlines() if line.startswith("goes on"))
    epoch, batch = (word.rstrip(",") for word in line.split()[4:7:2])
    assert (epoch, line.split()[-1]) == ("1", "3000") and 20 <= int(batch) < 3000
    once = trained(tmp_path / "once", "--epochs", 1, "--batch-size", 2)
    assert results(tmp_path / "mnist-sample-1") == results(once)


@pytest.mark.parametrize("number, by, code", [(signal.SIGINT, "Ctrl-C", 130),
                                              (signal.SIGTERM, "SIGTERM", 143)])
def test_a_run_that_was_stopped_says_how_it_goes_on(tmp_path, small_and_whole, number, by, code):
    process = start("train", "--epochs", 4, "--batch-size", 8, "--out", "my runs", cwd=tmp_path)
    while not process.stdout.readline().startswith("epoch 1/"):
        assert process.poll() is None
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert stderr.startswith(f"npbp train: stopped by {by}; my runs/mnist-sample-1 holds the ")
    assert stderr.endswith("; continue with: npbp train --resume 'my runs/mnist-sample-1'\n")
    done = run("train", "--resume", "my runs/mnist-sample-1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert any(line.startswith("goes on with epoch ") for line in lines)
    assert "curves.png, history.csv and model.npz are in my runs/mnist-sample-1" in lines
    assert results(tmp_path / "my runs" / "mnist-sample-1") == results(small_and_whole)
    assert (tmp_path / "my runs/mnist-sample-1/curves.png").exists()


def test_a_run_killed_before_its_first_checkpoint_begins(tmp_path):
    once = trained(tmp_path / "once", "--epochs", 1, "--seed", 3)
    folder = tmp_path / "mnist-sample-1"
    folder.mkdir()
    shutil.copy(once / "options.json", folder)
    done = run("train", "--resume", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "goes on with epoch 1, batch 1 of 94" in done.stdout.splitlines()
    assert results(folder) == results(once)


def test_a_run_may_be_moved_and_renamed(killed, tmp_path):
    moved = killed.rename(tmp_path / "mine")
    done = run("train", "--resume", moved, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"curves.png, history.csv and model.npz are in {moved}" in done.stdout.splitlines()


def test_a_picture_that_a_kill_left_out_is_drawn(whole, tmp_path, capsys):
    folder = shutil.copytree(whole, tmp_path / "run")
    for name in ("curves.png", "model.npz", "history.csv"):
        (folder / name).unlink()
    assert resumed(capsys, folder)[0] == 0
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert results(folder) == results(whole)


# ---- a run that is complete

def test_a_complete_run_says_so_and_nothing_is_changed(whole, capsys):
    before = files(whole)
    for _ in range(2):
        code, out, error = resumed(capsys, whole)
        assert (code, error) == (0, "")
        assert "the run was complete: it has 6 epochs" in out.splitlines()
        assert not [line for line in out.splitlines() if line.startswith("epoch ")]
        assert files(whole) == before


def test_a_run_that_stopped_early_is_complete(tmp_path, capsys):
    folder = trained(tmp_path, "--early-stopping", 1, "--alpha", 0.02, "--epochs", 500, "--hidden", 8)
    n = len(results(folder)[1])
    assert n < 500
    lines = resumed(capsys, folder)[1].splitlines()
    assert f"the run was complete: it has {n} epochs" in lines
    losses = [float(row["validation_loss"]) for row in results(folder)[1]]
    best = losses.index(min(losses)) + 1
    assert f"the best of {n} epochs was {best}: its weights are kept" in lines
    assert best < n


# ---- options that contradict the run

@pytest.mark.parametrize("arguments, line", [
    (["--epochs", 20], "--epochs 20 contradicts the run, which has 5"),
    (["--epochs", 5, "--seed", 1], "--seed 1 contradicts the run, which has 0"),
    (["--data", "mnist"], "--data mnist contradicts the run, which has mnist-sample"),
    (["--early-stopping", 2], "--early-stopping 2 contradicts the run, which has none"),
    (["--out", "elsewhere"], "--out elsewhere contradicts the run, which stays in RUN")])
def test_an_option_that_contradicts_the_run_is_one_line_and_exit_2(killed, arguments, line, capsys):
    before = files(killed)
    code, out, error = resumed(capsys, killed, *arguments)
    assert (code, out) == (2, "")
    assert error == f"npbp train: {line} (see npbp train --help)\n".replace("RUN", str(killed))
    assert files(killed) == before


def test_options_that_the_run_has_are_fine(killed, capsys):
    code, _, error = resumed(capsys, killed, "--epochs", 5, "--batch-size", 4, "--alpha", "1e-3",
                             "--hidden", 32, "--data", "mnist-sample", "--out", killed.parent)
    assert (code, error) == (0, "")


# ---- what is no run, and what is damaged

@pytest.mark.parametrize("make, words", [
    (lambda path: None, "is no folder of a run: there is no such folder"),
    (lambda path: path.write_text(""), "is no folder of a run: it is a file; wanted the folder"),
    (lambda path: path.mkdir(), "is no folder of a run: it has no options.json"),
    (lambda path: (path.mkdir(), (path / "options.json").mkdir()), "options.json: Is a directory"),
    (lambda path: (path.mkdir(), os.mkfifo(path / "options.json")), "it is a pipe or a device"),
    (lambda path: (path.mkdir(), (path / "options.json").write_text("{}")), "it has no 'activation'"),
    (lambda path: (path.mkdir(), (path / "options.json").write_text("\x1b[2J\n\n")), "it is no JSON"),
    (lambda path: (path.mkdir(), (path / "options.json").write_bytes(b" " * 10**7)), "more than 65536 bytes")])
def test_what_is_no_folder_of_a_run_is_one_line(tmp_path, make, words, capsys):
    make(tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    code, out, error = resumed(capsys, tmp_path / "run")
    assert (code, out) == (1, "")
    assert error.startswith(f"npbp train: {tmp_path / 'run'}") and error.count("\n") == 1
    assert words in error and error.rstrip("\n").isprintable()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("changes, words", [
    ({"hidden": [1000000, 1000000]}, "tells of a network of 1,000,"),
    ({"hidden": [1000000] * 1000}, "tells of a network of "),
    ({"hidden": [31]}, "wanted "), ({"optimizer": "adam"}, "wanted "), ({"activation": "tanh"}, "wanted "),
    ({"batch_size": 5}, "wanted "), ({"validation": 0.5}, "wanted "), ({"norm": "layer"}, "wanted "),
    ({"epochs": "5"}, "'epochs'"), ({"hidden": [[32]]}, "'hidden'")])
def test_options_of_another_run_are_one_line_and_change_nothing(killed, changes, words, capsys):
    path = killed / "options.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    before = files(killed)
    code, _, error = resumed(capsys, killed)
    assert code == 1 and error.startswith("npbp train: ") and error.count("\n") == 1
    assert words in error and str(killed) in error
    assert files(killed) == before


def test_the_newest_checkpoint_may_be_damaged_and_the_one_before_counts(killed, plain, tmp_path, capsys):
    newest = sorted((killed / "checkpoint").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    code, _, error = resumed(capsys, killed)
    assert code == 0 and error.startswith("npbp train: ") and error.count("\n") == 1
    assert newest.name in error and "is damaged" in error
    good = shutil.copytree(plain, tmp_path / "good")
    assert resumed(capsys, good)[0] == 0
    assert results(killed) == results(good)


def test_a_checkpoint_that_is_no_folder_is_one_line(killed, capsys):
    shutil.rmtree(killed / "checkpoint")
    (killed / "checkpoint").write_text("")
    code, _, error = resumed(capsys, killed)
    assert code == 1
    assert error == f"npbp train: {killed / 'checkpoint'}: this is a file, wanted a folder\n"


def test_checkpoints_that_are_all_damaged_are_one_line(killed, capsys):
    for path in (killed / "checkpoint").iterdir():
        path.write_bytes(b"PK nonsense")
    before = files(killed)
    code, _, error = resumed(capsys, killed)
    assert code == 1 and error.count("\n") == 1
    assert "no checkpoint in" in error and "can be read" in error
    assert files(killed) == before


def test_data_that_changed_are_one_line(killed, capsys, monkeypatch):
    import npbp.cli.train

    (X, y), test = load("mnist-sample")
    X[0, 0, 0] ^= 1
    monkeypatch.setattr(npbp.cli.train, "load", lambda name: ((X, y), test))
    code, _, error = resumed(capsys, killed)
    assert code == 1 and error.count("\n") == 1
    assert "X of train" in error and "checksum" in error


def test_ctrl_c_before_a_resumed_run_has_begun_leaves_it_as_it_was(killed, capsys, monkeypatch):
    import npbp.cli.train

    def stop(*arguments, **named):
        raise KeyboardInterrupt
    monkeypatch.setattr(npbp.cli.train, "fit", stop)
    before = files(killed)
    code, _, error = resumed(capsys, killed)
    assert code == 130
    assert error == (f"npbp train: stopped by Ctrl-C; {killed} is as it was; continue with: "
                     f"npbp train --resume {killed}\n")
    assert files(killed) == before


# ---- two at once

def test_a_run_that_another_process_trains_is_refused(tmp_path):
    process = start("train", "--epochs", 100000, "--out", tmp_path)
    folder = tmp_path / "mnist-sample-1"
    try:
        while not process.stdout.readline().startswith("epoch "):
            assert process.poll() is None
        for _ in range(2):
            done = run("train", "--resume", folder)
            assert done.returncode == 1
            assert done.stderr == f"npbp train: {folder} is being trained by another process\n"
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    assert len(Network.load(folder / "model.npz").layers) == 3


def test_of_two_that_resume_at_once_one_is_refused(killed):
    both = [start("train", "--resume", killed) for _ in range(2)]
    ends = [process.communicate(timeout=120)[1] for process in both]
    refused = f"npbp train: {killed} is being trained by another process\n"
    assert all(end in ("", refused) for end in ends)
    assert "" in ends                                     # (if one was done before the other began, both)
    assert len(results(killed)[1]) == 5
