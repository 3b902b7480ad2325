"""How weights start: random, and scaled so that signals keep their size.

An initializer is a function ``initializer(fan_in, fan_out, rng)`` that returns the start of a
matrix of weights, ``(fan_in, fan_out)``: so many numbers go into each output, and come out of
each input. In ``y = x W`` the mean square of a signal is multiplied by ``fan_in var(W)``, and
that of its gradient on the way back by ``fan_out var(W)``. What should stay as it is, decides
about the variance:

==========  ==========================  ===============================================
Xavier      ``2 / (fan_in + fan_out)``  both, on average
LeCun       ``1 / fan_in``              the signal (and so with SELU)
He          ``2 / fan_in``              the signal, of which a ReLU takes half away
orthogonal  no variance is given        all lengths and angles, if ``W`` is square
==========  ==========================  ===============================================
"""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

def xavier_uniform(
    fan_in: int, fan_out: int, rng: np.random.Generator | None = None
) -> np.ndarray:
    """``U(-1, 1) * sqrt(6 / (fan_in + fan_out))``, of shape ``(fan_in, fan_out)``.

    With this spread the variance of a signal is kept, on average of both
    directions, as it passes forward and as its gradient passes backward.

    Parameters
    ----------
    fan_in, fan_out : int
        How many numbers go into each output, and come out of each input.
    rng : numpy.random.Generator, optional
        Where the random numbers come from; a fresh one if None.

    Raises
    ------
    ValueError, TypeError
        If a fan is no whole number of at least 1.

    Source: Glorot and Bengio, Understanding the difficulty of training deep
    feedforward neural networks, 2010, equation 16.

    Examples
    --------
    >>> W = xavier_uniform(785, 32, np.random.default_rng(0))
    >>> W.shape
    (785, 32)
    >>> bool(np.abs(W).max() <= np.sqrt(6 / (785 + 32)))
    True
    """
    fan_in, fan_out = _fans("xavier_uniform", fan_in, fan_out)
    return _uniform(fan_in, fan_out, rng) * np.sqrt(6 / (fan_in + fan_out))


def xavier_normal(
    fan_in: int, fan_out: int, rng: np.random.Generator | None = None
) -> np.ndarray:
    """``N(0, 1) * sqrt(2 / (fan_in + fan_out))``, of shape ``(fan_in, fan_out)``.

    The variance of `xavier_uniform`, with a few larger numbers. Parameters and errors are
    those of `xavier_uniform`, here and below.

    Source: Glorot and Bengio, 2010, equation 12.

    Examples
    --------
    >>> W = xavier_normal(300, 500, np.random.default_rng(0))
    >>> W.shape, round(float(W.std()), 3)              # sqrt(2 / 800) = 0.05
    ((300, 500), 0.05)
    """
    fan_in, fan_out = _fans("xavier_normal", fan_in, fan_out)
    return _normal(fan_in, fan_out, rng) * np.sqrt(2 / (fan_in + fan_out))


def he_uniform(fan_in: int, fan_out: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """``U(-1, 1) * sqrt(6 / fan_in)``, of shape ``(fan_in, fan_out)``: for layers below a ReLU.

    ReLU takes away half of the mean square of a signal, so twice the variance keeps it.

    Source: He, Zhang, Ren, Sun, Delving deep into rectifiers, 2015, equation 10.

    Examples
    --------
    >>> W = he_uniform(600, 500, np.random.default_rng(0))
    >>> bool(np.abs(W).max() <= 0.1)                   # sqrt(6 / 600)
    True
    """
    fan_in, fan_out = _fans("he_uniform", fan_in, fan_out)
    return _uniform(fan_in, fan_out, rng) * np.sqrt(6 / fan_in)


def he_normal(fan_in: int, fan_out: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """``N(0, 1) * sqrt(2 / fan_in)``, of shape ``(fan_in, fan_out)``: for layers below a ReLU.

    Source: He, Zhang, Ren, Sun, Delving deep into rectifiers, 2015, equation 10.

    Examples
    --------
    >>> W = he_normal(200, 500, np.random.default_rng(0))
    >>> round(float(W.std()), 2)                       # sqrt(2 / 200) = 0.1
    0.1
    """
    fan_in, fan_out = _fans("he_normal", fan_in, fan_out)
    return _normal(fan_in, fan_out, rng) * np.sqrt(2 / fan_in)


def lecun_uniform(
    fan_in: int, fan_out: int, rng: np.random.Generator | None = None
) -> np.ndarray:
    """``U(-1, 1) * sqrt(3 / fan_in)``, of shape ``(fan_in, fan_out)``.

    Source: LeCun, Bottou, Orr, Müller, Efficient backprop, 1998, equation 16.

    Examples
    --------
    >>> W = lecun_uniform(300, 500, np.random.default_rng(0))
    >>> bool(np.abs(W).max() <= 0.1)                   # sqrt(3 / 300)
    True
    """
    fan_in, fan_out = _fans("lecun_uniform", fan_in, fan_out)
    return _uniform(fan_in, fan_out, rng) * np.sqrt(3 / fan_in)


def lecun_normal(fan_in: int, fan_out: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """``N(0, 1) * sqrt(1 / fan_in)``, of shape ``(fan_in, fan_out)``: for layers below a SELU.

    Source: LeCun, Bottou, Orr, Müller, Efficient backprop, 1998, equation 16; Klambauer,
    Unterthiner, Mayr, Hochreiter, Self-normalizing neural networks, 2017 (SELU).

    Examples
    --------
    >>> W = lecun_normal(100, 500, np.random.default_rng(0))
    >>> round(float(W.std()), 2)                       # sqrt(1 / 100) = 0.1
    0.1
    """
    fan_in, fan_out = _fans("lecun_normal", fan_in, fan_out)
    return _normal(fan_in, fan_out, rng) * np.sqrt(1 / fan_in)


def orthogonal(
    fan_in: int, fan_out: int, rng: np.random.Generator | None = None, gain: float = 1.0
) -> np.ndarray:
    """``gain`` times a random matrix with orthonormal columns, or rows if it is wide.

    ``W^T W = gain^2 I`` if ``fan_in >= fan_out``, and ``W W^T = gain^2 I`` if not. So a square
    ``W`` keeps all lengths and angles, however many are multiplied. Of the QR decomposition of
    random normal numbers, ``Q`` is such a matrix; with the signs of the diagonal of ``R``, all
    of them are equally likely.

    To use another gain: ``initializer=functools.partial(orthogonal, gain=2**0.5)``.

    Source: Saxe, McClelland, Ganguli, Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks, 2014; Mezzadri, How to generate random matrices from the
    classical compact groups, 2007 (the signs).

    Examples
    --------
    >>> W = orthogonal(5, 3, np.random.default_rng(0), gain=2)
    >>> bool(np.allclose(W.T @ W, 4 * np.eye(3)))
    True
    """
    fan_in, fan_out = _fans("orthogonal", fan_in, fan_out)
    gain = _number("orthogonal", "gain", gain)
    tall = _normal(max(fan_in, fan_out), min(fan_in, fan_out), rng)
    Q, R = np.linalg.qr(tall)
    Q *= gain * np.copysign(1.0, np.diag(R))
    return Q if fan_in >= fan_out else np.ascontiguousarray(Q.T)


def zeros(fan_in: int, fan_out: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Zeros. (Hidden units that all start so stay equal to each other: for a last layer.)

    Examples
    --------
    >>> zeros(2, 3)
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """
    return np.zeros(_fans("zeros", fan_in, fan_out))


def constant(value: float) -> Callable[..., np.ndarray]:
    """An initializer that gives ``value`` to each weight.

    Raises
    ------
    ValueError, TypeError
        If ``value`` is no finite number.

    Examples
    --------
    >>> initializer = constant(0.5)
    >>> initializer(1, 3)
    array([[0.5, 0.5, 0.5]])
    """
    value = _number("constant", "value", value)

    def initializer(
        fan_in: int, fan_out: int, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        return np.full(_fans("constant", fan_in, fan_out), value)

    return initializer


# ---- what they share


def _uniform(fan_in: int, fan_out: int, rng: Any) -> np.ndarray:
    return np.random.default_rng(rng).uniform(-1, 1, (fan_in, fan_out))


def _normal(fan_in: int, fan_out: int, rng: Any) -> np.ndarray:
    return np.random.default_rng(rng).standard_normal((fan_in, fan_out))


def _fans(owner: str, fan_in: Any, fan_out: Any) -> tuple[int, int]:
    """Both as ints of at least 1, or an error that names the initializer."""
    for name, value in (("fan_in", fan_in), ("fan_out", fan_out)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"{owner}: got {name}={value!r}, wanted a whole number")
        if value < 1:
            raise ValueError(f"{owner}: got {name}={value}, wanted at least 1")
    return int(fan_in), int(fan_out)


def _number(owner: str, name: str, value: Any) -> float:
    """``value`` as a finite float, or an error that names the initializer."""
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{owner}: got {name}={value!r}, wanted a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{owner}: got {name}={value!r}, wanted a finite number")
    return value
