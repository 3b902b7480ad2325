"""What the callers of a layer rely on, besides a right gradient."""

from __future__ import annotations

import types
from typing import Any, Callable

import numpy as np

from npbp.gradcheck.arguments import GradientError, array_of, by_name, gradients_of, kind_of


def hold_the_noise(layer: Any) -> None:
    """Let the generators of a layer, if it has some, draw the same numbers in each forward."""
    states = [rng.bit_generator.state for rng in getattr(layer, "generators", {}).values()]
    if states:

        def again(self: Any, x: np.ndarray) -> np.ndarray:
            for rng, state in zip(self.generators.values(), states):
                rng.bit_generator.state = state
            return type(self).forward(self, x)

        layer.forward = types.MethodType(again, layer)  # of a copy, it is the copy's


def repeats(name: str, terms: Callable, backward: Callable, inputs: dict[str, np.ndarray]) -> dict:
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


def is_left_alone(
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


def takes_any_order_and_layout(
    name: str, layer: Any, x: np.ndarray, grad: np.ndarray, backward: Callable
) -> None:
    """The backward calls come in any order, and arrays may lie in memory in any way."""
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
        found = {"": told(f"{name}.forward", advice, layer.forward, strided)}
        _same(f"{name}.forward: another output if x is {layout}", {"": y}, found, 0.01)
        found = told(f"{name}.bp_input", advice, backward, np.asfortranarray(grad))
        _same(f"{name}.{{}}: another gradient if x is {layout}", right, found, 0.01)


def backward_is_both(name: str, layer: Any, grad: np.ndarray, right: dict[str, np.ndarray]) -> None:
    """``backward(grad)``, which a training calls, gives what bp_input and bp_param give."""
    if not hasattr(layer, "backward"):
        return
    names, given = [key.split(", ")[1] for key in right if key != "bp_input"], grad.copy()
    found = _backward(name, layer, given, names)
    if not np.array_equal(given, grad):
        raise GradientError(f"{name}: the backward writes into its input, the upstream gradient")
    for key, gradient in found.items():
        array_of(f"{name}.backward, {key}", gradient, right[key], len(grad))
    _same(f"{name}.backward gives another gradient than {{}}", right, found)
    _backward(name, layer, 2 * grad, names)
    _same(
        f"{name}.backward, {{}} returns the same memory again, so a later call overwrites what an "
        "earlier one returned: return a new array", right, found,
    )  # fmt: skip


def _backward(name: str, layer: Any, grad: np.ndarray, names: list[str]) -> dict[str, Any]:
    """What ``backward`` returned, by name."""
    returned = layer.backward(grad)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise GradientError(
            f"{name}.backward: got {kind_of(returned)}, wanted (bp_input(grad), bp_param(grad))"
        )
    return {"bp_input": returned[0], **by_name(f"{name}.backward", layer, returned[1], names)}


def keeps_float32(name: str, layer: Any, x: np.ndarray, grad: np.ndarray) -> None:
    """What is float32 stays float32, forward and backward."""
    if x.dtype.kind != "f" or not hasattr(layer, "astype"):
        return
    twin = layer.astype(np.float32)
    x, grad = x.astype(np.float32), grad.astype(np.float32)
    with np.errstate(all="ignore"):
        found = {"forward": twin.forward(x)}
        for method in ("bp_input", "bp_param"):
            found.update(gradients_of(name, twin, method, grad, list(getattr(twin, "parameters", {}))))
        if hasattr(twin, "backward"):
            both = _backward(name, twin, grad, list(getattr(twin, "parameters", {})))
            found.update({f"backward, {key}": array for key, array in both.items()})
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


def told(what: str, advice: str, function: Callable, *arguments: Any) -> Any:
    """The result of a function; what it raises is told together with when it does."""
    try:
        return function(*arguments)
    except GradientError:
        raise
    except Exception as error:
        raise GradientError(f"{what} raises {type(error).__name__}: {error}; {advice}") from error
