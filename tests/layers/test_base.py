import numpy as np
import pytest
from own_layers import Centre, Noise

from npbp import (
    Buffer,
    Layer,
    Linear,
    Network,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    SoftmaxCrossEntropyLoss,
    check_layer,
    fit,
    graph,
)


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


def test_a_return_that_is_missing_in_the_layer_beside_is_named():
    with pytest.raises(TypeError, match="^ReLU: got nothing, wanted .* a `return` missing in the forward"):
        ReLU()(None)
    layer = ReLU()
    layer(np.ones((2, 3)))
    with pytest.raises(TypeError, match="^ReLU: got nothing as the gradient.* a `return` missing in the bp_input"):
        layer.bp_input(None)


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
        ([np.ones(5)], "Given.bp_param: got a list of 1, wanted a tuple of 2 gradients"),
        (None, "Given.bp_param: got nothing, wanted a tuple of 2"),
        ({"a": np.ones(5), "c": 2}, "Given.bp_param: got gradients of a, c, wanted a tuple of 2"),
        ({"a": np.ones(5)}, "Given.bp_param: got nothing as the gradient of b"),
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


# ---- a weight that is not declared


class Undeclared(Layer):
    """y = x W, by someone who has not heard of Parameter."""

    def __init__(self):
        self.W = np.ones((5, 3))

    def forward(self, x):
        self.cache = x
        return x @ self.W

    def bp_input(self, grad):
        return grad @ self.W.T

    def bp_param(self, grad):
        return self.cached().T @ grad


class DeclaredInInit(Undeclared):
    def __init__(self):
        self.W = Parameter()


@pytest.mark.parametrize("kind", [Undeclared, DeclaredInInit])
@pytest.mark.parametrize(
    "use",
    [
        lambda layer: Network([layer], SoftmaxCrossEntropyLoss()),
        lambda layer: check_layer(layer, (7, 5)),
        lambda layer: layer.parameters,
        lambda layer: layer.astype(np.float64),
        lambda layer: graph.apply(layer, graph.Variable(np.ones((7, 5)))),
    ],
    ids=["Network", "check_layer", "parameters", "astype", "graph.apply"],
)
def test_a_bp_param_without_a_declared_weight_is_an_error_wherever_it_matters(kind, use):
    message = f"{kind.__name__} has a bp_param and declares no weight.*`W = npbp.Parameter.. in the body"
    with pytest.raises(ValueError, match=message.replace("..", r"\(\)`", 1)):
        use(kind())


def test_the_error_of_several_undeclared_weights_names_them():
    class Two(Undeclared):
        def __init__(self):
            self.a, self.b, self.features = np.ones(3), np.zeros(3), 3

    with pytest.raises(ValueError, match=r"`a = npbp.Parameter\(\)`, `b = npbp.Parameter\(\)`"):
        Two().parameters


def test_a_subclass_that_overrides_bp_param_of_a_declared_weight_is_fine():
    class Louder(Linear):
        def bp_param(self, grad):
            return 2 * super().bp_param(grad)

    assert list(Network([Louder(5, 3)], SoftmaxCrossEntropyLoss()).parameters) == ["louder1.W"]


def test_a_fixed_array_in_a_layer_without_bp_param_is_no_weight():
    class Projection(Layer):
        def __init__(self):
            self.P = np.ones((5, 3), np.float32)

        def forward(self, x):
            self.cache = x.shape
            return x @ self.P

        def bp_input(self, grad):
            return grad @ self.P.T

    assert check_layer(Projection(), (7, 5)) < 1e-6
    assert Network([Projection()], SoftmaxCrossEntropyLoss()).parameters == {}


# ---- numbers that are no numbers


# (Before 1.24, NumPy makes an array of objects of rows of different lengths, and warns.)
ragged = pytest.mark.filterwarnings("ignore:Creating an ndarray from ragged")


@ragged
@pytest.mark.parametrize(
    "value, error, message",
    [
        ([[None], [2.0]], TypeError, "object"),
        (np.array([["NaT"], ["2020-01-01"]], "datetime64[D]"), TypeError, "datetime64"),
        ([["1.5"], ["2"]], TypeError, "<U3"),
        ([[1j], [2]], TypeError, "complex128"),
        (np.ma.masked_array([[1.0], [2.0]], [[True], [False]]), TypeError, r"masked array.*x.filled"),
        ([[1.0], [2.0, 3.0]], (TypeError, ValueError), "rows of one length|object"),
        ({"W": 1}, TypeError, "object"),
    ],
)
def test_a_weight_that_is_not_of_real_numbers_is_an_error_that_names_it(value, error, message):
    layer = Linear(1, 1)
    before = layer.W.copy()
    with pytest.raises(error, match=rf"Linear\.W: got .*({message})"):
        layer.W = value
    assert np.array_equal(layer.W, before)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_or_a_list_or_whole_numbers_as_a_weight_become_a_plain_array():
    layer = Linear(1, 1)
    for value in (np.matrix([[1], [2]]), [[1], [2]], np.array([[1], [2]], np.int8)):
        layer.W = value
        assert type(layer.W) is np.ndarray and layer.W.dtype == np.float32
        assert layer.W.tolist() == [[1], [2]]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("make", [ReLU, lambda: Linear(4, 3)], ids=["ReLU", "Linear"])
def test_a_matrix_is_taken_as_an_array_forward_and_backward(make):
    """As matrices, grad * dy_dx would be a product of matrices."""
    layer, twin = make(), make()
    for name, W in twin.parameters.items():
        W[...] = layer.parameters[name]
    x = np.random.default_rng(0).standard_normal((4, 4))
    y = layer(np.matrix(x))
    grad = np.random.default_rng(1).standard_normal(y.shape)
    assert type(y) is np.ndarray and np.array_equal(y, twin(x))
    d_x = layer.bp_input(np.matrix(grad))
    assert type(d_x) is np.ndarray and np.array_equal(d_x, twin.bp_input(grad))
    for a, b in zip(layer.named_gradients(np.matrix(grad)).values(), twin.named_gradients(grad).values()):
        assert type(a) is np.ndarray and np.array_equal(a, b)


@pytest.mark.parametrize("make", [ReLU, lambda: Linear(4, 3)], ids=["ReLU", "Linear"])
@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda a: a + 1j, "complex128"),
        (lambda a: a.astype(object), "object"),
        (lambda a: np.ma.masked_array(a, a > 0), "masked array"),
        (lambda a: a.astype(str), "<U"),
        (lambda a: np.zeros(a.shape, "datetime64[s]"), "datetime64"),
    ],
    ids=["complex", "object", "masked", "text", "dates"],
)
def test_an_input_or_gradient_that_is_not_of_real_numbers_is_refused_by_name(make, spoil, message):
    layer = make()
    x = np.random.default_rng(0).standard_normal((7, 4))
    with pytest.raises(TypeError, match=f"{type(layer).__name__}: got .*{message}"):
        layer(spoil(x))
    grad = np.ones_like(layer(x))
    for backward in [layer.bp_input, *([layer.bp_param] if layer.parameters else [])]:
        with pytest.raises(TypeError, match=f"{type(layer).__name__}: got .*{message}"):
            backward(spoil(grad))


@ragged
def test_rows_of_different_lengths_are_no_batch():
    message = "ReLU: got (a list that is no array, wanted rows of one|object)"
    with pytest.raises((TypeError, ValueError), match=message):
        ReLU()([[1.0, 2.0], [3.0]])


# ---- a forward that nobody goes back through


def test_a_layer_without_cache_has_the_same_weights_and_leaves_the_cache_of_the_first_alone():
    layer = Affine(4)
    x, grad = np.ones((7, 4)), np.full((7, 4), 3.0)
    layer(x)
    expected = layer.bp_param(grad)
    twin = layer.without_cache()
    assert twin.a is layer.a and type(twin) is Affine
    np.testing.assert_array_equal(twin.forward(5 * x), layer.without_cache()(5 * x))
    for a, b in zip(layer.bp_param(grad), expected):
        np.testing.assert_array_equal(a, b)


# ---- training or inference


def test_a_layer_that_asks_and_was_never_told_says_the_line_to_write():
    for layer in (Centre(4), Noise(0), Sequential([Residual([Noise(0)])])):
        with pytest.raises(ValueError, match=r"(Centre|Noise): got a forward before anybody said .* network\.train\(\) before the loop"):
            layer(np.ones((7, 4)))
        assert layer.train()(np.ones((7, 4))).shape == layer.eval()(np.ones((7, 4))).shape == (7, 4)


def test_a_class_that_has_long_had_an_attribute_called_training_goes_on_to_have_it():
    class Older(Layer):
        def __init__(self):
            self.training = True

        def forward(self, x):
            return 2 * x if self.training else x

        def bp_input(self, grad):
            return 2 * grad if self.training else grad

    network = Network([Older()], SoftmaxCrossEntropyLoss())
    assert network.scores(np.ones((1, 2))).tolist() == [[2, 2]]
    with network.mode(training=False):
        assert network.scores(np.ones((1, 2))).tolist() == [[1, 1]]
    assert network.layers[0].training is True
    with pytest.raises(TypeError, match="Told: got an attribute called training, which hides"):
        type("Told", (Layer,), {"training": property(lambda self: True)})


# ---- names that every layer has


METHODS = ["train", "eval", "walk", "named", "forward", "backward", "bp_param", "astype", "without_cache",
           "output_shape", "config", "cached", "multiply_adds", "is_training", "named_gradients"]  # fmt: skip
DERIVED = ["children", "parameters", "buffers", "generators", "decayed", "has_parameters"]


@pytest.mark.parametrize("name", METHODS)
def test_an_attribute_that_hides_a_method_is_an_error_when_a_chain_is_made(name):
    layer = ReLU()
    setattr(layer, name, 3)
    for make in (lambda: Sequential([layer]), lambda: Residual([ReLU(), layer]),
                 lambda: Network([layer], SoftmaxCrossEntropyLoss())):
        with pytest.raises(TypeError, match=f"ReLU: got an attribute called {name}, which hides what every layer has"):
            make()


@pytest.mark.parametrize("name", DERIVED)
def test_an_attribute_with_the_name_of_what_a_layer_derives_is_an_error_that_says_what_it_is(name):
    with pytest.raises(AttributeError, match=f"ReLU.{name} cannot be assigned: it is .* Call it otherwise"):
        setattr(ReLU(), name, 3)


@pytest.mark.parametrize("name", [*METHODS[:6], *DERIVED])
def test_a_class_that_hides_what_every_layer_has_is_an_error_at_once(name):
    for value in (3, Parameter()):
        with pytest.raises((TypeError, RuntimeError)) as caught:
            type("Hides", (Layer,), {name: value})
        assert f"Hides: got an attribute called {name}, which hides" in str(caught.value)


def test_methods_and_properties_may_be_written_anew():
    class Written(ReLU):
        children = property(lambda self: {})
        decayed = property(lambda self: {})

        def config(self):
            return {}

    layer = Written()
    layer.forward = lambda x: 3 * x
    assert Network([layer], SoftmaxCrossEntropyLoss()).scores(np.ones((1, 2))).tolist() == [[3, 3]]


def test_slots_are_an_error_as_nothing_would_be_found_in_them():
    with pytest.raises(TypeError, match="Slotted: got __slots__, wanted a class without"):
        type("Slotted", (Layer,), {"__slots__": ("inner",)})
    type("Without", (Layer,), {"__slots__": ()})


def test_a_property_that_returns_a_layer_of_its_own_is_no_second_layer():
    class Last(Sequential):
        last = property(lambda self: self.layers[-1])

    assert list(Last([Linear(3, 2), Linear(2, 1)]).children) == ["linear1", "linear2"]


# ---- arrays that are not trained


def test_a_buffer_is_a_copy_in_the_layers_type_that_keeps_its_shape_and_is_no_parameter():
    mine = np.ones(4)
    layer = Centre(4)
    layer.mean = mine
    layer.mean += 1
    assert (mine == 1).all() and layer.mean.dtype == np.float32
    assert list(layer.buffers) == ["mean"] and list(layer.parameters) == ["shift"]
    with pytest.raises(ValueError, match=r"Centre.mean: got an array of shape \(5,\), wanted \(4,\)"):
        layer.mean = np.ones(5)
    assert layer.astype(np.float64).mean.dtype == np.float64


def test_a_buffer_that_was_never_set_is_named_wherever_it_matters():
    class Unset(ReLU):
        seen = Buffer()

    for use in (lambda: Unset().buffers, lambda: Unset().without_cache(), lambda: Unset().astype(np.float64),
                lambda: Network([Unset()], SoftmaxCrossEntropyLoss())):
        with pytest.raises(ValueError, match="Unset.seen was never set, wanted an array: assign one in __init__"):
            use()


def test_a_weight_that_a_subclass_declares_as_a_buffer_is_not_trained_and_the_other_way_round():
    class Frozen(Linear):
        W = Buffer()

    class Thawed(Frozen):
        W = Parameter()

    assert (Frozen.parameter_names, Frozen.buffer_names) == ((), ("W",))
    assert (Thawed.parameter_names, Thawed.buffer_names) == (("W",), ())
    network = Network([Linear(5, 4), Frozen(4, 3), Linear(3, 3)], SoftmaxCrossEntropyLoss())
    before = network.layers[1].W.copy()
    network.evaluate(np.ones((7, 5), np.float32), np.arange(7) % 3)
    assert list(network.gradients()) == ["linear1.W", "linear2.W"]
    network.gradient_descent(1.0)
    assert np.array_equal(network.layers[1].W, before) and list(network.buffers) == ["frozen1.W"]
    assert check_layer(Frozen(4, 3), (7, 4)) < 1e-6


def test_a_buffer_does_not_make_a_weight_that_is_not_declared_one_that_is():
    class Undecided(Undeclared):
        mean = Buffer()

        def __init__(self):
            super().__init__()
            self.mean = np.zeros(3)

    for use in (lambda: Undecided().parameters, lambda: check_layer(Undecided(), (7, 5))):
        with pytest.raises(ValueError, match="Undecided has a bp_param and declares no weight"):
            use()


def test_without_cache_copies_what_is_not_trained_so_that_a_predict_leaves_it_alone():
    class Counts(ReLU):
        seen = Buffer()

        def __init__(self):
            self.seen, self.sizes = 0, []

        def forward(self, x):
            self.seen += len(x)
            self.sizes.append(len(x))
            return super().forward(x)

    network = Network([Counts(), Linear(3, 2)], SoftmaxCrossEntropyLoss())
    network.scores(np.ones((7, 3)))
    network.predict(np.ones((5, 3)))
    assert network.layers[0].seen == 7 and network.layers[0].sizes == [7]
