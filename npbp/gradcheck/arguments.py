"""What is passed in, and what is returned: is it what it should be?"""

from __future__ import annotations

import contextlib
import copy
import inspect
from typing import Any, Mapping

import numpy as np

from npbp.gradcheck.faults import shape_cause

SEED = 6  # where the caller gives none


class GradientError(ValueError):
    """A gradient that the finite differences contradict, or a layer or loss that does not
    do what its callers rely on; the message says what and where."""


def name_of(checker: str, checked: Any, wanted: str, method: str, arguments: int) -> str:
    """Its name, if it has ``method``, of so many arguments, and ``bp_input``."""
    if isinstance(checked, type):
        raise TypeError(
            f"{checker}: got the class {checked.__name__}, wanted an object of it: is a pair "
            f"of parentheses missing, as in {checked.__name__}()?"
        )
    absent = [name for name in (method, "bp_input") if not callable(getattr(checked, name, None))]
    if absent:
        got = checked if checked is None else f"{kind_of(checked)} without {' and '.join(absent)}"
        raise TypeError(f"{checker}: got {got}, wanted {wanted}")
    try:
        inspect.signature(getattr(checked, method)).bind(*[None] * arguments)
    except TypeError:
        other = "check_loss" if checker == "check_layer" else "check_layer"
        raise TypeError(
            f"{checker}: got {kind_of(checked)} whose {method} does not take {arguments} "
            f"argument{'s' * (arguments > 1)}, wanted {wanted}: is it one for {other}?"
        ) from None
    except ValueError:  # written in C: it does not say what it takes
        pass
    return type(checked).__name__


def generator(checker: str, rng: Any) -> np.random.Generator:
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


def is_shape(x: Any) -> bool:
    """Whether ``x`` is a shape and no array."""
    return isinstance(x, tuple) and not any(np.ndim(n) for n in x)


def input_of(checker: str, x: Any, rng: np.random.Generator, keep_integers: bool = False) -> np.ndarray:
    """A float64 array of the caller's ``x``, or of the shape ``x``."""
    if is_shape(x):
        if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in x):
            raise TypeError(
                f"{checker}: got the tuple {x}, wanted a shape, of whole numbers, or an array"
            )
        if min(x, default=-1) < 0:
            raise ValueError(f"{checker}: got the shape {x}, wanted (N, ...), of sizes from 1")
        x = rng.standard_normal(x)
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{checker}: got a masked array, wanted a plain one: x.filled(...)")
    given = kind_of(x)
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


def parameters_of(name: str, layer: Any) -> dict[str, np.ndarray]:
    """The layer's weights by name, checked: float64 arrays that the forward uses."""
    parameters = getattr(layer, "parameters", {})
    if not isinstance(parameters, Mapping):
        raise TypeError(
            f"{name}.parameters: got {kind_of(parameters)}, wanted a dict of arrays by their names"
        )
    for key, W in parameters.items():
        if type(W) is not np.ndarray or W.dtype != np.float64:
            got = W.dtype if isinstance(W, np.ndarray) and W.dtype != np.float64 else kind_of(W)
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


def targets_of(targets: Any) -> Any:
    """A copy; of a list of numbers, an array."""
    if isinstance(targets, (list, tuple)):
        with contextlib.suppress(ValueError):  # rows of unequal length are the loss's to refuse
            targets = np.array(targets)
    return copy.deepcopy(targets)


def gradients_of(name: str, layer: Any, method: str, grad: np.ndarray, names: list[str]) -> dict:
    """What ``method`` returns, by name."""
    if method == "bp_input":
        return {"bp_input": layer.bp_input(grad)}
    if names and not hasattr(layer, "bp_param"):
        raise TypeError(f"{name}: got parameters, {', '.join(names)}, but no bp_param(grad)")
    gradients = layer.bp_param(grad) if hasattr(layer, "bp_param") else None
    return by_name(f"{name}.bp_param", layer, gradients, names)


def by_name(what: str, layer: Any, gradients: Any, names: list[str]) -> dict:
    """What ``bp_param`` returned, or ``backward`` beside dJ/dx, by name: one for each parameter."""
    if not names:
        if gradients is None or isinstance(gradients, (tuple, list, dict)) and not gradients:
            return {}
        if hasattr(layer, "frozen_names") and layer.frozen_names():
            return {}  # what its base class trained is not to be trained
        raise GradientError(
            f"{what}: got {kind_of(gradients)}, but the layer has no parameters to compare "
            "it with: declare them in the body of its class, as in W = Parameter(), or give it a "
            "dict `parameters`"
        )
    if isinstance(gradients, Mapping):
        try:  # a layer with layers inside sorts what these returned
            gradients = layer.named(gradients) if hasattr(layer, "named") else gradients
        except ValueError as error:
            raise GradientError(str(error)) from None
        if gradients.keys() != set(names):
            raise GradientError(
                f"{what}: got gradients of {', '.join(gradients) or 'nothing'}, wanted one "
                f"for each of {', '.join(names)}"
            )
        gradients = tuple(gradients[key] for key in names)
    elif len(names) == 1:
        gradients = (gradients,)
    # zip would stop at the shorter one, and a forgotten gradient would pass.
    if not isinstance(gradients, (tuple, list)) or len(gradients) != len(names):
        raise GradientError(
            f"{what}: got {kind_of(gradients)}, wanted a tuple of {len(names)} gradients, one "
            f"for each of {', '.join(names)}" + _forgotten(gradients)
        )
    return {f"bp_param, {key}": gradient for key, gradient in zip(names, gradients)}


def array_of(what: str, found: Any, of: np.ndarray | None = None, N: int = 0) -> np.ndarray:
    """``found``, if it is a plain array of real numbers, with the shape and type of ``of``."""
    plain = isinstance(found, (np.ndarray, np.generic)) and not isinstance(
        found, (np.ma.MaskedArray, np.matrix)
    )
    if not plain:
        raise GradientError(f"{what}: got {kind_of(found)}, wanted a plain array" + _forgotten(found))
    found = np.asarray(found)
    if of is not None and found.shape != of.shape:
        raise GradientError(
            f"{what}: the gradient has the shape {found.shape}, wanted {of.shape}, the "
            "shape of what it is the gradient of" + shape_cause(found.shape, of.shape, N)
        )
    if found.dtype != np.float64 and (of is None or of.dtype == np.float64):
        raise GradientError(
            f"{what}: got an array of type {found.dtype} where all else is float64, wanted "
            "float64: is there a conversion, or an array made without a dtype?"
        )
    return found


def number_of(name: str, returned: Any) -> float:
    """The number of what a loss returned."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise GradientError(
            f"check_loss: got {kind_of(returned)} from {name}, wanted (prediction, number)"
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
        f"check_loss: got {kind_of(number)} as the number of (prediction, number) from {name}, wanted "
        f"a real one{cause}"
    )


def _forgotten(found: Any) -> str:
    return ": is its `return` missing?" if found is None else ""


def kind_of(value: Any) -> str:
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
