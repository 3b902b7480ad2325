"""What every layer has in common.

A layer computes ``y = forward(x)`` for a batch ``x`` whose first axis counts the
examples, and keeps in ``cache`` what its backward needs. Then, given ``grad``, the
derivative of a number J with respect to ``y``,

* ``bp_input(grad)`` is dJ/dx, which is sent to the layer below, and
* ``bp_param(grad)`` is dJ/dW, for the layer's own weights.

Nothing else is needed to train: the chain rule is one layer handing its
``bp_input`` to the one below.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np


class Parameter:
    """A weight array of a layer, declared in the body of the layer's class.

    Assigning to it stores a copy in the layer's dtype, so that training never
    writes into an array of the caller. Later assignments must keep the shape.

    Raises
    ------
    ValueError
        If an array of another shape is assigned.
    TypeError
        If it is None.

    Examples
    --------
    >>> class Scale(Layer):
    ...     s = Parameter()
    ...     def __init__(self, features):
    ...         self.s = np.ones(features)
    >>> layer = Scale(3)
    >>> layer.parameters
    {'s': array([1., 1., 1.], dtype=float32)}
    >>> layer.s = [1, 2]
    Traceback (most recent call last):
    ...
    ValueError: Scale.s: got an array of shape (2,), wanted (3,)
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        if name not in owner.parameter_names:  # a subclass may declare it again
            owner.parameter_names += (name,)

    # There is no __get__: reading layer.W finds the array in the instance at the
    # speed of a plain attribute.
    def __set__(self, layer: Layer, value: Any) -> None:
        held = layer.__dict__.get(self.name)
        if value is held and held is not None:  # layer.W -= step has been done in place
            return
        if value is None:  # NumPy would make a NaN of it
            raise TypeError(f"{type(layer).__name__}.{self.name}: got None, wanted an array")
        value = aligned_copy(value, layer.dtype)
        if held is not None and value.shape != held.shape:
            raise ValueError(
                f"{type(layer).__name__}.{self.name}: got an array of shape "
                f"{value.shape}, wanted {held.shape}"
            )
        layer.__dict__[self.name] = value


class Layer:
    """The base of all layers: subclass it and write three methods.

    ``forward(x)`` takes ``(N, ...)`` and leaves in ``self.cache`` what the backward
    needs; ``bp_input(grad)`` returns dJ/dx with the shape of ``x``;
    ``bp_param(grad)`` returns dJ/dW with the shape of ``W``, or a tuple of gradients
    in the order in which the class declares several parameters. A layer without
    parameters leaves ``bp_param`` as it is.

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x):
    ...         self.cache = x.shape
    ...         return 2 * x
    ...     def bp_input(self, grad):
    ...         return 2 * self.upstream(grad, self.cached())
    >>> layer = Double()
    >>> layer(np.array([[1.0, 2.0]]))
    array([[2., 4.]])
    >>> layer.bp_input(np.array([[1.0, 10.0]]))
    array([[ 2., 20.]])
    """

    dtype: np.dtype = np.dtype(np.float32)
    parameter_names: tuple[str, ...] = ()
    cache: Any = None

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The layer's output for a batch ``x``; the batch is the first axis."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(x)")

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """dJ/dx, from ``grad`` = dJ/dy."""
        raise NotImplementedError(f"{type(self).__name__} has no bp_input(grad)")

    def bp_param(self, grad: np.ndarray) -> Any:
        """dJ/dW, from ``grad`` = dJ/dy; None for a layer without parameters."""
        return None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.forward(x)

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, Any]:
        """Both gradients: ``(bp_input(grad), bp_param(grad))``."""
        return self.bp_input(grad), self.bp_param(grad)

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """The weight arrays by name: the arrays themselves, not copies."""
        for name in self.parameter_names:
            if name not in self.__dict__:
                raise ValueError(
                    f"{type(self).__name__}.{name} was never set, wanted an array: assign "
                    "one in __init__"
                )
        return {name: getattr(self, name) for name in self.parameter_names}

    def named_gradients(self, grad: np.ndarray) -> dict[str, np.ndarray]:
        """``bp_param(grad)`` by the names of the parameters.

        Raises
        ------
        ValueError
            If there is not one gradient for each parameter, in its shape.
        """
        names = self.parameter_names
        if not names:
            return {}
        gradients = self.bp_param(grad)
        if len(names) == 1:
            named = {names[0]: gradients}
        elif isinstance(gradients, (tuple, list)) and len(gradients) == len(names):
            named = dict(zip(names, gradients))
        else:
            raise ValueError(
                f"{type(self).__name__}.bp_param: got {_kind(gradients)}, wanted a tuple of "
                f"{len(names)} gradients, one for each of {', '.join(names)}"
            )
        for name, d_W in named.items():
            shape = getattr(self, name).shape
            if getattr(d_W, "shape", None) != shape:  # W -= d_W might broadcast it
                raise ValueError(
                    f"{type(self).__name__}.bp_param: got {_kind(d_W)} as the gradient of "
                    f"{name}, wanted an array of its shape {shape}, summed over the batch"
                )
        return named

    def astype(self, dtype: Any) -> Layer:
        """A copy of the layer whose parameters have the floating type ``dtype``.

        Raises
        ------
        TypeError
            If ``dtype`` is not a real floating type.
        """
        dtype = floating(dtype)
        twin = copy.deepcopy(self)
        twin.cache = None
        twin.dtype = dtype
        for name, value in self.parameters.items():
            setattr(twin, name, value)
        return twin

    def output_shape(self, shape: tuple | None) -> tuple | None:
        """The shape of one example's output, from that of its input (None: unknown)."""
        return shape

    def config(self) -> dict[str, Any]:
        """The arguments that make such a layer again, as plain numbers and strings."""
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
        if not isinstance(x, np.ndarray):
            x = np.asarray(x)
        if x.dtype.kind != "f":
            x = self._as_floating(x)
        if not x.ndim:
            raise ValueError(
                f"{type(self).__name__}: got a single number, wanted (N, ...): the first "
                "axis is the batch"
            )
        return x

    def _as_floating(self, x: np.ndarray) -> np.ndarray:
        name = type(self).__name__
        if x.dtype == np.uint8:
            raise TypeError(
                f"{name}: got uint8, wanted floating numbers: these look like raw "
                "images, so scale them first: x.astype(np.float32) / 255"
            )
        if x.dtype.kind not in "iu":
            raise TypeError(
                f"{name}: got {x.dtype}, wanted floating numbers: the input is a "
                "NumPy array of features, (N, in_features)"
            )
        return x.astype(self.dtype)

    def upstream(self, grad: Any, shape: tuple) -> np.ndarray:
        """``grad``, checked: it must have the shape of the layer's output."""
        grad = np.asarray(grad)
        if grad.shape != shape:
            raise ValueError(
                f"{type(self).__name__}: got a gradient of shape {grad.shape}, wanted "
                f"{shape}, the shape of the output of the last forward"
            )
        return grad

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.config().items())
        return f"{type(self).__name__}({arguments})"


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """``out = a b``, for matrices; of mixed floating types too."""
    if a.dtype == b.dtype == out.dtype:  # np.dot needs that, and starts a microsecond sooner
        np.dot(a, b, out=out)
    else:
        np.matmul(a, b, out=out, casting="same_kind")


def aligned_copy(value: Any, dtype: Any) -> np.ndarray:
    """``value`` as a new array whose first number begins a cache line, of 64 bytes.

    NumPy begins at any multiple of 16. If the vectors of a step ``W -= d_W`` lie across
    lines, each line is written twice: 19 us instead of 12 for ``(785, 32)`` float32.
    """
    value = np.asarray(value, dtype)
    room = np.empty(value.nbytes + 64, np.uint8)
    start = -room.__array_interface__["data"][0] % 64
    copy = room[start:start + value.nbytes].view(value.dtype).reshape(value.shape)
    copy[...] = value
    return copy


def _kind(value: Any) -> str:
    """How a message calls what was returned: short, whatever it is."""
    if value is None:
        return "nothing"
    if isinstance(value, (np.ndarray, np.generic)):
        return f"an array of shape {value.shape}"
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


def size(layer: str, name: str, value: Any) -> int:
    """``value`` as a positive int, or an error that names the layer and argument."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(
            f"{layer}: got {name}={value!r} of type {type(value).__name__}, wanted a whole number"
        )
    if value < 1:
        raise ValueError(f"{layer}: got {name}={value}, wanted at least 1")
    return int(value)
