"""Networks as files: what is saved comes back, and what a file claims is not believed."""

import io
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from own_layers import OWN, Centre, Noise, Pair, Sum

import npbp.layers
from npbp import (
    Buffer,
    Layer,
    Linear,
    Network,
    NeuralNet,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    SoftmaxCrossEntropyLoss,
)


def batch(N=64, features=784, classes=10, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((N, features), dtype=np.float32), rng.integers(0, classes, N)


def small(reduction="mean", seed=0):
    rng = np.random.default_rng(seed)
    layers = [Linear(6, 5, rng), ReLU(), Linear(5, 4, rng), ReLU(), Linear(4, 3, rng)]
    return Network(layers, SoftmaxCrossEntropyLoss(reduction))


# ---- save and load


def test_a_saved_network_comes_back_with_its_structure_and_every_bit(tmp_path):
    path = tmp_path / "model.npz"
    for network in (small("sum"), small().astype(np.float64), NeuralNet(6, 5, 3, alpha=0.02)):
        network.save(path)
        again = Network.load(path)
        assert type(again) is type(network) and repr(again) == repr(network)
        for name, W in network.parameters.items():
            got = again.parameters[name]
            assert got.dtype == W.dtype and got.tobytes() == W.tobytes()
        X, Y = batch(7, 6, 3)
        assert np.array_equal(again.predict(X), network.predict(X))
        again.evaluate(X, Y)
        again.gradient_descent(0.1)
    assert os.listdir(tmp_path) == ["model.npz"]


def test_a_saved_network_holds_no_pickle(tmp_path):
    small().save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert set(file.files) == {"config", "linear1.W", "linear2.W", "linear3.W"}
        assert all(file[name].dtype.kind in "fU" for name in file.files)
        assert json.loads(str(file["config"]))["loss"] == ["SoftmaxCrossEntropyLoss", {"reduction": "mean"}]


class Scale(Layer):
    s = Parameter()

    def __init__(self, features):
        self.s = np.ones(features)

    def forward(self, x):
        self.cache = self.batch(x)
        return x * self.s

    def bp_input(self, grad):
        return grad * self.s

    def bp_param(self, grad):
        return (grad * self.cached()).sum(axis=0)

    def config(self):
        return {"features": len(self.s)}


def test_a_network_with_layers_of_your_own_is_loaded_with_their_classes(tmp_path):
    network = Network([Linear(6, 5), Scale(5), Linear(5, 3)], SoftmaxCrossEntropyLoss())
    network.layers[1].s = np.arange(5)
    path = tmp_path / "model.npz"
    network.save(path)
    assert Network.load(path, layers=[Scale]).layers[1].s.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"model\.npz: .*'Scale' is unknown; pass their classes"):
        Network.load(path)


class Deep(Network):
    pass


class Wide(NeuralNet):
    pass


def test_load_makes_the_class_that_was_saved_and_else_says_which_one_it_is(tmp_path):
    path, rng = tmp_path / "model.npz", np.random.default_rng(0)
    Network([Linear(6, 3, rng)], SoftmaxCrossEntropyLoss()).save(path)
    assert {type(kind.load(path)) for kind in (Network, NeuralNet, Deep, Wide)} == {Network}
    NeuralNet(6, 5, 3).save(path)
    assert {type(kind.load(path)) for kind in (Network, NeuralNet, Deep, Wide)} == {NeuralNet}
    for network in (Deep([Linear(6, 3, rng)], SoftmaxCrossEntropyLoss()), Wide(6, 5, 3)):
        network.save(path)
        own = type(network)
        assert type(own.load(path)) is own
        with pytest.raises(ValueError, match=f"it is a {own.__name__}: read it with {own.__name__}.load"):
            Network.load(path)


class Planted:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_file_cannot_run_code(tmp_path):
    path, planted = tmp_path / "model.npz", tmp_path / "planted"
    np.savez(path, config=np.array(Planted(str(planted)), dtype=object))
    with pytest.raises(ValueError, match="no saved network"):
        Network.load(path)
    assert not planted.exists()


def test_a_file_can_name_layers_and_losses_only(tmp_path):
    for name in ("np", "fraction_correct", "Any", "__builtins__"):
        config = {"network": "Network", "layers": [[name, {}]], "loss": ["Layer", {}]}
        write(tmp_path / "model.npz", json.dumps(config))
        with pytest.raises(ValueError, match=f"no saved network.*'{name}' is unknown"):
            Network.load(tmp_path / "model.npz")


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def write(path, config, **weights):
    np.savez(path, config=np.array(config), **weights)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"<html>not found</html>"),
        lambda path: path.write_bytes(b"PK\x03\x04 and then nothing"),
        lambda path: np.savez(path, a=np.ones(3)),
        lambda path: path.write_bytes(pickle.dumps({"a": 1})),
        lambda path: np.ones(3).dump(path),
        lambda path: path.write_bytes(npy(np.ones(3))),
        lambda path: np.savez(path, config=np.array({"a": 1}, dtype=object)),
        lambda path: write(path, "not json"),
        lambda path: write(path, "[]"),
        lambda path: write(path, '{"network": "Network"}'),
        lambda path: write(path, '{"network": "NeuralNet", "input_size": -4}'),
        lambda path: write(path, '{"network": "NeuralNet", "inputs": 4}'),
        lambda path: write(path, json.dumps({"network": "NeuralNet"}), **{"linear1.W": np.ones((785, 32))}),
        lambda path: write(
            path,
            json.dumps({"network": "NeuralNet", "input_size": 4, "hidden_size": 3, "output_size": 2}),
            **{"linear1.W": np.ones((4, 3)), "linear2.W": np.ones((4, 2))},
        ),
        lambda path: write(
            path,
            json.dumps({"network": "NeuralNet", "input_size": 4, "hidden_size": 3, "output_size": 2}),
            **{"linear1.W": np.ones((5, 3), int), "linear2.W": np.ones((4, 2))},
        ),
    ],
)
def test_a_file_that_is_no_network_is_an_error_that_names_it(tmp_path, make):
    path = tmp_path / "bad.npz"
    make(path)
    with pytest.raises(ValueError, match=r"bad\.npz: no saved network"):
        Network.load(path)


def test_a_cut_file_is_an_error_that_names_it(tmp_path):
    whole, cut = tmp_path / "model.npz", tmp_path / "cut.npz"
    small().save(whole)
    data = whole.read_bytes()
    for length in range(0, len(data), 97):
        cut.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"cut\.npz: no saved network"):
            Network.load(cut)


def test_a_missing_file_is_the_operating_systems_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Network.load(tmp_path / "nowhere.npz")


class MeanSquares:
    """A loss with no more than a network needs to train."""

    def __call__(self, scores, targets):
        self.difference = scores - targets
        return scores, float((self.difference**2).mean())

    def bp_input(self, grad=1.0):
        return grad * 2 * self.difference / self.difference.size


def test_a_loss_without_predict_trains_and_is_saved_and_predict_says_what_is_missing(tmp_path):
    network = Network([Linear(3, 2, np.random.default_rng(0))], MeanSquares())
    network.evaluate(np.ones((4, 3), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 0, 1]])
    network.gradient_descent(0.1)
    network.save(tmp_path / "model.npz")
    again = Network.load(tmp_path / "model.npz", layers=(MeanSquares,))
    np.testing.assert_array_equal(again.layers[0].W, network.layers[0].W)
    with pytest.raises(TypeError, match=r"MeanSquares has no predict\(scores\), wanted"):
        network.predict(np.ones((4, 3), np.float32))


class Times(Layer):
    """A layer whose config is up to the test."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return x


@pytest.mark.parametrize(
    "config, reason",
    [
        ({}, "missing a required argument: 'factor'"),
        ({"factor": np.int64(3)}, "int64 is not JSON serializable"),
        ({"factor": 3, "more": 4}, "unexpected keyword argument 'more'"),
    ],
)
def test_a_layer_that_could_not_be_made_again_is_an_error_before_anything_is_written(
    tmp_path, config, reason
):
    layer = Times(3)
    layer.config = lambda: config
    with pytest.raises(TypeError, match=f"Times.config: got .*, wanted the arguments.*{reason}"):
        Network([layer], SoftmaxCrossEntropyLoss()).save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def packed(save, array):
    file = io.BytesIO()
    save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    "write, reason",
    [
        (lambda path: path.write_text("0 1 2"), "it is no .npz file"),
        (lambda path: path.write_bytes(b""), "it is no .npz file"),
        (lambda path: path.write_bytes(packed(np.save, np.ones(3))), "it is no .npz file"),
        (lambda path: path.write_bytes(packed(np.savez, np.ones(3))),
         "it is an .npz file of something else"),
    ],
)
def test_load_says_what_else_a_file_is(tmp_path, write, reason):
    write(tmp_path / "model.npz")
    with pytest.raises(ValueError) as caught:
        Network.load(tmp_path / "model.npz")
    assert str(caught.value) == f"{tmp_path / 'model.npz'}: no saved network: {reason}"


# ---- what a file claims


def refused(path, *words):
    """The file is a ValueError of one short line that names it; taking it takes no memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as caught:
            Network.load(path)
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(f"{path}: no saved network: ")
    assert len(message) < len(str(path)) + 250 and message.isprintable()
    for word in words:
        assert word in message


def zipped(path, parts, **options):
    """A .npz of bytes, or of arrays that are written as .npy."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, part in parts.items() if isinstance(parts, dict) else parts:
            archive.writestr(name + ".npy", part if isinstance(part, bytes) else npy(part))


def config(layers, loss=("SoftmaxCrossEntropyLoss", {}), **more):
    return np.array(json.dumps({"network": "Network", "layers": layers, "loss": loss, **more}))


def linear(n_in, n_out, **more):
    return ["Linear", {"in_features": n_in, "out_features": n_out, **more}]


ONE = {"config": config([linear(3, 2)]), "linear1.W": np.ones((4, 2), np.float32)}


def header(shape, dtype="<f4", fill="", version=1):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}{fill}\n".encode("latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text


@pytest.mark.parametrize(
    "structure, W",
    [
        (config([linear(14000, 14000)]), {"linear1.W": np.ones((4, 2), np.float32)}),
        (config([linear(14000, 14000)]), {}),
        (config([linear(14000, 14000, rng=1)]), {"linear1.W": np.ones((4, 2), np.float32)}),
        (config([linear(10**9, 10**9)]), {"linear1.W": np.ones((4, 2), np.float32)}),
        (config([linear(10**40, 2)]), {"linear1.W": np.ones((4, 2), np.float32)}),
        (config([linear(99999, 1), *[linear(1, 99999), linear(99999, 1)] * 500]),
         {"linear1.W": np.ones((100000, 1), np.float32)}),
        (np.array(json.dumps({"network": "NeuralNet", "input_size": 14000, "hidden_size": 14000})),
         {"linear1.W": np.ones((4, 2), np.float32)}),
        (np.array(json.dumps({"network": "NeuralNet", "input_size": 14000, "hidden_size": 14000, "rng": 1})),
         {"linear1.W": np.ones((4, 2), np.float32)}),
    ],
)
def test_a_small_file_that_claims_a_large_network_takes_no_memory(tmp_path, structure, W):
    zipped(tmp_path / "model.npz", {"config": structure, **W})
    refused(tmp_path / "model.npz", "larger than the weights in it")


@pytest.mark.parametrize("size", [0, -3, 2.0, 1e300, "3", "x" * 10**6, None, True, [3], {"a": 3}, float("nan"),
                                  float("inf"), int("9" * 4000), -int("9" * 4000)])
def test_a_size_that_is_no_size_is_refused(tmp_path, size):
    zipped(tmp_path / "model.npz", {**ONE, "config": config([linear(size, 2)])})
    refused(tmp_path / "model.npz")
    net = {"network": "NeuralNet", "input_size": 3, "hidden_size": size, "output_size": 2}
    zipped(tmp_path / "model.npz", {**ONE, "config": np.array(json.dumps(net))})
    refused(tmp_path / "model.npz")


@pytest.mark.parametrize(
    "layers, loss, words",
    [
        ([["Layer", {}]], ["SoftmaxCrossEntropyLoss", {}], "'Layer' is unknown"),
        ([linear(3, 2), ["SoftmaxCrossEntropyLoss", {}]], ["SoftmaxCrossEntropyLoss", {}],
         "as a layer"),
        ([linear(3, 2)], ["ReLU", {}], "as the loss"),
        ([linear(3, 2)], ["Layer", {}], "'Layer' is unknown"),
        ([linear(3, 2)], ["fraction_correct", {}], "'fraction_correct' is unknown"),
        ([[["Linear"], {}]], ["SoftmaxCrossEntropyLoss", {}], "['Linear'] is unknown"),
        ([["x\n" * 10**5, {}]], ["SoftmaxCrossEntropyLoss", {}], "is unknown"),
    ],
)
def test_only_layers_are_layers_and_only_losses_are_losses(tmp_path, layers, loss, words):
    zipped(tmp_path / "model.npz", {**ONE, "config": config(layers, loss)})
    refused(tmp_path / "model.npz", words)


@pytest.mark.parametrize(
    "text",
    ["", "null", "3", '"Network"', "[]", "{}", "NaN", "[" * 10**6, '{"a":' * 10**5, "9" * 10**6,
     '{"network": null}', '{"network": ["Network"]}', '{"network": {"a": 1}}', '{"network": "Network"}',
     '{"network": "a\\nb\\u0007' + "c" * 10**5 + '"}',
     '{"network": "Network", "layers": 3, "loss": 3}', '{"network": "Network", "layers": null}',
     '{"network": "Network", "layers": "ReLU", "loss": "ReLU"}',
     '{"network": "Network", "layers": {"ReLU": {}}, "loss": {}}',
     '{"network": "Network", "layers": [], "loss": ["SoftmaxCrossEntropyLoss", {}]}',
     '{"network": "Network", "layers": [["ReLU"]], "loss": ["SoftmaxCrossEntropyLoss", {}]}',
     '{"network": "Network", "layers": [["ReLU", 3]], "loss": ["SoftmaxCrossEntropyLoss", {}]}',
     '{"network": "Network", "layers": [["ReLU", {"a": 3}]], "loss": ["SoftmaxCrossEntropyLoss", {}]}',
     '{"network": "Network", "layers": [["ReLU", {}]]}',
     '{"network": "Network", "layers": [["ReLU", {}]], "loss": ["SoftmaxCrossEntropyLoss", {"reduction": []}]}',
     '{"network": "NeuralNet", "input_size": 3, "hidden_size": 2, "alpha": "x"}'],
    ids=lambda text: text[:60],
)
def test_a_config_that_is_none_is_refused(tmp_path, text):
    zipped(tmp_path / "model.npz", {**ONE, "config": np.array(text)})
    refused(tmp_path / "model.npz")


@pytest.mark.parametrize(
    "part",
    [np.float32(1.5), np.array([1, 2]), np.array(["{}", "{}"]), np.array(b"{}"), np.array("\n" * 2_000_000),
     header("()", "<U1") + b"\xff\xff\xff\x7f", header("()", "<U0"), np.array(True), b"", b"{}"],
    ids=range(10),
)
def test_a_config_that_is_no_text_is_refused(tmp_path, part):
    zipped(tmp_path / "model.npz", {**ONE, "config": part})
    refused(tmp_path / "model.npz")


@pytest.mark.parametrize(
    "W",
    [np.ones((2, 4), np.float32), np.ones(8, np.float32), np.float32(1), np.ones((4, 2), int),
     np.ones((4, 2), bool), np.ones((4, 2), complex), np.full((4, 2), "x"), np.full((4, 2), b"x"),
     np.full((4, 2), None), np.ones((4, 2), "f4,f4"), np.zeros((4, 2), "m8[s]"), np.zeros((4, 2), "V4"),
     np.ones((4, 2, 1), np.float32), np.ones((0, 2), np.float32)],
    ids=lambda W: f"{W.dtype}{W.shape}",
)
def test_weights_of_another_kind_or_shape_are_refused(tmp_path, W):
    zipped(tmp_path / "model.npz", {**ONE, "linear1.W": W})
    refused(tmp_path / "model.npz")


@pytest.mark.parametrize("name", ["linear2.W", "linear1.W/", "../linear1.W", "a/b", "x\n\x07" * 1000, ""])
def test_weights_of_another_name_are_refused(tmp_path, name):
    W = np.ones((4, 2), np.float32)
    zipped(tmp_path / "model.npz", {"config": ONE["config"], name: W})
    refused(tmp_path / "model.npz")
    zipped(tmp_path / "model.npz", {**ONE, name: W})
    refused(tmp_path / "model.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path):
    zipped(tmp_path / "model.npz", [*ONE.items(), ("linear1.W", np.zeros((4, 2), np.float32))])
    refused(tmp_path / "model.npz", "it has 'linear1.W' twice")


@pytest.mark.parametrize(
    "W",
    [header((4, 2)) + bytes(31), header((4, 2)) + bytes(33), header((4, 2)), header((4, 3)) + bytes(32),
     header((2**31, 2**31, 4)) + bytes(32), header((10**9, 10**9)) + bytes(32), header((4, -2)) + bytes(32),
     header("(" * 9000) + bytes(32), header("-" * 9000 + "4") + bytes(32), header("4") + bytes(32),
     header((4, 2), "nothing") + bytes(32), header((4, 2), "f4,f4") + bytes(64), header((4, 2), "O") + bytes(64),
     header((4, 2), "(1000000000,)f4") + bytes(32), header((4, 2), "<f0") + bytes(32), header((4, 2), "T") + bytes(128),
     header((4, 2), version=1)[:9], header((4, 2), fill=" " * 20_000) + bytes(32),
     header((4, 2), fill=" " * 10**8, version=2) + bytes(32), b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(99),
     header((1,) * 100) + bytes(4), pickle.dumps([1]), b"\x93NUMPY", b""],
    ids=range(24),
)
def test_an_array_that_is_not_what_its_header_says_is_refused(tmp_path, W):
    zipped(tmp_path / "model.npz", {**ONE, "linear1.W": W})
    refused(tmp_path / "model.npz")


@pytest.mark.parametrize(
    "W",
    [np.asfortranarray(np.arange(8, dtype=np.float32).reshape(4, 2)), np.arange(8, dtype=">f4").reshape(4, 2),
     np.arange(8, dtype=np.float16).reshape(4, 2)],
    ids=range(3),
)
def test_floating_weights_of_any_layout_are_loaded_as_they_are(tmp_path, W):
    zipped(tmp_path / "model.npz", {**ONE, "linear1.W": W})
    got = Network.load(tmp_path / "model.npz").layers[0].W
    np.testing.assert_array_equal(got, W)
    assert got.dtype == W.dtype.newbyteorder("=") and got.flags.c_contiguous and got.flags.writeable


# ---- layers inside of layers


def nested():
    rng = np.random.default_rng(0)
    layers = [Linear(6, 5, rng), Residual([Sequential([Centre(5), Noise(7)]), Pair(5, 4, rng)]), Pair(5, 2, rng),
              Sum([Linear(5, 3, rng), Sequential([Pair(5, 2, rng), Linear(5, 3, rng)])], [Linear(5, 3, rng)])]
    network = Network(layers, SoftmaxCrossEntropyLoss()).train()
    network.evaluate(*batch(7, 6, 3))  # Centre has seen something
    return network


def test_layers_inside_come_back_with_their_names_weights_and_buffers(tmp_path):
    path, network = tmp_path / "model.npz", nested()
    assert network.buffers["residual1.sequential1.centre1.mean"].any()
    network.save(path)
    again = Network.load(path, layers=OWN)
    assert repr(again) == repr(network) and list(again.parameters) == list(network.parameters)
    for name, array in {**network.parameters, **network.buffers}.items():
        got = {**again.parameters, **again.buffers}[name]
        assert got.dtype == array.dtype and got.tobytes() == array.tobytes()
    X, Y = batch(7, 6, 3)
    assert np.array_equal(again.predict(X), network.predict(X))
    assert all(layer.training is None for _, layer in again.chain.walk())
    again.train().evaluate(X, Y)
    again.gradient_descent(0.1)
    with pytest.raises(ValueError, match=r"'Centre' is unknown; pass their classes as layers=\(...,\)"):
        Network.load(path)
    with pytest.raises(ValueError, match="'Pair' is unknown"):
        Network.load(path, layers=[kind for kind in OWN if kind is not Pair])


class Heads(Layer):
    """Layers in a dict that is an argument, and a dict of other things."""

    def __init__(self, heads, options):
        self.heads, self.options = heads, options

    def forward(self, x):
        return sum(head(x) for head in self.heads.values())

    def backward(self, grad):
        both = {name: head.backward(grad) for name, head in self.heads.items()}
        return sum(d_x for d_x, _ in both.values()), {f"heads.{name}": d_W for name, (_, d_W) in both.items()}

    def config(self):
        return {"heads": self.heads, "options": self.options}


@pytest.mark.parametrize("options", [{}, {"layer": 3, "b": [1.5, None, "x"]}, {"dict": {"layer": ["Linear", {}]}}])
def test_a_dict_of_layers_comes_back_and_so_does_one_that_looks_like_a_layer(tmp_path, options):
    network = Network([Heads({"left": Linear(3, 2), "layer": Sequential([Linear(3, 2)])}, options)],
                      SoftmaxCrossEntropyLoss())  # fmt: skip
    network.save(tmp_path / "model.npz")
    again = Network.load(tmp_path / "model.npz", layers=[Heads])
    assert again.layers[0].options == options
    for name, W in network.parameters.items():
        assert np.array_equal(again.parameters[name], W)


def test_keys_that_would_come_back_as_text_are_refused_before_anything_is_written(tmp_path):
    network = Network([Heads({1: Linear(3, 2)}, {})], SoftmaxCrossEntropyLoss())
    with pytest.raises(TypeError, match="Heads.config: got .*, wanted the arguments of __init__"):
        network.save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_a_layer_inside_that_could_not_be_made_again_is_named(tmp_path):
    layer = Times(np.float32(3))
    with pytest.raises(TypeError, match="^Times.config: got .*, wanted the arguments of __init__"):
        Network([Residual([Sequential([layer])])], SoftmaxCrossEntropyLoss()).save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def inside(layer, depth, kind="Sequential"):
    """The config of a layer that is so deep inside, as text: json would nest too deep."""
    text = json.dumps(layer)
    for _ in range(depth):
        text = f'["{kind}",{{"layers":[{{"layer":{text}}}]}}]'
    return text


def raw(layers):
    return np.array(f'{{"network":"Network","layers":[{layers}],"loss":["SoftmaxCrossEntropyLoss",{{}}]}}')


@pytest.mark.parametrize("kind", ["Sequential", "Residual"])
@pytest.mark.parametrize("depth, words", [(101, "more than 100 deep"), (250, "deep"), (1000, "nests far too deep"), (5000, "nests far too deep")])
def test_layers_that_nest_without_end_are_refused(tmp_path, depth, words, kind):
    zipped(tmp_path / "model.npz", {"config": raw(inside(["ReLU", {}], depth, kind))})
    refused(tmp_path / "model.npz", words)


def test_layers_that_nest_as_deep_as_one_can_make_them_come_back(tmp_path):
    layer = Linear(3, 3, np.random.default_rng(0))
    for _ in range(90):
        layer = Sequential([layer])
    network = Network([layer], SoftmaxCrossEntropyLoss())
    network.save(tmp_path / "model.npz")
    assert list(Network.load(tmp_path / "model.npz").parameters) == list(network.parameters)


@pytest.mark.parametrize(
    "layers",
    [",".join(['["ReLU",{}]'] * 11_000),
     ",".join([inside(["ReLU", {}], 3)] * 4000),
     '["Sequential",{"layers":[' + ",".join(['{"layer":["ReLU",{}]}'] * 11_000) + "]}]"],
    ids=["wide", "nested", "one container"],
)
def test_more_layers_than_anybody_has_are_refused_at_once_and_not_saved(tmp_path, layers):
    zipped(tmp_path / "model.npz", {"config": raw(layers)})
    refused(tmp_path / "model.npz", "it has more than 10,000 layers")
    network = Network([ReLU() for _ in range(10_001)], SoftmaxCrossEntropyLoss())
    with pytest.raises(ValueError, match="Network.save: got 10,002 layers, wanted 10,000 at most"):
        network.save(tmp_path / "other.npz")
    assert not (tmp_path / "other.npz").exists()


@pytest.mark.parametrize("layers", [10**12, -1, 1e300, "ReLU", "x" * 10**5, None, True, {"a": 1}, {"layer": 3}, {"layer": ["ReLU"]},
                                    {"layer": ["ReLU", {}]}, {"dict": 3}, [10**12], [["ReLU", {}]], [[["ReLU", {}]]],
                                    [{"layer": ["SoftmaxCrossEntropyLoss", {}]}], [{"layer": ["Layer", {}]}], [None], [],
                                    [{"layer": ["Linear", {"in_features": 10**9, "out_features": 2}]}],
                                    [{"layer": ["Linear", {"in_features": 2, "out_features": -2}]}],
                                    [{"layer": ["Residual", {"layers": 10**30}]}]], ids=repr)
@pytest.mark.parametrize("kind", ["Sequential", "Residual"])
def test_what_is_no_list_of_layers_is_refused_in_a_container_too(tmp_path, kind, layers):
    zipped(tmp_path / "model.npz", {**ONE, "config": config([[kind, {"layers": layers}]])})
    refused(tmp_path / "model.npz")


def test_neighbours_that_do_not_fit_inside_are_refused_with_their_place(tmp_path):
    part = ["Residual", {"layers": [{"layer": linear(5, 4)}, {"layer": linear(3, 5)}]}]
    W = {"linear1.W": np.ones((9, 9), np.float32)}
    zipped(tmp_path / "model.npz", {"config": config([part]), **W})
    refused(tmp_path / "model.npz", "linear2: Linear(in_features=3", "got an input of shape (N, 4)")


class Means(Layer):
    """Has arrays that nothing draws, as a normalisation."""

    gain, mean = Parameter(), Buffer()
    made = []

    def __init__(self, features):
        Means.made.append(features)
        self.gain, self.mean = np.ones(features), np.zeros(features)

    def forward(self, x):
        return x

    def backward(self, grad):
        return grad, np.zeros_like(self.gain)

    def config(self):
        return {"features": len(self.gain)}


class Averages(Means):
    """The same without weights."""

    gain = Buffer()


@pytest.mark.parametrize("kind", [Means, Averages])
@pytest.mark.parametrize("features", [10**9, 10**30, [10**5, 10**5], [1, 10**12]])
def test_a_layer_of_ours_that_allocates_without_drawing_is_refused_before_it_is_made(tmp_path, monkeypatch, kind, features):
    monkeypatch.setattr(npbp.layers, kind.__name__, kind, raising=False)
    Means.made.clear()
    parts = {f"{kind.__name__.lower()}1.{name}": np.ones(4, np.float32) for name in ("gain", "mean")}
    zipped(tmp_path / "model.npz", {"config": config([[kind.__name__, {"features": features}]]), **parts})
    refused(tmp_path / "model.npz", "larger than the weights in it")
    assert not Means.made
    zipped(tmp_path / "model.npz", {"config": config([[kind.__name__, {"features": 4}]]), **parts})
    assert Network.load(tmp_path / "model.npz").buffers[f"{kind.__name__.lower()}1.mean"].tolist() == [1] * 4
    many = [[kind.__name__, {"features": 8}]] * 5000  # together they are
    zipped(tmp_path / "model.npz", {"config": config(many), **parts})
    refused(tmp_path / "model.npz", "larger than the weights in it")


class Draws(Layer):
    """Draws in its forward, as a Dropout."""

    def __init__(self, p, rng=None):
        self.p, self.rng = p, np.random.default_rng(rng)

    def forward(self, x):
        return x * self.rng.random(x.shape)

    def bp_input(self, grad):
        return grad

    def config(self):
        return {"p": self.p}


def test_a_layer_that_draws_in_its_forward_draws_without_end_after_load(tmp_path, monkeypatch):
    monkeypatch.setattr(npbp.layers, "Draws", Draws, raising=False)
    network = Network([Linear(3, 2), Draws(0.5)], SoftmaxCrossEntropyLoss())
    network.save(tmp_path / "model.npz")
    again = Network.load(tmp_path / "model.npz")
    assert type(again.layers[1].rng) is np.random.Generator
    for _ in range(10):
        again.scores(np.ones((50, 3), np.float32))


# ---- what is in the arrays


@pytest.mark.parametrize("name", ["means1.gain", "means1.mean", "linear1.W"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_and_buffers_that_are_not_finite_are_refused_by_name_unless_one_asks_for_them(tmp_path, name, bad):
    network = Network([Linear(3, 4), Means(4)], SoftmaxCrossEntropyLoss())
    {**network.parameters, **network.buffers}[name].flat[2] = bad
    network.save(tmp_path / "model.npz")  # one may want to look at it
    size = {**network.parameters, **network.buffers}[name].size
    with pytest.raises(ValueError) as caught:
        Network.load(tmp_path / "model.npz", layers=[Means])
    assert str(caught.value) == (
        f"{tmp_path / 'model.npz'}: no saved network: 1 of {size} numbers of '{name}' are NaN or infinite, as "
        "after a training that diverged: to look at it, load with finite=False"
    )
    again = Network.load(tmp_path / "model.npz", layers=[Means], finite=False)
    for key, array in {**network.parameters, **network.buffers}.items():
        np.testing.assert_array_equal({**again.parameters, **again.buffers}[key], array)
    with pytest.raises(TypeError, match="Network.load: got finite=3, wanted True or False"):
        Network.load(tmp_path / "model.npz", finite=3)


@pytest.mark.parametrize("dtypes, words", [
    (("f4", "f8"), "got float32, float64 as the types of means1.gain, means1.mean, wanted one type"),
    (("f8", "f4"), "got float32, float64 as the types of means1.gain, means1.mean, wanted one type"),
    (("f4", "i4"), "got dtype int32"), (("i8", "i8"), "got dtype int64"), (("f4", "?"), "got dtype bool"),
    (("c8", "f4"), "got dtype complex64"),
])  # fmt: skip
def test_arrays_of_a_layer_of_different_types_are_refused(tmp_path, dtypes, words):
    path = tmp_path / "model.npz"
    parts = {f"means1.{name}": np.ones(4, dtype) for name, dtype in zip(("gain", "mean"), dtypes)}
    zipped(path, {"config": config([["Means", {"features": 4}]]), **parts})
    with pytest.raises(ValueError, match=words):
        Network.load(path, layers=[Means])


def test_layers_of_different_types_are_loaded_and_those_without_arrays_have_the_type_of_all_others(tmp_path):
    path, rng = tmp_path / "model.npz", np.random.default_rng(0)
    Network([Linear(3, 4, rng), Linear(4, 2, rng, dtype=np.float64)], SoftmaxCrossEntropyLoss()).save(path)
    assert [W.dtype for W in Network.load(path).parameters.values()] == [np.float32, np.float64]
    network = Network([Residual([ReLU()]), Linear(3, 2, rng)], SoftmaxCrossEntropyLoss()).astype(np.float64)
    network.save(path)
    assert {layer.dtype for _, layer in Network.load(path).chain.walk()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("change, words", [
    (lambda parts: parts.pop("means1.mean"), "it has no 'means1.mean', which its layers have"),
    (lambda parts: parts.pop("means1.gain"), "it has no 'means1.gain', which its layers have"),
    (lambda parts: parts.update({"means1.more": np.ones(4, np.float32)}), "it has 'means1.more', and none of its"),
    (lambda parts: parts.update({"means1.mean": np.ones((4, 1), np.float32)}),
     r"got the weights 'means1.mean' of shape \(4, 1\), wanted \(4,\)"),
])  # fmt: skip
def test_what_is_missing_or_too_much_or_of_another_shape_is_said(tmp_path, change, words):
    parts = {"means1.gain": np.ones(4, np.float32), "means1.mean": np.ones(4, np.float32)}
    change(parts)
    zipped(tmp_path / "model.npz", {"config": config([["Means", {"features": 4}]]), **parts})
    with pytest.raises(ValueError, match=words):
        Network.load(tmp_path / "model.npz", layers=[Means])


def test_a_save_that_is_broken_off_leaves_the_old_file_and_what_is_written_is_on_the_disk(tmp_path, monkeypatch):
    path, synced = tmp_path / "model.npz", []
    small().save(path)
    before = path.read_bytes()
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(os.fstat(descriptor).st_size), fsync(descriptor)))
    small(seed=1).save(path)
    assert synced[0] == path.stat().st_size and path.read_bytes() != before  # then the folder

    def full(descriptor):
        raise OSError(28, "No space left on device")

    after = path.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        small(seed=2).save(path)
    assert path.read_bytes() == after and os.listdir(tmp_path) == ["model.npz"]


# ---- the archive


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    Network([Linear(3, 2), ReLU()], SoftmaxCrossEntropyLoss()).save(path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match="no saved network"):
            Network.load(path)


def test_a_file_with_flipped_bits_is_refused_or_loads_as_it_was(tmp_path):
    path = tmp_path / "model.npz"
    network = Network([Linear(3, 2, np.random.default_rng(0)), ReLU()], SoftmaxCrossEntropyLoss())
    network.save(path)
    data, rng, same = path.read_bytes(), np.random.default_rng(1), 0
    for bits in [1] * 800 + [5] * 200:
        damaged = bytearray(data)
        for place in rng.integers(0, 8 * len(data), bits):
            damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            again = Network.load(path)
        except ValueError as error:
            assert str(error).isprintable() and len(str(error)) < len(str(path)) + 250
        else:
            assert repr(again) == repr(network)
            assert again.layers[0].W.tobytes() == network.layers[0].W.tobytes()
            same += 1
    assert 0 < same < 500  # dates and the like


def test_a_sound_archive_of_damaged_parts_is_refused_or_a_network(tmp_path):
    path, rng = tmp_path / "model.npz", np.random.default_rng(2)
    parts = {name: npy(part) for name, part in ONE.items()}
    for step in range(600):
        name = ("config", "linear1.W")[step % 2]
        damaged = bytearray(parts[name])
        for place in rng.integers(0, 8 * len(damaged), 1 + step % 3):
            damaged[place // 8] ^= 1 << place % 8
        zipped(path, {**parts, name: bytes(damaged)})
        try:
            assert isinstance(Network.load(path), Network)
        except ValueError as error:
            assert str(error).isprintable() and len(str(error)) < len(str(path)) + 250


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_numpy_does_not_use_is_refused(tmp_path, way):
    zipped(tmp_path / "model.npz", ONE, compression=way)
    refused(tmp_path / "model.npz", "compressed in a way")


def test_a_network_that_was_compressed_is_loaded_and_a_bomb_is_not(tmp_path):
    path, network = tmp_path / "model.npz", small()
    network.save(path)
    with np.load(path) as file:
        np.savez_compressed(path, **file)
    assert np.array_equal(Network.load(path).layers[0].W, network.layers[0].W)

    zipped(path, {"config": config([linear(1999, 2000)]), "linear1.W": npy(np.zeros((2000, 2000), np.float32))},
           compression=zipfile.ZIP_DEFLATED)
    refused(path, "far more than it has bytes")
    zipped(path, {**ONE, "config": npy(np.array(" " * 20_000_000))}, compression=zipfile.ZIP_DEFLATED)
    refused(path, "far more than it has bytes")


def test_a_part_that_claims_more_bytes_than_it_has_is_refused(tmp_path):
    path, shape = tmp_path / "model.npz", (500_000_000, 2)
    zipped(path, {"config": config([linear(shape[0] - 1, 2)]), "linear1.W": header(shape) + bytes(32)})
    data, size = path.read_bytes(), len(header(shape)) + 32
    claimed = (len(header(shape)) + 4 * shape[0] * shape[1]).to_bytes(4, "little")
    path.write_bytes(data.replace(size.to_bytes(4, "little") * 2, claimed * 2))
    assert path.read_bytes() != data
    refused(path, "far more than it has bytes")


def test_an_encrypted_part_is_refused(tmp_path):
    zipped(tmp_path / "model.npz", ONE)
    data = bytearray((tmp_path / "model.npz").read_bytes())
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(sign)
        while place >= 0:
            data[place + flags] |= 1
            place = data.find(sign, place + 1)
    (tmp_path / "model.npz").write_bytes(data)
    refused(tmp_path / "model.npz", "encrypted")


def test_an_archive_of_far_too_many_parts_is_refused_unread(tmp_path):
    zipped(tmp_path / "model.npz", {**{f"a{i}": b"" for i in range(25_000)}, **ONE})
    refused(tmp_path / "model.npz", "its directory is too long")


def test_a_directory_that_says_how_long_it_is_in_the_other_place_is_refused_too(tmp_path):
    path = tmp_path / "model.npz"
    zipped(path, {**{f"a{i}": b"" for i in range(25_000)}, **ONE})
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    size, start = (int.from_bytes(data[end + i : end + i + 4], "little") for i in (12, 16))
    numbers = (44).to_bytes(8, "little") + bytes([45, 0, 45, 0]) + bytes(8) + (25_002).to_bytes(8, "little") * 2
    record = b"PK\x06\x06" + numbers + size.to_bytes(8, "little") + start.to_bytes(8, "little")
    locator = b"PK\x06\x07" + bytes(4) + end.to_bytes(8, "little") + (1).to_bytes(4, "little")
    path.write_bytes(data[:end] + record + locator + data[end : end + 8] + b"\xff" * 12 + bytes(2))
    refused(path, "its directory is too long")


def test_bytes_before_and_after_an_archive_change_nothing_of_the_rule(tmp_path):
    path = tmp_path / "model.npz"
    zipped(path, ONE)
    data = path.read_bytes()
    for changed in (b"PK" + data, b"PK" * 500 + data, data + bytes(70_000), data + data):
        path.write_bytes(changed)
        try:
            assert np.array_equal(Network.load(path).layers[0].W, ONE["linear1.W"])
        except ValueError as error:
            assert "no saved network" in str(error)


def test_a_network_of_three_thousand_layers_comes_back(tmp_path):
    layers = [part for _ in range(1500) for part in (Linear(2, 2), ReLU())]
    network = Network(layers, SoftmaxCrossEntropyLoss())
    network.save(tmp_path / "model.npz")
    again = Network.load(tmp_path / "model.npz")
    assert again.layers[-2].W.tobytes() == layers[-2].W.tobytes() and len(again.layers) == 3000


@pytest.mark.skipif(not hasattr(os, "truncate") or sys.platform == "win32", reason="needs sparse files")
def test_a_sparse_file_is_refused_at_once(tmp_path):
    path = tmp_path / "model.npz"
    zipped(path, ONE)
    os.truncate(path, 10**12)
    refused(path)
    path.write_bytes(b"PK\x03\x04")
    os.truncate(path, 10**12)
    refused(path)


# ---- what is given


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "model.npz")
    (tmp_path / "link.npz").symlink_to("/dev/zero")
    code = (
        "import sys, npbp\n"
        "for path in sys.argv[1:]:\n"
        "    try: npbp.Network.load(path)\n"
        "    except ValueError as error: print(error)\n"
    )
    paths = [str(tmp_path / "model.npz"), str(tmp_path / "link.npz"), "/dev/null"]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, timeout=60)
    reason = "no saved network: it is a pipe or a device, wanted a file: write what it gives to a file first"
    assert done.stdout.splitlines() == [f"{path}: {reason}" for path in paths], done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_network_that_is_saved_to_a_pipe_arrives_whole(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as cat:
        keep = os.open(tmp_path / "pipe", os.O_RDWR)  # a reader, even before cat is there
        NeuralNet().save(tmp_path / "pipe")
        os.close(keep)
        (tmp_path / "model.npz").write_bytes(cat.stdout.read())
    assert isinstance(Network.load(tmp_path / "model.npz"), NeuralNet)
    assert sorted(os.listdir(tmp_path)) == ["model.npz", "pipe"]


@pytest.mark.parametrize("path", [None, 0, 1.5, True, ["model.npz"], io.BytesIO(b"PK")])
def test_what_is_no_path_is_an_error_that_says_so(path):
    with pytest.raises(TypeError, match="Network.load: got .*, wanted the path of a file"):
        Network.load(path)


def test_paths_may_be_strings_bytes_and_path_objects(tmp_path):
    for path in (tmp_path / "a.npz", str(tmp_path / "b.npz"), os.fsencode(tmp_path / "c.npz")):
        small().save(path)
        assert repr(Network.load(path)) == repr(small())
    with pytest.raises(ValueError, match="^" + str(tmp_path / "d.npz") + ": no saved network"):
        (tmp_path / "d.npz").write_bytes(b"")
        Network.load(os.fsencode(tmp_path / "d.npz"))


@pytest.mark.parametrize("layers", [Scale, "Scale", [Scale(3)], 3, None, ["Scale"]])
def test_own_layers_that_are_no_classes_are_an_error_that_says_so(tmp_path, layers):
    small().save(tmp_path / "model.npz")
    with pytest.raises(TypeError, match=r"Network.load: got layers=.*, wanted classes, as in layers=\(MyLayer,\)"):
        Network.load(tmp_path / "model.npz", layers=layers)


class Noisy(Layer):
    """A layer of one's own that draws, and whose arguments may be large."""

    W = Parameter()

    def __init__(self, features, seed, words, rng=None):
        self.seed, self.words = seed, words
        self.W = np.random.default_rng(rng).uniform(size=(50, features))[0]

    def forward(self, x):
        return x

    def config(self):
        return {"features": len(self.W), "seed": self.seed, "words": self.words}


def test_layers_of_your_own_may_have_any_arguments(tmp_path):
    network = Network([Linear(3, 2), Noisy(2, 10**12, ["x"] * 1000), ReLU()], SoftmaxCrossEntropyLoss())
    network.save(tmp_path / "model.npz")
    again = Network.load(tmp_path / "model.npz", layers=(kind for kind in [Noisy]))
    assert again.layers[1].seed == 10**12 and again.layers[1].W.tobytes() == network.layers[1].W.tobytes()


def test_a_network_that_load_would_refuse_is_not_saved(tmp_path):
    path = tmp_path / "model.npz"
    small().save(path)
    before = path.read_bytes()
    network = Network([Noisy(2, 1, ["word"] * 200_000)], SoftmaxCrossEntropyLoss())
    with pytest.raises(ValueError, match="Network.save: got a config of .* letters, wanted 1048576 at most"):
        network.save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["model.npz"]
