"""The hand-written layers, one idea a file.

Read ``base`` and ``parameter`` first, then ``linear`` and ``activation``; then
``normalization``, ``dropout`` and ``shape``, which stand between these; ``containers`` makes
layers of layers. ``checks`` says what is wrong with an array that is not as it should be,
``mistakes`` what is wrong with a class; ``nesting`` finds layers inside of layers, ``speed``
has what pays.
"""

from npbp.layers.activation import LeakyReLU, PReLU, ReLU
from npbp.layers.base import Layer
from npbp.layers.containers import Residual, Sequential
from npbp.layers.dropout import Dropout
from npbp.layers.elu import ELU, SELU
from npbp.layers.gelu import GELU
from npbp.layers.linear import Linear
from npbp.layers.normalization import BatchNorm1d, LayerNorm, RMSNorm
from npbp.layers.parameter import Buffer, Parameter
from npbp.layers.shape import Flatten, Reshape
from npbp.layers.sigmoid import HardSigmoid, Sigmoid, Softsign, Tanh
from npbp.layers.softmax import LogSoftmax, Softmax
from npbp.layers.softplus import SiLU, Softplus

__all__ = [
    "BatchNorm1d",
    "Buffer",
    "Dropout",
    "ELU",
    "Flatten",
    "GELU",
    "HardSigmoid",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "PReLU",
    "Parameter",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Residual",
    "SELU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]
