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

from npbp import Layer, Linear, Network, NeuralNet, Parameter, ReLU, SoftmaxCrossEntropyLoss


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
        (config([["BatchNorm1d", {"features": 10**9}]]), {}),
        (config([["BatchNorm1d", {"features": 10**9, "momentum": 0.1}]] * 2),
         {"linear1.W": np.ones((4, 2), np.float32)}),
        (config([["RMSNorm", {"features": 10**40}]]), {"rmsnorm1.gamma": np.ones(4)}),
        (config([["LayerNorm", {"features": [30000, 30000]}]]), {"layernorm1.gamma": np.ones(4)}),
        (config([["RMSNorm", {"features": [2] * 31}]]), {"rmsnorm1.gamma": np.ones(4)}),
        (config([["LayerNorm", {"features": [10**9] * 80000}]]), {"layernorm1.gamma": np.ones(4)}),
        (config([["Residual", {"layers": [{"layer": ["LayerNorm", {"features": 10**9}]}]}]]), {}),
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
     np.arange(8, dtype=np.float16).reshape(4, 2), np.full((4, 2), np.nan), np.full((4, 2), -np.inf, np.float32)],
    ids=range(5),
)
def test_floating_weights_of_any_layout_are_loaded_as_they_are(tmp_path, W):
    zipped(tmp_path / "model.npz", {**ONE, "linear1.W": W})
    got = Network.load(tmp_path / "model.npz").layers[0].W
    np.testing.assert_array_equal(got, W)
    assert got.dtype == W.dtype.newbyteorder("=") and got.flags.c_contiguous and got.flags.writeable


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
