"""The hand-written gradients and those of the general algorithm, derived apart, are the same.

Each layer and loss is written once more, in plain NumPy style and with its formula only,
and differentiated by `graph.general_back_propagation`. In float64 both agree to 1e-12.
"""

import numpy as np
import pytest
from layer_rows import all_rows, left_out
from layer_rows_activation import relu
from layer_rows_linear import linear
from loss_rows import REDUCTIONS, ROWS, labels, rows, softmax_cross_entropy

import npbp.layers
import npbp.losses
from npbp import (
    HingeLoss,
    HuberLoss,
    Layer,
    Loss,
    MeanAbsoluteErrorLoss,
    NeuralNet,
    ReLU,
    graph,
)

LAYERS, LOSSES = all_rows(), ROWS

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


def test_no_loss_is_left_out():
    assert not left_out(Loss, npbp.losses, LOSSES)


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
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@every_loss
def test_the_gradient_of_a_loss_agrees(name, reduction, weighted, N, insert):
    row, rng = LOSSES[name], np.random.default_rng(N)
    loss, scores, targets = row.build(reduction), rng.standard_normal((N, *row.shape)), row.targets(rng, N)
    weight = rng.uniform(0.5, 2, N) if weighted else None
    number = loss(scores, targets, weight)[1]
    upstream = rng.standard_normal()

    S = graph.Variable(scores)
    z = row.number(S, targets, weight, reduction)
    np.testing.assert_allclose(z.value, number, rtol=1e-12)
    gradient = graph.general_back_propagation([S], z, upstream, insert=insert)[S]
    agree(gradient, loss.bp_input(upstream))


@pytest.mark.parametrize(
    "loss, name, scores, targets, slopes",
    [
        (MeanAbsoluteErrorLoss("sum"), "MeanAbsoluteErrorLoss", [[0.0, 1, -1, 2]], [[0.0, 1, 0, 0]],
         [0, 0, -1, 1]),
        (HuberLoss(reduction="sum"), "HuberLoss", [[1.0, -1, 0, 4]], [[0.0, 0, 0, 0]], [1, -1, 0, 1]),
        (HingeLoss("sum"), "HingeLoss", [[2.0, 1, 0, 3, 2.5]], [0], [-2, 0, 0, 1, 1]),
        (HingeLoss("sum"), "HingeLoss, of one score", [[1.0]], [1], [0]),
        (HingeLoss("sum"), "HingeLoss, of one score", [[-1.0]], [0], [0]),
    ],
)  # fmt: skip
def test_at_a_kink_a_loss_has_one_slope_in_both(loss, name, scores, targets, slopes):
    scores, targets = np.array(scores), np.array(targets)
    loss(scores, targets)
    assert loss.bp_input().tolist() == [slopes]
    S = graph.Variable(scores)
    z = LOSSES[name].number(S, targets, None, "sum")
    assert graph.general_back_propagation([S], z, insert=False)[S].tolist() == [slopes]


def walk_through(x, targets, W1, W2):
    """`NeuralNet` in NumPy style: it reports the mean, and its gradients are those of the sum."""
    return np.sum(softmax_cross_entropy(linear(relu(linear(x, W1)), W2), targets))


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
