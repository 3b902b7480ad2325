import numpy as np
import pytest

import npbp.layers.softmax
import npbp.losses.softmax
from npbp import Linear, LogSoftmax, Sequential, Softmax, check_layer
from npbp.layers.softmax import softmax

BOTH = [Softmax(), LogSoftmax()]
each = pytest.mark.parametrize("layer", BOTH, ids=repr)
every_type = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
X = np.log(np.array([[1.0, 1.0, 2.0], [3.0, 1.0, 4.0]]))
G = np.array([[16.0, 0.0, 0.0], [8.0, -8.0, 16.0]])


def test_softmax_makes_probabilities_of_scores():
    layer = Softmax()
    np.testing.assert_allclose(layer(X), [[0.25, 0.25, 0.5], [0.375, 0.125, 0.5]], rtol=1e-15)
    # sum_j grad_j p_j is 4, and 3 - 1 + 8 = 10
    np.testing.assert_allclose(layer.bp_input(G), [[3, -1, -2], [-0.75, -2.25, 3]], rtol=1e-14)


def test_log_softmax_makes_their_logarithms():
    layer = LogSoftmax()
    np.testing.assert_allclose(layer(X), np.log([[0.25, 0.25, 0.5], [0.375, 0.125, 0.5]]), rtol=1e-15)
    # grad - p times 16, and 16
    np.testing.assert_allclose(layer.bp_input(G), [[12, -4, -8], [2, -10, 8]], rtol=1e-14)


def test_the_layers_and_the_losses_have_one_softmax():
    assert npbp.losses.softmax.softmax is npbp.layers.softmax.softmax


@pytest.mark.parametrize("shape", [(2, 3), (4, 1), (2, 3, 4), (2, 1, 2, 3)], ids=str)
def test_the_last_axis_has_the_rows_whatever_is_between(shape):
    rng = np.random.default_rng(0)
    x, grad = rng.standard_normal(shape), rng.standard_normal(shape)
    for layer in BOTH:
        y, d_x = layer(x), layer.bp_input(grad)
        np.testing.assert_allclose(layer(x.reshape(-1, shape[-1])).reshape(shape), y, rtol=1e-14)
        flat = layer.bp_input(grad.reshape(-1, shape[-1])).reshape(shape)
        np.testing.assert_allclose(flat, d_x, rtol=1e-13, atol=1e-15)
        if shape[-1] > 1:  # one class is certain, whatever its score
            assert check_layer(layer, shape) < 1e-6
    np.testing.assert_allclose(Softmax()(x).sum(axis=-1), 1, rtol=1e-14)


@each
def test_the_gradient_does_not_move_all_scores_of_a_row_together(layer):
    layer(X)
    np.testing.assert_allclose(layer.bp_input(G).sum(axis=-1), 0, atol=1e-14)


@every_type
def test_scores_may_be_of_any_size(dtype):
    x = np.array([[1e4, 0, -1e4], [-1e4, -1e4, -1e4], [1e4, 1e4, 0]], dtype)
    p = [[1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0]]
    np.testing.assert_allclose(Softmax()(x), p, rtol=1e-3)
    log_p = [[0, -1e4, -2e4], [-np.log(3)] * 3, [-np.log(2), -np.log(2), -1e4 - np.log(2)]]
    np.testing.assert_allclose(LogSoftmax()(x), log_p, rtol=1e-3 if dtype == np.float16 else 1e-6)
    for layer in BOTH:
        layer(x)
        assert np.isfinite(layer.bp_input(np.ones_like(x))).all()
        assert layer(x).dtype == layer.bp_input(np.ones_like(x)).dtype == dtype


@every_type
def test_a_score_of_minus_infinity_rules_a_class_out(dtype):
    x = np.array([[0, -np.inf, 0], [-np.inf, -np.inf, 5]], dtype)
    p, log_p = softmax(x)
    assert p.tolist() == [[0.5, 0, 0.5], [0, 0, 1]]
    np.testing.assert_allclose(log_p, [[-np.log(2), -np.inf, -np.log(2)], [-np.inf, -np.inf, 0]], rtol=1e-3)
    for layer in BOTH:
        layer(x)
        assert np.isfinite(layer.bp_input(np.ones_like(x))).all()


@every_type
def test_to_one_score_of_infinity_belongs_all_of_the_probability(dtype):
    x = np.array([[0, np.inf, 1e4], [1, 2, 3]], dtype)
    assert Softmax()(x)[0].tolist() == [0, 1, 0]
    assert LogSoftmax()(x)[0].tolist() == [-np.inf, 0, -np.inf]
    np.testing.assert_allclose(Softmax()(x)[1:], Softmax()(x[1:]))


@pytest.mark.parametrize("row", [
    [np.inf, np.inf, 0], [-np.inf, -np.inf, -np.inf], [np.nan, 0, 1], [np.nan, np.inf, 0]])
@each
def test_a_row_without_a_limit_is_nan_and_the_other_rows_are_not(layer, row):
    y = layer(np.array([row, [0.0, 0.0, 1.0]]))
    assert np.isnan(y[0]).all()
    assert np.array_equal(y[1:], layer(np.array([[0.0, 0.0, 1.0]])))


@each
def test_an_empty_batch_gives_an_empty_batch(layer):
    assert layer(np.zeros((0, 3))).shape == layer.bp_input(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("shape, cause", [
    (r"(3,)", "a single example is a batch of one: x[None, :]"), (r"(3, 0)", ""), ("(2, 3, 0)", "")])
@each
def test_an_input_without_rows_of_scores_is_an_error_that_says_what_is_wanted(layer, shape, cause):
    with pytest.raises(ValueError) as error:
        layer(np.zeros(eval(shape)))
    assert f"{layer!r}"[:-2] + f": got an input of shape {shape}, wanted (N, ..., C)" in str(error.value)
    assert cause in str(error.value)


@each
def test_a_network_in_which_there_are_no_rows_is_refused_when_it_is_made(layer):
    class Single(npbp.Layer):
        def output_shape(self, shape):
            return ()

    with pytest.raises(ValueError, match=r"Softmax: got an input of shape \(N,\), wanted"):
        Sequential([Linear(3, 2), Single(), layer])
    assert Sequential([Linear(3, 2), layer]).output_shape((3,)) == (2,)
