"""A gradient and the differences: entry by entry, then along random directions."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from npbp.gradcheck.arguments import GradientError
from npbp.gradcheck.faults import diagnosis

STEP = 1e-5  # h; times the largest entry of what is moved, if that is above 1
TOLERANCE = 1e-6  # of each entry of the gradient
MEASURED = 1e-3  # of an entry: if none is known better, nothing is checked
EPS = float(np.finfo(np.float64).eps)
DIRECTIONS = 5
ENTRIES = 2000  # an array with more entries is checked at this many of them


def compare(
    what: str,
    terms: Callable[[], np.ndarray],
    value: np.ndarray,
    gradient: np.ndarray,
    rng: np.random.Generator,
    N: int,
    zero_hint: str | None,
) -> float:
    """Compare one gradient with differences: entry by entry, then along directions.

    ``value`` is what it is the gradient of, and is moved in place; the sum of ``terms()``
    is J. If all is zero, ``zero_hint`` says what to do; None: nothing, it may be.
    """
    if not value.size:  # a parameter without entries
        return 0.0
    if value.dtype.kind != "f":  # indices: nothing that could be moved by a little
        if gradient.any():
            raise GradientError(f"{what}: got a gradient of whole numbers, wanted zeros")
        return 0.0
    flat = _sample(gradient, rng)
    places = list(zip(*np.unravel_index(flat, value.shape))) if value.ndim else [()]
    entries = [value[(*place, ...)] for place in places]  # views, thanks to the dots
    analytic = np.array([gradient[place] for place in places])
    numeric = np.array([_slope(terms, entry) for entry in entries])
    unsure, again = np.zeros(len(flat)), np.zeros(len(flat), bool)
    while True:
        size = float(np.max(np.abs(numeric), initial=0, where=np.isfinite(numeric)))
        # A NaN compares as False with everything; here it must count as the worst.
        errors = np.nan_to_num(np.abs(analytic - numeric), nan=np.inf)
        noise = unsure + 4 * EPS * size
        wrong = ~(errors <= TOLERANCE * np.abs(numeric) + noise) | ~np.isfinite(analytic)
        k = int(np.where(wrong, errors, -1).argmax())
        if again[k] or not wrong.any():
            break
        numeric[k], unsure[k] = _best_slope(
            terms, entries[k], 1.0, max(size, abs(analytic[k]))
        )
        again[k] = True
    if wrong.any():
        index = f"[{', '.join(map(str, places[k]))}]"
        _refuse_kink(f"{what}: {index}", terms, entries[k], 1.0, analytic[k])
        clear = np.count_nonzero(wrong & (again | ~(errors <= TOLERANCE * size)))
        shape = value.shape if len(flat) == value.size else flat.shape
        kind = diagnosis(analytic.reshape(shape), numeric.reshape(shape), N)
        raise GradientError(
            f"{what}: the worst entry is {index}: {analytic[k]:.6g}, but the finite "
            f"difference is {numeric[k]:.6g}; {clear} of {len(flat)} entries differ"
            + (f": {kind}" if kind else "")
        )
    for _ in range(DIRECTIONS):
        v = rng.standard_normal(value.shape)
        _compare_along(what, terms, value, gradient, v / np.linalg.norm(v))
    if zero_hint and not (noise < MEASURED * np.abs(numeric)).any():
        raise GradientError(
            f"{what}: the gradient is zero everywhere at this point, so nothing is checked (or "
            f"too small to be told from rounding): {zero_hint}"
        )
    return float(errors.max()) / size if size else 0.0


def _compare_along(
    what: str, terms: Callable, value: np.ndarray, gradient: np.ndarray, v: np.ndarray
) -> None:
    along = float(np.sum(gradient * v))
    slope, unsure = _slope(terms, value, v), 4 * EPS * float(np.linalg.norm(gradient))
    if not abs(along - slope) <= TOLERANCE * abs(slope) + unsure:
        slope, unknown = _best_slope(terms, value, v, max(abs(slope), abs(along)))
        unsure += unknown
    if abs(along - slope) <= TOLERANCE * abs(slope) + unsure:
        return
    _refuse_kink(f"{what}: along a random direction", terms, value, v, along)
    raise GradientError(
        f"{what}: along a random direction the gradient says {along:.6g}, but the "
        f"finite difference is {slope:.6g}"
    )


def _sample(gradient: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which entries to compare; half of them where the gradient is not 0, if it is in few."""
    if gradient.size <= ENTRIES:
        return np.arange(gradient.size)
    claimed = np.flatnonzero(gradient)
    some = rng.choice(claimed, min(ENTRIES // 2, len(claimed)), replace=False)
    rest = np.setdiff1d(np.arange(gradient.size), some)
    return np.append(some, rng.choice(rest, ENTRIES - len(some), replace=False))


def _slope(terms: Callable, value: np.ndarray, v: Any = 1.0) -> float:
    """The central difference along ``v``."""
    h = STEP * max(1.0, float(np.abs(value).max()))
    return float(np.sum(_change(terms, value, v, h))) / (2 * h)


def _best_slope(terms: Callable, value: np.ndarray, v: Any, size: float) -> tuple[float, float]:
    """The same with the h around which it changes least; and how far it may be off.

    ``size`` is that of the gradient. If there is a kink near, the difference settles twice,
    for large h and for small: the smallest h at which it is settled counts, and larger ones
    that say the same with more digits. If it settles nowhere, it may be off by anything.
    """
    scale = max(float(np.abs(value).max()), 1e-12)
    steps = 10.0 ** np.arange(np.log10(max(1.0, scale)), np.log10(scale) - 12.5, -1)
    changes = [_change(terms, value, v, h) for h in steps]
    slopes = np.array([np.sum(change) for change in changes]) / (2 * steps)
    rounding = _rounding(terms(), max(1, *map(np.count_nonzero, changes))) / steps
    rounding += np.abs(slopes) * EPS * scale / steps  # value + h is rounded too
    varies = np.abs(np.diff(slopes))
    slopes, unsure = slopes[1:-1], 2 * np.maximum(varies[:-1], varies[1:]) + rounding[1:-1]
    unsure = np.nan_to_num(unsure, nan=np.inf)
    settled = np.flatnonzero(unsure <= 0.01 * np.maximum(np.abs(slopes), size))
    if not len(settled):
        return float(slopes[-1]), np.inf
    k = settled[-1]
    unsure[np.abs(slopes - slopes[k]) > unsure + unsure[k]] = np.inf
    k = int(unsure.argmin())
    return float(slopes[k]), float(unsure[k])


def _rounding(y: np.ndarray, count: int) -> float:
    """How far the sum of so many terms may be off, for their rounding."""
    return 4 * EPS * float(np.abs(y).max()) * count**0.5


def _change(terms: Callable, value: np.ndarray, v: Any, h: float) -> np.ndarray:
    """How the terms of J change from ``value - h v`` to ``value + h v``, each by itself: what
    does not change is exactly 0, and its digits do not count."""
    return _moved(terms, value, h * v) - _moved(terms, value, -h * v)


def _moved(terms: Callable, value: np.ndarray, by: Any) -> np.ndarray:
    """The terms of J where ``value`` is moved."""
    held = value.copy()
    try:
        value[...] = held + by
        with np.errstate(all="ignore"):  # a step may leave the domain of a log
            return terms()
    finally:
        value[...] = held


def _refuse_kink(what: str, terms: Callable, value: np.ndarray, v: Any, claimed: float) -> None:
    """Raise if the slopes of both sides differ, however small the step, and ``claimed`` is
    one of them or between."""
    y, scale = terms(), float(np.abs(value).max()) or 1.0
    for h in scale * STEP / np.array([1, 10, 100]):
        above = float(np.sum(_moved(terms, value, h * v) - y)) / h
        below = float(np.sum(y - _moved(terms, value, -h * v))) / h
        margin = 1e-4 * max(abs(above), abs(below)) + _rounding(y, y.size) / h
        if not abs(above - below) > margin:
            return
    if min(above, below) - margin <= claimed <= max(above, below) + margin:
        raise GradientError(
            f"{what}: within {h:.0e} there is a kink or a jump: the finite difference is "
            f"{above:.6g} from above and {below:.6g} from below, so there is no derivative to "
            f"compare {claimed:.6g} with: choose another x"
        )
