"""What stands around the formulas: is an array what it should be? If not, an error says so.

Layers and losses inherit `cached`, `batch` and `upstream`. Each returns what it was given,
checked, so that a forward and a backward begin with one line and then read as their formula.
"""

from __future__ import annotations

import math
import operator
from typing import Any, Callable

import numpy as np


class Checked:
    """What a layer and a loss have in common: a cache, and checks of what they are given."""

    dtype: np.dtype = np.dtype(np.float32)
    cache: Any = None

    def config(self) -> dict[str, Any]:
        """The arguments that make such an object again, as plain numbers and strings."""
        return {}

    def cached(self) -> Any:
        """What ``forward`` left for the backward, or an error if it left nothing."""
        if self.cache is None:
            raise ValueError(
                f"{type(self).__name__}: got a backward call before any forward, wanted "
                "forward(x) first: the gradient is taken at the x of the last forward"
            )
        return self.cache

    def batch(self, x: Any) -> np.ndarray:
        """``x`` as an array of real floating numbers whose first axis is the batch."""
        if type(x) is not np.ndarray:
            x = plain(type(self).__name__, x)
        if x.dtype.kind != "f":
            x = self._as_floating(x)
        if not x.ndim:
            raise ValueError(
                f"{type(self).__name__}: got a single number, wanted (N, ...): the first "
                "axis is the batch"
            )
        return x

    def upstream(self, grad: Any, shape: tuple) -> np.ndarray:
        """``grad``, checked: it must have the shape of the layer's output."""
        if type(grad) is not np.ndarray:
            grad = plain(type(self).__name__, grad)
        if grad.shape != shape:
            if grad.dtype == object and not grad.ndim and grad.item() is None:
                raise TypeError(
                    f"{type(self).__name__}: got nothing as the gradient, wanted one of shape {shape}: is a "
                    "`return` missing in the bp_input above?"
                )
            raise ValueError(
                f"{type(self).__name__}: got a gradient of shape {grad.shape}, wanted "
                f"{shape}, the shape of the output of the last forward"
            )
        if grad.dtype.kind not in "fiu":
            raise TypeError(
                f"{type(self).__name__}: got a gradient of {grad.dtype}, wanted real numbers"
            )
        return grad

    def _as_floating(self, x: np.ndarray) -> np.ndarray:
        name = type(self).__name__
        if x.dtype == np.uint8:
            raise TypeError(
                f"{name}: got uint8, wanted floating numbers: these look like raw "
                "images, so scale them first: x.astype(np.float32) / 255"
            )
        if x.dtype == object and not x.ndim and x.item() is None:
            raise TypeError(
                f"{name}: got nothing, wanted an array (N, ...): is a `return` missing in the forward of "
                "the layer below?"
            )
        if x.dtype.kind not in "iu":
            raise TypeError(
                f"{name}: got {x.dtype}, wanted floating numbers: the input is a "
                "NumPy array of features, (N, in_features)"
            )
        return x.astype(self.dtype)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.config().items())
        return f"{type(self).__name__}({arguments})"


def plain(owner: str, value: Any) -> np.ndarray:
    """``value`` as an array and nothing more: of a matrix class, ``*`` would be a product.

    Raises
    ------
    TypeError
        If it is a masked array, whose mask would be lost.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{owner}: got a masked array, wanted a plain one, as nothing here looks at the "
            "mask: choose what stands in the gaps, as with x.filled(0)"
        )
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        raise ValueError(
            f"{owner}: got a {type(value).__name__} that is no array, wanted rows of one length"
        ) from None


def numbers(owner: str, value: Any) -> np.ndarray:
    """``value`` as an array of real numbers, or an error that names the owner."""
    if value is None:
        raise TypeError(f"{owner}: got None, wanted an array")
    value = plain(owner, value)
    if value.dtype.kind not in "fiub":  # NumPy would read text, and drop imaginary parts
        raise TypeError(f"{owner}: got an array of {value.dtype}, wanted real numbers")
    return value


def kind(value: Any) -> str:
    """How a message calls what it got: short, whatever it is."""
    if value is None:
        return "nothing"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, (np.ndarray, np.generic)):
        return f"an array of shape {value.shape}"
    if type(value) in (tuple, list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def floating(dtype: Any) -> np.dtype:
    """``dtype`` as a NumPy dtype, or a TypeError if it is not a real floating one."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(
            f"got dtype {dtype}, wanted a real floating type such as np.float32 or "
            "np.float64: a gradient needs numbers that can change a little"
        )
    return dtype


def size(layer: str, name: str, value: Any, least: int = 1) -> int:
    """``value`` as an int of at least ``least``, or an error that names the layer and argument."""
    try:
        value = operator.index(None if isinstance(value, bool) else value)
    except TypeError:
        raise TypeError(
            f"{layer}: got {name}={value!r} of type {type(value).__name__}, wanted a whole number"
        ) from None
    if value < least:
        raise ValueError(f"{layer}: got {name}={value}, wanted at least {least}")
    return value


def sizes(layer: str, name: str, value: Any) -> tuple[int, ...]:
    """``value``, a whole number or several, as a tuple of positive ints."""
    several = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not 0 < len(several) < 32:  # an array may have 32 axes, and one is the batch
        raise ValueError(f"{layer}: got {name} of {len(several)} axes, wanted 1 to 31")
    return tuple(size(layer, name, n) for n in several)


def number(
    owner: str, name: str, value: Any, wanted: str = "a number",
    holds: Callable[[float], bool] = lambda x: True,
) -> float:
    """``value`` as a float, if it is a real number and ``holds(it)``; else an error that names
    the owner, the argument and what was ``wanted``."""
    if isinstance(value, np.ndarray) and not value.ndim:  # as a file has a single number
        value = value[()]
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{owner}: got {name}={value!r} of type {type(value).__name__}, wanted {wanted}")
    try:
        found = float(value)
    except OverflowError:  # a whole number that no float can hold
        found = math.inf if value > 0 else -math.inf
    if not holds(found):
        raise ValueError(f"{owner}: got {name}={value!r}, wanted {wanted}")
    return found


def at_least_0(owner: str, name: str, value: Any) -> float:
    """``value`` as a finite float of at least 0."""
    return number(owner, name, value, "a finite number of at least 0", lambda x: 0 <= x < math.inf)


def flag(layer: str, name: str, value: Any) -> bool:
    """``value`` as a bool, or an error that names the layer and argument."""
    if not isinstance(value, (bool, np.bool_)):  # "no" would count as True
        raise TypeError(f"{layer}: got {name}={value!r}, wanted True or False")
    return bool(value)


def started(layer: str, initializer: Any, fan_in: int, fan_out: int, rng: Any) -> np.ndarray:
    """What an initializer makes: finite, and of the shape that was asked for."""
    if not callable(initializer):
        raise TypeError(
            f"{layer}: got initializer={initializer!r}, wanted a function of (fan_in, fan_out, rng): "
            "such as npbp.initializers.he_normal"
        )
    W = numbers(f"{layer}: what the initializer returned", initializer(fan_in, fan_out, rng))
    if W.shape != (fan_in, fan_out):
        raise ValueError(
            f"{layer}: got {kind(W)} from the initializer, wanted (fan_in, fan_out), here "
            f"{(fan_in, fan_out)}"
        )
    if not np.isfinite(W).all():
        raise ValueError(f"{layer}: got weights from the initializer that are not finite")
    return W
