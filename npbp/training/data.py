"""What `fit` is given to train on, as `npbp.datasets.Batches`, and a share of it to measure on."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from npbp.layers.checks import kind

if TYPE_CHECKING:
    from npbp.datasets import Batches


def training_and_validation(
    train: Any, validation: Any, batch_size: int, rng: np.random.Generator | None,
    rows: np.ndarray | None = None,
) -> tuple[Batches, Batches | None, np.ndarray | None]:
    """What `fit` trains on, what it measures on, if anything, and which rows that was drawn from.

    ``rows`` are those that were drawn before, if this is a training that goes on.
    """
    train = as_batches("train", train, batch_size, shuffle=True, rng=rng)
    if _is_number(validation):
        return with_share(train, validation, rows)
    if validation is not None:
        validation = as_batches("validation", validation, 1000, shuffle=False)
    return train, validation, None


def as_batches(name: str, data: Any, batch_size: int, **options: Any) -> Batches:
    """``data`` as `Batches` that hold at least one example, or an error that says why not."""
    from npbp.datasets import Batches  # here, as `import npbp` is to cost little

    if isinstance(data, Batches):
        batches = data
        if not options["shuffle"] and data.shuffle:
            batches = Batches(data.X, data.y, data.batch_size, shuffle=False, flatten=data.flatten)
    else:
        X, y = _pair(name, data)
        try:
            batches = Batches(X, y, batch_size, **options)
        except (ValueError, TypeError) as error:
            raise type(error)(f"fit: {name}: {error}") from None
    if not len(batches.y):
        raise ValueError(f"fit: got no examples in {name}, wanted at least one")
    return batches


def _pair(name: str, data: Any) -> tuple[Any, Any]:
    if not isinstance(data, (tuple, list)) or len(data) != 2 or hasattr(data, "train"):
        hint = ": give its part, as in data.train or data.test" if hasattr(data, "train") else ""
        raise TypeError(f"fit: got {kind(data)} as {name}, wanted (X, y) or a Batches{hint}")
    X, y = data
    if np.ndim(X) < 2 <= np.ndim(y):
        raise ValueError(
            f"fit: got {name} with X of shape {np.shape(X)} and y of shape {np.shape(y)}, wanted X "
            "(N, ...) and y (N,): are they swapped? The order is (X, y)"
        )
    return X, y


def _is_number(validation: Any) -> bool:
    return isinstance(validation, (bool, int, float, np.bool_, np.number))


def with_share(
    train: Batches, share: Any, rows: np.ndarray | None = None
) -> tuple[Batches, Batches, np.ndarray]:
    """``train`` without a share of its examples, this share, to measure on, and its rows.

    It is drawn by the rng of ``train``, before its first shuffling. With labels ``(N,)`` each
    class gives its share, to within one example, and keeps at least one. If ``rows`` are given,
    they are taken, and nothing is drawn.

    Raises
    ------
    ValueError, TypeError
        If the share is not between 0 and 1, or leaves nothing on one of the sides.

    Examples
    --------
    >>> from npbp.datasets import Batches
    >>> y = np.repeat([0, 1], [80, 20])
    >>> train, validation, rows = with_share(Batches(np.zeros((100, 3)), y, rng=0), 0.1)
    >>> np.bincount(train.y), np.bincount(validation.y)
    (array([72, 18]), array([8, 2]))
    """
    from npbp.datasets import Batches

    wanted = "wanted a share between 0 and 1, such as 0.1, or (X, y)"
    if isinstance(share, (bool, np.bool_)):
        raise TypeError(f"fit: got validation={share}, {wanted}")
    if not 0 < share < 1:
        raise ValueError(f"fit: got validation={share}, {wanted}")
    N = len(train.y)
    count = round(float(share) * N)
    if not 0 < count < N:
        side = "measure" if count == 0 else "train"
        raise ValueError(f"fit: got validation={share} of {N} examples, which leaves none to {side} on")
    drawn = np.zeros(N, dtype=bool)
    if rows is None or not rows[-1] < N > len(rows):  # (of other data, which will be refused)
        by_class = train.y.ndim == 1
        rows = _stratified(train.y, float(share), count, train.rng) if by_class \
            else train.rng.permutation(N)[:count]
    drawn[rows] = True
    if not drawn.any():
        raise ValueError(
            f"fit: got validation={share}, wanted classes with two examples or more: each of them "
            "has one, which stays in training"
        )
    rest, rows, others = copy.copy(train), np.flatnonzero(drawn), np.flatnonzero(~drawn)
    validation = Batches(train.X.take(rows, axis=0), train.y[rows], 1000, shuffle=False,
                         flatten=train.flatten)
    rest.X, rest.y = train.X.take(others, axis=0), train.y[others]
    return rest, validation, rows


def _stratified(y: np.ndarray, share: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """The rows of about ``count`` examples: of each class its share, rounded down, and one
    more of those where most was lost by that (where as much, the rng chooses)."""
    order = rng.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]  # class after class, shuffled within
    _, start, examples = np.unique(y[order], return_index=True, return_counts=True)
    takes = np.floor(share * examples).astype(int)
    lost = np.where(takes < examples - 1, share * examples - takes, -1.0)  # one stays, at least
    by_chance = rng.permutation(len(takes))
    most = by_chance[np.argsort(-lost[by_chance], kind="stable")]
    takes[most[:count - takes.sum()]] += 1
    takes = np.minimum(takes, examples - 1)
    return np.concatenate([order[first:first + n] for first, n in zip(start, takes)])
