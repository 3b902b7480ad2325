"""Numbers between others: linspace and its relatives, interp; and polynomials."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operations.composed import composed
from npbp.graph.operations.elementwise import divide_or_0
from npbp.graph.operations.indexing import take
from npbp.graph.protocols import implements


@implements(np.linspace)
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    Y = _linspace(start, stop, num, endpoint, dtype=dtype, axis=axis)
    return (Y, _step(start, stop, num, endpoint)) if retstep else Y


@composed(np.linspace)
def _linspace(start: Any, stop: Any, num: int, endpoint: bool, *, dtype: Any, axis: int) -> Any:
    """``(1 - t) start + t stop``, with t from 0 to 1, or up to one step before."""
    Y = _between(start, stop, num, endpoint, axis)
    return Y if dtype is None else Y.astype(dtype)


def _between(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    ndim = max(np.ndim(start), np.ndim(stop))
    t = np.linspace(0.0, 1.0, num, endpoint).reshape((-1,) + (1,) * ndim)
    return np.moveaxis((1 - t) * start + t * stop, 0, axis)


def _step_of(*args: Any) -> Any:
    return np.linspace(*args, retstep=True)[1]


@composed(_step_of)
def _step(start: Any, stop: Any, num: int, endpoint: bool) -> Any:
    n = num - 1 if endpoint else num
    return (stop - start) / n if n > 0 else (stop - start) * np.nan


@implements(np.logspace)
@composed(np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """``base^y``, with y at equal distances."""
    if np.ndim(base):
        start, stop, base = np.broadcast_arrays(start, stop, base)
        base = np.expand_dims(base, axis)
    Y = np.power(base, _between(start, stop, num, endpoint, axis))
    return Y if dtype is None else Y.astype(dtype)


@implements(np.geomspace)
@composed(np.geomspace)
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """``start (stop / start)^t``."""
    start, stop = np.broadcast_arrays(start, stop)
    logarithms = _between(np.log(np.abs(start)), np.log(np.abs(stop)), num, endpoint, axis)
    Y = np.expand_dims(np.sign(start), axis) * np.exp(logarithms)
    return Y if dtype is None else Y.astype(dtype)


@implements(np.interp)
@composed(np.interp)
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """On the line through the two known points around x. At a known point, the one to its right."""
    if period is not None:
        period = np.abs(period)
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    xp, fp = np.ravel(xp), np.ravel(fp)
    n = xp.shape[0]
    left, right = fp[0] if left is None else left, fp[n - 1] if right is None else right
    k = np.clip(np.searchsorted(xp, x, side="right"), 1, max(n - 1, 1))
    before, after = k - 1, np.minimum(k, n - 1)
    start = take(xp, before)
    t = divide_or_0(x - start, take(xp, after) - start)
    Y = take(fp, before) * (1 - t) + take(fp, after) * t
    return np.where(x < xp[0], left, np.where(x > xp[n - 1], right, Y))


# ---- polynomials


@implements(np.polyval)
@composed(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """``(...((p_0 x + p_1) x + p_2) ...)``, by Horner."""
    Y = np.zeros(np.shape(x))
    for k in range(np.shape(p)[0]):
        Y = Y * x + p[k]
    return Y


@implements(np.vander)
@composed(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """Column k has ``x^k``, or in the other order."""
    n = x.shape[0] if N is None else N
    if not n:
        return np.zeros((x.shape[0], 0))
    columns = [x**k for k in range(n)]
    return np.stack(columns if increasing else columns[::-1], axis=1)
