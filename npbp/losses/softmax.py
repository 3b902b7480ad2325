"""Softmax: probabilities from scores, and their logarithms, without overflow."""

from __future__ import annotations

import numpy as np


def softmax(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``p = exp(s) / sum_j exp(s_j)`` of each row, and ``log p``: both ``(N, C)``.

    The row's largest score is subtracted first. This changes no probability, and exp cannot
    overflow. ``log p = s - log(sum_j exp(s_j))`` is never the logarithm of a probability, so
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
    s = s - s.max(axis=1, keepdims=True)
    e = np.exp(s)
    sum_e = e.sum(axis=1, keepdims=True)
    return e / sum_e, s - np.log(sum_e)
