"""Is a hand-written gradient right? Finite differences tell.

The derivative of a function J at x, along a direction v, is close to

    (J(x + h v) - J(x - h v)) / (2 h)

for a small h: the central difference, whose error shrinks as h^2. It needs the
forward alone, so it knows nothing of the backward that it checks. Everything runs
in float64, where h = 1e-6 leaves about nine right digits.

A layer has an array as output, so J is made of it: ``J = sum(y * G)`` with a random
upstream gradient G. Ones in place of G would not do: the rows of a softmax sum to
one whatever its input is, so a backward that is zero, or seven times too large,
would pass.
"""

from __future__ import annotations

import copy
from typing import Any, Callable

import numpy as np

STEP = 1e-6  # h
TOLERANCE = 1e-6  # of the largest entry of the gradient, or of 1
DIRECTIONS = 5
ENTRIES = 2000  # an array with more entries is checked at this many of them


class GradientError(ValueError):
    """A gradient that the finite differences contradict; the message says where."""


def check_layer(layer: Any, x: Any, rng: np.random.Generator | None = None) -> float:
    """Check a layer's ``bp_input`` and ``bp_param`` against central differences.

    Parameters
    ----------
    layer : Layer
        It is copied to float64, and left as it is.
    x : array or tuple of int
        An input ``(N, ...)``, or the shape of one, which is then drawn at random. Take
        N > 1 and sizes that are all different, so that a transposed gradient shows. Keep
        away from kinks: at 0 the difference of a ReLU is that of both sides, a half.
    rng : numpy.random.Generator, optional
        Draws the upstream gradient and the directions; ``default_rng(0)`` if None.

    Returns
    -------
    float
        The largest difference found, relative to the largest entry of its gradient, or
        to 1 if that is larger: choose an ``x`` whose gradients are not tiny.

    Raises
    ------
    GradientError
        If a gradient is wrong; the message names the worst entry with its index. Or if
        ``bp_param`` does not return one gradient for each parameter.
    ValueError
        If ``x`` is empty or not finite: there is nothing to compare then.
    TypeError
        If ``layer`` is a class.

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
    rng = np.random.default_rng(0) if rng is None else rng
    name = _name("check_layer", layer)
    layer = layer.astype(np.float64) if hasattr(layer, "astype") else copy.deepcopy(layer)
    x = _input(x, rng)
    grad = rng.standard_normal(np.shape(layer.forward(x.copy())))
    parameters = getattr(layer, "parameters", {})

    def J() -> float:
        return float(np.sum(layer.forward(x) * grad))

    def backward() -> dict[str, tuple[np.ndarray, Any]]:
        pairs = {"bp_input": (x, layer.bp_input(grad))}
        if parameters:
            gradients = layer.bp_param(grad)
            gradients = (gradients,) if len(parameters) == 1 else gradients
            # zip would stop at the shorter one, and a forgotten gradient would pass.
            if not isinstance(gradients, (tuple, list)) or len(gradients) != len(parameters):
                raise GradientError(
                    f"{name}.bp_param: wanted a tuple of {len(parameters)} gradients, one for "
                    f"each of {', '.join(parameters)}"
                )
            for key, gradient in zip(parameters, gradients):
                pairs[f"bp_param, {key}"] = parameters[key], gradient
        return pairs

    return _check(name, J, backward, [x, grad, *parameters.values()], rng)


def check_loss(
    loss: Any, scores: Any, targets: np.ndarray, rng: np.random.Generator | None = None
) -> float:
    """Check a loss's ``bp_input`` against central differences.

    Parameters
    ----------
    loss : a loss
        Called as ``loss(scores, targets)``, it returns ``(prediction, number)``.
    scores : array or tuple of int
        ``(N, C)``, or the shape, which is then drawn at random.
    targets : array
        What the loss takes: labels ``(N,)`` or rows ``(N, C)``.
    rng : numpy.random.Generator, optional
        Draws the upstream gradient and the directions; ``default_rng(0)`` if None.

    Returns
    -------
    float
        The largest difference found, relative to the largest entry of the gradient, or
        to 1 if that is larger.

    Raises
    ------
    GradientError
        If the gradient is wrong; the message names the worst entry with its index.
    ValueError
        If ``scores`` are empty or not finite: there is nothing to compare then.
    TypeError
        If ``loss`` is a class.

    Examples
    --------
    >>> from npbp import SoftmaxCrossEntropyLoss, check_loss
    >>> check_loss(SoftmaxCrossEntropyLoss(), (4, 3), np.array([0, 2, 1, 2])) < 1e-6
    True
    """
    rng = np.random.default_rng(0) if rng is None else rng
    name = _name("check_loss", loss)
    loss = copy.deepcopy(loss)
    scores = _input(scores, rng)
    targets = np.array(targets)
    upstream = float(rng.uniform(0.5, 2.0) * rng.choice([-1.0, 1.0]))

    def J() -> float:
        return upstream * float(loss(scores, targets)[1])

    def backward() -> dict[str, tuple[np.ndarray, Any]]:
        return {"bp_input": (scores, loss.bp_input(upstream))}

    return _check(name, J, backward, [scores, targets], rng)


def _name(checker: str, checked: Any) -> str:
    if isinstance(checked, type):
        raise TypeError(
            f"{checker}: got the class {checked.__name__}, wanted an object of it: is a pair "
            f"of parentheses missing, as in {checked.__name__}()?"
        )
    return type(checked).__name__


def _input(x: Any, rng: np.random.Generator) -> np.ndarray:
    if isinstance(x, tuple) and all(isinstance(n, (int, np.integer)) for n in x):
        x = rng.standard_normal(x)
    x = np.array(x, dtype=np.float64)
    if not x.size:
        raise ValueError(f"got an input of shape {x.shape}, wanted some numbers to check at")
    if not np.isfinite(x).all():
        raise ValueError("got an input with a NaN or an infinity, wanted finite numbers")
    return x


def _check(
    name: str,
    J: Callable[[], float],
    backward: Callable[[], dict[str, tuple[np.ndarray, Any]]],
    arrays: list[np.ndarray],
    rng: np.random.Generator,
) -> float:
    """Hold every gradient that ``backward`` returns against differences of ``J``."""
    before = [array.copy() for array in arrays]
    J()
    pairs = {key: (value, _frozen(gradient)) for key, (value, gradient) in backward().items()}
    for key, (_, again) in backward().items():
        if not np.array_equal(pairs[key][1], _frozen(again), equal_nan=True):
            raise GradientError(f"{name}.{key}: a second call gives another gradient")
    if any(not np.array_equal(a, b) for a, b in zip(arrays, before)):
        raise GradientError(f"{name}: the forward or the backward writes into its input")
    return max(
        (_compare(f"{name}.{key}", J, value, gradient, rng) for key, (value, gradient) in pairs.items()),
        default=0.0,
    )


def _frozen(gradient: Any) -> np.ndarray:
    return np.array(gradient, dtype=np.float64) if gradient is not None else np.empty(0)


def _compare(
    what: str, J: Callable[[], float], value: np.ndarray, gradient: np.ndarray, rng: np.random.Generator
) -> float:
    """Compare one gradient with differences: entry by entry, then along directions."""
    if gradient.shape != value.shape:
        raise GradientError(
            f"{what}: the gradient has the shape {gradient.shape}, wanted {value.shape}, the "
            "shape of what it is the gradient of"
        )
    if not value.size:  # a parameter without entries
        return 0.0
    flat = np.arange(value.size)
    if value.size > ENTRIES:
        flat = rng.choice(value.size, ENTRIES, replace=False)
    numeric = np.empty(len(flat))
    for k, i in enumerate(flat):
        direction = np.zeros(value.size)
        direction[i] = 1
        numeric[k] = _slope(J, value, direction.reshape(value.shape))
    analytic = gradient.ravel()[flat]
    scale = max(1.0, float(np.max(np.abs(numeric))))
    # A NaN compares as False with everything; here it must count as the worst.
    errors = np.nan_to_num(np.abs(analytic - numeric) / scale, nan=np.inf)
    k = int(errors.argmax())
    worst = float(errors[k])
    if worst > TOLERANCE:
        index = ", ".join(map(str, np.unravel_index(flat[k], value.shape)))
        wrong = int(np.count_nonzero(errors > TOLERANCE))
        raise GradientError(
            f"{what}: the worst entry is [{index}]: {analytic[k]:.6g}, but the finite "
            f"difference is {numeric[k]:.6g}; {wrong} of {len(flat)} entries differ"
        )
    for _ in range(DIRECTIONS):
        direction = rng.standard_normal(value.shape)
        direction /= np.linalg.norm(direction)
        along = float(np.sum(gradient * direction))
        slope = _slope(J, value, direction)
        error = float(abs(along - slope) / scale)
        if not error <= TOLERANCE:
            raise GradientError(
                f"{what}: along a random direction the gradient says {along:.6g}, but the "
                f"finite difference is {slope:.6g}"
            )
        worst = max(worst, error)
    return worst


def _slope(J: Callable[[], float], value: np.ndarray, direction: np.ndarray) -> float:
    """The central difference of ``J`` at ``value`` along ``direction``."""
    held = value.copy()
    try:
        value += STEP * direction
        above = J()
        value[...] = held - STEP * direction
        below = J()
    finally:
        value[...] = held
    return (above - below) / (2 * STEP)
