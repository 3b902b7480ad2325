"""What kind of fault a wrong gradient looks like, if it looks like one."""

from __future__ import annotations

import numpy as np

CLOSE = 1e-5  # of the largest entry: two gradients that are the same, in a diagnosis


def diagnosis(analytic: np.ndarray, numeric: np.ndarray, N: int) -> str:
    """What kind of fault a wrong gradient looks like, or "": a false lead is worse than none.

    Each row of the table is a statement about the two arrays, and whether it is true.
    ``N`` is the number of examples.
    """
    a, n, axes = analytic, numeric, range(analytic.ndim)
    if not np.isfinite(n).all():
        return ""
    size = np.abs(n).max()
    same, empty = np.abs(a - n) <= CLOSE * size, np.abs(n) <= CLOSE * size
    several = np.count_nonzero(~empty) > 1

    def fits(found: np.ndarray, wanted: np.ndarray) -> bool:
        near = np.abs(found - wanted) <= CLOSE * size
        return bool(near.all()) and np.count_nonzero(np.abs(wanted) > CLOSE * size) > 1

    table = [
        ("it has a NaN or an infinity, where the forward has none", not np.isfinite(a).all()),
        ("it is zero everywhere", not a.any() and not empty.all()),
        ("J does not change with it at all: does the forward use it?", not n.any()),
    ]
    if not any(true for _, true in table) and not same.all():
        factor = float(np.sum(a * n) / np.sum(n * n))
        table += [
            ("the sign is wrong, all else is right", fits(a, -n)),
            (_factor(factor, a.shape, N),
             several and np.abs(a - factor * n).max() <= CLOSE * abs(factor) * size),
            (f"it is right but for {(a - n).flat[0]:.6g}, added to every entry",
             a.size > 2 and np.ptp(a - n) <= CLOSE * size),
        ]  # fmt: skip
        for i in axes:
            wrong = np.unique(np.nonzero(~same)[i])
            if len(wrong) == 1 and 1 < np.count_nonzero(~same) and (same & ~empty).any():
                k = wrong[0]
                part = diagnosis(a.take(k, i), n.take(k, i), N)
                line = ("row", "column")[i] if a.ndim == 2 else f"index of axis {i},"
                last = ", the last," if k == a.shape[i] - 1 else ""
                table.append((f"only {line} {k}{last} differs" + (f": {part}" if part else ""), True))
        table += [
            ("where it should be 0 it is not, the rest is right: is a mask missing?",
             empty[~same].all() and np.count_nonzero(same & ~empty) > 1),
            ("it is 0 where it should not be, the rest is right: does a mask cover too much?",
             not a[~same].any() and np.count_nonzero(same & ~empty) > 1),
        ]  # fmt: skip
        for i in axes:
            table += [
                (f"it is the transpose: axes {i} and {j} are swapped", fits(a, n.swapaxes(i, j)))
                for j in axes[i + 1 :] if n.shape[i] == n.shape[j]
            ]  # fmt: skip
            first, last = np.arange(n.shape[i] - 1), np.arange(1, n.shape[i])
            table += [
                (f"along axis {i} it is in reverse order", fits(a, np.flip(n, i))),
                (f"along axis {i} it is shifted by one",
                 fits(a.take(last, i), n.take(first, i)) or fits(a.take(first, i), n.take(last, i))),
            ]  # fmt: skip
        table.append(("its entries are right, but in another order",
                      fits(np.sort(a, None), np.sort(n, None))))  # fmt: skip
    return next((words for words, true in table if true), "")


def _factor(factor: float, shape: tuple, N: int) -> str:
    """The factor in words, and what sum or mean it may come from. 2 is too common to tell."""
    words = f"every entry is {factor:.6g} times the difference"
    large = max(abs(factor), 1 / abs(factor)) if factor else 0.0
    count = round(large)
    if count < 3 or abs(large - count) > CLOSE * count:
        return words
    if abs(factor) < 1:
        words = f"every entry is {'-' * (factor < 0)}1/{count} times the difference"
    taken, wanted = ("mean", "sum") if abs(factor) < 1 else ("sum", "mean")
    over = {int(np.prod(shape)): f"all {count} entries", shape[-1]: f"a row of {count}",
            N: f"the batch, as N is {N},"}.get(count)  # fmt: skip
    return words + (f": is it the {taken} over {over} where it should be the {wanted}?" if over else "")


def shape_cause(found: tuple, wanted: tuple, N: int) -> str:
    """The likely cause of a gradient of a wrong shape, or ""."""
    table = [
        ("is the sum over the batch missing?", found == (N, *wanted)),
        ("is it transposed?", found == wanted[::-1]),
        ("is the batch's axis missing?", found == wanted[1:]),
        ("is the last row missing, that of the bias?",
         bool(found) and (found[0] + 1, *found[1:]) == wanted),
        ("is an axis of length 1 too much, or one too few?",
         [n for n in found if n != 1] == [n for n in wanted if n != 1]),
        ("is a reshape missing?", np.prod(found) == np.prod(wanted)),
    ]  # fmt: skip
    return next((f": {words}" for words, true in table if true), "")
