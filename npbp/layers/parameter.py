"""The arrays of a layer: those that are trained, and those that are only kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from npbp.layers.checks import numbers
from npbp.layers.speed import aligned_copy

if TYPE_CHECKING:
    from npbp.layers.base import Layer


class Parameter:
    """A weight array of a layer, declared in the body of the layer's class.

    Assigning to it stores a copy in the layer's dtype, so that training never
    writes into an array of the caller. Later assignments must keep the shape.

    Raises
    ------
    ValueError
        If an array of another shape is assigned.
    TypeError
        If what is assigned is not of real numbers, or is a masked array.

    Examples
    --------
    >>> import numpy as np
    >>> from npbp import Layer
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
        for listed in ("parameter_names", "buffer_names"):  # a subclass may declare it again
            names = getattr(owner, listed)
            if listed != self.listed:
                setattr(owner, listed, tuple(other for other in names if other != name))
            elif name not in names:
                setattr(owner, listed, (*names, name))

    # There is no __get__: reading layer.W finds the array in the instance.
    def __set__(self, layer: Layer, value: Any) -> None:
        held = layer.__dict__.get(self.name)
        if value is held and held is not None and held.dtype == layer.dtype:
            return  # layer.W -= step has been done in place
        owner = f"{type(layer).__name__}.{self.name}"
        value = numbers(owner, value)
        if held is not None and value.shape != held.shape:
            raise ValueError(f"{owner}: got an array of shape {value.shape}, wanted {held.shape}")
        layer.__dict__[self.name] = aligned_copy(value, layer.dtype)

    listed = "parameter_names"


class Buffer(Parameter):
    """An array that belongs to a layer and is not trained, such as a running mean.

    It is declared as a `Parameter` is, saved with the network, and kept by checkpoints. A
    class that declares a parameter of its base again, as a buffer, does not train it.

    Examples
    --------
    >>> from npbp import Layer
    >>> class Count(Layer):
    ...     seen = Buffer()
    ...     def __init__(self):
    ...         self.seen = 0
    >>> layer = Count()
    >>> layer.parameters, layer.buffers
    ({}, {'seen': array(0., dtype=float32)})
    """

    listed = "buffer_names"
