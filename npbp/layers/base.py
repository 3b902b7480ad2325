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
from typing import Any, Iterator

import numpy as np

from npbp.layers.checks import Checked, flag, floating, kind
from npbp.layers.mistakes import hidden, no_bp_param, undeclared, wrong_number
from npbp.layers.nesting import COLLECTIONS, DEEPEST, Weights, fixed, found_in, joined, replaced


class Layer(Checked):
    """The base of all layers: subclass it and write three methods.

    ``forward(x)`` takes ``(N, ...)`` and leaves in ``self.cache`` what the backward
    needs; ``bp_input(grad)`` returns dJ/dx with the shape of ``x``;
    ``bp_param(grad)`` returns dJ/dW with the shape of ``W``, or a tuple of gradients
    in the order in which the class declares several parameters. A layer without
    parameters leaves ``bp_param`` as it is. Where the two gradients share work, write
    ``backward(grad)``, which returns both: it is what a training calls.

    Layers nest: one that has others as attributes, or in lists, tuples or dicts there, has
    their parameters too. Its ``bp_param`` returns a dict, from the name of each to what its
    ``bp_param`` returned.

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
    _no_layers: tuple[str, ...] = ("cache",)  # attributes in which none are looked for

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

    def multiply_adds(self, shape: tuple) -> tuple[int, int] | None:
        """How many products are added up forward and backward, for one example of this shape.

        None: nobody said. What is done number by number counts as nothing: so do the layers of
        the library, unless they say otherwise.
        """
        return (0, 0) if type(self).__module__.startswith(f"{__package__}.") else None

    # ---- training or inference

    def train(self, training: bool = True) -> Layer:
        """Say that what follows is training, to this layer and those inside; returns it."""
        training = flag(type(self).__name__, "training", training)
        for _, layer in self.walk():
            layer.training = training
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
                "before one that measures (npbp.fit and network.predict choose by themselves; of a "
                "layer alone, layer.train() and layer.eval())"
            )
        return self.training

    def without_cache(self) -> Layer:
        """The same layer for inference, with a cache of its own: it has the same weight arrays
        and generators, a copy of the buffers, and a training of the layer does not notice."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.training = False
        for name, value in list(twin.__dict__.items()):
            if type(value) not in PLAIN and isinstance(value, HOLD_LAYERS) and name != "cache":
                twin.__dict__[name] = replaced(Layer, value, Layer.without_cache)
        for name in self.buffer_names:
            twin.__dict__[name] = self._array(name).copy()
        return twin

    # ---- what it holds, by name

    @fixed
    def children(self) -> dict[str, Layer]:
        """The layers inside it, by name. They are its attributes that are layers, and those in
        its lists, tuples and dicts, with names such as ``blocks1`` and ``heads.left``."""
        found: dict[str, Layer] = {}
        for name, value in list(self.__dict__.items()):  # a list: another thread may set a cache
            if type(value) not in PLAIN and isinstance(value, HOLD_LAYERS) and name not in self._no_layers:
                for key, layer in self._found_in(name, value):
                    if key in found or key in self.parameter_names:
                        raise ValueError(
                            f"{type(self).__name__}: got a layer inside and something else that are "
                            f"both called {key}, wanted another name for the attribute {name}"
                        )
                    found[key] = layer
        return found

    def walk(self, name: str = "") -> Iterator[tuple[str, Layer]]:
        """This layer and all layers inside, from the outside in, with names such as ``a.b``.

        Raises
        ------
        ValueError
            If one is inside itself, or they nest more than a hundred deep.
        """
        leave, around = object(), set()  # the layers that the one in hand is inside of
        stack: list[tuple[Any, Layer]] = [(name, self)]
        while stack:
            name, layer = stack.pop()
            if name is leave:
                around.remove(id(layer))
                continue
            if id(layer) in around:
                raise ValueError(
                    f"{type(layer).__name__}: got a layer that is inside itself, as {name}: a layer "
                    "has those as attributes that it is made of, not those that it is a part of"
                )
            yield name, layer
            children = layer.children
            if children:
                if len(around) == DEEPEST:
                    raise ValueError(
                        f"{type(self).__name__}: got layers inside of layers more than {DEEPEST} deep"
                    )
                around.add(id(layer))
                stack.append((leave, layer))
                stack += [(joined(name, key), child) for key, child in children.items()][::-1]

    @fixed
    def has_parameters(self) -> bool:
        """Whether there are weights, here or in a layer inside."""
        return any(layer.parameter_names for _, layer in self.walk())

    @fixed
    def parameters(self) -> dict[str, np.ndarray]:
        """The weight arrays by name. They are the arrays themselves, not copies; those of a
        layer inside have its name before theirs, as in ``linear1.W``.

        Raises
        ------
        ValueError
            If one was never set; or if there is a ``bp_param`` and none is declared, or
            there are weights inside and no ``bp_param``, as nothing would train them.
        """
        found = Weights()
        found.layer = self
        for name, layer in self.walk():
            layer._check_bp_param()
            for key in layer.parameter_names:
                found[joined(name, key)] = layer._array(key)
        return found

    @fixed
    def buffers(self) -> dict[str, np.ndarray]:
        """The arrays by name that belong to the layer and are not trained. See `Buffer`."""
        return {
            joined(name, key): layer._array(key)
            for name, layer in self.walk()
            for key in layer.buffer_names
        }

    @fixed
    def generators(self) -> dict[str, np.random.Generator]:
        """The random number generators by name that the layer draws from when it runs. They are
        its attributes that are some, and those in its lists, tuples and dicts, as for `children`."""
        return {
            joined(name, place): generator
            for name, layer in self.walk()
            for key, value in list(vars(layer).items())
            if type(value) not in PLAIN and key != "cache"
            for place, generator in layer._found_in(key, value, np.random.Generator)
        }

    @fixed
    def decayed(self) -> dict[str, int]:
        """How many rows of each parameter a weight decay makes smaller. They are those that are
        multiplied with an input, and no bias; of a parameter that is no matrix none, unless a
        layer says otherwise."""
        found = {name: len(self._array(name)) for name in self.parameter_names
                 if self._array(name).ndim > 1}
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
        names, children = self.parameter_names, {}
        if isinstance(gradients, dict):
            children = self.children
            if not gradients.keys() <= {*names, *children}:
                raise ValueError(wrong_number(self, gradients))
        elif gradients is None and not self.has_parameters:
            return {}
        else:
            gradients = (gradients,) if len(names) == 1 else gradients
            if not names or not isinstance(gradients, (tuple, list)) or len(gradients) != len(names):
                raise ValueError(wrong_number(self, gradients))
            gradients = dict(zip(names, gradients))
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
            if child not in gradients and layer.has_parameters:
                raise ValueError(wrong_number(self, gradients))
            for name, d_W in layer.named(gradients.get(child)).items():
                found[f"{child}.{name}"] = d_W
        return found

    def named_gradients(self, grad: np.ndarray) -> dict[str, np.ndarray]:
        """``bp_param(grad)`` by the names of the parameters; see `named` for the errors."""
        if not self.has_parameters:
            return {}
        return self._complete(self.named(self.bp_param(grad)), self.parameters)

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
                setattr(layer, name, layer._array(name))
        return twin

    # ---- checks

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if cls.__dict__.get("__slots__"):
            raise TypeError(
                f"{cls.__name__}: got __slots__, wanted a class without: the layers, generators and "
                "arrays of a layer are looked for in its __dict__"
            )
        for name, value in vars(Layer).items():
            own, derived = getattr(cls, name), isinstance(value, property)
            if callable(value) and not callable(own) or derived and not isinstance(own, property):
                raise TypeError(hidden(cls, name))
        if isinstance(cls.training, property) and cls.training.fset is None:
            raise TypeError(hidden(cls, "training"))
        place = {method: next(i for i, base in enumerate(cls.__mro__) if method in vars(base))
                 for method in ("backward", "bp_input", "bp_param")}
        for method in ("bp_input", "bp_param"):
            if place[method] < place["backward"] and cls.backward is not Layer.backward:
                raise TypeError(
                    f"{cls.__name__}: got a {method} of its own beside the backward of "
                    f"{cls.__mro__[place['backward']].__name__}, which is what a training calls, so "
                    f"that this {method} would not be used: write backward(grad), too, which returns "
                    "both gradients"
                )

    @classmethod
    def frozen_names(cls) -> set[str]:
        """The parameters of a base class that this one declares as buffers: not to be trained."""
        return {name for base in cls.__mro__ for name in getattr(base, "parameter_names", ())
                if name in cls.buffer_names}

    def _array(self, name: str) -> np.ndarray:
        """A parameter or buffer."""
        try:
            return self.__dict__[name]
        except KeyError:
            raise ValueError(
                f"{type(self).__name__}.{name} was never set, wanted an array: assign one in __init__"
            ) from None

    def _found_in(self, name: str, value: Any, kind: type | None = None) -> list[tuple[str, Any]]:
        try:
            return list(found_in(kind or Layer, name, value))
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None

    def _complete(self, gradients: dict, parameters: dict) -> dict[str, np.ndarray]:
        """``gradients``, if there is one for each of ``parameters``; by name, both."""
        if len(gradients) != len(parameters):
            missing = [name for name in parameters if name not in gradients]
            raise ValueError(
                f"{type(self).__name__}: got no gradient of {', '.join(missing)} from bp_param, but one "
                f"of {', '.join(gradients)}: the bp_param of a layer with layers inside returns a "
                "dict, with what the bp_param of each returned, by its name"
            )
        return gradients

    def _check_names(self) -> None:
        """An attribute may have hidden a method."""
        for name, value in list(vars(self).items()):
            if callable(getattr(Layer, name, None)) and not callable(value):
                raise TypeError(hidden(type(self), name))

    def _check_bp_param(self) -> None:
        """Weights inside need a bp_param, and a bp_param needs weights."""
        cls = type(self)
        if cls.bp_param is not Layer.bp_param:
            if not (cls.parameter_names or cls.frozen_names() or self.children):
                raise ValueError(undeclared(self))
        elif cls.backward is Layer.backward:
            inside = [name for name, child in self.children.items() if child.has_parameters]
            if inside:
                raise ValueError(no_bp_param(self, inside))


HOLD_LAYERS = (Layer, *COLLECTIONS)
PLAIN = {np.ndarray, int, float, bool, str, type(None)}  # a quick look, before the thorough one
