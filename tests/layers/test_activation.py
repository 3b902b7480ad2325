import numpy as np

from npbp import ReLU


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
