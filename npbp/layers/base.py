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
from typing import Any, Callable, Iterator

import numpy as np

from npbp.layers.checks import Checked, floating, kind, numbers
from npbp.layers.speed import aligned_copy


class Layer(Checked):
    """The base of all layers: subclass it and write three methods.

    ``forward(x)`` takes ``(N, ...)`` and leaves in ``self.cache`` what the backward
    needs; ``bp_input(grad)`` returns dJ/dx with the shape of ``x``;
    ``bp_param(grad)`` returns dJ/dW with the shape of ``W``, or a tuple of gradients
    in the order in which the class declares several parameters. A layer without
    parameters leaves ``bp_param`` as it is. Where the two gradients share work, write
    ``backward(grad)``, which returns both: it is what a training calls.

    Layers nest: one that has others as its attributes has their parameters too, and its
    ``bp_param`` returns a dict, from the name of each to what its ``bp_param`` returned.

    A layer that does something else in training than in inference asks ``is_training()``.

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
    buffer_names: tuple[str, ...] = ()
    training: bool | None = None  # nobody has said yet

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The layer's output for a batch ``x``; the batch is the first axis."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(x)")

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """dJ/dx, from ``grad`` = dJ/dy."""
        if type(self).backward is not Layer.backward:
            return self.backward(grad)[0]
        raise NotImplementedError(f"{type(self).__name__} has no bp_input(grad)")

    def bp_param(self, grad: np.ndarray) -> Any:
        """dJ/dW, from ``grad`` = dJ/dy; None for a layer without parameters."""
        return None if type(self).backward is Layer.backward else self.backward(grad)[1]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.forward(x)

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, Any]:
        """Both gradients: ``(bp_input(grad), bp_param(grad))``."""
        return self.bp_input(grad), self.bp_param(grad)

    def output_shape(self, shape: tuple | None) -> tuple | None:
        """The shape of one example's output, from that of its input (None: unknown)."""
        return shape

    # ---- training or inference

    def train(self, training: bool = True) -> Layer:
        """Say that what follows is training, to this layer and those inside; returns it."""
        for _, layer in self.walk():
            layer.training = bool(training)
        return self

    def eval(self) -> Layer:
        """Say that what follows is inference; returns the layer."""
        return self.train(False)

    def is_training(self) -> bool:
        """Whether this is training and not inference.

        Raises
        ------
        ValueError
            If nobody said: a guess would be wrong half of the time, and go unseen.
        """
        if self.training is None:
            raise ValueError(
                f"{type(self).__name__}: got a forward before anybody said whether this is training "
                "or inference: write network.train() before the loop that trains, network.eval() "
                "before one that measures (npbp.fit and network.predict choose by themselves)"
            )
        return self.training

    def without_cache(self) -> Layer:
        """The same layer for inference, with a cache of its own: it has the same weight arrays,
        and a training of the layer does not notice."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.training = False
        for name, value in list(twin.__dict__.items()):
            if isinstance(value, HOLDS_LAYERS):
                twin.__dict__[name] = _replaced(value, Layer.without_cache)
        return twin

    # ---- what it holds, by name

    @property
    def children(self) -> dict[str, Layer]:
        """The layers inside it: its attributes that are layers, or lists or dicts of layers."""
        found: dict[str, Layer] = {}
        for name, value in list(self.__dict__.items()):  # a list: another thread may set a cache
            if isinstance(value, HOLDS_LAYERS):
                found.update(_layers_in(name, value))
        return found

    def walk(self, name: str = "") -> Iterator[tuple[str, Layer]]:
        """This layer and all layers inside, from the outside in, with names such as ``a.b``."""
        yield name, self
        for key, layer in self.children.items():
            yield from layer.walk(f"{name}.{key}" if name else key)

    @property
    def has_parameters(self) -> bool:
        """Whether there are weights, here or in a layer inside."""
        return bool(self.parameter_names) or any(
            layer.has_parameters for layer in self.children.values()
        )

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """The weight arrays by name: the arrays themselves, not copies. Those of a layer
        inside have its name before theirs, as in ``linear1.W``.

        Raises
        ------
        ValueError
            If one was never set; or if there is a ``bp_param`` and none is declared, or
            there are weights inside and no ``bp_param``, as nothing would train them.
        """
        try:
            found = {name: self.__dict__[name] for name in self.parameter_names}
        except KeyError as error:
            raise ValueError(
                f"{type(self).__name__}.{error.args[0]} was never set, wanted an array: assign "
                "one in __init__"
            ) from None
        children = self.children
        for child, layer in children.items():
            for name, W in layer.parameters.items():
                found[f"{child}.{name}"] = W
        if type(self).bp_param is Layer.bp_param:
            if len(found) > len(self.parameter_names) and type(self).backward is Layer.backward:
                raise ValueError(_no_bp_param(self))
        elif not found and not children:
            raise ValueError(_undeclared(self))
        return found

    @property
    def buffers(self) -> dict[str, np.ndarray]:
        """The arrays by name that belong to the layer and are not trained; see `Buffer`."""
        return {
            f"{name}.{key}" if name else key: layer.__dict__[key]
            for name, layer in self.walk()
            for key in layer.buffer_names
        }

    @property
    def generators(self) -> dict[str, np.random.Generator]:
        """The random number generators by name that the layer draws from when it runs."""
        return {
            f"{name}.{key}" if name else key: value
            for name, layer in self.walk()
            for key, value in vars(layer).items()
            if isinstance(value, np.random.Generator)
        }

    @property
    def decayed(self) -> dict[str, int]:
        """How many rows of a parameter a weight decay makes smaller: those that are multiplied
        with an input, and no bias. Of a parameter that is no matrix, none, unless a layer
        says otherwise."""
        found = {name: len(self.__dict__[name]) for name in self.parameter_names
                 if self.__dict__[name].ndim > 1}
        for child, layer in self.children.items():
            for name, rows in layer.decayed.items():
                found[f"{child}.{name}"] = rows
        return found

    def named(self, gradients: Any) -> dict[str, np.ndarray]:
        """What ``bp_param`` returned, by the names of the parameters.

        Raises
        ------
        ValueError
            If there is not one gradient for each parameter, in its shape.
        """
        names = self.parameter_names
        children = self.children if isinstance(gradients, dict) or not names else {}
        if not isinstance(gradients, dict):
            if len(names) == 1:
                gradients = (gradients,)
            if gradients is None and not self.has_parameters:
                return {}
            if not isinstance(gradients, (tuple, list)) or len(gradients) != len(names) or not names:
                raise ValueError(_wrong_number(self, gradients))
            gradients = dict(zip(names, gradients))
        elif not gradients.keys() <= {*names, *children}:
            raise ValueError(_wrong_number(self, gradients))
        found = {}
        for name in names:
            shape, d_W = self.__dict__[name].shape, gradients.get(name)
            if getattr(d_W, "shape", None) != shape:  # W -= alpha * d_W might broadcast it
                raise ValueError(
                    f"{type(self).__name__}.bp_param: got {kind(d_W)} as the gradient of "
                    f"{name}, wanted an array of its shape {shape}, summed over the batch"
                )
            found[name] = d_W
        for child, layer in children.items():
            if child in gradients or layer.has_parameters:
                for name, d_W in layer.named(gradients.get(child)).items():
                    found[f"{child}.{name}"] = d_W
        return found

    def named_gradients(self, grad: np.ndarray) -> dict[str, np.ndarray]:
        """``bp_param(grad)`` by the names of the parameters; see `named` for the errors."""
        return self.named(self.bp_param(grad)) if self.has_parameters else {}

    def astype(self, dtype: Any) -> Layer:
        """A copy of the layer whose parameters have the floating type ``dtype``.

        Raises
        ------
        TypeError
            If ``dtype`` is not a real floating type.
        """
        dtype = floating(dtype)
        self.parameters  # an error now, if some are not declared
        twin = copy.deepcopy(self)
        for _, layer in twin.walk():
            layer.cache = None
            layer.dtype = dtype
            for name in (*layer.parameter_names, *layer.buffer_names):
                setattr(layer, name, layer.__dict__[name])
        return twin


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
        if name not in getattr(owner, self.listed):  # a subclass may declare it again
            setattr(owner, self.listed, (*getattr(owner, self.listed), name))

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

    It is declared as a `Parameter` is, saved with the network, and kept by checkpoints.

    Examples
    --------
    >>> class Count(Layer):
    ...     seen = Buffer()
    ...     def __init__(self):
    ...         self.seen = 0
    >>> layer = Count()
    >>> layer.parameters, layer.buffers
    ({}, {'seen': array(0., dtype=float32)})
    """

    listed = "buffer_names"


# ---- layers inside of layers

HOLDS_LAYERS = (Layer, list, tuple, dict)


def _layers_in(name: str, value: Any) -> Iterator[tuple[str, Layer]]:
    """The layers in an attribute, with a name for each."""
    if isinstance(value, Layer):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value, start=1):
            if isinstance(part, Layer):
                yield f"{name}{i}", part
    elif isinstance(value, dict):
        for key, part in value.items():
            if isinstance(part, Layer):
                yield f"{name}.{key}", part


def _replaced(value: Any, function: Callable[[Layer], Layer]) -> Any:
    """An attribute with ``function`` of each layer in it."""
    if isinstance(value, Layer):
        return function(value)
    if isinstance(value, dict):
        return {key: _replaced(part, function) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_replaced(part, function) for part in value)
    return value


# ---- messages


def _wrong_number(layer: Layer, gradients: Any) -> str:
    names = ", ".join(layer.parameter_names)
    if any(child.has_parameters for child in layer.children.values()):
        inside = ", ".join(name for name, child in layer.children.items() if child.has_parameters)
        return (
            f"{type(layer).__name__}.bp_param: got {kind(gradients)}, wanted a dict of what the "
            f"bp_param of each layer inside returned, by its name: {inside}"
            + (f"; and the gradients of {names}" if names else "")
        )
    if isinstance(gradients, dict):
        got = f"gradients of {', '.join(map(str, gradients))}"
    else:
        got = kind(gradients)
    return (
        f"{type(layer).__name__}.bp_param: got {got}, wanted a tuple of "
        f"{len(layer.parameter_names)} gradients, one for each of {names}"
    )


def _no_bp_param(layer: Layer) -> str:
    inside = [name for name, child in layer.children.items() if child.has_parameters]
    lines = ", ".join(f'"{name}": self.{name}.bp_param(...)' for name in inside)
    return (
        f"{type(layer).__name__} has layers with weights inside and no bp_param, so nothing would "
        f"train them: write one that returns {{{lines}}}, each with the gradient of its output"
    )


def _undeclared(layer: Layer) -> str:
    """The message for a ``bp_param`` of weights that the class does not declare."""
    names = [name for name, value in vars(layer).items()
             if isinstance(value, np.ndarray) and name != "cache"]
    lines = ", ".join(f"`{name} = npbp.Parameter()`" for name in names or ["W"])
    return (
        f"{type(layer).__name__} has a bp_param and declares no weight, so nothing would be "
        f"trained: write {lines} in the body of the class, a line for each weight, before __init__"
    )
