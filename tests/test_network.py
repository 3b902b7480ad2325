import copy
import re
import threading

import numpy as np
import pytest
from own_layers import Centre, Noise, Pair, Sum

import npbp
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


# ---- the walk-through


def walk_through_step(w1, w2, X, y, alpha):
    """The walk-through's formulas, written down again with explicit columns of ones."""
    ones = np.ones((len(X), 1))
    X1 = np.hstack([X, ones])
    H = X1 @ w1
    H1 = np.hstack([np.where(H > 0, H, 0), ones])
    scores = H1 @ w2
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    correct = (p.argmax(axis=1) == y).mean()
    d_scores = p - np.eye(p.shape[1])[y]
    d_w2 = H1.T @ d_scores
    d_H = (d_scores @ w2.T)[:, :-1] * (H > 0)
    d_w1 = X1.T @ d_H
    return p, correct, loss, d_w1, d_w2, w1 - alpha * d_w1, w2 - alpha * d_w2


def test_neural_net_trains_exactly_as_the_walk_through_does():
    model = NeuralNet(rng=np.random.default_rng(0)).astype(np.float64)
    w1, w2 = model.w1.copy(), model.w2.copy()
    for step in range(5):
        X, y = batch(64 if step < 4 else 32, seed=step)
        X = X.astype(np.float64)
        p, correct, loss, d_w1, d_w2, w1, w2 = walk_through_step(w1, w2, X, y, 0.001)
        y_prob, got_correct, got_loss = model.evaluate(X, y)
        np.testing.assert_allclose(y_prob, p, rtol=1e-10)
        np.testing.assert_allclose([got_correct, got_loss], [correct, loss], rtol=1e-10)
        for got, wanted in zip(model.backprop(), (d_w1, d_w2)):
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)
        model.gradient_descent()
        np.testing.assert_allclose(model.w1, w1, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(model.w2, w2, rtol=1e-9, atol=1e-12)


def test_the_steps_of_neural_net_are_alpha_times_n_along_the_gradient_of_the_mean():
    X, y = batch(64)
    model = NeuralNet(rng=np.random.default_rng(0)).astype(np.float64)
    twin = NeuralNet(rng=np.random.default_rng(0)).astype(np.float64)
    mean = Network(twin.layers, SoftmaxCrossEntropyLoss("mean"))
    assert np.isclose(model.evaluate(X, y)[2], mean.evaluate(X, y)[2], rtol=1e-12)
    model.gradient_descent()
    mean.gradient_descent(0.001 * 64)
    np.testing.assert_allclose(model.w1, twin.w1, rtol=1e-10)
    np.testing.assert_allclose(model.w2, twin.w2, rtol=1e-10)


def test_neural_net_has_the_walk_throughs_defaults_and_is_float32():
    model = NeuralNet()
    assert model.w1.shape == (785, 32) and model.w2.shape == (33, 10) and model.alpha == 0.001
    y_prob, correct, loss = model.evaluate(*batch())
    assert y_prob.shape == (64, 10) and y_prob.dtype == np.float32
    assert 0 <= correct <= 1 and loss > 0
    d_w1, d_w2 = model.backprop()
    assert d_w1.shape == (785, 32) and d_w2.shape == (33, 10)
    assert d_w1.dtype == d_w2.dtype == np.float32


@pytest.mark.parametrize("alpha, error", [(-1, ValueError), (float("nan"), ValueError), ("x", TypeError)])
def test_neural_net_names_itself_when_its_alpha_is_wrong(alpha, error):
    with pytest.raises(error, match="NeuralNet: got alpha=.*wanted a"):
        NeuralNet(alpha=alpha)


# ---- Network


@pytest.mark.parametrize("N", [1, 7])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_backprop_agrees_with_finite_differences_for_weights_and_input(reduction, N):
    network = small(reduction).astype(np.float64)
    X, Y = batch(N, 6, 3)
    X = X.astype(np.float64)
    network.evaluate(X, Y)
    pairs = [(network.parameters[k], g) for k, g in network.backprop().items()]
    pairs.append((X, network.bp_input()))
    assert [g.shape for _, g in pairs] == [(7, 5), (6, 4), (5, 3), (N, 6)]
    rng = np.random.default_rng(1)
    for value, gradient in pairs:
        v = rng.standard_normal(value.shape)
        held = value.copy()
        value += 1e-6 * v
        above = network.evaluate(X, Y)[2]
        value[...] = held - 1e-6 * v
        below = network.evaluate(X, Y)[2]
        value[...] = held
        assert np.isclose((above - below) / 2e-6, (gradient * v).sum(), rtol=1e-6, atol=1e-8)


def test_backprop_gives_a_gradient_for_every_parameter_in_their_order():
    network = small()
    network.evaluate(*batch(7, 6, 3))
    assert list(network.backprop()) == list(network.parameters) == ["linear1.W", "linear2.W", "linear3.W"]


def test_a_layer_with_two_parameters_keeps_their_order_and_takes_its_step():
    class Affine(Layer):
        a, b = Parameter(), Parameter()

        def __init__(self):
            self.a, self.b = np.full(5, 2.0), np.zeros(5)

        def forward(self, x):
            self.cache = x
            return x * self.a + self.b

        def bp_input(self, grad):
            return grad * self.a

        def bp_param(self, grad):
            return (grad * self.cached()).sum(axis=0), grad.sum(axis=0)

    network = Network([Linear(6, 5), Affine(), Linear(5, 3)], SoftmaxCrossEntropyLoss())
    network.evaluate(*batch(7, 6, 3))
    gradients = network.backprop()
    assert list(gradients) == list(network.parameters)
    network.gradient_descent(0.5)
    np.testing.assert_allclose(network.layers[1].a, 2 - 0.5 * gradients["affine1.a"], rtol=1e-6)
    np.testing.assert_allclose(network.layers[1].b, -0.5 * gradients["affine1.b"], rtol=1e-6)


def test_the_gradient_for_the_input_is_not_computed_unless_asked_for():
    calls = []

    class Counting(Linear):
        def bp_input(self, grad):
            calls.append(self.in_features)
            return super().bp_input(grad)

    network = Network([Counting(6, 5), ReLU(), Counting(5, 3)], SoftmaxCrossEntropyLoss())
    network.evaluate(*batch(7, 6, 3))
    network.backprop()
    network.gradient_descent(0.1)
    assert calls == [5, 5]
    network.bp_input()
    assert calls == [5, 5, 5, 6]


def test_grad_scales_every_gradient():
    network = small()
    network.evaluate(*batch(7, 6, 3))
    for once, thrice in zip(network.backprop().values(), network.backprop(3.0).values()):
        np.testing.assert_allclose(thrice, 3 * once, rtol=1e-5)


def test_gradient_descent_steps_against_the_gradient_of_the_reported_loss():
    network = small()
    X, Y = batch(7, 6, 3)
    network.evaluate(X, Y)
    gradients = network.backprop()
    before = {k: W.copy() for k, W in network.parameters.items()}
    network.gradient_descent(0.5)
    for name, W in network.parameters.items():
        np.testing.assert_allclose(W, before[name] - 0.5 * gradients[name], rtol=1e-6)


def test_predict_equals_evaluate_and_leaves_the_last_evaluate_as_it_was():
    network = small()
    X, Y = batch(7, 6, 3)
    probabilities, _, _ = network.evaluate(X, Y)
    gradients = network.backprop()
    np.testing.assert_array_equal(network.predict(X), probabilities)
    network.predict(batch(30, 6, 3, seed=5)[0])
    for name, gradient in network.backprop().items():
        assert np.array_equal(gradient, gradients[name])


def test_predict_restores_the_last_evaluate_also_when_it_fails():
    network = small()
    network.evaluate(*batch(7, 6, 3))
    gradients = network.backprop()
    with pytest.raises(ValueError):
        network.predict(np.zeros((3, 5), np.float32))
    assert np.array_equal(network.backprop()["linear1.W"], gradients["linear1.W"])


def test_parameters_are_the_arrays_themselves():
    network = small()
    network.parameters["linear2.W"][...] = 0
    assert not network.layers[2].W.any()


def test_two_networks_share_nothing():
    one, two = small(), small()
    X, Y = batch(7, 6, 3)
    one.evaluate(X, Y)
    expected = one.backprop()
    two.evaluate(1 - X, (Y + 1) % 3)
    two.gradient_descent(1.0)
    for name, gradient in one.backprop().items():
        assert np.array_equal(gradient, expected[name])


def test_astype_is_a_copy_in_the_new_type():
    network = small()
    twin = network.astype(np.float64)
    assert {W.dtype for W in twin.parameters.values()} == {np.dtype(np.float64)}
    assert {W.dtype for W in network.parameters.values()} == {np.dtype(np.float32)}
    twin.evaluate(*batch(7, 6, 3))
    twin.gradient_descent(1.0)
    assert np.array_equal(network.layers[0].W, small().layers[0].W)
    assert isinstance(NeuralNet().astype(np.float64), NeuralNet)


def test_the_same_seed_trains_to_the_same_bits():
    def train():
        model = NeuralNet(rng=np.random.default_rng(3))
        for step in range(10):
            model.evaluate(*batch(seed=step))
            model.gradient_descent()
        return model.w1

    assert train().tobytes() == train().tobytes()


def test_summary_is_a_table_of_layers_shapes_and_parameters():
    text = small().summary()
    assert "linear1 Linear(6, 5)" in text and "(N, 5)" in text
    assert text.splitlines()[-1].split() == ["total", str(7 * 5 + 6 * 4 + 5 * 3)]


def test_a_network_without_weights_has_no_gradients_and_an_input_gradient():
    network = Network([ReLU()], SoftmaxCrossEntropyLoss())
    network.evaluate(*batch(7, 3, 3))
    assert network.backprop() == {}
    assert network.bp_input().shape == (7, 3)


@pytest.mark.parametrize(
    "layers, error, message",
    [
        ([], ValueError, "got no layers"),
        ([Linear(6, 5), Linear(4, 3)], ValueError, r"Linear\(in_features=4.*got an input of shape \(N, 5\), wanted \(N, 4\)"),
        ([Linear(6, 5), ReLU], TypeError, "parentheses missing"),
        ([Linear(6, 5), "relu"], TypeError, "parentheses missing"),
        ([Linear(6, 5), lambda x: x], TypeError, r"wanted an object of a class of npbp\.Layer"),
    ],
)
def test_layers_that_make_no_network_are_an_error(layers, error, message):
    with pytest.raises(error, match=message):
        Network(layers, SoftmaxCrossEntropyLoss())


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropyLoss, None, "mean", abs])
def test_what_is_no_loss_is_an_error_when_the_network_is_made(loss):
    with pytest.raises(TypeError, match="as the loss, wanted .*npbp.Loss.*parentheses missing"):
        Network([Linear(6, 5)], loss)


class Weighted(SoftmaxCrossEntropyLoss):
    """A loss with an argument that its config() does not tell."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, scores, targets):
        p, number = super().forward(scores, targets)
        return p, self.weight * number

    def bp_input(self, grad=1.0):
        return super().bp_input(self.weight * grad)


def test_astype_keeps_a_loss_of_your_own_and_shares_nothing_with_it():
    X, Y = batch(7, 6, 3)
    network = Network(small().layers, Weighted(3.0))
    twin = network.astype(np.float64)
    network.evaluate(X, Y)
    gradients = network.backprop()
    assert np.isclose(twin.evaluate(1 - X, Y)[2] / 3, small().evaluate(1 - X, Y)[2], rtol=1e-5)
    assert np.array_equal(network.backprop()["linear1.W"], gradients["linear1.W"])


def test_the_same_layer_twice_is_an_error():
    layer = Linear(5, 5)
    with pytest.raises(ValueError, match="the same layer twice"):
        Network([layer, ReLU(), layer], SoftmaxCrossEntropyLoss())


def test_backprop_before_any_evaluate_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="before any forward"):
        small().backprop()
    with pytest.raises(ValueError, match="before any forward"):
        NeuralNet().gradient_descent()


# ---- threads


class Gate(ReLU):
    """A ReLU at which another thread than the main one waits until it is let through."""

    def __init__(self):
        self.inside, self.open = threading.Event(), threading.Event()

    def forward(self, x):
        if threading.current_thread() is not threading.main_thread():
            self.inside.set()
            assert self.open.wait(10)
        return super().forward(x)


def test_a_predict_that_began_before_a_step_and_ends_in_it_leaves_its_gradients_alone():
    rng = np.random.default_rng(0)
    network = Network([Linear(5, 7, rng), Gate(), Linear(7, 3, rng)], SoftmaxCrossEntropyLoss())
    X, other = rng.standard_normal((7, 5)), rng.standard_normal((4, 5))
    y = np.arange(7) % 3
    network.evaluate(X, y)
    expected, gate = network.backprop(), network.layers[1]
    network.evaluate(2 * X, y)
    predicted = []
    thread = threading.Thread(target=lambda: predicted.append(network.predict(other)))
    thread.start()
    assert gate.inside.wait(10)
    network.evaluate(X, y)
    gate.open.set()
    thread.join(10)
    for name, gradient in network.backprop().items():
        np.testing.assert_array_equal(gradient, expected[name])
    np.testing.assert_array_equal(predicted[0], network.predict(other))


def test_many_threads_that_predict_change_nothing_in_a_training_and_get_the_weights_of_the_time():
    rng = np.random.default_rng(0)
    X, y = rng.random((200, 6)).astype(np.float32), rng.integers(0, 3, 200)

    def trained(network):
        for start in range(0, 200, 10):
            network.evaluate(X[start:start + 10], y[start:start + 10])
            network.gradient_descent(0.1)
        return network

    quiet, watched = (three_classes(0), three_classes(0))
    stop, seen = threading.Event(), []

    def watch():
        while not stop.is_set():
            seen.append(watched.predict(X[:50]))

    threads = [threading.Thread(target=watch) for _ in range(4)]
    for thread in threads:
        thread.start()
    trained(watched)
    stop.set()
    for thread in threads:
        thread.join()
    trained(quiet)
    for name, W in quiet.parameters.items():
        np.testing.assert_array_equal(watched.parameters[name], W)
    assert seen and all(np.isfinite(p).all() and p.shape == (50, 3) for p in seen)


def three_classes(seed):
    rng = np.random.default_rng(seed)
    return Network([Linear(6, 5, rng), ReLU(), Linear(5, 3, rng)], SoftmaxCrossEntropyLoss())


def test_predict_keeps_nothing_in_the_layers_not_even_what_a_class_of_ones_own_puts_beside_the_cache():
    class Keeps(ReLU):
        def forward(self, x):
            self.last = x
            return super().forward(x)

    network = Network([Keeps(), Linear(5, 3)], SoftmaxCrossEntropyLoss())
    network.predict(np.ones((2, 5), np.float32))
    assert not hasattr(network.layers[0], "last") and network.layers[0].cache is None


def test_gradient_descent_subtracts_alpha_times_the_gradient():
    network, twin = three_classes(0), three_classes(0)
    rng = np.random.default_rng(1)
    X, y = rng.random((7, 6)).astype(np.float32), rng.integers(0, 3, 7)
    for each in (network, twin):
        each.evaluate(X, y)
    network.gradient_descent(0.3)
    for name, d_W in twin.gradients().items():
        np.testing.assert_array_equal(network.parameters[name], twin.parameters[name] - 0.3 * d_W)


def test_the_names_of_the_layers_count_each_class_and_the_layers_are_a_tuple():
    network = Network([Linear(6, 5), ReLU(), Linear(5, 4), ReLU()], SoftmaxCrossEntropyLoss())
    assert network.names == ["linear1", "relu1", "linear2", "relu2"]
    with pytest.raises(TypeError):
        network.layers[0] = Linear(6, 5)


# ---- training or inference


def noisy(seed=0):
    """A network of layers that are others in training than in inference."""
    rng = np.random.default_rng(seed)
    layers = [Linear(6, 5, rng), Residual([Centre(5), Noise(1)]), Noise(2), Linear(5, 3, rng)]
    return Network(layers, SoftmaxCrossEntropyLoss())


def test_a_loop_by_hand_that_never_said_which_is_an_error_with_the_line_to_write():
    network = noisy()
    X, Y = batch(7, 6, 3)
    for forward in (lambda: network.evaluate(X, Y), lambda: network.scores(X), lambda: network.trace(X, Y)):
        with pytest.raises(ValueError, match=r"Centre: .* write network\.train\(\) before the loop that trains, network\.eval\(\)"):
            forward()
    assert network.train() is network
    network.evaluate(X, Y)
    network.gradient_descent(0.1)


def test_predict_chooses_inference_and_evaluate_does_what_was_said():
    network = noisy()
    X, Y = batch(7, 6, 3)
    predicted = network.predict(X)
    assert all(layer.training is None for _, layer in network.chain.walk())
    inferred = network.eval().evaluate(X, Y)[0]
    np.testing.assert_array_equal(inferred, predicted)
    trained = network.train().evaluate(X, Y)[0]
    assert not np.allclose(trained, inferred)
    assert not np.array_equal(network.evaluate(X, Y)[0], trained)  # noise is drawn anew
    assert all(layer.training is True for _, layer in network.chain.walk())
    assert not np.array_equal(network.predict(X), predicted)  # Centre has seen three batches
    np.testing.assert_array_equal(network.predict(X), network.eval().evaluate(X, Y)[0])


def test_mode_puts_back_what_each_layer_had_been_told_also_after_an_error():
    network = noisy()
    network.layers[1].train()
    network.layers[2].eval()
    before = [layer.training for _, layer in network.chain.walk()]
    assert set(before) == {None, True, False}
    with network.mode(training=False):
        assert {layer.training for _, layer in network.chain.walk()} == {False}
        with network.mode(training=True):
            assert {layer.training for _, layer in network.chain.walk()} == {True}
        assert {layer.training for _, layer in network.chain.walk()} == {False}
    with pytest.raises(KeyError):
        with network.mode(training=True):
            raise KeyError
    assert [layer.training for _, layer in network.chain.walk()] == before
    for said in ("train", 1, None):
        with pytest.raises(TypeError, match="got training=.*, wanted True or False"):
            with network.mode(said):
                pass
        with pytest.raises(TypeError, match="got training=.*, wanted True or False"):
            network.train(said)
    assert [layer.training for _, layer in network.chain.walk()] == before


def test_a_layer_that_is_put_into_a_network_after_it_was_told_has_to_be_told_too():
    network = Network([Linear(6, 3), Pair(3, 4)], SoftmaxCrossEntropyLoss()).train()
    network.layers[1].relu = Noise(0)
    with pytest.raises(ValueError, match="Noise: got a forward before anybody said"):
        network.evaluate(*batch(7, 6, 3))
    network.train().evaluate(*batch(7, 6, 3))


def test_a_copy_in_another_type_was_told_the_same():
    assert noisy().train().astype(np.float64).layers[1].layers[0].training is True


def test_threads_that_predict_while_another_trains_change_nothing_in_it():
    rng = np.random.default_rng(0)
    X, y = rng.random((300, 6)).astype(np.float32), rng.integers(0, 3, 300)

    def trained(network):
        network.train()
        for start in range(0, 300, 10):
            network.evaluate(X[start:start + 10], y[start:start + 10])
            network.gradient_descent(0.1)
        return {**network.parameters, **network.buffers}

    network, seen, stop = noisy(), [], threading.Event()

    def watch():
        while not stop.is_set():
            seen.append(network.predict(X[:20]))

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    watched = trained(network)
    stop.set()
    for thread in threads:
        thread.join(10)
    for name, array in trained(noisy()).items():
        np.testing.assert_array_equal(watched[name], array)
    assert seen and all(np.isfinite(p).all() and p.shape == (20, 3) for p in seen)
    assert {layer.training for _, layer in network.chain.walk()} == {True}


# ---- trace


def deep():
    rng = np.random.default_rng(0)
    layers = [ReLU(), Linear(6, 5, rng), Residual([Pair(5, 4, rng), Sequential([ReLU()])]),
              Sum([Linear(5, 3, rng)], [Linear(5, 3, rng)])]  # fmt: skip
    return Network(layers, SoftmaxCrossEntropyLoss()).astype(np.float64)


def test_trace_has_every_output_and_its_gradient_by_name():
    network = deep()
    X, Y = np.random.default_rng(1).standard_normal((7, 6)), np.arange(7) % 3
    trace = network.trace(X, Y)
    names = [name for name, _ in network.chain.walk()][1:]
    assert list(trace) == ["input", *names, "loss"]
    x = X
    for name, layer in zip(network.names, network.layers):
        x = layer(x)
        np.testing.assert_array_equal(trace[name].output, x)
    block = network.layers[2]
    np.testing.assert_array_equal(trace["residual1.pair1"].output, block.layers[0](trace["linear1"].output))
    np.testing.assert_array_equal(
        trace["residual1.pair1.first"].output, block.layers[0].first(trace["linear1"].output)
    )
    assert trace["loss"].output == network.evaluate(X, Y)[2] and trace["loss"].gradient == 1
    np.testing.assert_array_equal(trace["input"].output, X)
    np.testing.assert_allclose(trace["input"].gradient, network.bp_input(), rtol=1e-12)
    for name, seen in trace.items():
        assert seen.gradient.shape == seen.output.shape
    for name, gradient in network.gradients().items():
        layer, _, key = name.rpartition(".")
        np.testing.assert_allclose(trace[layer].parameters[key], gradient, rtol=1e-12)
    assert trace["relu1"].parameters == trace["residual1"].parameters == {}


def test_each_gradient_of_a_trace_is_that_of_the_loss_for_what_is_added_to_that_output():
    network, rng = deep(), np.random.default_rng(2)
    X, Y = rng.standard_normal((7, 6)), np.arange(7) % 3
    trace = network.trace(X, Y)
    for name, layer in list(network.chain.walk())[1:]:
        v, own = rng.standard_normal(trace[name].output.shape), layer.forward
        losses = []
        for h in (1e-6, -1e-6):
            layer.forward = lambda x: own(x) + h * v
            losses.append(network.evaluate(X, Y)[2])
        del layer.__dict__["forward"]
        slope = (losses[0] - losses[1]) / 2e-6
        assert np.isclose(slope, (trace[name].gradient * v).sum(), rtol=1e-5, atol=1e-9), name


def test_trace_leaves_no_trace():
    network = noisy().train()
    X, Y = batch(7, 6, 3)
    network.evaluate(X, Y)
    gradients, before = network.gradients(), copy.deepcopy(network)
    held = {name: dict(vars(layer)) for name, layer in network.chain.walk()}
    trace = network.trace(2 * X, Y)
    for name, layer in network.chain.walk():
        assert vars(layer).keys() == held[name].keys()
        assert all(vars(layer)[key] is value for key, value in held[name].items())
    for name, array in {**before.parameters, **before.buffers}.items():
        np.testing.assert_array_equal({**network.parameters, **network.buffers}[name], array)
    for name, rng in before.chain.generators.items():
        assert network.chain.generators[name].bit_generator.state == rng.bit_generator.state
    for name, gradient in network.gradients().items():
        np.testing.assert_array_equal(gradient, gradients[name])
    arrays = [array for seen in trace.values() for array in (*seen[:2], *seen.parameters.values())]
    assert not any(np.shares_memory(array, W) for array in arrays for W in (X, Y, *network.parameters.values()))
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_trace_is_in_the_mode_that_the_network_was_told_and_draws_what_a_training_would():
    network = noisy()
    X, Y = batch(7, 6, 3)
    inferred = network.eval().trace(X, Y)
    np.testing.assert_array_equal(inferred["residual1.noise1"].output, inferred["residual1.centre1"].output)
    trained = network.train().trace(X, Y)
    assert (trained["residual1.noise1"].output == 0).any()
    assert network.evaluate(X, Y)[2] == trained["loss"].output
    for name, gradient in network.gradients().items():
        layer, _, key = name.rpartition(".")
        np.testing.assert_allclose(trained[layer].parameters[key], gradient, rtol=1e-5, atol=1e-7)


def test_trace_calls_the_layers_own_methods_and_says_which_layer_did_not_run():
    class Lazy(Layer):
        def __init__(self):
            self.used, self.unused = ReLU(), ReLU()

        def forward(self, x):
            return 2 * self.used(x)

        def bp_input(self, grad):
            return self.used.bp_input(2 * grad)

    trace = Network([Linear(6, 3), Lazy()], SoftmaxCrossEntropyLoss()).trace(*batch(7, 6, 3))
    assert trace["lazy1.unused"] == (None, None, {}) and trace["lazy1.used"].output.shape == (7, 3)
    np.testing.assert_array_equal(trace["lazy1.used"].gradient, 2 * trace["lazy1"].gradient)
    assert "lazy1.unused  did not run" in repr(trace)


def test_a_trace_is_printed_as_a_table():
    lines = repr(deep().trace(np.ones((7, 6)), np.arange(7) % 3)).splitlines()
    assert lines[0].split() == ["shape", "mean", "size", "gradient", "of", "weights"]
    assert [line.split()[0] for line in lines[1:5]] == ["input", "relu1", "linear1", "residual1"]
    assert lines[1].split()[1:5] == ["(7,", "6)", "1", "1"] and lines[-1].startswith("loss")
    network = deep()
    network.parameters["linear1.W"][...] = np.nan
    with np.errstate(all="ignore"):
        assert "nan" in repr(network.trace(np.ones((7, 6)), np.arange(7) % 3))


def test_a_trace_of_wrong_data_is_the_error_of_the_layer():
    with pytest.raises(ValueError, match=r"Linear.*got an input of shape \(7, 5\), wanted \(N, 6\)"):
        deep().trace(np.ones((7, 5)), np.arange(7) % 3)


# ---- summary


def test_the_plain_summary_is_what_it_always_was():
    rng = np.random.default_rng(0)
    layers = [Linear(784, 128, rng), ReLU(), Linear(128, 10, rng, bias=False)]
    assert Network(layers, SoftmaxCrossEntropyLoss()).summary().splitlines() == [
        "layer                                output shape  parameters",
        "linear1 Linear(784, 128)             (N, 128)         100,480",
        "relu1   ReLU()                       (N, 128)               0",
        "linear2 Linear(128, 10, bias=False)  (N, 10)            1,280",
        "loss    SoftmaxCrossEntropyLoss('mean')",
        "total                                                 101,760",
    ]


def test_what_is_inside_of_a_layer_has_lines_of_its_own_and_counts_once():
    assert deep().summary().splitlines()[1:] == [
        "relu1         ReLU()           (N, ?)                 0",
        "linear1       Linear(6, 5)     (N, 5)                35",
        "residual1     Residual(...)    (N, 5)                49",
        "  pair1       Pair(5, 4)       (N, 5)                49",
        "    first     Linear(5, 4)     (N, 4)                24",
        "    relu      ReLU()           (N, ?)                 0",
        "    second    Linear(4, 5)     (N, 5)                25",
        "  sequential1 Sequential(...)  (N, 5)                 0",
        "    relu1     ReLU()           (N, 5)                 0",
        "sum1          Sum(..., ...)    (N, 5)                37",
        "  branches1   Linear(5, 3)     (N, 3)                18",
        "  others.g1   Linear(5, 3)     (N, 3)                18",
        "loss          SoftmaxCrossEntropyLoss('mean')",
        "total                                               121",
    ]


def cells(text):
    """The lines of a table of costs: name -> [bytes, forward, backward, shared with]; of two
    layers of one name the outer one."""
    found = {}
    for line in text.splitlines()[2:-2]:
        numbers = re.search(r"(\S+)  +(\S+)  +(\S+)  +[\d,.]+  +[\d,.]+(?: +(and .*))?$", line)
        found.setdefault(line.split()[0], numbers and list(numbers.groups()))
    return found


def test_the_costs_of_a_chain_are_those_that_one_counts_by_hand():
    rng = np.random.default_rng(0)
    network = Network([Linear(20, 10, rng), ReLU(), Linear(10, 3, rng)], SoftmaxCrossEntropyLoss())
    assert cells(network.summary(costs=True, batch_size=8)) == {
        "linear1": [f"{8 * 20 * 4}", "200", "200", None],  # x; the lowest: no bp_input
        "relu1": [f"{8 * 10 * 4}", "0", "0", None],
        "linear2": [f"{8 * 10 * 4}", "30", "60", None],
        "loss": None,
        "total": ["1,280", "230", "260", None],
    }


def test_what_two_layers_keep_is_counted_below_and_the_one_above_says_so():
    class Squash(Layer):
        def forward(self, x):
            self.cache = y = np.tanh(x)
            return y

        def bp_input(self, grad):
            return grad * (1 - self.cached() ** 2)

    class Keeps(Squash):
        """What it keeps is beside the cache, and twice the same memory."""

        constant = Buffer()

        def __init__(self):
            self.P, self.constant = np.ones(1000, np.float32), np.ones(1000)

        def forward(self, x):
            y = super().forward(x)
            self.parts, self.table, self.cache = [y, y[1:], (y.T,)], {"P": self.P, "c": self.constant}, None
            return y

        def bp_input(self, grad):
            return grad * (1 - self.parts[0] ** 2)

    rng = np.random.default_rng(0)
    network = Network([Linear(20, 10, rng), Squash(), Linear(10, 3, rng), Keeps()], SoftmaxCrossEntropyLoss())
    found = cells(network.summary(costs=True, batch_size=8))
    assert found["linear1"] == ["640", "200", "200", None]
    assert found["squash1"] == ["320", "?", "?", None]
    assert found["linear2"] == ["0", "30", "60", "and an array of squash1"]
    assert found["keeps1"] == [f"{8 * 3 * 4}", "?", "?", None]
    assert found["total"] == ["1,056", "?", "?", None]


def test_the_costs_of_what_is_inside_are_summed_and_nothing_below_the_lowest_weights_counts():
    network = deep()
    found = cells(network.summary(costs=True, batch_size=3))
    assert found["relu1"][1:3] == ["0", "0"] and found["linear1"][1:3] == ["30", "30"]
    assert found["first"][1:3] == found["second"][1:3] == ["20", "40"]
    assert found["pair1"][1:3] == found["residual1"][1:3] == ["40", "80"]
    assert found["sum1"][1:3] == ["30", "60"] and found["total"][1:3] == ["100", "170"]
    kept = {name: int(row[0].replace(",", "")) for name, row in found.items() if row}
    assert kept["total"] == sum(kept[name] for name in network.names)
    assert kept["first"] == kept["branches1"] == 3 * 5 * 8 and kept["others.g1"] == 0  # the same x
    lines = network.summary(costs=True, batch_size=3).splitlines()
    assert any(line.endswith("and an array of sum1.branches1") for line in lines)
    assert any("ReLU()" in line and "(N, 4)" in line for line in lines)  # known, as it has run


def test_the_lowest_weights_inside_a_residual_are_the_lowest():
    rng = np.random.default_rng(0)
    network = Network([Residual([ReLU(), Linear(5, 4, rng), Linear(4, 5, rng)])], SoftmaxCrossEntropyLoss())
    found = cells(network.summary(costs=True))
    assert found["linear1"][1:3] == ["20", "20"] and found["linear2"][1:3] == ["20", "40"]
    assert found["residual1"][1:3] == found["total"][1:3] == ["40", "60"]


def test_measuring_leaves_the_network_as_it_is_and_needs_nobody_to_have_said_which():
    network = noisy()
    before = copy.deepcopy(network)
    network.summary(costs=True)
    for name, array in {**before.parameters, **before.buffers}.items():
        np.testing.assert_array_equal({**network.parameters, **network.buffers}[name], array)
    for name, rng in before.chain.generators.items():
        assert network.chain.generators[name].bit_generator.state == rng.bit_generator.state
    assert all(layer.training is None and layer.cache is None for _, layer in network.chain.walk())


def test_a_network_whose_input_is_unknown_is_measured_with_a_batch_that_is_given():
    network = Network([ReLU()], SoftmaxCrossEntropyLoss())
    with pytest.raises(ValueError, match=r"wanted a batch of it to measure with: summary\(costs=True, X=X\)"):
        network.summary(costs=True)
    text = network.summary(costs=True, X=np.ones((3, 4, 5), np.float32))
    assert cells(text)["relu1"][0] == "240" and "(N, 4, 5)" in text and "a batch of 3" in text
    assert cells(network.summary(costs=True, X=[[1.0, 2.0]]))["total"][:3] == ["16", "0", "0"]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"costs": 3}, TypeError, "Network.summary: got costs=3, wanted True or False"),
        ({"costs": True, "batch_size": 0}, ValueError, "Network.summary: got batch_size=0, wanted at least 1"),
        ({"costs": True, "batch_size": 2.5}, TypeError, "batch_size=2.5 of type float, wanted a whole number"),
        ({"X": np.ones((2, 6))}, TypeError, r"got X, which is to measure with: summary\(costs=True, X=X\)"),
        ({"costs": True, "X": np.ones((0, 6))}, ValueError, r"got X of shape \(0, 6\), wanted \(N, ...\), a batch"),
        ({"costs": True, "X": 3.0}, ValueError, r"got X of shape \(\), wanted"),
        ({"costs": True, "X": np.ones((2, 5))}, ValueError, r"Linear.*got an input of shape \(2, 5\)"),
    ],
)
def test_a_summary_that_cannot_be_made_is_an_error(arguments, error, message):
    with pytest.raises(error, match=message):
        small().summary(**arguments)


def test_a_nan_from_the_start_does_not_stop_a_summary():
    network = small()
    network.parameters["linear1.W"][...] = np.nan
    assert cells(network.summary(costs=True))["linear1"][1:3] == ["30", "30"]


@pytest.mark.parametrize("last, loss", [
    (npbp.Softmax, npbp.SoftmaxCrossEntropyLoss), (npbp.Softmax, npbp.KullbackLeiblerLoss),
    (npbp.Sigmoid, npbp.BinaryCrossEntropyLoss),
])  # fmt: skip
def test_a_softmax_before_a_loss_that_has_one_inside_is_warned_of(last, loss):
    with pytest.warns(UserWarning, match=rf"got {last.__name__}\(\) before {loss.__name__}, .* leave {last.__name__}"):
        Network([Linear(4, 3), last()], loss())


def test_a_softmax_before_another_loss_is_as_good_as_any_layer():
    Network([Linear(4, 3), npbp.Softmax()], npbp.MeanSquaredErrorLoss())
    Network([Linear(4, 3), npbp.LogSoftmax()], SoftmaxCrossEntropyLoss())  # which changes nothing
