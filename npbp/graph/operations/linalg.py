"""Linear algebra: inverses and solutions, determinants, powers.

All take stacks of matrices, of shape (..., n, n). A transpose, as in A^T, is that of the
last two axes. What factors a matrix is in ``factors``.

Source: Giles, An extended collection of matrix derivative results for forward and reverse
mode algorithmic differentiation, 2008.
"""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np

from npbp.graph.operation import Constant, Operation
from npbp.graph.operations.composed import composed
from npbp.graph.operations.constants import Flat
from npbp.graph.operations.factors import symmetric, transposed
from npbp.graph.operations.products import as_array, unfit
from npbp.graph.protocols import implements
from npbp.graph.variable import value_of


def per_matrix(numbers: Any) -> Any:
    """One number for each matrix of a stack, as (..., 1, 1): to be multiplied with matrices."""
    return np.reshape(numbers, numbers.shape + (1, 1))


# ---- linear systems


class Inverse(Operation):
    """``Y = A^-1``;  dJ/dA = -Y^T G Y^T;  the change of Y is -Y T Y."""

    analytic = True
    forward = staticmethod(np.linalg.inv)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        return -(transposed(Y) @ G @ transposed(Y))

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        return -(Y @ T @ Y)


class Solve(Operation):
    """``Y = A^-1 B``, with matrices B;  dJ/dB = A^-T G,  dJ/dA = -(A^-T G) Y^T."""

    analytic = True
    forward = staticmethod(np.linalg.solve)

    def bprop(self, i: int, G: Any, Y: Any, A: Any, B: Any) -> Any:
        gradient = np.linalg.solve(transposed(A), G)
        return gradient if i else -(gradient @ transposed(Y))

    def jvp(self, i: int, T: Any, Y: Any, A: Any, B: Any) -> Any:
        return np.linalg.solve(A, T if i else -(T @ Y))


class PseudoInverse(Operation):
    """``Y = A^+``;  the change of Y is -Y T Y + Y Y^T T^T (I - A Y) + (I - Y A) T^T Y^T Y.

    It holds where the rank of A stays the same (Golub and Pereyra, The differentiation of
    pseudo-inverses, 1973); the gradient is the same sum with its factors in reverse.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def forward(self, A: Any) -> Any:
        return np.linalg.pinv(A, **self.settings)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        Yt, Gt = transposed(Y), transposed(G)
        left = Gt @ Y @ Yt
        right = Yt @ Y @ Gt
        return left - A @ (Y @ left) + right - (right @ Y) @ A - Yt @ G @ Yt

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        Yt, Tt = transposed(Y), transposed(T)
        left = Y @ Yt @ Tt
        right = Tt @ Yt @ Y
        return left - (left @ A) @ Y + right - Y @ (A @ right) - Y @ T @ Y


# ---- determinants


class Determinant(Operation):
    """``Y = det A``;  dJ/dA = G C, with the cofactors C = det(A) A^-T.

    The gradient holds for singular matrices too. Its own derivatives need A^-1: there, a
    singular matrix raises LinAlgError.
    """

    analytic = True
    forward = staticmethod(np.linalg.det)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        return per_matrix(G) * cofactors(A)

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        return np.sum(cofactors(A) * T, axis=(-2, -1))


class Cofactors(Operation):
    """``Y = det(A) A^-T``, also where A has no inverse;  dJ/dA = <A^-T, G> Y - Y G^T A^-T.

    With A = U diag(s) V^T, it is det(U) det(V) U diag(p) V^T, where p_i is the product of
    all s_j but s_i: nothing is divided by.
    """

    def forward(self, A: Any) -> Any:
        U, s, Vt = np.linalg.svd(A)
        others = np.where(np.eye(A.shape[-1], dtype=bool), 1, s[..., None, :])
        signs = np.linalg.det(U) * np.linalg.det(Vt)
        return per_matrix(signs) * (U * np.prod(others, -1)[..., None, :]) @ Vt

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        X = transposed(np.linalg.inv(A))
        return np.sum(X * G, axis=(-2, -1), keepdims=True) * Y - Y @ transposed(G) @ X

    jvp = bprop  # the second derivative of det: symmetric, so both directions are the same


cofactors = Cofactors()


class LogDeterminant(Operation):
    """``Y = log |det A|``;  dJ/dA = G A^-T;  the change of Y is tr(A^-1 T)."""

    def forward(self, A: Any) -> Any:
        return np.linalg.slogdet(A)[1]

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        return per_matrix(G) * transposed(np.linalg.inv(A))

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        return np.trace(np.linalg.solve(A, T), axis1=-2, axis2=-1)


# ---- the functions


class SlogdetResult(NamedTuple):
    """What ``np.linalg.slogdet`` returns: the sign of det A, a constant, and log |det A|."""

    sign: Any
    logabsdet: Any


inv = implements(np.linalg.inv)(Inverse())
det = implements(np.linalg.det)(Determinant())
_solve = Solve()
_log_determinant = LogDeterminant()
_sign_of_determinant = Constant(lambda A: np.linalg.slogdet(A)[0])
_numpy_2 = int(np.__version__.split(".")[0]) >= 2


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """b is a vector if it has one axis (NumPy 2), or one axis less than a (NumPy 1)."""
    A, B = as_array(a), as_array(b)
    vector = B.ndim == (1 if _numpy_2 else A.ndim - 1)
    try:
        Y = _solve(A, np.expand_dims(B, -1) if vector else B)
    except ValueError as error:
        raise unfit("linalg.solve", A, B, -1, -1 if vector else -2, error) from None
    return np.squeeze(Y, -1) if vector else Y


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """(solution, residuals, rank, singular values); the rank is a constant."""
    A, B = as_array(a), as_array(b)
    if A.ndim == 2 and B.ndim and A.shape[0] != B.shape[0]:
        raise unfit("linalg.lstsq", A, B, 0, 0)
    rank = Flat(_rank, rcond=rcond)(A, B)
    return _solution(A, B, rcond), _residuals(A, B, rcond), rank, _singular_values(A, B, rcond)


def _part_of_lstsq(k: int, name: str) -> Any:
    def part(a: Any, b: Any, rcond: Any) -> Any:
        return np.linalg.lstsq(a, b, rcond)[k]

    part.__name__ = name
    return part


_rank = _part_of_lstsq(2, "rank")


@composed(_part_of_lstsq(0, "lstsq"))
def _solution(a: Any, b: Any, rcond: Any) -> Any:
    # (NumPy computes in float64, and cuts off what is 0 there.)
    eps = float(np.finfo(np.float64).eps)
    rcond = eps * max(a.shape) if rcond is None else eps if rcond < 0 else rcond
    return np.linalg.pinv(a, rcond) @ b


@composed(_part_of_lstsq(1, "residuals"))
def _residuals(a: Any, b: Any, rcond: Any) -> Any:
    """The squared lengths of what is left of the columns of b: NumPy has none without full rank."""
    squares = np.sum((b - a @ _solution(a, b, rcond)) ** 2, axis=0)
    return np.ravel(squares)[: np.linalg.lstsq(value_of(a), value_of(b), rcond)[1].size]


@composed(_part_of_lstsq(3, "singular_values"))
def _singular_values(a: Any, b: Any, rcond: Any) -> Any:
    return np.linalg.svd(a, compute_uv=False)


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, **rtol: Any) -> Any:
    settings = rtol if rcond is None else {"rcond": rcond, **rtol}
    if hermitian:
        return PseudoInverse(hermitian=True, **settings)(symmetric(a))
    return PseudoInverse(**settings)(a)


@implements(np.linalg.matrix_rank)
def matrix_rank(A: Any, *args: Any, **settings: Any) -> Any:
    """How many singular values are not 0: a constant."""
    if args:
        settings["tol"] = args[0]
        settings.update(zip(["hermitian"], args[1:]))
    return Flat(np.linalg.matrix_rank, **settings)(A)


@implements(np.linalg.cond)
@composed(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """|A| |A^-1|, in the norm p: for p = 2 the largest singular value divided by the smallest."""
    if p in (None, 2, -2):
        s = np.linalg.svd(x, compute_uv=False)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))


@implements(np.linalg.tensorsolve)
@composed(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """x with tensordot(a, x, x.ndim) = b."""
    if axes is not None:
        a = np.moveaxis(a, tuple(axes), range(-len(axes), 0))
    Y = np.linalg.solve(np.reshape(a, (b.size, b.size)), np.ravel(b))
    return np.reshape(Y, a.shape[b.ndim :])


@implements(np.linalg.tensorinv)
@composed(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """Y with tensordot(Y, b, ind) = tensorsolve(a, b)."""
    n = math.prod(a.shape[:ind])
    return np.reshape(np.linalg.inv(np.reshape(a, (n, n))), a.shape[ind:] + a.shape[:ind])


@implements(np.linalg.matrix_power)
@composed(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """A^n by repeated squaring."""
    n = operator.index(n)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    Y = None
    while n:
        if n % 2:
            Y = a if Y is None else Y @ a
        n //= 2
        if n:
            a = a @ a
    return a * 0 + np.eye(a.shape[-1], dtype=a.dtype) if Y is None else Y


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> SlogdetResult:
    """(sign, log |det A|); the sign is a constant."""
    return SlogdetResult(_sign_of_determinant(a), _log_determinant(a))
