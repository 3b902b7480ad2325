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

from npbp.layers.checks import Checked, floating, kind, numbers
from npbp.layers.speed import aligned_copy


class Layer(Checked):
    """The base of all layers: subclass it and write three methods.

    ``forward(x)`` takes ``(N, ...)`` and leaves in ``self.cache`` what the backward
    needs; ``bp_input(grad)`` returns dJ/dx with the shape of ``x``;
    ``bp_param(grad)`` returns dJ/dW with the shape of ``W``, or a tuple of gradients
    in the order in which the class declares several parameters. A layer without
    parameters leaves ``bp_param`` as it is.

    What a layer keeps is the array ``x`` itself, as a copy would cost as much time as a
    small layer. So leave ``x`` as it is between the forward and the backward: refilled in
    between, it makes the gradient that of another ``x``, and nobody can tell.

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

    parameter_names: tuple[str, ...] = ()

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
        """The weight arrays by name: the arrays themselves, not copies.

        Raises
        ------
        ValueError
            If one was never set; or if there is a ``bp_param`` and none is declared, as
            its gradients would then train nothing.
        """
        names = self.parameter_names
        if not names and type(self).bp_param is not Layer.bp_param:
            raise ValueError(_undeclared(self))
        try:
            return {name: self.__dict__[name] for name in names}
        except KeyError as error:
            raise ValueError(
                f"{type(self).__name__}.{error.args[0]} was never set, wanted an array: assign "
                "one in __init__"
            ) from None

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
                f"{type(self).__name__}.bp_param: got {kind(gradients)}, wanted a tuple of "
                f"{len(names)} gradients, one for each of {', '.join(names)}"
            )
        for name, d_W in named.items():
            shape = getattr(self, name).shape
            if getattr(d_W, "shape", None) != shape:  # W -= alpha * d_W might broadcast it
                raise ValueError(
                    f"{type(self).__name__}.bp_param: got {kind(d_W)} as the gradient of "
                    f"{name}, wanted an array of its shape {shape}, summed over the batch"
                )
        return named

    def without_cache(self) -> Layer:
        """The same layer for a forward that nobody goes back through: it has the same weight
        arrays and a cache of its own, so that a training does not notice."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

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

    # There is no __get__: reading layer.W finds the array in the instance.
    def __set__(self, layer: Layer, value: Any) -> None:
        held = layer.__dict__.get(self.name)
        if value is held and held is not None:  # layer.W -= step has been done in place
            return
        owner = f"{type(layer).__name__}.{self.name}"
        value = numbers(owner, value)
        if held is not None and value.shape != held.shape:
            raise ValueError(f"{owner}: got an array of shape {value.shape}, wanted {held.shape}")
        layer.__dict__[self.name] = aligned_copy(value, layer.dtype)


def _undeclared(layer: Layer) -> str:
    """The message for a ``bp_param`` of weights that the class does not declare."""
    names = [name for name, value in vars(layer).items()
             if isinstance(value, np.ndarray) and name != "cache"]
    lines = ", ".join(f"`{name} = npbp.Parameter()`" for name in names or ["W"])
    return (
        f"{type(layer).__name__} has a bp_param and declares no weight, so nothing would be "
        f"trained: write {lines} in the body of the class, a line for each weight, before __init__"
    )
