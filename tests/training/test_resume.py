"""A training that was stopped and goes on ends as one that never was, to the last bit."""

import os
import random
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
import survivor
from survivor import Adam, Count, SlowAdam, training

from npbp import SGD, DivergedError, Layer, Linear, Network, SoftmaxCrossEntropyLoss, fit
from npbp.datasets import Batches

rng = np.random.default_rng
posix = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
NEVER = 1e9  # seconds: no checkpoint within an epoch


def run(folder, file, *how):
    """The script in a process of its own; its return code."""
    command = [sys.executable, "-W", "error", survivor.__file__, *map(str, (folder, file, *how))]
    process = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120)
    assert not process.stderr
    return process.returncode


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert (a[name].dtype, a[name].shape, a[name].tobytes()) == (
            b[name].dtype, b[name].shape, b[name].tobytes()), name


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory):
    file = tmp_path_factory.mktemp("never") / "result.npz"
    assert run("none", file, "never") == 0
    return dict(np.load(file))


def names(folder):
    return sorted(os.listdir(folder))


class Stop(Exception):
    """What ends a training here, in the middle of whatever it does."""


class StopAt:
    """Raise within the epoch, after that step."""

    def __init__(self, epoch, batch, error=Stop):
        self.at, self.error = (epoch, batch), error

    def __call__(self, network, history):
        if (len(history.loss), None) == self.at:
            raise self.error

    def on_batch(self, epoch, batch, batches):
        if (epoch, batch) == self.at:
            raise self.error


def stopped_at(folder, epoch, batch, seconds=0.0, error=Stop, **arguments):
    """A training that ends there, with a checkpoint after each step before it."""
    callbacks = [Count(), StopAt(epoch, batch, error)]
    options = dict(checkpoint=folder, checkpoint_seconds=seconds, callbacks=callbacks)
    if error is KeyboardInterrupt:
        return training(**options, **arguments)
    with pytest.raises(error):
        training(**options, **arguments)


def resumed(folder, seconds=NEVER, **arguments):
    return survivor.result(*training(checkpoint=folder, resume=True, checkpoint_seconds=seconds, **arguments))


def whole(**arguments):
    return survivor.result(*training(**arguments))


# ---- killed


@posix
def test_killed_at_20_random_moments_it_ends_as_if_it_never_was(tmp_path, never_killed):
    folder, file = tmp_path / "run", tmp_path / "result.npz"
    moments, kills = random.Random(5), 0
    while kills < 20:
        code = run(folder, file, moments.uniform(0.0, 0.08))
        assert code == -signal.SIGKILL
        kills += 1
    assert run(folder, file, "never") == 0
    same(dict(np.load(file)), never_killed)
    assert len(names(folder)) == 2 and all(name.startswith("checkpoint-") for name in names(folder))


@posix
@pytest.mark.parametrize(
    "moment, times",
    [
        ("fsync", 1),          # the first file is written, but has not its name yet
        ("fsync", 29),         # a later one
        ("replace", 9),
        ("replace after", 9),  # it has its name
        ("fsync", 30),         # of the folder
        ("unlink", 4),         # as the oldest goes
        ("unlink after", 4),
    ],
)
def test_killed_as_a_checkpoint_is_written_it_ends_as_if_it_never_was(moment, times, tmp_path, never_killed):
    folder, file = tmp_path / "run", tmp_path / "result.npz"
    assert run(folder, file, moment, times) == -signal.SIGKILL
    left_over = [name for name in names(folder) if name.startswith(".")]
    assert len(left_over) == ((moment, times) in [("fsync", 1), ("fsync", 29), ("replace", 9)])
    same(resumed(folder, optimizer=SlowAdam()), never_killed)
    assert len(names(folder)) == 2 and all(name.startswith("checkpoint-") for name in names(folder))


# ---- stopped at a place that is known


@pytest.mark.parametrize("epoch, batch", [
    (1, 1), (1, 10), (1, 11), (1, 22),  # 22 batches; 10 are gathered at once
    (2, 21), (3, 1), (3, None),         # None: in the callbacks at the end of the epoch
])
def test_it_goes_on_from_any_batch(epoch, batch, tmp_path):
    stopped_at(tmp_path, epoch, batch, epochs=4)
    same(resumed(tmp_path, epochs=4), whole(epochs=4))


def test_it_goes_on_from_the_epochs_end_alone(tmp_path):
    stopped_at(tmp_path, 3, 17, NEVER, epochs=4)
    assert names(tmp_path) == ["checkpoint-00000022.npz", "checkpoint-00000044.npz"]
    same(resumed(tmp_path, epochs=4), whole(epochs=4))


def test_stopped_in_the_first_epoch_it_begins_anew_with_the_weights_that_it_began_with(tmp_path):
    stopped_at(tmp_path, 1, 15, NEVER, epochs=2)
    assert names(tmp_path) == ["checkpoint-00000000.npz"]
    same(resumed(tmp_path, epochs=2), whole(epochs=2))


def test_each_second_step_may_be_the_last_of_its_process(tmp_path):
    class Soon:
        """Raise after two steps."""

        def __init__(self):
            self.steps = 0

        def __call__(self, network, history):
            pass

        def on_batch(self, epoch, batch, batches):
            self.steps += 1
            if self.steps == 3:
                raise Stop

    arguments = dict(train=data(30), batch_size=7, epochs=3, checkpoint=tmp_path, checkpoint_seconds=0, resume=True)
    for stop in range(7):
        with pytest.raises(Stop):
            small(**arguments, callbacks=[Soon()])
    network, history = small(**arguments)
    alone, its = small(data(30), batch_size=7, epochs=3)
    assert history.loss == its.loss
    same(network.parameters, alone.parameters)


def test_ctrl_c_gives_the_history_and_resume_goes_on(tmp_path):
    _, history, _ = stopped_at(tmp_path, 3, 17, error=KeyboardInterrupt, epochs=4)
    assert history.interrupted and len(history.loss) == 2
    network, again, count = training(checkpoint=tmp_path, resume=True, epochs=4)
    assert not again.interrupted
    same(survivor.result(network, again, count), whole(epochs=4))


def test_the_seconds_of_an_epoch_go_on(tmp_path):
    stopped_at(tmp_path, 1, 20, epochs=1, pause=0.01)
    _, history, _ = training(checkpoint=tmp_path, resume=True, epochs=1)
    assert history.seconds[0] > 19 * 0.01


def test_an_epoch_is_whole_in_the_history_though_it_was_stopped_within(tmp_path):
    stopped_at(tmp_path, 2, 5, epochs=3)
    _, history, count = training(checkpoint=tmp_path, resume=True, epochs=3)
    assert count.batches == 3 * 22
    for name in ("loss", "correct", "validation_loss", "validation_correct", "seconds"):
        assert [type(value) for value in getattr(history, name)] == 3 * [float]


def test_the_weights_are_changed_in_place(tmp_path):
    small(checkpoint=tmp_path)
    network = Network([Linear(3, 2, rng(9))], SoftmaxCrossEntropyLoss())
    W = network.layers[0].W
    small(network=network, checkpoint=tmp_path, resume=True)
    assert network.layers[0].W is W
    np.testing.assert_array_equal(W, small()[0].layers[0].W)


# ---- smaller ones, of all sorts


def data(n=50, seed=0):
    X = rng(seed).standard_normal((n, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


def small(train=None, seed=0, network=None, **arguments):
    if network is None:
        network = Network([Linear(3, 2, rng(seed))], SoftmaxCrossEntropyLoss())
    arguments = {"optimizer": Adam(), "rng": rng(1), "epochs": 3, "batch_size": 8, **arguments}
    return network, fit(network, data() if train is None else train, **arguments)


def halves(folder, make_train, stop=(2, 3), **arguments):
    """Stopped and gone on; never stopped. ``make_train`` makes the data anew for each."""
    with pytest.raises(Stop):
        small(make_train(), callbacks=[StopAt(*stop)], checkpoint=folder, checkpoint_seconds=0, **arguments)
    two, its = small(make_train(), checkpoint=folder, resume=True, checkpoint_seconds=0, **arguments)
    one, alone = small(make_train(), **arguments)
    same(two.parameters, one.parameters)
    assert its.loss == alone.loss and its.correct == alone.correct
    return two, its


@pytest.mark.parametrize("n", [48, 50, 8, 5])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_ones_own_go_on_in_their_own_order(n, shuffle, tmp_path):
    halves(tmp_path, lambda: Batches(*data(n), batch_size=8, shuffle=shuffle, rng=5), stop=(2, 1))


def test_the_generator_of_the_batches_is_where_it_would_be(tmp_path):
    def make():
        made.append(Batches(*data(), batch_size=8, rng=5))
        return made[-1]
    made = []
    halves(tmp_path, make)
    _, resumed, alone = made
    assert resumed.rng.random() == alone.rng.random()


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_kind_of_generator_goes_on(bits, tmp_path):
    kind = getattr(np.random, bits)
    halves(tmp_path, lambda: Batches(*data(), batch_size=8, rng=np.random.Generator(kind(5))))


class Noise(Layer):
    """x plus noise, of generators that are held in some way."""

    def __init__(self, held, first):
        self.held, self.first = held, first

    def forward(self, x):
        self.cache = x.shape
        return x + self.first(self.held).standard_normal(x.shape).astype(x.dtype)

    def bp_input(self, grad):
        return grad


def noisy(held, first):
    return Network([Noise(held, first), Linear(3, 2, rng(0))], SoftmaxCrossEntropyLoss())


HELD = {
    "a list": (lambda g: [g], lambda held: held[0]),
    "a tuple": (lambda g: (1, g), lambda held: held[1]),
    "a dict": (lambda g: {"a": g}, lambda held: held["a"]),
    "a list of dicts": (lambda g: [{"a": g}], lambda held: held[0]["a"]),
}


@pytest.mark.parametrize("where", HELD)
def test_generators_that_a_layer_holds_in_collections_go_on(where, tmp_path):
    hold, first = HELD[where]
    made = [noisy(hold(rng(7)), first) for _ in range(3)]
    networks = iter(made)
    with pytest.raises(Stop):
        small(network=next(networks), callbacks=[StopAt(2, 3)], checkpoint=tmp_path, checkpoint_seconds=0)
    two, _ = small(network=next(networks), checkpoint=tmp_path, resume=True, checkpoint_seconds=0)
    one, _ = small(network=next(networks))
    same(two.parameters, one.parameters)
    assert len(one.chain.generators) == 1


class NoisySGD(SGD):
    def __init__(self):
        super().__init__(0.1)
        self.rng = rng(7)

    def rule(self, d_W, state, t):
        return d_W + self.rng.standard_normal(d_W.shape).astype(d_W.dtype)


class NoisyLoss(SoftmaxCrossEntropyLoss):
    rngs = None

    def forward(self, scores, targets, sample_weight=None):
        noise = self.rngs[0].standard_normal(scores.shape).astype(scores.dtype)
        return super().forward(scores + noise / 10, targets, sample_weight)


class NoisyBatches(Batches):
    noise = None

    def epoch(self, order, start=0):
        for X, y in super().epoch(order, start):
            yield X + self.noise.standard_normal(X.shape).astype(X.dtype), y


class NoisyCallback:
    def __init__(self):
        self.rng = rng(7)

    def __call__(self, network, history):
        W = network.layers[0].W
        W += self.rng.normal(scale=0.01, size=W.shape).astype(W.dtype)


@pytest.mark.parametrize("part", ["optimizer", "loss", "train", "validation", "callbacks"])
def test_generators_that_other_parts_hold_go_on(part, tmp_path):
    def run(stop=(), **arguments):
        loss = NoisyLoss() if part == "loss" else SoftmaxCrossEntropyLoss()
        loss.rngs = [rng(7)]
        batches = [NoisyBatches(*data(), batch_size=8, shuffle=shuffle, rng=1) for shuffle in (True, False)]
        for its in batches:
            its.noise = rng(7)
        return small(
            batches[0] if part == "train" else None, network=Network([Linear(3, 2, rng(0))], loss),
            optimizer=NoisySGD() if part == "optimizer" else Adam(),
            validation=batches[1] if part == "validation" else None,
            callbacks=[NoisyCallback(), *stop] if part == "callbacks" else stop, **arguments)
    with pytest.raises(Stop):
        run([StopAt(2, 3)], checkpoint=tmp_path, checkpoint_seconds=0)
    two, its = run(checkpoint=tmp_path, resume=True, checkpoint_seconds=0)
    one, alone = run()
    same(two.parameters, one.parameters)
    assert its.loss == alone.loss and its.validation_loss == alone.validation_loss


@pytest.mark.parametrize("other", [np.random.RandomState, random.Random])
def test_a_generator_whose_place_would_be_lost_is_refused(other, tmp_path):
    network = noisy([other(7)], lambda held: rng(7))
    with pytest.raises(TypeError, match=rf"got a {other.__name__} as noise1\.held1, .* wanted a Generator"):
        small(network=network, checkpoint=tmp_path)
    assert not list(tmp_path.iterdir())
    small(network=network)


def test_no_seed_at_all_is_no_obstacle(tmp_path):
    with pytest.raises(Stop):
        small(rng=None, callbacks=[StopAt(2, 3)], checkpoint=tmp_path, checkpoint_seconds=0)
    first = small(rng=None, checkpoint=tmp_path, resume=True)[1]
    assert len(first.loss) == 3


def test_batches_that_iterate_in_a_way_of_their_own_go_on_from_the_start_of_an_epoch(tmp_path):
    class Turned(Batches):
        def __iter__(self):
            for X, y in super().__iter__():
                yield (X if self.rng.random() < 0.5 else -X), y

    halves(tmp_path, lambda: Turned(*data(), batch_size=8, rng=5))
    assert names(tmp_path) == ["checkpoint-00000014.npz", "checkpoint-00000021.npz"]


def test_a_loss_of_numpys_single_precision_is_summed_up_as_before(tmp_path):
    class Single(SoftmaxCrossEntropyLoss):
        def forward(self, scores, targets):
            prediction, loss = super().forward(scores, targets)
            return prediction, np.float32(loss)

    def make():
        return Network([Linear(3, 2, rng(0))], Single())

    with pytest.raises(Stop):
        small(network=make(), callbacks=[StopAt(2, 3)], checkpoint=tmp_path, checkpoint_seconds=0)
    _, its = small(network=make(), checkpoint=tmp_path, resume=True)
    assert its.loss == small(network=make())[1].loss and type(its.loss[0]) is float


def test_a_network_of_double_precision_goes_on(tmp_path):
    def make():
        return Network([Linear(3, 2, rng(0))], SoftmaxCrossEntropyLoss()).astype(np.float64)

    with pytest.raises(Stop):
        small(network=make(), callbacks=[StopAt(2, 3)], checkpoint=tmp_path, checkpoint_seconds=0)
    two, _ = small(network=make(), checkpoint=tmp_path, resume=True)
    same(two.parameters, small(network=make())[0].parameters)


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("targets", ["labels", "rows"])
def test_the_share_for_the_validation_is_the_one_that_was_drawn(seed, targets, tmp_path):
    X, y = data(60)
    train = X, y if targets == "labels" else np.eye(2, dtype=np.float32)[y]
    start = rng(3)  # without a seed the first one is drawn by a generator that nobody has again
    before = start.bit_generator.state
    with pytest.raises(Stop):
        small(train, validation=0.25, rng=start, callbacks=[StopAt(2, 3)], checkpoint=tmp_path, checkpoint_seconds=0)
    two, its = small(train, validation=0.25, rng=rng(3) if seed else None, checkpoint=tmp_path, resume=True)
    start.bit_generator.state = before
    one, alone = small(train, validation=0.25, rng=start)
    same(two.parameters, one.parameters)
    assert its.validation_loss == alone.validation_loss and its.loss == alone.loss


def test_another_share_for_the_validation_is_refused(tmp_path):
    small(validation=0.25, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="got 0.5 as the share of validation, wanted 0.25"):
        small(validation=0.5, checkpoint=tmp_path, resume=True)
    with pytest.raises(ValueError, match="got none as the share of validation, wanted 0.25"):
        small(validation=data(20), checkpoint=tmp_path, resume=True)
    with pytest.raises(ValueError, match="as X of train, wanted"):
        small(data(9), validation=0.25, checkpoint=tmp_path, resume=True)


def test_a_share_for_the_validation_that_is_new_is_named_and_not_the_data_without_it(tmp_path):
    small(checkpoint=tmp_path)
    with pytest.raises(ValueError, match="got 0.25 as the share of validation, wanted none"):
        small(validation=0.25, checkpoint=tmp_path, resume=True)


# ---- at its end


def test_a_training_at_its_end_gives_its_history_at_once(tmp_path):
    network, history = small(checkpoint=tmp_path)
    before = names(tmp_path)
    again, its = small(seed=9, checkpoint=tmp_path, resume=True, callbacks=[StopAt(3, 1)])
    assert its == history and names(tmp_path) == before
    same(network.parameters, again.parameters)


def test_with_more_epochs_it_goes_on_as_if_they_had_been_wanted_at_once(tmp_path):
    small(checkpoint=tmp_path)
    two, its = small(checkpoint=tmp_path, resume=True, epochs=5)
    one, alone = small(epochs=5)
    same(two.parameters, one.parameters)
    assert its.loss == alone.loss


def test_with_fewer_epochs_than_there_are_it_says_so(tmp_path):
    small(checkpoint=tmp_path)
    network = Network([Linear(3, 2, rng(5))], SoftmaxCrossEntropyLoss())
    before = network.parameters["linear1.W"].copy()
    with pytest.raises(ValueError, match="fit: got epochs=2, wanted 3 or more: .* has 3 whole epochs$"):
        small(network=network, checkpoint=tmp_path, resume=True, epochs=2)
    np.testing.assert_array_equal(network.parameters["linear1.W"], before)


def test_with_fewer_epochs_than_the_one_it_is_in_it_says_so(tmp_path):
    with pytest.raises(Stop):
        small(callbacks=[StopAt(3, 3)], checkpoint=tmp_path, checkpoint_seconds=0)
    with pytest.raises(ValueError, match="fit: got epochs=2, wanted 3 or more: .*batch 2 of epoch 3"):
        small(checkpoint=tmp_path, resume=True, epochs=2)


def test_one_that_a_callback_ended_stays_ended(tmp_path):
    def enough(network, history):
        return len(history.loss) == 2

    network, history = small(checkpoint=tmp_path, callbacks=[enough])
    again, its = small(seed=9, checkpoint=tmp_path, resume=True, epochs=9, callbacks=[enough])
    assert its == history and len(its.loss) == 2
    same(network.parameters, again.parameters)


def test_no_epochs_write_a_checkpoint_from_which_it_goes_on(tmp_path):
    assert small(epochs=0, checkpoint=tmp_path)[1].loss == []
    assert names(tmp_path) == ["checkpoint-00000000.npz"]
    two, _ = small(seed=9, checkpoint=tmp_path, resume=True)
    same(two.parameters, small()[0].parameters)


def test_a_diverged_one_goes_on_to_diverge_at_the_same_batch(tmp_path):
    def plant(epochs_before):
        X, y = data()
        X[30] = np.nan
        return Batches(X, y, 8, shuffle=False)

    for resume in (False, True):
        with pytest.raises(DivergedError, match="epoch 1, batch 4"):
            small(plant(0), checkpoint=tmp_path, checkpoint_seconds=0, resume=resume)


def test_nothing_to_resume_is_a_training_from_the_start(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        two, its = small(checkpoint=tmp_path / "deep" / "run", resume=True)
    one, alone = small()
    same(two.parameters, one.parameters)
    assert its.loss == alone.loss
