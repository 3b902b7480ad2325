"""Statistics: ranges, weighted averages, quantiles, covariances, counts with weights."""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from npbp.graph.operation import Constant
from npbp.graph.operations.composed import composed
from npbp.graph.operations.constants import Flat
from npbp.graph.operations.cumulative import axes_of
from npbp.graph.operations.indexing import Scatter, open_index
from npbp.graph.protocols import implements
from npbp.graph.variable import Variable, value_of


@implements(np.ptp)
@composed(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# ---- averages


@implements(np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, **keepdims: bool
) -> Any:
    _check_weights(a, axis, weights)
    Y = _average(a, axis, weights, **keepdims)
    return (Y, _total_weight(a, axis, weights, **keepdims)) if returned else Y


@composed(np.average)
def _average(a: Any, axis: Any, weights: Any, *, keepdims: bool = False) -> Any:
    """``sum_k w_k X_k / sum_k w_k``; without weights, the mean."""
    w = _weight_of_each(a, axis, weights)
    total = np.sum(a * w, axis=axis, keepdims=keepdims)
    return total / np.sum(w, axis=axis, keepdims=keepdims)


def _sum_of_weights(*args: Any, **keepdims: bool) -> Any:
    return np.average(*args, returned=True, **keepdims)[1]


@composed(_sum_of_weights)
def _total_weight(a: Any, axis: Any, weights: Any, *, keepdims: bool = False) -> Any:
    return np.sum(_weight_of_each(a, axis, weights), axis=axis, keepdims=keepdims)


def _weight_of_each(a: Any, axis: Any, weights: Any) -> Any:
    if weights is None:
        return np.ones(np.shape(a))
    if np.shape(weights) == np.shape(a):
        return weights
    axes = axes_of(a, axis)  # a weight for each place along these
    weights = np.transpose(weights, [int(k) for k in np.argsort(axes)])
    weights = np.reshape(weights, [n if k in axes else 1 for k, n in enumerate(np.shape(a))])
    return np.broadcast_to(weights, np.shape(a))


def _check_weights(a: Any, axis: Any, weights: Any) -> None:
    if weights is None or np.shape(weights) == np.shape(a):
        return
    if axis is None or np.shape(weights) != tuple(np.shape(a)[k] for k in axes_of(a, axis)):
        raise ValueError(
            f"np.average: got weights of shape {np.shape(weights)} for an array of shape "
            f"{np.shape(a)} and axis={axis}, wanted the same shape, or one weight for "
            "each place along the axis"
        )


# ---- quantiles: a place in the order of the numbers, most often between two of them

# How far the place moves with q, by method: n plus this, for n numbers. In the others it jumps.
MOVES = {
    "linear": -1, "hazen": 0, "interpolated_inverted_cdf": 0, "normal_unbiased": 1 / 4,
    "median_unbiased": 1 / 3, "weibull": 1,
}  # fmt: skip


def quantile_formula(
    function: Callable, a: Any, q: Any, axis: Any, keepdims: bool, method: str = "linear",
    weights: Any = None,
) -> Any:  # fmt: skip
    """Of two neighbours in order, ``1 - t`` times the one and ``t`` times the other.

    Given the ranks 0, 1, 2, ... of the numbers in their stead, NumPy's ``function`` says where
    between them the quantile is: so every method is NumPy's own.
    """
    a = a if np.ndim(a) else np.reshape(a, 1)
    axes = axes_of(a, axis)
    others = [k for k in range(a.ndim) if k not in axes]
    outer, n = tuple(a.shape[k] for k in others), math.prod(a.shape[k] for k in axes)

    def together(a: Any) -> Any:
        """With the axes in question as one, which is the last."""
        return np.reshape(np.transpose(a, [*others, *axes]), (*outer, n))

    @Constant
    def place(a: Any, q: Any, *weights: Any) -> Any:
        X = together(a)
        ranks = np.argsort(np.argsort(X, axis=-1, kind="stable"), axis=-1)
        ranks = np.where(np.isnan(X), np.nan, ranks)
        weights = {"weights": together(w) for w in weights}
        places = function(ranks, q, axis=-1, method=method, **weights)
        return np.moveaxis(np.reshape(places, (np.size(q), *outer)), 0, -1)

    X = np.sort(together(a), axis=-1)
    if n:
        weights = () if weights is None else (_weight_of_each(a, axis, weights),)
        places = place(a, q, *weights)  # of every q, in a row
        low = np.floor(np.where(np.isnan(places), 0, places)).astype(int)
        t = places - low
        if type(q) is Variable and method in MOVES:
            numbers = np.sum(~np.isnan(X), axis=-1, keepdims=True)
            t = t + (numbers + MOVES[method]) * (places > 0) * np.ravel(q - fixed(q))
        high = np.minimum(low + 1, n - 1)
        Y = np.take_along_axis(X, low, -1) * (1 - t) + np.take_along_axis(X, high, -1) * t
        Y = np.moveaxis(Y, -1, 0)
    else:
        Y = np.zeros((np.size(q), *outer))
    kept = tuple(1 if k in axes else length for k, length in enumerate(a.shape))
    return np.reshape(Y, np.shape(q) + (kept if keepdims else outer))


@Constant
def fixed(X: Any) -> Any:
    """X, taken as a constant."""
    return np.copy(X)[()]


@implements(np.quantile)
@composed(np.quantile)
def quantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    return quantile_formula(np.quantile, a, q, axis, keepdims, method, weights)


@implements(np.percentile)
@composed(np.percentile)
def percentile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    q = np.true_divide(q, 100)
    return quantile_formula(np.quantile, a, q, axis, keepdims, method, weights)


@implements(np.median)
@composed(np.median)
def median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    return quantile_formula(np.quantile, a, 0.5, axis, keepdims)


# ---- covariances


@implements(np.cov)
@composed(np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """``sum_k w_k D_ik D_jk / n'``: D is what a variable differs by from its weighted mean.

    n' is ``sum_k w_k`` less ddof, in the sense of weights that are not counts.
    """
    X = _variables_in_rows(m, rowvar, dtype)
    if y is not None:
        X = np.concatenate([X, _variables_in_rows(y, rowvar, dtype)], axis=0)
    w = np.ones(X.shape[1]) if fweights is None else fweights
    w = w if aweights is None else w * aweights
    total = np.sum(w)
    ddof = (0 if bias else 1) if ddof is None else ddof
    lost = ddof if aweights is None else ddof * np.sum(w * aweights) / total
    D = X - np.sum(w * X, axis=1, keepdims=True) / total
    return np.squeeze(np.matmul(w * D, D.T) / (total - lost))


def _variables_in_rows(X: Any, rowvar: bool, dtype: Any) -> Any:
    X = X if dtype is None else X.astype(dtype)
    if np.ndim(X) < 2:
        return np.reshape(X, (1, -1))
    return X if rowvar else np.transpose(X)


@implements(np.corrcoef)
@composed(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    C = np.cov(x, y, rowvar, dtype=dtype)
    if not C.ndim:
        return C / C
    deviation = np.sqrt(np.diagonal(C))
    return C / deviation[:, None] / deviation


# ---- counts


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    if weights is None:
        return Flat(np.bincount, minlength=minlength)(x)
    return _weights_by_number(x, weights, minlength)


@composed(np.bincount)
def _weights_by_number(x: Any, weights: Any, minlength: int) -> Any:
    """``Y_v = sum of the weights of all k with x_k = v``."""
    n = np.bincount(value_of(x), minlength=minlength).size
    index, I = open_index((x,))
    return Scatter(index, (n,))(weights, *I)
