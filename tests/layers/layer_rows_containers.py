from layer_rows import Row
from layer_rows_activation import relu
from layer_rows_linear import linear

from npbp import Linear, ReLU, Residual, Sequential


def chain(x, W1, W2):
    return linear(relu(linear(x, W1)), W2)


def nested(x, W1, W2, W3, W4):
    h = linear(x, W1)
    return linear(h + chain(h, W2, W3), W4)


ROWS = [
    Row("Sequential", lambda rng: Sequential([Linear(5, 4, rng), ReLU(), Linear(4, 3, rng)]), (5,),
        chain, says="Linear"),
    Row("Sequential, of one layer without weights", lambda rng: Sequential([ReLU()]), (5,), relu,
        says="ReLU"),
    Row("Residual", lambda rng: Residual([Linear(5, 4, rng), ReLU(), Linear(4, 5, rng)]), (5,),
        lambda x, W1, W2: x + chain(x, W1, W2)),
    Row("Sequential, of a residual of a chain",
        lambda rng: Sequential([
            Linear(5, 4, rng),
            Residual([Sequential([Linear(4, 3, rng), ReLU()]), Linear(3, 4, rng)]),
            Linear(4, 2, rng),
        ]),
        (5,), nested, says="Linear"),
]  # fmt: skip
