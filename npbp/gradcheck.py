"""Is a hand-written gradient right? Finite differences tell.

The derivative of a function J at x, along a direction v, is close to

    (J(x + h v) - J(x - h v)) / (2 h)

for a small h: the central difference, whose error shrinks as h^2. It needs the
forward alone, so it knows nothing of the backward that it checks. Everything runs
in float64, where h = 1e-5 leaves about ten right digits.

A layer has an array as output, so J is made of it: ``J = sum(y * G)`` with a random
upstream gradient G. Ones in place of G would not do: the rows of a softmax sum to
one whatever its input is, so a backward that is zero, or seven times too large,
would pass.

No h is good for all: with a large one the curvature of J shows and kinks are crossed,
with a small one little is left of J's digits. So where gradient and difference
disagree, the difference is taken again with many h. The one around which it changes
least is believed, but for what it changes there.

Read `check_layer` and `check_loss`, then `_compare` and the differences below it. The
rest is there to say more than "wrong": what kind of fault it looks like (`diagnosis`),
and whether the layer keeps what its callers rely on.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from typing import Any, Callable, Mapping, Sequence

import numpy as np

STEP = 1e-5  # h; times the largest entry of what is moved, if that is above 1
TOLERANCE = 1e-6  # of each entry of the gradient
MEASURED = 1e-3  # of an entry: if none is known better, nothing is checked
EPS = float(np.finfo(np.float64).eps)
CLOSE = 1e-5  # of the largest entry: two gradients that are the same, in a diagnosis
DIRECTIONS = 5
SEED = 6  # where the caller gives none
ENTRIES = 2000  # an array with more entries is checked at this many of them


class GradientError(ValueError):
    """A gradient that the finite differences contradict, or a layer or loss that does not
    do what its callers rely on; the message says what and where."""


def check_layer(layer: Any, x: Any, rng: Any = None, zero: Sequence[str] = ()) -> float:
    """Check a layer's ``bp_input`` and ``bp_param`` against central differences.

    Besides, it checks what callers rely on: nothing is written into ``x``, ``grad`` or
    the parameters; the backward calls come in any order and again; an array that was
    returned is neither changed by a later call nor needed by one; any memory layout of
    ``x`` will do; float32 stays float32.

    What no checker can see is the caller: a layer that keeps ``x`` itself, as a copy
    would cost time, is wrong if ``x`` is filled anew between forward and backward.

    Parameters
    ----------
    layer : Layer
        An object with ``forward(x)``, ``bp_input(grad)`` and, if its dict ``parameters``
        is not empty, ``bp_param(grad)``. It is copied to float64, and left as it is.
    x : array or tuple of int
        An input ``(N, ...)``, or the shape of one, which is then drawn at random, and
        checked with N = 1 too. Take N > 1 and sizes that are all different, so that a
        transposed gradient shows. Keep away from kinks, such as that of a ReLU at 0:
        there is no derivative to compare with.
    rng : numpy.random.Generator or int, optional
        Draws the input, the upstream gradient and the directions, in each call the same if
        None.
    zero : sequence of str
        Gradients that are zero by their nature, "bp_input" or names of parameters. For
        an embedding, whose input are whole numbers, ``zero=["bp_input"]``: then such an
        ``x`` stays as it is, and the gradient must be 0.

    Returns
    -------
    float
        The largest difference found, relative to the largest entry of its gradient.

    Raises
    ------
    GradientError
        If a gradient is wrong: the message names the worst entry with its index, and
        what kind of fault it looks like, if it looks like one. If a gradient is zero
        everywhere, as nothing is checked then. Or if the layer breaks one of the
        promises above.
    ValueError
        If ``x`` is empty or not finite: there is nothing to compare then.
    TypeError
        If ``layer`` is no layer, or ``x`` not of real numbers.

    Examples
    --------
    >>> from npbp import Linear, ReLU, check_layer
    >>> check_layer(Linear(4, 3), (7, 4)) < 1e-6
    True
    >>> class Forgetful(ReLU):
    ...     def bp_input(self, grad):
    ...         return grad                    # where x < 0, it should be 0
    >>> check_layer(Forgetful(), np.array([[1.0, 2.0], [3.0, -4.0], [5.0, 6.0]]))
    Traceback (most recent call last):
    ...
    npbp.gradcheck.GradientError: Forgetful.bp_input: the worst entry is [1, 1]: ...
    """
    wanted = "a layer: an object with forward(x) and bp_input(grad)"
    name = _name("check_layer", layer, wanted, "forward", 1)
    rng = _generator("check_layer", rng)
    zero = (zero,) if isinstance(zero, str) else tuple(zero)
    drawn = _is_shape(x)
    x = _input("check_layer", x, rng, keep_integers="bp_input" in zero)
    worst = _check_layer(name, layer, x, rng, zero)
    if drawn and len(x) > 1:  # finds a squeeze(), and an axis of length 1 that is broadcast
        one = f"with a batch of one, {name}"
        _told(
            f"{one}.forward",
            "if the layer needs more than one example, give x as an array: of a shape, N = 1 is "
            "checked too",
            copy.deepcopy(layer).forward,
            x[:1].copy(),
        )
        worst = max(worst, _check_layer(one, layer, x[:1], rng, None))
    return worst


def check_loss(loss: Any, scores: Any, targets: Any, rng: Any = None) -> float:
    """Check a loss's ``bp_input`` against central differences.

    Parameters
    ----------
    loss : a loss
        Called as ``loss(scores, targets)``, it returns ``(prediction, number)``, and its
        ``bp_input(grad)`` the derivative of ``grad * number`` with respect to the scores.
        It is copied, and left as it is.
    scores : array or tuple of int
        ``(N, C)``, or the shape, which is then drawn at random.
    targets : array
        What the loss takes: labels ``(N,)`` or rows ``(N, C)``.
    rng : numpy.random.Generator or int, optional
        Draws the scores, the upstream gradient and the directions, as in `check_layer`.
        Targets that you draw from the same seed are other numbers than the scores.

    Returns
    -------
    float
        The largest difference found, relative to the largest entry of the gradient.

    Raises
    ------
    GradientError
        If the gradient is wrong: the message names the worst entry with its index. If it
        is zero everywhere, as nothing is checked then. Or if the loss does not return
        ``(prediction, number)``.
    ValueError
        If ``scores`` are empty or not finite: there is nothing to compare then.
    TypeError
        If ``loss`` is no loss, or ``scores`` not of real numbers.

    Examples
    --------
    >>> from npbp import SoftmaxCrossEntropyLoss, check_loss
    >>> check_loss(SoftmaxCrossEntropyLoss(), (4, 3), np.array([0, 2, 1, 2])) < 1e-6
    True
    """
    wanted = "a loss: it is called with (scores, targets), and has bp_input(grad)"
    name = _name("check_loss", loss, wanted, "__call__", 2)
    rng = _generator("check_loss", rng)
    loss = copy.deepcopy(loss)
    scores = _input("check_loss", scores, rng)
    targets = _targets(targets)
    upstream = float(rng.uniform(0.5, 2.0) * rng.choice([-1.0, 1.0]))

    def terms() -> np.ndarray:
        return np.array([upstream * _number(name, loss(scores, targets))])

    def backward(grad: Any = None) -> dict[str, np.ndarray]:
        d_scores = loss.bp_input(upstream)
        return {"bp_input": _array(f"{name}.bp_input", d_scores, scores, len(scores))}

    inputs = {"the scores": scores, "the targets": targets}
    arrays = {key: array for key, array in inputs.items() if isinstance(array, np.ndarray)}
    gradient = _repeats(name, terms, backward, arrays)["bp_input"]
    hint = "choose other scores, or other targets"
    worst = _compare(f"{name}.bp_input", terms, scores, gradient, rng, len(scores), hint)
    _is_left_alone(name, lambda x: loss(x, targets)[0], backward, scores, list(arrays.values()))
    return worst


def _check_layer(name: str, layer: Any, x: np.ndarray, rng: Any, zero: tuple | None) -> float:
    """`check_layer` at one ``x``; if ``zero`` is None, any gradient may be zero."""
    twin = layer.astype(np.float64) if hasattr(layer, "astype") else copy.deepcopy(layer)
    parameters = _parameters(name, twin)
    unknown = set(zero or ()) - {"bp_input", *parameters}
    if unknown:
        raise ValueError(
            f"check_layer: got zero={unknown.pop()!r}, wanted names among "
            f"{', '.join(['bp_input', *parameters])}"
        )
    y = _array(f"{name}.forward", twin.forward(x.copy()))
    grad = rng.standard_normal(y.shape)
    of = {"bp_input": x, **{f"bp_param, {key}": W for key, W in parameters.items()}}

    def terms() -> np.ndarray:  # their sum is J
        return twin.forward(x) * grad

    def backward(grad: np.ndarray = grad, methods: tuple = ("bp_input", "bp_param")) -> dict:
        found = {}
        for method in methods:
            found.update(_gradients(name, twin, method, grad, list(parameters)))
        return {key: _array(f"{name}.{key}", found[key], of[key], len(x)) for key in of}

    inputs = {"x": x, "the upstream gradient": grad, **parameters}
    gradients = _repeats(name, terms, backward, inputs)
    worst = 0.0
    for key, gradient in gradients.items():
        parameter = key.split(", ")[-1]  # or "bp_input"
        hint = None if zero is None or parameter in zero else (
            "choose another x, or other weights; if it is zero by its nature, as that of an "
            f"embedding's indices, say so: zero=[{parameter!r}]"
        )
        worst = max(worst, _compare(f"{name}.{key}", terms, of[key], gradient, rng, len(x), hint))
    _is_left_alone(name, twin.forward, backward, x, [x, grad, *parameters.values()])
    _takes_any_order_and_layout(name, twin, x, grad, backward)
    _keeps_float32(name, layer, x, grad)
    return worst


# ---- a gradient and the differences


def _compare(
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


# ---- what kind of fault it is


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


def _shape_cause(found: tuple, wanted: tuple, N: int) -> str:
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


# ---- what callers rely on


def _repeats(name: str, terms: Callable, backward: Callable, inputs: dict[str, np.ndarray]) -> dict:
    """The gradients; forward and backward write into no input, and say the same again."""
    before = {key: array.copy() for key, array in inputs.items()}

    def check_inputs(method: str) -> None:
        for key, array in inputs.items():
            if not np.array_equal(array, before[key]):
                raise GradientError(f"{name}: the {method} writes into its input, {key}")

    y = terms()
    check_inputs("forward")
    if not np.isfinite(y).all():
        raise GradientError(
            f"{name}: got NaN or infinity from the forward, wanted finite numbers: there is "
            "nothing to compare with: choose another x"
        )
    again = terms()
    if y.shape != again.shape or not np.allclose(y, again, 1e-12, 0):
        raise GradientError(
            f"{name}: a second forward at the same x gives another output: is it random, or does "
            "it change its own state? Hold the noise fixed, or check the layer as it infers"
        )
    gradients = {key: array.copy() for key, array in backward().items()}
    check_inputs("backward")
    _same(f"{name}.{{}}: a second call gives another gradient", gradients, backward())
    return gradients


def _is_left_alone(
    name: str, forward: Callable, backward: Callable, x: np.ndarray, inputs: list[np.ndarray]
) -> None:
    """What was returned is the caller's: it is neither read later, nor written into."""

    def run() -> dict[str, np.ndarray]:
        # A view of the caller's own array, as of a reshape, is the caller's business.
        return {
            key: array
            for key, array in {"forward": forward(x), **backward()}.items()
            if isinstance(array, np.ndarray) and not any(np.shares_memory(array, a) for a in inputs)
        }

    returned = run()
    right = {key: array.copy() for key, array in backward().items()}
    for key, array in returned.items():
        if array.flags.writeable and array.dtype.kind == "f":
            held = array.copy()
            array[...] = np.nan
            _same(
                f"{name}.{key} returns an array that is still used: writing into it changes "
                "what {} returns: return a copy",
                right,
                backward(),
            )
            array[...] = held
    for key, array in run().items():
        if key in returned and np.shares_memory(array, returned[key]):
            raise GradientError(
                f"{name}.{key} returns the same memory again, so a later call overwrites what "
                "an earlier one returned: return a new array"
            )


def _takes_any_order_and_layout(
    name: str, layer: Any, x: np.ndarray, grad: np.ndarray, backward: Callable
) -> None:
    y = layer.forward(x)
    right = backward()
    layer.forward(x)
    swapped = backward(grad, ("bp_param", "bp_input"))
    _same(f"{name}.{{}}: another gradient if bp_param is called before bp_input", right, swapped)
    for layout, strided in (
        ("in Fortran's order", np.asfortranarray(x)),
        ("every second column of a larger array", np.repeat(x, 2, axis=-1)[..., ::2]),
    ):
        advice = f"this is with x {layout}, as a caller may pass it"
        # Another layout sums in another order; with x = 1e6 + 1e-3 that costs many digits.
        found = {"": _told(f"{name}.forward", advice, layer.forward, strided)}
        _same(f"{name}.forward: another output if x is {layout}", {"": y}, found, 0.01)
        found = _told(f"{name}.bp_input", advice, backward, np.asfortranarray(grad))
        _same(f"{name}.{{}}: another gradient if x is {layout}", right, found, 0.01)


def _keeps_float32(name: str, layer: Any, x: np.ndarray, grad: np.ndarray) -> None:
    if x.dtype.kind != "f" or not hasattr(layer, "astype"):
        return
    twin = layer.astype(np.float32)
    x, grad = x.astype(np.float32), grad.astype(np.float32)
    with np.errstate(all="ignore"):
        found = {"forward": twin.forward(x)}
        for method in ("bp_input", "bp_param"):
            found.update(_gradients(name, twin, method, grad, list(getattr(twin, "parameters", {}))))
    for key, array in found.items():
        if array.dtype != np.float32:
            raise GradientError(
                f"{name}.{key}: got {array.dtype} where all else is float32, wanted float32, the "
                "type of what it belongs to: does an array of another type take part, or a "
                "number such as np.sqrt(2)?"
            )


def _same(what: str, right: dict, found: dict, tolerance: float = 1e-9) -> None:
    for key, array in right.items():
        size = float(np.abs(array).max(initial=0, where=np.isfinite(array)))
        if array.shape != found[key].shape or not np.allclose(
            found[key], array, 0, tolerance * size, equal_nan=True
        ):
            raise GradientError(what.format(key))


def _told(what: str, advice: str, function: Callable, *arguments: Any) -> Any:
    """The result of a function; what it raises is told together with when it does."""
    try:
        return function(*arguments)
    except GradientError:
        raise
    except Exception as error:
        raise GradientError(f"{what} raises {type(error).__name__}: {error}; {advice}") from error


# ---- what is passed in, and what is returned


def _name(checker: str, checked: Any, wanted: str, method: str, arguments: int) -> str:
    """Its name, if it has ``method``, of so many arguments, and ``bp_input``."""
    if isinstance(checked, type):
        raise TypeError(
            f"{checker}: got the class {checked.__name__}, wanted an object of it: is a pair "
            f"of parentheses missing, as in {checked.__name__}()?"
        )
    absent = [name for name in (method, "bp_input") if not callable(getattr(checked, name, None))]
    if absent:
        got = checked if checked is None else f"{_kind(checked)} without {' and '.join(absent)}"
        raise TypeError(f"{checker}: got {got}, wanted {wanted}")
    try:
        inspect.signature(getattr(checked, method)).bind(*[None] * arguments)
    except TypeError:
        other = "check_loss" if checker == "check_layer" else "check_layer"
        raise TypeError(
            f"{checker}: got {_kind(checked)} whose {method} does not take {arguments} "
            f"argument{'s' * (arguments > 1)}, wanted {wanted}: is it one for {other}?"
        ) from None
    except ValueError:  # written in C: it does not say what it takes
        pass
    return type(checked).__name__


def _generator(checker: str, rng: Any) -> np.random.Generator:
    """A stream of its own: what the caller draws from the same seed are other numbers."""
    if rng is None:
        rng = SEED
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        rng = np.random.default_rng(rng)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{checker}: got {rng!r} as rng, wanted numpy.random.default_rng(seed), or a seed: "
            "a whole number from 0"
        )
    return np.random.default_rng(rng.integers(2**63))


def _is_shape(x: Any) -> bool:
    return isinstance(x, tuple) and not any(np.ndim(n) for n in x)


def _input(checker: str, x: Any, rng: np.random.Generator, keep_integers: bool = False) -> np.ndarray:
    """A float64 array of the caller's ``x``, or of the shape ``x``."""
    if _is_shape(x):
        if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in x):
            raise TypeError(
                f"{checker}: got the tuple {x}, wanted a shape, of whole numbers, or an array"
            )
        if min(x, default=-1) < 0:
            raise ValueError(f"{checker}: got the shape {x}, wanted (N, ...), of sizes from 1")
        x = rng.standard_normal(x)
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{checker}: got a masked array, wanted a plain one: x.filled(...)")
    given = _kind(x)
    try:
        x = np.array(x)
    except ValueError as error:  # rows of unequal length
        raise ValueError(f"{checker}: got {given} as input, wanted an array: {error}") from None
    except TypeError as error:  # a Variable
        raise TypeError(f"{checker}: got {given} as input, wanted an array: {error}") from None
    if x.dtype.kind not in "iuf":
        raise TypeError(
            f"{checker}: got {given} as input, of type {x.dtype}, wanted real numbers: an array "
            "(N, ...), or its shape"
        )
    if not x.ndim:
        raise ValueError(
            f"{checker}: got the input {x}, wanted (N, ...), an array or its shape: the first "
            "axis is the batch"
        )
    if not x.size:
        raise ValueError(
            f"{checker}: got an input of shape {x.shape}, wanted some numbers to check at"
        )
    if not np.isfinite(x).all():
        raise ValueError(
            f"{checker}: got an input with a NaN or an infinity, wanted finite numbers"
        )
    return x if keep_integers and x.dtype.kind in "iu" else x.astype(np.float64)


def _parameters(name: str, layer: Any) -> dict[str, np.ndarray]:
    parameters = getattr(layer, "parameters", {})
    if not isinstance(parameters, Mapping):
        raise TypeError(
            f"{name}.parameters: got {_kind(parameters)}, wanted a dict of arrays by their names"
        )
    for key, W in parameters.items():
        if type(W) is not np.ndarray or W.dtype != np.float64:
            got = W.dtype if isinstance(W, np.ndarray) and W.dtype != np.float64 else _kind(W)
            raise TypeError(
                f"{name}.{key}: got {got}, wanted a float64 array: a layer of another type needs "
                "an astype(dtype), which makes a copy in float64"
            )
        if not np.isfinite(W).all():
            raise ValueError(f"{name}.{key}: got a NaN or an infinity, wanted finite numbers")
        if W.size and not np.shares_memory(W, layer.parameters[key]):
            raise TypeError(
                f"{name}.parameters: got a copy of {key}, wanted the array itself, which the "
                "forward uses: else it cannot be moved"
            )
    return dict(parameters)


def _targets(targets: Any) -> Any:
    """A copy; of a list of numbers, an array."""
    if isinstance(targets, (list, tuple)):
        with contextlib.suppress(ValueError):  # rows of unequal length are the loss's to refuse
            targets = np.array(targets)
    return copy.deepcopy(targets)


def _gradients(name: str, layer: Any, method: str, grad: np.ndarray, names: list[str]) -> dict:
    """What ``method`` returns, by name."""
    if method == "bp_input":
        return {"bp_input": layer.bp_input(grad)}
    if names and not hasattr(layer, "bp_param"):
        raise TypeError(f"{name}: got parameters, {', '.join(names)}, but no bp_param(grad)")
    gradients = layer.bp_param(grad) if hasattr(layer, "bp_param") else None
    if not names:
        if gradients is None or isinstance(gradients, (tuple, list, dict)) and not gradients:
            return {}
        raise GradientError(
            f"{name}.bp_param: got {_kind(gradients)}, but the layer has no parameters to compare "
            "it with: declare them in the body of its class, as in W = Parameter(), or give it a "
            "dict `parameters`"
        )
    if len(names) == 1:
        gradients = (gradients,)
    # zip would stop at the shorter one, and a forgotten gradient would pass.
    elif not isinstance(gradients, (tuple, list)) or len(gradients) != len(names):
        raise GradientError(
            f"{name}.bp_param: got {_kind(gradients)}, wanted a tuple of {len(names)} gradients, one "
            f"for each of {', '.join(names)}" + _forgotten(gradients)
        )
    return {f"bp_param, {key}": gradient for key, gradient in zip(names, gradients)}


def _array(what: str, found: Any, of: np.ndarray | None = None, N: int = 0) -> np.ndarray:
    """``found``, if it is a plain array of real numbers, with the shape and type of ``of``."""
    plain = isinstance(found, (np.ndarray, np.generic)) and not isinstance(
        found, (np.ma.MaskedArray, np.matrix)
    )
    if not plain:
        raise GradientError(f"{what}: got {_kind(found)}, wanted a plain array" + _forgotten(found))
    found = np.asarray(found)
    if of is not None and found.shape != of.shape:
        raise GradientError(
            f"{what}: the gradient has the shape {found.shape}, wanted {of.shape}, the "
            "shape of what it is the gradient of" + _shape_cause(found.shape, of.shape, N)
        )
    if found.dtype != np.float64 and (of is None or of.dtype == np.float64):
        raise GradientError(
            f"{what}: got an array of type {found.dtype} where all else is float64, wanted "
            "float64: is there a conversion, or an array made without a dtype?"
        )
    return found


def _number(name: str, returned: Any) -> float:
    """The number of what a loss returned."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise GradientError(
            f"check_loss: got {_kind(returned)} from {name}, wanted (prediction, number)"
            + _forgotten(returned)
        )
    prediction, number = returned
    real = isinstance(number, (int, float, np.generic, np.ndarray))
    if real and not np.ndim(number) and np.asarray(number).dtype.kind in "iuf":
        return float(number)
    cause = ""
    if isinstance(number, np.ndarray) and number.ndim:
        swapped = isinstance(prediction, (int, float, np.generic))
        cause = (
            ": are they in the wrong order?"
            if swapped
            else ": is the sum or the mean over the batch missing?"
        )
    raise GradientError(
        f"check_loss: got {_kind(number)} as the number of (prediction, number) from {name}, wanted "
        f"a real one{cause}"
    )


def _forgotten(found: Any) -> str:
    return ": is its `return` missing?" if found is None else ""


def _kind(value: Any) -> str:
    """How a message calls a value: short, whatever it is."""
    if value is None:
        return "None"
    if type(value) is np.ndarray:
        return f"an array of shape {value.shape}, {value.dtype}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, (int, float, complex, str, np.generic)):
        return f"the {type(value).__name__} {value!r}"[:60]
    if hasattr(value, "__name__"):
        return f"the {type(value).__name__} {value.__name__}"
    return f"a {type(value).__name__}"
