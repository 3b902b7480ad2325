"""The hand-written layers, one idea a file.

Read ``base`` first, then ``linear`` and ``activation``; ``containers`` makes layers of
layers. ``checks`` says what is wrong with an array that is not as it should be, ``speed``
has what pays.
"""

from npbp.layers.activation import ReLU
from npbp.layers.base import Buffer, Layer, Parameter
from npbp.layers.containers import Residual, Sequential
from npbp.layers.linear import Linear

__all__ = ["Buffer", "Layer", "Linear", "Parameter", "ReLU", "Residual", "Sequential"]
