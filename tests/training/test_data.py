"""A share of the training examples to validate on."""
from __future__ import annotations

import re

import numpy as np
import pytest

from npbp import Layer, Linear, MeanSquaredErrorLoss, Network, NeuralNet, SGD, SoftmaxCrossEntropyLoss, fit
from npbp.datasets import Batches, load, one_hot
from npbp.training.data import with_share

rng = np.random.default_rng


def numbered(labels):
    """Examples that tell which they are."""
    return np.arange(len(labels), dtype=np.float32)[:, None], np.asarray(labels)


def share_of(labels, share, seed=0):
    train, validation = with_share(Batches(*numbered(labels), rng=rng(seed)), share)[:2]
    return train, validation


@pytest.mark.parametrize("share", [0.1, 0.25, 1 / 3, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_class_gives_its_share_to_within_one_example(share, seed):
    counts = rng(seed).integers(2, 60, 7)
    y = rng(seed).permutation(np.repeat(np.arange(7), counts))
    train, validation = share_of(y, share, seed)
    given = np.bincount(validation.y, minlength=7)
    assert (abs(given - share * counts) <= 1).all()
    assert (np.bincount(train.y, minlength=7) >= 1).all()
    assert len(validation.y) == round(share * len(y))


def test_the_two_are_all_examples_and_have_none_in_common():
    y = rng(0).integers(0, 5, 203)
    train, validation = share_of(y, 0.2)
    both = np.concatenate([train.X[:, 0], validation.X[:, 0]]).astype(int)
    assert sorted(both) == list(range(203))
    assert np.array_equal(y[train.X[:, 0].astype(int)], train.y)
    assert np.array_equal(y[validation.X[:, 0].astype(int)], validation.y)


def test_the_same_seed_draws_the_same_and_another_one_another():
    y = rng(0).integers(0, 5, 200)
    first, again, other = (share_of(y, 0.1, seed)[1].X for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_the_share_is_drawn_and_not_the_first_ones():
    y = np.zeros(1000, int)
    assert 300 < share_of(y, 0.2)[1].X.mean() < 700


def test_which_classes_give_one_more_is_left_to_chance():
    y = np.repeat(np.arange(10), 5)               # each would give 0.5 of an example
    given = [tuple(sorted(share_of(y, 0.1, seed)[1].y)) for seed in range(20)]
    assert all(len(classes) == 5 for classes in given) and len(set(given)) > 10


def test_a_class_with_one_example_keeps_it():
    y = np.array([0] * 10 + [1] * 10 + [2])
    for seed in range(10):
        train, validation = share_of(y, 0.9, seed)
        assert 2 not in validation.y and {0, 1, 2} == set(train.y)


@pytest.mark.parametrize("labels", [np.array([-1, 7, 10**12] * 10), np.array([200, 3] * 10, np.uint8)])
def test_labels_may_be_any_whole_numbers(labels):
    _, validation = share_of(labels, 0.5)
    assert set(np.unique(validation.y, return_counts=True)[1]) == {5}


def test_rows_are_drawn_from_all():
    X = np.arange(100, dtype=np.float32)[:, None]
    train, validation = with_share(Batches(X, X, rng=rng(0)), 0.3)[:2]
    assert len(validation.y) == 30 and len(train.y) == 70
    assert not set(train.X[:, 0]) & set(validation.X[:, 0])


# ---- in fit

class Spy(Layer):
    def __init__(self):
        self.seen = []

    def forward(self, x):
        self.seen.append((self.training, x[:, 0].copy()))
        return x

    def bp_input(self, grad):
        return grad


def spied(share, train, **options):
    spy = Spy()
    network = Network([spy, Linear(1, 5, rng(0))], SoftmaxCrossEntropyLoss())
    network.layers[1].W *= 1e-4
    history = fit(network, train, share, epochs=3, optimizer=SGD(1e-9), **options)
    return [{x for training, batch in spy.seen for x in batch if training == of} for of in (True, False)], history


def test_what_is_measured_is_never_trained_on():
    data = numbered(rng(0).integers(0, 5, 97))
    (trained, measured), history = spied(0.2, data, batch_size=10, rng=rng(1))
    assert len(trained) == 78 and len(measured) == 19 and not trained & measured
    assert len(history.validation_loss) == len(history.validation_correct) == 3


def test_the_same_seed_gives_the_same_training():
    data = numbered(rng(0).integers(0, 5, 97))
    runs = [spied(0.2, data, rng=rng(1)) for _ in range(2)]
    assert runs[0][0] == runs[1][0]
    assert runs[0][1].loss == runs[1][1].loss and runs[0][1].validation_loss == runs[1][1].validation_loss


def test_it_is_the_training_on_the_rest_with_the_share_given():
    X, y = load("mnist-sample").train
    ours, theirs = (NeuralNet(rng=rng(0)) for _ in range(2))
    history = fit(ours, (X, y), validation=0.1, epochs=2, rng=rng(1))
    train, validation = with_share(Batches(X, y, rng=rng(1)), 0.1)[:2]
    r = rng(1)
    with_share(Batches(X, y, rng=r), 0.1)         # the rng has drawn the share, and goes on
    expected = fit(theirs, (train.X, train.y), (validation.X, validation.y), epochs=2, rng=r)
    assert history.loss == expected.loss and history.validation_loss == expected.validation_loss
    assert np.array_equal(ours.w1, theirs.w1)


def test_batches_give_a_share_by_their_own_rng_and_stay_as_they_are():
    X, y = numbered(rng(0).integers(0, 5, 97))
    batches = Batches(X, y, batch_size=13, rng=rng(1))
    (trained, measured), history = spied(0.2, batches)
    (same_trained, same_measured), expected = spied(0.2, (X, y), batch_size=13, rng=rng(1))
    assert (trained, measured) == (same_trained, same_measured) and history.loss == expected.loss
    assert len(batches.y) == 97 and batches.X is X


def test_batches_of_a_class_of_ones_own_stay_of_it():
    class Noisy(Batches):
        def __iter__(self):
            for X, y in super().__iter__():
                yield X + 1000, y
    X, y = numbered(rng(0).integers(0, 5, 50))
    (trained, measured), _ = spied(0.2, Noisy(X, y, rng=rng(1)))
    assert min(trained) >= 1000 and max(measured) < 50 and len(trained) == 40


def test_unshuffled_batches_keep_their_order():
    train = with_share(Batches(*numbered(np.arange(50) % 2), shuffle=False, rng=0), 0.3)[0]
    assert (np.diff(train.X[:, 0]) > 0).all()


def test_images_and_their_scale_are_kept():
    X, y = load("mnist-sample").train
    train, validation = with_share(Batches(X, y, rng=0, flatten=False), 0.1)[:2]
    for batches in (train, validation):
        batch, _ = next(iter(batches))
        assert batch.shape[1:] == (28, 28) and batch.dtype == np.float32 and batch.max() <= 1


def test_rows_of_probabilities_and_regressions_have_a_share_too():
    X = rng(0).standard_normal((40, 3)).astype(np.float32)
    network = Network([Linear(3, 3, rng(0))], MeanSquaredErrorLoss())
    assert len(fit(network, (X, X), 0.25, epochs=2).validation_loss) == 2
    network = Network([Linear(3, 3, rng(0))], SoftmaxCrossEntropyLoss())
    rows = one_hot(np.arange(40) % 3, 3)
    assert len(fit(network, (X, rows), 0.25, epochs=2).validation_correct) == 2


@pytest.mark.parametrize("share, error, message", [
    (0, ValueError, "got validation=0, wanted a share between 0 and 1, such as 0.1, or (X, y)"),
    (0.0, ValueError, "got validation=0.0, wanted a share"),
    (1, ValueError, "got validation=1, wanted a share"),
    (1.0, ValueError, "got validation=1.0, wanted a share"),
    (1.5, ValueError, "got validation=1.5"),
    (10, ValueError, "got validation=10"),
    (-0.1, ValueError, "got validation=-0.1"),
    (float("nan"), ValueError, "got validation=nan"),
    (np.float32("nan"), ValueError, "got validation=nan"),
    (float("inf"), ValueError, "got validation=inf"),
    (True, TypeError, "got validation=True"),
    (np.False_, TypeError, "got validation=False"),
    (1j, TypeError, "as validation"),
    (0.001, ValueError, "got validation=0.001 of 30 examples, which leaves none to measure on"),
    (0.999, ValueError, "got validation=0.999 of 30 examples, which leaves none to train on"),
    ("0.1", TypeError, "got a str as validation"),
])
def test_what_is_no_share_is_an_error(share, error, message):
    with pytest.raises(error, match=f"^fit: .*{re.escape(message)}"):
        spied(share, numbered(np.arange(30) % 5))


def test_classes_with_one_example_each_cannot_give_a_share():
    with pytest.raises(ValueError, match="^fit: got validation=0.2, wanted classes with two examples or more"):
        with_share(Batches(*numbered(np.arange(30))), 0.2)


@pytest.mark.parametrize("share", [np.float32(0.25), np.float64(0.25)])
def test_a_share_may_be_a_number_of_numpy(share):
    (_, measured), _ = spied(share, numbered(np.arange(40) % 5))
    assert len(measured) == 10


def test_the_arrays_of_the_caller_are_not_written_into():
    X, y = numbered(np.arange(40) % 5)
    spied(0.25, (X, y))
    assert np.array_equal(X[:, 0], np.arange(40)) and np.array_equal(y, np.arange(40) % 5)
