"""The linear layer: every output is a weighted sum of all inputs, plus a bias."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from npbp.initializers import xavier_uniform
from npbp.layers.base import Layer
from npbp.layers.checks import flag, floating, size, started
from npbp.layers.parameter import Parameter
from npbp.layers.speed import product


class Linear(Layer):
    """``y = [x 1] W``: a linear map with the bias as one more row of ``W``.

    The last row of ``W`` is the bias: it is what a column of ones, appended to ``x``,
    would be multiplied by. That column is never made; ``W[:-1]`` and ``W[-1]`` are
    used instead.

    ========  ===========================  ================================
    forward   ``y = x W[:-1] + W[-1]``     ``(N, in)`` to ``(N, out)``
    bp_input  ``dJ/dx = grad W[:-1]^T``    ``(N, out)`` to ``(N, in)``
    bp_param  ``dJ/dW = [x 1]^T grad``     ``(N, out)`` to ``(in + 1, out)``
    ========  ===========================  ================================

    Parameters
    ----------
    in_features, out_features : int
        Sizes of one example's input and output.
    rng : numpy.random.Generator, optional
        Draws the start of ``W``.
    bias : bool
        Whether there is a bias. If not, ``W`` is ``(in, out)`` and ``y = x W``.
    initializer : function, optional
        Called as ``initializer(fan_in, fan_out, rng)``, it returns the start of ``W``: see
        `npbp.initializers`. Xavier uniform unless given, ``U(-1, 1) * sqrt(6 / (fan_in +
        fan_out))``. The bias counts as one more input, so that ``fan_in`` is the number of
        rows of ``W``.
    dtype : floating type, optional
        Of ``W``; float32 unless asked.

    Raises
    ------
    ValueError
        If a size is below 1, or an array passed in or made by ``initializer`` has the wrong shape.
    TypeError
        If a size is not a whole number, the input is not of real numbers, or ``initializer`` is
        no function.

    Source: Glorot and Bengio, Understanding the difficulty of training deep
    feedforward neural networks, 2010, equation 16 (the start of ``W``).

    Examples
    --------
    >>> layer = Linear(2, 1)
    >>> layer.W = [[1], [2], [10]]             # y = 1 x_1 + 2 x_2 + 10
    >>> layer(np.array([[3, 4], [5, 6]], dtype=np.float32))
    array([[21.],
           [27.]], dtype=float32)
    >>> grad = np.array([[1], [100]], dtype=np.float32)
    >>> layer.bp_input(grad)
    array([[  1.,   2.],
           [100., 200.]], dtype=float32)
    >>> layer.bp_param(grad)                   # the last row is the bias's gradient
    array([[503.],
           [604.],
           [101.]], dtype=float32)
    """

    W = Parameter()

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float32,
        bias: bool = True,
        initializer: Callable[..., np.ndarray] = xavier_uniform,
    ) -> None:
        self.in_features = size("Linear", "in_features", in_features)
        self.out_features = size("Linear", "out_features", out_features)
        self.dtype = floating(dtype)
        self.bias = flag("Linear", "bias", bias)
        self.W = started("Linear", initializer, self.in_features + self.bias, self.out_features, rng)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = x W[:-1] + W[-1]``: ``(N, in_features)`` to ``(N, out_features)``."""
        self.cache = x = self._input(x)
        y = x @ self.W[:self.in_features]
        if self.bias:
            y += self.W[-1]
        return y

    def bp_input(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dx = grad W[:-1]^T``: ``(N, out_features)`` to ``(N, in_features)``."""
        x, grad = self._cached_and_upstream(grad)
        return (grad @ self.W[:self.in_features].T).astype(x.dtype, copy=False)

    def bp_param(self, grad: np.ndarray) -> np.ndarray:
        """``dJ/dW = [x 1]^T grad``: ``(N, out_features)`` to ``(in_features + 1, out_features)``."""
        x, grad = self._cached_and_upstream(grad)
        d_W = np.empty_like(self.W)
        product(x.T, grad, out=d_W[:self.in_features])
        if self.bias:
            grad.sum(axis=0, out=d_W[-1])
        return d_W

    def output_shape(self, shape: tuple | None) -> tuple:
        if shape not in (None, (self.in_features,)):
            raise ValueError(self._wrong_input(("N", *shape)))
        return (self.out_features,)

    def multiply_adds(self, shape: tuple) -> tuple[int, int]:
        products = self.in_features * self.out_features
        return products, 2 * products  # x W; grad W^T and x^T grad

    def config(self) -> dict[str, Any]:
        sizes = {"in_features": self.in_features, "out_features": self.out_features}
        return sizes if self.bias else {**sizes, "bias": False}

    @property
    def decayed(self) -> dict[str, int]:
        return {"W": self.in_features}  # not the bias

    # ---- checks

    def _input(self, x: np.ndarray) -> np.ndarray:
        x = self.batch(x)
        if x.shape[1:] != (self.in_features,):
            raise ValueError(self._wrong_input(x.shape))
        return x

    def _cached_and_upstream(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = self.cached()
        return x, self.upstream(grad, (len(x), self.out_features))

    def _wrong_input(self, shape: tuple) -> str:
        cause = "the layer below, or the data, has another size"
        if len(shape) == 1:
            cause = "a single example is a batch of one: x[None, :]"
        elif len(shape) > 2:
            cause = "images must be flattened: x.reshape(len(x), -1)"
        got = str(shape).replace("'", "")
        return f"{self!r}: got an input of shape {got}, wanted (N, {self.in_features}): {cause}"
