"""Sums, means, maxima, ... of what is not nan: np.nansum and its relatives.

A nan is left out, so its gradient is 0.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from npbp.graph.operations.composed import composed
from npbp.graph.operations.reductions import mean_formula, std_formula, var_formula
from npbp.graph.operations.statistics import quantile_formula
from npbp.graph.protocols import implements


def _instead(function: Callable, usual: Callable, fill: float) -> None:
    """``np.nansum(a, ...)`` is np.sum of a with ``fill`` in place of nan."""

    @implements(function)
    @composed(function)
    def filled(a: Any, *args: Any, **settings: Any) -> Any:
        return usual(np.where(np.isnan(a), fill, a), *args, **settings)


_instead(np.nansum, np.sum, 0.0)
_instead(np.nanprod, np.prod, 1.0)
_instead(np.nanmax, np.max, -np.inf)
_instead(np.nanmin, np.min, np.inf)
_instead(np.nancumsum, np.cumsum, 0.0)
_instead(np.nancumprod, np.cumprod, 1.0)


def _left_out(function: Callable, formula: Callable) -> None:
    """``np.nanmean(a, ...)`` is np.mean of a where it is not nan."""

    @implements(function)
    @composed(function)
    def left_out(a: Any, *args: Any, where: Any = True, **settings: Any) -> Any:
        return formula(a, *args, where=~np.isnan(a) & where, **settings)


_left_out(np.nanmean, mean_formula)
_left_out(np.nanvar, var_formula)
_left_out(np.nanstd, std_formula)


@implements(np.nanquantile)
@composed(np.nanquantile)
def nanquantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    return quantile_formula(np.nanquantile, a, q, axis, keepdims, method, weights)


@implements(np.nanpercentile)
@composed(np.nanpercentile)
def nanpercentile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    q = np.true_divide(q, 100)
    return quantile_formula(np.nanquantile, a, q, axis, keepdims, method, weights)


@implements(np.nanmedian)
@composed(np.nanmedian)
def nanmedian(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    return quantile_formula(np.nanquantile, a, 0.5, axis, keepdims)
