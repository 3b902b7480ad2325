import itertools

import numpy as np
import pytest

from npbp.datasets import Batches, one_hot


def images(N=150):
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (N, 28, 28), dtype=np.uint8), np.arange(N)


def rows_seen(batches):
    return np.concatenate([y for _, y in batches]).tolist()


def test_a_batch_is_what_the_walk_through_gets():
    X, y = images()
    batch_X, batch_y = next(iter(Batches(X, y.astype(np.uint8))))
    assert batch_X.shape == (64, 784) and batch_X.dtype == np.float32
    assert batch_X.flags.c_contiguous
    assert batch_y.shape == (64,) and batch_y.dtype == np.uint8


def test_pixels_become_numbers_from_0_to_1():
    X = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    batch = next(iter(Batches(X, [0])))[0][0]
    np.testing.assert_allclose(batch, np.arange(256) / 255, rtol=1.2e-7)  # one unit of rounding
    assert batch[0] == 0 and batch[-1] == 1


def test_images_and_labels_stay_together_and_each_is_seen_once():
    X, y = images()
    seen = []
    for batch_X, batch_y in Batches(X, y, rng=1):
        np.testing.assert_allclose(batch_X, X[batch_y].reshape(len(batch_y), 784) / 255, rtol=1.2e-7)
        seen += batch_y.tolist()
    assert sorted(seen) == list(range(150)) and seen != list(range(150))


@pytest.mark.parametrize("N, size, sizes", [
    (150, 64, [64, 64, 22]), (128, 64, [64, 64]), (3, 64, [3]), (3, 1, [1, 1, 1]), (0, 64, [])])
def test_the_last_batch_has_what_is_left(N, size, sizes):
    for shuffle in (True, False):
        batches = Batches(*images(N), batch_size=size, shuffle=shuffle)
        assert [len(y) for _, y in batches] == sizes
        assert len(batches) == len(sizes)


def test_each_epoch_has_a_new_order():
    batches = Batches(*images(), rng=0)
    epochs = [tuple(rows_seen(batches)) for _ in range(5)]
    assert len(set(epochs)) == 5


def test_the_same_seed_gives_the_same_epochs():
    a, b = Batches(*images(), rng=3), Batches(*images(), rng=np.random.default_rng(3))
    first = [rows_seen(a), rows_seen(a)]
    assert first == [rows_seen(b), rows_seen(b)]
    assert first != [rows_seen(Batches(*images(), rng=4)) for _ in range(2)]


def test_without_a_seed_two_loaders_differ():
    assert rows_seen(Batches(*images())) != rows_seen(Batches(*images()))


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()
    rows_seen(Batches(*images()))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_without_shuffling_the_order_is_kept():
    batches = Batches(*images(), shuffle=False)
    assert rows_seen(batches) == rows_seen(batches) == list(range(150))


def test_without_flattening_the_shape_is_kept():
    assert next(iter(Batches(*images(), flatten=False)))[0].shape == (64, 28, 28)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_examples_stay_as_they_are(dtype):
    X = np.random.default_rng(0).normal(size=(10, 3)).astype(dtype)
    batch, _ = next(iter(Batches(X, np.arange(10), shuffle=False)))
    assert batch.dtype == dtype
    np.testing.assert_array_equal(batch, X)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("X", [np.ones((10, 3)), np.ones((10, 3), np.uint8)])
def test_batches_are_new_arrays(X, shuffle):
    before, y = X.copy(), np.arange(10)
    batches = list(Batches(X, y, batch_size=4, shuffle=shuffle))
    for batch_X, batch_y in batches:
        batch_X[...], batch_y[...] = -1, -1
    np.testing.assert_array_equal(X, before)
    assert y.tolist() == list(range(10))
    arrays = list(itertools.chain(*batches))
    for a, b in itertools.combinations(arrays, 2):
        assert not np.shares_memory(a, b)


def test_two_iterations_at_once_do_not_disturb_each_other():
    batches = Batches(*images(), batch_size=16, rng=0)
    seen = [[], []]
    for (_, a), (_, b) in zip(batches, batches):
        seen[0] += a.tolist()
        seen[1] += b.tolist()
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(150))
    assert seen[0] != seen[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64, np.int64])
def test_labels_of_any_integer_type_stay_as_they_are(dtype):
    y = np.arange(10).astype(dtype)
    assert next(iter(Batches(np.ones((10, 2)), y)))[1].dtype == dtype


def test_rows_as_targets():
    y = np.eye(10, 4, dtype=np.float32)
    (_, batch), = Batches(np.ones((10, 2)), y, shuffle=False)
    np.testing.assert_array_equal(batch, y)


def test_what_was_given_can_be_read_back():
    X, y = images()
    rng = np.random.default_rng()
    batches = Batches(X, y, 7, False, rng, False)
    assert batches.X is X and batches.y is y and batches.rng is rng
    assert (batches.batch_size, batches.shuffle, batches.flatten) == (7, False, False)


@pytest.mark.parametrize("X, y, error, words", [
    (np.ones((3, 2), np.int64), [0] * 3, TypeError, r"int64.*astype\(np.float32\)"),
    (np.ones((3, 2), bool), [0] * 3, TypeError, "bool"),
    (np.ones((3, 2), complex), [0] * 3, TypeError, "complex"),
    (np.ones(3), [0] * 3, ValueError, r"\(3,\)"),
    (np.ones((3, 2)), [0] * 4, ValueError, "3 examples, y has 4"),
    (np.ones((3, 2)), [0.0] * 3, TypeError, r"float64: y.astype\(int\), .*y\[:, None\]"),
    (np.ones((3, 2)), np.zeros(3, bool), TypeError, "bool"),
    (np.ones((3, 2)), np.zeros((3, 1, 1)), ValueError, r"\(3, 1, 1\)"),
    (np.ones((3, 2)), 5, ValueError, r"\(\)")])
def test_bad_data_are_refused_with_the_reason(X, y, error, words):
    with pytest.raises(error, match=words):
        Batches(X, y)


@pytest.mark.parametrize("size, error, words", [
    (0, ValueError, "at least 1, not 0"), (-3, ValueError, "-3"), (6.4, TypeError, "6.4"),
    (None, TypeError, "None")])
def test_a_bad_batch_size_is_refused(size, error, words):
    with pytest.raises(error, match=f"batch_size.*{words}"):
        Batches(*images(), batch_size=size)
    assert Batches(*images(), batch_size=np.int32(64)).batch_size == 64


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.uint64])
def test_one_hot_has_a_one_at_the_label(dtype):
    labels = np.array([2, 0, 4, 2], dtype)
    rows = one_hot(labels, 5)
    assert rows.shape == (4, 5) and rows.dtype == np.float32
    assert rows.sum() == 4 and rows[np.arange(4), [2, 0, 4, 2]].tolist() == [1] * 4
    assert one_hot(labels[:0], 5).shape == (0, 5)


@pytest.mark.parametrize("labels, classes, error, words", [
    ([0, 5], 5, ValueError, r"labels\[1\] is 5.*0 ... 4"),
    ([0, 1, -1], 5, ValueError, r"labels\[2\] is -1"),
    ([0.0, 1.0], 5, TypeError, "float64"),
    ([[0], [1]], 5, ValueError, r"\(2, 1\)"),
    ([0], 0, ValueError, "classes.*not 0"),
    ([0], 2.0, TypeError, "classes.*2.0")])
def test_one_hot_names_what_is_wrong(labels, classes, error, words):
    with pytest.raises(error, match=words):
        one_hot(labels, classes)


# Numbers that are none

class Frame:
    """What knows how to become an array, as the tables of pandas do."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)


@pytest.mark.parametrize("X", [
    [[1.0, 2.0], [3.0, 4.0]], [np.array([1.0, 2.0]), [3.0, 4.0]], Frame([[1.0, 2.0], [3.0, 4.0]]),
    np.array([[1, 2], [3, 4]], ">f4"), np.ma.array([[1.0, 2.0], [3.0, 4.0]])])
@pytest.mark.parametrize("y", [[7, 8], (7, 8), Frame([7, 8]), np.array([7, 8], ">i2"), range(7, 9),
                               np.ma.array([7, 8])])
def test_what_can_become_an_array_gives_its_numbers(X, y):
    (batch_X, batch_y), = Batches(X, y, shuffle=False)
    assert type(batch_X) is type(batch_y) is np.ndarray
    assert batch_X.tolist() == [[1, 2], [3, 4]] and batch_y.tolist() == [7, 8]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_an_array_of_its_rows():
    (X, y), = Batches(np.matrix([[1.0, 2.0], [3.0, 4.0]]), np.matrix([[5], [6]]), shuffle=False)
    assert type(X) is type(y) is np.ndarray and X.tolist() == [[1, 2], [3, 4]] and y.tolist() == [[5], [6]]


MASKED = np.ma.array(np.ones((2, 3)), mask=np.eye(2, 3))


@pytest.mark.parametrize("X, y, error, words", [
    (MASKED, [0, 1], TypeError, r"X is masked.*X\.filled\(0\)"),
    (MASKED.astype(np.uint8), [0, 1], TypeError, "X is masked"),
    ([MASKED[0], MASKED[1]], [0, 1], TypeError, "X is masked"),
    (np.ones((2, 3)), np.ma.array([0, 1], mask=[0, 1]), TypeError, "y is masked"),
    (np.ones((2, 3)), MASKED, TypeError, "y is masked"),
    (np.ones((2, 3), object), [0, 1], TypeError, "X has to be uint8.*object"),
    (np.full((2, 3), "1.0"), [0, 1], TypeError, "X has to be.*<U3"),
    (np.full((2, 3), "NaT", "M8[s]"), [0, 1], TypeError, "X has to be.*datetime64"),
    (np.zeros((2, 3), "m8[s]"), [0, 1], TypeError, "X has to be.*timedelta64"),
    (np.ones((2, 3), "f4,f4"), [0, 1], TypeError, "X has to be"),
    ([[1.0, 2.0], [3.0]], [0, 1], ValueError, "X has to be"),
    (None, [0, 1], ValueError, "X has to be examples"),
    (Frame(np.ones((2, 3), object)), [0, 1], TypeError, "X has to be.*object"),
    (np.ones((2, 3)), [0, 1j], TypeError, "labels.*complex128"),
    (np.ones((2, 3)), ["0", "1"], TypeError, "labels.*<U1"),
    (np.ones((2, 3)), [0, None], TypeError, "labels.*object"),
    (np.ones((2, 3)), np.array([0, "NaT"], "m8[s]"), TypeError, "labels.*timedelta64"),
    (np.ones((2, 3)), np.array(["2020", "NaT"], "M8[s]"), TypeError, "labels.*datetime64"),
    (np.ones((2, 3)), np.ones((2, 4), complex), TypeError, r"rows \(N, C\).*real.*complex128"),
    (np.ones((2, 3)), np.full((2, 4), "1"), TypeError, r"rows \(N, C\).*<U1"),
    (np.ones((2, 3)), np.full((2, 4), None), TypeError, r"rows \(N, C\).*object"),
    (np.ones((2, 3)), np.zeros((2, 4), "m8[s]"), TypeError, r"rows \(N, C\).*timedelta64"),
    (np.ones((2, 3)), [[0.0, 1.0], [np.nan, 1.0]], ValueError, r"y\[1\] has NaN"),
    (np.ones((2, 3)), [[0.0], [1.0, 2.0]], (TypeError, ValueError), "(y|labels).* ha(s|ve) to be")])
@pytest.mark.filterwarnings("ignore:Creating an ndarray from ragged")  # NumPy before 1.24
def test_what_is_no_number_is_refused_with_the_reason(X, y, error, words):
    with pytest.raises(error, match=words):
        Batches(X, y)


@pytest.mark.parametrize("name, value, error", [
    ("batch_size", True, TypeError), ("batch_size", "64", TypeError), ("batch_size", [64], TypeError),
    ("shuffle", "no", TypeError), ("shuffle", None, TypeError), ("flatten", "no", TypeError),
    ("flatten", [], TypeError), ("rng", "seed", TypeError), ("rng", 1.5, TypeError),
    ("rng", -1, ValueError), ("rng", np.random, TypeError)])
def test_an_argument_of_the_wrong_kind_is_named(name, value, error):
    with pytest.raises(error, match=f"{name} has to be"):
        Batches(*images(10), **{name: value})


def test_a_batch_size_may_be_of_any_size():
    assert [len(y) for _, y in Batches(*images(10), batch_size=10**30)] == [10]


@pytest.mark.parametrize("labels, words", [
    (np.ma.array([0, 1], mask=[0, 1]), "labels is masked"), (np.zeros(2, "m8[s]"), "timedelta64"),
    ([True, False], "bool"), (["0"], "<U1")])
def test_one_hot_refuses_what_is_no_label(labels, words):
    with pytest.raises(TypeError, match=words):
        one_hot(labels, 3)
