import numpy as np

from npbp import SiLU, Softplus


def test_softplus_is_the_logarithm_of_one_plus_an_exponential():
    layer = Softplus()
    x = np.log(np.array([[1 / 3, 1.0, 3.0]]))
    np.testing.assert_allclose(layer(x), np.log([[4 / 3, 2, 4]]), rtol=1e-15)
    np.testing.assert_allclose(layer.bp_input(np.full((1, 3), 4.0)), [[1, 2, 3]], rtol=1e-15)


def test_softplus_far_out_is_0_or_x():
    layer = Softplus()
    for dtype in (np.float32, np.float64):
        x = np.array([[-1000, 1000]], dtype)
        assert layer(x).tolist() == [[0, 1000]]
        assert layer.bp_input(np.ones_like(x)).tolist() == [[0, 1]]
    np.testing.assert_allclose(layer(np.array([[-40.0]])), np.exp(-40), rtol=1e-15)


def test_silu_is_x_times_its_sigmoid():
    layer, three = SiLU(), np.log(3)
    np.testing.assert_allclose(layer(np.array([[-three, 0.0, three]])), [[-three / 4, 0, 3 * three / 4]], rtol=1e-15)
    expected = [[1 / 4 - three * 3 / 16, 1 / 2, 3 / 4 + three * 3 / 16]]
    np.testing.assert_allclose(layer.bp_input(np.ones((1, 3))), expected, rtol=1e-14)


def test_silu_has_its_least_value_where_its_slope_is_0():
    layer, x = SiLU(), np.array([[-1.2784645427610738]])
    np.testing.assert_allclose(layer(x), -0.2784645427610738, rtol=1e-14)
    assert abs(layer.bp_input(np.ones((1, 1)))) < 1e-15
