"""fit and History: the numbers, the stops, the messages."""
from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

from npbp import (CsvLog, DivergedError, EarlyStopping, History, Layer, Linear, Loss, Network, NeuralNet,
                  Progress, ReLU, SGD, SoftmaxCrossEntropyLoss, fit)
from npbp.datasets import Batches, load, one_hot

rng = np.random.default_rng


def two_classes(n=200, seed=0):
    X = rng(seed).uniform(-1, 1, (n, 5)).astype(np.float32)
    return X, (X[:, 0] > X[:, 1]).astype(np.uint8)


def small(reduction="mean", seed=0):
    r = rng(seed)
    return Network([Linear(5, 7, r), ReLU(), Linear(7, 2, r)], SoftmaxCrossEntropyLoss(reduction))


def same_weights(a, b):
    return all(np.array_equal(a.parameters[name], b.parameters[name]) for name in a.parameters)


# ---- what it computes

def test_fit_makes_the_steps_of_the_walk_through_and_counts_as_it_does():
    (images, labels), _ = load("mnist-sample")
    images, labels = images[:500], labels[:500]
    ours, theirs = NeuralNet(rng=rng(1)), NeuralNet(rng=rng(1))

    history = fit(ours, (images, labels), epochs=3, rng=rng(2))

    train = Batches(images, labels, rng=rng(2))
    for epoch in range(3):
        losses, rights = [], []
        for X, y in train:
            _, correct, loss = theirs.evaluate(X, y)
            theirs.gradient_descent()
            losses.append(loss * len(y))
            rights.append(correct * len(y))
        assert history.loss[epoch] == pytest.approx(sum(losses) / 500, rel=1e-12)
        assert history.correct[epoch] == pytest.approx(sum(rights) / 500, rel=1e-12)
    assert same_weights(ours, theirs)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_losses_are_means_over_examples_though_the_last_batch_is_smaller(reduction):
    X, y = two_classes(103)
    network = small(reduction)
    before = small("mean")
    history = fit(network, (X, y), (X, y), epochs=1, batch_size=25, optimizer=SGD(0.0))
    _, correct, loss = before.evaluate(X, y)
    assert history.loss == pytest.approx([loss], rel=1e-6)
    assert history.validation_loss == pytest.approx([loss], rel=1e-6)
    assert history.correct == history.validation_correct == [correct]


def test_a_mean_loss_with_alpha_times_the_batch_size_makes_the_steps_of_a_sum():
    X, y = two_classes(128)
    mean, total = small("mean").astype(np.float64), small("sum").astype(np.float64)
    for network, alpha in ((mean, 0.64), (total, 0.01)):
        fit(network, (X, y), epochs=5, batch_size=64, optimizer=SGD(alpha), rng=rng(0))
    for name in mean.parameters:
        np.testing.assert_allclose(mean.parameters[name], total.parameters[name], rtol=1e-10)


def test_validation_is_measured_after_the_epoch_and_not_trained_on():
    train, test = two_classes(200, 0), two_classes(2500, 1)    # more than one chunk of it
    watched, unwatched = small(), small()
    history = fit(watched, train, test, epochs=2, rng=rng(0))
    fit(unwatched, train, epochs=2, rng=rng(0))
    assert same_weights(watched, unwatched)
    _, correct, loss = unwatched.evaluate(*test)
    assert history.validation_correct[-1] == correct
    assert history.validation_loss[-1] == pytest.approx(loss, rel=1e-6)


def test_a_validation_of_batches_is_taken_in_order_and_its_rng_left_alone():
    seen = []

    class Spy(Layer):
        def forward(self, x):
            seen.append(x[:, 0].copy())
            return x

        def bp_input(self, grad):
            return grad

    X, y = two_classes(40)
    network = Network([Spy(), Linear(5, 2, rng(0))], SoftmaxCrossEntropyLoss())
    batches = Batches(X, y, batch_size=15, rng=rng(5))
    fit(network, (X, y), batches, epochs=1, batch_size=40)
    assert [len(x) for x in seen] == [40, 15, 15, 10]
    np.testing.assert_array_equal(np.concatenate(seen[1:]), X[:, 0])
    assert batches.rng.random() == rng(5).random()


def test_the_validation_is_measured_in_chunks_of_bounded_memory():
    sizes = []

    class Spy(ReLU):
        def forward(self, x):
            sizes.append(len(x))
            return super().forward(x)

    network = Network([Spy(), Linear(5, 2, rng(0))], SoftmaxCrossEntropyLoss())
    fit(network, two_classes(10), two_classes(20_000), epochs=1)
    assert max(sizes) <= 1000 and sum(sizes) == 20_010


def test_the_history_has_an_entry_an_epoch_of_plain_floats():
    history = fit(small(), two_classes(), two_classes(), epochs=4)
    for name in ("loss", "correct", "validation_loss", "validation_correct", "seconds"):
        values = getattr(history, name)
        assert len(values) == 4 and all(type(value) is float for value in values)
    assert not history.interrupted


def test_without_validation_its_lists_are_empty():
    history = fit(small(), two_classes(), epochs=2)
    assert history.validation_loss == history.validation_correct == []


def test_seconds_are_those_of_training_and_not_of_callbacks_or_validation():
    import time

    class Slow(ReLU):
        def forward(self, x):
            time.sleep(0.2 if len(x) == 11 else 0.0)    # 11 examples: the validation
            return super().forward(x)

    network = Network([Slow(), Linear(5, 2, rng(0))], SoftmaxCrossEntropyLoss())
    start = time.perf_counter()
    history = fit(network, two_classes(20), two_classes(11), epochs=2,
                  callbacks=[lambda network, history: time.sleep(0.2)])
    elapsed = time.perf_counter() - start
    assert all(seconds > 0 for seconds in history.seconds)
    assert sum(history.seconds) < elapsed - 0.79


def test_the_same_seed_gives_the_same_history_and_weights():
    runs = []
    for _ in range(2):
        network = small(seed=3)
        runs.append((fit(network, two_classes(), epochs=3, rng=rng(4)), network))
    (a, first), (b, second) = runs
    assert a.loss == b.loss and a.correct == b.correct and same_weights(first, second)
    assert fit(small(seed=3), two_classes(), epochs=3, rng=rng(5)).loss != a.loss


def test_batches_keep_their_own_size_order_and_rng():
    X, y = two_classes(100)
    sizes = []

    class Report:
        def __call__(self, network, history):
            pass

        def on_batch(self, epoch, batch, batches):
            sizes.append((epoch, batch, batches))

    ours, theirs = small(), small()
    fit(ours, Batches(X, y, batch_size=30, rng=rng(9)), epochs=2, batch_size=7, rng=rng(0),
        callbacks=[Report()])
    fit(theirs, (X, y), epochs=2, batch_size=30, rng=rng(9))
    assert same_weights(ours, theirs)
    assert sizes == [(epoch, batch, 4) for epoch in (1, 2) for batch in (1, 2, 3, 4)]


def test_uint8_images_and_rows_of_probabilities_train():
    (images, labels), (test_images, test_labels) = load("mnist-sample")
    history = fit(NeuralNet(rng=rng(0)), (images[:2000], one_hot(labels[:2000], 10)),
                  (test_images, test_labels), epochs=3, rng=rng(0))
    by_label = fit(NeuralNet(rng=rng(0)), (images[:2000], labels[:2000]),
                   (test_images, test_labels), epochs=3, rng=rng(0))
    assert history.correct[-1] > 0.8 and history.validation_correct[-1] > 0.75
    assert history.loss == pytest.approx(by_label.loss, rel=1e-3)


def test_the_default_optimizer_takes_the_alpha_of_the_network_or_a_tenth():
    X, y = two_classes()
    wide = X.repeat(2, axis=1)
    for make, alpha, data in ((lambda: NeuralNet(10, 4, 2, alpha=0.02, rng=rng(0)), 0.02, wide),
                              (small, 0.1, X)):
        ours, theirs = make(), make()
        fit(ours, (data, y), epochs=1, rng=rng(0))
        fit(theirs, (data, y), epochs=1, rng=rng(0), optimizer=SGD(alpha))
        assert same_weights(ours, theirs)


def test_the_arrays_of_the_caller_are_not_written_into():
    X, y = two_classes()
    kept = X.copy(), y.copy()
    fit(small(), (X, y), (X, y), epochs=1)
    np.testing.assert_array_equal(X, kept[0])
    np.testing.assert_array_equal(y, kept[1])


def test_no_epochs_give_an_empty_history_and_the_weights_as_they_were():
    network = small()
    history = fit(network, two_classes(), two_classes(), epochs=0)
    assert history == History() and same_weights(network, small())


def test_callbacks_see_the_network_and_the_history_so_far():
    calls = []
    network = small()
    history = fit(network, two_classes(), epochs=3,
                  callbacks=[lambda n, h: calls.append((n is network, h, len(h.loss)))])
    assert calls == [(True, history, 1), (True, history, 2), (True, history, 3)]


def test_an_error_of_a_callback_is_not_swallowed():
    def broken(network, history):
        raise OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        fit(small(), two_classes(), epochs=1, callbacks=[broken])


# ---- wrong arguments

X, y = two_classes(20)


@pytest.mark.parametrize("error, message, arguments", [
    (TypeError, "got a SGD as network, wanted a Network", dict(network=SGD(0.1))),
    (TypeError, "got the class NeuralNet as network", dict(network=NeuralNet)),
    (TypeError, "got a Dataset as train.*data.train", dict(train=load("mnist-sample"))),
    (TypeError, "got a Dataset as validation.*data.test", dict(validation=load("mnist-sample"))),
    (TypeError, r"got an array of shape .* as train, wanted \(X, y\)", dict(train=X)),
    (TypeError, r"got a tuple of 3 as train, wanted \(X, y\)", dict(train=(X, y, y))),
    (ValueError, r"are they swapped\? The order is \(X, y\)", dict(train=(y, X))),
    (ValueError, "validation.*are they swapped", dict(validation=(y, X))),
    (TypeError, "train: labels.*integers, not float64", dict(train=(X, y.astype(float)))),
    (TypeError, "validation: X has to be uint8.*int64", dict(validation=(X.astype("i8"), y))),
    (ValueError, "train: X has 20 examples, y has 19", dict(train=(X, y[1:]))),
    (ValueError, "no examples in train", dict(train=(X[:0], y[:0]))),
    (ValueError, "no examples in validation", dict(validation=(X[:0], y[:0]))),
    (ValueError, "no examples in train", dict(train=Batches(X[:0], y[:0]))),
    (ValueError, "got epochs=-1, wanted 0 or more", dict(epochs=-1)),
    (TypeError, "got epochs=2.0, wanted a whole number", dict(epochs=2.0)),
    (TypeError, "got epochs=True, wanted a whole number", dict(epochs=True)),
    (ValueError, "batch_size.*at least 1", dict(batch_size=0)),
    (TypeError, "batch_size.*integer", dict(batch_size=6.4)),
    (TypeError, r"got a float as optimizer, wanted one such as SGD\(0.1\)", dict(optimizer=0.1)),
    (TypeError, "got the class SGD as optimizer", dict(optimizer=SGD)),
    (TypeError, "callbacks=.*wanted functions", dict(callbacks=["print"])),
    (TypeError, r"callbacks=.*print.*wanted a list: callbacks=\[", dict(callbacks=print)),
    (ValueError, "label 7, wanted 0 to 1", dict(train=(X, np.full(20, 7)))),
    (ValueError, r"Linear.*\(20, 4\), wanted \(N, 5\)", dict(train=(X[:, 1:], y))),
])
def test_a_wrong_argument_is_named(error, message, arguments):
    network = small()
    with pytest.raises(error, match=message):
        fit(**{"network": network, "train": (X, y), **arguments})
    assert same_weights(network, small())


# ---- a loss that is not finite

def test_a_step_too_large_names_epoch_batch_layer_and_cause():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DivergedError) as caught:
            fit(small(), two_classes(), epochs=5, batch_size=50, optimizer=SGD(1e30), rng=rng(0))
    message = str(caught.value)
    assert message.startswith("epoch 1, batch 2: the loss is ")
    assert "linear2, Linear(in_features=7, out_features=2)" in message
    assert "is alpha too large" in message
    assert isinstance(caught.value, ValueError)
    assert caught.value.history == History()


@pytest.mark.parametrize("planted, name", [(0, "linear1"), (2, "linear2")])
def test_the_first_layer_whose_output_is_not_finite_is_named(planted, name):
    network = small()
    network.layers[planted].W[0, 0] = np.inf
    with pytest.raises(DivergedError, match=f"not finite is that of {name}.*no step was made yet"):
        fit(network, two_classes(), epochs=1)


def test_the_history_of_the_epochs_before_comes_with_the_error():
    def sabotage(network, history):
        if len(history.loss) == 2:
            network.layers[2].W[:] = np.nan
    with pytest.raises(DivergedError, match="epoch 3, batch 1: .* linear2") as caught:
        fit(small(), two_classes(), two_classes(), epochs=5, callbacks=[sabotage])
    history = caught.value.history
    assert len(history.loss) == len(history.validation_loss) == len(history.seconds) == 2


def test_a_nan_in_the_data_is_called_that():
    X, y = two_classes(100)
    X[57, 3] = np.nan
    with pytest.raises(DivergedError, match=r"epoch 1, batch 6: .*input X itself is not finite "
                                            r"\(row 7 of the batch\).*NaN"):
        fit(small(), Batches(X, y, 10, shuffle=False), epochs=1)


def test_a_loss_that_overflows_though_every_layer_is_finite_is_named():
    network = Network([Linear(5, 2, rng(0))], SoftmaxCrossEntropyLoss())
    network.layers[0].W[:] = 0
    network.layers[0].W[-1] = [-3e38, 3e38]
    X, _ = two_classes(10)
    with pytest.raises(DivergedError, match="every layer is finite, so it is the loss"):
        fit(network, (X, np.zeros(10, int)), epochs=1)


def test_a_validation_loss_that_is_not_finite_stops_as_well():
    X, y = two_classes(50)
    # The training has one batch only, so its loss cannot see the weights after it.
    with pytest.raises(DivergedError, match="epoch 1, validation batch 1: .*linear.*alpha") as e:
        fit(small(), (X, y), (X, y), epochs=1, optimizer=SGD(1e38))
    assert e.value.history == History()


# ---- Ctrl-C

def test_ctrl_c_returns_the_whole_epochs_so_far():
    def stop(network, history):
        if len(history.loss) == 3:
            raise KeyboardInterrupt
    history = fit(small(), two_classes(), two_classes(), epochs=10, callbacks=[stop])
    assert history.interrupted and "interrupted" in repr(history)
    assert len(history.loss) == len(history.validation_correct) == len(history.seconds) == 3


def test_ctrl_c_between_two_entries_of_an_epoch_leaves_lists_of_one_length(tmp_path):
    class Interrupted(list):
        def append(self, value):
            if len(self) == 2:
                raise KeyboardInterrupt
            super().append(value)

    def plant(network, history):
        if len(history.loss) == 1:
            history.validation_loss = Interrupted(history.validation_loss)
    history = fit(small(), two_classes(), two_classes(), epochs=5, callbacks=[plant])
    assert history.interrupted
    assert [len(getattr(history, name)) for name in (
        "loss", "correct", "validation_loss", "validation_correct", "seconds")] == [2] * 5
    history.to_csv(tmp_path / "history.csv")
    history.plot(tmp_path / "curves.png")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_real_sigint_in_the_middle_of_an_epoch_is_survived():
    code = (
        "import signal, numpy as np, npbp\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "X = np.random.default_rng(0).random((1000, 5), dtype=np.float32)\n"
        "y = (X[:, 0] > 0.5).astype(int)\n"
        "net = npbp.Network([npbp.Linear(5, 2)], npbp.SoftmaxCrossEntropyLoss())\n"
        "h = npbp.fit(net, (X, y), (X, y), epochs=10**7,\n"
        "             callbacks=[lambda n, h: print('epoch', flush=True)])\n"
        "print(h.interrupted, len({len(h.loss), len(h.validation_loss), len(h.seconds)}),\n"
        "      len(h.loss) > 0, all(np.isfinite(W).all() for W in net.parameters.values()))\n")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "epoch\n"
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert rest.splitlines()[-1] == "True 1 True True"


# ---- History

def test_the_csv_keeps_every_digit(tmp_path):
    history = fit(small(), two_classes(), two_classes(), epochs=3)
    history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "correct", "validation_loss",
                             "validation_correct", "seconds"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for name in list(rows[0])[1:]:
        assert [float(row[name]) for row in rows] == getattr(history, name)
    assert b"\r" not in (tmp_path / "history.csv").read_bytes()


def test_the_csv_leaves_validation_empty_if_there_is_none(tmp_path):
    history = History(loss=[0.1, 1 / 3], correct=[0.5, np.float32(1)], seconds=[1.0, 2.0])
    history.to_csv(str(tmp_path / "h.csv"))
    assert (tmp_path / "h.csv").read_text().splitlines()[1:] == [
        "1,0.1,0.5,,,1.0", "2,0.3333333333333333,1.0,,,2.0"]


def test_the_csv_of_an_empty_history_is_its_header(tmp_path):
    History().to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text() == (
        "epoch,loss,correct,validation_loss,validation_correct,seconds\n")


def test_the_csv_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "h.csv"
    History(loss=[0.5], correct=[0.5], seconds=[1.0]).to_csv(path)
    before = path.read_text()
    with pytest.raises((TypeError, ValueError)):
        History(loss=[0.5, "no number"], correct=[0.5, 0.5], seconds=[1.0, 1.0]).to_csv(path)
    assert path.read_text() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be replaced there")
def test_who_reads_the_csv_while_it_is_written_has_the_old_one_whole(tmp_path):
    path = tmp_path / "h.csv"
    History(loss=[0.5], correct=[0.5], seconds=[1.0]).to_csv(path)
    before = path.read_text()
    with open(path) as reader:
        History(loss=[0.25], correct=[0.75], seconds=[1.0]).to_csv(path)
        assert reader.read() == before
    assert path.read_text() != before and len(list(tmp_path.iterdir())) == 1


def test_the_repr_is_one_short_line():
    assert repr(History()) == "History(0 epochs)"
    history = History([1.0], [0.5], [1.23456], [0.25], [9.0])
    assert repr(history) == ("History(1 epoch, loss 1, correct 0.5, validation_loss 1.235, "
                             "validation_correct 0.25)")


@pytest.mark.parametrize("make", [lambda: NeuralNet(rng=np.random.default_rng(0)), lambda: small("mean")], ids=["NeuralNet", "Network"])
def test_fit_calls_the_optimizers_step_once_a_batch_also_of_sgd_itself(make, monkeypatch):
    calls = []

    def step(self, parameters, gradients):
        calls.append({name: gradients[name].shape == W.shape for name, W in parameters.items()})

    monkeypatch.setattr(SGD, "step", step)
    network = make()
    start = {name: W.copy() for name, W in network.parameters.items()}
    features = network.layers[0].in_features
    X, y = np.ones((10, features), np.float32), np.arange(10) % 2
    fit(network, (X, y), epochs=3, batch_size=4, optimizer=SGD(0.1))
    assert calls == 9 * [dict.fromkeys(network.parameters, True)]
    assert all(np.array_equal(W, start[name]) for name, W in network.parameters.items())


class Momentum:
    """v <- 0.9 v + d_W;  W <- W - alpha v: an optimizer of one's own, with a state."""

    def __init__(self, alpha):
        self.alpha, self.v = alpha, {}

    def step(self, parameters, gradients):
        for name, W in parameters.items():
            self.v[name] = 0.9 * self.v.get(name, 0) + gradients[name]
            W -= self.alpha * self.v[name]


class Rebinding(Momentum):
    """The same, with new arrays in place of the old ones."""

    def step(self, parameters, gradients):
        for name in parameters:
            self.v[name] = 0.9 * self.v.get(name, 0) + gradients[name]
            parameters[name] = parameters[name] - self.alpha * self.v[name]


def test_an_optimizer_with_a_state_does_what_its_rule_says_step_by_step():
    X, y = two_classes(12)
    ours, theirs = small("mean"), small("mean")
    fit(ours, Batches(X, y, 4, shuffle=False), epochs=2, optimizer=Momentum(0.1))
    v = {name: np.zeros_like(W) for name, W in theirs.parameters.items()}
    for _ in range(2):
        for batch in range(0, 12, 4):
            theirs.evaluate(X[batch:batch + 4], y[batch:batch + 4])
            for name, d_W in theirs.backprop().items():
                v[name] = 0.9 * v[name] + d_W
                theirs.parameters[name][...] -= 0.1 * v[name]
    assert same_weights(ours, theirs)


def test_an_optimizer_may_put_new_arrays_into_the_dict_of_parameters():
    X, y = two_classes(12)
    in_place, rebinding = small("mean"), small("mean")
    for network, optimizer in ((in_place, Momentum(0.1)), (rebinding, Rebinding(0.1))):
        fit(network, (X, y), epochs=2, batch_size=4, optimizer=optimizer, rng=rng(0))
    assert same_weights(in_place, rebinding)


@pytest.mark.parametrize(
    "left, message",
    [
        (np.ones(3), r"the optimizer left an array of shape \(3,\) as linear1.W, wanted .* \(6, 2\)"),
        (None, "the optimizer left nothing as linear1.W"),
    ],
)
def test_an_optimizer_that_leaves_no_array_of_the_weights_shape_is_an_error(left, message):
    class Careless:
        def step(self, parameters, gradients):
            parameters["linear1.W"] = left

    network = Network([Linear(5, 2)], SoftmaxCrossEntropyLoss())
    with pytest.raises(ValueError, match=message):
        fit(network, two_classes(12), epochs=1, optimizer=Careless())


@pytest.mark.parametrize("convert", [lambda W: W + 1j, lambda W: W.astype(str)])
def test_an_optimizer_that_leaves_no_real_numbers_is_an_error_and_not_their_real_part(convert):
    class Careless:
        def step(self, parameters, gradients):
            for name, W in parameters.items():
                parameters[name] = convert(W)

    network = small("mean")
    with pytest.raises(TypeError, match="what the optimizer left as linear1.W: got .*real numbers"):
        fit(network, two_classes(12), epochs=1, optimizer=Careless())


@pytest.mark.parametrize("part", ["X", "y"])
def test_data_with_a_mask_is_refused_and_the_mask_not_dropped(part):
    X, y = two_classes(12)
    data = (np.ma.masked_array(X, X > 0), y) if part == "X" else (X, np.ma.masked_array(y, y > 0))
    with pytest.raises(TypeError, match="fit: train: .*mask"):
        fit(small(), data, epochs=1)


@pytest.mark.parametrize("make", [NeuralNet, small], ids=["NeuralNet", "Network"])
def test_the_three_lines_of_a_step_are_what_fit_does(make):
    ours, theirs = make(), make()
    for name, W in theirs.parameters.items():
        W[...] = ours.parameters[name]
    features = ours.layers[0].in_features
    X, y = rng(3).random((8, features), np.float32), np.arange(8) % 2
    fit(ours, Batches(X, y, 8, shuffle=False), epochs=1, optimizer=SGD(0.05))
    probabilities, loss = theirs.loss(theirs.scores(X), y)
    gradients = theirs.gradients()
    SGD(0.05).step(theirs.parameters, gradients)
    assert same_weights(ours, theirs)


@pytest.mark.parametrize("stop", [True, np.True_])
def test_a_callback_that_returns_true_stops_the_training_after_that_epoch(stop):
    called = []
    callbacks = [
        lambda network, history: stop if len(history.loss) == 2 else None,
        lambda network, history: called.append(len(history.loss)),
    ]
    history = fit(small("mean"), two_classes(), epochs=5, callbacks=callbacks)
    assert len(history.loss) == 2 and not history.interrupted
    assert called == [1, 2]  # the others have their turn in the last epoch too


@pytest.mark.parametrize("returned", [None, False, 1, "stop", np.False_])
def test_a_callback_that_returns_anything_else_does_not_stop_it(returned):
    history = fit(small("mean"), two_classes(), epochs=3, callbacks=[lambda *_: returned])
    assert len(history.loss) == 3


@pytest.mark.parametrize("callback", [EarlyStopping, Progress, CsvLog])
def test_a_class_in_place_of_a_callback_is_named_before_the_training(callback):
    name = callback.__name__
    with pytest.raises(TypeError, match=rf"fit: got the class {name} as a callback.* as in {name}\(\)"):
        fit(small("mean"), two_classes(), epochs=1, callbacks=[callback])


# ---- a learning rate that is too large


def test_an_alpha_for_the_mean_with_the_loss_of_a_sum_is_a_warning_that_says_so():
    train = load("mnist-sample").train
    with pytest.warns(UserWarning, match=r"^fit: .* too large, try a tenth of it .*sum over a batch of 64"):
        history = fit(NeuralNet(rng=rng(0)), train, epochs=2, optimizer=SGD(0.064), rng=rng(0))
    assert history.correct[-1] < 0.2


def test_an_alpha_that_throws_the_loss_up_is_a_warning():
    X, y = two_classes()
    with pytest.warns(UserWarning, match="^fit: .*the learning rate may be too large, try a tenth of it$"):
        fit(small("mean"), (100 * X, y), epochs=2, optimizer=SGD(0.1), rng=rng(0))


@pytest.mark.parametrize("alpha", [0.0, 1e-6])
def test_a_training_that_has_only_just_begun_gives_no_warning(alpha):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(small("mean"), two_classes(), epochs=1, optimizer=SGD(alpha), rng=rng(0))


# ---- where there are no classes


class MeanSquaredError(Loss):
    def forward(self, scores, targets):
        self.cache = scores - targets
        return scores, float(np.mean(self.cache**2))

    def bp_input(self, grad=1.0):
        return grad * 2 * self.cached() / self.cached().size


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_regression_has_no_correct_on_screen_in_the_file_or_in_the_chart(outputs, tmp_path):
    X = rng(0).standard_normal((50, 3)).astype(np.float32)
    t = (X @ rng(1).standard_normal((3, outputs))).astype(np.float32)
    network = Network([Linear(3, outputs, rng(2))], MeanSquaredError())
    history = fit(network, (X, t), (X, t), epochs=20, batch_size=10, rng=rng(3))
    assert history.loss[-1] < 0.1 * history.loss[0] and history.validation_loss[-1] < 0.1
    assert history.correct == history.validation_correct == []
    assert "correct" not in repr(history)
    assert network.evaluate(X, t)[1] is None
    np.testing.assert_array_equal(network.predict(X), network.scores(X))
    history.to_csv(tmp_path / "history.csv")
    epoch, loss, correct, validation, validation_correct, _ = (
        (tmp_path / "history.csv").read_text().splitlines()[1].split(",")
    )
    assert (epoch, correct, validation_correct) == ("1", "", "") and float(loss) == history.loss[0]


def test_the_exclusive_or_with_one_output_has_no_correct():
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    network = Network([Linear(2, 1, rng(0))], MeanSquaredError())
    history = fit(network, (X, np.array([[0], [1], [1], [0]], np.float32)), epochs=1)
    assert history.correct == []


def test_no_callbacks_may_be_none():
    X, y = np.ones((4, 3), np.float32), np.array([0, 1, 0, 1])
    network = Network([Linear(3, 2, np.random.default_rng(0))], SoftmaxCrossEntropyLoss())
    assert len(fit(network, (X, y), epochs=2, callbacks=None).loss) == 2
