import numpy as np
import pytest

from npbp import Flatten, Linear, Network, Reshape, Sequential, SoftmaxCrossEntropyLoss, check_layer


def test_images_become_rows_and_come_back():
    x = np.arange(2 * 4 * 3, dtype=np.float32).reshape(2, 4, 3)
    y = Flatten()(x)
    assert y.tolist() == [list(range(12)), list(range(12, 24))]
    np.testing.assert_array_equal(Reshape((4, 3))(y), x)
    np.testing.assert_array_equal(Reshape((4, -1))(y), x)


@pytest.mark.parametrize(
    "layer, shape, output",
    [
        (Flatten(), (4, 3, 2), (24,)),
        (Flatten(), (), (1,)),
        (Reshape((28, 28)), (784,), (28, 28)),
        (Reshape([28, -1]), (784,), (28, 28)),
        (Reshape((-1, 3)), (8, 8, 3), (64, 3)),
        (Reshape(()), (1,), ()),
        (Reshape(-1), (2, 3), (6,)),
        (Reshape(np.int64(6)), (2, 3), (6,)),
    ],
)
@pytest.mark.parametrize("N", [7, 1, 0])
def test_the_output_shape_is_that_of_the_output_and_the_gradient_comes_back(layer, shape, output, N):
    x = np.random.default_rng(0).standard_normal((N, *shape))
    y = layer(x)
    assert layer.output_shape(shape) == output and y.shape == (N, *output)
    np.testing.assert_array_equal(layer.bp_input(y), x)
    if N:
        assert check_layer(layer, x) < 1e-6


def test_of_an_unknown_shape_no_more_is_said_than_is_known():
    assert Flatten().output_shape(None) is None
    assert Reshape((2, -1)).output_shape(None) is None
    assert Reshape((2, 3)).output_shape(None) == (2, 3)


def test_no_numbers_an_example_pass_too():
    assert Flatten()(np.zeros((3, 0, 5))).shape == (3, 0)
    assert Reshape((-1, 5))(np.zeros((3, 0))).shape == (3, 0, 5)


@pytest.mark.parametrize(
    "layer, shape, message",
    [
        (Reshape((28, 28)), (7, 783), r"Reshape\(shape=\(28, 28\)\): got examples of shape \(783,\), which have 783 numbers, wanted 784"),
        (Reshape((5, -1)), (7, 4, 3), "which have 12 numbers, wanted a multiple of 5"),
        (Reshape((2, 3)), (6,), r"got examples of shape \(\), which have 1 numbers, wanted 6"),
        (Reshape((2, 3)), (7, 12), "which have 12 numbers, wanted 6"),
    ],
)
def test_examples_of_another_size_are_an_error(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(np.zeros(shape))


def test_neighbours_that_do_not_fit_are_an_error_when_the_network_is_made():
    with pytest.raises(ValueError, match=r"Reshape\(shape=\(2, 3\)\): got examples of shape \(5,\)"):
        Sequential([Linear(3, 5), Reshape((2, 3))])
    with pytest.raises(ValueError, match=r"got an input of shape \(N, 6\), wanted \(N, 5\)"):
        Sequential([Reshape((2, 3)), Flatten(), Linear(5, 3)])


@pytest.mark.parametrize(
    "shape, error, message",
    [
        ((0, 3), ValueError, "got shape=0, wanted at least 1"),
        ((-2, 3), ValueError, "got shape=-2"),
        ((-1, -1), ValueError, r"got shape=\(-1, -1\), wanted one -1 at most"),
        ((2.0, 3), TypeError, "got shape=2.0 of type float, wanted a whole number"),
        ((True, 3), TypeError, "got shape=True"),
        ("28", TypeError, "got shape='28'"),
        (None, TypeError, "got shape=None"),
        (((2, 3),), TypeError, r"got shape=\(2, 3\)"),
        ((1,) * 32, ValueError, "got a shape of 32 axes, wanted 31 at most"),
    ],
)
def test_a_shape_that_is_none_is_an_error(shape, error, message):
    with pytest.raises(error, match=f"Reshape: {message}"):
        Reshape(shape)


def test_a_network_takes_images_and_comes_back_from_a_file(tmp_path):
    rng = np.random.default_rng(0)
    layers = [Reshape((2, -1)), Flatten(), Linear(20, 3, rng)]
    network = Network(layers, SoftmaxCrossEntropyLoss())
    X = rng.standard_normal((7, 4, 5)).astype(np.float32)
    network.evaluate(X, np.arange(7) % 3)
    assert network.bp_input().shape == X.shape
    network.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert repr(again) == repr(network)
    np.testing.assert_array_equal(again.predict(X), network.predict(X))
