"""The two checks: of a layer, and of a loss."""

from __future__ import annotations

import copy
from typing import Any, Sequence

import numpy as np

from npbp.gradcheck.arguments import (
    array_of,
    generator,
    gradients_of,
    input_of,
    is_shape,
    name_of,
    number_of,
    parameters_of,
    targets_of,
)
from npbp.gradcheck.differences import compare
from npbp.gradcheck.promises import (
    backward_is_both,
    is_left_alone,
    hold_the_noise,
    keeps_float32,
    repeats,
    takes_any_order_and_layout,
    told,
)


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

    A layer that is another one in training than in inference is checked as it was told to
    be: ``check_layer(layer.train(), ...)``. One that draws from its ``generators`` draws the
    same numbers in each forward of the check.

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
    name = name_of("check_layer", layer, wanted, "forward", 1)
    rng = generator("check_layer", rng)
    zero = (zero,) if isinstance(zero, str) else tuple(zero)
    drawn = is_shape(x)
    x = input_of("check_layer", x, rng, keep_integers="bp_input" in zero)
    worst = _check_layer(name, layer, x, rng, zero)
    if drawn and len(x) > 1:  # finds a squeeze(), and an axis of length 1 that is broadcast
        one = f"with a batch of one, {name}"
        told(
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
    name = name_of("check_loss", loss, wanted, "__call__", 2)
    rng = generator("check_loss", rng)
    loss = copy.deepcopy(loss)
    scores = input_of("check_loss", scores, rng)
    targets = targets_of(targets)
    upstream = float(rng.uniform(0.5, 2.0) * rng.choice([-1.0, 1.0]))

    def terms() -> np.ndarray:
        return np.array([upstream * number_of(name, loss(scores, targets))])

    def backward(grad: Any = None) -> dict[str, np.ndarray]:
        d_scores = loss.bp_input(upstream)
        return {"bp_input": array_of(f"{name}.bp_input", d_scores, scores, len(scores))}

    inputs = {"the scores": scores, "the targets": targets}
    arrays = {key: array for key, array in inputs.items() if isinstance(array, np.ndarray)}
    gradient = repeats(name, terms, backward, arrays)["bp_input"]
    hint = "choose other scores, or other targets"
    worst = compare(f"{name}.bp_input", terms, scores, gradient, rng, len(scores), hint)
    is_left_alone(name, lambda x: loss(x, targets)[0], backward, scores, list(arrays.values()))
    return worst


def _check_layer(name: str, layer: Any, x: np.ndarray, rng: Any, zero: tuple | None) -> float:
    """`check_layer` at one ``x``; if ``zero`` is None, any gradient may be zero."""
    twin = layer.astype(np.float64) if hasattr(layer, "astype") else copy.deepcopy(layer)
    hold_the_noise(twin)
    parameters = parameters_of(name, twin)
    unknown = set(zero or ()) - {"bp_input", *parameters}
    if unknown:
        raise ValueError(
            f"check_layer: got zero={unknown.pop()!r}, wanted names among "
            f"{', '.join(['bp_input', *parameters])}"
        )
    y = array_of(f"{name}.forward", twin.forward(x.copy()))
    grad = rng.standard_normal(y.shape)
    of = {"bp_input": x, **{f"bp_param, {key}": W for key, W in parameters.items()}}

    def terms() -> np.ndarray:  # their sum is J
        return twin.forward(x) * grad

    def backward(grad: np.ndarray = grad, methods: tuple = ("bp_input", "bp_param")) -> dict:
        found = {}
        for method in methods:
            found.update(gradients_of(name, twin, method, grad, list(parameters)))
        return {key: array_of(f"{name}.{key}", found[key], of[key], len(x)) for key in of}

    inputs = {"x": x, "the upstream gradient": grad, **parameters}
    gradients = repeats(name, terms, backward, inputs)
    worst = 0.0
    for key, gradient in gradients.items():
        parameter = key.split(", ")[-1]  # or "bp_input"
        hint = None if zero is None or parameter in zero else (
            "choose another x, or other weights; if it is zero by its nature, as that of an "
            f"embedding's indices, say so: zero=[{parameter!r}]"
        )
        worst = max(worst, compare(f"{name}.{key}", terms, of[key], gradient, rng, len(x), hint))
    is_left_alone(name, twin.forward, backward, x, [x, grad, *parameters.values()])
    twin.forward(x)
    backward_is_both(name, twin, grad, backward())
    takes_any_order_and_layout(name, twin, x, grad, backward)
    keeps_float32(name, layer, x, grad)
    return worst
