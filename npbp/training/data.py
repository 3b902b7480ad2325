"""What `fit` is given to train on, as `npbp.datasets.Batches`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from npbp.layers.checks import kind

if TYPE_CHECKING:
    from npbp.datasets import Batches


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
