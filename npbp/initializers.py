"""How weights start: random, and scaled so that signals keep their size."""

from __future__ import annotations

import numpy as np


def xavier_uniform(
    fan_in: int, fan_out: int, rng: np.random.Generator | None = None
) -> np.ndarray:
    """``U(-1, 1) * sqrt(6 / (fan_in + fan_out))``, of shape ``(fan_in, fan_out)``.

    With this spread the variance of a signal is kept, on average of both
    directions, as it passes forward and as its gradient passes backward.

    Parameters
    ----------
    fan_in, fan_out : int
        How many numbers go into each output, and come out of each input.
    rng : numpy.random.Generator, optional
        Where the random numbers come from; a fresh one if None.

    Source: Glorot and Bengio, Understanding the difficulty of training deep
    feedforward neural networks, 2010, equation 16.

    Examples
    --------
    >>> W = xavier_uniform(785, 32, np.random.default_rng(0))
    >>> W.shape
    (785, 32)
    >>> bool(np.abs(W).max() <= np.sqrt(6 / (785 + 32)))
    True
    """
    rng = np.random.default_rng(rng)
    return rng.uniform(-1, 1, (fan_in, fan_out)) * np.sqrt(6 / (fan_in + fan_out))
