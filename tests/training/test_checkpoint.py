"""What a checkpoint holds, what is refused, and what is left when a disk or a file goes bad."""

import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from survivor import Adam, Centred, Count, Noise

from npbp import Linear, Network, ReLU, SoftmaxCrossEntropyLoss, fit
from npbp.datasets import Batches
from npbp.npy import Npz
from npbp.training import packing

rng = np.random.default_rng
posix = pytest.mark.skipif(os.name != "posix", reason="needs permissions and limits")


def data(n=50, seed=0, features=3):
    X = rng(seed).standard_normal((n, features)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


def make(features=3, hidden=4, middle=ReLU, loss=SoftmaxCrossEntropyLoss, seed=0):
    r = rng(seed)
    return Network([Linear(features, hidden, r), middle(), Linear(hidden, 2, r)], loss())


def train(folder, network=None, **arguments):
    """Two epochs of seven batches; a checkpoint after each step."""
    network = make() if network is None else network
    return fit(network, **{
        "train": data(), "validation": data(20, 1), "epochs": 2, "batch_size": 8, "optimizer": Adam(),
        "rng": rng(1), "callbacks": [Count()], "checkpoint": folder, "checkpoint_seconds": 0, **arguments})


def names(folder):
    return sorted(os.listdir(folder))


@pytest.fixture
def run(tmp_path):
    """A folder with a finished training."""
    train(tmp_path / "run")
    assert names(tmp_path / "run") == ["checkpoint-00000013.npz", "checkpoint-00000014.npz"]
    return tmp_path / "run"


def state_of(network, optimizer, callback, generator):
    """All that a refused checkpoint must leave as it is."""
    arrays = {**network.parameters, **network.buffers, **optimizer.m, **optimizer.v}
    return ({name: array.tobytes() for name, array in arrays.items()}, optimizer.steps,
            (callback.batches, callback.best), generator.bit_generator.state)


def refused(folder, message, error=ValueError, network=None, optimizer=None, **arguments):
    """The checkpoint is refused with this sentence, and nothing is changed, in memory or on disk."""
    network = make(seed=3) if network is None else network
    optimizer = Adam() if optimizer is None else optimizer
    parts = network, optimizer, Count(), rng(9)
    if type(optimizer) is Adam:
        train(None, network, optimizer=optimizer, callbacks=[parts[2]], train=arguments.get("train", data()))
        before = state_of(*parts)
    files = {name: Path(folder, name).read_bytes() for name in names(folder)}
    with pytest.raises(error, match=message) as caught:
        train(folder, network, **{"optimizer": optimizer, "callbacks": [parts[2]], "rng": parts[3],
                                  "resume": True, **arguments})
    if type(optimizer) is Adam:
        assert state_of(*parts) == before
    assert {name: Path(folder, name).read_bytes() for name in names(folder)} == files
    return str(caught.value)


# ---- what is there


def test_the_last_two_are_kept_and_nothing_else_is_left(tmp_path):
    seen = []

    class Look:
        def __call__(self, network, history):
            seen.append(names(tmp_path))

        def on_batch(self, epoch, batch, batches):
            seen.append(names(tmp_path))

    train(tmp_path, callbacks=[Look()])
    assert seen[0] == ["checkpoint-00000000.npz"]
    assert seen[1] == ["checkpoint-00000000.npz", "checkpoint-00000001.npz"]
    assert seen[2] == ["checkpoint-00000001.npz", "checkpoint-00000002.npz"]
    assert all(len(files) <= 2 for files in seen)
    assert names(tmp_path) == ["checkpoint-00000013.npz", "checkpoint-00000014.npz"]


def test_within_an_epoch_one_is_written_when_the_seconds_have_passed(tmp_path):
    train(tmp_path, checkpoint_seconds=1000)
    assert names(tmp_path) == ["checkpoint-00000007.npz", "checkpoint-00000014.npz"]


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    for name in ("model.npz", "checkpoint-12.npz", ".checkpoint-notes", "checkpoint-00000001.npz.bak"):
        (tmp_path / name).write_text("mine")
    train(tmp_path)
    assert len(names(tmp_path)) == 6
    assert (tmp_path / "checkpoint-12.npz").read_text() == "mine"


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    (tmp_path / ".checkpoint-00000-0123456789ab.npz").write_bytes(b"half")
    train(tmp_path)
    assert len(names(tmp_path)) == 2


def test_numpy_reads_it_without_pickle_and_the_arrays_have_names(run):
    with np.load(run / "checkpoint-00000014.npz", allow_pickle=False) as file:
        held = json.loads(file["state"].tobytes())
        assert file["network/linear1.W"].shape == (4, 4)
        assert {"optimizer/m.linear1.W", "optimizer/v.linear2.W"} <= set(file.files)
    assert (held["epoch"], held["batch"], held["format"]) == (3, 0, 1)
    assert held["environment"]["NumPy"] == np.__version__
    assert held["record"]["the optimizer"] == "Adam"


def test_training_with_checkpoints_is_the_same_training(tmp_path):
    with_, without = make(), make()
    history = train(tmp_path, with_)
    assert history.loss == train(None, without).loss
    for name, W in with_.parameters.items():
        np.testing.assert_array_equal(W, without.parameters[name])


# ---- arguments


@pytest.mark.parametrize("error, message, arguments", [
    (TypeError, "got checkpoint=True, wanted the path of a folder", dict(checkpoint=True)),
    (TypeError, "got checkpoint='', wanted the path of a folder", dict(checkpoint="")),
    (TypeError, "got resume='no', wanted True or False", dict(resume="no")),
    (ValueError, r"got resume=True and no checkpoint, wanted its folder: checkpoint=\.\.\.",
     dict(checkpoint=None, resume=True)),
    (TypeError, "got checkpoint_seconds='1', wanted a number", dict(checkpoint_seconds="1")),
    (TypeError, "got checkpoint_seconds=True, wanted a number", dict(checkpoint_seconds=True)),
    (ValueError, "got checkpoint_seconds=-1, wanted 0 or more", dict(checkpoint_seconds=-1)),
    (ValueError, "got checkpoint_seconds=nan, wanted 0 or more", dict(checkpoint_seconds=float("nan"))),
])
def test_a_wrong_argument_is_named(error, message, arguments, tmp_path):
    with pytest.raises(error, match=f"^fit: {message}"):
        train(tmp_path / "run", **arguments)
    assert names(tmp_path) == []


class NoState:
    def step(self, parameters, gradients):
        pass


class HalfAState(NoState):
    def state_dict(self):
        return {}

    def __call__(self, network, history):
        pass


@pytest.mark.parametrize("arguments, message", [
    (dict(optimizer=NoState()), "got a NoState with no state_dict, wanted one that has state_dict.. and "
                                "load_state_dict.state.: else a checkpoint would lose its state"),
    (dict(optimizer=HalfAState()), "got a HalfAState with no load_state_dict"),
    (dict(callbacks=[HalfAState()]), "got a HalfAState with no load_state_dict"),
])
def test_a_part_that_would_lose_its_state_is_refused(arguments, message, tmp_path):
    with pytest.raises(TypeError, match=f"^fit: {message}"):
        train(tmp_path / "run", **arguments)
    assert names(tmp_path) == []


@pytest.mark.parametrize("state, message", [
    ({"m": {1, 2}}, "got a set as optimizer/m, wanted a number, a text, None, an array"),
    ({"m": (1, 2)}, "got a tuple of 2 as optimizer/m"),
    ({"m": np.array([None])}, "got an array of object as optimizer/m"),
    ({3: 1.0}, "got the key 3 in optimizer, wanted a text"),
    ({"m": np.ma.masked_array([1.0], [True])}, "got an array of shape .* as optimizer/m"),
])
def test_a_state_that_no_file_can_hold_is_named(state, message, tmp_path):
    class Odd(Adam):
        def state_dict(self):
            return state

    with pytest.raises(TypeError, match=f"^fit: checkpoint: {message}"):
        train(tmp_path, optimizer=Odd())
    assert names(tmp_path) == []


def test_an_earlier_training_is_not_overwritten(run):
    message = refused(run, "checkpoint-00000014.npz of an earlier training", resume=False)
    assert "write resume=True to go on with it, or name another folder" in message


# ---- another training


class Tanh2(ReLU):
    pass


class OtherLoss(SoftmaxCrossEntropyLoss):
    pass


class OtherOptimizer(Adam):
    pass


class OtherCallback(Count):
    pass


class Told(Adam):
    """Says what it is made with, as those of npbp do."""

    def __repr__(self):
        return f"Told(alpha={self.alpha!r})"


X, y = data()
changed = X.copy()
changed[49, 2] += 1


@pytest.mark.parametrize("message, arguments", [
    (r"got Linear\(in_features=3, out_features=5\) as layer linear1, wanted Linear\(in_features=3, out_features=4\)",
     dict(network=make(hidden=5))),
    (r"got Tanh2\(\) as layer tanh21, wanted nothing", dict(network=make(middle=Tanh2))),
    (r"got float64 \(4, 4\) as linear1.W, wanted float32 \(4, 4\)", dict(network=make().astype(np.float64))),
    (r"got Centred\(\) as layer centred1, wanted nothing", dict(network=make(middle=lambda: Centred(4)))),
    (r"got OtherLoss\(reduction='mean'\) as the loss, wanted SoftmaxCrossEntropyLoss\(reduction='mean'\)",
     dict(network=make(loss=OtherLoss))),
    (r"got SoftmaxCrossEntropyLoss\(reduction='sum'\) as the loss, wanted .*'mean'",
     dict(network=make(loss=lambda: SoftmaxCrossEntropyLoss("sum")))),
    ("got OtherOptimizer as the optimizer, wanted Adam", dict(optimizer=OtherOptimizer())),
    ("got none as the callbacks that have a state, wanted Count", dict(callbacks=[])),
    ("got OtherCallback as the callbacks that have a state, wanted Count", dict(callbacks=[OtherCallback()])),
    ("got Count, Count as the callbacks that have a state, wanted Count", dict(callbacks=[Count(), Count()])),
    (r"got float32 \(49, 3\) with the checksum \w+ as X of train, wanted float32 \(50, 3\)",
     dict(train=(X[:49], y[:49]))),
    (r"got float32 \(50, 3\) with the checksum (\w+) as X of train, wanted float32 \(50, 3\) with the "
     r"checksum (?!\1)", dict(train=(changed, y))),
    (r"got float64 .* as X of train, wanted float32", dict(train=(X.astype(float), y))),
    ("got int64 .* as y of train, wanted int64", dict(train=(X, 1 - y))),
    ("got float32 .* as X of validation, wanted float32", dict(validation=data(20, 2))),
    ("got nothing as X of validation, wanted float32", dict(validation=None)),
    ("got 7 as batch_size of train, wanted 8", dict(batch_size=7)),
    ("got False as shuffle of train, wanted True", dict(train=Batches(X, y, 8, shuffle=False))),
    ("got False as flatten of train, wanted True", dict(train=Batches(X, y, 8, flatten=False))),
    ("got MT19937 as generator train.rng, wanted PCG64", dict(rng=np.random.Generator(np.random.MT19937(1)))),
])
def test_another_training_is_refused_with_what_differs(message, arguments, run):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        said = refused(run, f"^fit: {message}", **arguments)
    assert said.endswith(f", as it is in {run / 'checkpoint-00000014.npz'}: go on with what the training "
                         "began with, or name another folder")


def test_an_optimizer_made_with_another_alpha_is_refused_and_one_that_is_on_its_way_is_not(tmp_path):
    def halve(network, history):
        optimizer.alpha /= 2

    optimizer = Told(0.1)
    train(tmp_path, optimizer=optimizer, callbacks=[halve])
    with pytest.raises(ValueError, match=r"got Told\(alpha=0.2\) as the optimizer, before its first step, wanted "
                                         r"Told\(alpha=0.1\)"):
        train(tmp_path, optimizer=Told(0.2), callbacks=[], resume=True)
    assert optimizer.alpha == 0.025
    train(tmp_path, optimizer=optimizer, callbacks=[], resume=True, epochs=3)
    train(tmp_path, optimizer=Told(0.1), callbacks=[], resume=True, epochs=4)
    with pytest.raises(ValueError, match=r"got Told\(alpha=0.2\)"):
        train(tmp_path, optimizer=Told(0.2), callbacks=[], resume=True, epochs=4)


def test_a_function_among_the_arguments_of_a_layer_is_the_same_wherever_it_lies(tmp_path):
    class Applied(ReLU):
        def __init__(self, function):
            self.function = function

        def config(self):
            return {"function": self.function}

    def train_with(name, **more):
        def function():
            pass

        function.__qualname__ = name
        return train(tmp_path, make(middle=lambda: Applied(function)), **more)

    train_with("one")
    kept = [lambda: None for _ in range(100)]  # another place in memory for the next
    assert len(train_with("one", resume=True).loss) == 2 and kept
    with pytest.raises(ValueError, match=r"got Applied\(function=<function two>\) as layer applied1, wanted .*one"):
        train_with("two", resume=True)


@pytest.mark.parametrize("shared", [False, True])
def test_generators_that_were_one_and_are_two_are_refused_and_the_other_way_round(shared, tmp_path):
    def start(one, **more):
        r = rng(1)
        network = Network([Linear(3, 2, rng(0)), Noise(r)], SoftmaxCrossEntropyLoss())
        return train(tmp_path, network, rng=r if one else rng(1), **more)

    start(shared)
    one, two = "the same as train.rng", "PCG64"
    got, wanted = (two, one) if shared else (one, two)
    with pytest.raises(ValueError, match=f"got {got} as generator noise1.rng, wanted {wanted}"):
        start(not shared, resume=True)


def test_a_callback_without_a_state_may_come_and_go(run):
    history = train(run, resume=True, callbacks=[print, Count()][1:] + [lambda network, history: None])
    assert len(history.loss) == 2


def test_another_format_is_refused(run):
    rewrite(run / "checkpoint-00000014.npz", lambda held: held.update(format=2))
    refused(run, "got format 2 in .*14.npz, wanted 1: another version of npbp wrote it")


@pytest.mark.parametrize("part", ["optimizer", "callbacks"])
def test_a_part_that_does_not_take_its_state_is_named_and_the_others_keep_theirs(part, run):
    class Adam2(Adam):
        def load_state_dict(self, state):
            if part == "optimizer" and state["steps"] == 14:
                self.steps = -1  # it has begun
                raise KeyError("m")
            super().load_state_dict(state)

    class Count2(Count):
        def load_state_dict(self, state):
            if part == "callbacks" and state["batches"] == 14:
                self.batches = -1
                raise ValueError("no")
            super().load_state_dict(state)

    Adam2.__name__, Count2.__name__ = "Adam", "Count"
    network, optimizer, callback, generator = make(seed=3), Adam2(), Count2(), rng(9)
    before = state_of(network, optimizer, callback, generator)
    who, why = {"optimizer": ("Adam", "KeyError: 'm'"), "callbacks": ("Count", "ValueError: no")}[part]
    with pytest.raises(ValueError, match=f"^fit: {who} does not take its state of .*14.npz back: {why}"):
        train(run, network, optimizer=optimizer, callbacks=[callback], rng=generator, resume=True)
    assert state_of(network, optimizer, callback, generator) == before


def test_an_optimizer_that_wants_it_gets_the_weights_that_its_state_has_to_fit(run):
    class Careful(Adam):
        def load_state_dict(self, state, parameters=None):
            assert parameters.keys() == make().parameters.keys()
            super().load_state_dict(state)
            loaded.append(self.steps)

    loaded: list = []
    Careful.__name__ = "Adam"
    train(run, optimizer=Careful(), resume=True)
    assert loaded == [14]


# ---- damaged, truncated, hostile


def rewrite(path, change=None, **arrays):
    """The file anew, with another text or other arrays."""
    with np.load(path) as file:
        held = {name: file[name] for name in file.files}
    tree = json.loads(held["state"].tobytes())
    if change:
        change(tree)
    held["state"] = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    held.update(arrays)
    np.savez(path, **{name: array for name, array in held.items() if array is not None})


def raw(path, content):
    path.write_bytes(content)


def truncated(path, part):
    content = path.read_bytes()
    path.write_bytes(content[:int(part * len(content))])


def one_byte_off(path):
    content = bytearray(path.read_bytes())
    at = content.index(b"network/linear1.W") + 200  # among the numbers
    content[at] ^= 1
    path.write_bytes(content)


def claiming(path, size, member="network/linear1.W.npy"):
    """A header, or a directory, that promises far more than there is."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (size, 4)})
    members[member] = header.getvalue() + b"\0" * 64
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


def bomb(path):
    """A megabyte of zeros that takes a kilobyte, many times."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        for i in range(20):
            file.writestr(f"network/{i}.npy", bytes(1 << 20))


class Nasty:
    def __reduce__(self):
        return os.mkdir, ("pickle-ran",)


def pickled(path):
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    file = io.BytesIO()
    np.save(file, np.array([Nasty()], object), allow_pickle=True)
    members["network/linear1.W.npy"] = file.getvalue()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


def nan(shape):
    return np.full(shape, np.nan, np.float32)


def setting(*keys, value):
    def change(tree):
        for key in keys[:-1]:
            tree = tree[key]
        tree[keys[-1]] = value
    return change


def without(*keys):
    def change(tree):
        for key in keys[:-1]:
            tree = tree[key]
        del tree[keys[-1]]
    return change


DAMAGE = {
    "empty": (lambda path: raw(path, b""), "it is no .npz file"),
    "text": (lambda path: raw(path, b"hello"), "it is no .npz file"),
    "pickle": (lambda path: raw(path, pickle.dumps(Nasty())), "it is no .npz file"),
    "half": (lambda path: truncated(path, 0.5), "not a zip file"),
    "the last byte": (lambda path: truncated(path, 0.9999), ""),
    "one bit": (one_byte_off, "CRC"),
    "another npz": (lambda path: np.savez(path, W=np.eye(2)), "it is an .npz file of something else"),
    "a huge header": (lambda path: claiming(path, 1 << 40), "its header claims"),
    "a negative size": (lambda path: claiming(path, -1), "tells of no plain array"),
    "a bomb": (bomb, "claims to hold far more than it has bytes"),
    "a pickled array": (pickled, "takes pickle to read"),
    "no JSON": (lambda path: rewrite(path, state=np.frombuffer(b"{", np.uint8)), ""),
    "deep JSON": (lambda path: rewrite(path, state=np.frombuffer(b"[" * 100_000, np.uint8)), "recursion"),
    "JSON of a list": (lambda path: rewrite(path, state=np.frombuffer(b"[1]", np.uint8)), ""),
    "NaN weights": (lambda path: rewrite(path, **{"network/linear1.W": nan((4, 4))}), "linear1.W is not finite"),
    "weights of another shape": (lambda path: rewrite(path, **{"network/linear1.W": nan((4, 5))}),
                                 r"linear1.W is float32 \(4, 5\), wanted float32 \(4, 4\)"),
    "weights of another type": (lambda path: rewrite(path, **{"network/linear1.W": np.eye(4)}),
                                r"linear1.W is float64 \(4, 4\), wanted float32"),
    "missing weights": (lambda path: rewrite(path, **{"network/linear1.W": None}), "it has no 'network/linear1.W'"),
    "weights not named": (lambda path: rewrite(path, without("network", "linear2.W")), "linear2.W"),
    "weights too many": (lambda path: rewrite(path, setting("network", "new.W", value={"__array__": "state"})),
                         "new.W"),
    "a number for weights": (lambda path: rewrite(path, setting("network", "linear1.W", value=3)), ""),
    "a list for weights": (lambda path: rewrite(path, setting("network", "linear1.W", value={
        "__list_of_arrays__": "network/linear1.W"})), ""),
    "a place holder of no name": (lambda path: rewrite(path, setting("order", value={"__array__": ["x"]})), ""),
    "another batch": (lambda path: rewrite(path, setting("batch", value=8)), "it stands at batch 8 of epoch 3"),
    "a batch without an order": (lambda path: rewrite(path, setting("batch", value=3)),
                                 "stands at batch 3", ),
    "an epoch below 1": (lambda path: rewrite(path, setting("epoch", value=0)), "batch 0 of epoch 0"),
    "an epoch of text": (lambda path: rewrite(path, setting("epoch", value="3")), ""),
    "an epoch that is true": (lambda path: rewrite(path, setting("epoch", value=True)), "its epoch is no int"),
    "no permutation": (lambda path: rewrite(path, setting("order", value={"__array__": "network/linear1.W"})),
                       "its order is none of 50 examples"),
    "totals of text": (lambda path: rewrite(path, setting("totals", "loss", value="0")), "its totals are no numbers"),
    "negative seconds": (lambda path: rewrite(path, setting("seconds", value=-1.0)), "its seconds are no time"),
    "a short history": (lambda path: rewrite(path, setting("history", "loss", value=[0.5])),
                        "its history is not one of 2 epochs"),
    "a history of text": (lambda path: rewrite(path, setting("history", "loss", value=["a", "b"])),
                          "something else than 2 numbers as loss"),
    "a history that is a number": (lambda path: rewrite(path, setting("history", "loss", value=1)),
                                   "its history has no loss"),
    "no state of the callback": (lambda path: rewrite(path, setting("callbacks", value=[])), "each callback"),
    "a generator too many": (lambda path: rewrite(path, setting("generators", "x", value={})), "each generator"),
    **{f"no {key}": (lambda path, key=key: rewrite(path, without(key)), f"it has no '{key}'")
       for key in ("format", "record", "environment", "epoch", "batch", "order", "seconds", "stopped", "totals",
                   "history", "network", "optimizer", "callbacks", "generators")},
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_one_is_passed_over_with_a_warning_and_if_there_is_no_other_refused(how, run, monkeypatch):
    monkeypatch.chdir(run.parent)
    damage, message = DAMAGE[how]
    newest, before = run / "checkpoint-00000014.npz", run / "checkpoint-00000013.npz"
    damage(newest)
    whole = make()
    train(None, whole)
    network = make(seed=5)
    with pytest.warns(UserWarning, match=f"(?s)^fit: .*checkpoint-00000014.npz is damaged .*{message}.*: it goes "
                                         "on from checkpoint-00000013.npz, the one before$") as caught:
        train(run, network, resume=True)
    assert len(caught) == 1 and caught[0].filename == __file__
    for name, W in whole.parameters.items():
        np.testing.assert_array_equal(network.parameters[name], W)
    assert names(run) == ["checkpoint-00000013.npz", "checkpoint-00000014.npz"]
    with np.load(newest) as file:  # a good one again
        np.testing.assert_array_equal(file["network/linear1.W"], whole.parameters["linear1.W"])

    damage(newest)
    before.unlink()
    refused(run, f"(?s)^fit: no checkpoint in .*can be read .checkpoint-00000014.npz: .*{message}.*to start anew, "
                 "name another folder")
    assert not Path("pickle-ran").exists()


def test_a_generator_does_not_take_a_state_of_another_kind(run):
    other = np.random.MT19937(0).state
    change = setting("generators", "train.rng", value={"bit_generator": "MT19937"})
    assert other["bit_generator"] == "MT19937"
    rewrite(run / "checkpoint-00000014.npz", change)
    refused(run, "^fit: the generator train.rng does not take its state of .*14.npz back: ")


@pytest.mark.parametrize("bits, keys", [("MT19937", ("state", "pos")), ("Philox", ("buffer_pos",))])
@pytest.mark.parametrize("place", [10_000_000, -10_000_000, 1 << 100, "x", None])
def test_a_place_outside_of_the_buffer_of_a_generator_is_not_believed(bits, keys, place, tmp_path):
    def generator():
        return np.random.Generator(getattr(np.random, bits)(3))

    train(tmp_path, rng=generator())
    for name in names(tmp_path):
        rewrite(tmp_path / name, setting("generators", "train.rng", *keys, value=place))
    with pytest.raises(ValueError, match=f"can be read .*the state of a generator has the {keys[-1]} .*wanted 0 to"):
        train(tmp_path, rng=generator(), resume=True)


def test_a_damaged_one_far_ahead_is_gone_after_the_next_is_written(tmp_path):
    train(tmp_path)
    (tmp_path / "checkpoint-00000900.npz").write_bytes(b"PK")
    with pytest.warns(UserWarning, match="checkpoint-00000900.npz is damaged"):
        train(tmp_path, resume=True, epochs=3)
    assert names(tmp_path) == ["checkpoint-00000020.npz", "checkpoint-00000021.npz"]


def test_a_buffer_that_begins_as_infinity_may_stay_so_and_one_that_was_finite_may_not(tmp_path):
    class Largest(Centred):
        def forward(self, x):
            if self.is_training() and self.seen:
                self.mean = x.max(axis=0)
            return x

    def start(start, seen, **more):
        network = make(middle=lambda: Largest(4))
        network.layers[1].mean = np.full(4, start)
        network.layers[1].seen = seen
        return network, train(tmp_path, network, **more)

    start(-np.inf, False)
    network, _ = start(-np.inf, True, resume=True, epochs=3)
    assert np.isfinite(network.layers[1].mean).all()
    rewrite(tmp_path / "checkpoint-00000021.npz", **{"network/largest1.mean": nan(4)})
    (tmp_path / "checkpoint-00000020.npz").unlink()
    with pytest.raises(ValueError, match="largest1.mean is not finite"):
        start(0, True, resume=True, epochs=3)


def test_weights_that_are_not_finite_are_not_kept_and_the_good_ones_stay(tmp_path):
    def spoil(network, history):
        if len(history.loss) == 1:
            network.layers[0].W[-1, 0] = -np.inf  # the ReLU hides it: the loss stays finite

    with pytest.warns(UserWarning, match="linear1.W is not finite in epoch 2: no checkpoint is written") as caught:
        train(tmp_path, callbacks=[spoil])
    assert len(caught) == 1
    assert names(tmp_path) == ["checkpoint-00000006.npz", "checkpoint-00000007.npz"]


# ---- another machine


@pytest.mark.parametrize("what, value", [("NumPy", "1.0"), ("OMP_NUM_THREADS", "77"), ("processor", "abacus")])
def test_another_machine_is_a_warning_that_says_what_differs(what, value, run):
    rewrite(run / "checkpoint-00000014.npz", setting("environment", what, value=value))
    with pytest.warns(UserWarning, match=f"14.npz was written elsewhere: {what} was {value} and is [^;]+: the "
                                         "result may differ in the last digits") as caught:
        history = train(run, resume=True)
    assert len(history.loss) == 2 and len(caught) == 1 and caught[0].filename == __file__


def test_another_number_of_threads_is_noticed(run, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "63")
    with pytest.warns(UserWarning, match="OPENBLAS_NUM_THREADS was .* and is 63"):
        train(run, resume=True)


def test_the_same_machine_gives_no_warning(run):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(run, resume=True, epochs=3)


# ---- the disk


def in_a_process(code, *arguments):
    """As a user that may not do everything, and whose files may not be large."""
    start = (
        "import os, resource, sys; sys.path.insert(0, sys.argv[1]); folder = sys.argv[2]\n"
        "from test_checkpoint import *\n"
        "with tempfile.TemporaryDirectory() as other: train(other)  # so that all is imported\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
    )
    return subprocess.run([sys.executable, "-c", start + code, str(Path(__file__).parent), *map(str, arguments)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


@pytest.fixture
def commons():
    """A folder that every user may write to."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


@posix
def test_a_folder_that_cannot_be_written_says_so_before_the_first_step(commons):
    (commons / "run").mkdir(mode=0o555)
    done = in_a_process(
        "network = make()\n"
        "for path in (folder, folder + '/deeper'):\n"
        "    try: train(path, network)\n"
        "    except PermissionError as error: print(error)\n"
        "print(all((network.parameters[n] == W).all() for n, W in make().parameters.items()))", commons / "run")
    first, second, unchanged = done.stdout.splitlines()
    assert first == f"[Errno 13] Permission denied: '{commons}/run'"
    assert second == f"[Errno 13] Permission denied: '{commons}/run/deeper'"
    assert unchanged == "True"


@posix
def test_a_full_disk_is_an_error_that_names_the_file_and_the_ones_before_stay_whole(commons):
    done = in_a_process(
        "class Full:\n"
        "    def __call__(self, network, history): pass\n"
        "    def on_batch(self, epoch, batch, batches):\n"
        "        if (epoch, batch) == (2, 3): resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try: train(folder, callbacks=[Full(), Count()])\n"
        "except OSError as error: print(error)", commons / "run")
    assert done.stdout == f"[Errno 27] File too large: '{commons}/run/checkpoint-00000010.npz'\n", done.stderr
    assert names(commons / "run") == ["checkpoint-00000008.npz", "checkpoint-00000009.npz"]
    network, whole = make(seed=5), make()
    train(commons / "run", network, resume=True)
    train(None, whole)
    np.testing.assert_array_equal(network.layers[0].W, whole.layers[0].W)


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "run").write_text("a file")
    for resume in (False, True):
        with pytest.raises(NotADirectoryError, match="this is a file, wanted a folder: .*run"):
            train(tmp_path / "run", resume=resume)
    assert (tmp_path / "run").read_text() == "a file"


@posix
def test_a_file_that_may_not_be_read_is_named_and_not_passed_over(commons):
    os.chmod(commons, 0o777)
    train(commons)
    os.chmod(commons / "checkpoint-00000014.npz", 0)
    done = in_a_process("try: train(folder, resume=True)\nexcept PermissionError as error: print(error)", commons)
    assert "checkpoint-00000014.npz" in done.stdout, done.stderr


def test_a_pipe_in_place_of_a_checkpoint_does_not_make_it_wait(tmp_path):
    os.mkfifo(tmp_path / "checkpoint-00000001.npz")
    with pytest.raises(ValueError, match="no checkpoint in .* can be read .*it is a pipe or a device"):
        train(tmp_path, resume=True)


# ---- training or inference, and weight decay


class Spy(ReLU):
    def forward(self, x):
        seen.append(self.training)
        return super().forward(x)


seen: list = []


@pytest.mark.parametrize("told", [None, True, False])
@pytest.mark.parametrize("end", ["whole", "Ctrl-C", "an error"])
def test_the_layers_are_told_what_it_is_and_are_as_before_at_the_end(told, end):
    def last(network, history):
        seen.append("callback")
        network.evaluate(*data(5))
        if end != "whole":
            raise KeyboardInterrupt if end == "Ctrl-C" else ZeroDivisionError

    seen.clear()
    network = make(middle=Spy)
    if told is not None:
        network.train(told)
    try:
        train(None, network, epochs=1, callbacks=[last])
    except ZeroDivisionError:
        assert end == "an error"
    assert seen == 7 * [True] + [False, "callback", False]
    assert [layer.training for layer in network.layers] == 3 * [told]


def test_an_optimizer_that_asks_is_told_which_rows_decay():
    optimizer = Adam()
    optimizer.decayed = None
    network = make()
    train(None, network, optimizer=optimizer)
    assert optimizer.decayed == network.chain.decayed
    plain = Adam()
    train(None, optimizer=plain)
    assert not hasattr(plain, "decayed")


# ---- packing


@pytest.mark.parametrize("tree", [
    {"a": {"b": np.float32(0.1), "c": [1, None, True, "ü\0"]}, "": np.arange(3)},
    {"a/b": np.zeros(2), "a": {"b": np.ones(2)}},
    {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.array(3), "c": np.array(["x", "yy"])},
    {"lists": [np.eye(2), 2 * np.eye(2)], "odd": [np.eye(2), np.eye(3)], "none": []},
    {"x" * 300: np.zeros(1), "x" * 301: np.ones(1), "\ud800\0": np.ones(1), "state": np.ones(2)},
    {"big": 1 << 200, "inf": float("-inf"), "tiny": 5e-324, "third": 1 / 3, "double": np.float64(0.1)},
])
def test_what_is_packed_comes_back_the_same(tree):
    def check(a, b):
        assert type(a) is type(b) or isinstance(a, np.float64) and type(b) is float
        if isinstance(a, dict):
            assert list(a) == list(b)
            [check(a[key], b[key]) for key in a]
        elif isinstance(a, list):
            assert len(a) == len(b)
            [check(one, other) for one, other in zip(a, b)]
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and a.flags.f_contiguous == b.flags.f_contiguous
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b

    with Npz(io.BytesIO(packing.pack("test", tree))) as file:
        check(tree, packing.unpack(file))


def test_more_arrays_than_a_reader_takes_are_an_error_of_the_writer():
    tree = {f"{'n' * 150}{i}": np.zeros(1) for i in range(6000)}
    with pytest.raises(ValueError, match="test: got 6000 arrays, which is too much for one file"):
        packing.pack("test", tree)


def test_the_confusion_matrices_of_many_epochs_are_one_array():
    with Npz(io.BytesIO(packing.pack("test", {"m": [np.eye(2)] * 1000}))) as file:
        assert sorted(file) == ["m", "state"]
