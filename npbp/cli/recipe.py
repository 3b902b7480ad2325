"""From the options of ``npbp train`` to a network, an optimizer and a schedule.

A table says which name stands for what::

    hidden layer:  Linear, normalisation, activation, dropout
    last layer:    Linear
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from npbp import initializers, layers, optimizers
from npbp.layers import Dropout, Layer, Linear
from npbp.losses import SoftmaxCrossEntropyLoss
from npbp.network import Network
from npbp.optimizers import schedules
from npbp.training.metrics import Metric, top_k

CLASSES = 10  # of every data set here

ACTIVATIONS = {
    "relu": layers.ReLU,
    "leaky-relu": layers.LeakyReLU,
    "prelu": layers.PReLU,
    "elu": layers.ELU,
    "selu": layers.SELU,
    "gelu": layers.GELU,
    "silu": layers.SiLU,
    "sigmoid": layers.Sigmoid,
    "tanh": layers.Tanh,
    "softplus": layers.Softplus,
    "softsign": layers.Softsign,
    "hard-sigmoid": layers.HardSigmoid,
}
NORMS = {
    "none": None,
    "batch": layers.BatchNorm1d,
    "layer": layers.LayerNorm,
    "rms": layers.RMSNorm,
}
INITIALIZERS = {
    "xavier-uniform": initializers.xavier_uniform,
    "xavier-normal": initializers.xavier_normal,
    "he-uniform": initializers.he_uniform,
    "he-normal": initializers.he_normal,
    "lecun-uniform": initializers.lecun_uniform,
    "lecun-normal": initializers.lecun_normal,
    "orthogonal": initializers.orthogonal,
}
OPTIMIZERS = {
    "sgd": optimizers.SGD,
    "momentum": optimizers.Momentum,
    "nesterov": optimizers.Nesterov,
    "adagrad": optimizers.AdaGrad,
    "rmsprop": optimizers.RMSProp,
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
}
SCHEDULES = ("constant", "cosine", "step", "exponential")


def network_of(options: SimpleNamespace, features: int, rng: np.random.Generator) -> Network:
    """The network for examples of ``features`` numbers; ``rng`` makes its weights."""
    masks = np.random.default_rng([options.seed, 1])  # of its own: the shuffling stays as it is
    sizes = sizes_of(options, features)
    chain: list[Layer] = []
    for n_in, n_out in zip(sizes, sizes[1:-1]):
        # The mean that a BatchNorm1d takes away takes a bias with it.
        chain.append(_linear(options, n_in, n_out, rng, bias=options.norm != "batch"))
        if options.norm != "none":
            chain.append(NORMS[options.norm](n_out))
        chain.append(ACTIVATIONS[options.activation]())
        if options.dropout:
            chain.append(Dropout(options.dropout, masks))
    chain.append(_linear(options, *sizes[-2:], rng))
    # The sum with SGD, as in the walk-through: alpha times the gradient of the batch's sum.
    reduction = "sum" if options.optimizer == "sgd" else "mean"
    return Network(chain, SoftmaxCrossEntropyLoss(
        reduction, label_smoothing=options.label_smoothing))


def _linear(options: SimpleNamespace, n_in: int, n_out: int, rng: np.random.Generator,
            bias: bool = True) -> Linear:
    return Linear(n_in, n_out, rng, bias=bias, initializer=INITIALIZERS[options.initializer])


def sizes_of(options: SimpleNamespace, features: int) -> list[int]:
    """Of all layers: what goes in, the hidden ones, what comes out."""
    return [features, *options.hidden, CLASSES]


def optimizer_of(options: SimpleNamespace, steps: int) -> optimizers.Optimizer:
    """The optimizer, for a training of so many ``steps`` an epoch."""
    return OPTIMIZERS[options.optimizer](
        alpha_of(options, steps), weight_decay=options.weight_decay, clip_norm=options.clip_norm)


def alpha_of(options: SimpleNamespace, steps: int) -> Any:
    """The learning rate: a number, or a function of the steps made."""
    alpha = options.alpha
    warming = min(round(options.warm_up * steps), options.epochs * steps - 1)
    left = options.epochs * steps - warming  # steps
    schedule = {
        "constant": alpha,
        "cosine": schedules.cosine(alpha, left),
        "step": schedules.step_decay(alpha, every=-(-left // 3)),
        "exponential": schedules.exponential(alpha, factor=0.01 ** (1 / left)),
    }[options.schedule]
    if not warming:
        return schedule
    return schedules.one_after_another((schedules.warm_up(alpha, warming), warming), schedule)


def metrics_of(options: SimpleNamespace) -> list[Metric]:
    """What `fit` counts besides; the confusion matrix is made once, at the end."""
    return [top_k(int(name[4:])) for name in options.metrics if name != "confusion"]
