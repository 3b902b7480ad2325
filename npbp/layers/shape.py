"""Layers that change the shape of each example and none of its numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npbp.layers.base import Layer
from npbp.layers.checks import size


class Reshape(Layer):
    """``y = x`` with each example in another shape; the batch stays the first axis.

    ========  ================================================================
    forward   ``y = x``, ``(N, ...)`` to ``(N, *shape)``
    bp_input  ``dJ/dx = grad``, ``(N, *shape)`` to ``(N, ...)``
    ========  ================================================================

    The numbers keep their order. ``y`` may be a view of ``x``, as that of ``numpy.reshape``.

    Parameters
    ----------
    shape : int or tuple of int
        The shape of one example's output. One of its sizes may be -1: as large as needed.

    Raises
    ------
    ValueError
        If a size is below 1, there is more than one -1, or an example has not as many numbers.
    TypeError
        If a size is no whole number, or the input is not of real numbers.

    Examples
    --------
    >>> layer = Reshape((2, -1))
    >>> layer(np.array([[1.0, 2.0, 3.0, 4.0]]))
    array([[[1., 2.],
            [3., 4.]]])
    >>> layer.bp_input(np.ones((1, 2, 2)))
    array([[1., 1., 1., 1.]])
    >>> layer.output_shape((784,))
    (2, 392)
    """

    def __init__(self, shape: Any) -> None:
        self.shape = _shape(shape)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``(N, ...)`` to ``(N, *shape)``."""
        x = self.batch(x)
        y = x.reshape(len(x), *self.output_shape(x.shape[1:]))
        self.cache = x.shape, x.dtype, y.shape
        return y

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """``(N, *shape)`` to ``(N, ...)``."""
        shape, dtype, y_shape = self.cached()
        return self.upstream(grad, y_shape).reshape(shape).astype(dtype, copy=False)

    def output_shape(self, shape: tuple | None) -> tuple | None:
        if shape is None:
            return None if -1 in self.shape else self.shape
        known, count = math.prod(n for n in self.shape if n != -1), math.prod(shape)
        if count % known or -1 not in self.shape and count != known:
            wanted = f"{known} numbers" if -1 not in self.shape else f"a multiple of {known}"
            raise ValueError(
                f"{self!r}: got examples of shape {tuple(shape)}, which have {count} numbers, "
                f"wanted {wanted}"
            )
        return tuple(count // known if n == -1 else n for n in self.shape)

    def config(self) -> dict[str, Any]:
        return {"shape": self.shape}


class Flatten(Reshape):
    """``y = x`` with each example as one row: what a linear layer takes.

    ========  ================================================
    forward   ``y = x``, ``(N, ...)`` to ``(N, product)``
    bp_input  ``dJ/dx = grad``, ``(N, product)`` to ``(N, ...)``
    ========  ================================================

    It is ``Reshape(-1)``.

    Examples
    --------
    >>> layer = Flatten()
    >>> layer(np.zeros((64, 28, 28), np.float32)).shape
    (64, 784)
    >>> layer.bp_input(np.zeros((64, 784), np.float32)).shape
    (64, 28, 28)
    """

    def __init__(self) -> None:
        super().__init__(-1)

    def config(self) -> dict[str, Any]:
        return {}


def _shape(shape: Any) -> tuple[int, ...]:
    """``shape`` as a tuple of positive ints, of which one may be -1."""
    several = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if len(several) > 31:  # an array may have 32 axes, and one is the batch
        raise ValueError(f"Reshape: got a shape of {len(several)} axes, wanted 31 at most")
    free = [type(n) is not bool and isinstance(n, (int, np.integer)) and n == -1 for n in several]
    if sum(free) > 1:
        raise ValueError(f"Reshape: got shape={shape!r}, wanted one -1 at most: the others set its size")
    return tuple(-1 if f else size("Reshape", "shape", n) for f, n in zip(free, several))
