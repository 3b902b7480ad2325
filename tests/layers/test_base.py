import numpy as np
import pytest

from npbp import Layer, Linear, Network, Parameter, SoftmaxCrossEntropyLoss, check_layer


class Affine(Layer):
    """y = a x + b, number by number: a layer with two parameters."""

    a, b = Parameter(), Parameter()

    def __init__(self, features):
        self.a, self.b = np.full(features, 2.0), np.arange(features)

    def forward(self, x):
        self.cache = self.batch(x)
        return x * self.a + self.b

    def bp_input(self, grad):
        return grad * self.a

    def bp_param(self, grad):
        return (grad * self.cached()).sum(axis=0), grad.sum(axis=0)


def test_a_layer_with_two_parameters_is_written_in_three_methods_and_passes_its_check():
    layer = Affine(4)
    assert list(layer.parameters) == ["a", "b"]
    assert check_layer(layer, (7, 4)) < 1e-6


def test_assigning_a_parameter_copies_so_that_training_spares_the_callers_array():
    mine = np.ones(4, dtype=np.float32)
    layer = Affine(4)
    layer.a = mine
    layer.a -= 0.5
    assert (mine == 1).all() and (layer.a == 0.5).all()


@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (784, 32), (5, 17)])
def test_weights_begin_a_cache_line_however_they_were_made(sizes):
    layers = [Linear(*sizes) for _ in range(5)]
    layers[1].W = np.ones((sizes[0] + 1, sizes[1]))
    layers[2].W = layers[2].W[::-1, ::-1]  # not contiguous, and of another beginning
    for layer in [*layers, layers[3].astype(np.float64), layers[4].astype(np.float16)]:
        assert layer.W.ctypes.data % 64 == 0 and layer.W.flags.c_contiguous


def test_an_in_place_step_keeps_the_array():
    layer = Affine(4)
    held = layer.parameters["a"]
    layer.a -= 0.5
    assert layer.a is held


def test_assigning_another_shape_is_an_error_that_names_layer_and_parameter():
    with pytest.raises(ValueError, match=r"Affine\.b: got an array of shape \(5,\), wanted \(4,\)"):
        Affine(4).b = np.ones(5)


def test_a_subclass_keeps_the_parameters_of_its_base_and_adds_its_own():
    class More(Affine):
        c = Parameter()

    assert More.parameter_names == ("a", "b", "c")
    assert Affine.parameter_names == ("a", "b") and Layer.parameter_names == ()


def test_a_subclass_that_declares_a_parameter_again_has_it_once():
    class Again(Affine):
        a = Parameter()

    assert Again.parameter_names == ("a", "b")
    assert check_layer(Again(4), (7, 4)) < 1e-6


def test_astype_is_a_copy_and_refuses_types_without_a_derivative():
    layer = Affine(4)
    twin = layer.astype(np.float64)
    twin.a[...] = 0
    assert (layer.a == 2).all()
    for dtype in (int, complex, bool):
        with pytest.raises(TypeError, match="wanted a real floating type"):
            layer.astype(dtype)


def test_a_layer_without_its_methods_says_which_one_is_missing():
    class Empty(Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no forward\(x\)"):
        Empty()(np.ones((2, 3)))
    with pytest.raises(NotImplementedError, match=r"Empty has no bp_input\(grad\)"):
        Empty().bp_input(np.ones((2, 3)))


def test_a_single_number_is_no_batch():
    with pytest.raises(ValueError, match="Affine: got a single number"):
        Affine(4)(1.0)


class Given(Affine):
    """What its bp_param returns is up to the test."""

    def __init__(self, returned):
        self.a, self.b, self.returned = np.ones(5), np.zeros(5), returned

    def bp_param(self, grad):
        return self.returned


@pytest.mark.parametrize(
    "returned, message",
    [
        (np.ones(5), r"Given.bp_param: got an array of shape \(5,\), wanted a tuple of 2 .* a, b"),
        ([np.ones(5)], "Given.bp_param: got a list, wanted a tuple of 2 gradients"),
        (None, "Given.bp_param: got nothing, wanted a tuple of 2"),
        ({"a": 1, "b": 2}, "Given.bp_param: got a dict, wanted a tuple of 2"),
        ((np.ones(5), np.float64(1)), r"got an array of shape \(\) as the gradient of b, wanted an array of its shape \(5,\)"),
        ((np.ones((7, 5)), np.ones(5)), r"got an array of shape \(7, 5\) as the gradient of a, .* summed over the batch"),
        ((np.ones(5), 1.0), "got a float as the gradient of b"),
        ((np.ones(5), None), "got nothing as the gradient of b"),
    ],
)
def test_gradients_that_do_not_fit_the_parameters_are_an_error_and_train_nothing(returned, message):
    network = Network([Linear(6, 5), Given(returned)], SoftmaxCrossEntropyLoss())
    network.evaluate(np.ones((7, 6), np.float32), np.arange(7) % 5)
    for train in (network.backprop, lambda: network.gradient_descent(0.1)):
        with pytest.raises(ValueError, match=message):
            train()
    assert (network.layers[1].a == 1).all() and (network.layers[1].b == 0).all()


def test_a_parameter_that_was_never_set_is_named():
    class Unset(Layer):
        s = Parameter()

        def forward(self, x):
            return x

    with pytest.raises(ValueError, match="Unset.s was never set, wanted an array: assign one"):
        Network([Unset()], SoftmaxCrossEntropyLoss()).save("never-written.npz")
    with pytest.raises(TypeError, match="Unset.s: got None, wanted an array"):
        Unset().s = None
