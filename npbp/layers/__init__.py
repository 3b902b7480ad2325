"""The hand-written layers, one idea a file.

Read ``base`` first, then ``linear`` and ``activation``; ``checks`` says what is wrong with
an array that is not as it should be, ``speed`` has what pays.
"""

from npbp.layers.activation import ReLU
from npbp.layers.base import Layer, Parameter
from npbp.layers.linear import Linear

__all__ = ["Layer", "Linear", "Parameter", "ReLU"]
