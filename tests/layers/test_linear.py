import numpy as np
import pytest

from npbp import Linear


def test_it_is_a_product_with_a_column_of_ones_appended():
    rng = np.random.default_rng(0)
    layer = Linear(5, 3, rng, dtype=np.float64)
    x, grad = rng.standard_normal((7, 5)), rng.standard_normal((7, 3))
    ones = np.hstack([x, np.ones((7, 1))])
    np.testing.assert_allclose(layer(x), ones @ layer.W, rtol=1e-13)
    np.testing.assert_allclose(layer.bp_input(grad), (grad @ layer.W.T)[:, :-1], rtol=1e-13)
    np.testing.assert_allclose(layer.bp_param(grad), ones.T @ grad, rtol=1e-13)


def test_it_agrees_with_three_nested_loops():
    rng = np.random.default_rng(1)
    layer = Linear(4, 2, rng, dtype=np.float64)
    x, grad = rng.standard_normal((3, 4)), rng.standard_normal((3, 2))
    y, d_x, d_W = np.zeros((3, 2)), np.zeros((3, 4)), np.zeros((5, 2))
    for n in range(3):
        for k in range(2):
            y[n, k] = layer.W[4, k]
            d_W[4, k] += grad[n, k]
            for i in range(4):
                y[n, k] += x[n, i] * layer.W[i, k]
                d_x[n, i] += grad[n, k] * layer.W[i, k]
                d_W[i, k] += x[n, i] * grad[n, k]
    np.testing.assert_allclose(layer(x), y, rtol=1e-12)
    np.testing.assert_allclose(layer.bp_input(grad), d_x, rtol=1e-12)
    np.testing.assert_allclose(layer.bp_param(grad), d_W, rtol=1e-12)


def test_the_weights_start_as_xavier_uniform_with_the_bias_counted_in():
    layer = Linear(784, 32, np.random.default_rng(0))
    bound = np.sqrt(6 / (784 + 1 + 32))
    assert layer.W.shape == (785, 32) and layer.W.dtype == np.float32
    assert 0.99 * bound < abs(layer.W).max() <= bound * (1 + 1e-6)
    assert abs(layer.W.mean()) < 0.01 * bound
    assert np.isclose(layer.W.std(), bound / np.sqrt(3), rtol=0.01)
    assert layer.W[-1].any(), "the bias is drawn like the other rows"


def test_the_same_seed_gives_the_same_weights_and_no_global_generator_is_used():
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    one, two = (Linear(5, 3, np.random.default_rng(4)).W for _ in range(2))
    assert np.array_equal(one, two)
    assert np.array_equal(np.random.get_state()[1], state)
    assert not np.array_equal(Linear(5, 3).W, Linear(5, 3).W)


def test_an_empty_batch_passes_through():
    layer = Linear(5, 3)
    assert layer(np.zeros((0, 5), np.float32)).shape == (0, 3)
    assert layer.bp_input(np.zeros((0, 3), np.float32)).shape == (0, 5)
    assert not layer.bp_param(np.zeros((0, 3), np.float32)).any()


@pytest.mark.parametrize(
    "shape, cause",
    [
        ((784,), r"batch of one: x\[None, :\]"),
        ((64, 28, 28), r"must be flattened: x\.reshape\(len\(x\), -1\)"),
        ((64, 783), "the layer below, or the data, has another size"),
    ],
)
def test_an_input_of_the_wrong_shape_is_an_error_with_its_likely_cause(shape, cause):
    with pytest.raises(ValueError, match=r"wanted \(N, 784\): .*" + cause):
        Linear(784, 32)(np.zeros(shape, np.float32))


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 3)])
def test_a_size_below_one_is_an_error(sizes):
    with pytest.raises(ValueError, match=r"Linear: got \w+_features=.*wanted at least 1"):
        Linear(*sizes)


@pytest.mark.parametrize("sizes", [(3.0, 2), (3, "2"), (True, 2), (None, 2)])
def test_a_size_that_is_no_whole_number_is_an_error(sizes):
    with pytest.raises(TypeError, match="wanted a whole number"):
        Linear(*sizes)


def test_weights_of_no_floating_type_are_an_error():
    with pytest.raises(TypeError, match="wanted a real floating type"):
        Linear(3, 2, dtype=int)
