import math

import numpy as np
import pytest

from npbp import GELU
from npbp.layers.normal import FAR, normal

# P(Z > a), from tables: a, and the tail to 16 digits.
TAILS = [(0, 0.5), (1, 0.15865525393145705), (2, 0.022750131948179207), (3, 0.0013498980316300945),
         (6, 9.865876450376981e-10), (10, 7.619853024160526e-24), (20, 2.7536241186062337e-89),
         (30, 4.906713927148187e-198), (37, 5.725571222524576e-300)]  # fmt: skip


@pytest.mark.parametrize("a, tail", TAILS)
def test_the_tails_of_the_normal_distribution_are_those_of_tables(a, tail):
    p, density = normal(np.array([-a, a], dtype=float))
    np.testing.assert_allclose(p, [tail, 1 - tail], rtol=4e-15)
    np.testing.assert_allclose(density, math.exp(-a * a / 2) / math.sqrt(2 * math.pi), rtol=1e-14)


def test_float64_agrees_with_erfc_of_the_standard_library_everywhere():
    z = np.linspace(-5, 26, 20001)  # erfc is smooth, and z sqrt(2) is rounded: so is its exponent
    p, _ = normal(-z * math.sqrt(2))
    exact = np.array([math.erfc(number) / 2 for number in z])
    rounding = np.finfo(float).eps * (4 + 2 * z * z)
    assert (abs(p / exact - 1) < rounding).all()


def test_float32_has_the_digits_of_float32_down_to_the_smallest_tail():
    x = np.linspace(-13, 13, 20001).astype(np.float32)
    p, density = normal(x)
    exact, exact_density = normal(x.astype(np.float64))
    assert p.dtype == density.dtype == np.float32
    np.testing.assert_allclose(p, exact, rtol=5e-7)
    np.testing.assert_allclose(density, exact_density, rtol=5e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_where_it_ends_the_tail_is_0(dtype):
    p, density = normal(np.array([-FAR, FAR], dtype))
    assert p.tolist() == [0, 1] and density.tolist() == [0, 0]


def test_gelu_is_x_times_the_distribution_of_a_normal_number():
    layer = GELU()
    x = np.array([[-6.0, -1.0, 0.0, 1.0, 2.0]])
    np.testing.assert_allclose(layer(x), [[-5.919525870226188e-09, -0.15865525393145705, 0,
                                           0.8413447460685429, 1.9544997361036416]], rtol=4e-15)
    slopes = [-3.5468709453902015e-08, -0.0833154705876863, 0.5, 1.0833154705876863, 1.0852318010781969]
    np.testing.assert_allclose(layer.bp_input(np.ones((1, 5))), [slopes], rtol=1e-14)


def test_gelu_by_tanh_is_the_approximation_of_its_paper():
    layer = GELU(approximate="tanh")
    x = np.array([[-1.0, 0.0, 0.5, 2.0]])
    expected = [[0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) for v in x[0]]]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-14)
    np.testing.assert_allclose(layer(x), GELU()(x), atol=5e-4)
    assert not np.allclose(layer(x), GELU()(x), rtol=0, atol=1e-5)


def test_gelu_by_tanh_keeps_its_digits_below_0():
    u = 2 * math.sqrt(2 / math.pi) * (6 + 0.044715 * 6**3)
    np.testing.assert_allclose(GELU("tanh")(np.array([[-6.0]])), -6 / (1 + math.exp(u)), rtol=2e-14)


def test_its_repr_names_the_approximation_if_it_is_one():
    assert repr(GELU()) == "GELU()" and repr(GELU("tanh")) == "GELU(approximate='tanh')"
