"""Stochastic gradient descent: the plainest step there is."""

from __future__ import annotations

import math

import numpy as np


class SGD:
    """Stochastic gradient descent: ``W <- W - alpha * dJ/dW``.

    "Stochastic", as J is that of one random batch and not of all examples.

    Parameters
    ----------
    alpha : float
        The learning rate.

    Raises
    ------
    ValueError
        If ``alpha`` is not a finite number of at least 0.
    TypeError
        If it is not a number at all.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 8.3.1.

    Examples
    --------
    >>> W = np.array([1.0, 2.0])
    >>> SGD(alpha=0.5).step({"W": W}, {"W": np.array([1.0, -1.0])})
    >>> W
    array([0.5, 2.5])
    """

    def __init__(self, alpha: float = 0.1) -> None:
        self.alpha = learning_rate("SGD", alpha)

    def step(self, parameters: dict[str, np.ndarray], gradients: dict[str, np.ndarray]) -> None:
        """One step, in place, of every array of ``parameters`` along its gradient."""
        for name, W in parameters.items():
            W -= self.alpha * gradients[name]

    def __repr__(self) -> str:
        return f"SGD(alpha={self.alpha!r})"


def learning_rate(owner: str, alpha: float) -> float:
    """``alpha`` as a float, or an error that names the owner if it is no learning rate."""
    try:
        value = float(alpha)
    except OverflowError:  # a whole number that no float can hold
        value = math.inf
    except (TypeError, ValueError):
        raise TypeError(f"{owner}: got alpha={alpha!r}, wanted a number") from None
    if not 0 <= value < math.inf:
        raise ValueError(f"{owner}: got alpha={alpha!r}, wanted a finite number of at least 0")
    return value
