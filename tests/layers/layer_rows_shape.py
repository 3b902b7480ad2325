import numpy as np
from layer_rows import Row

from npbp import Flatten, Reshape


def reshaped(*shape):
    return lambda x: np.reshape(x, (x.shape[0], *shape))


ROWS = [
    Row("Flatten", lambda rng: Flatten(), (4, 3, 2), reshaped(24)),
    Row("Flatten, of rows", lambda rng: Flatten(), (5,), reshaped(5)),
    Row("Reshape", lambda rng: Reshape((2, 3)), (6,), reshaped(2, 3)),
    Row("Reshape, with a size left open", lambda rng: Reshape([2, -1, 2]), (4, 5), reshaped(2, 5, 2)),
    Row("Reshape, to one axis", lambda rng: Reshape(12), (4, 3), reshaped(12)),
]
