"""Layers made of layers: a chain, and a chain beside which the input passes unchanged."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

import numpy as np

from npbp.layers.base import Layer


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

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.layers = chain(type(self).__name__, layers)
        self.names = names_of(self.layers)
        self.weighted = [i for i, layer in enumerate(self.layers) if layer.has_parameters]

    def forward(self, x: np.ndarray) -> np.ndarray:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        for layer in reversed(self.layers):
            grad = layer.bp_input(grad)
        return grad

    def bp_param(self, grad: np.ndarray) -> dict[str, Any]:
        if not self.weighted:
            return {}
        lowest = self.weighted[0]  # below it nobody needs a gradient
        grad, found = self._back(grad, lowest + 1)
        found[self.names[lowest]] = self.layers[lowest].bp_param(grad)
        return found

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        return self._back(grad, 0)

    def _back(self, grad: np.ndarray, lowest: int) -> tuple[np.ndarray, dict[str, Any]]:
        """From the top down to layer ``lowest``: the gradient of its input, and of the weights."""
        found = {}
        for i in range(len(self.layers) - 1, lowest - 1, -1):
            if i in self.weighted:
                grad, found[self.names[i]] = self.layers[i].backward(grad)
            else:
                grad = self.layers[i].bp_input(grad)
        return grad, found

    @property
    def children(self) -> dict[str, Layer]:
        return dict(zip(self.names, self.layers))

    @property
    def has_parameters(self) -> bool:
        return bool(self.weighted)

    def named(self, gradients: Any) -> dict[str, np.ndarray]:
        found = {}  # as in Layer, in half the time: each training step asks
        for i in self.weighted:
            for name, d_W in self.layers[i].named(gradients.get(self.names[i])).items():
                found[f"{self.names[i]}.{name}"] = d_W
        return found

    def output_shape(self, shape: tuple | None) -> tuple | None:
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape

    def config(self) -> dict[str, Any]:
        return {"layers": list(self.layers)}


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
        return (grad + d_x).astype(self.cached()[1], copy=False)

    def _upstream(self, grad: np.ndarray) -> np.ndarray:
        return self.upstream(grad, self.cached()[0])

    def output_shape(self, shape: tuple | None) -> tuple | None:
        y = super().output_shape(shape)
        if shape is not None and y is not None:
            self._fits(("N", *shape), ("N", *y))
        return y

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
    layers = tuple(layers)
    if not layers:
        raise ValueError(f"{owner}: got no layers, wanted at least one")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(
                f"{owner}: got {layer!r} as a layer, wanted an object of a class of "
                "npbp.Layer: is a pair of parentheses missing, as in ReLU()?"
            )
    all_of_them = [inner for layer in layers for _, inner in layer.walk()]
    if len(set(map(id, all_of_them))) < len(all_of_them):
        raise ValueError(
            f"{owner}: got the same layer twice: it remembers one forward only, so "
            "make a second layer"
        )
    shape = None
    for layer in layers:
        if not layer.parameter_names:
            layer.parameters  # an error now, if there should be some
        shape = layer.output_shape(shape)  # an error now, if neighbours do not fit
    return layers


def names_of(layers: Sequence[Layer]) -> list[str]:
    """One name a layer: its class and its number among those of its class."""
    kinds = [type(layer).__name__.lower() for layer in layers]
    return [f"{kind}{kinds[:i + 1].count(kind)}" for i, kind in enumerate(kinds)]
