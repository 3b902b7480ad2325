"""Normalisations: numbers are brought to mean 0 and spread 1, then to what training finds best.

They differ in which numbers the mean is taken over: `BatchNorm1d` takes one feature of all
examples, `LayerNorm` all features of one example. `RMSNorm` is a LayerNorm without the mean.
All see their input as a table, whose columns are the features.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.base import Layer
from npbp.layers.checks import floating, number, size, sizes
from npbp.layers.parameter import Buffer, Parameter


class _Normalization(Layer):
    """What the three have in common: the table of an input, and what an input may be."""

    most = 32  # axes of an input

    def _table(self, a: np.ndarray) -> np.ndarray:
        """``a`` as rows of features; float32 at least, as float16 cannot hold a sum of squares."""
        dtype = np.result_type(a.dtype, self.dtype, np.float32)
        return np.ascontiguousarray(a, dtype).reshape(-1, self.gamma.size)

    def _gradient(self, d_W: np.ndarray) -> np.ndarray:
        return d_W.astype(self.dtype, copy=False).reshape(self.gamma.shape)

    def output_shape(self, shape: tuple | None) -> tuple | None:
        if shape is not None:
            self._fits(("N", *shape))
        return shape

    @property
    def decayed(self) -> dict[str, int]:
        return {}  # gamma is a scale, also if it is a matrix

    def config(self) -> dict[str, Any]:
        return {"features": self.features, "eps": self.eps}

    def _input(self, x: np.ndarray) -> np.ndarray:
        x = self.batch(x)
        self._fits(x.shape)
        return x

    def _fits(self, shape: tuple) -> None:
        features = self.gamma.shape
        axes = len(features)
        if axes < len(shape) <= self.most and shape[-axes:] == features:
            return
        cause = "the layer below, or the data, has another size"
        if len(shape) <= axes:
            cause = "a single example is a batch of one: x[None, ...]"
        elif len(shape) > self.most:
            cause = "images are normalised per channel by a Reshape((-1, channels)) before it"
        elif shape[1:1 + axes] == features:
            cause = "the features come last here, not right after the batch"
        got, last = str(shape).replace("'", ""), ", ".join(map(str, features))
        steps = "steps" if self.most == 3 else "..."
        raise ValueError(
            f"{self!r}: got an input of shape {got}, wanted (N, {last}) or (N, {steps}, {last}): {cause}"
        )


class BatchNorm1d(_Normalization):
    """``y = gamma x_hat + beta``, where ``x_hat`` is each feature with mean 0 and variance 1.

    In training, mean and variance are those of the batch, over its examples and steps. The
    running ones follow them, and take their place in inference, so that there the output of
    an example does not depend on the others.

    ========  ==============================================================================
    forward   ``x_hat = (x - mean(x)) / std``,  ``std = sqrt(mean((x - mean(x))^2) + eps)``
    bp_input  ``dJ/dx = gamma / std (grad - mean(grad) - x_hat mean(grad x_hat))``
    bp_param  ``dJ/dgamma = sum(grad x_hat)``,  ``dJ/dbeta = sum(grad)``
    ========  ==============================================================================

    The two means in ``dJ/dx`` are there as each number moves the mean and the spread of its
    feature. In inference these are constants, and ``dJ/dx = gamma / std grad``.

    After each batch of m rows (examples times steps) in training::

        running_mean = (1 - momentum) running_mean + momentum mean(x)
        running_var  = (1 - momentum) running_var  + momentum var(x) m / (m - 1)

    A single row has no spread. In training its ``y`` is ``beta``, its ``dJ/dx`` is 0, and the
    running statistics stay as they are: so the last batch of an epoch may be of one example.

    Parameters
    ----------
    features : int
        The size of the last axis.
    momentum : float
        The share of a new batch in the running statistics, from 0 to 1.
    eps : float
        Keeps ``x_hat`` finite where a feature is constant.
    dtype : floating type, optional
        Of the parameters and the running statistics; float32 unless asked.

    Raises
    ------
    ValueError
        If nobody said whether this is training or inference, an option is out of its range, or
        an array passed in has the wrong shape.
    TypeError
        If an option is no number, or the input is not of real numbers.

    Source: Ioffe and Szegedy, Batch normalization: accelerating deep network training by reducing
    internal covariate shift, 2015, algorithms 1 and 2.

    Examples
    --------
    >>> layer = BatchNorm1d(2, momentum=0.5)
    >>> x = np.array([[1, 10], [3, 30]], dtype=np.float32)
    >>> layer.train()(x).round(2)              # the means are 2 and 20
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    >>> layer.running_mean                     # it was 0: half of the way
    array([ 1., 10.], dtype=float32)
    >>> layer.eval()(x).round(2)
    array([[0.  , 0.  ],
           [1.63, 2.  ]], dtype=float32)
    """

    gamma, beta = Parameter(), Parameter()
    running_mean, running_var = Buffer(), Buffer()
    most = 3

    def __init__(
        self, features: int, momentum: float = 0.1, eps: float = 1e-5, dtype: Any = np.float32
    ) -> None:
        self.features = size("BatchNorm1d", "features", features)
        self.momentum = number("BatchNorm1d", "momentum", momentum)
        self.eps = _eps("BatchNorm1d", eps)
        self.dtype = floating(dtype)
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"BatchNorm1d: got momentum={momentum!r}, wanted a share from 0 to 1")
        self.gamma, self.beta = np.ones(self.features), np.zeros(self.features)
        self.running_mean, self.running_var = np.zeros(self.features), np.ones(self.features)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = gamma x_hat + beta``; ``(N, features)`` or ``(N, steps, features)`` to the same."""
        x = self._input(x)
        table, training = self._table(x), self.is_training()
        if training:
            mean, centred = _centred(table, axis=0)
            var, inv_std = _inverse_root(centred, self.eps, axis=0)
            self._follow(mean, var, len(table))
        else:
            centred = table - self.running_mean
            inv_std = 1 / np.sqrt(self.running_var.astype(table.dtype) + self.eps)
        self.cache = centred, inv_std, x.shape, x.dtype, training
        y = centred * (self.gamma * inv_std)  # x_hat is never made: one pass less, of 4 us in 70
        y += self.beta
        return y.reshape(x.shape).astype(x.dtype, copy=False)

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """``(dJ/dx, (dJ/dgamma, dJ/dbeta))``, in the shapes of ``x`` and of ``features``."""
        centred, inv_std, shape, dtype, training = self.cached()
        grad, d_gamma, d_beta = self._sums(grad)
        if training:
            m = max(len(grad), 1)
            d_x = centred * (inv_std * d_gamma / m)  # x_hat mean(grad x_hat)
            np.subtract(grad, d_x, out=d_x)
            d_x -= d_beta / m
            d_x *= self.gamma * inv_std
        else:
            d_x = grad * (self.gamma * inv_std)
        d_x = d_x.reshape(shape).astype(dtype, copy=False)
        return d_x, (self._gradient(d_gamma), self._gradient(d_beta))

    def bp_param(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(sum(grad x_hat), sum(grad))``, each ``(features,)``."""
        _, d_gamma, d_beta = self._sums(grad)
        return self._gradient(d_gamma), self._gradient(d_beta)

    def _sums(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``grad`` as a table, ``sum(grad x_hat)``, ``sum(grad)``."""
        centred, inv_std, shape, *_ = self.cached()
        grad = self._table(self.upstream(grad, shape))
        return grad, inv_std * _column_sums(grad * centred), _column_sums(grad)

    def _follow(self, mean: np.ndarray, var: np.ndarray, m: int) -> None:
        """The running statistics take their share of those of a batch of ``m`` rows."""
        if m > 1:
            unbiased = var * (m / (m - 1))
            for running, batch in ((self.running_mean, mean), (self.running_var, unbiased)):
                running += self.momentum * (batch - running)  # at once: a thread may predict

    def config(self) -> dict[str, Any]:
        return {"features": self.features, "momentum": self.momentum, "eps": self.eps}


class LayerNorm(_Normalization):
    """``y = gamma x_hat + beta``, where ``x_hat`` is each example with mean 0 and variance 1.

    The mean is taken over the features of one example, or of one step of it: so nothing
    depends on the other examples, and training and inference are the same.

    ========  ==============================================================================
    forward   ``x_hat = (x - mean(x)) / std``,  ``std = sqrt(mean((x - mean(x))^2) + eps)``
    bp_input  ``dJ/dx = (g - mean(g) - x_hat mean(g x_hat)) / std``,  ``g = gamma grad``
    bp_param  ``dJ/dgamma = sum(grad x_hat)``,  ``dJ/dbeta = sum(grad)``, over all examples
    ========  ==============================================================================

    Parameters
    ----------
    features : int or tuple of int
        The size of the last axis, or the sizes of the last axes, over all of which the mean is
        taken. It is the shape of ``gamma`` and ``beta``.
    eps : float
        Keeps ``x_hat`` finite where all features are the same.
    dtype : floating type, optional
        Of the parameters; float32 unless asked.

    Raises
    ------
    ValueError
        If an option is out of its range, or an array passed in has the wrong shape.
    TypeError
        If an option is no number, or the input is not of real numbers.

    Source: Ba, Kiros, Hinton, Layer normalization, 2016, equation 4.

    Examples
    --------
    >>> layer = LayerNorm(3)
    >>> layer(np.array([[1, 2, 3], [10, 10, 40]], dtype=np.float32)).round(3)
    array([[-1.225,  0.   ,  1.225],
           [-0.707, -0.707,  1.414]], dtype=float32)
    """

    gamma, beta = Parameter(), Parameter()

    def __init__(self, features: Any, eps: float = 1e-5, dtype: Any = np.float32) -> None:
        shape = sizes("LayerNorm", "features", features)
        self.features = shape if len(shape) > 1 else shape[0]
        self.eps = _eps("LayerNorm", eps)
        self.dtype = floating(dtype)
        self.gamma, self.beta = np.ones(shape), np.zeros(shape)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = gamma x_hat + beta``; ``(N, ..., features)`` to the same."""
        x = self._input(x)
        _, x_hat = _centred(self._table(x), axis=1)
        _, inv_std = _inverse_root(x_hat, self.eps, axis=1)
        x_hat *= inv_std
        self.cache = x_hat, inv_std, x.shape, x.dtype
        y = x_hat * self.gamma.ravel()
        y += self.beta.ravel()
        return y.reshape(x.shape).astype(x.dtype, copy=False)

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """``(dJ/dx, (dJ/dgamma, dJ/dbeta))``, in the shapes of ``x`` and of ``features``."""
        x_hat, inv_std, shape, dtype = self.cached()
        grad = self._table(self.upstream(grad, shape))
        products = grad * x_hat
        gamma = self.gamma.reshape(-1, 1)
        d_x = x_hat * (products @ gamma / len(gamma))  # x_hat mean(g x_hat)
        np.subtract(grad * self.gamma.ravel(), d_x, out=d_x)
        d_x -= grad @ gamma / len(gamma)
        d_x *= inv_std
        return d_x.reshape(shape).astype(dtype, copy=False), self._sums(grad, products)

    def bp_param(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(sum(grad x_hat), sum(grad))``, each in the shape of ``features``."""
        x_hat, _, shape, _ = self.cached()
        grad = self._table(self.upstream(grad, shape))
        return self._sums(grad, grad * x_hat)

    def _sums(self, grad: np.ndarray, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._gradient(_column_sums(products)), self._gradient(_column_sums(grad))


class RMSNorm(_Normalization):
    """``y = gamma x_hat``, where ``x_hat`` is each example with a mean square of 1.

    It is `LayerNorm` without the mean, and so without ``beta``.

    ========  =====================================================================
    forward   ``x_hat = x / rms``,  ``rms = sqrt(mean(x^2) + eps)``
    bp_input  ``dJ/dx = (g - x_hat mean(g x_hat)) / rms``,  ``g = gamma grad``
    bp_param  ``dJ/dgamma = sum(grad x_hat)``, over all examples
    ========  =====================================================================

    Parameters
    ----------
    features : int or tuple of int
        The size of the last axis, or the sizes of the last axes, over all of which the mean is
        taken. It is the shape of ``gamma``.
    eps : float
        Keeps ``x_hat`` finite where all features are 0.
    dtype : floating type, optional
        Of ``gamma``; float32 unless asked.

    Raises
    ------
    ValueError
        If an option is out of its range, or an array passed in has the wrong shape.
    TypeError
        If an option is no number, or the input is not of real numbers.

    Source: Zhang and Sennrich, Root mean square layer normalization, 2019, equation 4.

    Examples
    --------
    >>> layer = RMSNorm(2)
    >>> layer(np.array([[1, 7], [-30, 40]], dtype=np.float32)).round(3)
    array([[ 0.2  ,  1.4  ],
           [-0.849,  1.131]], dtype=float32)
    """

    gamma = Parameter()

    def __init__(self, features: Any, eps: float = 1e-5, dtype: Any = np.float32) -> None:
        shape = sizes("RMSNorm", "features", features)
        self.features = shape if len(shape) > 1 else shape[0]
        self.eps = _eps("RMSNorm", eps)
        self.dtype = floating(dtype)
        self.gamma = np.ones(shape)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """``y = gamma x_hat``; ``(N, ..., features)`` to the same."""
        x = self._input(x)
        table = self._table(x)
        _, inv_rms = _inverse_root(table, self.eps, axis=1)
        x_hat = table * inv_rms
        self.cache = x_hat, inv_rms, x.shape, x.dtype
        return (x_hat * self.gamma.ravel()).reshape(x.shape).astype(x.dtype, copy=False)

    def backward(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(dJ/dx, dJ/dgamma)``, in the shapes of ``x`` and of ``features``."""
        x_hat, inv_rms, shape, dtype = self.cached()
        grad = self._table(self.upstream(grad, shape))
        products = grad * x_hat
        gamma = self.gamma.reshape(-1, 1)
        d_x = x_hat * (products @ gamma / len(gamma))  # x_hat mean(g x_hat)
        np.subtract(grad * self.gamma.ravel(), d_x, out=d_x)
        d_x *= inv_rms
        return d_x.reshape(shape).astype(dtype, copy=False), self._gradient(_column_sums(products))

    def bp_param(self, grad: np.ndarray) -> np.ndarray:
        """``sum(grad x_hat)``, in the shape of ``features``."""
        x_hat, _, shape, _ = self.cached()
        return self._gradient(_column_sums(self._table(self.upstream(grad, shape)) * x_hat))


# ---- means and sums over the rows of a table (axis 0) or over its columns (axis 1)


def _centred(x: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """``mean(x)`` and ``x - mean(x)``.

    Twice, as a mean is rounded as a number of its own size: where all x are 10000.1, the first
    one leaves 0.001 in float32, which is 0.3 when it is divided by the spread.
    """
    share = np.full(x.shape[axis], 1 / max(x.shape[axis], 1), x.dtype)

    def mean(x: np.ndarray) -> np.ndarray:  # of (64, 256) in 1.5 us, x.mean(axis=0) in 5.5
        return share @ x if axis == 0 else (x @ share)[:, None]

    first = mean(x)
    centred = x - first
    second = mean(centred)
    centred -= second
    return first + second, centred


def _column_sums(x: np.ndarray) -> np.ndarray:
    return np.ones(len(x), x.dtype) @ x  # of (64, 256) in 2.4 us, x.sum(axis=0) in 3.3


def _inverse_root(x: np.ndarray, eps: float, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """``mean(x^2)`` and ``1 / sqrt(mean(x^2) + eps)``."""
    square = _mean_square(x, axis)
    inverse = 1 / np.sqrt(square + eps)
    if not inverse.all():  # an x^2 was too large for its type
        largest = np.abs(x).max(axis=axis, initial=1, keepdims=axis == 1)
        inverse = 1 / largest / np.sqrt(_mean_square(x / largest, axis) + eps / largest / largest)
    return square, inverse


def _mean_square(x: np.ndarray, axis: int) -> np.ndarray:
    if axis == 0:
        return np.einsum("ij,ij->j", x, x) / max(len(x), 1)
    return (np.einsum("ij,ij->i", x, x) / x.shape[1])[:, None]


# ---- checks


def _eps(owner: str, value: Any) -> float:
    eps = number(owner, "eps", value)
    if not 0 < eps < np.inf:
        raise ValueError(f"{owner}: got eps={value!r}, wanted a finite number above 0: 1e-5")
    return eps
