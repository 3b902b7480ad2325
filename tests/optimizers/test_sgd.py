import numpy as np
import pytest

from npbp import SGD


def test_a_step_goes_against_the_gradient_in_place_and_spares_the_gradient():
    W, d_W = np.array([[1.0, 2.0]], np.float32), np.array([[10.0, -10.0]], np.float32)
    parameters = {"W": W}
    SGD(0.1).step(parameters, {"W": d_W})
    assert parameters["W"] is W and W.dtype == np.float32
    np.testing.assert_allclose(W, [[0.0, 3.0]], atol=1e-6)
    assert d_W.tolist() == [[10, -10]]


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf"), 10**400])
def test_a_learning_rate_that_cannot_be_is_a_value_error(alpha):
    with pytest.raises(ValueError, match="SGD: got alpha=.*wanted a finite number"):
        SGD(alpha)


@pytest.mark.parametrize("alpha", [None, "fast", [0.1, 0.2]])
def test_a_learning_rate_that_is_no_number_is_a_type_error(alpha):
    with pytest.raises(TypeError, match="SGD: got alpha=.*wanted a finite number"):
        SGD(alpha)
