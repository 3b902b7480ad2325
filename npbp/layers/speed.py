"""What is done in another way than the plain one, as it pays: each with its measure."""

from __future__ import annotations

from typing import Any

import numpy as np


def aligned_copy(value: Any, dtype: Any) -> np.ndarray:
    """``value`` as a new array whose first number begins a cache line, of 64 bytes.

    NumPy begins at any multiple of 16. Then the vectors of ``W -= alpha * d_W`` lie across
    lines, and each line is written twice. With two threads, that makes a training step of
    the walk-through's network 7 % longer (139 us instead of 129), by luck.

    Examples
    --------
    >>> aligned_copy([[1, 2], [3, 4]], np.float32).ctypes.data % 64
    0
    """
    value = np.asarray(value, dtype)
    room = np.empty(value.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start:start + value.nbytes].view(value.dtype).reshape(value.shape)
    copy[...] = value
    return copy


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """``out = a b``, for matrices; of mixed floating types too.

    ``np.matmul(a, b, out=out)`` would be the same. With two threads, ``np.dot`` makes a
    training step 6 to 9 % shorter (188 us instead of 205, walk-through's network).

    Examples
    --------
    >>> out = np.empty((2, 1))
    >>> product(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [10.0]]), out)
    >>> out
    array([[21.],
           [43.]])
    """
    if a.dtype == b.dtype == out.dtype:  # np.dot needs that
        np.dot(a, b, out=out)
    else:
        np.matmul(a, b, out=out, casting="same_kind")
