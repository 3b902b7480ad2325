"""Layers inside of layers: Sequential, Residual, and a student's own."""

import copy
from collections import Counter, OrderedDict, deque, namedtuple

import numpy as np
import pytest
from own_layers import Centre, Noise, Pair, Shared, Sum, counted, filled

from npbp import (
    Buffer,
    GradientError,
    Layer,
    Linear,
    Network,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    SoftmaxCrossEntropyLoss,
    check_layer,
    graph,
)


def nested(rng=None):
    """Residual in Sequential, Sequential in Residual."""
    rng = np.random.default_rng(0) if rng is None else rng
    return Sequential([
        Linear(5, 4, rng),
        Residual([Sequential([Linear(4, 6, rng), ReLU()]), Linear(6, 4, rng)]),
        ReLU(),
        Linear(4, 2, rng),
    ])  # fmt: skip


def everything(rng=None):
    """A bit of all, told that it is training."""
    rng = np.random.default_rng(0) if rng is None else rng
    return Sequential([
        Linear(5, 4, rng),
        Residual([Sequential([Centre(4), Noise(1)]), Pair(4, 3, rng)]),
        Sum([Linear(4, 2, rng), Sequential([Linear(4, 2, rng)])], [Linear(4, 2, rng)]),
    ]).train()  # fmt: skip


NAMES = ["linear1.W", "residual1.sequential1.linear1.W", "residual1.linear1.W", "linear2.W"]


# ---- names


def test_what_is_inside_has_the_names_on_its_way():
    layer = nested()
    assert list(layer.parameters) == NAMES
    assert [name for name, _ in layer.walk()] == [
        "", "linear1", "residual1", "residual1.sequential1", "residual1.sequential1.linear1",
        "residual1.sequential1.relu1", "residual1.linear1", "relu1", "linear2",
    ]  # fmt: skip
    assert layer.parameters["residual1.linear1.W"] is layer.layers[1].layers[1].W
    assert list(layer.children) == ["linear1", "residual1", "relu1", "linear2"]


def test_attributes_lists_tuples_and_dicts_of_layers_are_found_in_the_order_of_their_attributes():
    block = Sum([Linear(5, 2), Pair(5, 2)], [Linear(5, 2)])
    assert list(block.children) == ["branches1", "branches2", "others.g1"]
    assert list(block.parameters) == [
        "scale", "branches1.W", "branches2.first.W", "branches2.second.W", "others.g1.W",
    ]  # fmt: skip


class Anything(Layer):
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def forward(self, x):
        return x

    def backward(self, grad):
        return grad, {name: layer.bp_param(grad) for name, layer in self.children.items()}


def test_layers_in_lists_of_lists_and_dicts_of_lists_are_found_too():
    layers = [Linear(1, 1) for _ in range(7)]
    Two = namedtuple("Two", "a b")
    block = Anything(
        blocks=[[layers[0]], [layers[1], 3, "no", None]], heads=OrderedDict(left=[layers[2]]),
        pair=Two(layers[3], layers[4]), conv2=[layers[5]], keys={1: layers[6]}, numbers=[1.0] * 5,
    )  # fmt: skip
    assert list(block.children) == [
        "blocks1.1", "blocks2.1", "heads.left1", "pair1", "pair2", "conv2.1", "keys.1",
    ]  # fmt: skip
    assert [id(layer) for layer in block.children.values()] == list(map(id, layers))
    twin = block.without_cache()
    assert type(twin.pair) is Two and type(twin.heads) is OrderedDict
    assert list(twin.children) == list(block.children)
    assert all(a is not b and a.W is b.W for a, b in zip(twin.children.values(), layers))


@pytest.mark.parametrize("several", [set, frozenset, deque])
def test_layers_where_they_have_no_name_are_an_error_and_not_overlooked(several):
    with pytest.raises(TypeError, match=f"Anything: got a {several.__name__} with layers in it as the attribute all"):
        Network([Anything(all=several([Linear(3, 3)]))], SoftmaxCrossEntropyLoss())
    Network([Anything(all=several([1, 2]))], SoftmaxCrossEntropyLoss())


@pytest.mark.parametrize(
    "attributes",
    [{"linear": [Linear(3, 3)], "linear1": Linear(3, 3)}, {"d": {1: Linear(3, 3), "1": Linear(3, 3)}}],
)
def test_two_layers_of_one_name_are_an_error_and_none_is_lost(attributes):
    with pytest.raises(ValueError, match="Anything: got a layer inside .* both called (linear1|d.1)"):
        Anything(**attributes).parameters


def test_a_layer_with_the_name_of_a_weight_is_an_error():
    class Both(Anything):
        W1 = Parameter()

    with pytest.raises(ValueError, match="Both: got a layer inside .* both called W1"):
        Both(W=[Linear(3, 3)], W1=np.ones(3)).parameters


def test_names_that_are_the_same_only_when_joined_are_an_error():
    block = Anything(d={"a": Anything(b=Linear(3, 3)), "a.b": Linear(3, 3)})
    with pytest.raises(ValueError, match="Sequential: got two layers inside that are both called anything1.d.a.b"):
        Sequential([block])


def test_what_a_layer_has_in_its_cache_is_not_inside_of_it():
    layer = Anything(inner=Linear(3, 3))
    layer.cache = (layer.inner, [Linear(1, 1)])
    assert list(layer.children) == ["inner"]


# ---- what is inside counts


def test_parameters_buffers_generators_and_decayed_are_found_at_any_depth():
    layer = everything()
    assert list(layer.buffers) == ["residual1.sequential1.centre1.mean"]
    assert list(layer.generators) == ["residual1.sequential1.noise1.rng"]
    assert layer.decayed == {
        "linear1.W": 5, "residual1.pair1.first.W": 4, "residual1.pair1.second.W": 3,
        "sum1.branches1.W": 4, "sum1.branches2.linear1.W": 4, "sum1.others.g1.W": 4,
    }  # fmt: skip
    assert set(layer.decayed) < set(layer.parameters)
    assert layer.has_parameters and not Sequential([Residual([ReLU()])]).has_parameters


@pytest.mark.parametrize("N", [1, 7])
@pytest.mark.parametrize("make", [nested, everything])
def test_gradients_of_nested_layers_agree_with_finite_differences(make, N):
    layer = filled(make(), np.random.default_rng(N))
    x = np.random.default_rng(N + 1).standard_normal((N, 5))
    zero = list(layer.parameters) if N == 1 else []  # of one example Centre leaves nothing
    assert check_layer(layer, x, zero=zero) < 1e-6


def test_check_layer_leaves_the_layers_inside_their_numbers_and_generators_as_they_are():
    layer = everything()
    before = copy.deepcopy(layer)
    check_layer(layer, (7, 5))
    for name, array in {**layer.parameters, **layer.buffers}.items():
        assert np.array_equal(array, {**before.parameters, **before.buffers}[name])
    for name, rng in layer.generators.items():
        assert rng.bit_generator.state == before.generators[name].bit_generator.state
    assert all(inner.cache is None and inner.training is True for _, inner in layer.walk())


def test_train_and_eval_and_astype_reach_every_layer_inside():
    layer = everything()
    for told in (True, False):
        assert layer.train(told) is layer
        assert {inner.training for _, inner in layer.walk()} == {told}
    assert layer.eval() is layer and layer.layers[1].layers[0].layers[0].training is False
    twin = layer.astype(np.float64)
    arrays = {**twin.parameters, **twin.buffers}
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float64)}
    assert {inner.dtype for _, inner in twin.walk()} == {np.dtype(np.float64)}
    assert not any(np.shares_memory(arrays[name], array) for name, array in layer.parameters.items())


@pytest.mark.parametrize("said", ["eval", 1, None, np.array([True])])
def test_what_is_neither_true_nor_false_says_nothing_of_training(said):
    with pytest.raises(TypeError, match="Sequential: got training=.*, wanted True or False"):
        nested().train(said)
    assert nested().train(np.bool_(True)).training is True


def test_a_copy_shares_nothing_and_computes_the_same():
    layer = everything()
    twin = copy.deepcopy(layer)
    x = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    assert np.array_equal(twin(x), layer(x))
    a, b = layer.named_gradients(np.ones((7, 2))), twin.named_gradients(np.ones((7, 2)))
    assert a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
    for W in twin.parameters.values():
        W[...] = 0
    assert all(W.any() for name, W in layer.parameters.items() if "shift" not in name)


def test_a_layer_without_cache_has_its_own_of_all_but_the_weights_at_any_depth():
    layer = everything()
    x = np.random.default_rng(0).standard_normal((7, 5))
    layer(x)
    expected = layer.named_gradients(np.ones((7, 2)))
    mean = layer.buffers["residual1.sequential1.centre1.mean"].copy()
    twin = layer.without_cache()
    assert {inner.training for _, inner in twin.walk()} == {False}
    assert {inner.training for _, inner in layer.walk()} == {True}
    assert all(twin.parameters[name] is W for name, W in layer.parameters.items())
    twin(5 * x)
    twin.buffers["residual1.sequential1.centre1.mean"][...] = 100
    for name, gradient in layer.named_gradients(np.ones((7, 2))).items():
        assert np.array_equal(gradient, expected[name])
    assert np.array_equal(layer.buffers["residual1.sequential1.centre1.mean"], mean)


# ---- the calls


def test_backward_is_called_once_a_layer_and_nothing_below_the_lowest_weights():
    rng, calls = np.random.default_rng(0), []
    chain = [
        ReLU(),
        Residual([ReLU(), Linear(5, 4, rng), Shared(4, 3, rng), Linear(4, 5, rng)]),
        Sequential([ReLU()]),
        Shared(5, 3, rng),
        Linear(5, 3, rng),
    ]
    network = Network(chain, SoftmaxCrossEntropyLoss())
    counted(network.chain, calls)
    network.evaluate(rng.standard_normal((7, 5)), np.arange(7) % 3)
    forwards = Counter(name for name, method in calls if method == "forward")
    assert set(forwards.values()) == {1}
    assert forwards.keys() == {name for name, _ in network.chain.walk()}
    calls.clear()
    gradients = network.gradients()
    assert set(gradients) == set(network.parameters)
    outside = Counter(name for name, method in calls if method == "backward")
    assert outside == Counter({
        "linear1": 1, "shared1": 1, "shared1.first": 1, "shared1.second": 1, "residual1.linear2": 1,
        "residual1.shared1": 1, "residual1.shared1.first": 1, "residual1.shared1.second": 1,
    })  # fmt: skip
    once = Counter(call for call in calls)
    assert max(once.values()) == 1, once
    assert ("residual1.linear1", "bp_param") in once
    assert not any(name in ("relu1", "residual1.relu1") for name, _ in calls)
    assert ("residual1.linear1", "bp_input") not in once and ("residual1", "bp_input") not in once


def test_a_chain_without_weights_asks_for_inputs_alone():
    calls = []
    layer = counted(Sequential([Residual([ReLU()]), ReLU()]), calls)
    layer(np.ones((2, 3)))
    calls.clear()
    layer.backward(np.ones((2, 3)))
    assert {method for name, method in calls if name} == {"bp_input"}
    assert layer.bp_param(np.ones((2, 3))) == {} and layer.named_gradients(np.ones((2, 3))) == {}


def test_the_gradient_of_the_input_is_the_same_from_bp_input_and_from_backward():
    layer = filled(everything().astype(np.float64), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    layer(rng.standard_normal((7, 5)))
    grad = rng.standard_normal((7, 2))
    d_x, d_W = layer.backward(grad)
    np.testing.assert_allclose(d_x, layer.bp_input(grad), rtol=1e-12)
    for name, gradient in layer.named(layer.bp_param(grad)).items():
        np.testing.assert_allclose(layer.named(d_W)[name], gradient, rtol=1e-12)


# ---- a student's own classes


def test_a_class_that_writes_only_backward_has_all_three():
    class Only(Layer):
        def __init__(self):
            self.inner = Linear(4, 3, np.random.default_rng(0))

        def forward(self, x):
            return self.inner(x)

        def backward(self, grad):
            d_x, d_W = self.inner.backward(grad)
            return d_x, {"inner": d_W}

    layer = Only()
    assert check_layer(layer, (7, 4)) < 1e-6
    layer(np.ones((2, 4)))
    grad = np.ones((2, 3))
    assert np.array_equal(layer.bp_input(grad), layer.inner.bp_input(grad))
    assert np.array_equal(layer.named_gradients(grad)["inner.W"], layer.inner.bp_param(grad))


class Forgot(Pair):
    """Returns what the test says."""

    def __init__(self, keys):
        super().__init__(5, 3)
        self.keys = keys

    def bp_param(self, grad):
        found = super().bp_param(grad)
        if isinstance(self.keys, str):
            return {key: found[key] for key in self.keys.split()}
        return self.keys


@pytest.mark.parametrize(
    "returned, message",
    [
        ("first", r"Forgot\.bp_param: got gradients of first, wanted a dict of .* by its name: first, second"),
        ("", r"Forgot\.bp_param: got .*, wanted a dict of what the bp_param of each layer inside"),
        (None, r"Forgot\.bp_param: got nothing, wanted a dict"),
        (np.ones(3), r"Forgot\.bp_param: got an array of shape \(3,\), wanted a dict"),
        ((1, 2), r"Forgot\.bp_param: got a tuple of 2, wanted a dict"),
        ({"first": None, "second": None}, r"Linear\.bp_param: got nothing"),
        ({"first.W": 1, "second.W": 2}, r"got gradients of first.W, second.W, wanted a dict"),
        ({"first": np.ones((6, 3)), "second": np.ones((4, 4))}, r"Linear\.bp_param: got .* of its shape \(4, 5\)"),
    ],
)
def test_a_forgotten_inner_gradient_is_an_error_and_trains_nothing(returned, message):
    network = Network([Linear(6, 5), Forgot(returned)], SoftmaxCrossEntropyLoss())
    network.evaluate(np.ones((7, 6), np.float32), np.arange(7) % 5)
    before = {name: W.copy() for name, W in network.parameters.items()}
    for train in (network.backprop, lambda: network.gradient_descent(0.1)):
        with pytest.raises(ValueError, match=message):
            train()
    assert all(np.array_equal(W, before[name]) for name, W in network.parameters.items())
    with pytest.raises((GradientError, ValueError)):
        check_layer(network.layers[1], (7, 5))


def test_a_gradient_of_its_own_weight_alone_is_not_enough_if_there_are_weights_inside():
    class Half(Linear):
        def __init__(self):
            super().__init__(3, 3)
            self.inner = Linear(3, 3)

    network = Network([Half()], SoftmaxCrossEntropyLoss())
    network.evaluate(np.ones((2, 3), np.float32), [0, 1])
    with pytest.raises(ValueError, match="got no gradient of half1.inner.W from bp_param, but one of half1.W"):
        network.gradient_descent(0.1)
    with pytest.raises(ValueError, match="Half: got no gradient of inner.W"):
        network.layers[0].named_gradients(np.ones((2, 3)))
    with pytest.raises(GradientError, match="inner.W"):
        check_layer(Half(), (7, 3))


@pytest.mark.parametrize(
    "use",
    [
        lambda layer: Network([layer], SoftmaxCrossEntropyLoss()),
        lambda layer: Sequential([ReLU(), layer]),
        lambda layer: check_layer(layer, (7, 5)),
        lambda layer: layer.parameters,
        lambda layer: layer.astype(np.float64),
        lambda layer: graph.apply(layer, graph.Variable(np.ones((7, 5)))),
    ],
    ids=["Network", "Sequential", "check_layer", "parameters", "astype", "graph.apply"],
)
def test_weights_inside_and_no_bp_param_are_an_error_wherever_it_matters(use):
    class Without(Layer):
        def __init__(self):
            self.inner, self.more = Sequential([Linear(5, 5)]), [ReLU(), Linear(5, 5)]

        def forward(self, x):
            return self.more[1](self.inner(x))

        def bp_input(self, grad):
            return self.inner.bp_input(self.more[1].bp_input(grad))

    message = 'Without has layers with weights inside and no bp_param.*{"inner": ..., "more2": ...}'
    with pytest.raises(ValueError, match=message):
        use(Without())


def test_layers_without_weights_inside_need_no_bp_param():
    class Twice(Layer):
        def __init__(self):
            self.inner = ReLU()

        def forward(self, x):
            return 2 * self.inner(x)

        def bp_input(self, grad):
            return self.inner.bp_input(2 * grad)

    assert check_layer(Twice(), (7, 5)) < 1e-6
    assert Network([Linear(5, 3), Twice()], SoftmaxCrossEntropyLoss()).parameters.keys() == {"linear1.W"}


def test_a_layer_inside_can_be_replaced_and_its_successor_is_trained():
    rng = np.random.default_rng(0)  # not every start lets all through the ReLU inside
    network = Network([Linear(6, 4, rng), Pair(4, 3)], SoftmaxCrossEntropyLoss())
    new = network.layers[1].first = Linear(4, 3, rng)
    before = new.W.copy()
    assert network.parameters["pair1.first.W"] is new.W
    network.evaluate(rng.standard_normal((20, 6)).astype(np.float32), np.arange(20) % 4)
    network.gradient_descent(0.5)
    assert not np.array_equal(new.W, before)


def test_weights_that_come_after_the_network_was_made_are_an_error_and_not_overlooked():
    class Late(Anything):
        pass

    network = Network([Linear(3, 3), Late()], SoftmaxCrossEntropyLoss())
    network.layers[1].inner = Linear(3, 3)
    with pytest.raises(ValueError, match="weights in a layer that had none when the network was made"):
        network.train()
    with pytest.raises(ValueError, match="weights in a layer that had none when the network was made"):
        with network.mode(training=True):
            pass


def test_a_class_that_puts_another_bp_input_beside_an_inherited_backward_is_an_error_at_once():
    for method in ("bp_input", "bp_param"):
        with pytest.raises(TypeError, match=f"Mine: got a {method} of its own beside the backward of Shared"):
            type("Mine", (Shared,), {method: lambda self, grad: 2 * grad})
        with pytest.raises(TypeError, match=f"Mine: got a {method} of its own beside the backward of Sequential"):
            type("Mine", (type("Mixin", (), {method: lambda self, grad: grad}), Sequential), {})
    type("Mine", (Shared,), {"bp_input": lambda self, grad: 3, "backward": lambda self, grad: 3})
    type("Mine", (Pair,), {"bp_input": lambda self, grad: 3})


def test_a_subclass_of_a_chain_may_have_layers_beside_it():
    class Gated(Sequential):
        """y = f(x) + g(x), where f is the chain."""

        def __init__(self, layers, gate):
            super().__init__(layers)
            self.gate, self.lowest = gate, self.layers[0]  # another name for one of the chain

        def forward(self, x):
            return super().forward(x) + self.gate(x)

        def bp_input(self, grad):
            return self.backward(grad)[0]

        def bp_param(self, grad):
            return self.backward(grad)[1]

        def backward(self, grad):
            d_x, found = super().backward(grad)
            more, found["gate"] = self.gate.backward(grad)
            return d_x + more, found

    layer = Gated([Linear(5, 4), ReLU(), Linear(4, 3)], Linear(5, 3))
    assert list(layer.parameters) == ["linear1.W", "linear2.W", "gate.W"]
    assert check_layer(layer, (7, 5)) < 1e-6
    assert check_layer(Gated([ReLU()], Linear(5, 5)), (7, 5)) < 1e-6
    network = Network([Gated([ReLU()], Linear(5, 5)), Linear(5, 3)], SoftmaxCrossEntropyLoss())
    network.evaluate(np.ones((2, 5)), [0, 1])
    assert list(network.gradients()) == list(network.parameters) == ["gated1.gate.W", "linear1.W"]


# ---- one layer, one place


@pytest.mark.parametrize(
    "make, where",
    [
        (lambda layer: [layer, ReLU(), layer], "linear1 and linear2"),
        (lambda layer: [layer, Residual([layer])], "linear1 and residual1.linear1"),
        (lambda layer: [Residual([layer]), Sequential([Residual([layer])])],
         "residual1.linear1 and sequential1.residual1.linear1"),
        (lambda layer: [Anything(a=layer, b=[layer])], "anything1.a and anything1.b1"),
        (lambda layer: [Sum([layer], []), Anything(d={"k": layer})], "sum1.branches1 and anything1.d.k"),
    ],
)
def test_the_same_layer_twice_anywhere_inside_is_an_error_that_names_both_places(make, where):
    for kind in (Sequential, lambda layers: Network(layers, SoftmaxCrossEntropyLoss())):
        with pytest.raises(ValueError, match=f"got the same layer twice, as {where}: it remembers one"):
            kind(make(Linear(5, 5)))


def test_a_layer_inside_itself_is_an_error_and_no_endless_recursion():
    own, parent = Anything(), Anything()
    own.me = own
    parent.child = Anything(inner=Anything(above=[parent]))
    for layer, name in ((own, "me"), (parent, "child.inner.above1")):
        for use in (lambda: layer.parameters, lambda: layer.train(), lambda: list(layer.walk()),
                    lambda: layer.has_parameters, lambda: check_layer(layer, (2, 3)),
                    lambda: Sequential([layer]), lambda: Network([layer], SoftmaxCrossEntropyLoss())):
            with pytest.raises(ValueError, match=f"Anything: got a layer that is inside itself, as .*{name}:"):
                use()


def test_a_layer_may_know_the_network_that_it_is_in():
    layer = Pair(4, 3)
    network = Network([Linear(6, 4), layer], SoftmaxCrossEntropyLoss())
    layer.network = network
    X, Y = np.ones((7, 6), np.float32), np.arange(7) % 4
    network.train().evaluate(X, Y)
    network.gradient_descent(0.1)
    assert len(network.predict(X)) == 7 and len(network.astype(np.float64).predict(X)) == 7
    copy.deepcopy(network).trace(X, Y)


def test_a_hundred_levels_are_the_most():
    layer = ReLU()
    for _ in range(99):
        layer = Sequential([layer])
    assert np.array_equal(layer(np.ones((2, 3))), np.ones((2, 3)))
    assert len(list(layer.walk())) == 100
    with pytest.raises(ValueError, match="layers inside of layers more than 100 deep"):
        for _ in range(5):
            layer = Sequential([layer])


# ---- layers that make no chain


@pytest.mark.parametrize("kind", [Sequential, Residual, lambda layers: Network(layers, SoftmaxCrossEntropyLoss())],
                         ids=["Sequential", "Residual", "Network"])
@pytest.mark.parametrize(
    "layers, error, message",
    [
        ([], ValueError, "(Sequential|Residual|Network): got no layers, wanted at least one"),
        ([Linear(3, 3), ReLU], TypeError, "(Sequential|Residual|Network): got .* parentheses missing"),
        (Linear(3, 3), TypeError, r"got the layer Linear.* wanted a list of layers: \[...\]"),
        (3, TypeError, "(Sequential|Residual|Network): got a int, wanted a list of layers"),
        ("ab", TypeError, "(Sequential|Residual|Network): got 'a' as a layer"),
        ([Linear(3, 4), ReLU(), Linear(5, 3)], ValueError,
         r"^linear2: Linear\(in_features=5.*got an input of shape \(N, 4\), wanted \(N, 5\)"),
        ([Linear(5, 3), ReLU(), Residual([Linear(3, 4)]), Linear(4, 5)], ValueError,
         r"^residual1: Residual: got an output of shape \(N, 4\) from the layers inside, wanted \(N, 3\)"),
    ],
)
def test_layers_that_make_no_chain_are_an_error_that_names_the_place(kind, layers, error, message):
    with pytest.raises(error, match=message):
        kind(layers)


def test_where_neighbours_do_not_fit_deep_inside_the_way_to_them_is_named():
    inside = Sequential([ReLU(), Sequential([Linear(5, 5)])])
    with pytest.raises(ValueError, match=r"^sequential1: sequential1: linear1: Linear\(in_features=5.*shape \(N, 4\)"):
        Sequential([Linear(3, 4), inside])


def test_what_cannot_be_known_before_is_said_by_the_forward():
    layer = Residual([Linear(3, 4)])
    with pytest.raises(ValueError, match=r"Residual: got an output of shape \(2, 4\) .* wanted \(2, 3\)"):
        layer(np.ones((2, 3)))


def test_the_layers_of_a_container_are_there_for_good():
    layer = nested()
    with pytest.raises(AttributeError, match="Sequential.layers cannot be assigned: it is the layers that it was made of"):
        layer.layers = (ReLU(),)
    with pytest.raises(AttributeError, match="Network.layers cannot be assigned"):
        Network([layer], SoftmaxCrossEntropyLoss()).layers = [ReLU()]
    with pytest.raises(TypeError):
        layer.layers[0] = ReLU()


def test_an_unset_weight_or_buffer_inside_is_named():
    class Unset(Layer):
        s = Buffer()

        def forward(self, x):
            return x

    with pytest.raises(ValueError, match="Unset.s was never set, wanted an array"):
        Sequential([Residual([Unset()])])


def test_an_empty_batch_and_whole_numbers_pass_through():
    layer = nested()
    assert layer(np.ones((0, 5), np.float32)).shape == (0, 2)
    assert layer.bp_input(np.ones((0, 2), np.float32)).shape == (0, 5)
    assert {W.shape for W in layer.named_gradients(np.ones((0, 2))).values()} == {W.shape for W in layer.parameters.values()}
    assert Residual([Linear(2, 2)])(np.array([[1, 2]])).dtype == np.float32


def test_the_multiply_adds_of_a_chain_are_the_sum_of_its_layers():
    assert Linear(5, 3).multiply_adds((5,)) == (15, 30)
    assert ReLU().multiply_adds((5,)) == (0, 0)
    assert nested().multiply_adds((5,)) == (20 + 24 + 24 + 8, 2 * (20 + 24 + 24 + 8))
    assert Pair(5, 3).multiply_adds((5,)) is None
    assert Sequential([Linear(5, 3), Pair(3, 2)]).multiply_adds((5,)) is None


# ---- in the graph


@pytest.mark.parametrize("make", [nested, everything])
def test_in_the_graph_nested_layers_have_the_gradients_that_they_have_in_a_network(make):
    layer = filled(make().astype(np.float64), np.random.default_rng(0))
    X, Y = np.random.default_rng(1).standard_normal((7, 5)), np.arange(7) % 2
    network = Network(copy.deepcopy(layer).layers, SoftmaxCrossEntropyLoss())
    network.evaluate(X, Y)
    x = graph.Variable(X)
    W = graph.parameters(layer)
    assert list(W) == list(network.parameters)
    z = graph.apply(SoftmaxCrossEntropyLoss(), graph.apply(layer, x), Y)
    found = graph.general_back_propagation([x, *W.values()], z, insert=False)
    np.testing.assert_allclose(found[x], network.bp_input(), rtol=1e-10, atol=1e-14)
    for name, gradient in network.gradients().items():
        np.testing.assert_allclose(found[W[name]], gradient, rtol=1e-10, atol=1e-14)


def test_a_return_that_is_missing_inside_of_a_residual_is_named():
    class Silent(Layer):
        def forward(self, x):
            return x if self.training else None

        def bp_input(self, grad):
            pass

    layer, x = Residual([Silent()]), np.ones((2, 3))
    with pytest.raises(TypeError, match=r"^Residual: got nothing from the forward of Silent\(\) inside"):
        layer.eval()(x)
    layer.train()(x)
    with pytest.raises(TypeError, match=r"^Residual: got nothing from the bp_input of Silent\(\) inside"):
        layer.bp_input(x)
