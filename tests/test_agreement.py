"""The hand-written gradients and those of the general algorithm, derived apart, are the same.

Each layer and loss is written once more, in plain NumPy style and with its formula only,
and differentiated by `graph.general_back_propagation`. In float64 both agree to 1e-12.
"""

import inspect

import numpy as np
import pytest
from layer_rows import all_rows, left_out
from layer_rows_activation import relu
from layer_rows_linear import linear

import npbp.layers
import npbp.losses
from npbp import Layer, Loss, NeuralNet, ReLU, SoftmaxCrossEntropyLoss, graph

LAYERS = all_rows()

# ---- each loss: how to make it, its targets, its number


def softmax_cross_entropy(scores, targets, reduction):
    p = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    if targets.ndim == 1:
        losses = -np.log(p[np.arange(len(targets)), targets])
    else:
        losses = -np.sum(targets * np.log(p), axis=1)
    return np.mean(losses) if reduction == "mean" else np.sum(losses)


def labels(rng, N, C):
    return rng.integers(0, C, N)


def rows(rng, N, C):
    t = rng.random((N, C))
    return t / t.sum(axis=1, keepdims=True)


LOSSES = {
    f"SoftmaxCrossEntropyLoss, {reduction}, {targets.__name__}": (
        lambda reduction=reduction: SoftmaxCrossEntropyLoss(reduction),
        targets,
        lambda s, t, reduction=reduction: softmax_cross_entropy(s, t, reduction),
    )
    for reduction in ("mean", "sum")
    for targets in (labels, rows)
}

every_layer = pytest.mark.parametrize("name", LAYERS)
every_loss = pytest.mark.parametrize("name", LOSSES)
batches = pytest.mark.parametrize("N", [1, 7])
both_ways = pytest.mark.parametrize("insert", [True, False])


def agree(found, expected, zero=False):
    found = found.value if type(found) is graph.Variable else found
    assert found.shape == expected.shape and found.dtype == expected.dtype == np.float64
    if zero:
        assert np.abs(expected).max() < 1e-12
    else:
        assert np.any(expected), "a gradient of zeros would agree with a backward that does nothing"
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * scale)


def test_no_layer_is_left_out():
    assert not left_out(Layer, npbp.layers, LAYERS)


def test_no_loss_is_left_out_in_any_reduction():
    classes = {
        name
        for name, kind in vars(npbp.losses).items()
        if inspect.isclass(kind) and issubclass(kind, Loss) and kind is not Loss
    }
    assert classes and classes == {name.split(",")[0] for name in LOSSES}
    for name in classes:
        reductions = {key.split(", ")[1] for key in LOSSES if key.startswith(name)}
        assert reductions == {"mean", "sum"}


@both_ways
@batches
@every_layer
def test_the_gradients_of_a_layer_agree(name, N, insert):
    row, rng = LAYERS[name], np.random.default_rng(N)
    layer = row.build(rng).astype(np.float64)
    x = row.at(rng, (N, *row.shape))
    y = layer(x)
    G = rng.standard_normal(y.shape)

    X = graph.Variable(x)
    parameters = [graph.Variable(W) for W in layer.parameters.values()]
    Y = row.twin(X, *parameters)
    np.testing.assert_allclose(Y.value, y, rtol=1e-12, atol=1e-12)
    gradients = graph.general_back_propagation([X, *parameters], Y, G, insert=insert)
    zero = row.zero(N)
    agree(gradients[X], layer.bp_input(G), "bp_input" in zero)
    for V, (key, gradient) in zip(parameters, layer.named_gradients(G).items()):
        agree(gradients[V], gradient, key in zero)


def test_the_derivative_of_relu_at_0_is_0_in_both():
    x, G = np.array([[-1.0, 0.0, 0.0, 2.0]]), np.array([[3.0, 5.0, -5.0, 7.0]])
    layer, X = ReLU(), graph.Variable(x)
    layer(x)
    for twin in (relu, graph.relu):
        gradient = graph.general_back_propagation([X], twin(X), G)[X]
        agree(gradient, layer.bp_input(G))
        assert gradient.value.tolist() == [[0, 0, 0, 7]]


@both_ways
@batches
@every_loss
def test_the_gradient_of_a_loss_agrees(name, N, insert):
    build, make_targets, twin = LOSSES[name]
    rng = np.random.default_rng(N)
    loss, scores, targets = build(), rng.standard_normal((N, 5)), make_targets(rng, N, 5)
    number = loss(scores, targets)[1]
    upstream = rng.standard_normal()

    S = graph.Variable(scores)
    z = twin(S, targets)
    np.testing.assert_allclose(z.value, number, rtol=1e-12)
    gradient = graph.general_back_propagation([S], z, upstream, insert=insert)[S]
    agree(gradient, loss.bp_input(upstream))


def walk_through(x, targets, W1, W2):
    """`NeuralNet` in NumPy style: it reports the mean, and its gradients are those of the sum."""
    return softmax_cross_entropy(linear(relu(linear(x, W1)), W2), targets, "sum")


@both_ways
@batches
@pytest.mark.parametrize("make_targets", [labels, rows])
def test_the_gradients_of_the_walk_throughs_network_agree(N, make_targets, insert):
    rng = np.random.default_rng(N)
    net = NeuralNet(rng=rng).astype(np.float64)
    x, targets = rng.random((N, 784)), make_targets(rng, N, 10)
    number = net.evaluate(x, targets)[2]

    X, *W = map(graph.Variable, [x, *net.parameters.values()])
    z = walk_through(X, targets, *W)
    np.testing.assert_allclose(z.value, number * N, rtol=1e-12)
    gradients = graph.general_back_propagation([X, *W], z, insert=insert)
    for V, gradient in zip(W, net.backprop()):
        agree(gradients[V], gradient)
    agree(gradients[X], net.bp_input())


@batches
def test_the_compiled_gradients_of_the_walk_throughs_network_agree_step_after_step(N):
    rng = np.random.default_rng(N)
    net = NeuralNet(rng=rng).astype(np.float64)
    X = graph.Variable(rng.random((N, 784)))
    targets = labels(rng, N, 10)
    W = [graph.Variable(array) for array in net.parameters.values()]
    z = walk_through(X, targets, *W)
    gradients = graph.general_back_propagation(W, z)
    program = graph.compile([z, *(gradients[V] for V in W)], [X, *W])
    for _ in range(3):
        x = rng.random((N, 784))
        number = net.evaluate(x, targets)[2]
        found, *d_W = program(x, *net.parameters.values())
        np.testing.assert_allclose(found, number * N, rtol=1e-12)
        for a, b in zip(d_W, net.backprop()):
            agree(a, b)
        net.gradient_descent(0.01)


@batches
def test_the_walk_throughs_network_through_the_bridge_agrees(N):
    rng = np.random.default_rng(N)
    net = NeuralNet(rng=rng).astype(np.float64)
    x, targets = rng.random((N, 784)), labels(rng, N, 10)
    net.evaluate(x, targets)
    expected, d_x = net.backprop(), net.bp_input()

    h = X = graph.Variable(x)
    parameters = []
    for layer in net.layers:
        h = graph.apply(layer, h)
        parameters += graph.parameters(layer).values()
    z = graph.apply(net.loss, h, targets)
    gradients = graph.general_back_propagation([X, *parameters], z, insert=False)
    agree(gradients[X], d_x)
    for V, gradient in zip(parameters, expected):
        agree(gradients[V], gradient)
