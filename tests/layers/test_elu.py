import numpy as np
import pytest

from npbp import ELU, SELU, Linear


def test_elu_is_x_above_0_and_an_exponential_below_that_ends_at_minus_alpha():
    layer = ELU(alpha=2)
    x = np.array([[np.log(0.25), 0.0, 3.0, -1000.0]])
    np.testing.assert_allclose(layer(x), [[-1.5, 0, 3, -2]], rtol=1e-15)
    np.testing.assert_allclose(layer.bp_input(np.full((1, 4), 4.0)), [[2, 8, 4, 0]], rtol=1e-15)


def test_with_alpha_1_elu_has_no_kink():
    layer = ELU()
    layer(np.array([[-1e-9, 0.0, 1e-9]]))
    np.testing.assert_allclose(layer.bp_input(np.ones((1, 3))), [[1, 1, 1]], rtol=1e-8)


@pytest.mark.parametrize("alpha", [0, 0.3, 1, 1.7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_above_0_elu_is_x_and_its_slope_1_to_the_last_digit(alpha, dtype):
    layer = ELU(alpha)
    x = np.random.default_rng(0).random((40, 5)).astype(dtype) * 10 + np.finfo(dtype).tiny
    assert np.array_equal(layer(x), x)
    assert np.array_equal(layer.bp_input(np.ones_like(x)), np.ones_like(x))


def test_elu_with_alpha_0_is_a_relu():
    layer = ELU(alpha=0)
    assert layer(np.array([[-2.0, 3.0]])).tolist() == [[0, 3]]
    assert layer.bp_input(np.array([[5.0, 5.0]])).tolist() == [[0, 5]]


def test_selu_is_a_scaled_elu_with_the_numbers_of_its_paper():
    layer = SELU()
    x = np.array([[-1000.0, np.log(0.5), 0.0, 2.0]])
    np.testing.assert_allclose(
        layer(x), [[-1.7580993408473766, -0.8790496704236883, 0, 2.101401974710961]], rtol=1e-14
    )
    np.testing.assert_allclose(
        layer.bp_input(np.ones((1, 4))),
        [[0, 0.8790496704236883, 1.7580993408473766, 1.0507009873554805]], rtol=1e-14,
    )


def test_selu_keeps_mean_0_and_variance_1_through_many_layers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 200))
    for _ in range(8):
        linear = Linear(200, 200, rng, bias=False, dtype=np.float64)
        linear.W = rng.standard_normal((200, 200)) / np.sqrt(200)
        x = SELU()(linear(x))
    assert abs(x.mean()) < 0.1 and abs(x.var() - 1) < 0.1
