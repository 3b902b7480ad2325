import functools

import numpy as np
import pytest

from npbp import Linear, initializers
from npbp.initializers import (constant, he_normal, he_uniform, lecun_normal, lecun_uniform, orthogonal,
                               xavier_normal, xavier_uniform, zeros)

UNIFORM = {xavier_uniform: lambda i, o: 6 / (i + o), he_uniform: lambda i, o: 6 / i, lecun_uniform: lambda i, o: 3 / i}
NORMAL = {xavier_normal: lambda i, o: 2 / (i + o), he_normal: lambda i, o: 2 / i, lecun_normal: lambda i, o: 1 / i}
ALL = [*UNIFORM, *NORMAL, orthogonal, zeros, constant(0.25)]
SIZES = [(300, 200), (100, 600)]


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("fan_in, fan_out", SIZES)
@pytest.mark.parametrize("initializer", UNIFORM, ids=lambda f: f.__name__)
def test_a_uniform_one_fills_its_interval_evenly(initializer, fan_in, fan_out):
    W = initializer(fan_in, fan_out, rng())
    bound = np.sqrt(UNIFORM[initializer](fan_in, fan_out))
    counts, _ = np.histogram(W, bins=10, range=(-bound, bound))
    assert counts.sum() == W.size == 60000, "nothing lies outside"
    assert abs(counts / 6000 - 1).max() < 0.05


@pytest.mark.parametrize("fan_in, fan_out", SIZES)
@pytest.mark.parametrize("initializer", NORMAL, ids=lambda f: f.__name__)
def test_a_normal_one_has_its_mean_spread_and_tails(initializer, fan_in, fan_out):
    z = initializer(fan_in, fan_out, rng()) / np.sqrt(NORMAL[initializer](fan_in, fan_out))
    assert abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.02
    assert (abs(z) < 1).mean() == pytest.approx(0.6827, abs=0.01) and (abs(z) < 2).mean() == pytest.approx(0.9545, abs=0.005)


@pytest.mark.parametrize("uniform, normal", list(zip(UNIFORM, NORMAL)), ids=["Xavier", "He", "LeCun"])
def test_the_uniform_and_the_normal_one_of_a_name_have_the_same_variance(uniform, normal):
    assert UNIFORM[uniform](30, 70) / 3 == pytest.approx(NORMAL[normal](30, 70))


@pytest.mark.parametrize("initializer", [xavier_uniform, xavier_normal], ids=lambda f: f.__name__)
def test_xavier_keeps_the_variance_of_a_signal_on_average_of_both_directions(initializer):
    r = rng()
    W = initializer(400, 100, r)
    forward = (r.standard_normal((500, 400)) @ W).var()
    backward = (r.standard_normal((500, 100)) @ W.T).var()
    assert np.isclose((forward + backward) / 2, 1, rtol=0.05)


@pytest.mark.parametrize("initializer", [he_uniform, he_normal], ids=lambda f: f.__name__)
def test_he_keeps_the_mean_square_through_many_layers_of_relu(initializer):
    r = rng()
    x = r.standard_normal((200, 300))
    for _ in range(10):
        x = np.maximum(x @ initializer(300, 300, r), 0)
    assert np.mean(x**2) == pytest.approx(1, rel=0.35)  # (with Xavier it would be 0.001)


@pytest.mark.parametrize("initializer", [lecun_uniform, lecun_normal], ids=lambda f: f.__name__)
def test_lecun_keeps_the_variance_of_a_signal_forward(initializer):
    r = rng()
    assert (r.standard_normal((500, 400)) @ initializer(400, 100, r)).var() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("gain", [1.0, 2.5, -1.0])
@pytest.mark.parametrize("fan_in, fan_out", [(7, 7), (9, 4), (4, 9), (1, 5), (5, 1), (1, 1)])
def test_orthogonal_has_orthonormal_columns_or_rows_times_the_gain(fan_in, fan_out, gain):
    W = orthogonal(fan_in, fan_out, rng(), gain=gain)
    assert W.shape == (fan_in, fan_out)
    product = W.T @ W if fan_in >= fan_out else W @ W.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(fan_in, fan_out)), atol=1e-12)


def test_all_orthogonal_matrices_are_equally_likely():
    r = rng()
    found = np.array([orthogonal(3, 3, r) for _ in range(2000)])
    # Without the signs of R the diagonal of Q would be negative, mostly.
    assert abs(found.mean(axis=0)).max() < 0.05
    assert (np.linalg.det(found) > 0).mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose((found**2).mean(axis=0), 1 / 3, atol=0.03)


def test_zeros_and_constants_are_what_they_say():
    assert zeros(2, 3).tolist() == [[0, 0, 0]] * 2 and constant(-1.5)(3, 1, rng()).tolist() == [[-1.5]] * 3


@pytest.mark.parametrize("initializer", ALL)
def test_the_same_seed_gives_the_same_weights_and_an_array_of_its_own(initializer):
    one, two = initializer(4, 3, np.random.default_rng(7)), initializer(4, 3, np.random.default_rng(7))
    assert one.shape == (4, 3) and one.dtype == np.float64 and one.flags.writeable and one.flags.c_contiguous
    np.testing.assert_array_equal(one, two)
    assert not np.shares_memory(one, two) and initializer(4, 3).shape == (4, 3)


@pytest.mark.parametrize("initializer", [*UNIFORM, *NORMAL, orthogonal], ids=lambda f: f.__name__)
def test_random_ones_take_their_numbers_from_the_generator(initializer):
    r = rng()
    assert not np.array_equal(initializer(4, 3, r), initializer(4, 3, r))
    assert not np.array_equal(initializer(4, 3), initializer(4, 3))


@pytest.mark.parametrize("initializer", ALL)
@pytest.mark.parametrize("fan, error, words", [(0, ValueError, "0, wanted at least 1"), (-3, ValueError, "-3, wanted at least 1"),
                                               (2.5, TypeError, "2.5, wanted a whole number"), (None, TypeError, "None"), (True, TypeError, "True")])
def test_a_fan_that_cannot_be_is_refused(initializer, fan, error, words):
    name = getattr(initializer, "__name__", "")
    name = "constant" if name == "initializer" else name
    with pytest.raises(error, match=f"{name}: got fan_in={words}"):
        initializer(fan, 3, rng())
    with pytest.raises(error, match=f"{name}: got fan_out={words}"):
        initializer(3, fan, rng())


def test_a_value_or_gain_that_is_no_finite_number_is_refused():
    for bad, error in ((float("nan"), ValueError), (float("inf"), ValueError), (None, TypeError), ("x", TypeError)):
        with pytest.raises(error, match="constant: got value="):
            constant(bad)
        with pytest.raises(error, match="orthogonal: got gain="):
            orthogonal(3, 3, rng(), gain=bad)


def test_every_initializer_of_the_module_is_tested_here():
    public = {name for name, value in vars(initializers).items()
              if callable(value) and getattr(value, "__module__", "") == initializers.__name__ and name[0] != "_"}
    assert public == {f.__name__ for f in [*UNIFORM, *NORMAL, orthogonal, zeros, constant]}


# ---- in a layer


@pytest.mark.parametrize("initializer", [*ALL, functools.partial(orthogonal, gain=2.0)])
def test_a_linear_layer_starts_with_it(initializer):
    layer = Linear(4, 3, np.random.default_rng(7), initializer=initializer)
    np.testing.assert_array_equal(layer.W, initializer(5, 3, np.random.default_rng(7)).astype(np.float32))
    assert Linear(4, 3, initializer=initializer, bias=False).W.shape == (4, 3)


@pytest.mark.parametrize("initializer, error, match", [
    ("he", TypeError, "Linear: got initializer='he', wanted a function of .fan_in, fan_out, rng.*npbp.initializers.he_normal"),
    (None, TypeError, "Linear: got initializer=None, wanted a function"),
    (np.ones((5, 3)), TypeError, "Linear: got initializer=array"),
    (lambda i, o, rng: np.ones((o, i)), ValueError, r"got an array of shape \(3, 5\) from the initializer, wanted.*\(5, 3\)"),
    (lambda i, o, rng: 0.5, ValueError, r"got an array of shape \(\) from the initializer"),
    (lambda i, o, rng: None, TypeError, "what the initializer returned: got None, wanted an array"),
    (lambda i, o, rng: np.full((i, o), "x"), TypeError, "what the initializer returned: got an array of <U1, wanted real numbers"),
    (lambda i, o, rng: np.full((i, o), np.nan), ValueError, "Linear: got weights from the initializer that are not finite"),
])
def test_a_linear_layer_says_what_is_no_initializer(initializer, error, match):
    with pytest.raises(error, match=match):
        Linear(4, 3, rng(), initializer=initializer)
