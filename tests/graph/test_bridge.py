"""Hand-written layers as operations of a graph."""

import ast
import copy
import dataclasses
import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from own_layers import Centre, Noise, Pair, Shared, Sum, counted

import npbp.graph
from npbp import Layer, Linear, Network, ReLU, Sequential, SoftmaxCrossEntropyLoss, graph


def linear(rng, n_in, n_out):
    return Linear(n_in, n_out, rng, dtype=np.float64)


def central_differences(f, W, eps=1e-6):
    """df/dW of a number f(), with W changed in place."""
    gradient = np.zeros_like(W)
    for i in np.ndindex(W.shape):
        held = W[i]
        W[i] = held + eps
        above = f()
        W[i] = held - eps
        below = f()
        W[i] = held
        gradient[i] = (above - below) / (2 * eps)
    return gradient


# ---- three networks that no chain of layers can be


class Residual:
    """h + relu(layer(h)), two blocks."""

    def __init__(self, rng):
        self.one, self.two, self.last = linear(rng, 4, 4), linear(rng, 4, 4), linear(rng, 4, 3)

    def scores(self, x, linear, relu):
        h = x + relu(linear(self.one, x))
        h = h + relu(linear(self.two, h))
        return linear(self.last, h)


class UsedTwice:
    """One layer, applied two times."""

    def __init__(self, rng):
        self.one, self.last = linear(rng, 4, 4), linear(rng, 4, 3)

    def scores(self, x, linear, relu):
        return linear(self.last, relu(linear(self.one, relu(linear(self.one, x)))))


class TwoBranches:
    """Two ways from x, of different depth, side by side at the end."""

    def __init__(self, rng):
        self.left, self.right = linear(rng, 4, 2), linear(rng, 4, 5)
        self.deep, self.last = linear(rng, 5, 3), linear(rng, 5, 3)

    def scores(self, x, linear, relu):
        left = relu(linear(self.left, x))
        right = relu(linear(self.deep, relu(linear(self.right, x))))
        return linear(self.last, np.concatenate([left, right], axis=1))


NETWORKS = [Residual, UsedTwice, TwoBranches]
every_network = pytest.mark.parametrize("kind", NETWORKS)


def problem(kind):
    rng = np.random.default_rng(0)
    model = kind(rng)
    layers = list(vars(model).values())
    return model, layers, rng.standard_normal((6, 4)), np.array([0, 1, 2, 2, 1, 0])


def through_the_bridge(model, x, labels, loss):
    relu = ReLU()
    scores = model.scores(x, graph.apply, lambda h: graph.apply(relu, h))
    return graph.apply(loss, scores, labels)


def in_numpy_style(model, x, labels, W):
    """The same network of NumPy's functions, W: the variable of each layer's weights."""
    scores = model.scores(
        x, lambda layer, h: h @ W[id(layer)][:-1] + W[id(layer)][-1], lambda h: np.maximum(h, 0)
    )
    log_p = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
    return -np.mean(log_p[np.arange(len(labels)), labels])


@every_network
def test_its_gradients_are_those_of_finite_differences(kind):
    model, layers, x, labels = problem(kind)
    X = graph.Variable(x)
    loss = SoftmaxCrossEntropyLoss()
    weights = [graph.parameters(layer)["W"] for layer in layers]
    z = through_the_bridge(model, X, labels, loss)
    gradients = graph.general_back_propagation([X, *weights], z, insert=False)

    def number():
        return through_the_bridge(model, x, labels, loss).value

    for array, V in [(x, X), *((layer.W, V) for layer, V in zip(layers, weights))]:
        np.testing.assert_allclose(gradients[V], central_differences(number, array), atol=1e-8)


@every_network
@pytest.mark.parametrize("insert", [True, False])
def test_it_agrees_with_the_network_in_numpy_style(kind, insert):
    model, layers, x, labels = problem(kind)
    X = graph.Variable(x)
    weights = [graph.parameters(layer)["W"] for layer in layers]
    z = through_the_bridge(model, X, labels, SoftmaxCrossEntropyLoss())
    twins = {id(layer): graph.Variable(layer.W) for layer in layers}
    z_twin = in_numpy_style(model, X, labels, twins)
    np.testing.assert_allclose(z.value, z_twin.value, rtol=1e-13)
    gradients = graph.general_back_propagation([X, *weights], z, insert=insert)
    expected = graph.general_back_propagation([X, *twins.values()], z_twin, insert=False)
    for V, twin in zip([X, *weights], [X, *twins.values()]):
        gradient = gradients[V].value if insert else gradients[V]
        np.testing.assert_allclose(gradient, expected[twin], rtol=1e-12, atol=1e-15)


@every_network
def test_a_few_steps_in_place_reduce_the_loss(kind):
    model, layers, x, labels = problem(kind)
    loss = SoftmaxCrossEntropyLoss()
    weights = {layer: graph.parameters(layer)["W"] for layer in layers}
    losses = []
    for _ in range(30):
        z = through_the_bridge(model, x, labels, loss)
        losses.append(z.value)
        gradients = graph.general_back_propagation(weights.values(), z, insert=False)
        for layer, W in weights.items():
            layer.W -= 0.2 * gradients[W]
    assert losses[-1] < 0.7 * losses[0]


@every_network
def test_the_graph_runs_again_with_other_inputs_and_weights(kind):
    model, layers, x, labels = problem(kind)
    X = graph.Variable(x)
    weights = [graph.parameters(layer)["W"] for layer in layers]
    z = through_the_bridge(model, X, labels, SoftmaxCrossEntropyLoss())
    gradients = graph.general_back_propagation([X, *weights], z)
    outputs = [z, *gradients.values()]
    before = [output.value.copy() for output in outputs]
    held = [layer.W.copy() for layer in layers]

    x_new, *new = [1.5 * V.value - 0.1 for V in (X, *weights)]
    found = graph.evaluate(outputs, dict(zip([X, *weights], [x_new, *new])))
    program = graph.compile(outputs, [X, *weights])
    twins = {id(layer): graph.Variable(W) for layer, W in zip(layers, new)}
    twin = graph.Variable(x_new)
    z_twin = in_numpy_style(model, twin, labels, twins)
    expected = graph.general_back_propagation([twin, *twins.values()], z_twin, insert=False)
    for result in (found, program(x_new, *new), program(x_new, *new)):
        for a, b in zip(result, [z_twin.value, *expected.values()]):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)

    # The graph, the layers and later gradients are as they were.
    assert all(np.array_equal(layer.W, W) for layer, W in zip(layers, held))
    again = graph.general_back_propagation([X, *weights], z, insert=False)
    for a, b in zip([z.value, *again.values()], before):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(program(x, *held), before):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-16)


def test_a_program_of_the_gradient_alone_follows_its_inputs():
    layer, rng = ReLU(), np.random.default_rng(0)
    X = graph.Variable(rng.standard_normal((3, 4)))
    z = np.sum(graph.apply(layer, X))
    program = graph.compile(graph.general_back_propagation([X], z)[X], [X])
    for _ in range(3):
        x = rng.standard_normal((3, 4))
        np.testing.assert_array_equal(program(x), x > 0)


# ---- parameters


def test_a_layer_has_the_same_variables_always_and_two_layers_have_different_ones():
    one, two = Linear(2, 3), Linear(2, 3)
    W = graph.parameters(one)["W"]
    graph.apply(one, np.ones((1, 2)))
    assert graph.parameters(one)["W"] is W and W.name == "W"
    assert graph.parameters(two)["W"] is not W
    assert graph.parameters(ReLU()) == {}


def test_the_value_is_the_layers_own_array_so_steps_in_place_are_seen():
    layer = Linear(2, 3)
    W = graph.parameters(layer)["W"]
    assert W.value is layer.W
    layer.W -= 1.0
    assert W.value is layer.W


def test_an_array_assigned_to_the_layer_is_taken_over_by_the_same_variable():
    layer, x = Linear(2, 1, dtype=np.float64), np.ones((1, 2))
    W = graph.parameters(layer)["W"]
    layer.W = [[1], [2], [3]]
    y = graph.apply(layer, x)
    assert y.value == 6 and W.value is layer.W
    layer.W = layer.W - 1
    assert graph.apply(layer, x).value == 3
    gradients = graph.general_back_propagation([W], np.sum(graph.apply(layer, x)), insert=False)
    np.testing.assert_array_equal(gradients[W], np.ones((3, 1)))
    # A use before the assignment keeps what it was made with.
    np.testing.assert_array_equal(y.value, [[6]])


def test_a_layer_that_is_gone_leaves_nothing_behind():
    from npbp.graph import bridge

    gc.collect()
    before = len(bridge._known)
    layer = Linear(2, 3)
    y = graph.apply(layer, np.ones((1, 2)))
    assert len(bridge._known) == before + 1
    alive = weakref.ref(layer)
    del layer, y
    gc.collect()
    assert alive() is None and len(bridge._known) == before


def test_a_layer_need_not_be_hashable():
    @dataclasses.dataclass  # with == and so without a hash
    class Scale:
        parameters: dict

        def forward(self, x):
            self.x = x
            return self.parameters["s"] * x

        def bp_input(self, grad):
            return self.parameters["s"] * grad

        def bp_param(self, grad):
            return np.sum(self.x * grad)

    layer = Scale({"s": np.array(3.0)})
    s, x = graph.parameters(layer)["s"], graph.Variable(np.array([1.0, 2.0]))
    z = np.sum(graph.apply(layer, graph.apply(layer, x)))
    gradients = graph.general_back_propagation([s, x], z, insert=False)
    assert gradients[s] == 18 and gradients[x].tolist() == [9, 9]
    layer.parameters["s"] -= 1.0  # a single number, too, is looked up at each apply
    assert graph.apply(layer, x).value.tolist() == [2, 4]
    assert graph.evaluate(z, {s: 10.0}) == 300


# ---- what a layer may be


class Noisy(Layer):
    """A mask drawn anew by each forward."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        self.mask = self.rng.integers(0, 2, x.shape)
        return x * self.mask

    def bp_input(self, grad):
        return grad * self.mask


class Chain:
    """Layers in a layer: what they keep is two levels down."""

    def __init__(self, *layers):
        self.layers = layers

    @property
    def parameters(self):
        return {f"{k}.{name}": W for k, layer in enumerate(self.layers)
                for name, W in layer.parameters.items()}

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def bp_input(self, grad):
        for layer in reversed(self.layers):
            grad = layer.bp_input(grad)
        return grad

    def bp_param(self, grad):
        gradients = {}
        for k in reversed(range(len(self.layers))):
            for name, gradient in self.layers[k].named_gradients(grad).items():
                gradients[f"{k}.{name}"] = gradient
            grad = self.layers[k].bp_input(grad)
        return gradients


def test_each_use_keeps_its_own_random_mask():
    layer = Noisy()
    x = graph.Variable(np.ones((40, 3)))
    one, two = graph.apply(layer, x), graph.apply(layer, x)
    assert not np.array_equal(one.value, two.value)
    gradient = graph.general_back_propagation([x], np.sum(one * 2 + two), insert=False)[x]
    np.testing.assert_array_equal(gradient, 2 * one.value + two.value)


def test_a_layer_made_of_layers_can_be_used_twice():
    rng = np.random.default_rng(0)
    a, b = linear(rng, 3, 5), linear(rng, 5, 3)
    block = Chain(a, ReLU(), b)
    x = graph.Variable(rng.standard_normal((4, 3)))
    W = graph.parameters(block)
    assert list(W) == ["0.W", "2.W"] and W["0.W"].value is a.W
    z = np.sum(graph.apply(block, x + graph.apply(block, x)) ** 2)
    V = {id(a): graph.Variable(a.W), id(b): graph.Variable(b.W)}

    def twin(h):
        for layer in (a, b):
            h = h @ V[id(layer)][:-1] + V[id(layer)][-1]
            h = np.maximum(h, 0) if layer is a else h
        return h

    expected = graph.general_back_propagation(
        [x, *V.values()], np.sum(twin(x + twin(x)) ** 2), insert=False
    )
    found = graph.general_back_propagation([x, *W.values()], z, insert=False)
    for f, e in zip(found.values(), expected.values()):
        np.testing.assert_allclose(f, e, rtol=1e-12, atol=1e-14)


def test_a_layer_used_by_hand_in_between_does_no_harm():
    rng = np.random.default_rng(0)
    layer, x = linear(rng, 3, 2), rng.standard_normal((4, 3))
    W = graph.parameters(layer)["W"]
    z = np.sum(graph.apply(layer, x))
    layer(rng.standard_normal((9, 3)))
    gradient = graph.general_back_propagation([W], z, insert=False)[W]
    layer(x)
    np.testing.assert_array_equal(gradient, layer.bp_param(np.ones((4, 2))))


def test_what_a_layer_learns_in_forward_it_learns_in_the_graph_too():
    class Counting(ReLU):
        seen = 0

        def forward(self, x):
            self.seen = self.seen + len(x)
            return super().forward(x)

    layer = Counting()
    graph.apply(layer, graph.Variable(np.ones((3, 2))))
    graph.apply(layer, graph.Variable(np.ones((4, 2))))
    assert layer.seen == 7


def test_no_array_of_the_graph_or_of_the_weights_is_copied():
    layer = linear(np.random.default_rng(0), 3, 2)
    x = graph.Variable(np.ones((4, 3)))
    y = graph.apply(layer, x)
    kept = y.op.held[1]
    assert kept is not layer and kept.W is layer.W and kept.cache is x.value


class Recorder(Layer):
    """y = a x + b, that says what was asked of it."""

    def __init__(self):
        self.asked = []
        self.parameters_ = {"a": np.array([2.0]), "b": np.array([1.0])}

    parameters = property(lambda self: self.parameters_)

    def __deepcopy__(self, memo):  # the copies write into the same list
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def forward(self, x):
        self.asked.append("forward")
        self.x = x
        return self.parameters_["a"] * x + self.parameters_["b"]

    def bp_input(self, grad):
        self.asked.append("bp_input")
        return self.parameters_["a"] * grad

    def bp_param(self, grad):
        self.asked.append("bp_param")
        return [(self.x * grad).sum(keepdims=True), grad.sum(keepdims=True)]


@pytest.mark.parametrize("targets, asked", [
    ("x", ["bp_input"]), ("a", ["bp_param"]), ("ab", ["bp_param"]),
    ("bx", ["bp_input", "bp_param"]),
])  # fmt: skip
def test_only_what_is_needed_is_asked_of_the_layer_and_only_once(targets, asked):
    layer, x = Recorder(), graph.Variable(np.array([1.0, 2.0]))
    V = {"x": x, **graph.parameters(layer)}
    z = np.sum(graph.apply(layer, x))
    layer.asked.clear()
    gradients = graph.general_back_propagation([V[name] for name in targets], z, insert=False)
    assert sorted(layer.asked) == asked
    expected = {"x": [2, 2], "a": [3], "b": [2]}
    assert [gradients[V[name]].tolist() for name in targets] == [expected[name] for name in targets]


def test_another_upstream_gradient_gives_other_gradients_of_all_weights():
    layer, x = Recorder(), np.array([1.0, 2.0])
    a, b = graph.parameters(layer).values()
    y = graph.apply(layer, x)
    for G in ([1.0, 0.0], [0.0, 5.0]):
        gradients = graph.general_back_propagation([a, b], y, upstream=G, insert=False)
        assert gradients[a] == np.dot(G, x) and gradients[b] == sum(G)


def test_without_any_variable_the_result_is_a_plain_array():
    assert type(graph.apply(ReLU(), np.array([[-1.0, 1.0]]))) is np.ndarray
    assert type(graph.apply(SoftmaxCrossEntropyLoss(), np.zeros((1, 2)), [0])) is np.float64


def test_a_loss_is_a_number_in_the_dtype_of_the_scores():
    for dtype in (np.float32, np.float64):
        scores = graph.Variable(np.zeros((2, 3), dtype))
        z = graph.apply(SoftmaxCrossEntropyLoss("sum"), scores, np.array([0, 1]))
        assert z.shape == () and z.dtype == dtype and np.isclose(z.value, 2 * np.log(3))
        assert graph.general_back_propagation([scores], z, insert=False)[scores].dtype == dtype


def test_float32_layers_have_float32_gradients():
    layer = Linear(3, 2)
    W, x = graph.parameters(layer)["W"], graph.Variable(np.ones((4, 3), np.float32))
    gradients = graph.general_back_propagation([W, x], np.sum(graph.apply(layer, x)))
    assert gradients[W].dtype == gradients[x].dtype == np.float32


# ---- errors


def test_differentiating_twice_is_refused_with_the_reason():
    layer, x = linear(np.random.default_rng(0), 3, 2), graph.Variable(np.ones((4, 3)))
    W = graph.parameters(layer)["W"]
    z = np.sum(graph.apply(layer, x) ** 2)
    gradients = graph.general_back_propagation([W, x], z)
    assert np.any(gradients[x].value)
    with pytest.raises(TypeError, match=r"Linear.bp_input cannot be differentiated again: a hand-"
                                        "written layer gives the first derivative in plain NumPy"):
        graph.general_back_propagation([W], np.sum(gradients[x]))
    with pytest.raises(TypeError, match="Linear.bp_param cannot be differentiated again"):
        graph.general_back_propagation([x], np.sum(gradients[W]))


def test_the_forward_direction_is_refused_with_the_reason():
    layer = linear(np.random.default_rng(0), 3, 2)
    x = np.ones((4, 3))
    with pytest.raises(TypeError, match="Linear: a hand-written layer has no rule for the for"):
        graph.jvp(lambda x: graph.apply(layer, x), (x,), (x,))


def test_a_gradient_for_the_targets_of_a_loss_is_refused():
    rows = graph.Variable(np.full((2, 2), 0.5))
    z = graph.apply(SoftmaxCrossEntropyLoss(), graph.Variable(np.zeros((2, 2))), rows)
    with pytest.raises(TypeError, match="input 1 of forward to differentiate.*constants"):
        graph.general_back_propagation([rows], z)


@pytest.mark.parametrize("thing", [ReLU, np.tanh, None, "layer"])
def test_what_is_no_layer_is_refused(thing):
    with pytest.raises(TypeError, match="apply: got .* wanted an object with forward and bp_input"):
        graph.apply(thing, graph.Variable(np.ones((1, 2))))


def with_methods(**methods):
    return type("Student", (), methods)()


def test_a_gradient_of_another_shape_is_refused():
    layer = with_methods(forward=lambda self, x: x, bp_input=lambda self, g: np.ones((7, 1, 2)))
    x = graph.Variable(np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"Student: got a gradient of shape \(7, 1, 2\) from bp_i"
                                         r"nput, wanted \(1, 2\)"):
        graph.general_back_propagation([x], np.sum(graph.apply(layer, x)))


def test_a_missing_gradient_of_a_weight_is_refused():
    layer = with_methods(
        forward=lambda self, x: x, bp_input=lambda self, g: g, bp_param=lambda self, g: None,
        parameters={"W": np.ones(2)},
    )
    W = graph.parameters(layer)["W"]
    with pytest.raises(ValueError, match="Student: got 0 gradients from bp_param, .* each of W"):
        graph.general_back_propagation([W], np.sum(graph.apply(layer, np.ones((1, 2)))))


def test_a_layer_that_returns_a_strange_tuple_is_refused():
    layer = with_methods(forward=lambda self, x: (x, x), bp_input=lambda self, g: g)
    with pytest.raises(ValueError, match="Student: got a tuple of 2 .* wanted one array, or of a "):
        graph.apply(layer, graph.Variable(np.ones((1, 2))))


def test_parameters_that_are_no_dict_of_arrays_are_refused():
    for parameters in ([np.ones(2)], {"W": 1.0}):
        layer = with_methods(forward=None, bp_input=None, parameters=parameters)
        with pytest.raises(TypeError, match="Student: got .* wanted a dict of NumPy arrays"):
            graph.parameters(layer)


# ---- the house


def test_the_graph_imports_nothing_of_the_package_but_how_files_are_written():
    """So that the two derivations of a gradient share no code. (Examples may.)"""
    for path in Path(npbp.graph.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name.split(".")[0] != "npbp" or name.split(".")[1:2] in (["graph"], ["files"])


# ---- what a layer returns


class Returns:
    """A layer whose forward and bp_input return what two functions make of their argument."""

    def __init__(self, forward, bp_input=lambda grad: grad):
        self.forward, self.bp_input = forward, bp_input


def matrix(x):
    return x.view(np.matrix)


NOT_REAL = [
    (lambda x: None, "nothing .None. from {}.*return"),
    (lambda x: x * 1j, "result of {} of type complex128, wanted real"),
    (lambda x: np.ma.masked_array(x, x > 0), "result of {} with a mask"),
    (lambda x: x.astype(object), "result of {} of type object"),
    (lambda x: "a", "result of {} of type <U1"),
    (lambda x: graph.Variable(x), "a Variable from {}.*plain arrays"),
]


@pytest.mark.parametrize("function, words", NOT_REAL)
def test_what_is_no_array_of_real_numbers_is_named_with_its_method(function, words):
    x = graph.Variable(np.ones((2, 3)))
    with pytest.raises(TypeError, match="^Returns: got .*" + words.format("forward")):
        graph.apply(Returns(function), x)
    y = np.sum(graph.apply(Returns(lambda x: x * 2, function), x))
    with pytest.raises(TypeError, match="^Returns: got .*" + words.format("bp_input")):
        graph.general_back_propagation([x], y)
    for number in (None, 1j):
        with pytest.raises(TypeError, match="^Returns: got .* from forward|result of forward"):
            graph.apply(Returns(lambda x: (x, number)), x)
    x = graph.Variable(2.0)  # the gradient of a single number has no shape that tells
    with pytest.raises(TypeError, match="^Returns: got"):
        graph.general_back_propagation([x], graph.apply(Returns(lambda x: x * 2, lambda g: None), x))


@pytest.mark.parametrize("function", [lambda x: (x * 2).tolist(), lambda x: matrix(x * 2)])
def test_a_list_or_a_matrix_is_taken_as_an_array(function):
    x = graph.Variable(np.ones((2, 3)))
    y = graph.apply(Returns(function, function), x)
    assert type(y.value) is np.ndarray and (y.value == 2).all()
    d = graph.general_back_propagation([x], np.sum(y), insert=False)[x]
    assert type(d) is np.ndarray and (d == 2).all()
    y = graph.apply(Returns(lambda x: x * 2), matrix(np.ones((1, 2))))
    assert type(y) is np.ndarray


def test_an_input_with_a_mask_is_refused():
    with pytest.raises(TypeError, match="apply: got an input with a mask, which would be lost"):
        graph.apply(ReLU(), np.ma.masked_array(np.ones((2, 3)), np.eye(2, 3) > 0))
    for layer in (None, 3, "relu", [ReLU()], {}, ReLU):
        with pytest.raises(TypeError, match="apply: got .* as a layer, wanted an object"):
            graph.apply(layer, np.ones((2, 3)))


@pytest.mark.parametrize("bp_param, words", [
    (lambda grad: {"V": grad}, "no gradient of W from bp_param"),
    (lambda grad: {"W": None}, "no gradient of W from bp_param"),
    (lambda grad: {}, "no gradient of W from bp_param"),
    (None, "weights .W. and no bp_param"),
])  # fmt: skip
def test_weights_without_a_gradient_are_named(bp_param, words):
    layer = Returns(lambda x: x * layer.parameters["W"])
    layer.parameters, layer.bp_param = {"W": np.ones((2, 3))}, bp_param
    W = graph.parameters(layer)["W"]
    y = np.sum(graph.apply(layer, np.ones((2, 3))))
    with pytest.raises((TypeError, ValueError), match="Returns: got.*" + words):
        graph.general_back_propagation([W], y)


# ---- layers inside, training and inference, noise


def found_and_expected(layer, X, Y):
    """The gradients of the graph and of a network of a copy of the layer: (found, expected)."""
    network = Network([copy.deepcopy(layer)], SoftmaxCrossEntropyLoss())
    loss = network.evaluate(X, Y)[2]
    x, W = graph.Variable(X), graph.parameters(layer)
    z = graph.apply(SoftmaxCrossEntropyLoss(), graph.apply(layer, x), Y)
    assert np.isclose(z.value, loss, rtol=1e-12)
    gradients = graph.general_back_propagation([x, *W.values()], z, insert=False)
    place = network.names[0]
    found = {"x": gradients[x], **{f"{place}.{name}": gradients[V] for name, V in W.items()}}
    return found, {"x": network.bp_input(), **network.gradients()}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["pair", "shared", "sum", "deep"])
def test_a_layer_with_layers_inside_has_the_gradients_of_a_network_in_training_and_inference(kind, training):
    rng = np.random.default_rng(0)
    layer = {
        "pair": lambda: Pair(5, 4, rng),
        "shared": lambda: Shared(5, 4, rng),
        "sum": lambda: Sum([Linear(5, 3, rng), Sequential([Noise(1), Linear(5, 3, rng)])], [Linear(5, 3, rng)]),
        "deep": lambda: Sequential([npbp.Residual([Centre(5), Noise(2), Shared(5, 3, rng)]), Linear(5, 4, rng)]),
    }[kind]().astype(np.float64).train(training)
    for W in [*layer.parameters.values(), *layer.buffers.values()]:
        W[...] = rng.standard_normal(W.shape)
    found, expected = found_and_expected(layer, rng.standard_normal((7, 5)), np.arange(7) % 3)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-10, atol=1e-14)


def test_a_layer_that_was_never_told_is_the_same_error_in_the_graph():
    with pytest.raises(ValueError, match="Noise: got a forward before anybody said whether this is training"):
        graph.apply(Sequential([Noise(0)]), graph.Variable(np.ones((2, 3))))


def test_each_use_keeps_the_noise_and_the_mode_that_it_had_at_any_depth():
    layer = npbp.Residual([Sequential([Noise(0)])]).train()
    x = graph.Variable(np.full((40, 3), 2.0))
    one, two = graph.apply(layer, x), graph.apply(layer, x)
    three = graph.apply(layer.eval(), x)
    layer.train()
    assert not np.array_equal(one.value, two.value) and (three.value == 4).all()
    z = np.sum(one) + 10 * np.sum(two) + 100 * np.sum(three)
    gradient = graph.general_back_propagation([x], z, insert=False)[x]
    np.testing.assert_array_equal(gradient, one.value / 2 + 10 * two.value / 2 + 100 * three.value / 2)


def test_a_forgotten_gradient_inside_is_the_same_error_in_the_graph():
    class Half(Pair):
        def bp_param(self, grad):
            return {"first": super().bp_param(grad)["first"]}

    layer = Half(5, 4)
    z = np.sum(graph.apply(layer, np.ones((7, 5))))
    with pytest.raises(ValueError, match="Half.bp_param: got gradients of first, wanted a dict .* first, second"):
        graph.general_back_propagation(graph.parameters(layer).values(), z)


def test_all_gradients_of_a_nested_layer_come_of_one_bp_param():
    layer, calls = Sequential([Shared(5, 4), Linear(5, 3)]), []
    z = np.sum(graph.apply(layer, np.ones((7, 5))))
    use = graph.get_inputs(z)[0].op
    counted(use.held[1], calls)
    graph.general_back_propagation(graph.parameters(layer).values(), z, insert=False)
    assert [method for name, method in calls if name == ""] == ["bp_param"]
    assert calls.count(("shared1.first", "backward")) == 1
