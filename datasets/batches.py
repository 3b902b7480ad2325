"""A data set in small portions, in a new order each time.

Stochastic gradient descent looks at a few examples, makes a step, and looks at the
next few. One pass over all of them is an epoch. The images stay in memory as bytes;
only the batch at hand is turned into floating numbers.
"""
from __future__ import annotations

import operator
import reprlib
from typing import TYPE_CHECKING, Iterator

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Batches:
    """The batches of an epoch: iterate over it once an epoch.

    Iterating gives pairs ``(X, y)`` of new arrays; ``len`` is the number of batches.
    Several iterations at once do not disturb each other.

    Parameters
    ----------
    X : array
        The examples, shape ``(N, ...)``. uint8 is taken for pixels: a batch of it is
        float32, divided by 255, so in [0, 1]. Floating numbers stay as they are.
    y : array
        Labels ``(N,)`` of any integer dtype, or rows of numbers ``(N, C)``.
    batch_size : int
        Examples in a batch. The last batch of an epoch has what is left, so that none
        is dropped.
    shuffle : bool
        A new random order each epoch; False keeps the order of `X`.
    rng : numpy.random.Generator or int, optional
        Draws the orders; an int is a seed for one, None a fresh one.
    flatten : bool
        Give each example as a row: ``(64, 28, 28)`` becomes ``(64, 784)``.

    Raises
    ------
    TypeError
        If `X` is neither uint8 nor floating, labels are not integers, rows are not
        numbers, either is masked, or another argument is of the wrong kind.
    ValueError
        If `X` and `y` differ in length, have too few or too many dimensions, `y` has
        NaN, or the batch size is below 1.

    Examples
    --------
    >>> images, labels = np.zeros((100, 28, 28), np.uint8), np.arange(100) % 10
    >>> for X, y in Batches(images, labels, batch_size=64, rng=0):
    ...     print(X.shape, X.dtype, y.shape)
    (64, 784) float32 (64,)
    (36, 784) float32 (36,)
    """

    def __init__(self, X: ArrayLike, y: ArrayLike, batch_size: int = 64, shuffle: bool = True,
                 rng: np.random.Generator | int | None = None, flatten: bool = True) -> None:
        self.X, self.y = _array(X, "X"), _array(y, "y")
        if self.X.ndim < 2:
            raise ValueError(f"X has to be examples, shape (N, features) or (N, 28, 28), not "
                             f"{self.X.shape}; a single example is X[None]")
        if self.X.dtype != np.uint8 and self.X.dtype.kind != "f":
            raise TypeError(f"X has to be uint8 (pixels, scaled to [0, 1]) or floating (left as "
                            f"it is), not {self.X.dtype}: convert with X.astype(np.float32)")
        if self.y.ndim not in (1, 2):
            raise ValueError(f"y has to be labels (N,) or rows (N, C), not {self.y.shape}")
        if self.y.ndim == 1 and self.y.dtype.kind not in "iu":
            raise TypeError(f"labels (N,) have to be integers, not {self.y.dtype}: y.astype(int), if "
                            "they are whole numbers; targets that are not labels are rows (N, C): "
                            "y[:, None] if C is 1")
        if self.y.dtype.kind not in "biuf":
            raise TypeError(f"rows (N, C) have to be real numbers, not {self.y.dtype}")
        if self.y.dtype.kind == "f" and np.isnan(self.y).any():
            row = int(np.isnan(self.y).any(axis=1).argmax())
            raise ValueError(f"y[{row}] has NaN: a target that is no number makes every weight NaN")
        if len(self.X) != len(self.y):
            raise ValueError(f"X has {len(self.X)} examples, y has {len(self.y)}: they have to "
                             "be the same examples in the same order")
        self.batch_size = _count(batch_size, "batch_size")
        self.shuffle = _flag(shuffle, "shuffle")
        self.rng = _generator(rng)
        self.flatten = _flag(flatten, "flatten")

    def __len__(self) -> int:
        return -(-len(self.X) // self.batch_size)  # rounded up

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return self.epoch(self.order())

    def order(self) -> np.ndarray:
        """The rows of `X` in the order of an epoch, ``(N,)``: a new one, if they are shuffled."""
        N = len(self.X)
        return self.rng.permutation(N) if self.shuffle else np.arange(N)

    def epoch(self, order: np.ndarray, start: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The batches of an epoch in that `order`, without the first `start` of them.

        Examples
        --------
        >>> batches = Batches(np.ones((5, 2)), np.arange(5), batch_size=2, rng=0)
        >>> order = batches.order()
        >>> whole = [y.tolist() for X, y in batches.epoch(order)]
        >>> [y.tolist() for X, y in batches.epoch(order, start=2)] == whole[2:]
        True
        """
        # Gathered and scaled for about 500 examples at once: the batch before is still in
        # the caches of all processors, and writing to its memory again would wait for them.
        size = self.batch_size
        some = size * max(1, 500 // size)
        begin = start * size  # in the block that holds it: then its memory is laid out as ever
        for first in range(begin // some * some, len(order), some):
            X, y = self._gather(order[first:first + some])
            for row in range(max(0, begin - first), len(y), size):
                batch = slice(row, row + size)
                yield X[batch], y[batch]

    def _gather(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """New arrays of the examples ``rows``, as a batch has them."""
        # take copies whole examples: about twice as fast as indexing by an array.
        X, y = self.X.take(rows, axis=0), self.y.take(rows, axis=0)
        if X.dtype == np.uint8:
            # Converted, then scaled in place: three quarters of the time of dividing bytes.
            X = X.astype(np.float32)
            X *= np.float32(1 / 255)
        return X.reshape(len(X), -1) if self.flatten else X, y


def one_hot(labels: ArrayLike, classes: int) -> np.ndarray:
    """Labels as rows of probabilities: 1 in the column of the label, else 0.

    Parameters
    ----------
    labels : array
        Integers in 0 ... classes - 1, shape ``(N,)``.
    classes : int
        The number of columns.

    Returns
    -------
    numpy.ndarray
        float32, shape ``(N, classes)``.

    Raises
    ------
    TypeError
        If the labels, or `classes`, are not integers.
    ValueError
        If a label is out of range, `labels` is not ``(N,)``, or `classes` is below 1.

    Examples
    --------
    >>> one_hot([1, 0, 2], 3)
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels, classes = _array(labels, "labels"), _count(classes, "classes")
    if labels.ndim != 1:
        raise ValueError(f"labels have to be of shape (N,), not {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels have to be integers, not {labels.dtype}")
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if bad.size:
        raise ValueError(f"labels[{bad[0]}] is {labels[bad[0]]}, which is not in 0 ... "
                         f"{classes - 1}: are there more than {classes} classes?")
    rows = np.zeros((len(labels), classes), np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def _array(value: ArrayLike, name: str) -> np.ndarray:
    """`value` as an array; `np.asarray` alone would forget what is masked."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    if any(map(np.ma.is_masked, parts)):
        raise TypeError(f"{name} is masked, so some of its numbers are missing: fill them, as in "
                        f"{name}.filled(0), or leave these examples out")
    try:
        return np.asarray(value)
    except ValueError as error:  # lists of different lengths
        raise ValueError(f"{name} has to be an array: {error}") from None


def _count(value: int, name: str) -> int:
    try:
        number = operator.index(None if isinstance(value, bool) else value)
    except TypeError:
        raise TypeError(f"{name} has to be an integer, not {reprlib.repr(value)}") from None
    if number < 1:
        raise ValueError(f"{name} has to be at least 1, not {number}")
    return number


def _flag(value: bool, name: str) -> bool:
    if not isinstance(value, (bool, int, np.bool_)):  # "no" would count as True
        raise TypeError(f"{name} has to be True or False, not {reprlib.repr(value)}")
    return value


def _generator(rng: np.random.Generator | int | None) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind("rng has to be a numpy.random.Generator, a seed of at least 0 or None, not "
                   f"{reprlib.repr(rng)}") from None
