"""The hand-written layers, one idea a file.

Read ``base`` first, then ``linear`` and ``activation``; ``sigmoid``, ``softplus``, ``elu`` and
``gelu`` (which stands on ``normal``) are more functions of each number alone, ``softmax`` is one
of each row. ``containers`` makes layers of layers. ``checks`` says what is wrong with an array
that is not as it should be, ``speed`` has what pays.
"""

from npbp.layers.activation import LeakyReLU, PReLU, ReLU
from npbp.layers.base import Buffer, Layer, Parameter
from npbp.layers.containers import Residual, Sequential
from npbp.layers.elu import ELU, SELU
from npbp.layers.gelu import GELU
from npbp.layers.linear import Linear
from npbp.layers.sigmoid import HardSigmoid, Sigmoid, Softsign, Tanh
from npbp.layers.softmax import LogSoftmax, Softmax
from npbp.layers.softplus import SiLU, Softplus

__all__ = [
    "Buffer",
    "ELU",
    "GELU",
    "HardSigmoid",
    "Layer",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "PReLU",
    "Parameter",
    "ReLU",
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
