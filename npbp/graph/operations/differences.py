"""Differences of neighbours, slopes, and the areas below: diff, gradient, trapezoid."""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operations.composed import composed
from npbp.graph.operations.cumulative import along, axes_of
from npbp.graph.protocols import implements


@implements(np.diff)
@composed(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    slice_across = [1 if k == axis % a.ndim else m for k, m in enumerate(a.shape)]
    parts = [
        np.broadcast_to(p, slice_across) if np.ndim(p) == 0 else p  # a number fills one
        for p in (prepend, a, append)
        if p is not None
    ]
    a = np.concatenate(parts, axis=axis)
    for _ in range(n):
        a = along(a, axis, slice(1, None)) - along(a, axis, slice(None, -1))
    return a


@implements(np.ediff1d)
@composed(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    a = np.ravel(ary)
    parts = [np.ravel(p) for p in (to_begin, a[1:] - a[:-1], to_end) if p is not None]
    return np.concatenate(parts)


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Along each axis on its own: ``varargs`` has the spacing, or the coordinates, for each."""
    axes = axes_of(f, axis)
    if not varargs:
        varargs = (1.0,)
    if len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        varargs *= len(axes)
    if len(varargs) != len(axes):
        raise TypeError(
            f"np.gradient: got {len(varargs)} spacings for {len(axes)} axes, wanted one for each, "
            "or a single number for all"
        )
    slopes = [_slope(f, x, axis=a, edge_order=edge_order) for a, x in zip(axes, varargs)]
    return slopes[0] if len(axes) == 1 else type(np.gradient(np.eye(2)))(slopes)


@composed(np.gradient)
def _slope(f: Any, x: Any, *, axis: int, edge_order: int) -> Any:
    """That of the parabola through three neighbours; at an end, of a line, or of that parabola.

    With h before and k after: ``(k r + h s) / (h + k)``, of the slopes r before and s after.
    """
    f = np.moveaxis(f, axis, 0)
    step = np.diff(x) if np.ndim(x) else np.broadcast_to(x, f.shape[:1])[1:]
    step = np.reshape(step, (-1,) + (1,) * (f.ndim - 1))
    slope = (f[1:] - f[:-1]) / step
    h, k, r, s = step[:-1], step[1:], slope[:-1], slope[1:]
    inner = (k * r + h * s) / (h + k)
    first, last = slope[:1], slope[-1:]
    if edge_order == 2:
        first = first - (inner[:1] - first)
        last = last - (inner[-1:] - last)
    return np.moveaxis(np.concatenate([first, inner, last]), 0, axis)


@composed(getattr(np, "trapezoid", None) or np.trapz)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """``sum_k (x_(k+1) - x_k) (y_k + y_(k+1)) / 2``."""
    y = np.moveaxis(y, axis, -1)
    if x is not None:
        dx = np.diff(x) if np.ndim(x) == 1 else np.diff(np.moveaxis(x, axis, -1))
    return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2, axis=-1)


for _name in ("trapezoid", "trapz"):  # its names in NumPy 2 and 1
    if hasattr(np, _name):
        implements(getattr(np, _name))(trapezoid)


@implements(np.unwrap)
@composed(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    """p and multiples of the period, which are constants."""
    return p
