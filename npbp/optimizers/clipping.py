"""Clipping: a gradient that is too large is made smaller before the step.

At a cliff of the loss one gradient can be a thousand times as long as those before, and a
step along it throws away what was learnt. Here gradients are arrays by name, or a tree of
arrays as `npbp.graph.grad` returns it; what is returned has new arrays in the same form.

Source: Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks,
2013; Goodfellow, Bengio, Courville, Deep Learning, 10.11.1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npbp.optimizers.checks import above_0
from npbp.optimizers.trees import mapped, named, real


def global_norm(gradients: Any) -> float:
    """The length of all gradients, taken as one vector: ``sqrt(sum of the squares)``.

    It is NaN or infinite if one of their numbers is.

    Raises
    ------
    TypeError
        If one is no array of real numbers.

    Examples
    --------
    >>> global_norm({"W": np.array([[3.0]]), "b": np.array([4.0])})
    5.0
    """
    arrays = [wide(g) for g in _arrays("global_norm", gradients)]
    with np.errstate(all="ignore"):
        norm = math.sqrt(sum(float(np.vdot(g, g)) for g in arrays))  # one pass, and no copy
        if 1e-15 < norm < 1e15 or math.isnan(norm):
            return norm
        # The squares may have left the range of float32, so the largest number is made 1 first.
        largest = max((float(abs(g).max()) for g in arrays if g.size), default=0.0)
        if largest == 0 or largest == math.inf:
            return largest
        return largest * math.sqrt(sum(float(np.sum((g / largest) ** 2)) for g in arrays))


def clip_by_norm(gradients: Any, most: float) -> Any:
    """The gradients in the same direction, together no longer than ``most``.

    ``g min(1, most / norm)`` for each, where ``norm`` is the `global_norm` of all of them. If it
    is not finite they stay as they are: then one of them is to be seen, and ``most / norm`` would
    make all others NaN or 0.

    Raises
    ------
    ValueError, TypeError
        If ``most`` is not a finite number above 0, or a gradient no array of real numbers.

    Examples
    --------
    >>> clip_by_norm([np.array([3.0]), (np.array([4.0]),)], 0.5)
    [array([0.3]), (array([0.4]),)]
    """
    most = above_0("clip_by_norm", "most", most)
    _arrays("clip_by_norm", gradients)
    norm = global_norm(gradients)
    factor = most / norm if most < norm < math.inf else 1.0
    return mapped(lambda g: np.multiply(g, factor), gradients)


def clip_by_value(gradients: Any, most: float) -> Any:
    """The gradients with each number put into ``[-most, most]``. A NaN stays a NaN.

    Raises
    ------
    ValueError, TypeError
        If ``most`` is not a finite number above 0, or a gradient no array of real numbers.

    Examples
    --------
    >>> clip_by_value({"W": np.array([-3.0, 0.25, 8.0])}, 0.5)
    {'W': array([-0.5 ,  0.25,  0.5 ])}
    """
    most = above_0("clip_by_value", "most", most)
    _arrays("clip_by_value", gradients)
    with np.errstate(over="ignore"):  # a bound that their type does not reach
        return mapped(lambda g: np.clip(g, -most, most).astype(g.dtype, copy=False), gradients)


def _arrays(owner: str, gradients: Any) -> list[np.ndarray]:
    return [real(owner, name, g) for name, g in named(owner, gradients).items()]


def wide(g: np.ndarray) -> np.ndarray:
    """In float32, if the type is narrower."""
    return g.astype(np.promote_types(g.dtype, np.float32), copy=False)
