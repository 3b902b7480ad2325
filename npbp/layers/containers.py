"""Layers made of layers: a chain, and a chain beside which the input passes unchanged."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterable, Sequence

import numpy as np

from npbp.layers.base import Layer
from npbp.layers.checks import kind
from npbp.layers.nesting import fixed


class Sequential(Layer):
    """``y = f_n(... f_2(f_1(x)))``: each layer's output is the next one's input.

    ========  ==========================================================================
    forward   ``x_i = f_i(x_{i-1})``, from ``x_0 = x`` to ``y = x_n``
    bp_input  ``g_{i-1} = f_i.bp_input(g_i)``, from ``g_n = grad`` to ``dJ/dx = g_0``
    bp_param  ``f_i.bp_param(g_i)`` of each layer that has weights, by its name
    ========  ==========================================================================

    A layer is called by its class and its number among those of its class, such as
    ``linear2``; its weights are ``linear2.W``. Below the lowest weights ``bp_param``
    computes nothing.

    Parameters
    ----------
    layers : sequence of Layer
        From the input to the output. Kept as the attribute ``layers``, a tuple, with their
        ``names``.

    Raises
    ------
    ValueError
        If there are no layers, if neighbours do not fit, if one layer is given twice (it
        remembers one forward only), or if one has a ``bp_param`` and declares no weight.
    TypeError
        If a layer is no `Layer`.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 6.5.2 (the chain rule).

    Examples
    --------
    >>> from npbp.layers import Linear, ReLU
    >>> layer = Sequential([Linear(3, 2), ReLU(), Linear(2, 1)])
    >>> layer(np.zeros((5, 3), np.float32)).shape
    (5, 1)
    >>> list(layer.parameters)
    ['linear1.W', 'linear2.W']
    """

    _no_layers = ("cache", "_layers", "names", "weighted")

    def __init__(self, layers: Iterable[Layer]) -> None:
        self._layers = chain(type(self).__name__, layers)
        self.names = names_of(self._layers)
        # those that have weights, by their place
        self.weighted = {i: self.names[i] for i, layer in enumerate(self._layers) if layer.has_parameters}

    @fixed
    def layers(self) -> tuple[Layer, ...]:
        """The layers that it was made of, for good."""
        return self._layers

    def forward(self, x: np.ndarray) -> np.ndarray:
        for layer in self._layers:
            x = layer.forward(x)
        return x

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        for layer in reversed(self._layers):
            grad = layer.bp_input(grad)
        return grad

    def bp_param(self, grad: np.ndarray) -> dict[str, Any]:
        if not self.weighted:
            return {}
        lowest = next(iter(self.weighted))  # below it nobody needs a gradient
        grad, found = self._back(grad, lowest + 1)
        found[self.names[lowest]] = self._layers[lowest].bp_param(grad)
        return found

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        return self._back(grad, 0)

    def _back(self, grad: np.ndarray, lowest: int) -> tuple[np.ndarray, dict[str, Any]]:
        """From the top down to layer ``lowest``: the gradient of its input, and of the weights."""
        found = {}
        for i in range(len(self._layers) - 1, lowest - 1, -1):
            if i in self.weighted:
                grad, found[self.names[i]] = self._layers[i].backward(grad)
            else:
                grad = self._layers[i].bp_input(grad)
        return grad, found

    @fixed
    def children(self) -> dict[str, Layer]:
        """The layers inside it, by name."""
        of_the_chain = set(map(id, self._layers))
        beside = {name: layer for name, layer in super().children.items() if id(layer) not in of_the_chain}
        return {**dict(zip(self.names, self._layers)), **beside}  # a subclass may have more

    @fixed
    def has_parameters(self) -> bool:
        """Whether there are weights inside."""
        return bool(self.weighted) or super().has_parameters

    def named(self, gradients: Any) -> dict[str, np.ndarray]:
        if not isinstance(gradients, dict) or len(gradients) != len(self.weighted) or not gradients:
            return super().named(gradients)  # of a subclass with more beside the chain; or an error
        found = {}  # as in Layer, in half the time: each training step asks
        for i, name in self.weighted.items():
            if name not in gradients:
                return super().named(gradients)
            for key, d_W in self._layers[i].named(gradients[name]).items():
                found[f"{name}.{key}"] = d_W
        return found

    def output_shape(self, shape: tuple | None) -> tuple | None:
        return shape_after(self._layers, self.names, shape)

    def multiply_adds(self, shape: tuple) -> tuple[int, int] | None:
        forward = backward = 0
        for layer in self._layers:
            counted = layer.multiply_adds(shape)
            shape = layer.output_shape(shape)
            if counted is None or shape is None:
                return None
            forward, backward = forward + counted[0], backward + counted[1]
        return forward, backward

    def config(self) -> dict[str, Any]:
        return {"layers": list(self._layers)}


class Residual(Sequential):
    """``y = x + f(x)``, where ``f`` is a chain of layers: it learns what to add to its input.

    ========  ======================================
    forward   ``y = x + f(x)``
    bp_input  ``dJ/dx = grad + f.bp_input(grad)``
    bp_param  ``f.bp_param(grad)``
    ========  ======================================

    The gradient reaches what is below unchanged, plus what comes through ``f``: so it does
    not fade in a deep network.

    Parameters
    ----------
    layers : sequence of Layer
        The chain ``f``, whose output has the shape of its input.

    Raises
    ------
    ValueError, TypeError
        As `Sequential`; and if ``f(x)`` has not the shape of ``x``.

    Source: He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016.

    Examples
    --------
    >>> from npbp.layers import Linear
    >>> layer = Residual([Linear(2, 2, bias=False)])
    >>> layer.layers[0].W = [[10, 0], [0, 100]]
    >>> layer(np.array([[1, 2]], dtype=np.float32))
    array([[ 11., 202.]], dtype=float32)
    >>> layer.bp_input(np.array([[1, 1]], dtype=np.float32))
    array([[ 11., 101.]], dtype=float32)
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        x = self.batch(x)
        y = super().forward(x)
        if y is None:
            raise self._nothing("forward", self.layers[-1])
        self._fits(x.shape, y.shape)
        self.cache = x.shape, x.dtype
        return (x + y).astype(x.dtype, copy=False)

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        return self._sum(grad, super().bp_input(self._upstream(grad)))

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        d_x, found = super().backward(self._upstream(grad))
        return self._sum(grad, d_x), found

    def bp_param(self, grad: np.ndarray) -> dict[str, Any]:
        return super().bp_param(self._upstream(grad))

    def _sum(self, grad: np.ndarray, d_x: np.ndarray) -> np.ndarray:
        if d_x is None:
            raise self._nothing("bp_input", self.layers[0])
        return (grad + d_x).astype(self.cached()[1], copy=False)

    def _upstream(self, grad: np.ndarray) -> np.ndarray:
        return self.upstream(grad, self.cached()[0])

    def output_shape(self, shape: tuple | None) -> tuple | None:
        y = super().output_shape(shape)
        if shape is not None and y is not None:
            self._fits(("N", *shape), ("N", *y))
        return y

    def _nothing(self, method: str, layer: Layer) -> TypeError:
        return TypeError(
            f"Residual: got nothing from the {method} of {layer!r} inside, wanted an array: is a `return` "
            "missing there?"
        )

    def _fits(self, x: tuple, y: tuple) -> None:
        if x != y:
            got, wanted = (str(shape).replace("'", "") for shape in (y, x))
            raise ValueError(
                f"Residual: got an output of shape {got} from the layers inside, wanted {wanted}, "
                "that of their input, as the two are added"
            )


# ---- checks and names, which a Network shares


def chain(owner: str, layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """``layers`` as a tuple, if they make a chain."""
    if isinstance(layers, Layer):
        raise TypeError(f"{owner}: got the layer {layers!r}, wanted a list of layers: [...]")
    try:
        layers = tuple(layers)
    except TypeError:
        raise TypeError(f"{owner}: got {kind(layers)}, wanted a list of layers: [...]") from None
    if not layers:
        raise ValueError(f"{owner}: got no layers, wanted at least one")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(
                f"{owner}: got {layer!r} as a layer, wanted an object of a class of "
                "npbp.Layer: is a pair of parentheses missing, as in ReLU()?"
            )
    names, seen = names_of(layers), set()
    for place, layer in zip(names, layers):
        layer._check_names()
        for name, inner in layer.walk(place):
            if id(inner) in seen:
                raise ValueError(_twice(owner, zip(names, layers), inner))
            if name in seen:
                raise ValueError(f"{owner}: got two layers inside that are both called {name}")
            seen |= {id(inner), name}
            if not isinstance(layer, Sequential):  # one has looked when it was made
                inner._check_names()
        if not isinstance(layer, Sequential):
            layer.parameters  # an error now, if one was not set or is not declared
            layer.buffers
    shape_after(layers, names, None)  # an error now, if neighbours do not fit
    return layers


def shape_after(layers: Sequence[Layer], names: Sequence[str], shape: tuple | None) -> tuple | None:
    """The shape of one example's output of a chain; an error says which layer it does not fit."""
    for name, layer in zip(names, layers):
        try:
            shape = layer.output_shape(shape)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return shape


def names_of(layers: Sequence[Layer]) -> list[str]:
    """One name a layer: its class and its number among those of its class."""
    seen: Counter = Counter()
    names = []
    for layer in layers:
        name = type(layer).__name__.lower()
        seen[name] += 1
        names.append(f"{name}{seen[name]}")
    return names


def _twice(owner: str, layers: Iterable[tuple[str, Layer]], layer: Layer) -> str:
    places = [name for place, outer in layers for name, inner in outer.walk(place) if inner is layer]
    return (
        f"{owner}: got the same layer twice, as {places[0]} and {places[1]}: it remembers one "
        "forward only, so make a second layer"
    )
