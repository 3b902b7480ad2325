"""Products of arrays: of matrices, over chosen axes, by Einstein's convention.

A product is linear in each factor. So its change is the same product with the change
in place of the factor, and its gradient is a product again: of G and the other factors.
"""

from __future__ import annotations

import functools
import string
from typing import Any, Sequence

import numpy as np

from npbp.graph.operation import Operation
from npbp.graph.operations.composed import composed
from npbp.graph.protocols import implements


class Product(Operation):
    """An operation that is linear in each of its inputs."""

    analytic = True

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        return self(*X[:i], T, *X[i + 1 :])


class Matmul(Product):
    """``Y = A B``;  dJ/dA = G B^T,  dJ/dB = A^T G.

    Further axes in front are stacks of matrices, broadcast against each other.
    """

    forward = staticmethod(np.matmul)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        if A.ndim == B.ndim == 2:
            return np.matmul(A.T, G) if i else np.matmul(G, B.T)
        stack = list(range(G.ndim - 2))
        if (B if i else A).ndim == 2:  # one matrix for a whole stack: sum over it at once
            F, G, last = (A, G, -2) if i else (G, B, -1)
            return np.tensordot(F, G, ([*stack, last], [*stack, last]))
        return np.matmul(np.swapaxes(A, -1, -2), G) if i else np.matmul(G, np.swapaxes(B, -1, -2))


class Dot(Matmul):
    """``Y = A B`` as ``np.dot`` computes it, which may differ from ``np.matmul`` by rounding."""

    forward = staticmethod(np.dot)


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


class DotOfStacks(Tensordot):
    """``np.dot`` of stacks, each matrix of A with each of B: over the last but one axis of B."""

    def __init__(self, A: Any, B: Any) -> None:
        super().__init__([A.ndim - 1], [B.ndim - 2])

    forward = staticmethod(np.dot)


class Einsum(Product):
    """``Y = np.einsum("ij,jk->ik", A, B)``, in general: a sum of products over named indices.

    The gradient of a factor is an einsum of G and the other factors, to that factor's
    indices: ``np.einsum("ik,jk->ij", G, B)``. If an index is repeated in the factor ("ii"),
    the gradient lies on its diagonal: one more factor, the identity, puts it there. If the
    factor alone has an index ("ij->i"), or the others have it at length 1, the gradient is
    the same all along it: one more factor, of ones.

    ``subscripts`` are explicit here: with an arrow, and letters in place of an ellipsis.
    """

    def __init__(self, subscripts: str, optimize: Any = False, **settings: Any) -> None:
        self.subscripts, self.optimize = subscripts, optimize
        self.settings = settings  # dtype, order, casting

    def forward(self, *X: Any) -> Any:
        return np.einsum(self.subscripts, *X, optimize=self.optimize, **self.settings)[()]

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


_matmul, _dot = Matmul(), Dot()


@implements(np.matmul)
def matmul(A: Any, B: Any) -> Any:
    return _product(_matmul, as_array(A), as_array(B))


@implements(np.dot)
def dot(A: Any, B: Any) -> Any:
    A, B = as_array(A), as_array(B)
    if A.ndim == 0 or B.ndim == 0:
        return A * B
    if B.ndim <= 2:
        return _product(_dot, A, B)
    try:
        return DotOfStacks(A, B)(A, B)
    except ValueError as error:
        raise unfit("dot", A, B, -1, -2, error) from None


@implements(np.inner)
def inner(A: Any, B: Any) -> Any:
    A, B = as_array(A), as_array(B)
    if not (A.ndim and B.ndim):
        return A * B
    if A.shape[-1] != B.shape[-1]:
        raise unfit("inner", A, B, -1, -1)
    return dot(A, np.swapaxes(B, -1, -2) if B.ndim > 1 else B)


def _product(operation: Operation, A: Any, B: Any) -> Any:
    """A vector is a row on the left and a column on the right, and Y does not have that axis."""
    row, column = A.ndim == 1, B.ndim == 1
    try:
        if not (row or column):
            return operation(A, B)
        Y = operation(np.expand_dims(A, 0) if row else A, np.expand_dims(B, 1) if column else B)
    except ValueError as error:
        name = operation.forward.__name__
        raise unfit(name, A, B, -1, -1 if column else -2, error) from None
    return np.squeeze(Y, (-2,) * row + (-1,) * column)


@implements(np.vdot)
@composed(np.vdot)
def vdot(A: Any, B: Any) -> Any:
    return np.dot(np.ravel(A), np.ravel(B))


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
    try:
        return Tensordot(axes_a, axes_b)(A, B)
    except (ValueError, IndexError) as error:
        raise unfit("tensordot", A, B, axes_a, axes_b, error) from None


@implements(np.einsum)
def einsum(*operands: Any, optimize: Any = False, **settings: Any) -> Any:
    if isinstance(operands[0], str):
        subscripts, operands = operands[0], operands[1:]
    else:  # einsum(A, [0, 1], B, [1, 2], [0, 2]): an index is a number, the output is last
        terms = ["".join(map(_letter, term)) for term in operands[1::2]]
        if len(operands) % 2:
            terms[-1:] = [f"{terms[-1]}->{''.join(map(_letter, operands[-1]))}"]
        subscripts, operands = ",".join(terms), operands[: len(operands) // 2 * 2 : 2]
    operands = tuple(map(as_array, operands))
    subscripts = _explicit(subscripts, tuple(X.ndim for X in operands))
    try:
        return Einsum(subscripts, optimize, **settings)(*operands)
    except ValueError as error:
        raise _unfit_einsum(subscripts, operands, error) from None


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


# +1 for the even permutations of 0, 1, 2, -1 for the odd ones; (small integers keep float32)
_LEVI_CIVITA = np.zeros((3, 3, 3), np.int8)
_LEVI_CIVITA[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1
_LEVI_CIVITA[[0, 1, 2], [2, 0, 1], [1, 2, 0]] = -1


@implements(np.cross)
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """``Y_i = sum_jk e_ijk A_j B_k``; of vectors in the plane, Y is the third component alone."""
    if axis is not None:
        axisa = axisb = axisc = axis
    A, B = np.moveaxis(as_array(a), axisa, -1), np.moveaxis(as_array(b), axisb, -1)
    n, m = A.shape[-1], B.shape[-1]
    if not n == m or n not in (2, 3):
        raise ValueError(
            f"np.cross: got vectors of length {n} and {m}, wanted 3 and 3: say by axis= where the "
            "three components are"
        )
    Y = _cross(A, B)
    return np.moveaxis(Y, -1, axisc) if n == 3 else Y


@composed(np.cross)
def _cross(A: Any, B: Any) -> Any:
    if A.shape[-1] == 2:
        return A[..., 0] * B[..., 1] - A[..., 1] * B[..., 0]
    return np.einsum("ijk,...j,...k->...i", _LEVI_CIVITA, A, B)


class MultiDot(Product):
    """``Y = A B C ...``, multiplied in a cheap order;  dJ/dB = A^T G (C ...)^T.

    The first may be a row, the last a column, of one axis.
    """

    def forward(self, *X: Any) -> Any:
        return np.linalg.multi_dot(X)

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        row = np.atleast_2d(X[0])
        column = X[-1] if X[-1].ndim == 2 else np.expand_dims(X[-1], 1)
        G = np.reshape(G, (row.shape[0], column.shape[1]))
        F = [A.T for A in (row, *X[1:-1], column)]
        gradient = np.linalg.multi_dot([*F[:i][::-1], G, *F[i + 1 :][::-1]])
        return np.reshape(gradient, X[i].shape)


_multi_dot = MultiDot()


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> Any:
    arrays = [as_array(X) for X in arrays]
    if len(arrays) == 2:
        return dot(*arrays)
    for A, B in zip(arrays, arrays[1:]):
        if A.shape[-1:] != B.shape[:1]:
            raise unfit("linalg.multi_dot", A, B, -1, 0)
    return _multi_dot(*arrays)


def as_array(X: Any) -> Any:
    """A list or a Python number as an array; variables and arrays as they are."""
    return X if hasattr(X, "ndim") else np.asarray(X)


# ---- what to say of shapes that do not fit: NumPy speaks of its own signatures


def unfit(
    name: str, A: Any, B: Any, axes_a: Any, axes_b: Any, error: Exception | None = None
) -> Exception:
    """The error of a product over axes of A and B that differ; else ``error``, of other cause."""
    got = f"np.{name}: got arrays of shapes {A.shape} and {B.shape}"
    if not (A.ndim and B.ndim):
        return ValueError(f"{got}, wanted no single numbers: write x * y")
    axes_a, axes_b = (list(k) if isinstance(k, (list, tuple)) else [k] for k in (axes_a, axes_b))
    if len(axes_a) != len(axes_b):
        return ValueError(f"{got}, axes {axes_a} and {axes_b}, wanted as many axes of each")
    for a, b in zip(axes_a, axes_b):
        if not (-A.ndim <= a < A.ndim and -B.ndim <= b < B.ndim):
            return ValueError(f"{got}, axes {axes_a} and {axes_b}: there is no such axis")
        if A.shape[a] != B.shape[b]:
            return ValueError(
                f"{got}, wanted the same length in axis {a} of the first and axis {b} of the "
                f"second, but they are {A.shape[a]} and {B.shape[b]}"
            )
    if "broadcast" in str(error):
        error = ValueError(f"{got}: the stacks {A.shape[:-2]} and {B.shape[:-2]} do not broadcast")
    return error or ValueError(got)


def _unfit_einsum(subscripts: str, operands: Sequence[Any], error: Exception) -> Exception:
    shapes = ", ".join(str(X.shape) for X in operands)
    got = f"np.einsum: got subscripts {subscripts!r} for arrays of shapes {shapes}"
    lengths: dict = {}
    for term, X in zip(subscripts.split("->")[0].split(","), operands):
        for index, n in zip(term, X.shape):
            m = lengths.setdefault(index, n)
            if m != n and 1 not in (m, n):
                return ValueError(f"{got}: the index {index!r} has the lengths {m} and {n}")
            lengths[index] = max(m, n)
    return ValueError(f"{got}: {error}") if type(error) is ValueError else error


# ---- NumPy 2 has some of them under a second name, for stacks

if hasattr(np, "matrix_transpose"):

    @implements(np.matrix_transpose, np.linalg.matrix_transpose)
    def matrix_transpose(x: Any) -> Any:
        return np.swapaxes(x, -1, -2)

    @implements(np.vecdot)
    @composed(np.vecdot)
    def vecdot(A: Any, B: Any) -> Any:
        return np.einsum("...i,...i->...", A, B)

    @implements(np.linalg.vecdot)
    @composed(np.linalg.vecdot)
    def _linalg_vecdot(x1: Any, x2: Any, *, axis: int = -1) -> Any:
        return vecdot(np.moveaxis(as_array(x1), axis, -1), np.moveaxis(as_array(x2), axis, -1))

    @implements(np.linalg.cross)
    def _linalg_cross(x1: Any, x2: Any, *, axis: int = -1) -> Any:
        A, B = as_array(x1), as_array(x2)
        if A.shape[axis] != 3 or B.shape[axis] != 3:
            raise ValueError(
                f"np.linalg.cross: got vectors of length {A.shape[axis]} and {B.shape[axis]}, "
                "wanted 3 and 3: say by axis= where the three components are"
            )
        return cross(A, B, axis=axis)

    @implements(np.linalg.outer)
    def _linalg_outer(x1: Any, x2: Any) -> Any:
        A, B = as_array(x1), as_array(x2)
        if not A.ndim == B.ndim == 1:
            raise ValueError(
                f"np.linalg.outer: got arrays of shapes {A.shape} and {B.shape}, wanted vectors"
            )
        return outer(A, B)

    @implements(np.linalg.tensordot)
    def _linalg_tensordot(x1: Any, x2: Any, *, axes: Any = 2) -> Any:
        return tensordot(x1, x2, axes)

    implements(np.linalg.matmul)(matmul)

if hasattr(np, "matvec"):  # NumPy 2.2

    @implements(np.matvec)
    @composed(np.matvec)
    def matvec(A: Any, v: Any) -> Any:
        return np.squeeze(np.matmul(A, np.expand_dims(v, -1)), -1)

    @implements(np.vecmat)
    @composed(np.vecmat)
    def vecmat(v: Any, A: Any) -> Any:
        return np.squeeze(np.matmul(np.expand_dims(v, -2), A), -2)
