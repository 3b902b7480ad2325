"""What holds for every optimizer, whatever its rule."""

import collections
import copy
import pickle

import numpy as np
import pytest

import npbp
from npbp import Linear, Network, NeuralNet, ReLU, Sequential, SoftmaxCrossEntropyLoss, graph
from npbp.optimizers import (SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp, base,
                             schedules)

KINDS = [SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW]
every = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def rng():
    return np.random.default_rng(0)


def network(dtype=np.float32):
    r = rng()
    return Network([Linear(3, 4, r), ReLU(), Linear(4, 2, r)], SoftmaxCrossEntropyLoss()).astype(dtype)


def batch(dtype=np.float32):
    return rng().standard_normal((5, 3)).astype(dtype), np.array([0, 1, 1, 0, 1])


def gradients_like(parameters, r):
    return {name: r.standard_normal(W.shape).astype(W.dtype) for name, W in parameters.items()}


def run(optimizer, parameters, steps=3, seed=1):
    r = np.random.default_rng(seed)
    for _ in range(steps):
        optimizer.step(parameters, gradients_like(parameters, r))
    return parameters


def arrays(dtype=np.float32):
    r = rng()
    return {"W": r.standard_normal((4, 3)).astype(dtype), "b": r.standard_normal(3).astype(dtype)}


# ---- whatever holds the parameters


@every
def test_a_network_its_dict_and_a_tree_of_its_arrays_take_the_same_steps(kind):
    X, y = batch()
    by_network, by_dict, by_tree = network(), network(), network()
    optimizers = [kind(0.1, weight_decay=0.1, decay_biases=True) for _ in range(3)]
    for _ in range(3):
        for each in (by_network, by_dict, by_tree):
            each.evaluate(X, y)
        optimizers[0].step(by_network)
        optimizers[1].step(by_dict.parameters, by_dict.gradients())
        (W1, W2), (d_W1, d_W2) = by_tree.parameters.values(), by_tree.gradients().values()
        optimizers[2].step([W1, {"top": (W2,)}], [d_W1, {"top": (d_W2,)}])
    for name, W in by_network.parameters.items():
        assert not np.array_equal(W, network().parameters[name])
        np.testing.assert_array_equal(W, by_dict.parameters[name])
        np.testing.assert_array_equal(W, by_tree.parameters[name])
    assert list(optimizers[2].state) == ["0", "1.top.0"]


Layer = collections.namedtuple("Layer", "W b")


@every
def test_the_trees_that_graph_grad_returns_train_a_network(kind):
    r = rng()
    X = r.uniform(-1, 1, (60, 2))
    y = (X[:, 0] * X[:, 1] > 0) * 1.0
    tree = {"hidden": Layer(r.standard_normal((2, 8)), np.zeros(8)), "top": [r.standard_normal(8), np.array(0.0)]}

    def loss(tree):
        h = np.tanh(X @ tree["hidden"].W + tree["hidden"].b)
        return np.mean((h @ tree["top"][0] + tree["top"][1] - y) ** 2)

    optimizer, before = kind(0.02), loss(tree)
    held = tree["hidden"].W
    for _ in range(60):
        optimizer.step(tree, graph.grad(loss)(tree))
    assert loss(tree) < 0.7 * before and tree["hidden"].W is held and tree["top"][1] != 0
    assert set(optimizer.state) == {"hidden.W", "hidden.b", "top.0", "top.1"}


def test_one_array_is_a_tree_too():
    W = np.array([1.0, 2.0])
    SGD(0.5).step(W, graph.grad(lambda W: np.sum(W**2))(W))
    assert W.tolist() == [0, 0]


def test_a_network_and_its_gradients_may_be_given_both_and_a_layer_by_hand():
    X, y = batch()
    one, two = network(), network()
    for each in (one, two):
        each.evaluate(X, y)
    SGD().step(one, one.gradients())
    SGD().step(two)
    np.testing.assert_array_equal(one.layers[0].W, two.layers[0].W)
    layer = Linear(2, 1)
    start = layer.W.copy()
    SGD(1.0).step(layer, {"W": np.ones((3, 1))})
    np.testing.assert_allclose(layer.W, start - 1, rtol=1e-6)


def test_the_walk_throughs_network_is_one():
    model = NeuralNet(3, 4, 2, rng=rng())
    X, y = batch()
    model.evaluate(X, y)
    expected = model.w1 - 0.1 * model.backprop()[0]
    SGD(0.1).step(model)
    np.testing.assert_allclose(model.w1, expected, rtol=1e-6)


@every
def test_fit_steps_with_it(kind):
    X = rng().uniform(-1, 1, (200, 3)).astype(np.float32)
    history = npbp.fit(network(), (X, (X[:, 0] > 0) * 1), epochs=20, batch_size=20, rng=0,
                       optimizer=kind(0.05))
    assert history.correct[-1] > 0.9


# ---- arrays of any kind


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, ">f4"])
def test_the_weights_keep_their_type_and_the_gradients_their_numbers(kind, dtype):
    parameters = arrays(dtype)
    gradients = gradients_like(parameters, rng())
    kept = copy.deepcopy(gradients)
    held = dict(parameters)
    kind(0.1, weight_decay=0.1, clip_norm=0.1, clip_value=0.2).step(parameters, gradients)
    for name, W in parameters.items():
        assert W is held[name] and W.dtype == np.dtype(dtype)
        assert not np.array_equal(W, arrays(dtype)[name])
        np.testing.assert_array_equal(gradients[name], kept[name])


@every
def test_a_float64_gradient_of_a_float32_weight_is_taken_in_float32(kind):
    one, two = arrays(), arrays()
    gradients = {name: rng().standard_normal(W.shape) for name, W in one.items()}
    kind(0.1).step(one, gradients)
    kind(0.1).step(two, {name: d_W.astype(np.float32) for name, d_W in gradients.items()})
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


@every
def test_float16_weights_move_as_float32_ones_that_are_rounded(kind):
    half, single = arrays(np.float16), {n: W.astype(np.float32) for n, W in arrays(np.float16).items()}
    small = {name: np.full(W.shape, 1e-3, np.float16) for name, W in half.items()}
    one, two = kind(0.25, weight_decay=0.1), kind(0.25, weight_decay=0.1)
    one.step(half, small)
    two.step(single, small)
    for name, W in half.items():
        assert W.dtype == np.float16 and np.isfinite(W).all()
        np.testing.assert_allclose(W.astype(float), single[name], rtol=1e-3, atol=1e-3)
    for name, state in one.state.items():
        for key, array in state.items():
            assert array.dtype == np.float32
            np.testing.assert_array_equal(array, two.state[name][key])


def test_where_no_gradient_ever_was_adam_does_not_move_in_float16_either():
    W = np.ones(2, np.float16)
    Adam(0.5).step({"W": W}, {"W": np.array([0, 1e-4], np.float16)})
    assert W.tolist() == [1, 0.5]


LAYOUTS = {
    "Fortran order": lambda W: np.asfortranarray(W),
    "every second": lambda W: np.repeat(W, 2, axis=0)[::2],
    "backwards": lambda W: W[::-1].copy()[::-1],
    "transposed": lambda W: W.T.copy().T,
    "a matrix": lambda W: W.copy().view(np.matrix),
}


@every
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_the_layout_of_an_array_makes_no_difference(kind, layout, monkeypatch):
    monkeypatch.setattr(base, "PIECE", 4)
    W = rng().standard_normal((5, 3))
    plain, other = W.copy(), LAYOUTS[layout](W)
    r = np.random.default_rng(1)
    one, two, three = kind(0.1), kind(0.1), kind(0.1)
    third = W.copy()
    for _ in range(3):
        d_W = r.standard_normal((5, 3))
        one.step([plain], [d_W])
        two.step([other], [d_W])
        three.step([third], [LAYOUTS[layout](d_W)])
    assert not np.array_equal(plain, W)
    np.testing.assert_array_equal(np.asarray(other), plain)
    np.testing.assert_array_equal(third, plain)


@every
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0), (1,), (2, 3, 4)])
@pytest.mark.parametrize("decay", [0, 0.1])
def test_arrays_of_any_shape_move(kind, shape, decay):
    W, d_W = np.ones(shape), np.full(shape, 0.5)
    flat, flat_gradient = W.reshape(-1).copy(), d_W.reshape(-1).copy()
    one, two = (kind(0.1, weight_decay=decay, decay_biases=True) for _ in range(2))
    for _ in range(3):
        one.step({"W": W}, {"W": d_W})
        two.step({"W": flat}, {"W": flat_gradient})
    np.testing.assert_array_equal(W.reshape(-1), flat)
    assert (W < 1).all()


@every
def test_the_gradient_of_a_number_may_be_a_number(kind):
    W = np.array(1.0)
    kind(0.1).step({"W": W}, {"W": np.float64(2.0)})
    assert W < 1


@every
@pytest.mark.parametrize("decay_biases", [False, True])
def test_the_result_is_the_same_to_the_last_bit_whatever_the_size_of_the_pieces(kind, decay_biases, monkeypatch):
    def result(piece):
        monkeypatch.setattr(base, "PIECE", piece)
        r = rng()
        parameters = {name: r.standard_normal(shape).astype(np.float32)
                      for name, shape in {"W": (37, 11), "b": (53,), "c": ()}.items()}
        optimizer = kind(0.1, weight_decay=0.1, decay_biases=decay_biases)
        optimizer.decayed = {"W": 30}
        run(optimizer, parameters, steps=4)
        return {**parameters, **optimizer.state_dict()}

    whole = result(1 << 20)
    for piece in (1, 7, 64, 100):
        pieces = result(piece)
        assert pieces.keys() == whole.keys()
        for name in whole:
            np.testing.assert_array_equal(pieces[name], whole[name])


@every
def test_a_gradient_that_is_not_a_number_goes_into_the_weights(kind):
    W = np.zeros(3)
    optimizer = kind(0.1, clip_norm=1.0, clip_value=1.0)
    optimizer.step({"W": W}, {"W": np.array([1.0, np.nan, -1.0])})
    assert np.isnan(W).tolist() == [False, True, False] and W[0] < 0 < W[2]


def test_a_gradient_may_be_the_weight_itself():
    W = np.array([1.0, 2.0])
    SGD(0.25).step({"W": W}, {"W": W})
    assert W.tolist() == [0.75, 1.5]


# ---- what is refused, before anything is changed


def refused(error, match, parameters, gradients, optimizer=None):
    optimizer = optimizer or Adam(0.1)
    before, steps = copy.deepcopy(parameters), optimizer.steps
    with pytest.raises(error, match=match):
        optimizer.step(parameters, gradients)
    assert optimizer.steps == steps
    np.testing.assert_equal(parameters, before)


ONE, TWO = np.ones(2), np.ones((2, 2))


@pytest.mark.parametrize("error, match, parameters, gradients", [
    (ValueError, "Adam: got no gradient for b, wanted", {"W": ONE, "b": TWO}, {"W": ONE}),
    (ValueError, "a gradient for c, which is no parameter", {"W": ONE}, {"W": ONE, "c": ONE}),
    (ValueError, "no gradient for W and a gradient for V", {"W": ONE}, {"V": ONE}),
    (ValueError, "no gradient for 1", [ONE, TWO], [ONE]),
    (ValueError, "no gradient for a.W and a gradient for a.W.0, a.W.1", {"a": {"W": ONE}}, {"a": {"W": [1.0, 2.0]}}),
    (ValueError, r"a gradient of shape \(2,\) for b, wanted its shape \(2, 2\)", {"W": ONE, "b": TWO}, {"W": ONE, "b": ONE}),
    (ValueError, r"of shape \(1, 2\) for W", {"W": ONE}, {"W": ONE[None]}),
    (TypeError, "got nothing as the gradient of b", {"W": ONE, "b": ONE}, {"W": ONE, "b": None}),
    (TypeError, "the gradient of W of complex128, wanted real numbers", {"W": ONE}, {"W": ONE * 1j}),
    (TypeError, "the gradient of W of bool", {"W": ONE}, {"W": ONE > 0}),
    (TypeError, "the gradient of W of object", {"W": ONE}, {"W": ONE.astype(object)}),
    (TypeError, "the gradient of W: got a masked array", {"W": ONE}, {"W": np.ma.array(ONE)}),
    (TypeError, r"got the number 1.5 as b, wanted an array.*np.array\(1.5\)", {"W": ONE, "b": 1.5}, {"W": ONE, "b": 1.0}),
    (TypeError, "got the number 1.5 as b", {"W": ONE, "b": np.float32(1.5)}, {"W": ONE, "b": 1.0}),
    (TypeError, "got nothing as b, wanted an array", {"W": ONE, "b": None}, {"W": ONE, "b": ONE}),
    (TypeError, "got a str as b", {"W": ONE, "b": "x"}, {"W": ONE, "b": ONE}),
    (TypeError, "an array of int64 as b, wanted real floating", {"W": ONE, "b": np.arange(2)}, {"W": ONE, "b": ONE}),
    (TypeError, "an array of complex128 as b", {"W": ONE, "b": ONE * 1j}, {"W": ONE, "b": ONE}),
    (TypeError, "b: got a masked array", {"W": ONE, "b": np.ma.array(ONE)}, {"W": ONE, "b": ONE}),
    (ValueError, "b that is read-only", {"W": TWO, "b": np.broadcast_to(1.0, 2)}, {"W": TWO, "b": ONE}),
    (ValueError, "one array both as 0 and as 1", [ONE] * 2, [ONE, ONE]),
    (ValueError, "two arrays of the name a.b", {"a.b": ONE, "a": {"b": TWO}}, {"a.b": ONE, "a": {"b": TWO}}),
    (TypeError, "a Variable as the gradient of W, wanted an array: give its .value", {"W": ONE}, {"W": graph.Variable(ONE)}),
    (TypeError, "got a dict and no gradients, wanted step\\(parameters, gradients\\) or step\\(network\\)", {"W": ONE}, None),
    (TypeError, "got a list and no gradients", [ONE], None),
    (TypeError, "got a int and no gradients", 3, None),
])
def test_what_does_not_fit_is_an_error_that_names_it_and_nothing_is_changed(error, match, parameters, gradients):
    refused(error, match, parameters, gradients)


def test_a_variable_of_the_graph_is_no_array_and_the_error_says_what_to_give():
    layer = Linear(2, 1, rng())
    variables, start = graph.parameters(layer), layer.W.copy()
    with pytest.raises(TypeError, match="Adam: got a Variable as W, wanted an array: give its .value"):
        Adam(0.1).step(variables, {"W": np.ones((3, 1), np.float32)})
    np.testing.assert_array_equal(layer.W, start)
    Adam(0.1).step({"W": variables["W"].value}, {"W": np.ones((3, 1), np.float32)})
    np.testing.assert_allclose(layer.W, start - 0.1, rtol=1e-5)


def test_a_later_step_is_checked_as_the_first_is():
    optimizer, parameters = Adam(0.1), arrays()
    run(optimizer, parameters)
    gradients = gradients_like(parameters, rng())
    refused(ValueError, "shape", parameters, {**gradients, "b": np.ones(1, np.float32)}, optimizer)
    refused(ValueError, "no gradient for b", parameters, {"W": gradients["W"]}, optimizer)
    refused(TypeError, "nothing", parameters, {**gradients, "b": None}, optimizer)
    optimizer.step(parameters, gradients)
    assert optimizer.steps == 4


def test_the_state_of_one_network_is_refused_for_another():
    optimizer, parameters = Momentum(0.1), arrays()
    run(optimizer, parameters)
    wider = {"W": np.ones((9, 3), np.float32), "b": parameters["b"]}
    refused(ValueError, r"parameter W of shape \(9, 3\).*float32\[4, 3\].*make a new Momentum", wider, wider, optimizer)
    double = arrays(np.float64)
    refused(ValueError, "of shape .* and type float64.*make a new Momentum", double, double, optimizer)
    other = {**parameters, "V": np.ones(2, np.float32)}
    refused(ValueError, r"got the parameter V of shape.*that of W, b, and has nothing for V: make a new", other, other, optimizer)


def test_without_a_state_an_optimizer_serves_any_network_and_a_part_of_one_is_no_other():
    run(optimizer := SGD(0.1), arrays())
    run(optimizer, {"V": np.ones(2)})
    parameters = arrays()
    run(optimizer := Adam(0.1), parameters)
    run(optimizer, {"W": parameters["W"]})
    assert optimizer.steps == 6


def test_an_array_that_replaces_a_weight_is_moved_from_then_on():
    optimizer, layer = Momentum(0.1, beta=0.5), Linear(2, 2, rng())
    run(optimizer, layer.parameters)
    v = optimizer.state["W"]["v"].copy()
    layer.__dict__["W"] = np.zeros((3, 2), np.float32)
    optimizer.step(layer.parameters, {"W": np.ones((3, 2), np.float32)})
    np.testing.assert_allclose(layer.W, -0.1 * (0.5 * v + 1), rtol=1e-6)


@every
def test_options_that_cannot_be_are_refused(kind):
    name = kind.__name__
    for options, error, match in [
        (dict(weight_decay=-1), ValueError, "got weight_decay=-1, wanted a finite number of at least 0"),
        (dict(weight_decay="x"), TypeError, "weight_decay='x' of type str, wanted a"),
        (dict(clip_norm=0), ValueError, "got clip_norm=0, wanted a finite number above 0"),
        (dict(clip_value=float("inf")), ValueError, "clip_value=inf"),
        (dict(clip_value=float("nan")), ValueError, "clip_value=nan"),
        (dict(decay_biases="no"), TypeError, "decay_biases='no', wanted True or False"),
        (dict(alpha=-1), ValueError, "got alpha=-1"),
        (dict(alpha=None), TypeError, "got alpha=None"),
    ]:
        with pytest.raises(error, match=f"{name}: .*{match}"):
            kind(**options)
    with pytest.raises(TypeError, match="unexpected keyword argument 'momentum'"):
        kind(momentum=0.9)


@pytest.mark.parametrize("kind, option", [(Momentum, "beta"), (Nesterov, "beta"), (RMSProp, "beta"),
                                          (Adam, "beta1"), (Adam, "beta2"), (AdamW, "beta2")])
@pytest.mark.parametrize("value", [1, 1.5, -0.1, float("nan")])
def test_a_beta_is_from_0_to_below_1(kind, option, value):
    with pytest.raises(ValueError, match=f"{kind.__name__}: got {option}=.*wanted a number from 0 to below 1"):
        kind(0.1, **{option: value})


@pytest.mark.parametrize("kind", [AdaGrad, RMSProp, Adam, AdamW])
def test_an_epsilon_is_above_0(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__}: got eps=0, wanted a finite number above 0"):
        kind(0.1, eps=0)


# ---- weight decay


def decayed_part(optimizer, parameters):
    """With gradients of zero: which numbers became smaller?"""
    zeros = {name: np.zeros_like(W) for name, W in parameters.items()}
    before = copy.deepcopy(parameters)
    optimizer.step(parameters, zeros)
    return {name: (W != before[name]).tolist() for name, W in parameters.items()}


@every
def test_a_network_says_which_rows_decay_and_biases_do_not(kind):
    net = network()
    for layer in (net.layers[0], net.layers[2]):
        layer.W = np.ones(layer.W.shape)
    optimizer = kind(0.1, weight_decay=0.1)
    net.gradients = lambda: {name: np.zeros_like(W) for name, W in net.parameters.items()}
    optimizer.step(net)
    assert optimizer.decayed == {"linear1.W": 3, "linear2.W": 4}
    for layer in (net.layers[0], net.layers[2]):
        assert (layer.W[:-1] < 1).all() and (layer.W[-1] == 1).all()


@every
@pytest.mark.parametrize("own", [False, True])
def test_biases_do_not_decay_if_a_step_gets_the_parameters_and_not_the_network(kind, own):
    layers = [Linear(3, 4), Linear(4, 2)]
    for layer in layers:
        layer.W = np.ones(layer.W.shape)
    net = Network([Sequential(layers)], SoftmaxCrossEntropyLoss())
    parameters = net.layers[0].parameters if own else net.parameters
    kind(0.1, weight_decay=0.1).step(parameters, {name: np.zeros_like(W) for name, W in parameters.items()})
    for layer in layers:
        assert (layer.W[:-1] < 1).all() and (layer.W[-1] == 1).all()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, dict, lambda p: pickle.loads(pickle.dumps(p))])
def test_a_copy_of_the_parameters_is_a_plain_dict(copied):
    parameters = network().parameters
    assert type(copied(parameters)) is dict and copied(parameters).keys() == parameters.keys()


@every
def test_of_a_dict_matrices_decay_and_vectors_do_not(kind):
    parameters = {"W": np.ones((2, 2)), "b": np.ones(2), "c": np.array(1.0), "images": np.ones((1, 2, 3))}
    moved = decayed_part(kind(0.1, weight_decay=0.1), parameters)
    assert np.all(moved["W"]) and np.all(moved["images"])
    assert not np.any(moved["b"]) and not np.any(moved["c"])


@every
def test_biases_decay_if_asked(kind):
    optimizer = kind(0.1, weight_decay=0.1, decay_biases=True)
    optimizer.decayed = {"W": 1}
    moved = decayed_part(optimizer, {"W": np.ones((2, 2)), "b": np.ones(2), "c": np.array(1.0)})
    assert np.all(moved["W"]) and np.all(moved["b"]) and np.all(moved["c"])


@every
@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_so_many_leading_rows_decay_and_none_of_a_parameter_without_a_number(kind, rows):
    optimizer = kind(0.1, weight_decay=0.1)
    optimizer.decayed = {"W": rows}
    moved = decayed_part(optimizer, {"W": np.ones((3, 2)), "V": np.ones((3, 2))})
    assert moved["W"] == [[i < rows] * 2 for i in range(3)] and not np.any(moved["V"])


def test_the_decay_of_adamw_does_not_depend_on_the_gradient_and_that_of_adam_does():
    def decay(kind, gradient):
        with_it, without = np.array([[4.0]]), np.array([[4.0]])
        kind(0.1, weight_decay=0.1).step([with_it], [np.array([[gradient]])])
        kind(0.1, weight_decay=0.0).step([without], [np.array([[gradient]])])
        return float((without - with_it).item())

    assert decay(AdamW, 1.0) == pytest.approx(0.04) and decay(AdamW, 1000.0) == pytest.approx(0.04)
    assert abs(decay(Adam, 1.0)) < 1e-6


# ---- a rule of one's own


class Own(Optimizer):
    """Half of the sum of all gradients."""

    def __init__(self, alpha=1.0, half=0.5, **options):
        super().__init__(alpha, **options)
        self.half = half

    def start(self, W):
        return {"sum": np.zeros_like(W)}

    def rule(self, d_W, state, t):
        state["sum"] += d_W
        return self.half * state["sum"]


class Elementwise(Own):
    elementwise = True


class Rebinding(Elementwise):
    def rule(self, d_W, state, t):
        state["sum"] = state["sum"] + d_W
        return self.half * state["sum"]


@pytest.mark.parametrize("kind", [Own, Elementwise, Rebinding])
def test_a_rule_of_ones_own_need_not_know_of_pieces(kind, monkeypatch):
    monkeypatch.setattr(base, "PIECE", 4)
    parameters, optimizer = {"W": np.zeros((3, 4)), "b": np.zeros(3), "c": np.array(0.0)}, kind()
    for _ in range(3):
        optimizer.step(parameters, {name: np.ones(W.shape) for name, W in parameters.items()})
    for name, W in parameters.items():
        assert W.tolist() == np.full(W.shape, -3.0).tolist()
        assert optimizer.state[name]["sum"].tolist() == np.full(W.shape, 3.0).tolist()


def test_a_rule_that_is_not_elementwise_gets_each_array_whole_and_t_from_1(monkeypatch):
    monkeypatch.setattr(base, "PIECE", 4)
    calls = []

    class Normalised(Optimizer):
        def rule(self, d_W, state, t):
            calls.append((d_W.shape, t))
            return d_W / np.linalg.norm(d_W)

    W = np.zeros((3, 4))
    optimizer = Normalised(1.0, weight_decay=0.1)
    for _ in range(2):
        optimizer.step([W], [np.full((3, 4), 7.0)])
    assert calls == [((3, 4), 1), ((3, 4), 2)]
    np.testing.assert_allclose(np.linalg.norm(W), 2)


@pytest.mark.parametrize("returned, match", [
    (lambda d_W: None, "Own.rule: got None, wanted a direction of the shape of d_W, .*`return` missing"),
    (lambda d_W: d_W[:1], "Own.rule: got array.*of the shape of d_W"),
])
def test_a_rule_that_returns_no_direction_is_an_error(returned, match):
    optimizer = Own()
    optimizer.rule = lambda d_W, state, t: returned(d_W)
    with pytest.raises(ValueError, match=match):
        optimizer.step([np.ones(2)], [np.ones(2)])


def test_a_rule_in_a_subclass_of_sgd_is_the_one_that_counts_at_each_step():
    class Sign(SGD):
        def rule(self, d_W, state, t):
            return np.sign(d_W)

    W, optimizer = np.zeros(2), Sign(1.0)
    for _ in range(3):
        optimizer.step({"W": W}, {"W": np.array([5.0, -0.1])})
    assert W.tolist() == [-3, 3]


@pytest.mark.parametrize("option", ["weight_decay", "clip_norm", "clip_value"])
def test_an_option_that_is_set_later_counts_from_then_on(option):
    W, optimizer = np.ones((1, 1)), SGD(1.0)
    optimizer.step({"W": W}, {"W": np.ones((1, 1))})
    setattr(optimizer, option, 0.5)
    W[...] = 4
    optimizer.step({"W": W}, {"W": np.ones((1, 1))})
    assert W.item() == (1.0 if option == "weight_decay" else 3.5)


def test_a_rule_that_keeps_what_start_did_not_make_is_an_error():
    class Forgetful(Optimizer):
        def rule(self, d_W, state, t):
            state["v"] = 0.9 * state.get("v", 0) + d_W
            return state["v"]

    with pytest.raises(ValueError, match=r"Forgetful.rule: got a state of v, wanted the arrays that start\(W\) returns, none"):
        Forgetful(0.1).step([np.ones(2)], [np.ones(2)])


def test_a_start_without_its_return_is_an_error_that_says_so():
    class Silent(Optimizer):
        def start(self, W):
            {"v": np.zeros_like(W)}

        def rule(self, d_W, state, t):
            return d_W

    with pytest.raises(TypeError, match=r"Silent.start: got nothing, wanted a dict .* is a `return` missing"):
        Silent(0.1).step([np.ones(2)], [np.ones(2)])


def test_an_init_that_forgets_the_one_of_its_base_is_an_error_that_says_so():
    class Alone(Optimizer):
        def __init__(self, alpha):
            self.alpha = alpha

        def rule(self, d_W, state, t):
            return d_W

    with pytest.raises(TypeError, match=r"Alone.__init__: .*super\(\).__init__\(alpha\)"):
        Alone(0.1).step([np.ones(2)], [np.ones(2)])


def test_a_base_without_a_rule_says_so():
    with pytest.raises(NotImplementedError, match=r"Optimizer has no rule\(d_W, state, t\)"):
        Optimizer(0.1).step([np.ones(2)], [np.ones(2)])


def test_an_elementwise_state_has_the_shape_of_its_weight():
    class Wrong(Elementwise):
        def start(self, W):
            return {"count": np.zeros(1)}

    refused(ValueError, r"Wrong.start: got count of shape \(1,\) for W, wanted \(2,\)", {"W": np.ones(2)},
            {"W": np.ones(2)}, Wrong())


# ---- the learning rate


@every
def test_a_schedule_is_asked_with_the_number_of_steps_made(kind):
    asked = []
    optimizer = kind(lambda n: asked.append(n) or 0.1)
    run(optimizer, arrays())
    assert asked == [0, 1, 2] and optimizer.current_alpha == 0.1 and asked[-1] == 3


@every
def test_a_constant_schedule_is_as_a_number(kind):
    one, two = arrays(), arrays()
    run(kind(0.05), one)
    run(kind(schedules.constant(0.05)), two)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_alpha_can_be_changed_and_is_checked_then_too():
    optimizer = SGD(0.5)
    optimizer.alpha = 1
    assert optimizer.current_alpha == 1.0 and repr(optimizer) == "SGD(alpha=1.0)"
    for bad, error in ((-1, ValueError), ("fast", TypeError), (float("nan"), ValueError)):
        with pytest.raises(error, match="SGD: got alpha="):
            optimizer.alpha = bad
    assert optimizer.alpha == 1.0


@pytest.mark.parametrize("returned, error", [(float("nan"), ValueError), (float("inf"), ValueError), (-0.1, ValueError),
                                             (None, TypeError), ("fast", TypeError)])
def test_what_a_schedule_returns_is_checked_before_anything_is_changed(returned, error):
    schedule = schedules.Schedule("mine()", lambda n: returned if n == 2 else 0.1)
    optimizer, parameters = Adam(schedule), arrays()
    run(optimizer, parameters, steps=2)
    refused(error, r"Adam, by mine\(\) after 2 steps: got alpha=", parameters, gradients_like(parameters, rng()), optimizer)


@pytest.mark.parametrize("maker", [*schedules.MAKERS, schedules.Schedule], ids=lambda maker: maker.__name__)
def test_what_makes_a_schedule_is_none(maker):
    with pytest.raises(TypeError, match=f"SGD: got {maker.__name__} itself as alpha, wanted what it makes"):
        SGD(maker)


# ---- saved and loaded


@every
@pytest.mark.parametrize("alpha", [0.05, schedules.cosine(0.05, steps=6)], ids=["number", "schedule"])
def test_a_resumed_run_is_equal_to_the_last_bit(kind, alpha):
    r, parameters, optimizer = rng(), arrays(), kind(alpha, weight_decay=0.1)
    for step in range(6):
        if step == 3:
            saved = optimizer.state_dict(), copy.deepcopy(parameters), copy.deepcopy(r)
        optimizer.step(parameters, gradients_like(parameters, r))
    state, resumed, r = saved
    again = kind(alpha, weight_decay=0.1)
    again.load_state_dict(state, resumed)
    for step in range(3):
        again.step(resumed, gradients_like(resumed, r))
    for name in parameters:
        np.testing.assert_array_equal(parameters[name], resumed[name])
    assert again.steps == 6


@every
def test_the_state_dict_is_flat_and_of_copies(kind):
    optimizer, parameters = kind(0.1), arrays()
    assert optimizer.state_dict() == {"steps": 0, "alpha": 0.1}
    run(optimizer, parameters)
    state = optimizer.state_dict()
    kept = copy.deepcopy(state)
    assert state.pop("steps") == 3 and state.pop("alpha") == 0.1
    assert state.keys() == {f"{name}/{key}" for name in parameters for key in optimizer.start(np.ones(1))}
    run(optimizer, parameters)
    np.testing.assert_equal({**state, "steps": 3, "alpha": 0.1}, kept)
    again = kind(0.1)
    again.load_state_dict(kept)
    run(again, arrays())
    np.testing.assert_equal({**state, "steps": 3, "alpha": 0.1}, kept)


def test_of_a_schedule_the_state_has_no_alpha():
    assert SGD(schedules.constant(0.1)).state_dict()["alpha"] is None


@every
def test_fresh_state_is_that_before_the_first_step_and_makes_none(kind):
    optimizer, net = kind(0.1), network()
    fresh = optimizer.fresh_state(net.parameters)
    assert fresh.keys() == net.parameters.keys() and optimizer.state == {} and optimizer.steps == 0
    for name, W in net.parameters.items():
        assert fresh[name].keys() == optimizer.start(W).keys()
        assert all(a.shape == W.shape and a.dtype == W.dtype and not a.any() for a in fresh[name].values())
    assert optimizer.fresh_state(net).keys() == fresh.keys()
    assert list(optimizer.fresh_state([np.ones(2), {"b": np.ones(3)}])) == ["0", "1.b"]


def saved(**changes):
    optimizer = Adam(0.1)
    run(optimizer, arrays())
    state = {**optimizer.state_dict(), **changes}
    return {name: value for name, value in state.items() if value is not ...}


@pytest.mark.parametrize("error, match, state", [
    (ValueError, "Adam: got no dict with steps and alpha", None),
    (ValueError, "no dict with steps and alpha", saved(steps=...)),
    (ValueError, "no dict with steps and alpha", saved(alpha=...)),
    (ValueError, "got steps=-1, wanted at least 0", saved(steps=-1)),
    (TypeError, "got steps=1.5 of type float, wanted a whole number", saved(steps=1.5)),
    (ValueError, "got alpha=nan, wanted a finite", saved(alpha=float("nan"))),
    (ValueError, "got a state with a schedule, wanted one that fits alpha=0.1", saved(alpha=None)),
    (ValueError, r"with nothing as W/m, wanted float32\[4, 3\]", saved(**{"W/m": ...})),
    (ValueError, r"with float32\[2\] as W/s, wanted nothing", saved(**{"W/s": np.ones(2, np.float32)})),
    (ValueError, r"with float32\[2\] as V/m, wanted nothing", saved(**{"V/m": np.ones(2, np.float32), "V/v": np.ones(2, np.float32)})),
    (ValueError, r"with float32\[3, 4\] as W/v, wanted float32\[4, 3\]", saved(**{"W/v": np.ones((3, 4), np.float32)})),
    (ValueError, r"with float64\[4, 3\] as W/v, wanted float32\[4, 3\]", saved(**{"W/v": np.ones((4, 3))})),
    (ValueError, "got W/v with what is no finite number", saved(**{"W/v": np.full((4, 3), np.nan, np.float32)})),
    (ValueError, "got W/v with what is no finite number", saved(**{"W/v": np.array(["x"])})),
    (ValueError, "got W/v with what is no finite number", saved(**{"W/v": None})),
])
@pytest.mark.parametrize("when", ["given the parameters", "after steps"])
def test_a_state_that_does_not_fit_is_refused_before_anything_is_changed(error, match, state, when):
    optimizer, parameters = Adam(0.1), arrays()
    if when == "after steps":
        run(optimizer, arrays(), seed=5)
    before = optimizer.state_dict()
    with pytest.raises(error, match=match):
        optimizer.load_state_dict(state, parameters if when == "given the parameters" else None)
    np.testing.assert_equal(optimizer.state_dict(), before)


def test_a_state_of_another_rule_is_refused_at_once_and_one_of_other_weights_at_the_first_step():
    with pytest.raises(ValueError, match="Momentum: got a state with nothing as W/v, wanted|W/m"):
        Momentum(0.1).load_state_dict(saved())
    with pytest.raises(ValueError, match=r"SGD: got a state with float32\[4, 3\] as W/m, wanted nothing"):
        SGD(0.1).load_state_dict(saved())
    optimizer = Adam(0.1)
    optimizer.load_state_dict(saved())
    other = {"W": np.ones((5, 3), np.float32), "b": np.ones(3, np.float32)}
    refused(ValueError, r"parameter W of shape \(5, 3\)", other, other, optimizer)
    optimizer = Adam(0.1)
    optimizer.load_state_dict({"steps": 3, "alpha": 0.1})
    refused(ValueError, "has nothing for W", arrays(), arrays(), optimizer)


def test_a_state_read_from_a_file_has_arrays_for_numbers():
    state = {name: np.asarray(value) for name, value in saved().items()}
    optimizer = Adam(0.5)
    optimizer.load_state_dict(state)
    assert (optimizer.steps, optimizer.alpha) == (3, 0.1) and type(optimizer.steps) is int


@every
def test_a_copy_goes_its_own_way(kind):
    optimizer, parameters = kind(0.1), arrays()
    run(optimizer, parameters)
    for copied in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        one, two = copy.deepcopy(parameters), copy.deepcopy(parameters)
        run(copied, one, seed=2)
        assert optimizer.steps == 3 and copied.steps == 6
        run(copy.deepcopy(optimizer), two, seed=2)
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])


# ---- how it shows itself


@pytest.mark.parametrize("code", [
    "SGD(alpha=0.1)", "SGD(alpha=0.5, weight_decay=0.1)", "Momentum(alpha=0.01)", "Momentum(alpha=0.1, beta=0.5)",
    "Nesterov(alpha=0.1, clip_norm=1.0)", "AdaGrad(alpha=0.01, eps=1e-05)", "RMSProp(alpha=0.01, beta=0.9, clip_value=0.5)",
    "Adam(alpha=0.001)", "Adam(alpha=0.001, beta2=0.99, weight_decay=0.1, decay_biases=True)", "AdamW(alpha=0.001)",
    "AdamW(alpha=0.1, weight_decay=0.0)", "Own(alpha=1.0, half=0.25, clip_norm=2.0)",
    "Adam(alpha=cosine(0.1, steps=100, least=0.0))",
])
def test_the_repr_has_alpha_and_what_is_not_the_default(code):
    assert repr(eval(code, {**globals(), "cosine": schedules.cosine})) == code
