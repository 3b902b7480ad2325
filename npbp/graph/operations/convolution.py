"""Convolution of two vectors, and correlation, which is the same with one of them reversed.

Both are linear in each vector, so the gradient of one is again a correlation: of G and the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operations.composed import composed
from npbp.graph.operations.products import Product, as_array
from npbp.graph.protocols import implements


class Convolve(Product):
    """``Y_k = sum_j A_j V_(k-j)``, wherever there is a term;  dJ/dA_j = sum_k G_k V_(k-j)."""

    forward = staticmethod(np.convolve)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, V: Any) -> Any:
        return np.correlate(G, A if i else V, "valid")


_convolve = Convolve()


@implements(np.convolve)
@composed(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Of the full convolution, what is ``"same"`` in length, or where no border has a part."""
    a, v = np.atleast_1d(as_array(a), as_array(v))
    Y = _convolve(a, v)
    n, m = max(a.size, v.size), min(a.size, v.size)
    if mode == "full":
        return Y
    return Y[m - 1 : n] if mode == "valid" else Y[(m - 1) // 2 : (m - 1) // 2 + n]


@implements(np.correlate)
@composed(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Y_k = sum_j A_(k+j) V_j."""
    a, v = as_array(a), as_array(v)
    if v.size > a.size:
        return correlate(v, a, mode)[::-1]
    return convolve(a, v[::-1], mode)
