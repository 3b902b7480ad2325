"""Softmax: probabilities from scores, and their logarithms, without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.base import Layer


class Softmax(Layer):
    """``p_k = e^(x_k) / sum_j e^(x_j)`` along the last axis: probabilities from scores.

    ========  ============================================  =======================
    forward   ``p_k = e^(x_k) / sum_j e^(x_j)``             ``(N, ..., C)``, to the
    bp_input  ``dJ/dx_k = p_k (grad_k - sum_j grad_j p_j)`` same
    ========  ============================================  =======================

    Each output depends on all inputs of its row: this is not a function of each number alone,
    and so the gradient has a sum. As the last layer before a cross-entropy, leave it out:
    `npbp.SoftmaxCrossEntropyLoss` does both at once, with more digits.

    Raises
    ------
    ValueError
        If there is no last axis besides the batch, or it has no entries.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.2.2.3 and 4.1.

    Examples
    --------
    >>> layer = Softmax()
    >>> layer(np.log(np.array([[1.0, 1.0, 2.0]])))
    array([[0.25, 0.25, 0.5 ]])
    >>> layer.bp_input(np.array([[16.0, 0.0, 0.0]]))       # sum_j grad_j p_j = 4
    array([[ 3., -1., -2.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``p_k = e^(x_k) / sum_j e^(x_j)``; ``(N, ..., C)`` to the same."""
        p, _ = softmax(rows(self, x))
        self.cache = p
        return p.copy()

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dx_k = p_k (grad_k - sum_j grad_j p_j)``; ``(N, ..., C)`` to the same."""
        p = self.cached()
        grad = self.upstream(grad, p.shape)
        d_x = grad - (grad * p).sum(axis=-1, keepdims=True)
        d_x *= p
        return d_x.astype(p.dtype, copy=False)

    def output_shape(self, shape: tuple | None) -> tuple | None:
        return row_shape(self, shape)


class LogSoftmax(Layer):
    """``y_k = log p_k = x_k - log(sum_j e^(x_j))`` along the last axis: the `Softmax`'s logarithm.

    ========  ============================================  =======================
    forward   ``y_k = x_k - log(sum_j e^(x_j))``            ``(N, ..., C)``, to the
    bp_input  ``dJ/dx_k = grad_k - p_k sum_j grad_j``       same
    ========  ============================================  =======================

    It stays finite where a probability is rounded to 0.

    Raises
    ------
    ValueError
        If there is no last axis besides the batch, or it has no entries.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.2.2.3 and 4.1.

    Examples
    --------
    >>> layer = LogSoftmax()
    >>> layer(np.array([[0.0, 1000.0, 0.0]]))
    array([[-1000.,     0., -1000.]])
    >>> y = layer(np.log(np.array([[1.0, 1.0, 2.0]])))
    >>> layer.bp_input(np.array([[16.0, 0.0, 0.0]]))       # p = 1/4, 1/4, 1/2
    array([[12., -4., -8.]])
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y_k = x_k - log(sum_j e^(x_j))``; ``(N, ..., C)`` to the same."""
        self.cache, y = softmax(rows(self, x))
        return y

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dx_k = grad_k - p_k sum_j grad_j``; ``(N, ..., C)`` to the same."""
        p = self.cached()
        grad = self.upstream(grad, p.shape)
        return (grad - p * grad.sum(axis=-1, keepdims=True)).astype(p.dtype, copy=False)

    def output_shape(self, shape: tuple | None) -> tuple | None:
        return row_shape(self, shape)


def softmax(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``p = exp(x) / sum_j exp(x_j)`` of each row, and ``log p``: all ``(N, ..., C)``.

    The row's largest score is subtracted first. This changes no probability, and exp cannot
    overflow. ``log p = x - log(sum_j exp(x_j))`` is never the logarithm of a probability, so
    it stays finite where ``p`` underflows to 0.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 4.1.

    Examples
    --------
    >>> p, log_p = softmax(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    >>> p
    array([[0.5, 0.5],
           [0. , 1. ]])
    >>> log_p[1]
    array([-1000.,     0.])
    """
    largest = x.max(axis=-1, keepdims=True)
    s = x - largest if np.isfinite(largest).all() else at_infinity(x, largest)
    e = np.exp(s)
    sum_e = e.sum(axis=-1, keepdims=True)
    s -= np.log(sum_e)
    e /= sum_e
    return e, s


def at_infinity(x: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """``x - largest``, if some are infinite: to one inf in a row belongs all of the probability.

    Of two inf in a row, and of nothing but -inf, there is no limit: the row becomes NaN.
    """
    with np.errstate(invalid="ignore"):  # inf - inf
        s = x - largest
    top = x == np.inf
    s[top & (top.sum(axis=-1, keepdims=True) == 1)] = 0
    return s


# ---- checks


def rows(layer: Layer, x: Any) -> np.ndarray:
    """``x``, if it has rows, the last axis, besides the batch."""
    x = layer.batch(x)
    _fit(layer, x.shape)
    return x


def row_shape(layer: Layer, shape: tuple | None) -> tuple | None:
    """The shape of one example, if it has rows."""
    if shape is not None:
        _fit(layer, ("N", *shape))
    return shape


def _fit(layer: Layer, shape: tuple) -> None:
    if len(shape) < 2 or not shape[-1]:
        cause = "" if len(shape) > 1 else (
            ": the last axis are the scores to choose among, the first is the batch; "
            "a single example is a batch of one: x[None, :]"
        )
        got = str(shape).replace("'", "")
        raise ValueError(
            f"{type(layer).__name__}: got an input of shape {got}, wanted (N, ..., C) with at "
            f"least one score in a row{cause}"
        )
