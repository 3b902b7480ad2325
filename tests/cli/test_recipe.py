"""From options to a network, an optimizer and a schedule; and real trainings with each option."""
from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from processes import run

import npbp
from npbp import Network
from npbp.cli import main
from npbp.cli.options import settled
from npbp.cli.recipe import (
    ACTIVATIONS,
    INITIALIZERS,
    NORMS,
    OPTIMIZERS,
    alpha_of,
    network_of,
    optimizer_of,
)
from npbp.datasets import Batches, load
from npbp.initializers import he_normal


def made(features=6, **given):
    return network_of(settled({"hidden": [4, 3], **given}), features, np.random.default_rng(0))


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


# ---- the network

def test_a_hidden_layer_is_linear_norm_activation_dropout():
    network = made(norm="batch", activation="gelu", dropout=0.25)
    assert kinds(network) == ["Linear", "BatchNorm1d", "GELU", "Dropout"] * 2 + ["Linear"]
    assert [layer.p for layer in network.layers[3::4]] == [0.25, 0.25]


def test_what_is_none_is_not_there():
    assert kinds(made()) == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


@pytest.mark.parametrize("norm, biases", [("none", [True, True, True]), ("layer", [True, True, True]),
                                          ("rms", [True, True, True]), ("batch", [False, False, True])])
def test_only_before_a_batch_norm_there_is_no_bias(norm, biases):
    assert [layer.bias for layer in made(norm=norm).layers if isinstance(layer, npbp.Linear)] == biases


@pytest.mark.parametrize("optimizer, reduction", [("sgd", "sum"), ("momentum", "mean"), ("adam", "mean")])
def test_the_loss_is_a_sum_for_sgd_alone(optimizer, reduction):
    assert made(optimizer=optimizer).loss.reduction == reduction


def test_label_smoothing_is_an_argument_of_the_loss():
    assert made(label_smoothing=0.1).loss.label_smoothing == 0.1


def test_the_initializer_makes_all_weights():
    rng = np.random.default_rng(0)
    network = made(initializer="he-normal")
    for layer, shape in zip(network.layers[::2], [(7, 4), (5, 3), (4, 10)]):
        np.testing.assert_array_equal(layer.W, he_normal(*shape, rng).astype(np.float32))


def test_dropout_leaves_the_weights_and_the_shuffling_as_they_are():
    plain, dropped = np.random.default_rng(0), np.random.default_rng(0)
    a = network_of(settled({}), 6, plain)
    b = network_of(settled({"dropout": 0.5}), 6, dropped)
    with b.mode(training=True):
        b.scores(np.ones((5, 6), np.float32))
    np.testing.assert_array_equal(a.parameters["linear2.W"], b.parameters["linear2.W"])
    assert plain.bit_generator.state == dropped.bit_generator.state


# ---- the optimizer and its schedule

def test_the_optimizer_gets_decay_and_clipping():
    optimizer = optimizer_of(settled({"optimizer": "adamw", "weight_decay": 0.5, "clip_norm": 2.0}), 10)
    assert type(optimizer) is npbp.AdamW
    assert (optimizer.alpha, optimizer.weight_decay, optimizer.clip_norm) == (0.001, 0.5, 2.0)


def rates(**given):
    schedule = alpha_of(settled({"alpha": 8.0, "epochs": 3, **given}), steps=4)
    return [schedule(n) for n in range(12)]


def test_without_a_schedule_alpha_is_a_number():
    assert alpha_of(settled({"alpha": 8.0}), steps=4) == 8.0


def test_cosine_falls_from_alpha_to_0_at_the_end_of_the_training():
    np.testing.assert_allclose(rates(schedule="cosine"),
                               [4 * (1 + math.cos(math.pi * n / 12)) for n in range(12)])


def test_step_is_a_tenth_after_each_third():
    np.testing.assert_allclose(rates(schedule="step"), [8] * 4 + [0.8] * 4 + [0.08] * 4)


def test_exponential_falls_to_a_hundredth():
    np.testing.assert_allclose(rates(schedule="exponential"), [8 * 0.01 ** (n / 12) for n in range(12)])


def test_a_warm_up_comes_before_the_schedule_and_takes_of_its_time():
    np.testing.assert_allclose(rates(warm_up=0.5), [4] + [8] * 11)
    warmed = rates(warm_up=1.0, schedule="cosine")
    np.testing.assert_allclose(warmed[:4], [2, 4, 6, 8])
    np.testing.assert_allclose(warmed[4:], [4 * (1 + math.cos(math.pi * n / 8)) for n in range(8)])


@pytest.mark.parametrize("given", [{"warm_up": 3.0}, {"epochs": 1, "warm_up": 1.0}, {"warm_up": 1e-9}])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "step", "exponential"])
def test_a_warm_up_of_any_length_leaves_a_learning_rate_for_each_step(given, schedule):
    options = settled({"epochs": 3, "schedule": schedule, **given})
    for steps in (1, 2, 7):
        alpha = alpha_of(options, steps)
        for n in range(options.epochs * steps):
            assert 0 < (alpha(n) if callable(alpha) else alpha) <= 0.001


# ---- real trainings

def epochs_of(folder):
    with open(folder / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def trained(out, capsys, *arguments):
    """What a training of a small network printed, in this process; its folder."""
    assert main(["train", "--epochs", "1", "--hidden", "8", "--batch-size", "200", "--out", str(out),
                 *map(str, arguments)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out, max(out.iterdir(), key=lambda folder: int(folder.name.split("-")[-1]))


@pytest.fixture
def no_chart(monkeypatch):
    """The chart takes longer than such a training."""
    import npbp.cli.train
    monkeypatch.setattr(npbp.cli.train, "curves", lambda history, path, title: None)


def test_each_activation_norm_initializer_and_optimizer_trains(tmp_path, capsys, no_chart):
    tables = [list(ACTIVATIONS), list(NORMS), list(INITIALIZERS), list(OPTIMIZERS)]
    for i in range(max(map(len, tables))):
        names = [table[i % len(table)] for table in tables]
        flags = ("--activation", "--norm", "--initializer", "--optimizer")
        out, folder = trained(tmp_path, capsys, *(part for pair in zip(flags, names) for part in pair))
        row = epochs_of(folder)[0]
        X, y = next(iter(Batches(*load("mnist-sample").test, 1000, shuffle=False)))
        given = dict(zip(("activation", "norm", "initializer", "optimizer"), names))
        start = network_of(settled({"hidden": [8], **given}), 784, np.random.default_rng(0))
        start.eval()
        before = start.evaluate(X, y)[2] / (1000 if start.loss.reduction == "sum" else 1)
        assert float(row["validation_loss"]) < before, names
        network = Network.load(folder / "model.npz")
        assert kinds(network) == kinds(start)
        assert (network.predict(X).argmax(axis=1) == y).mean() == float(row["validation_correct"])


def test_the_line_before_the_summary_and_the_summary_say_how_it_is_trained(tmp_path, capsys, no_chart):
    out, folder = trained(tmp_path, capsys, "--optimizer", "adamw", "--schedule", "cosine", "--warm-up", 1,
                          "--clip-norm", 1.5, "--initializer", "he-normal", "--early-stopping", 3,
                          "--label-smoothing", 0.1, "--dropout", 0.25, "--norm", "layer")
    lines = out.splitlines()
    assert lines[1] == (
        "epochs 1, batch size 200, adamw, alpha 0.001 with the schedule cosine after a warm-up of 1 epoch, "
        "weight decay 0.01, gradients clipped to 1.5, weights he-normal, stopping early after 3 epochs no "
        "better, seed 0; validation (10 % of the training images) after each epoch")
    assert "'mean'" in out and "0.1)" in out and "Dropout(" in out and "LayerNorm(" in out


def test_an_epochs_line_shows_metrics_and_the_alpha_of_a_schedule(tmp_path, capsys, no_chart):
    out, folder = trained(tmp_path, capsys, "--metrics", "top-3", "top-2", "--schedule", "cosine")
    row = epochs_of(folder)[0]
    line = next(line for line in out.splitlines() if line.startswith("epoch "))
    for name in ("top_3", "validation_top_3", "top_2", "validation_top_2"):
        assert f"  {name.replace('_', ' ')} {float(row[name]):.4f}  " in line
    assert f"  alpha {0.0005 * (1 + math.cos(math.pi * 29 / 30)):.3g}  " in line
    assert "alpha" not in next(line for line in trained(tmp_path, capsys)[0].splitlines()
                               if line.startswith("epoch "))


def test_with_a_share_to_validate_on_the_test_images_are_measured_at_the_end(tmp_path, capsys, no_chart):
    out, folder = trained(tmp_path, capsys, "--validation", 0.25)
    X, y = next(iter(Batches(*load("mnist-sample").test, 1000, shuffle=False)))
    network = Network.load(folder / "model.npz")
    loss, correct = network.evaluate(X, y)[2] / 1000, network.evaluate(X, y)[1]
    assert f"test images  loss {loss:.4f}  correct {correct:.4f}" in out.splitlines()
    assert "validation (25 % of the training images) after each epoch" in out
    assert "test images" not in trained(tmp_path, capsys)[0].split("after each epoch")[1]


def test_confusion_is_a_table_and_a_picture_of_the_test_images(tmp_path, capsys, no_chart):
    out, folder = trained(tmp_path, capsys, "--metrics", "confusion")
    lines = out.splitlines()
    first = lines.index("which class (row) was taken for which (column):") + 1
    assert lines[first].split() == [str(k) for k in range(10)]
    rows = np.array([[int(word) for word in line.split()] for line in lines[first + 1:first + 11]])
    X, y = next(iter(Batches(*load("mnist-sample").test, 1000, shuffle=False)))
    taken = Network.load(folder / "model.npz").predict(X).argmax(axis=1)
    np.testing.assert_array_equal(rows[:, 0], range(10))
    for i in range(10):
        np.testing.assert_array_equal(rows[i, 1:], np.bincount(taken[y == i], minlength=10))
    assert (folder / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert f"curves.png, confusion.png, history.csv and model.npz are in {folder}" in lines


def test_early_stopping_saves_the_network_of_the_best_epoch(tmp_path, capsys, no_chart):
    out, folder = trained(tmp_path, capsys, "--early-stopping", 2, "--validation", 0.5, "--alpha", 0.005,
                          "--epochs", 60, "--seed", 1)
    losses = [float(row["validation_loss"]) for row in epochs_of(folder)]
    best = losses.index(min(losses)) + 1
    assert f"the best of {len(losses)} epochs was {best}: its weights are kept" in out.splitlines()
    assert len(losses) == best + 2 < 60
    # The same training, ended by hand after the best epoch, has these weights.
    again, once = trained(tmp_path, capsys, "--validation", 0.5, "--alpha", 0.005, "--epochs", best,
                          "--seed", 1)
    a, b = (Network.load(run / "model.npz").parameters for run in (folder, once))
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def test_all_options_together_as_a_real_process(tmp_path):
    done = run("train", "--hidden", 16, 8, "--activation", "gelu", "--optimizer", "adam", "--alpha", 0.002,
               "--schedule", "cosine", "--dropout", 0.2, "--norm", "batch", "--early-stopping", 5,
               "--weight-decay", 1e-4, "--clip-norm", 1, "--label-smoothing", 0.1, "--metrics", "top-3",
               "confusion", "--initializer", "he-normal", "--warm-up", 0.5, "--validation", 0.2,
               "--epochs", 2, cwd=tmp_path)
    folder = tmp_path / "runs" / "mnist-sample-1"
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint", "confusion.png", "curves.png", "history.csv", "model.npz", "options.json"]
    # All of it is in the model, and predict takes the folder of the run.
    images = load("mnist-sample").test[0][:3]
    np.save(tmp_path / "images.npy", images)
    seen = [run("predict", model, "images.npy", cwd=tmp_path) for model in (folder, folder / "model.npz")]
    assert seen[0].returncode == 0 and seen[0].stdout == seen[1].stdout
    probabilities = Network.load(folder / "model.npz").predict(
        images.reshape(3, -1).astype(np.float32) / 255)
    for i, p in enumerate(probabilities):
        assert seen[0].stdout.splitlines()[i].startswith(f"images.npy[{i}]: {p.argmax()}  {p.max():.4f}")


@pytest.mark.parametrize("arguments, words", [
    (["--optimizer", "momentum", "--alpha", 100], "(--alpha was 100, its default is 0.01)"),
    (["--optimizer", "adam", "--alpha", 100], "(--alpha was 100, its default is 0.001)")])
def test_the_hint_at_the_end_names_the_default_of_the_optimizer(tmp_path, capsys, no_chart, arguments, words):
    out, _ = trained(tmp_path, capsys, *arguments, "--epochs", 2)
    assert out.count(words) == 1
