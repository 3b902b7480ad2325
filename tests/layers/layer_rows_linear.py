import numpy as np
from layer_rows import Row

from npbp import Linear


def linear(x, W):
    ones = np.ones((x.shape[0], 1))
    return np.concatenate([x, ones], axis=1) @ W  # [x 1] W, as the formula says it


ROWS = [
    Row("Linear", lambda rng: Linear(5, 3, rng), (5,), linear),
    Row("Linear, without bias", lambda rng: Linear(5, 3, rng, bias=False), (5,), lambda x, W: x @ W),
]
