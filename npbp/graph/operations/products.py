"""Products of arrays: of matrices, over chosen axes, by Einstein's convention; diagonals.

A product is linear in each factor. So its change is the same product with the change
in place of the factor, and its gradient is a product again: of G and the other factors.
"""

from __future__ import annotations

import functools
import string
from typing import Any, Sequence

import numpy as np

from npbp.graph.operation import LinearMap, Operation
from npbp.graph.protocols import implements


class Product(Operation):
    """An operation that is linear in each of its inputs."""

    analytic = True

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        return self(*X[:i], T, *X[i + 1 :])


class Matmul(Product):
    """``Y = A B``;  dJ/dA = G B^T,  dJ/dB = A^T G.

    Further axes in front are stacks of matrices, broadcast against each other. A vector is a
    row on the left and a column on the right, and Y does not have that axis.
    """

    forward = staticmethod(np.matmul)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        if A.ndim == B.ndim == 2:
            return np.matmul(A.T, G) if i else np.matmul(G, B.T)
        if A.ndim == B.ndim == 1:
            return G * (A if i else B)
        row, column = A.ndim == 1, B.ndim == 1
        if column:
            B, G = np.expand_dims(B, 1), np.expand_dims(G, -1)
        if row:
            A, G = np.expand_dims(A, 0), np.expand_dims(G, -2)
        stack = list(range(G.ndim - 2))
        if i:
            if B.ndim == 2:  # one matrix for a whole stack: sum over the stack at once
                gradient = np.tensordot(A, G, ([*stack, -2], [*stack, -2]))
            else:
                gradient = np.matmul(np.swapaxes(A, -1, -2), G)
            return np.squeeze(gradient, -1) if column else gradient
        if A.ndim == 2:
            gradient = np.tensordot(G, B, ([*stack, -1], [*stack, -1]))
        else:
            gradient = np.matmul(G, np.swapaxes(B, -1, -2))
        return np.squeeze(gradient, -2) if row else gradient


class Tensordot(Product):
    """``Y = sum A B`` over pairs of axes: ``axes_a[k]`` of A with ``axes_b[k]`` of B.

    Y has the free axes of A, then those of B. The gradient of A is the sum of G B over the
    free axes of B, that of B the sum of A G over the free axes of A.
    """

    def __init__(self, axes_a: Sequence[int], axes_b: Sequence[int]) -> None:
        self.axes_a, self.axes_b = tuple(axes_a), tuple(axes_b)

    def forward(self, A: Any, B: Any) -> Any:
        return np.tensordot(A, B, (self.axes_a, self.axes_b))[()]

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        free_a = [a for a in range(A.ndim) if a not in self.axes_a]
        free_b = [b for b in range(B.ndim) if b not in self.axes_b]
        partner_of_a = dict(zip(self.axes_a, self.axes_b))
        partner_of_b = dict(zip(self.axes_b, self.axes_a))
        if i:
            gradient = np.tensordot(A, G, (free_a, list(range(len(free_a)))))
            order = [partner_of_a[a] for a in sorted(self.axes_a)] + free_b
        else:
            gradient = np.tensordot(G, B, (list(range(len(free_a), G.ndim)), free_b))
            order = free_a + [partner_of_b[b] for b in sorted(self.axes_b)]
        # Axis k of this gradient is axis order[k] of the factor.
        return np.transpose(gradient, [order.index(axis) for axis in range(len(order))])


class Einsum(Product):
    """``Y = np.einsum("ij,jk->ik", A, B)``, in general: a sum of products over named indices.

    The gradient of a factor is an einsum of G and the other factors, to that factor's
    indices: ``np.einsum("ik,jk->ij", G, B)``. If an index is repeated in the factor ("ii"),
    the gradient lies on its diagonal: one more factor, the identity, puts it there. If the
    factor alone has an index ("ij->i"), or the others have it at length 1, the gradient is
    the same all along it: one more factor, of ones.

    ``subscripts`` are explicit here: with an arrow, and letters in place of an ellipsis.
    """

    def __init__(self, subscripts: str, optimize: Any = False) -> None:
        self.subscripts, self.optimize = subscripts, optimize

    def forward(self, *X: Any) -> Any:
        return np.einsum(self.subscripts, *X, optimize=self.optimize)[()]

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        indices, output = self.subscripts.split("->")
        others = indices.split(",")
        indices = others.pop(i)
        terms, factors = [output, *others], [G, *X[:i], *X[i + 1 :]]
        unused = (c for c in string.ascii_letters if c not in self.subscripts)
        wanted = ""
        for index, n in zip(indices, X[i].shape):
            if index in wanted:
                wanted += next(unused)
                terms.append(index + wanted[-1])
                factors.append(np.eye(n, dtype=G.dtype))
            else:
                wanted += index
        known = {pair for term, F in zip(terms, factors) for pair in zip(term, F.shape)}
        for index, n in zip(wanted, X[i].shape):
            if (index, n) not in known:
                terms.append(index)
                factors.append(np.ones(n, dtype=G.dtype))
        # With an identity, the order matters: without it, one index more would be looped over.
        optimize = bool(self.optimize) or len(set(indices)) < len(indices)
        return np.einsum(f"{','.join(terms)}->{wanted}", *factors, optimize=optimize)


_matmul = Matmul()


@implements(np.matmul)
def matmul(A: Any, B: Any) -> Any:
    return _matmul(as_array(A), as_array(B))


@implements(np.dot)
def dot(A: Any, B: Any) -> Any:
    A, B = as_array(A), as_array(B)
    if A.ndim == 0 or B.ndim == 0:
        return A * B
    if A.ndim == 1 or B.ndim <= 2:
        return _matmul(A, B)
    return tensordot(A, B, (-1, -2))


@implements(np.vdot)
def vdot(A: Any, B: Any) -> Any:
    return matmul(np.ravel(A), np.ravel(B))


@implements(np.inner)
def inner(A: Any, B: Any) -> Any:
    A, B = as_array(A), as_array(B)
    return A * B if A.ndim == 0 or B.ndim == 0 else tensordot(A, B, (-1, -1))


@implements(np.outer)
def outer(A: Any, B: Any) -> Any:
    return np.reshape(as_array(A), (-1, 1)) * np.reshape(as_array(B), (1, -1))


@implements(np.tensordot)
def tensordot(A: Any, B: Any, axes: Any = 2) -> Any:
    A, B = as_array(A), as_array(B)
    if isinstance(axes, (int, np.integer)):  # the last axes of A with the first ones of B
        axes_a, axes_b = list(range(A.ndim - axes, A.ndim)), list(range(axes))
    else:
        axes_a, axes_b = ([k] if isinstance(k, (int, np.integer)) else list(k) for k in axes)
    # (A wrong axis is left as it is: NumPy's forward says what is wrong with it.)
    axes_a = [k + A.ndim if -A.ndim <= k < 0 else k for k in axes_a]
    axes_b = [k + B.ndim if -B.ndim <= k < 0 else k for k in axes_b]
    return Tensordot(axes_a, axes_b)(A, B)


@implements(np.einsum)
def einsum(*operands: Any, optimize: Any = False) -> Any:
    if isinstance(operands[0], str):
        subscripts, operands = operands[0], operands[1:]
    else:  # einsum(A, [0, 1], B, [1, 2], [0, 2]): an index is a number, the output is last
        terms = ["".join(map(_letter, term)) for term in operands[1::2]]
        if len(operands) % 2:
            terms[-1:] = [f"{terms[-1]}->{''.join(map(_letter, operands[-1]))}"]
        subscripts, operands = ",".join(terms), operands[: len(operands) // 2 * 2 : 2]
    operands = tuple(map(as_array, operands))
    return Einsum(_explicit(subscripts, tuple(X.ndim for X in operands)), optimize)(*operands)


def _letter(index: Any) -> str:
    """An index of einsum's form with numbers: capitals come first, as NumPy counts."""
    return "..." if index is Ellipsis else (string.ascii_uppercase + string.ascii_lowercase)[index]


@functools.lru_cache(maxsize=1000)
def _explicit(subscripts: str, ranks: tuple[int, ...]) -> str:
    """The subscripts with an output, and with letters in place of each ellipsis.

    >>> _explicit("...ij,jk", (4, 2))
    'abij,jk->abik'
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow:
        letters = sorted(set(inputs) - set(".,"))
        output = "..." + "".join(c for c in letters if inputs.count(c) == 1)
    widths = [rank - len(t) + 3 if "..." in t else 0 for t, rank in zip(terms, ranks)]
    widest = max([0, *widths])
    free = [c for c in string.ascii_letters if c not in subscripts][:widest]
    for k, width in enumerate(widths):  # aligned at the right, as broadcasting is
        terms[k] = terms[k].replace("...", "".join(free[widest - width :]))
    if arrow and widest and "..." not in output:
        raise ValueError(
            f"einsum: got {subscripts!r} and an ellipsis that stands for {widest} axes, wanted "
            "an ellipsis in the output too: write '...' there, or name the axes to sum over"
        )
    return f"{','.join(terms)}->{output.replace('...', ''.join(free))}"


@implements(np.kron)
def kron(A: Any, B: Any) -> Any:
    """Y[i p + k, j q + l] = A[i, j] B[k, l], for a B of shape (p, q)."""
    A, B = as_array(A), as_array(B)
    ndim = max(A.ndim, B.ndim)
    a = (1,) * (ndim - A.ndim) + A.shape
    b = (1,) * (ndim - B.ndim) + B.shape
    blocks = np.reshape(A, [n for pair in zip(a, (1,) * ndim) for n in pair])
    inside = np.reshape(B, [n for pair in zip((1,) * ndim, b) for n in pair])
    return np.reshape(blocks * inside, [n * m for n, m in zip(a, b)])


@implements(np.cross)
def cross(
    A: Any, B: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    A, B = np.moveaxis(as_array(A), axisa, -1), np.moveaxis(as_array(B), axisb, -1)
    if A.shape[-1] != 3 or B.shape[-1] != 3:
        raise ValueError(
            f"np.cross: got vectors of length {A.shape[-1]} and {B.shape[-1]}, wanted 3 and 3: "
            "say by axis= where the three components are"
        )
    return np.moveaxis(np.einsum("ijk,...j,...k->...i", _LEVI_CIVITA, A, B), -1, axisc)


# +1 for the even permutations of 0, 1, 2, -1 for the odd ones; (small integers keep float32)
_LEVI_CIVITA = np.zeros((3, 3, 3), np.int8)
_LEVI_CIVITA[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1
_LEVI_CIVITA[[0, 1, 2], [2, 0, 1], [1, 2, 0]] = -1


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any]) -> Any:
    """The product of a chain of matrices, multiplied in a cheap order."""
    arrays = [as_array(X) for X in arrays]
    terms = [string.ascii_letters[k : k + 2] for k in range(len(arrays))]
    if arrays[0].ndim == 1:
        terms[0] = terms[0][1]
    if arrays[-1].ndim == 1:
        terms[-1] = terms[-1][0]
    return einsum(",".join(terms), *arrays, optimize=True)


# ---- diagonals and triangles


class Diagonal(LinearMap):
    """``Y = np.diagonal(X, offset, axis1, axis2)``;  dJ/dX = G there, and 0 elsewhere."""

    analytic = True

    def __init__(self, offset: int, axis1: int, axis2: int) -> None:
        self.offset, self.axis1, self.axis2 = offset, axis1, axis2

    def forward(self, X: Any) -> Any:
        return np.diagonal(X, self.offset, self.axis1, self.axis2)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return OnDiagonal(X.shape, self.offset, self.axis1, self.axis2)(G)


class OnDiagonal(LinearMap):
    """``Y``: zeros of the given shape, with X on a diagonal;  dJ/dX = that diagonal of G."""

    analytic = True

    def __init__(self, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> None:
        self.shape, self.offset, self.axis1, self.axis2 = shape, offset, axis1, axis2

    def forward(self, X: Any) -> Any:
        Y = np.zeros(self.shape, X.dtype)
        row = np.arange(X.shape[-1])
        rows, columns = row + max(-self.offset, 0), row + max(self.offset, 0)
        np.moveaxis(Y, (self.axis1, self.axis2), (-2, -1))[..., rows, columns] = X
        return Y

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return np.diagonal(G, self.offset, self.axis1, self.axis2)


class Triangle(LinearMap):
    """``Y = X`` in the lower (or upper) triangle, 0 elsewhere;  dJ/dX = the same of G."""

    analytic = True

    def __init__(self, part: str, k: int) -> None:
        self.part, self.k = part, k

    def forward(self, X: Any) -> Any:
        return (np.tril if self.part == "lower" else np.triu)(X, self.k)

    def bprop(self, i: int, G: Any, Y: Any, X: Any) -> Any:
        return self(G)


@implements(np.diagonal)
def diagonal(X: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return Diagonal(offset, axis1, axis2)(X)


@implements(np.trace)
def trace(X: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.sum(diagonal(X, offset, axis1, axis2), axis=-1)


@implements(np.diag)
def diag(X: Any, k: int = 0) -> Any:
    """A matrix with the vector X on its diagonal ``k``, or that diagonal of a matrix X."""
    if X.ndim == 1:
        n = X.shape[0] + abs(k)
        return OnDiagonal((n, n), k, 0, 1)(X)
    if X.ndim == 2:
        return diagonal(X, k)
    raise ValueError(
        f"np.diag: got an array of shape {X.shape}, wanted a vector or a matrix: for stacks of "
        "matrices, np.diagonal(x, axis1=-2, axis2=-1) takes the diagonals"
    )


@implements(np.diagflat)
def diagflat(X: Any, k: int = 0) -> Any:
    return diag(np.ravel(X), k)


@implements(np.tril)
def tril(X: Any, k: int = 0) -> Any:
    return Triangle("lower", k)(X)


@implements(np.triu)
def triu(X: Any, k: int = 0) -> Any:
    return Triangle("upper", k)(X)


def as_array(X: Any) -> Any:
    """A list or a Python number as an array; variables and arrays as they are."""
    return X if hasattr(X, "ndim") else np.asarray(X)


# ---- NumPy 2 has some of them under a second name, for stacks

if hasattr(np, "matrix_transpose"):

    @implements(np.matrix_transpose, np.linalg.matrix_transpose)
    def matrix_transpose(X: Any) -> Any:
        return np.swapaxes(X, -1, -2)

    @implements(np.vecdot)
    def vecdot(A: Any, B: Any) -> Any:
        return einsum("...i,...i->...", A, B)

    @implements(np.linalg.vecdot)
    def _linalg_vecdot(A: Any, B: Any, axis: int = -1) -> Any:
        return vecdot(np.moveaxis(as_array(A), axis, -1), np.moveaxis(as_array(B), axis, -1))

    @implements(np.linalg.diagonal)
    def _linalg_diagonal(X: Any, offset: int = 0) -> Any:
        return diagonal(X, offset, -2, -1)

    @implements(np.linalg.trace)
    def _linalg_trace(X: Any, offset: int = 0) -> Any:
        return trace(X, offset, -2, -1)

    @implements(np.linalg.cross)
    def _linalg_cross(A: Any, B: Any, axis: int = -1) -> Any:
        return cross(A, B, axis=axis)

    implements(np.linalg.matmul)(matmul)
    implements(np.linalg.outer)(outer)
    implements(np.linalg.tensordot)(tensordot)
