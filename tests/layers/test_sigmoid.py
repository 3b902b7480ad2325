import numpy as np
import pytest

from npbp import HardSigmoid, Sigmoid, Softsign, Tanh
from npbp.layers.sigmoid import sigmoid


def test_sigmoid_of_the_logarithm_of_odds_is_the_probability():
    layer = Sigmoid()
    x = np.log(np.array([[1 / 3, 1.0, 3.0, 9.0]]))
    np.testing.assert_allclose(layer(x), [[0.25, 0.5, 0.75, 0.9]], rtol=1e-15)
    grad = np.array([[16.0, -4.0, 16.0, 100.0]])
    np.testing.assert_allclose(layer.bp_input(grad), [[3, -1, 3, 9]], rtol=1e-14)


@pytest.mark.parametrize("dtype, tiny", [(np.float32, 3.783506e-44), (np.float64, 3.720075976020836e-44)])
def test_sigmoid_of_minus_100_has_the_digits_that_its_type_can_hold(dtype, tiny):
    layer = Sigmoid()
    x = np.array([[-100, 100]], dtype)
    np.testing.assert_allclose(layer(x), [[tiny, 1]], rtol=1e-6 if dtype == np.float32 else 1e-15)
    np.testing.assert_allclose(layer.bp_input(np.ones_like(x)), [[tiny, tiny]], rtol=1e-6)


def test_the_function_and_its_mirror_image_add_up_to_1():
    x = np.linspace(-30, 30, 101)
    np.testing.assert_allclose(sigmoid(x)[0] + sigmoid(-x)[0], 1, rtol=1e-15)
    assert np.array_equal(sigmoid(x)[1], sigmoid(-x)[1])


def test_tanh_of_a_logarithm_is_a_fraction():
    layer = Tanh()
    x = np.log(np.array([[0.5, 1.0, 2.0, 3.0]]))
    np.testing.assert_allclose(layer(x), [[-0.6, 0, 0.6, 0.8]], rtol=1e-15, atol=1e-16)
    np.testing.assert_allclose(layer.bp_input(np.full((1, 4), 25.0)), [[16, 25, 16, 9]], rtol=1e-14)


def test_tanh_still_has_a_slope_where_it_is_rounded_to_1():
    layer = Tanh()
    x = np.array([[-30.0, 30.0]])
    assert layer(x).tolist() == [[-1, 1]]
    np.testing.assert_allclose(layer.bp_input(np.ones((1, 2))), 4 * np.exp(-60), rtol=1e-14)


def test_softsign_is_a_fraction():
    layer = Softsign()
    x = np.array([[-3.0, 0.0, 1.0, 4.0]])
    assert layer(x).tolist() == [[-0.75, 0, 0.5, 0.8]]
    np.testing.assert_allclose(layer.bp_input(np.full((1, 4), 400.0)), [[25, 400, 100, 16]], rtol=1e-15)


def test_hard_sigmoid_is_straight_between_its_kinks_and_level_beyond():
    layer = HardSigmoid()
    x = np.array([[-100.0, -3.0, -1.5, 0.0, 1.5, 3.0, 100.0]])
    assert layer(x).tolist() == [[0, 0, 0.25, 0.5, 0.75, 1, 1]]
    assert layer.bp_input(np.full((1, 7), 6.0)).tolist() == [[0, 0, 1, 1, 1, 0, 0]]


def test_hard_sigmoid_keeps_its_digits_beside_the_kink():
    x = np.array([[np.nextafter(-3.0, 0.0)]])
    assert HardSigmoid()(x)[0, 0] == (x[0, 0] + 3) / 6 > 0
