import numpy as np
from layer_rows import Row

from npbp import LogSoftmax, Softmax


def softmax(x):
    return np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)


def log_softmax(x):
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


ROWS = [
    Row("Softmax", lambda rng: Softmax(), (5,), softmax),
    Row("Softmax, of rows of rows", lambda rng: Softmax(), (3, 2, 4), softmax),
    Row("LogSoftmax", lambda rng: LogSoftmax(), (5,), log_softmax),
    Row("LogSoftmax, of rows of rows", lambda rng: LogSoftmax(), (3, 2, 4), log_softmax),
]
