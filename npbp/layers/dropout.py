"""Dropout: in training some numbers are left out by chance, so that none is relied on alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npbp.layers.base import Layer
from npbp.layers.checks import number


class Dropout(Layer):
    """``y = x mask / (1 - p)`` in training, ``y = x`` in inference.

    Each number of ``mask`` is 0 with probability ``p``, else 1, drawn anew by each forward. As
    the rest is divided by ``1 - p``, ``y`` is ``x`` on average, and inference has nothing left to
    do: that is called inverted dropout.

    ========  =====================================================  ============================
    forward   ``y = x mask / (1 - p)``, in inference ``x`` itself    ``(N, ...)`` to ``(N, ...)``
    bp_input  ``dJ/dx = grad mask / (1 - p)``, in inference ``grad``  ``(N, ...)`` to ``(N, ...)``
    ========  =====================================================  ============================

    A NaN that is left out stays a NaN, so that it does not go unseen.

    Parameters
    ----------
    p : float
        The probability that a number is left out, from 0 to below 1.
    rng : numpy.random.Generator, optional
        Draws the masks; a fresh one if None. It is the attribute ``rng``. The same seed gives the
        same masks, whatever the floating type of ``x``.

    Raises
    ------
    ValueError
        If nobody said whether this is training or inference, or ``p`` is out of its range.
    TypeError
        If ``p`` is no number, ``rng`` no generator, or the input is not of real numbers.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout: a simple way to
    prevent neural networks from overfitting, 2014, section 4.

    Examples
    --------
    >>> layer = Dropout(0.5, np.random.default_rng(1))
    >>> x = np.array([[1, 2, 3, 4, 5, 6]], dtype=np.float32)
    >>> layer.train()(x)
    array([[0., 4., 6., 8., 0., 0.]], dtype=float32)
    >>> layer.bp_input(np.ones_like(x))
    array([[0., 2., 2., 2., 0., 0.]], dtype=float32)
    >>> layer.eval()(x)
    array([[1., 2., 3., 4., 5., 6.]], dtype=float32)
    """

    def __init__(self, p: float = 0.5, rng: np.random.Generator | None = None) -> None:
        self.p = number("Dropout", "p", p)
        if not 0 <= self.p < 1:
            raise ValueError(
                f"Dropout: got p={p!r}, wanted a probability from 0 to below 1: it is the share of "
                "numbers that are left out"
            )
        self.rng = _generator(rng)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = x mask / (1 - p)``, in inference ``x``; ``(N, ...)`` to ``(N, ...)``."""
        x = self.batch(x)
        scaled = None
        if self.is_training() and self.p:
            scaled = self._mask(x.shape).astype(x.dtype)
            scaled *= 1 / (1 - self.p)
        self.cache = scaled, x.shape, x.dtype  # dy/dx; None is 1
        return x if scaled is None else x * scaled

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dx = grad mask / (1 - p)``, or ``grad``; ``(N, ...)`` to ``(N, ...)``."""
        scaled, shape, dtype = self.cached()
        grad = self.upstream(grad, shape)
        return (grad if scaled is None else grad * scaled).astype(dtype, copy=False)

    def _mask(self, shape: tuple) -> np.ndarray:
        """True with probability ``1 - p``.

        Of 32 random bits a number, so that the probability is right to 9 digits, and two numbers
        at a draw: for (64, 256) in 23 us. ``rng.random(shape, np.float32)``, of 24 bits, takes 30.
        """
        n = math.prod(shape)
        pairs = self.rng.integers(0, 2**64 - 1, (n + 1) // 2, np.uint64, endpoint=True)
        return pairs.view(np.uint32)[:n].reshape(shape) >= np.uint32(self.p * 2**32)

    def config(self) -> dict[str, Any]:
        return {"p": self.p}


def _generator(rng: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise TypeError(
            f"Dropout: got rng={rng!r}, wanted a numpy.random.Generator, as of "
            "np.random.default_rng(seed)"
        ) from None
