import threading

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
