"""Rows for `npbp.graph.operations.choosing` and `npbp.graph.operations.convolution`."""

import numpy as np
from rows import A, Row

WHICH = np.array([[0, 2, 1], [1, 0, 2]])


def cube(y):
    return y * y * y


def select(x, y):
    return cube(np.select([x > 0.2, x < -0.2], [x * y, 2 * y], default=y - x))


ROWS = [
    Row("select", select, A(2, 3), A(2, 3, seed=1)),
    Row("select, broadcast", select, A(2, 1), A(3)),
    Row("select of numbers", select, A(), A(seed=1)),
    Row("select, size 0", select, A(0, 3), A(1, 3)),
    Row("select or 0", lambda x: np.select([x > 0], [x**2]), A(2, 3)),
    Row(
        "select of plain numbers",
        lambda x: x * np.select([x > 0, x < -0.5], [2.0, 3]),
        A(2, 3),
        float32=False,
    ),
    Row("choose", lambda x, y, z: cube(np.choose(WHICH, [x, y, z])), A(2, 3), A(3), A(2, 1)),
    Row("choose from the rows of one", lambda x: cube(np.choose(WHICH[0], x)), A(3, 3)),
    Row("choose one", lambda x, y: cube(np.choose(1, [x, y])), A(2, 3), A(2, 3, seed=1)),
    Row("choose, around", lambda x, y: cube(np.choose(WHICH - 1, (x, y), mode="wrap")), A(3), A()),
    Row("choose, cut off", lambda x, y: cube(np.choose(WHICH - 1, (x, y), mode="clip")), A(3), A()),
    Row("choose by a variable", lambda x: cube(np.choose(np.argsort(x), [x, 2 * x, x + 1])), A(3)),
]
for mode in ("full", "same", "valid"):
    for n, m in ((5, 3), (3, 5), (4, 4), (6, 2), (2, 5), (3, 1), (1, 1)):
        ROWS += [
            Row(
                f"convolve {n} and {m}, {mode}",
                lambda x, y, mode=mode: np.convolve(x, y, mode),
                A(n),
                A(m, seed=1),
            ),
            Row(
                f"correlate {n} and {m}, {mode}",
                lambda x, y, mode=mode: np.correlate(x, y, mode=mode),
                A(n),
                A(m, seed=1),
            ),
        ]
ROWS += [
    Row("convolve, as it is by default", np.convolve, A(4), A(3)),
    Row("correlate, as it is by default", np.correlate, A(4), A(3)),
    Row("convolve with a number", np.convolve, A(4), A()),
    Row("convolve with itself", lambda x: np.convolve(x, x, "same"), A(4)),
]
