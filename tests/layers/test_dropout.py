import copy

import numpy as np
import pytest

from npbp import (
    BatchNorm1d,
    Dropout,
    Linear,
    Network,
    Residual,
    Sequential,
    SoftmaxCrossEntropyLoss,
    check_layer,
)


def layer(p=0.5, seed=0):
    return Dropout(p, np.random.default_rng(seed)).train()


@pytest.mark.parametrize("p", [0.001, 0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_a_share_p_is_left_out_and_the_rest_is_larger_by_what_is_missing(p, bits):
    n = 400_000
    y = Dropout(p, np.random.Generator(bits(3))).train()(np.full((n, 1), 3.0))
    kept = y != 0
    np.testing.assert_allclose(y[kept], 3 / (1 - p), rtol=1e-15)
    four_sigma = 4 * np.sqrt(p * (1 - p) / n)
    assert abs(kept.mean() - (1 - p)) < four_sigma
    # and each number for itself, whichever of its neighbours are left out
    for lag in (1, 2, 3):
        both = (kept[lag:] & kept[:-lag]).mean()
        assert abs(both - (1 - p) ** 2) < 3 * four_sigma


def test_each_forward_draws_another_mask_and_the_backward_uses_that_of_the_last():
    dropout, x, grad = layer(), np.ones((7, 33)), np.full((7, 33), 3.0)
    one, two = dropout(x), dropout(x)
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(dropout.bp_input(grad), 3 * two)


def test_the_same_seed_gives_the_same_masks_in_every_floating_type():
    x = np.ones((5, 7))
    masks = [layer()(x.astype(dtype)) for dtype in (np.float16, np.float32, np.float64)]
    assert [mask.dtype for mask in masks] == [np.float16, np.float32, np.float64]
    assert all(np.array_equal(masks[0], mask) for mask in masks)
    assert not np.array_equal(masks[0], layer(seed=1)(x))


def test_without_a_seed_two_layers_differ():
    x = np.ones((5, 70))
    assert not np.array_equal(Dropout().train()(x), Dropout().train()(x))


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (7, 5), (3, 4, 5), (7,)])
@pytest.mark.parametrize("p", [0, 0.2, 0.5])
def test_it_passes_its_check_in_training_and_in_inference(shape, p):
    x = np.random.default_rng(0).standard_normal(shape)
    for training in (True, False):
        dropout = Dropout(p, np.random.default_rng(1)).train(training)
        if dropout(x).any():
            dropout.rng = np.random.default_rng(1)
            state = dropout.rng.bit_generator.state
            assert check_layer(dropout, x) < 1e-6
            assert dropout.rng.bit_generator.state == state


def test_a_chain_with_dropouts_and_a_batch_norm_passes_its_check():
    rng = np.random.default_rng(0)
    inside = [Linear(6, 6, rng), BatchNorm1d(6), Dropout(0.3, rng)]
    assert check_layer(Sequential([Dropout(0.2, rng), Residual(inside), Linear(6, 3, rng)]).train(), (7, 6)) < 1e-6


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(0, 5), (0,), (3, 0)])
def test_an_empty_batch_passes_through(training, shape):
    dropout, x = layer().train(training), np.zeros(shape, np.float32)
    assert dropout(x).shape == dropout.bp_input(x).shape == shape


def test_in_inference_and_with_p_0_nothing_is_changed():
    x, grad = np.random.default_rng(0).standard_normal((2, 7, 5))
    for dropout in (layer().eval(), layer(0)):
        np.testing.assert_array_equal(dropout(x), x)
        np.testing.assert_array_equal(dropout.bp_input(grad), grad)


def test_a_nan_that_is_left_out_is_seen():
    assert np.isnan(layer()(np.full((5, 8), np.nan))).all()


def test_nobody_said_which_is_an_error_with_p_0_too():
    for p in (0, 0.5):
        with pytest.raises(ValueError, match=r"Dropout: got a forward before .*write network.train\(\)"):
            Dropout(p)(np.ones((2, 3)))


def test_its_generator_is_found_by_name_and_setting_its_state_draws_the_same_mask_again():
    chain = Sequential([Dropout(0.5), Residual([Dropout(0.2)])]).train()
    assert list(chain.generators) == ["dropout1.rng", "residual1.dropout1.rng"]
    states = {name: rng.bit_generator.state for name, rng in chain.generators.items()}
    one = chain(np.ones((7, 5)))
    for name, rng in chain.generators.items():
        rng.bit_generator.state = states[name]
    np.testing.assert_array_equal(chain(np.ones((7, 5))), one)


def test_a_copy_draws_by_itself():
    dropout, x = layer(), np.ones((7, 5))
    twin, other = copy.deepcopy(dropout), dropout.astype(np.float64)
    first = dropout(x)
    np.testing.assert_array_equal(twin(x), first)
    np.testing.assert_array_equal(other(x), first)


def test_a_loaded_one_has_a_fresh_generator_of_its_own(tmp_path):
    network = Network([Linear(3, 4), Dropout(0.5, np.random.default_rng(0)), Dropout(0.25)], SoftmaxCrossEntropyLoss())
    network.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz").train()
    assert repr(again) == repr(network) and "Dropout(p=0.25)" in repr(again)
    one, two = (dropout.rng for dropout in again.layers[1:])
    assert type(one) is type(two) is np.random.Generator and one is not two
    again.layers[1](np.ones((1000, 100)))  # more than the file has weights


@pytest.mark.parametrize(
    "p, error, message",
    [
        (1, ValueError, "p=1, wanted a probability from 0 to below 1"),
        (1.0, ValueError, "p=1.0"),
        (-0.1, ValueError, "p=-0.1"),
        (50, ValueError, "p=50"),
        (np.nan, ValueError, "p=nan"),
        (np.inf, ValueError, "p=inf"),
        ("0.5", TypeError, "p='0.5' of type str, wanted a number"),
        (None, TypeError, "p=None"),
        (True, TypeError, "p=True"),
        (np.random.default_rng(0), TypeError, "wanted a number"),
    ],
)
def test_a_p_that_is_no_probability_is_an_error(p, error, message):
    with pytest.raises(error, match=f"Dropout: got .*{message}"):
        Dropout(p)


@pytest.mark.parametrize("rng", ["seed", 1.5, np.random, object()])
def test_an_rng_that_is_none_is_an_error(rng):
    with pytest.raises(TypeError, match="Dropout: got rng=.*wanted a numpy.random.Generator"):
        Dropout(0.5, rng)
