"""Rows for `npbp.graph.operations.statistics` and `npbp.graph.operations.nanfunctions`."""

import re

import numpy as np
from rows import NUMPY_2, A, Row

ROWS = []


def settings_row(f, x, **settings):
    def with_settings(x):
        q = {"q": np.asarray(settings["q"], x.dtype)} if "q" in settings else {}
        return f(x, **{**settings, **q})

    text = ", ".join(f"{k}={v}" for k, v in settings.items())
    ROWS.append(Row(f"{f.__name__}({text}) of {np.shape(x)}", with_settings, x))


# ---- averages

ROWS += [
    Row("average", lambda x: np.average(x, axis=0), A(3, 2)),
    Row("average of all", np.average, A(3, 2)),
    Row("average of a number", np.average, A()),
    Row(
        "average with weights that are variables",
        lambda x, w: np.average(x, weights=w),
        A(3, 2),
        A(3, 2, low=1, high=2, seed=1),
    ),
    Row(
        "average with one weight a column",
        lambda x, w: np.average(x, axis=-1, weights=w),
        A(3, 2),
        A(2, low=1, high=2),
    ),
    Row(
        "average with one weight a plane",
        lambda x, w: np.average(x, axis=1, weights=w),
        A(3, 2, 4),
        A(2, low=1, high=2),
    ),
    Row(
        "average over two axes",
        lambda x, w: np.average(x, axis=(0, 2), weights=w),
        A(3, 2, 4),
        A(3, 2, 4, low=1, high=2, seed=1),
    ),
    Row(
        "average, with the sum of the weights",
        lambda x, w: np.multiply(*np.average(x, axis=1, weights=w, returned=True)),
        A(3, 2),
        A(2, low=1, high=2),
    ),
    Row(
        "average, with the number of numbers",
        lambda x: np.multiply(*np.average(x, axis=0, returned=True)),
        A(3, 2),
    ),
]
if np.lib.NumpyVersion(np.__version__) >= "1.23.0":
    settings_row(np.average, A(3, 2), axis=1, keepdims=True)
if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
    ROWS.append(
        Row(
            "average with weights along two axes",
            lambda x, w: np.average(x, axis=(2, 0), weights=w),
            A(3, 2, 4),
            A(4, 3, low=1, high=2),
        )
    )

# ---- quantiles

AXES = [None, 0, -1, (0, 2), (2, 0), (0, 1, 2)]
METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
]  # fmt: skip

for axis in AXES:
    settings_row(np.ptp, A(2, 3, 2), axis=axis, keepdims=axis != 0)
    settings_row(np.median, A(2, 3, 2), axis=axis)
    settings_row(np.median, A(2, 3, 2), axis=axis, keepdims=True)
    settings_row(np.quantile, A(2, 3, 2), q=0.3, axis=axis)
    settings_row(np.quantile, A(2, 3, 2), q=[[0.1], [0.62]], axis=axis, keepdims=True)
    settings_row(np.percentile, A(2, 3, 2), q=[0, 30, 100], axis=axis)
for method in METHODS:
    settings_row(np.quantile, A(7), q=[0.13, 0.5, 0.77], method=method)
    ROWS.append(
        Row(
            f"quantile by {method}, q is a variable",
            lambda x, q, m=method: np.quantile(x, q, axis=1, method=m),
            A(2, 7),
            A(3, low=0.2, high=0.8),
        )
    )
for f in (np.ptp, np.median, lambda x: np.quantile(x, 0.3), lambda x: np.percentile(x, 30)):
    ROWS += [
        Row(f"a quantile of a number: {f.__name__}", f, A()),
        Row(f"a quantile of one: {f.__name__}", f, A(1)),
        Row(f"a quantile of 8: {f.__name__}", f, A(2, 4)),
    ]
ROWS += [
    Row("median of none of many", lambda x: np.median(x, axis=0), A(3, 0, 2)),
    Row("percentile, q is a variable", lambda x, q: np.percentile(x, q), A(5), 31.0),
    Row(
        "two quantiles of a column each",
        lambda x: np.quantile(x, [0.2, 0.9], axis=0),
        A(5, 2),
        float32=False,
    ),
]
if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
    ROWS.append(
        Row(
            "quantile with weights",
            lambda x: np.quantile(
                x, 0.4, axis=1, weights=np.arange(1.0, 15).reshape(2, 7), method="inverted_cdf"
            ),
            A(2, 7),
        )
    )
    ROWS.append(
        Row(
            "quantile with one weight a row",
            lambda x: np.quantile(x, 0.4, 0, weights=[1.0, 3, 2, 1], method="inverted_cdf"),
            A(4, 3),
        )
    )

if not NUMPY_2:
    for row in ROWS:
        row.float32 = row.float32 and not re.search("quantile|percentile", row.name)

# ---- covariances

f64 = {"float32": False}  # what they return always
for f in (np.cov, np.corrcoef):
    name = f.__name__
    ROWS += [
        Row(name, f, A(3, 5), **f64),
        Row(f"{name} of columns", lambda x, f=f: f(x, rowvar=False), A(5, 3), **f64),
        Row(f"{name} of two vectors", f, A(5), A(5, seed=1), **f64),
        Row(f"{name} of rows and a vector", f, A(2, 5), A(5), **f64),
        Row(f"{name} of columns twice", lambda x, y, f=f: f(x, y, False), A(5, 2), A(5, 3), **f64),
        Row(f"{name} of one vector", f, A(5), **f64),
    ]
    ROWS.append(Row(f"{name} in a type", lambda x, f=f: f(x, dtype=x.dtype), A(2, 5)))
COUNTS, w = np.array([1, 2, 1, 0, 3]), A(5, low=1, high=2)
ROWS += [
    Row("cov, bias", lambda x: np.cov(x, bias=True), A(3, 5), **f64),
    Row("cov, ddof", lambda x: np.cov(x, ddof=2), A(3, 5), **f64),
    Row("cov, ddof and bias", lambda x: np.cov(x, ddof=2, bias=True), A(3, 5), **f64),
    Row("cov, counts", lambda x: np.cov(x, fweights=COUNTS), A(3, 5), **f64),
    Row("cov, weights", lambda x, w: np.cov(x, aweights=w), A(3, 5), w, **f64),
    Row(
        "cov, counts, weights and ddof",
        lambda x, w: np.cov(x, fweights=COUNTS, aweights=w, ddof=2),
        A(3, 5),
        w,
        **f64,
    ),
]

# ---- counts

ROWS += [
    Row("bincount", lambda w: np.bincount([1, 3, 1, 0], w), A(4), float32=False),
    Row(
        "bincount, minlength",
        lambda w: np.bincount([1, 3, 1], weights=w, minlength=6),
        A(3),
        float32=False,
    ),
    Row("bincount without weights", lambda x: x * np.bincount(np.argsort(x)), A(3), float32=False),
]

# ---- what is not nan


def with_nan(x):
    holes = np.arange(np.size(x)).reshape(np.shape(x)) % 5 == 3
    return np.where(holes, np.nan, x)


NAN = [np.nansum, np.nanprod, np.nanmax, np.nanmin, np.nanmean, np.nanvar, np.nanstd, np.nanmedian]
for f in NAN:
    for axis in (None, 1, (0, 2)):
        for keepdims in (False, True):
            name = f"{f.__name__} over axis={axis}, keepdims={keepdims}"
            g = lambda x, f=f, a=axis, k=keepdims: f(with_nan(x), axis=a, keepdims=k)  # noqa: E731
            ROWS.append(Row(name, g, A(2, 4, 3)))
    ROWS += [
        Row(f"{f.__name__} of what has none", f, A(2, 3)),
        Row(f"{f.__name__} of a number", f, A()),
    ]
for f in (np.nancumsum, np.nancumprod):
    ROWS += [
        Row(
            f"{f.__name__} along axis={axis}",
            lambda x, f=f, a=axis: f(with_nan(x), axis=a),
            A(2, 4),
        )
        for axis in (None, 0, 1)
    ]
ROWS += [
    Row("nansum, where", lambda x: np.nansum(with_nan(x), axis=0, where=x > -0.5), A(4, 3)),
    Row(
        "nansum in float64",
        lambda x: np.nansum(with_nan(x), dtype=np.float64),
        A(4, 3),
        float32=False,
    ),
    Row("nanmax, initial", lambda x: np.nanmax(with_nan(x), axis=0, initial=0.1), A(4, 3)),
    Row("nanmean, where", lambda x: np.nanmean(with_nan(x), axis=0, where=x > -0.9), A(4, 3)),
    Row("nanvar, ddof", lambda x: np.nanvar(with_nan(x), axis=0, ddof=1), A(6, 2)),
    Row(
        "nanquantile",
        lambda x, q: np.nanquantile(with_nan(x), q, axis=(0, 1), keepdims=True),
        A(3, 4, 2),
        A(2, low=0.2, high=0.8),
        float32=NUMPY_2,
    ),
    Row(
        "nanpercentile",
        lambda x: np.nanpercentile(with_nan(x), [20, 71], axis=1),
        A(2, 7),
        float32=False,
    ),
    Row(
        "nanquantile by nearest", lambda x: np.nanquantile(with_nan(x), 0.3, method="nearest"), A(7)
    ),
]
