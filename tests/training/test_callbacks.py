"""Callbacks: when they act, what they keep, and that nothing of theirs is silent."""
from __future__ import annotations

import os
import subprocess
import sys
import types

import numpy as np
import pytest

import npbp
from npbp import (SGD, CsvLog, DivergedError, EarlyStopping, History, Linear, LivePlot, Network, NeuralNet,
                  Progress, ReduceOnPlateau, ReLU, SaveBest, Schedule, SoftmaxCrossEntropyLoss, fit)
from npbp.layers import Buffer, Layer
from npbp.training import live_plot
from npbp.training.callbacks import Watching
from npbp.training.progress import Bar, duration

rng = np.random.default_rng
NAN = float("nan")


class Counting(Layer):
    """A layer with something that it keeps and nobody trains."""
    seen = Buffer()

    def __init__(self):
        self.seen = np.zeros(1)

    def forward(self, x):
        if self.training:
            self.seen += 1
        return x

    def bp_input(self, grad):
        return grad


def small(seed=0):
    r = rng(seed)
    return Network([Linear(5, 8, r), Counting(), ReLU(), Linear(8, 2, r)], SoftmaxCrossEntropyLoss())


def noise(n=60, seed=0):
    """Nothing to learn but by heart."""
    r = rng(seed)
    return r.standard_normal((n, 5)).astype(np.float32), r.integers(0, 2, n)


def weights(network):
    return {name: array.copy() for name, array in {**network.parameters, **network.buffers}.items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


class Snapshots:
    """The weights after each epoch."""
    def __init__(self):
        self.of = []

    def __call__(self, network, history):
        self.of.append(weights(network))


def calls(callback, values, name="validation_loss"):
    """What the callback returns after each epoch of such values."""
    network, returned = small(), []
    for n in range(1, len(values) + 1):
        columns = {name: values[:n]} if hasattr(History, name) or name in ("loss", "validation_loss") else {}
        history = History(**{"loss": [1.0] * n, "seconds": [0.0] * n, **columns})
        if not columns:
            history.metrics = {name: values[:n]}
        returned.append(callback(network, history))
    return returned


# ---- early stopping

def overfit(**options):
    stopping, snapshots, network = EarlyStopping(**options), Snapshots(), small()
    history = fit(network, noise(), validation=0.3, epochs=200, rng=rng(1), batch_size=8,
                  optimizer=SGD(0.5), callbacks=[stopping, snapshots])
    return network, history, stopping, snapshots


def test_early_stopping_ends_after_patience_epochs_and_gives_the_best_weights_back():
    network, history, stopping, snapshots = overfit(patience=4)
    best = int(np.argmin(history.validation_loss))
    assert len(history.loss) == best + 1 + 4 < 200
    assert stopping.best_epoch == best + 1 and stopping.best == history.validation_loss[best]
    assert same(weights(network), snapshots.of[best]) and not same(snapshots.of[best], snapshots.of[-1])


def test_the_network_measures_again_what_the_best_epoch_had():
    X, y = noise()
    network, stopping = small(), EarlyStopping(patience=3)
    fit(network, (X, y), noise(40, 7), epochs=100, optimizer=SGD(0.5), rng=rng(1), callbacks=[stopping])
    with network.mode(training=False):
        assert network.evaluate(*noise(40, 7))[2] == pytest.approx(stopping.best, rel=1e-6)


def test_the_weights_are_put_back_in_place():
    network = small()
    before = network.layers[0].W
    fit(network, noise(), validation=0.3, epochs=50, optimizer=SGD(0.5), callbacks=[EarlyStopping(2)])
    assert network.layers[0].W is before


def test_the_best_weights_come_back_too_if_the_epochs_are_over_before_patience():
    network, stopping, snapshots = small(), EarlyStopping(patience=1000), Snapshots()
    history = fit(network, noise(), validation=0.3, epochs=40, rng=rng(1), optimizer=SGD(0.5),
                  callbacks=[stopping, snapshots])
    best = int(np.argmin(history.validation_loss))
    assert len(history.loss) == 40 > best + 1
    assert same(weights(network), snapshots.of[best])


def test_without_restore_the_weights_stay_those_of_the_end():
    network, history, stopping, snapshots = overfit(patience=4, restore=False)
    assert same(weights(network), snapshots.of[-1]) and stopping.kept == {}


def test_ctrl_c_gives_the_best_weights_back_too():
    def interrupt(network, history):
        if len(history.loss) == 30:
            raise KeyboardInterrupt
    network, stopping, snapshots = small(), EarlyStopping(patience=1000), Snapshots()
    history = fit(network, noise(), validation=0.3, epochs=100, rng=rng(1), optimizer=SGD(0.5),
                  callbacks=[stopping, snapshots, interrupt])
    assert history.interrupted and same(weights(network), snapshots.of[stopping.best_epoch - 1])


def test_a_loss_that_is_not_finite_gives_the_best_weights_back_too():
    def sabotage(network, history):
        if len(history.loss) == 5:
            network.layers[0].W[:] = np.nan
    network, stopping, snapshots = small(), EarlyStopping(patience=1000), Snapshots()
    with pytest.raises(DivergedError, match="epoch 6, batch 1"):
        fit(network, noise(), validation=0.3, epochs=100, rng=rng(1), optimizer=SGD(0.1),
            callbacks=[stopping, snapshots, sabotage])
    assert same(weights(network), snapshots.of[stopping.best_epoch - 1])


def test_an_error_of_another_kind_leaves_the_weights_as_they_are():
    def broken(network, history):
        if len(history.loss) == 30:
            raise OSError("disk full")
    network, snapshots = small(), Snapshots()
    with pytest.raises(OSError, match="disk full"):
        fit(network, noise(), validation=0.3, epochs=100, rng=rng(1), optimizer=SGD(0.5),
            callbacks=[EarlyStopping(1000), snapshots, broken])
    assert same(weights(network), snapshots.of[-1])


@pytest.mark.parametrize("values, patience, stops_at", [
    ([3, 2, 1, 1, 1], 2, 5), ([3, 2, 1, 2, 0.5, 1, 1], 2, 7), ([1, 2], 1, 2), ([3, 2, 1], 1, None),
    ([NAN, NAN, NAN], 3, 3), ([NAN, 1.0, NAN, NAN], 2, 4), ([NAN, 1.0, 0.5], 2, None)])
def test_it_stops_after_patience_epochs_in_a_row_without_a_better_one(values, patience, stops_at):
    returned = calls(EarlyStopping(patience), values)
    first = returned.index(True) + 1 if True in returned else None
    assert first == stops_at


def test_nan_is_never_the_best():
    stopping = EarlyStopping(5)
    calls(stopping, [NAN, 2.0, NAN, 1.0, NAN])
    assert stopping.best == 1.0 and stopping.best_epoch == 4


def test_if_every_number_is_nan_there_is_nothing_to_give_back():
    stopping, network = EarlyStopping(2), small()
    calls(stopping, [NAN, NAN])
    assert stopping.best is None and stopping.best_epoch == 0 and stopping.kept == {}
    before = weights(network)
    stopping.on_end(network, History())
    assert same(weights(network), before)


@pytest.mark.parametrize("at_least, best_epoch", [(0.0, 4), (0.1, 3), (0.5, 2), (10, 1)])
def test_a_better_one_is_better_by_at_least_that(at_least, best_epoch):
    stopping = EarlyStopping(10, at_least=at_least)
    calls(stopping, [2.0, 1.0, 0.75, 0.7])
    assert stopping.best_epoch == best_epoch


@pytest.mark.parametrize("watch", ["loss", "validation_loss", "mean_absolute_error", "error", "validation_my_error"])
def test_of_losses_and_errors_the_smaller_one_is_better(watch):
    assert EarlyStopping(watch=watch).direction == "smaller"


@pytest.mark.parametrize("watch", ["correct", "validation_correct", "accuracy", "validation_accuracy", "top_3",
                                   "validation_top_10", "r2", "validation_r2"])
def test_of_what_counts_the_right_ones_the_larger_one_is_better(watch):
    stopping = EarlyStopping(watch=watch)
    assert stopping.direction == "larger"


@pytest.mark.parametrize("watch", ["f1", "confidence", "loss_ratio", "top_x"])
def test_of_another_name_it_must_be_said(watch):
    with pytest.raises(ValueError, match='wanted direction="smaller" or "larger": which one is better'):
        EarlyStopping(watch=watch)
    stopping = EarlyStopping(watch=watch, direction="larger")
    calls(stopping, [0.1, 0.5, 0.3], watch)
    assert stopping.best == 0.5


def test_it_watches_metrics():
    network, stopping = small(), EarlyStopping(3, watch="validation_top_1")
    history = fit(network, noise(), validation=0.3, epochs=30, metrics=[npbp.metrics.top_k(1)], rng=rng(0),
                  callbacks=[stopping], optimizer=SGD(0.5))
    assert stopping.best == max(history.metrics["validation_top_1"])
    assert stopping.best_epoch == history.metrics["validation_top_1"].index(stopping.best) + 1


def test_a_second_training_begins_without_the_first_ones_best():
    stopping, network = EarlyStopping(3), small()
    fit(network, noise(), validation=0.3, epochs=30, callbacks=[stopping], rng=rng(0), optimizer=SGD(0.5))
    first = stopping.best
    history = fit(small(3), noise(seed=9), validation=0.3, epochs=2, callbacks=[stopping], rng=rng(1),
                  optimizer=SGD(0.01))
    assert stopping.best == min(history.validation_loss) != first


def test_the_repr_says_which_epoch_was_best():
    stopping = EarlyStopping(5)
    assert repr(stopping) == "EarlyStopping(patience=5, watch='validation_loss', best=None, best_epoch=0)"
    calls(stopping, [0.75, 0.5])
    assert repr(stopping) == "EarlyStopping(patience=5, watch='validation_loss', best=0.5, best_epoch=2)"


@pytest.mark.parametrize("arguments, error, message", [
    (dict(patience=0), ValueError, "EarlyStopping: got patience=0, wanted at least 1"),
    (dict(patience=2.5), TypeError, "EarlyStopping: got patience=2.5"),
    (dict(watch=3), TypeError, "EarlyStopping: got watch=3, wanted a name"),
    (dict(at_least=-1), ValueError, "EarlyStopping: got at_least=-1, wanted a finite number of at least 0"),
    (dict(at_least=NAN), ValueError, "EarlyStopping: got at_least=nan"),
    (dict(at_least="much"), TypeError, "EarlyStopping: got at_least='much'"),
    (dict(at_least=True), TypeError, "EarlyStopping: got at_least=True"),
    (dict(restore="yes"), TypeError, "EarlyStopping: got restore='yes', wanted True or False"),
    (dict(direction="up"), ValueError, "direction='up'"),
])
def test_a_wrong_argument_of_early_stopping_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        EarlyStopping(**arguments)


# ---- what cannot be watched

@pytest.mark.parametrize("make", [lambda watch: EarlyStopping(watch=watch, direction="larger"),
                                  lambda watch: SaveBest("best.npz", watch=watch, direction="larger"),
                                  lambda watch: ReduceOnPlateau(SGD(0.1), watch=watch, direction="larger")],
                         ids=["EarlyStopping", "SaveBest", "ReduceOnPlateau"])
@pytest.mark.parametrize("watch, validation, message", [
    ("validation_loss", None, "wanted one of loss, correct, accuracy; fit has no validation: give it one"),
    ("validation_accuracy", None, "fit has no validation"),
    ("top_3", 0.3, "wanted one of loss, correct, accuracy, validation_loss, validation_correct, validation_acc"),
    ("seconds", None, "wanted one of loss"),
])
def test_what_there_is_not_is_an_error_before_the_first_epoch(make, watch, validation, message):
    network, callback = small(), make(watch)
    before = weights(network)
    with pytest.raises(ValueError, match=f"^{type(callback).__name__}: got watch='{watch}', .*{message}"):
        fit(network, noise(), validation, epochs=1, metrics=[npbp.metrics.accuracy], callbacks=[callback],
            optimizer=getattr(callback, "optimizer", None))
    assert same(weights(network), before)


def test_correct_of_a_regression_is_an_error_that_says_what_there_is():
    X, _ = noise()
    network = Network([Linear(5, 5, rng(0))], npbp.MeanSquaredErrorLoss())
    with pytest.raises(ValueError, match="got the name 'correct', wanted one of loss, seconds"):
        fit(network, (X, X), epochs=1, callbacks=[EarlyStopping(watch="correct")])


def test_a_matrix_cannot_be_watched():
    with pytest.raises(TypeError, match="metric confusion_matrix: got an array of shape .*wanted one number"):
        fit(small(), noise(), epochs=1, metrics=[npbp.metrics.confusion_matrix(2)],
            callbacks=[EarlyStopping(watch="confusion_matrix", direction="larger")])


# ---- saving the best

def test_save_best_writes_when_it_is_the_best_so_far(tmp_path):
    path = tmp_path / "best.npz"
    save, written, network = SaveBest(path), [], small()
    for n, value in enumerate([2.0, NAN, 1.0, 3.0, 1.0], start=1):
        path.unlink(missing_ok=True)
        save(NeuralNet(4, 3, 2), History(loss=[1.0] * n, validation_loss=[2.0, NAN, 1.0, 3.0, 1.0][:n]))
        written.append(path.exists())
    assert written == [True, False, True, False, False] and save.best_epoch == 3


def test_the_file_holds_the_best_network_of_a_training(tmp_path):
    X, y = noise(60)
    r = rng(0)
    network = Network([Linear(5, 8, r), ReLU(), Linear(8, 2, r)], SoftmaxCrossEntropyLoss())
    save, snapshots = SaveBest(tmp_path / "best.npz"), Snapshots()
    history = fit(network, (X, y), validation=0.3, epochs=40, rng=rng(1), optimizer=SGD(0.5),
                  callbacks=[save, snapshots])
    best = int(np.argmin(history.validation_loss))
    assert same(weights(Network.load(tmp_path / "best.npz")), snapshots.of[best]) and best < 39
    assert repr(save).startswith(f"SaveBest(path={str(tmp_path / 'best.npz')!r}, watch='validation_loss', best=")


# ---- schedules

def test_a_schedule_sets_the_learning_rate_of_each_epoch():
    optimizer, seen = SGD(99.0), []
    schedule = Schedule(optimizer, lambda n: 0.1 / (n + 1))

    class Watch:
        def __call__(self, network, history):
            pass

        def on_batch(self, epoch, batch, batches):
            seen.append(optimizer.alpha)
    fit(small(), noise(), epochs=3, batch_size=60, optimizer=optimizer, callbacks=[schedule, Watch()])
    assert seen == [0.1, 0.05, 0.1 / 3]


def test_a_schedule_is_not_asked_for_more_epochs_than_there_are():
    optimizer = SGD(0.1)
    fit(small(), noise(), epochs=3, optimizer=optimizer, callbacks=[Schedule(optimizer, [0.3, 0.2, 0.1].__getitem__)])
    assert optimizer.alpha == 0.1


def test_a_schedule_makes_the_steps_of_its_rates():
    ours, theirs, optimizer = small(), small(), SGD(1.0)
    fit(ours, npbp.datasets.Batches(*noise(), shuffle=False), epochs=2, optimizer=optimizer,
        callbacks=[Schedule(optimizer, lambda n: [0.3, 0.01][n])])
    for alpha in (0.3, 0.01):
        fit(theirs, npbp.datasets.Batches(*noise(), shuffle=False), epochs=1, optimizer=SGD(alpha))
    assert same(weights(ours), weights(theirs))


@pytest.mark.parametrize("schedule, error, message", [
    (lambda n: NAN, ValueError, r"schedule\(0\): got alpha=nan"),
    (lambda n: -0.1, ValueError, r"schedule\(0\): got alpha=-0.1"),
    (lambda n: None, TypeError, r"schedule\(0\): got alpha=None"),
    (0.1, TypeError, "got schedule=0.1, wanted a function of the epochs made"),
])
def test_what_is_no_schedule_is_named(schedule, error, message):
    optimizer = SGD(0.1)
    with pytest.raises(error, match=f"^Schedule: {message}"):
        fit(small(), noise(), epochs=1, optimizer=optimizer, callbacks=[Schedule(optimizer, schedule)])


class NoAlpha:
    def step(self, parameters, gradients):
        pass


class ByStep(NoAlpha):
    def alpha(self, steps):
        return 0.1


@pytest.mark.parametrize("make", [lambda optimizer: Schedule(optimizer, lambda n: 0.1), ReduceOnPlateau],
                         ids=["Schedule", "ReduceOnPlateau"])
@pytest.mark.parametrize("optimizer, message", [
    (NoAlpha(), "got a NoAlpha as optimizer, wanted one whose alpha is a number"),
    (ByStep(), "got a ByStep as optimizer.*this one has a schedule already"),
    (SGD, "got the class SGD as optimizer"), (0.1, "got a float as optimizer"), (None, "got nothing as optimizer")])
def test_an_optimizer_without_a_learning_rate_is_named(make, optimizer, message):
    with pytest.raises(TypeError, match=message):
        make(optimizer)


@pytest.mark.parametrize("make", [lambda optimizer: Schedule(optimizer, lambda n: 0.1),
                                  lambda optimizer: ReduceOnPlateau(optimizer, watch="loss")],
                         ids=["Schedule", "ReduceOnPlateau"])
@pytest.mark.parametrize("other", [SGD(0.1), None])
def test_the_schedule_of_another_optimizer_would_do_nothing_and_is_an_error(make, other):
    with pytest.raises(ValueError, match="got another optimizer than fit, wanted the same object"):
        fit(small(), noise(), epochs=1, optimizer=other, callbacks=[make(SGD(0.1))])


def test_reduce_on_plateau_makes_the_rate_smaller_after_patience_and_counts_anew():
    optimizer = SGD(1.0)
    reduce, alphas = ReduceOnPlateau(optimizer, factor=0.5, patience=2), []
    values = [3, 2, 2, 2, 2, 2, 1, 1, NAN, 1]
    for n in range(1, len(values) + 1):
        reduce(None, History(loss=[1.0] * n, validation_loss=values[:n]))
        alphas.append(optimizer.alpha)
    assert alphas == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125]


def test_the_rate_ends_at_the_smallest_and_never_rises():
    for start, end in ((1.0, 0.3), (0.2, 0.2)):
        optimizer = SGD(start)
        calls(ReduceOnPlateau(optimizer, patience=1, smallest=0.3), [1.0] * 6)
        assert optimizer.alpha == end


@pytest.mark.parametrize("arguments, error, message", [
    (dict(factor=1.0), ValueError, "factor=1.0, wanted one between 0 and 1"),
    (dict(factor=0), ValueError, "factor=0"), (dict(factor="half"), TypeError, "factor='half'"),
    (dict(patience=0), ValueError, "patience=0"), (dict(smallest=-1), ValueError, "smallest=-1"),
])
def test_a_wrong_argument_of_reduce_on_plateau_is_named(arguments, error, message):
    with pytest.raises(error, match=f"^ReduceOnPlateau: got {message}"):
        ReduceOnPlateau(SGD(0.1), **arguments)


# ---- the log

def test_the_log_is_the_history_as_csv_after_each_epoch(tmp_path):
    path, expected, contents = tmp_path / "log.csv", tmp_path / "expected.csv", []

    def check(network, history):
        history.to_csv(expected)
        contents.append(path.read_text() == expected.read_text())
    fit(small(), noise(), validation=0.3, epochs=3, metrics=[npbp.metrics.accuracy],
        callbacks=[CsvLog(path), check])
    lines = path.read_text().splitlines()
    assert contents == [True] * 3 and len(lines) == 4
    assert lines[0] == ("epoch,loss,correct,validation_loss,validation_correct,seconds,"
                        "accuracy,validation_accuracy")
    assert repr(CsvLog("log.csv")) == "CsvLog('log.csv')"


def test_a_log_that_cannot_be_written_is_an_error_before_the_first_step(tmp_path):
    network = small()
    before = weights(network)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        fit(network, noise(), epochs=1, callbacks=[CsvLog(tmp_path / "nowhere" / "log.csv")])
    assert same(weights(network), before)


# ---- the hooks

def test_the_hooks_are_called_in_their_order():
    called = []

    class Hooks:
        def on_start(self, network, history, epochs):
            called.append(("start", len(history.loss), epochs))

        def on_batch(self, epoch, batch, batches):
            called.append(("batch", epoch, batch, batches))

        def __call__(self, network, history):
            called.append(("epoch", len(history.loss)))

        def on_end(self, network, history):
            called.append(("end", len(history.loss)))
    fit(small(), noise(), epochs=2, batch_size=30, callbacks=[Hooks()])
    assert called == [("start", 0, 2), ("batch", 1, 1, 2), ("batch", 1, 2, 2), ("epoch", 1),
                      ("batch", 2, 1, 2), ("batch", 2, 2, 2), ("epoch", 2), ("end", 2)]
    called.clear()
    fit(small(), noise(), epochs=0, callbacks=[Hooks()])
    assert called == [("start", 0, 0), ("end", 0)]


def test_a_step_after_which_a_callback_said_that_it_is_inference_is_followed_by_training():
    seen = []

    class Seeing(Layer):
        def forward(self, x):
            seen.append(self.is_training())
            self.cache = x.shape
            return x

        def bp_input(self, grad):
            return grad

    start = npbp.initializers.zeros
    network = Network([npbp.Residual([Seeing()]), Linear(5, 2, initializer=start)], SoftmaxCrossEntropyLoss())

    class Measure:
        def __call__(self, network, history):
            pass

        def on_batch(self, epoch, batch, batches):
            network.eval()

    fit(network, noise(), epochs=2, batch_size=20, optimizer=SGD(0.01), callbacks=[Measure()])
    assert len(seen) > 4 and all(seen)
    assert network.layers[0].training is None


# ---- state

@pytest.mark.parametrize("make", [lambda: EarlyStopping(3), lambda: SaveBest(os.devnull),
                                  lambda: ReduceOnPlateau(SGD(1.0), patience=1), lambda: Watching("loss")],
                         ids=["EarlyStopping", "SaveBest", "ReduceOnPlateau", "Watching"])
def test_a_state_is_a_flat_dict_and_can_be_put_back(make):
    first, second = make(), make()
    first.best, first.best_epoch = 0.5, 2
    if isinstance(first, EarlyStopping):
        first.kept = weights(small())
    if isinstance(first, ReduceOnPlateau):
        first.since, first.optimizer.alpha = 7, 0.25
    state = first.state_dict()
    assert all(isinstance(key, str) and isinstance(value, (np.ndarray, int, float, str, type(None)))
               for key, value in state.items())
    second.load_state_dict(state)
    assert (second.best, second.best_epoch) == (0.5, 2)
    if isinstance(first, EarlyStopping):
        assert same(second.kept, first.kept)
        assert not any(np.shares_memory(second.kept[name], first.kept[name]) for name in first.kept)
    if isinstance(first, ReduceOnPlateau):
        assert second.since == 7 and second.optimizer.alpha == 0.25


# ---- progress

def test_progress_prints_a_line_an_epoch_with_the_time_left(capsys):
    history = fit(small(), noise(), validation=0.3, epochs=3, metrics=[npbp.metrics.top_k(1)],
                  callbacks=[Progress()])
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == "" and len(lines) == 3
    assert lines[0].startswith(f"epoch 1/3  loss {history.loss[0]:#.4g}  correct ")
    assert "  validation loss " in lines[0] and "  validation top 1 " in lines[0]
    assert lines[0].endswith(" s, 0 s left") and lines[1].endswith(" s left") and "left" not in lines[2]


def test_progress_of_a_regression_says_nothing_of_correct(capsys):
    X, _ = noise()
    fit(Network([Linear(5, 5, rng(0))], npbp.MeanSquaredErrorLoss()), (X, X), epochs=1, callbacks=[Progress()])
    assert "correct" not in capsys.readouterr().out


def test_fit_itself_is_silent(capsys):
    fit(small(), noise(), validation=0.3, epochs=2)
    assert capsys.readouterr() == ("", "")


def test_the_time_left_is_that_of_the_epochs_to_come(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr("npbp.training.progress.time.monotonic", lambda: now[0])
    progress, history = Progress(), History(loss=[1.0] * 2, seconds=[1.0] * 2)   # resumed after two
    progress.on_start(None, history, 12)
    now[0] += 30
    history.loss.append(1.0), history.seconds.append(1.0)
    progress(None, history)
    assert capsys.readouterr().out == "epoch  3/12  loss 1.000  1.00 s, 4 min 30 s left\n"


@pytest.mark.parametrize("seconds, text", [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (61, "1 min 01 s"),
                                           (3599.9, "1 h 00 min"), (7500, "2 h 05 min"), (360000, "100 h 00 min")])
def test_durations_are_words(seconds, text):
    assert duration(seconds) == text


class Terminal:
    def __init__(self):
        self.written = ""

    def isatty(self):
        return True

    def write(self, text):
        self.written += text

    def flush(self):
        pass

    def fileno(self):
        raise OSError


def test_on_a_terminal_a_bar_shows_the_epoch_at_hand_and_is_gone_at_its_end(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    now = [0.0]
    monkeypatch.setattr("npbp.training.progress.time.monotonic", lambda: now.__setitem__(0, now[0] + 1) or now[0])
    fit(small(), noise(), epochs=2, batch_size=20, callbacks=[Progress()])
    drawn = terminal.written.split("\r")
    assert any("epoch 1/2" in line and "[" in line and " 2/3" in line for line in drawn)
    assert any("left [" in line for line in drawn)
    assert all(len(line.replace("\x1b[K", "")) < 60 for line in drawn)
    assert drawn[-1] == "\x1b[K"
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_terminal_that_is_gone_does_not_end_the_training(monkeypatch):
    class Gone(Terminal):
        def write(self, text):
            raise OSError
    monkeypatch.setattr(sys, "stderr", Gone())
    monkeypatch.setenv("TERM", "xterm")
    bar = Bar()
    bar.draw("epoch 1/2", 1, 3)
    assert not bar.terminal


# ---- the live plot

def test_a_live_plot_writes_its_picture_after_each_epoch(tmp_path):
    path, sizes = tmp_path / "curves.png", []

    def look(network, history):
        sizes.append(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n")
        path.unlink()
    fit(small(), noise(), epochs=2, callbacks=[LivePlot(path), look])
    assert sizes == [True, True]
    assert repr(LivePlot()) == "LivePlot()" and repr(LivePlot("a.png")) == "LivePlot('a.png')"


def test_outside_of_a_notebook_a_live_plot_without_a_path_does_nothing():
    code = ("import sys, numpy as np, npbp\n"
            "X = np.ones((4, 3), np.float32); y = np.array([0, 1, 0, 1])\n"
            "npbp.fit(npbp.Network([npbp.Linear(3, 2, np.random.default_rng(0))],\n"
            "                      npbp.SoftmaxCrossEntropyLoss()), (X, y), epochs=2,\n"
            "         callbacks=[npbp.LivePlot()])\n"
            "print('matplotlib' in sys.modules, 'IPython' in sys.modules)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False False\n" and done.stderr == ""


class Notebook:
    """What IPython is in a notebook, as far as it is asked."""
    def __init__(self, kernel=True):
        self.shown, self.updated = [], []
        shell = types.SimpleNamespace(kernel=object()) if kernel else types.SimpleNamespace()
        self.package = types.ModuleType("IPython")
        self.package.get_ipython = lambda: shell
        self.display = types.ModuleType("IPython.display")
        self.display.Image = lambda data, width: (bytes(data), width)
        self.display.display = self.show

    def show(self, picture, display_id):
        assert display_id is True
        self.shown.append(picture)
        return types.SimpleNamespace(update=self.updated.append)

    def install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "IPython", self.package)
        monkeypatch.setitem(sys.modules, "IPython.display", self.display)
        return self


def test_in_a_notebook_one_picture_is_drawn_anew(monkeypatch):
    notebook = Notebook().install(monkeypatch)
    plot = LivePlot()
    fit(small(), noise(), epochs=3, callbacks=[plot])
    assert len(notebook.shown) == 1 and len(notebook.updated) == 2
    pictures = [data for data, _ in notebook.shown + notebook.updated]
    assert all(data[1:4] == b"PNG" for data in pictures) and len(set(pictures)) == 3
    fit(small(), noise(), epochs=1, callbacks=[plot])
    assert len(notebook.shown) == 2                                  # another training, another picture


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch):
    notebook = Notebook(kernel=False).install(monkeypatch)
    assert live_plot._display_of_a_notebook() is None
    LivePlot()(None, History(loss=[1.0]))
    assert notebook.shown == []


# ---- a kill, and going on

class Momentum(SGD):
    def __init__(self, alpha):
        super().__init__(alpha)
        self.v = {}

    def step(self, parameters, gradients):
        for name, W in parameters.items():
            self.v[name] = 0.5 * self.v.get(name, 0) + gradients[name]
            W -= self.alpha * self.v[name]

    def state_dict(self):
        return dict(self.v)

    def load_state_dict(self, state):
        self.v = dict(state)


def run_with_everything(folder=None, resume=False, kill_after=None, epochs=12):
    """Early stopping, a plateau, metrics, weights, a share: once more with the state of a kill."""
    network, optimizer = small(), Momentum(0.3)
    stopping, plateau = EarlyStopping(4), ReduceOnPlateau(optimizer, patience=2)

    class Kill:
        steps = 0

        def __call__(self, network, history):
            pass

        def on_batch(self, epoch, batch, batches):
            Kill.steps += 1
            if Kill.steps == kill_after:
                raise MemoryError
    options = {} if folder is None else {"checkpoint": folder, "resume": resume, "checkpoint_seconds": 0}
    metrics = npbp.metrics
    history = fit(network, noise(), validation=0.3, epochs=epochs, batch_size=8, rng=rng(1), optimizer=optimizer,
                  callbacks=[stopping, plateau, Kill()], class_weights="balanced",
                  metrics=[metrics.accuracy, metrics.confusion_matrix(2), confidence], **options)
    history.seconds = []
    return weights(network), history, stopping, plateau


def confidence(prediction, targets):
    return np.mean(prediction.max(axis=1))


@pytest.mark.parametrize("kill_after", [1, 3, 6, 7, 20, 29, 35, 41])
def test_metrics_and_callbacks_go_on_after_a_kill_as_if_there_had_been_none(kill_after, tmp_path):
    expected, history, stopping, plateau = run_with_everything()
    with pytest.raises(MemoryError):
        run_with_everything(tmp_path, kill_after=kill_after)
    again, resumed, stopping2, plateau2 = run_with_everything(tmp_path, resume=True)
    assert same(again, expected) and resumed == history
    assert (stopping2.best, stopping2.best_epoch) == (stopping.best, stopping.best_epoch)
    assert same(stopping2.kept, stopping.kept)
    assert plateau2.optimizer.alpha == plateau.optimizer.alpha and plateau2.since == plateau.since


@pytest.mark.parametrize("begun, other, option", [
    (lambda o: EarlyStopping(9, "loss"), lambda o: EarlyStopping(9, "correct"), "watch='correct'"),
    (lambda o: EarlyStopping(9, "loss"), lambda o: EarlyStopping(8, "loss"), "patience=8"),
    (lambda o: EarlyStopping(9, "loss"), lambda o: EarlyStopping(9, "loss", restore=False), "restore=False"),
    (lambda o: SaveBest(os.devnull, "loss"), lambda o: SaveBest(os.devnull, "loss", 0.1), "at_least=0.1"),
    (lambda o: SaveBest(os.devnull, "loss"), lambda o: SaveBest(os.devnull, "loss", direction="larger"),
     "direction='larger'"),
    (lambda o: ReduceOnPlateau(o, 0.5, watch="loss"), lambda o: ReduceOnPlateau(o, 0.1, watch="loss"),
     "factor=0.1"),
])
def test_a_callback_with_other_options_than_the_training_began_with_is_refused(begun, other, option, tmp_path):
    def run(make, epochs):
        network, optimizer = small(), npbp.Momentum(0.01)
        before = weights(network)
        try:
            fit(network, noise(), epochs=epochs, optimizer=optimizer, callbacks=[make(optimizer)],
                checkpoint=tmp_path, resume=True, rng=rng(1))
        finally:
            run.untouched = same(weights(network), before) and not optimizer.steps
    run(begun, 2)
    with pytest.raises(ValueError, match=f"got {option}, wanted "):
        run(other, 3)
    assert run.untouched
    run(begun, 3)


def test_a_training_that_early_stopping_ended_stays_ended_and_gives_the_best_weights_again(tmp_path):
    expected, history, stopping, _ = run_with_everything(tmp_path, epochs=100)
    again, resumed, stopping2, _ = run_with_everything(tmp_path, resume=True, epochs=100)
    assert len(history.loss) < 100 and resumed == history and same(again, expected)
    assert stopping2.best_epoch == stopping.best_epoch


def test_more_epochs_go_on_from_the_last_weights_and_not_from_the_best(tmp_path):
    run_with_everything(tmp_path, epochs=3)
    longer = run_with_everything(tmp_path, resume=True, epochs=6)
    straight = run_with_everything(epochs=6)
    assert longer[1] == straight[1] and same(longer[0], straight[0])


@pytest.mark.parametrize("change, message", [
    (dict(metrics=[npbp.metrics.top_k(2)]), "got top_2 as the metrics, wanted accuracy"),
    (dict(metrics=None), "got none as the metrics, wanted accuracy"),
    (dict(class_weights=[1, 2]), r"got \[1, 2\] as class_weights, wanted 'balanced'"),
    (dict(validation=0.2), "as (X of train|the share of validation)"),
])
def test_a_training_that_counts_otherwise_does_not_go_on(change, message, tmp_path):
    def run(resume, **options):
        fit(small(), noise(), checkpoint=tmp_path, resume=resume, optimizer=Momentum(0.1), epochs=2, **{
            "validation": 0.3, "rng": rng(1), "metrics": [npbp.metrics.accuracy],
            "class_weights": "balanced", **options})
    run(False)
    with pytest.raises(ValueError, match=message):
        run(True, **change)
