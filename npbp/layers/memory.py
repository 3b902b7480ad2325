"""Where weights lie in memory: the one place that knows, as it pays."""

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
