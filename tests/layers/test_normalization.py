import numpy as np
import pytest
from layer_rows import random_parameters
from layer_rows_normalization import batch_norm, layer_norm, rms_norm

from npbp import (
    BatchNorm1d,
    Dropout,
    LayerNorm,
    Linear,
    Network,
    ReLU,
    Residual,
    RMSNorm,
    Sequential,
    SoftmaxCrossEntropyLoss,
    check_layer,
    graph,
)

KINDS = [BatchNorm1d, LayerNorm, RMSNorm]
every_kind = pytest.mark.parametrize("kind", KINDS)
TWINS = {BatchNorm1d: batch_norm, LayerNorm: layer_norm, RMSNorm: rms_norm}


def network(seed=0):
    rng = np.random.default_rng(seed)
    layers = [Linear(6, 8, rng), BatchNorm1d(8), ReLU(), Dropout(0.3, rng), Linear(8, 3, rng)]
    return Network(layers, SoftmaxCrossEntropyLoss())


# ---- the running statistics


def test_two_batches_by_hand():
    layer = BatchNorm1d(1, momentum=0.5).train()
    y = layer([[0.0], [2.0], [4.0]])  # mean 2, variance 8/3, without bias 4
    np.testing.assert_allclose(y[:, 0], np.array([-2, 0, 2]) / np.sqrt(8 / 3), rtol=1e-5)
    assert layer.running_mean == [1.0] and layer.running_var == [2.5]
    layer([[1.0], [3.0]])  # mean 2, without bias 2
    assert layer.running_mean == [1.5] and layer.running_var == [2.25]
    layer.gamma, layer.beta = [2.0], [5.0]
    np.testing.assert_allclose(layer.eval()([[3.0], [0.0]]), [[7.0], [3.0]], rtol=1e-5)
    assert layer.running_mean == [1.5] and layer.running_var == [2.25]


def test_with_a_momentum_of_one_they_are_the_last_batchs_and_with_zero_they_stay():
    x = np.random.default_rng(0).standard_normal((7, 4, 5))
    last, never = (BatchNorm1d(5, momentum=m).astype(np.float64).train() for m in (1, 0))
    for layer in (last, never):
        layer(3 * x)
        layer(x)
    np.testing.assert_allclose(last.running_mean, x.mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(last.running_var, x.reshape(28, 5).var(axis=0, ddof=1), rtol=1e-12)
    assert not never.running_mean.any() and (never.running_var == 1).all()


def test_in_training_each_feature_of_the_batch_has_mean_0_and_variance_1_and_in_inference_not():
    x = 3 * np.random.default_rng(0).standard_normal((50, 4, 5)) + 2
    layer = BatchNorm1d(5).train()
    y = layer(x)
    np.testing.assert_allclose(y.mean(axis=(0, 1)), np.zeros(5), atol=1e-12)
    np.testing.assert_allclose(y.var(axis=(0, 1)), np.ones(5), rtol=1e-5)
    assert abs(layer.eval()(x) - y).mean() > 0.5


def test_in_inference_the_statistics_are_constants_of_the_gradient():
    layer = random_parameters(BatchNorm1d(3), np.random.default_rng(0)).eval()
    layer.running_var = [4.0, 9.0, 16.0]
    layer(np.ones((2, 3)))
    grad = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    np.testing.assert_allclose(layer.bp_input(grad), grad * layer.gamma / [2, 3, 4], rtol=1e-5)


def test_a_mode_changed_after_the_forward_does_not_change_its_gradient():
    layer = random_parameters(BatchNorm1d(3), np.random.default_rng(0)).train()
    x, grad = np.random.default_rng(1).standard_normal((2, 7, 3))
    layer(x)
    expected = layer.bp_input(grad)
    np.testing.assert_array_equal(layer.eval().bp_input(grad), expected)


# ---- few examples


def test_a_single_example_in_training_gives_beta_and_no_gradient_and_moves_nothing():
    layer = random_parameters(BatchNorm1d(5), np.random.default_rng(0)).train()
    layer(np.random.default_rng(1).standard_normal((7, 5)))
    mean, var = layer.running_mean.copy(), layer.running_var.copy()
    y = layer(np.array([[1e4, -3.7, 0.1, 1e20, 1e-20]], np.float32))
    np.testing.assert_array_equal(y, layer.beta[None])
    d_x, (d_gamma, d_beta) = layer.backward(np.arange(5.0)[None])
    assert not d_x.any() and not d_gamma.any()
    np.testing.assert_array_equal(d_beta, np.arange(5))
    np.testing.assert_array_equal(layer.running_mean, mean)
    np.testing.assert_array_equal(layer.running_var, var)


def test_several_steps_of_a_single_example_are_a_batch():
    x = np.random.default_rng(0).standard_normal((4, 5))
    one, four = BatchNorm1d(5).train(), BatchNorm1d(5).train()
    np.testing.assert_array_equal(one(x[None])[0], four(x))
    np.testing.assert_array_equal(one.running_var, four.running_var)
    assert (one.running_var != 1).all()


@every_kind
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(0, 5), (0, 4, 5), (3, 0, 5)])
def test_an_empty_batch_passes_through(kind, training, shape):
    layer = kind(5).train(training)
    x = np.zeros(shape, np.float32)
    assert layer(x).shape == layer.bp_input(x).shape == shape
    for key, d_W in layer.named_gradients(x).items():
        assert d_W.shape == (5,) and not d_W.any(), key
    for value, start in zip(layer.buffers.values(), (0, 1)):
        assert (value == start).all()


# ---- numbers


@every_kind
@pytest.mark.parametrize("N", [64, 3000])
def test_a_mean_far_above_the_spread_costs_no_digits(kind, N):
    rng = np.random.default_rng(0)
    x = (1e4 + rng.standard_normal((N, 40))).astype(np.float32)
    grad = rng.standard_normal((N, 40)).astype(np.float32)
    layer, exact = kind(40).train(), kind(40).astype(np.float64).train()
    for a, b in ((layer(x), exact(x.astype(np.float64))), (layer.bp_input(grad), exact.bp_input(grad))):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * abs(b).max())


@pytest.mark.parametrize("kind", [BatchNorm1d, LayerNorm])
@pytest.mark.parametrize("value", [0.1, 10000.1, -1e9])
def test_where_all_is_the_same_the_output_is_beta(kind, value):
    layer = random_parameters(kind(6), np.random.default_rng(0)).train()
    y = layer(np.full((7, 6), value, np.float32))
    np.testing.assert_allclose(y, np.tile(layer.beta, (7, 1)), atol=1e-3)


@every_kind
@pytest.mark.parametrize("dtype, size", [(np.float16, 2e4), (np.float32, 1e20), (np.float32, 1e37),
                                         (np.float64, 1e200)])
def test_large_numbers_are_normalised_as_small_ones_are(kind, dtype, size):
    rng = np.random.default_rng(0)
    x, grad = rng.uniform(-1, 1, (2, 64, 40))
    layer = kind(40, dtype=np.float64 if dtype == np.float64 else np.float32).train()
    exact = kind(40, eps=1e-30, dtype=np.float64).train()
    y, expected = layer((x * size).astype(dtype)), exact(x)
    assert y.dtype == dtype
    tolerance = 2e-3 if dtype == np.float16 else 1e-5
    np.testing.assert_allclose(y, expected, atol=tolerance)
    d_x = layer.bp_input(grad.astype(dtype))
    assert d_x.dtype == dtype
    np.testing.assert_allclose(d_x.astype(np.float64) * size, exact.bp_input(grad), atol=tolerance * 5)


@every_kind
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_sums_over_many_numbers_of_float16_do_not_overflow(kind, dtype):
    x = np.random.default_rng(0).uniform(-1, 1, (5000, 8)).astype(np.float16) * 100
    grad, layer, exact = x / 1000, kind(8).astype(dtype).train(), kind(8, dtype=np.float64).train()
    np.testing.assert_allclose(layer(x), exact(x.astype(np.float64)), rtol=2e-3, atol=2e-3)
    for key, d_W in layer.named_gradients(grad).items():
        assert d_W.dtype == dtype
        np.testing.assert_allclose(d_W, exact.named_gradients(grad)[key], rtol=5e-3, atol=0.05)


@every_kind
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_hidden_and_stays_in_its_row_or_column(kind, bad):
    x = np.random.default_rng(0).standard_normal((7, 5))
    x[2, 3] = bad
    with np.errstate(invalid="ignore"):
        y = kind(5).train()(x)
    spoilt = np.zeros((7, 5), bool)
    spoilt[(slice(None), 3) if kind is BatchNorm1d else (2, slice(None))] = True
    np.testing.assert_array_equal(np.isnan(y), spoilt)


# ---- gradients


@every_kind
@pytest.mark.parametrize("shape", [(7, 5), (2, 5), (6, 4, 5), (1, 4, 5)])
def test_they_pass_their_check_in_training_and_in_inference_and_are_left_as_they_were(kind, shape):
    for training in (True, False):
        layer = random_parameters(kind(5), np.random.default_rng(0)).train(training)
        before = {name: a.copy() for name, a in {**layer.parameters, **layer.buffers}.items()}
        assert check_layer(layer, shape) < 1e-6
        for name, a in {**layer.parameters, **layer.buffers}.items():
            np.testing.assert_array_equal(a, before[name])


@every_kind
def test_the_graph_version_has_right_second_derivatives(kind):
    rng = np.random.default_rng(0)
    args = [rng.standard_normal((6, 5)), rng.standard_normal(5), rng.standard_normal(5)]
    graph.check_grads(TWINS[kind], args[:3 if kind is not RMSNorm else 2], order=2)


@every_kind
@pytest.mark.parametrize("shape", [(6, 5), (3, 4, 5)])
def test_how_the_hand_written_gradient_changes_is_the_second_derivative_of_the_graph(kind, shape):
    """A Hessian-vector product, against differences of bp_input and of bp_param."""
    rng = np.random.default_rng(0)
    layer = random_parameters(kind(5).astype(np.float64), rng).train()
    x, G, v = rng.standard_normal((3, *shape))
    W = list(layer.parameters.values())

    def gradients(x):
        layer(x)
        return [layer.bp_input(G), *layer.named_gradients(G).values()]

    X, V = graph.Variable(x), [graph.Variable(w) for w in W]
    z = np.sum(TWINS[kind](X, *V) * G)
    first = graph.general_back_propagation([X, *V], z)
    for found, expected in zip(gradients(x), first.values()):
        np.testing.assert_allclose(found, expected.value, rtol=1e-12, atol=1e-12)

    along = np.sum(first[X] * v)  # (dJ/dx) v: its gradient is the Hessian times v
    second = graph.general_back_propagation([X, *V], along)
    h = 1e-5
    changes = [(a - b) / (2 * h) for a, b in zip(gradients(x + h * v), gradients(x - h * v))]
    assert all(np.abs(change).max() > 0.01 for change in changes[:2])
    for change, expected in zip(changes, (second[X], *(second[w] for w in V))):
        np.testing.assert_allclose(change, expected.value, rtol=1e-6, atol=1e-8)


@every_kind
def test_a_backward_gives_what_the_two_alone_give_and_goes_through_the_gradient_once(kind):
    looked = []

    class Watched(kind):
        def upstream(self, grad, shape):
            looked.append(1)
            return super().upstream(grad, shape)

    rng = np.random.default_rng(0)
    layer = random_parameters(Watched(5), rng).train()
    x, grad = rng.standard_normal((2, 7, 5))
    layer(x)
    d_x, d_W = layer.backward(grad)
    assert len(looked) == 1
    np.testing.assert_array_equal(layer.bp_input(grad), d_x)
    for a, b in zip(layer.named(layer.bp_param(grad)).values(), layer.named(d_W).values()):
        np.testing.assert_array_equal(a, b)


def test_in_a_graph_it_is_a_layer_as_any_other_and_its_statistics_follow_once():
    layer, alone = (random_parameters(BatchNorm1d(5), np.random.default_rng(0)).train() for _ in range(2))
    x, G = np.random.default_rng(1).standard_normal((2, 7, 5))
    X = graph.Variable(x)
    gradients = graph.general_back_propagation([X], graph.apply(layer, X), G, insert=False)
    alone(x)
    np.testing.assert_array_equal(gradients[X], alone.bp_input(G))
    np.testing.assert_array_equal(layer.running_mean, alone.running_mean)


@every_kind
def test_gamma_and_beta_do_not_decay(kind):
    assert kind(5).decayed == {}
    assert Sequential([Linear(3, 5), kind(5)]).decayed == {"linear1.W": 3}


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
def test_a_matrix_of_scales_does_not_decay_either(kind):
    layer = kind((4, 5))
    assert layer.gamma.shape == (4, 5) and layer.decayed == {}


# ---- training or inference


@pytest.mark.parametrize(
    "make",
    [
        lambda: BatchNorm1d(6),
        lambda: Sequential([Linear(6, 6), BatchNorm1d(6)]),
        lambda: Residual([BatchNorm1d(6), ReLU()]),
        lambda: Residual([Sequential([Residual([BatchNorm1d(6)])])]),
        lambda: network().chain,
    ],
)
def test_a_forward_before_anybody_said_which_is_an_error_with_the_line_to_write(make):
    with pytest.raises(ValueError, match=r"BatchNorm1d: got a forward before .*write network.train\(\)"):
        make()(np.ones((7, 6)))


def test_a_network_by_hand_says_so_too_and_predict_does_not_need_it():
    net, X, Y = network(), np.ones((7, 6), np.float32), np.arange(7) % 3
    with pytest.raises(ValueError, match=r"network.train\(\)"):
        net.evaluate(X, Y)
    assert net.predict(X).shape == (7, 3)
    net.train().evaluate(X, Y)


def test_predict_leaves_the_statistics_the_generator_and_the_backward_alone():
    rng = np.random.default_rng(0)
    net, X, Y = network().train(), rng.standard_normal((7, 6)).astype(np.float32), np.arange(7) % 3
    net.evaluate(X, Y)
    expected = net.gradients()
    buffers = {name: array.copy() for name, array in net.buffers.items()}
    states = [rng.bit_generator.state for rng in net.chain.generators.values()]
    one = net.predict(X[:1] + 3)
    np.testing.assert_allclose(net.predict(X + 3)[:1], one, rtol=1e-5)
    assert list(buffers) == ["batchnorm1d1.running_mean", "batchnorm1d1.running_var"]
    for name, array in net.buffers.items():
        np.testing.assert_array_equal(array, buffers[name])
    assert [rng.bit_generator.state for rng in net.chain.generators.values()] == states
    for name, gradient in net.gradients().items():
        np.testing.assert_array_equal(gradient, expected[name])
    assert all(layer.training for layer in net.layers)


def trained(seed):
    net = network(seed).train()
    rng = np.random.default_rng(5)
    X = (3 + rng.standard_normal((101, 6))).astype(np.float32)
    Y = X[:, :3].argmax(axis=1)
    for _ in range(40):
        for k in range(0, 101, 20):  # the last batch is of one example
            net.evaluate(X[k : k + 20], Y[k : k + 20])
            net.gradient_descent(0.2)
    return net, net.eval().evaluate(X, Y)[1]


def test_a_training_whose_last_batch_is_of_one_example_learns_and_is_the_same_each_time():
    (one, correct), (two, _) = trained(0), trained(0)
    assert correct > 0.8
    for name, array in {**one.parameters, **one.buffers}.items():
        np.testing.assert_array_equal(array, {**two.parameters, **two.buffers}[name])


# ---- kept


def test_astype_converts_the_statistics_too():
    layer = BatchNorm1d(5).train()
    layer(np.random.default_rng(0).standard_normal((7, 5)))
    twin = layer.astype(np.float64)
    for name, array in layer.buffers.items():
        assert array.dtype == np.float32 and twin.buffers[name].dtype == np.float64
        np.testing.assert_array_equal(twin.buffers[name], array)
    twin(np.ones((7, 5)))
    assert not np.array_equal(twin.running_mean, layer.running_mean)


def test_a_file_keeps_the_statistics_and_the_options(tmp_path):
    rng = np.random.default_rng(0)
    inside = [Linear(12, 12, rng), BatchNorm1d(12, momentum=0.3, eps=1e-3), RMSNorm(12)]
    net = Network([Residual(inside), LayerNorm((12,), eps=1e-2), Linear(12, 3, rng)], SoftmaxCrossEntropyLoss())
    random_parameters(net.chain, rng)
    X = rng.standard_normal((7, 12)).astype(np.float32)
    net.train().evaluate(X, np.arange(7) % 3)
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert repr(again) == repr(net) and "BatchNorm1d(features=12, momentum=0.3, eps=0.001)" in repr(net)
    assert (net.buffers["residual1.batchnorm1d1.running_mean"] != 0).all()
    for name, array in {**net.parameters, **net.buffers}.items():
        np.testing.assert_array_equal({**again.parameters, **again.buffers}[name], array)
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    again.train().evaluate(X, np.arange(7) % 3)
    again.gradient_descent(0.1)


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
def test_several_axes_come_back_from_a_file(kind, tmp_path):
    net = Network([kind([4, 5])], SoftmaxCrossEntropyLoss())
    net.save(tmp_path / "net.npz")
    assert Network.load(tmp_path / "net.npz").layers[0].features == (4, 5)


# ---- what is refused


@every_kind
@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"features": 0}, ValueError, "features=0, wanted at least 1"),
        ({"features": 5.0}, TypeError, "features=5.0 of type float, wanted a whole number"),
        ({"features": True}, TypeError, "features=True"),
        ({"features": None}, TypeError, "features=None"),
        ({"eps": 0}, ValueError, "eps=0, wanted a finite number above 0"),
        ({"eps": -1e-5}, ValueError, "eps=-1e-05"),
        ({"eps": np.nan}, ValueError, "eps=nan"),
        ({"eps": 10**400}, ValueError, "eps=1000"),
        ({"eps": "small"}, TypeError, "eps='small' of type str, wanted a number"),
        ({"eps": True}, TypeError, "eps=True"),
        ({"dtype": int}, TypeError, "wanted a real floating type"),
    ],
)
def test_an_option_that_cannot_be_is_an_error_that_names_it(kind, options, error, message):
    with pytest.raises(error, match=message) as caught:
        kind(**{"features": 5, **options})
    assert "dtype" in options or str(caught.value).startswith(f"{kind.__name__}: got ")


@pytest.mark.parametrize("momentum, error", [(-0.1, ValueError), (1.1, ValueError), (np.nan, ValueError),
                                             ("0.1", TypeError), (None, TypeError), (True, TypeError)])
def test_a_momentum_that_is_no_share_is_an_error(momentum, error):
    with pytest.raises(error, match="BatchNorm1d: got momentum="):
        BatchNorm1d(5, momentum=momentum)


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
@pytest.mark.parametrize("features, error", [((), ValueError), ((4, 0), ValueError), ((4, -1), ValueError),
                                             ((4, 2.0), TypeError), ([[4]], TypeError), ((1,) * 32, ValueError)])
def test_a_shape_of_features_that_is_none_is_an_error(kind, features, error):
    with pytest.raises(error, match=f"{kind.__name__}: got features"):
        kind(features)


@pytest.mark.parametrize(
    "layer, shape, message",
    [
        (BatchNorm1d(5), (7, 4), r"got an input of shape \(7, 4\), wanted \(N, 5\) or \(N, steps, 5\): the layer below"),
        (BatchNorm1d(5), (5,), r"a single example is a batch of one: x\[None, ...\]"),
        (BatchNorm1d(5), (7, 5, 4), "the features come last here, not right after the batch"),
        (BatchNorm1d(5), (7, 4, 4, 5), r"per channel by a Reshape\(\(-1, channels\)\)"),
        (LayerNorm(5), (7, 4), r"wanted \(N, 5\) or \(N, ..., 5\): the layer below"),
        (LayerNorm((4, 5)), (7, 5, 4), r"wanted \(N, 4, 5\) or \(N, ..., 4, 5\)"),
        (LayerNorm((4, 5)), (4, 5), "a single example is a batch of one"),
        (LayerNorm((4, 5)), (5,), "a single example is a batch of one"),
        (RMSNorm(5), (5,), "a single example is a batch of one"),
    ],
)
def test_an_input_of_another_shape_is_an_error_with_its_likely_cause(layer, shape, message):
    with pytest.raises(ValueError, match=message) as caught:
        layer.train()(np.zeros(shape))
    assert str(caught.value).startswith(repr(layer))


def test_neighbours_that_do_not_fit_are_an_error_when_the_network_is_made():
    for kind in KINDS:
        with pytest.raises(ValueError, match=rf"{kind.__name__}\(.*got an input of shape \(N, 6\), wanted \(N, 5\)"):
            Sequential([Linear(3, 6), kind(5)])
        assert kind(5).output_shape((5,)) == (5,) and kind(5).output_shape((4, 5)) == (4, 5)
        assert kind(5).output_shape(None) is None
