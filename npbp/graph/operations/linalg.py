"""Linear algebra: inverse, determinant, and the factors of a matrix.

All take stacks of matrices, of shape (..., n, n). A transpose, as in A^T, is that of the
last two axes. A function of a symmetric matrix (``cholesky``, ``eigh``) has a symmetric
gradient: it is the derivative of the function of ``(A + A^T) / 2``, although NumPy reads
one triangle only.

Source: Giles, An extended collection of matrix derivative results for forward and reverse
mode algorithmic differentiation, 2008.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from npbp.graph.operations.elementwise import divide_or_0
from npbp.graph.operation import Constant, Operation
from npbp.graph.operations.products import as_array
from npbp.graph.protocols import implements


def transposed(A: Any) -> Any:
    """A^T, of each matrix of a stack."""
    return np.swapaxes(A, -1, -2)


def symmetric(A: Any) -> Any:
    return (A + transposed(A)) / 2


def per_matrix(numbers: Any) -> Any:
    """One number for each matrix of a stack, as (..., 1, 1): to be multiplied with matrices."""
    return np.reshape(numbers, numbers.shape + (1, 1))


def on_diagonal(rows: Any) -> Any:
    """Diagonal matrices (..., n, n) from their diagonals (..., 1, n)."""
    return rows * np.eye(rows.shape[-1], dtype=rows.dtype)


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

    def __init__(self, rcond: float | None) -> None:
        self.rcond = rcond  # what is smaller, relative to the largest singular value, is 0

    def forward(self, A: Any) -> Any:
        return np.linalg.pinv(A) if self.rcond is None else np.linalg.pinv(A, self.rcond)

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


# ---- factors


class Cholesky(Operation):
    """``A = Y Y^T``, Y lower triangular;  dJ/dA = L^-T P(L^T G) L^-1, symmetrised, with L = Y.

    P takes the lower triangle and halves its diagonal. The change of Y is L P(L^-1 T L^-T).
    """

    forward = staticmethod(np.linalg.cholesky)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        Lt = transposed(Y)
        half = np.linalg.solve(Lt, self.P(Lt @ G))
        return symmetric(np.linalg.solve(Lt, transposed(half)))

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        half = np.linalg.solve(Y, symmetric(T))
        return Y @ self.P(np.linalg.solve(Y, transposed(half)))

    @staticmethod
    def P(X: Any) -> Any:
        n = X.shape[-1]
        return X * (np.tri(n, dtype=X.dtype) - np.eye(n, dtype=X.dtype) / 2)


class Eigh(Operation):
    """``A = Q diag(w) Q^T``, A symmetric;  dJ/dA = Q (diag(G_w) + F * Q^T G_Q) Q^T, symmetrised.

    F_ij = 1 / (w_j - w_i), 0 on the diagonal. With D = Q^T T Q, the change of w is the
    diagonal of D, that of Q is Q (F * D). Y has w as its first row, and below it Q.

    Eigenvectors of equal eigenvalues can be turned into each other, so they have no
    derivative. F is 0 there. That is right for what the turn does not change, as the sum of
    the eigenvalues, but to first order only.
    """

    def __init__(self, UPLO: str) -> None:
        self.UPLO = UPLO

    def forward(self, A: Any) -> Any:
        w, Q = np.linalg.eigh(A, self.UPLO)
        return np.concatenate([w[..., None, :], Q], axis=-2)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        w, Q = Y[..., :1, :], Y[..., 1:, :]
        G_w, G_Q = G[..., :1, :], G[..., 1:, :]
        F = divide_or_0(1.0, w - transposed(w))
        return symmetric(Q @ (on_diagonal(G_w) + F * (transposed(Q) @ G_Q)) @ transposed(Q))

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        w, Q = Y[..., :1, :], Y[..., 1:, :]
        D = transposed(Q) @ symmetric(T) @ Q
        dw = np.expand_dims(np.diagonal(D, 0, -2, -1), -2)
        return np.concatenate([dw, Q @ divide_or_0(D, w - transposed(w))], axis=-2)


class SVD(Operation):
    """``A = U diag(s) V^T``, reduced: of shapes (m, k), (k,), (n, k), with k = min(m, n).

    dJ/dA = U (F * (U^T G_U - G_U^T U) S + diag(G_s) + S F * (V^T G_V - G_V^T V)) V^T
    + (I - U U^T) G_U S^-1 V^T + U S^-1 G_V^T (I - V V^T), with S = diag(s),
    F_ij = 1 / (s_j^2 - s_i^2), 0 on the diagonal. Y has the rows of s, of U and of V.

    Singular vectors of equal singular values have no derivative, and the singular value 0
    has none, as it turns around there. F and S^-1 are 0 in these places: that is right, to
    first order, for what does not depend on the choice of the vectors.

    Source: Townsend, Differentiating the singular value decomposition, 2016.
    """

    def forward(self, A: Any) -> Any:
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
        return np.concatenate([s[..., None, :], U, transposed(Vt)], axis=-2)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        m, n = A.shape[-2:]
        s, U, V = Y[..., :1, :], Y[..., 1 : m + 1, :], Y[..., m + 1 :, :]
        G_s, G_U, G_V = G[..., :1, :], G[..., 1 : m + 1, :], G[..., m + 1 :, :]
        st, Ut, Vt = transposed(s), transposed(U), transposed(V)
        F = divide_or_0(1.0, (s - st) * (s + st))
        turn_U = F * (Ut @ G_U - transposed(G_U) @ U)
        turn_V = F * (Vt @ G_V - transposed(G_V) @ V)
        gradient = U @ (turn_U * s + on_diagonal(G_s) + st * turn_V) @ Vt
        if m > n:
            gradient = gradient + divide_or_0(G_U - U @ (Ut @ G_U), s) @ Vt
        if n > m:
            gradient = gradient + U @ transposed(divide_or_0(G_V - V @ (Vt @ G_V), s))
        return gradient


# ---- the functions


class SlogdetResult(NamedTuple):
    sign: Any
    logabsdet: Any


class EighResult(NamedTuple):
    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    U: Any
    S: Any
    Vh: Any


inv = implements(np.linalg.inv)(Inverse())
det = implements(np.linalg.det)(Determinant())
_solve = Solve()
_log_determinant = LogDeterminant()
_sign_of_determinant = Constant(lambda A: np.linalg.slogdet(A)[0])
_cholesky = Cholesky()
_svd = SVD()
_numpy_2 = int(np.__version__.split(".")[0]) >= 2


@implements(np.linalg.solve)
def solve(A: Any, B: Any) -> Any:
    """B is a vector if it has one axis (NumPy 2), or one axis less than A (NumPy 1)."""
    A, B = as_array(A), as_array(B)
    vector = B.ndim == (1 if _numpy_2 else A.ndim - 1)
    if vector:
        B = np.expand_dims(B, -1)
    Y = _solve(A, B)
    return np.squeeze(Y, -1) if vector else Y


@implements(np.linalg.pinv)
def pinv(A: Any, rcond: Any = None, hermitian: bool = False) -> Any:
    if hermitian:
        raise TypeError("np.linalg.pinv: got hermitian=True, which is not known for variables")
    return PseudoInverse(rcond)(A)


@implements(np.linalg.matrix_power)
def matrix_power(A: Any, n: int) -> Any:
    """A^n by repeated squaring."""
    n = operator.index(n)
    if n < 0:
        A, n = np.linalg.inv(A), -n
    Y = None
    while n:
        if n % 2:
            Y = A if Y is None else Y @ A
        n //= 2
        if n:
            A = A @ A
    return A * 0 + np.eye(A.shape[-1], dtype=A.dtype) if Y is None else Y


@implements(np.linalg.slogdet)
def slogdet(A: Any) -> SlogdetResult:
    """(sign, log |det A|); the sign is a constant."""
    return SlogdetResult(_sign_of_determinant(A), _log_determinant(A))


@implements(np.linalg.cholesky)
def cholesky(A: Any, upper: bool = False) -> Any:
    L = _cholesky(A)
    return transposed(L) if upper else L


@implements(np.linalg.eigh)
def eigh(A: Any, UPLO: str = "L") -> EighResult:
    Y = Eigh(UPLO)(A)
    return EighResult(Y[..., 0, :], Y[..., 1:, :])


@implements(np.linalg.eigvalsh)
def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    return Eigh(UPLO)(A)[..., 0, :]


@implements(np.linalg.svd)
def svd(
    A: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    if hermitian:
        raise TypeError("np.linalg.svd: got hermitian=True, which is not known for variables")
    m, n = A.shape[-2:]
    if full_matrices and compute_uv and m != n:
        raise ValueError(
            f"np.linalg.svd: got full_matrices=True for matrices of shape {(m, n)}, wanted "
            "full_matrices=False: the vectors that fill up the square are arbitrary, so they "
            "have no derivative"
        )
    Y = _svd(A)
    s, U, V = Y[..., 0, :], Y[..., 1 : m + 1, :], Y[..., m + 1 :, :]
    return SVDResult(U, s, transposed(V)) if compute_uv else s


# ---- NumPy 2 has it under a second name

if hasattr(np.linalg, "svdvals"):

    @implements(np.linalg.svdvals)
    def svdvals(A: Any) -> Any:
        return svd(A, compute_uv=False)
