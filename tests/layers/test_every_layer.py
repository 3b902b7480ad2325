"""What every layer promises, held against each of them."""

import numpy as np
import npbp.layers
import pytest
from layer_rows import all_rows, left_out

from npbp import Layer, check_layer
from npbp.gradcheck.promises import hold_the_noise

LAYERS = all_rows()
BATCHES = [1, 7]


def make(name, N, dtype=np.float64, seed=0):
    row, rng = LAYERS[name], np.random.default_rng(seed)
    layer = row.build(rng).astype(dtype)
    hold_the_noise(layer)
    x = row.at(rng, (N, *row.shape)).astype(dtype)
    grad = rng.standard_normal(layer(x).shape).astype(dtype)
    return layer, x, grad


def both(layer, grad):
    """The gradients as a flat list of arrays."""
    return [layer.bp_input(grad), *layer.named_gradients(grad).values()]


def test_no_layer_of_the_library_is_left_out():
    assert not left_out(Layer, npbp.layers, LAYERS)


@pytest.mark.parametrize("N", BATCHES)
@pytest.mark.parametrize("name", LAYERS)
def test_its_gradients_agree_with_finite_differences(name, N):
    layer, x, _ = make(name, N)
    assert check_layer(layer, x, zero=LAYERS[name].zero(N)) < 1e-6


@pytest.mark.parametrize("N", BATCHES)
@pytest.mark.parametrize("name", LAYERS)
def test_the_batch_is_the_first_axis_and_its_examples_do_not_mix(name, N):
    layer, x, grad = make(name, N)
    if LAYERS[name].mixes:
        assert len(layer(x)) == len(layer.bp_input(grad)) == N
        return
    whole, d_x = layer(x), layer.bp_input(grad)
    assert len(whole) == len(d_x) == N
    for n in range(N):
        one, d_one = layer(x[n : n + 1]), layer.bp_input(grad[n : n + 1])
        np.testing.assert_allclose(one, whole[n : n + 1], rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(d_one, d_x[n : n + 1], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LAYERS)
def test_it_writes_into_no_array_of_the_caller(name):
    layer, x, grad = make(name, 7)
    x0, grad0 = x.copy(), grad.copy()
    x.flags.writeable = grad.flags.writeable = False
    layer(x)
    both(layer, grad)
    assert np.array_equal(x, x0) and np.array_equal(grad, grad0)


@pytest.mark.parametrize("name", LAYERS)
def test_a_returned_array_is_not_overwritten_by_later_calls(name):
    layer, x, grad = make(name, 7)
    returned = [layer(x), *both(layer, grad)]
    before = [array.copy() for array in returned]
    layer(2 * x + 1)
    both(layer, 3 * grad)
    assert all(np.array_equal(a, b) for a, b in zip(returned, before))


@pytest.mark.parametrize("name", LAYERS)
def test_writing_into_its_output_does_not_change_its_gradients(name):
    layer, x, grad = make(name, 7)
    layer(x)
    expected = both(layer, grad)
    layer(x)[...] = np.nan
    assert all(np.array_equal(a, b) for a, b in zip(both(layer, grad), expected))


@pytest.mark.parametrize("name", LAYERS)
def test_the_backward_calls_come_in_any_order_and_again(name):
    layer, x, grad = make(name, 7)
    layer(x)
    inputs, parameters = layer.bp_input(grad), layer.named_gradients(grad)
    for _ in range(2):
        again = layer.named_gradients(grad)
        assert all(np.array_equal(again[key], parameters[key]) for key in parameters)
        assert np.array_equal(layer.bp_input(grad), inputs)
    d_x, d_W = layer.backward(grad)
    np.testing.assert_allclose(d_x, inputs, rtol=1e-12, atol=1e-14)
    assert layer.named(d_W).keys() == parameters.keys() == layer.parameters.keys()
    for key, value in layer.named(d_W).items():
        np.testing.assert_allclose(value, parameters[key], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", LAYERS)
def test_two_instances_share_no_state(name):
    one, x, grad = make(name, 7)
    other, other_x, _ = make(name, 7, seed=1)
    one(x)
    expected = both(one, grad)
    other(other_x)
    for W in other.parameters.values():
        W[...] = 0
    assert all(np.array_equal(a, b) for a, b in zip(both(one, grad), expected))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_output_and_gradients_keep_the_floating_dtype(name, dtype):
    layer, x, grad = make(name, 7, dtype)
    assert layer(x).dtype == dtype
    assert all(array.dtype == dtype for array in both(layer, grad))


@pytest.mark.parametrize("name", LAYERS)
def test_a_gradient_has_the_dtype_of_what_it_is_the_gradient_of(name):
    layer, x, grad = make(name, 7, np.float32)
    layer(x.astype(np.float64))
    assert layer.bp_input(grad).dtype == np.float64
    for key, value in layer.named_gradients(grad.astype(np.float64)).items():
        assert value.dtype == layer.parameters[key].dtype == np.float32


@pytest.mark.parametrize("name", LAYERS)
def test_its_parameters_are_float32_unless_asked(name):
    layer = LAYERS[name].build(np.random.default_rng(0))
    assert all(W.dtype == np.float32 for W in layer.parameters.values())
    assert all(W.dtype == np.float64 for W in layer.astype(np.float64).parameters.values())
    assert all(W.dtype == np.float32 for W in layer.parameters.values())


@pytest.mark.parametrize("name", LAYERS)
def test_strided_and_transposed_inputs_give_the_same(name):
    layer, x, grad = make(name, 7)
    y = layer(x)
    expected = both(layer, grad)
    wide = np.repeat(x, 2, axis=-1)[..., ::2]
    fortran = np.asfortranarray(grad)
    assert not wide.flags.c_contiguous
    np.testing.assert_allclose(layer(wide), y, rtol=1e-12)
    for a, b in zip(both(layer, fortran), expected):  # (of a bias below a batch norm it is 0)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", LAYERS)
def test_a_backward_before_any_forward_is_an_error_that_says_so(name):
    layer = LAYERS[name].build(np.random.default_rng(0))
    with pytest.raises(ValueError, match=f"{LAYERS[name].says}.*before any forward"):
        layer.bp_input(np.ones((2, 3)))
    if layer.parameters:
        with pytest.raises(ValueError, match=f"{LAYERS[name].says}.*before any forward"):
            layer.bp_param(np.ones((2, 3)))


@pytest.mark.parametrize("name", LAYERS)
def test_a_copy_in_another_type_has_not_seen_the_forward(name):
    layer, x, grad = make(name, 7)
    layer(x)
    with pytest.raises(ValueError, match=f"{LAYERS[name].says}.*before any forward"):
        layer.astype(np.float32).bp_input(grad)


@pytest.mark.parametrize("name", LAYERS)
def test_a_gradient_of_another_shape_is_an_error_that_names_both_shapes(name):
    layer, x, grad = make(name, 7)
    layer(x)
    with pytest.raises(ValueError, match=r"gradient of shape \(6, .*wanted \(7, "):
        layer.bp_input(grad[:-1])


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    "convert, message",
    [
        (lambda x: x.astype(np.uint8), "raw images"),
        (lambda x: x.astype(complex), "complex128"),
        (lambda x: x.astype(object), "object"),
        (lambda x: x > 0, "bool"),
        (lambda x: x.astype(str), "<U"),
    ],
)
def test_an_input_that_is_not_of_floating_numbers_is_an_error(name, convert, message):
    layer, x, _ = make(name, 7)
    with pytest.raises(TypeError, match=f"{LAYERS[name].says}.*{message}"):
        layer(convert(abs(x)))


@pytest.mark.parametrize("name", LAYERS)
def test_whole_numbers_and_lists_are_taken_as_float32(name):
    layer, x, _ = make(name, 7, np.float32)
    y = layer(np.round(x * 10).astype(int))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, layer(np.round(x * 10).astype(int).tolist()))
