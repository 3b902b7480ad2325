import math

import numpy as np
from layer_rows import Row, random_parameters

from npbp import (
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
    graph,
)


class NormalDistribution(graph.Operation):
    """``Y = P(Z <= X)``, number by number from the standard library;  dY/dX is the density."""

    def forward(self, X):
        return np.vectorize(lambda x: math.erfc(-x / math.sqrt(2)) / 2, otypes=[float])(X)

    def bprop(self, i, G, Y, X):
        return G * np.exp(-X * X / 2) / math.sqrt(2 * math.pi)

    jvp = bprop


distribution = NormalDistribution()


def relu(x):
    return np.where(x > 0, x, 0.0)


def leaky_relu(x, slope=0.01):
    return np.where(x > 0, x, slope * x)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def selu(x):
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def tanh(x):
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


def softsign(x):
    return np.where(x > 0, x / (1 + x), x / (1 - x))


def hard_sigmoid(x):
    return np.where(x >= 3, 1.0, np.where(x <= -3, 0.0, x / 6 + 0.5))


def gelu(x):
    return x * distribution(x)


def gelu_by_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ROWS = [
    Row("ReLU", lambda rng: ReLU(), (4, 6), relu),
    Row("LeakyReLU", lambda rng: LeakyReLU(), (4, 6), leaky_relu),
    Row("LeakyReLU, steeper below 0", lambda rng: LeakyReLU(slope=1.5), (6,),
        lambda x: leaky_relu(x, 1.5)),
    Row("LeakyReLU, with slope 0", lambda rng: LeakyReLU(slope=0), (6,), relu),
    Row("PReLU", lambda rng: random_parameters(PReLU(), rng), (4, 6), leaky_relu),
    Row("PReLU, a slope for each feature", lambda rng: random_parameters(PReLU(6), rng), (4, 6),
        leaky_relu),
    Row("ELU", lambda rng: ELU(), (4, 6), elu),
    Row("ELU, with alpha", lambda rng: ELU(alpha=0.5), (6,), lambda x: elu(x, 0.5)),
    Row("SELU", lambda rng: SELU(), (4, 6), selu),
    Row("Sigmoid", lambda rng: Sigmoid(), (4, 6), sigmoid),
    Row("Tanh", lambda rng: Tanh(), (4, 6), tanh),
    Row("Softsign", lambda rng: Softsign(), (4, 6), softsign),
    Row("HardSigmoid", lambda rng: HardSigmoid(), (4, 6), hard_sigmoid,
        at=lambda rng, shape: 3 * rng.standard_normal(shape)),
    Row("Softplus", lambda rng: Softplus(), (4, 6), lambda x: np.log(1 + np.exp(x))),
    Row("SiLU", lambda rng: SiLU(), (4, 6), lambda x: x * sigmoid(x)),
    Row("GELU", lambda rng: GELU(), (4, 6), gelu),
    Row("GELU, by tanh", lambda rng: GELU(approximate="tanh"), (4, 6), gelu_by_tanh),
]  # fmt: skip
