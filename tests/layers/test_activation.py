import numpy as np
import pytest

import npbp
from npbp import LeakyReLU, Linear, Network, PReLU, ReLU, Sequential, SoftmaxCrossEntropyLoss, check_layer


def test_relu_is_the_larger_of_x_and_zero_and_its_derivative_at_zero_is_zero():
    layer = ReLU()
    x = np.array([[-1.5, -0.0, 0.0, 2.5]])
    assert layer(x).tolist() == [[0, 0, 0, 2.5]]
    assert layer.bp_input(np.full((1, 4), 3.0)).tolist() == [[0, 0, 0, 3]]


def test_relu_masks_by_the_input_and_not_by_the_gradient():
    layer = ReLU()
    layer(np.array([[1.0, 1.0, -1.0, -1.0]]))
    assert layer.bp_input(np.array([[5.0, -5.0, 5.0, -5.0]])).tolist() == [[5, -5, 0, 0]]


def test_relu_lets_a_nan_through_so_that_it_is_seen():
    assert np.isnan(ReLU()(np.array([[np.nan]]))).all()


# ---- LeakyReLU

@pytest.mark.parametrize("slope", [0, 0.25, 1, 4])
def test_leaky_relu_multiplies_by_its_slope_what_is_not_above_0(slope):
    layer = LeakyReLU(slope)
    assert layer(np.array([[-2.0, 0.0, 3.0]])).tolist() == [[-2 * slope, 0, 3]]
    assert layer.bp_input(np.array([[5.0, -6.0, -7.0]])).tolist() == [[5 * slope, -6 * slope, -7]]


def test_leaky_relu_lets_a_hundredth_through_unless_asked():
    assert LeakyReLU()(np.array([[-100.0]])).tolist() == [[-1]]
    assert repr(LeakyReLU()) == "LeakyReLU(slope=0.01)"


def test_the_slope_of_leaky_relu_may_be_a_number_of_numpy():
    layer = LeakyReLU(np.float32(0.5))
    assert layer(np.array([[-2.0]])).tolist() == [[-1]] and type(layer.config()["slope"]) is float


# ---- PReLU

X = np.array([[-2.0, 3.0, -4.0], [0.0, -5.0, 6.0]])
G = np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]])


def test_one_slope_learns_from_all_numbers_that_are_not_above_0():
    layer = PReLU()
    assert layer(X).tolist() == [[-0.5, 3, -1], [0, -1.25, 6]]
    assert layer.bp_input(G).tolist() == [[0.25, 10, 25], [0.5, 5, 200]]
    assert layer.bp_param(G).tolist() == [-2 * 1 - 4 * 100 + 0 * 2 - 5 * 20]


def test_a_slope_for_each_feature_learns_from_its_own_column():
    layer = PReLU(3)
    layer.slope = [0.5, 1, 2]
    assert layer(X).tolist() == [[-1, 3, -8], [0, -5, 6]]
    assert layer.bp_input(G).tolist() == [[0.5, 10, 200], [1, 20, 200]]
    assert layer.bp_param(G).tolist() == [-2, -100, -400]


def test_the_slopes_of_features_are_those_of_the_last_axis_whatever_is_between():
    rng = np.random.default_rng(0)
    layer = PReLU(3, dtype=np.float64)
    layer.slope = [0.5, 1, 2]
    x, grad = rng.standard_normal((2, 4, 5, 3)), rng.standard_normal((2, 4, 5, 3))
    flat = PReLU(3, dtype=np.float64)
    flat.slope = layer.slope
    assert np.array_equal(layer(x).reshape(-1, 3), flat(x.reshape(-1, 3)))
    np.testing.assert_allclose(layer.bp_param(grad), flat.bp_param(grad.reshape(-1, 3)), rtol=1e-13)


@pytest.mark.parametrize("features, shape", [(1, (4,)), (1, (2, 3)), (3, (5, 3)), (3, (2, 4, 3)), (3, (2, 2, 4, 3))])
def test_the_gradients_of_slopes_agree_with_finite_differences(features, shape):
    layer = PReLU(features)
    layer.slope = np.linspace(-0.5, 1.5, features)  # training may take a slope below 0
    assert check_layer(layer, shape) < 1e-6


def test_a_slope_starts_at_a_quarter_or_where_it_is_told_to():
    assert PReLU().slope.tolist() == [0.25] and PReLU().slope.dtype == np.float32
    assert PReLU(2, slope=0.5, dtype=np.float64).slope.tolist() == [0.5, 0.5]


def test_weight_decay_leaves_slopes_alone():
    layer = Sequential([Linear(4, 3), PReLU(), Linear(3, 3), PReLU(3)])
    assert layer.decayed == {"linear1.W": 4, "linear2.W": 3}
    assert set(layer.parameters) == {"linear1.W", "prelu1.slope", "linear2.W", "prelu2.slope"}


def test_training_moves_the_slopes():
    rng = np.random.default_rng(0)
    network = Network([Linear(4, 8, rng), PReLU(8), Linear(8, 2, rng)], SoftmaxCrossEntropyLoss())
    X = rng.standard_normal((50, 4)).astype(np.float32)
    before = network.evaluate(X, (X[:, 0] > 0).astype(int))[2]
    for _ in range(20):
        network.gradient_descent(0.5)
        after = network.evaluate(X, (X[:, 0] > 0).astype(int))[2]
    assert after < before and (network.parameters["prelu1.slope"] != 0.25).all()


def test_a_step_of_the_slope_after_the_forward_does_not_change_the_gradient_of_that_forward():
    layer = PReLU()
    layer(X)
    expected = layer.bp_input(G)
    layer.slope -= np.float32(0.1)
    assert np.array_equal(layer.bp_input(G), expected)


def test_the_output_has_the_type_of_the_input_and_the_gradient_that_of_the_slope():
    for x_type in (np.float16, np.float32, np.float64):
        for slope_type in (np.float32, np.float64):
            layer = PReLU(3, dtype=slope_type)
            x = X.astype(x_type)
            assert layer(x).dtype == layer.bp_input(G).dtype == x_type
            assert layer.bp_param(G).dtype == slope_type


@pytest.mark.parametrize("shape", [(4,), (3,), (2, 4), (2, 3, 1), (3, 2)])
def test_an_input_without_that_many_features_is_an_error_that_names_both(shape):
    message = rf"PReLU\(features=3\): got an input of shape \({', '.join(map(str, shape))},?\), wanted \(N, \.\.\., 3\)"
    with pytest.raises(ValueError, match=message):
        PReLU(3)(np.zeros(shape))


def test_a_network_in_which_the_features_do_not_fit_is_refused_when_it_is_made():
    with pytest.raises(ValueError, match=r"PReLU\(features=3\): got an input of shape \(N, 4\)"):
        Sequential([Linear(2, 4), PReLU(3)])
    Sequential([Linear(2, 4), PReLU(), Linear(4, 3), PReLU(3)])


def test_slopes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"PReLU.slope: got an array of shape \(2,\), wanted \(3,\)"):
        PReLU(3).slope = [1, 2]


def test_the_bridge_gives_the_slope_its_gradient():
    layer, x = PReLU(3, dtype=np.float64), npbp.graph.Variable(X)
    slope = npbp.graph.parameters(layer)["slope"]
    y = npbp.graph.apply(layer, x)
    found = npbp.graph.general_back_propagation([x, slope], y, G, insert=False)
    assert np.array_equal(found[slope], layer.bp_param(G)) and np.array_equal(found[x], layer.bp_input(G))
