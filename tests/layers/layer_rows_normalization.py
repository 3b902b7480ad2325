import numpy as np
from layer_rows import Row, random_parameters
from layer_rows_activation import relu
from layer_rows_linear import linear

from npbp import BatchNorm1d, LayerNorm, Linear, ReLU, Residual, RMSNorm

MEAN, VAR = np.array([0.5, -1.0, 0.0, 2.0, 3.0]), np.array([1.0, 0.25, 4.0, 2.0, 9.0])


def normalised(x, axes, eps=1e-5):
    centred = x - np.mean(x, axis=axes, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=axes, keepdims=True) + eps)


def batch_norm(x, gamma, beta, eps=1e-5):
    return gamma * normalised(x, tuple(range(x.ndim - 1)), eps) + beta


def batch_norm_at_rest(x, gamma, beta):
    return gamma * (x - MEAN) / np.sqrt(VAR + 1e-5) + beta


def layer_norm(x, gamma, beta, eps=1e-5):
    return gamma * normalised(x, tuple(range(-gamma.ndim, 0)), eps) + beta


def rms_norm(x, gamma, eps=1e-5):
    axes = tuple(range(-gamma.ndim, 0))
    return gamma * x / np.sqrt(np.mean(x**2, axis=axes, keepdims=True) + eps)


def batch(rng, training, **options):
    layer = random_parameters(BatchNorm1d(5, **options), rng).train(training)
    layer.running_mean, layer.running_var = MEAN, VAR
    return layer


def inside(x, W, gamma, beta):
    return x + relu(batch_norm(linear(x, W), gamma, beta))


ROWS = [
    Row("BatchNorm1d, in training", lambda rng: batch(rng, True), (5,), batch_norm, mixes=True,
        zero_alone=("bp_input", "gamma")),
    Row("BatchNorm1d, in training, of steps", lambda rng: batch(rng, True, momentum=0.7), (4, 5),
        batch_norm, mixes=True),
    Row("BatchNorm1d, in training, large eps", lambda rng: batch(rng, True, eps=0.5), (5,),
        lambda *args: batch_norm(*args, eps=0.5), mixes=True, zero_alone=("bp_input", "gamma")),
    Row("BatchNorm1d, in inference", lambda rng: batch(rng, False), (5,), batch_norm_at_rest),
    Row("BatchNorm1d, in inference, of steps", lambda rng: batch(rng, False), (4, 5),
        batch_norm_at_rest),
    Row("LayerNorm", lambda rng: random_parameters(LayerNorm(5), rng), (5,), layer_norm),
    Row("LayerNorm, of steps, large eps", lambda rng: random_parameters(LayerNorm(5, eps=0.5), rng),
        (4, 5), lambda *args: layer_norm(*args, eps=0.5)),
    Row("LayerNorm, over two axes", lambda rng: random_parameters(LayerNorm((4, 5)), rng),
        (3, 4, 5), layer_norm),
    Row("RMSNorm", lambda rng: random_parameters(RMSNorm(5), rng), (5,), rms_norm),
    Row("RMSNorm, of steps, large eps", lambda rng: random_parameters(RMSNorm(5, eps=0.5), rng),
        (4, 5), lambda *args: rms_norm(*args, eps=0.5)),
    Row("RMSNorm, over two axes", lambda rng: random_parameters(RMSNorm((4, 5)), rng), (3, 4, 5),
        rms_norm),
    Row("Residual, with a batch norm",
        lambda rng: Residual([Linear(5, 5, rng), batch(rng, True), ReLU()]).train(), (5,), inside,
        mixes=True, zero_alone=("linear1.W", "batchnorm1d1.gamma")),
]  # fmt: skip
