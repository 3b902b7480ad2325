"""The hand-written layers, one idea a file.

Read ``base`` first, then ``linear`` and ``activation``; then ``normalization``, ``dropout``
and ``shape``, which stand between these; ``containers`` makes layers of layers. ``checks``
says what is wrong with an array that is not as it should be, ``speed`` has what pays.
"""

from npbp.layers.activation import ReLU
from npbp.layers.base import Buffer, Layer, Parameter
from npbp.layers.containers import Residual, Sequential
from npbp.layers.dropout import Dropout
from npbp.layers.linear import Linear
from npbp.layers.normalization import BatchNorm1d, LayerNorm, RMSNorm
from npbp.layers.shape import Flatten, Reshape

__all__ = [
    "BatchNorm1d",
    "Buffer",
    "Dropout",
    "Flatten",
    "Layer",
    "LayerNorm",
    "Linear",
    "Parameter",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
]
