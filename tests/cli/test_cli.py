"""The command: real processes for what a user sees, main() in process for the rest."""
from __future__ import annotations

import csv
import gzip
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from processes import drawn_on, run, start

import npbp
from npbp import Linear, Network, NeuralNet, ReLU, SoftmaxCrossEntropyLoss
from npbp.cli import main, new_run_folder
from npbp.datasets import Batches, load, write_idx

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and terminals")


def history_of(folder):
    with open(folder / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def weights_of(folder):
    with np.load(folder / "model.npz") as file:
        return {name: file[name].tobytes() for name in file.files}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two epochs, as a real process in an empty folder, and what it printed."""
    folder = tmp_path_factory.mktemp("empty")
    done = run("train", "--epochs", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "mnist-sample-1", done


# ---- train

def test_train_needs_no_arguments_and_writes_these_files(trained):
    folder, done = trained
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint", "curves.png", "history.csv", "model.npz", "options.json"]
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert done.stderr == ""                              # no bar where there is no terminal


def test_train_prints_data_summary_epochs_files_and_what_to_run_next(trained):
    folder, done = trained
    lines = done.stdout.splitlines()
    assert lines[0] == "data mnist-sample: 6000 training and 1000 test images"
    assert lines[1].endswith("seed 0; validation (the test images) after each epoch")
    assert "test loss" not in done.stdout and "test correct" not in done.stdout
    assert "linear1 Linear(784, 32)" in done.stdout and "25,450" in done.stdout
    epochs = [line for line in lines if line.startswith("epoch ")]
    rows = history_of(folder)
    assert len(epochs) == len(rows) == 2
    for n, (line, row) in enumerate(zip(epochs, rows), start=1):
        assert line == (
            f"epoch {n}/2  loss {float(row['loss']):.4f}  correct {float(row['correct']):.4f}  "
            f"validation loss {float(row['validation_loss']):.4f}  "
            f"validation correct {float(row['validation_correct']):.4f}  {float(row['seconds']):.2f} s")
    assert str(folder.relative_to(folder.parents[1])) in lines[-2]
    assert "97 %" in lines[-1] and lines[-1].endswith("npbp train --data mnist --hidden 128")


def test_train_makes_the_steps_of_the_walk_through(trained):
    folder, _ = trained
    rng = np.random.default_rng(0)
    model = NeuralNet(rng=rng)
    train, test = load("mnist-sample")
    batches = Batches(*train, rng=rng)
    for row in history_of(folder):
        right = 0
        for X, y in batches:
            _, correct, _ = model.evaluate(X, y)
            model.gradient_descent()
            right += correct * len(y)
        assert float(row["correct"]) == pytest.approx(right / 6000)
    saved = Network.load(folder / "model.npz")
    np.testing.assert_array_equal(saved.parameters["linear1.W"], model.w1)
    np.testing.assert_array_equal(saved.parameters["linear2.W"], model.w2)
    X, y = next(iter(Batches(*test, 1000, shuffle=False)))
    assert float(row["validation_correct"]) == saved.evaluate(X, y)[1] > 0.8


def test_the_same_seed_gives_the_same_bytes_but_for_seconds(trained, tmp_path):
    folder, _ = trained
    assert run("train", "--epochs", 2, "--seed", 0, "--out", tmp_path).returncode == 0

    def but_for_seconds(folder):
        lines = (folder / "history.csv").read_bytes().split(b"\n")
        assert lines[0].endswith(b",seconds")
        return [line.rpartition(b",")[0] for line in lines]
    again = tmp_path / "mnist-sample-1"
    assert but_for_seconds(again) == but_for_seconds(folder)
    assert weights_of(again) == weights_of(folder)


def test_another_seed_gives_other_weights(trained, tmp_path):
    assert main(["train", "--epochs", "1", "--seed", "1", "--out", str(tmp_path)]) == 0
    assert weights_of(tmp_path / "mnist-sample-1") != weights_of(trained[0])


def test_an_earlier_run_is_never_overwritten(tmp_path, capsys):
    for _ in range(2):
        assert main(["train", "--epochs", "1", "--out", str(tmp_path)]) == 0
    first, second = (tmp_path / f"mnist-sample-{n}" for n in (1, 2))
    assert (first / "history.csv").read_bytes() != b"" and (second / "model.npz").exists()
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    (tmp_path / "mnist-sample-3").write_text("a file of mine")
    assert main(["train", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before
    assert (tmp_path / "mnist-sample-3").read_text() == "a file of mine"
    assert str(tmp_path / "mnist-sample-4") in capsys.readouterr().out


def test_simultaneous_runs_never_share_a_folder(tmp_path):
    code = ("from npbp.cli import new_run_folder\n"
            "input()\n"                                   # all begin at once
            "for _ in range(50): print(new_run_folder('out', 'mnist').name)\n")
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                 for _ in range(4)]
    time.sleep(1)
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    names = [name for process in processes for name in process.communicate(timeout=60)[0].split()]
    assert len(names) == len(set(names)) == 200
    assert set(names) == {f"mnist-{n}" for n in range(1, 201)}


def test_hidden_takes_several_sizes_and_batch_size_and_alpha_count(tmp_path, capsys):
    assert main(["train", "--epochs", "1", "--hidden", "20", "15", "--batch-size", "100",
                 "--alpha", "0.002", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Linear(784, 20)" in out and "Linear(20, 15)" in out and "Linear(15, 10)" in out
    assert "batch size 100" in out and "alpha 0.002" in out
    rng = np.random.default_rng(0)
    layers = [npbp.Linear(784, 20, rng), npbp.ReLU(), npbp.Linear(20, 15, rng), npbp.ReLU(),
              npbp.Linear(15, 10, rng)]
    network = Network(layers, npbp.SoftmaxCrossEntropyLoss("sum"))
    for X, y in Batches(*load("mnist-sample").train, 100, rng=rng):
        network.evaluate(X, y)
        network.gradient_descent(0.002)
    saved = Network.load(tmp_path / "mnist-sample-1" / "model.npz")
    for name, W in network.parameters.items():
        np.testing.assert_array_equal(saved.parameters[name], W)


def test_the_files_are_whole_after_each_epoch_even_if_the_process_is_killed(tmp_path):
    process = start("train", "--epochs", 100000, "--out", tmp_path, stderr=None)
    try:
        while not process.stdout.readline().startswith("epoch      3/"):
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    folder = tmp_path / "mnist-sample-1"
    rows = history_of(folder)
    assert len(rows) >= 3 and all(float(row["seconds"]) > 0 for row in rows)
    assert [row["epoch"] for row in rows] == [str(n + 1) for n in range(len(rows))]
    assert len(Network.load(folder / "model.npz").layers) == 3


@posix
def test_ctrl_c_leaves_what_there_is_says_so_and_exits_130(tmp_path):
    process = start("train", "--epochs", 100000, "--out", tmp_path)
    try:
        while not process.stdout.readline().startswith("epoch      2/"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    folder = tmp_path / "mnist-sample-1"
    rows = history_of(folder)
    assert process.returncode == 130
    assert stderr == (f"npbp train: stopped by Ctrl-C; {folder} holds the {len(rows)} whole "
                      f"epochs before; continue with: npbp train --resume {folder}\n")
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    # The model is the one of the last line of the history, not some steps further.
    X, y = next(iter(Batches(*load("mnist-sample").test, 1000, shuffle=False)))
    saved = Network.load(folder / "model.npz")
    assert float(rows[-1]["validation_correct"]) == saved.evaluate(X, y)[1]


def test_a_divergence_is_one_line_and_the_epochs_before_stay(tmp_path, capsys):
    assert main(["train", "--alpha", "1e30", "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("npbp train: epoch 1, batch 2: the loss is")
    assert "linear2" in error and "alpha" in error and str(tmp_path) in error
    assert history_of(tmp_path / "mnist-sample-1") == []


def test_a_divergence_in_a_later_epoch_keeps_the_earlier_ones(tmp_path, capsys, monkeypatch):
    import npbp.cli.train

    class Sabotage(npbp.cli.train.Report):
        def __call__(self, network, history):
            super().__call__(network, history)
            if len(history.loss) == 2:
                network.layers[0].W[:] = np.nan
    monkeypatch.setattr(npbp.cli.train, "Report", Sabotage)
    assert main(["train", "--epochs", "5", "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "epoch 3, batch 1" in error and "holds the 2 whole epochs before" in error
    assert len(history_of(tmp_path / "mnist-sample-1")) == 2
    saved = Network.load(tmp_path / "mnist-sample-1" / "model.npz")
    assert all(np.isfinite(W).all() for W in saved.parameters.values())


@posix
def test_a_terminal_gets_a_progress_bar_on_stderr_that_is_gone_in_the_end(tmp_path):
    import pty
    ours, theirs = pty.openpty()
    process = start("train", "--epochs", 3, "--batch-size", 1, "--out", tmp_path, stderr=theirs)
    os.close(theirs)
    out = process.communicate(timeout=120)[0]
    drawn = drawn_on(ours)
    assert process.returncode == 0
    assert b"epoch 1/3 [" in drawn and b"#" in drawn and b"/6000" in drawn
    assert drawn.endswith(b"\r\x1b[K") and b"\n" not in drawn and b"Traceback" not in drawn
    assert "\r" not in out and "#" not in out


def test_data_that_is_bad_or_absent_is_one_line(tmp_path):
    # No proxy there: nothing can be downloaded, whatever the network of this machine is.
    blocked = {**os.environ, "NPBP_DATA": str(tmp_path / "data"),
               "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9",
               "NO_PROXY": "", "no_proxy": ""}
    done = run("train", "--data", "mnist", "--out", tmp_path / "runs", env=blocked)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("npbp train: ") and done.stderr.count("\n") == 1
    assert str(tmp_path / "data") in done.stderr and "mnist-sample" in done.stderr
    assert ".gz: https://" in done.stderr and ":;" not in done.stderr
    assert not (tmp_path / "runs").exists()               # no empty run folder is left


@pytest.mark.parametrize("out", ["a-file", "a-file/below"])
def test_an_out_that_is_no_folder_is_one_line(tmp_path, capsys, out):
    (tmp_path / "a-file").write_text("mine")
    assert main(["train", "--out", str(tmp_path / out)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith(f"npbp train: {tmp_path / 'a-file'}")
    assert (tmp_path / "a-file").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the memory of a process")
def test_a_network_too_large_for_the_memory_is_one_line(tmp_path):
    import resource

    def three_gigabytes():
        resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
    done = run("train", "--hidden", "1000000", "--out", tmp_path / "runs",
               preexec_fn=three_gigabytes)
    assert done.returncode == 1
    assert done.stderr.startswith("npbp train: not enough memory") and done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_the_last_line_can_be_typed_as_it_stands_where_npbp_is_not_on_the_path(tmp_path):
    script = os.path.join(os.path.dirname(sys.executable), "npbp")
    if not os.path.exists(script):
        pytest.skip("the script npbp is not beside this Python")
    for path, command in ((os.devnull, script), (os.path.dirname(script), "npbp")):
        done = subprocess.run([script, "train", "--epochs", "1"], capture_output=True, text=True,
                              cwd=tmp_path, env={**os.environ, "PATH": path})
        assert done.stdout.splitlines()[-1].endswith(f": {command} train --data mnist --hidden 128")


# ---- predict

@pytest.fixture(scope="module")
def model(trained):
    return str(trained[0] / "model.npz")


@pytest.fixture(scope="module")
def images():
    return load("mnist-sample").test[0][:3]


def expected(model, name, images):
    rows = images.reshape(len(images), -1).astype(np.float32) / 255
    lines = []
    for i, p in enumerate(Network.load(model).predict(rows)):
        second, first = np.argsort(p)[-2:]
        lines.append(f"{name}[{i}]: {first}  {p[first]:.4f}  (next: {second}  {p[second]:.4f})\n")
    return "".join(lines)


def test_predict_reads_idx_gzip_npy_bytes_and_floats(tmp_path, capsys, model, images):
    names = [str(tmp_path / name) for name in (
        "a.idx", "b.idx.gz", "c.npy", "d.npy", "e.npy", "f.npy", "g.npy")]
    write_idx(names[0], images)
    with open(names[0], "rb") as plain, gzip.open(names[1], "wb") as packed:
        packed.write(plain.read())
    np.save(names[2], images)
    np.save(names[3], images.reshape(3, 784))
    np.save(names[4], images / np.float32(255))
    np.save(names[5], images / 255)                       # float64
    np.save(names[6], np.asfortranarray(images))
    assert main(["predict", model, *names]) == 0
    assert capsys.readouterr().out == "".join(expected(model, name, images) for name in names)


def test_predict_reads_one_image_alone(tmp_path, capsys, model, images):
    name = str(tmp_path / "one.npy")
    np.save(name, images[0])
    assert main(["predict", model, name]) == 0
    assert capsys.readouterr().out == expected(model, name, images[:1])


@pytest.mark.parametrize("layers, reason", [
    ([Linear(784, 10)], "model.npz predicts numbers that are not finite for"),
    ([ReLU()], "the model has no linear layer, so it does not say how many numbers"),
])
def test_predict_says_what_is_wrong_with_a_model_instead_of_naming_digits(
        tmp_path, capsys, images, layers, reason):
    network = Network(layers, SoftmaxCrossEntropyLoss())
    for W in network.parameters.values():
        W[:] = np.nan
    network.save(tmp_path / "model.npz")
    np.save(tmp_path / "a.npy", images)
    assert main(["predict", str(tmp_path / "model.npz"), str(tmp_path / "a.npy")]) == 1
    said = capsys.readouterr()
    assert said.out == "" and reason in said.err and said.err.count("\n") == 1


def test_predict_of_no_images_prints_nothing(tmp_path, capsys, model):
    write_idx(tmp_path / "none.idx", np.zeros((0, 28, 28), np.uint8))
    assert main(["predict", model, str(tmp_path / "none.idx")]) == 0
    assert capsys.readouterr().out == ""


def test_predict_is_right_about_most_test_images(tmp_path, capsys, model):
    images, labels = load("mnist-sample").test
    np.save(tmp_path / "test.npy", images)
    assert main(["predict", model, str(tmp_path / "test.npy")]) == 0
    lines = capsys.readouterr().out.splitlines()
    digits = np.array([int(line.split(": ")[1].split()[0]) for line in lines])
    assert len(lines) == 1000 and lines[999].startswith(f"{tmp_path / 'test.npy'}[999]: ")
    assert (digits == labels).mean() > 0.8


@pytest.mark.parametrize("array, message", [
    (np.zeros((2, 27, 27), np.uint8), "shape (2, 27, 27); the model wants images of 784 numbers"),
    (np.zeros((784, 3), np.float32), "shape (784, 3); the model wants"),
    (np.float32(1), "shape (); the model wants"),
    (np.full((28, 28), 255.0), "floats outside of 0 to 1"),
    (np.full((1, 784), np.nan), "floats outside of 0 to 1 (or NaN)"),
    (np.full((28, 28), -0.5, np.float32), "floats outside of 0 to 1"),
    (np.zeros((28, 28), np.int64), "holds int64; wanted uint8"),
    (np.full((28, 28), "x"), "wanted uint8"),
    (np.full((28, 28), None), "pickle"),
])
def test_images_that_do_not_fit_are_one_line(tmp_path, capsys, model, array, message):
    name = str(tmp_path / "bad.npy")
    np.save(name, array, allow_pickle=True)
    assert main(["predict", model, name]) == 1
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    assert error.startswith("npbp predict: ") and name in error and message in error


@pytest.mark.parametrize("content", [
    b"", b"\x00", b"<html>no such page</html>", b"\x93NUMPY", b"\x93NUMPY\x01\x00v\x00{'descr'",
    b"\x1f\x8b\x08\x00cut", b"\x00\x00\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"])
def test_a_broken_image_file_is_one_line(tmp_path, capsys, model, content):
    path = tmp_path / "broken"
    path.write_bytes(content)
    assert main(["predict", model, str(path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("npbp predict: ") and error.count("\n") == 1 and str(path) in error


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "bytes", "npy", "other npz", "missing",
                                    "folder"])
def test_a_bad_model_is_one_line(tmp_path, capsys, model, damage):
    path = tmp_path / "model.npz"
    with open(model, "rb") as file:
        whole = file.read()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("not a model")
    elif damage == "cut":
        path.write_bytes(whole[:len(whole) // 2])
    elif damage == "bytes":
        path.write_bytes(whole[:5000] + bytes(100) + whole[5100:])
    elif damage == "npy":
        with open(path, "wb") as file:
            np.save(file, np.zeros((28, 28)))
    elif damage == "other npz":
        np.savez(path, a=np.zeros(3))
    elif damage == "folder":
        path.mkdir()
    assert main(["predict", str(path), "image.npy"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("npbp predict: ") and error.count("\n") == 1 and str(path) in error


def test_a_missing_image_is_one_line_after_the_lines_of_those_before(tmp_path, capsys, model,
                                                                     images):
    name = str(tmp_path / "here.npy")
    np.save(name, images)
    assert main(["predict", model, name, str(tmp_path / "gone.npy")]) == 1
    out, error = capsys.readouterr()
    assert out == expected(model, name, images)
    assert error == f"npbp predict: {tmp_path / 'gone.npy'}: No such file or directory\n"


@posix
def test_a_reader_that_closes_its_pipe_sees_no_traceback(tmp_path, model):
    np.save(tmp_path / "many.npy", np.zeros((20000, 784), np.uint8))
    process = start("predict", model, tmp_path / "many.npy")
    assert process.stdout.readline().startswith(f"{tmp_path}")
    process.stdout.close()                                # as `| head -1` does
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 1


@posix
def test_a_name_that_the_terminal_cannot_show_is_printed_all_the_same(tmp_path, model, images):
    name = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff\xe9.npy")
    try:
        np.save(name, images)
    except OSError:
        pytest.skip("this file system takes no such name")
    done = run("predict", model, name, name + "-gone")
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 3
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


# ---- download, help, version, wrong arguments

def test_download_says_where_the_files_are(capsys):
    assert main(["download", "mnist-sample"]) == 0
    out = capsys.readouterr().out
    assert "6000 training" in out
    folder = out.splitlines()[-1].split("the files are in ")[1]
    assert "train-images-idx3-ubyte.gz" in os.listdir(folder)


def test_download_of_a_full_set_names_the_cache_folder(capsys):
    if not os.environ.get("NPBP_DATA") or not os.path.isdir(os.environ["NPBP_DATA"] + "/mnist"):
        pytest.skip("NPBP_DATA holds no mnist")
    assert main(["download", "mnist"]) == 0
    out = capsys.readouterr().out
    assert "60000 training" in out
    assert any(name.startswith("train-images") for name in os.listdir(
        out.splitlines()[-1].split("the files are in ")[1]))


def test_python_m_npbp_and_npbp_are_the_same(tmp_path):
    done = run("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"npbp {npbp.__version__}\n", "")
    beside = os.path.join(os.path.dirname(sys.executable), "npbp")
    if not os.path.exists(beside):
        pytest.skip("the script npbp is not beside this Python")
    script = subprocess.run([beside, "--version"], capture_output=True, text=True, cwd=tmp_path)
    assert script.stdout == done.stdout


def test_npbp_alone_prints_its_help(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("train", "predict", "download", "examples:"))


@pytest.mark.parametrize("command", ["train", "predict", "download"])
def test_each_command_has_help_with_examples(command, capsys):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: npbp {command}" in out and f"examples:\n  npbp {command}" in out


# Whether int("9" * 5000) is an error; older patches of Python 3.9 to 3.11 read any number.
LIMITED = getattr(sys, "get_int_max_str_digits", lambda: 0)() != 0


@pytest.mark.parametrize("arguments, words", [
    (["train", "--data", "cifar"], ["--data", "cifar", "mnist-sample"]),
    (["train", "--epochs", "0"], ["--epochs", "'0'", "of at least 1"]),
    (["train", "--epochs", "2.5"], ["--epochs", "'2.5'", "whole number"]),
    (["train", "--batch-size", "-3"], ["--batch-size", "'-3'"]),
    (["train", "--hidden"], ["--hidden", "at least one"]),
    (["train", "--hidden", "32", "0"], ["--hidden", "'0'", "1 to 1000000"]),
    (["train", "--hidden", "99999999999999999999"], ["--hidden", "1 to 1000000"]),
    (["train", "--alpha", "0"], ["--alpha", "'0'", "above 0"]),
    (["train", "--alpha", "nan"], ["--alpha", "'nan'"]),
    (["train", "--alpha", "1e999"], ["--alpha", "'1e999'"]),
    (["train", "--alpha", "fast"], ["--alpha", "'fast'"]),
    (["train", "--seed", "-1"], ["--seed", "'-1'"]),
    *([(["train", "--seed", "9" * 5000], ["--seed"])] if LIMITED else []),
    (["train", "extra"], ["extra"]),
    (["train", "--no-such-option"], ["--no-such-option"]),
    (["predict"], ["MODEL", "IMAGE"]),
    (["predict", "model.npz"], ["IMAGE"]),
    (["download"], ["NAME"]),
    (["download", "imagenet"], ["NAME", "imagenet", "kmnist"]),
    (["teach"], ["teach", "train"]),
])
def test_a_bad_argument_is_one_line_and_exit_2(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    assert error.startswith("npbp")
    for word in words:
        assert word in error
    assert not list(tmp_path.iterdir())


def test_a_bad_argument_to_a_real_process(tmp_path):
    done = run("train", "--epochs", "many", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == ("npbp train: argument --epochs: got 'many', wanted a whole number of "
                           "at least 1 (see npbp train --help)\n")


def test_a_new_run_folder_makes_the_folders_above_it(tmp_path):
    folder = new_run_folder(tmp_path / "a" / "b", "mnist")
    assert folder == tmp_path / "a" / "b" / "mnist-1" and folder.is_dir()


# ---- help

@pytest.mark.parametrize("command, words", [
    ([], ["npbp train", "NPBP_DATA", "0 done", "130 Ctrl-C", "143 by SIGTERM"]),
    (["train"], ["model.npz", "history.csv", "curves.png", "validation", "Ctrl-C", "default: 10)",
                 "default: 64)", "default: 32)", "default: 0.001)", "default: runs)", "downloaded"]),
    (["download"], ["NPBP_DATA", "https_proxy", "REQUESTS_CA_BUNDLE", "kmnist"])])
@pytest.mark.parametrize("columns", ["1", "0", "80"])
def test_the_help_is_complete_at_any_width(command, words, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert main([*command, "--help"]) == 0
    out = "".join(capsys.readouterr().out.split())
    for word in words:
        assert "".join(word.split()) in out


# ---- a learning rate that is wrong

@pytest.mark.parametrize("alpha, words", [
    ("10", "may be too large, try a tenth of it (--alpha was 10, its default is 0.001)"),
    ("0.1", "the learning rate may be too large, try a tenth of it (--alpha was 0.1, "),
    ("1e-8", "the learning rate may be too small or too large"), ("0.001", None)])
def test_a_training_that_went_badly_ends_with_a_hint(tmp_path, capsys, alpha, words):
    assert main(["train", "--epochs", "2", "--alpha", alpha, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if "learning rate" in line] == (
        [line for line in out.splitlines() if words in line] if words else [])
    assert not words or out.count(words) == 1
