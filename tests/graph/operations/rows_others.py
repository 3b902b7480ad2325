"""Rows for what occurs in gradients only, and for second names."""

import numpy as np
from rows import A, Row

from npbp import graph
from npbp.graph.operations.convolution import Convolve
from npbp.graph.operations.cumulative import Prod
from npbp.graph.operations.linalg import cofactors
from npbp.graph.operations.norms import AbsolutePower, VectorNorm

ROWS = [
    Row("np.amax", lambda x: np.amax(x, axis=1), A(2, 3)),
    Row("np.amin", lambda x: np.amin(x, axis=0, keepdims=True), A(2, 3)),
    Row("np.ix_ of variables", lambda x: x[np.ix_(np.argsort(x[:, 0]), np.array([0, 2]))], A(4, 3)),
    Row("a checkpoint", graph.checkpoint(lambda x, y: np.tanh(x) @ y * 2), A(2, 3), A(3, 4)),
    Row("the full convolution", Convolve(), A(4), A(3)),
    Row("the norm of vectors, axes kept", VectorNorm(3, (1,)), A(2, 3)),
    Row("the cofactors of a matrix", cofactors, A(3, 3)),
    Row("the cofactors of matrices", cofactors, A(2, 2, 2)),
    Row("a product along one axis", Prod(1), A(2, 3)),
    Row(
        "a product along one axis, with zeros", Prod(0), A(4, 2) * [[0, 1], [0, 0], [1, 1], [1, 0]]
    ),
]
for p in (-1, 1, 1.5, 2, 3):
    ROWS += [
        Row(f"|x|^{p}", AbsolutePower(p, signed=False), A(5)),
        Row(f"sign(x) |x|^{p}", AbsolutePower(p, signed=True), A(5)),
    ]
