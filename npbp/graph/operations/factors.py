"""Matrices taken apart: Cholesky, eigenvalues, singular values, QR.

All take stacks of matrices, and a transpose is that of the last two axes, as in ``linalg``.

Symmetric matrices. NumPy reads one triangle of a matrix that it is told is symmetric. Here,
``cholesky``, ``eigh``, ``eigvalsh``, and ``svd`` and ``pinv`` with hermitian=True, are functions
of ``(A + A^T) / 2``: see `symmetric`. For a symmetric A it is the same, to the last bit. For any
other, the value and the derivative are those of its symmetric part, so they belong together,
and a gradient is symmetric.

What has no derivative. Eigenvectors of equal eigenvalues can be turned into each other, and so
can singular vectors, and the columns that fill up U, V or Q to a square matrix. Their gradient
is that of the smallest change: it is right for what no such turn changes, as a sum of the
eigenvalues, or a product U_2 U_2^T of columns that fill up U. (For equal eigenvalues, which
part if A changes, that is so to first order only.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npbp.graph.operation import LinearMap, Operation
from npbp.graph.operations.elementwise import divide_or_0
from npbp.graph.protocols import implements


def transposed(A: Any) -> Any:
    """A^T, of each matrix of a stack."""
    return np.swapaxes(A, -1, -2)


def on_diagonal(rows: Any) -> Any:
    """Diagonal matrices (..., n, n) from their diagonals (..., 1, n)."""
    return rows * np.eye(rows.shape[-1], dtype=rows.dtype)


class Symmetric(LinearMap):
    """``Y = (A + A^T) / 2``;  dJ/dA = (G + G^T) / 2."""

    analytic = True

    def forward(self, A: Any) -> Any:
        A = np.asarray(A)
        if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
            raise np.linalg.LinAlgError(
                f"got an array of shape {A.shape} as a symmetric matrix, wanted (..., n, n)"
            )
        return A / 2 + transposed(A) / 2

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        return self(G)


symmetric = Symmetric()


class Cholesky(Operation):
    """``A = L L^T``, L lower triangular;  dJ/dA = L^-T P(L^T G) L^-1.

    P takes the lower triangle and halves its diagonal. The change of L is L P(L^-1 T L^-T).
    Y is L, or L^T if upper.
    """

    def __init__(self, **upper: bool) -> None:
        self.upper = upper

    def forward(self, A: Any) -> Any:
        return np.linalg.cholesky(A, **self.upper)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        Lt, G = (Y, transposed(G)) if self.upper else (transposed(Y), G)
        half = np.linalg.solve(Lt, self.P(Lt @ G))
        return transposed(np.linalg.solve(Lt, transposed(half)))

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        L = transposed(Y) if self.upper else Y
        half = np.linalg.solve(L, T)
        change = L @ self.P(np.linalg.solve(L, transposed(half)))
        return transposed(change) if self.upper else change

    @staticmethod
    def P(X: Any) -> Any:
        n = X.shape[-1]
        return X * (np.tri(n, dtype=X.dtype) - np.eye(n, dtype=X.dtype) / 2)


class Eigh(Operation):
    """``A = Q diag(w) Q^T``, A symmetric;  dJ/dA = Q (diag(G_w) + F * Q^T G_Q) Q^T.

    F_ij = 1 / (w_j - w_i), 0 on the diagonal and where eigenvalues are equal. With D = Q^T T Q,
    the change of w is the diagonal of D, that of Q is Q (F * D). Y has w as its first row, and
    below it Q.
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
        return Q @ (on_diagonal(G_w) + F * (transposed(Q) @ G_Q)) @ transposed(Q)

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        w, Q = Y[..., :1, :], Y[..., 1:, :]
        D = transposed(Q) @ T @ Q
        dw = np.expand_dims(np.diagonal(D, 0, -2, -1), -2)
        return np.concatenate([dw, Q @ divide_or_0(D, w - transposed(w))], axis=-2)


class Eigenvalues(Operation):
    """``Y = w`` alone;  dJ/dA = Q diag(G) Q^T."""

    def __init__(self, UPLO: str) -> None:
        self.UPLO = UPLO

    def forward(self, A: Any) -> Any:
        return np.linalg.eigvalsh(A, self.UPLO)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        Q = np.linalg.eigh(A, self.UPLO)[1]
        return (Q * np.expand_dims(G, -2)) @ transposed(Q)

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        Q = np.linalg.eigh(A, self.UPLO)[1]
        return np.diagonal(transposed(Q) @ T @ Q, 0, -2, -1)


class SVD(Operation):
    """``A = U diag(s) V^T``, of shapes (m, k), (k,), (n, k), k = min(m, n), or U and V square.

    dJ/dA = U (F * (U^T G_U - G_U^T U) S + diag(G_s) + S F * (V^T G_V - G_V^T V)) V^T
    + (I - U U^T) G_U S^-1 V^T + U S^-1 G_V^T (I - V V^T), with S = diag(s),
    F_ij = 1 / (s_j^2 - s_i^2), 0 on the diagonal. Y has the rows of s, of U and of V. If U and V
    are square, the shorter ones of these rows are filled up with zeros, and s as well.

    The singular value 0 has no derivative, as it turns around there. F and S^-1 are 0 in
    these places.

    Source: Townsend, Differentiating the singular value decomposition, 2016.
    """

    def __init__(self, full: bool) -> None:
        self.full = full

    def forward(self, A: Any) -> Any:
        U, s, Vt = np.linalg.svd(A, self.full)
        width = (max if self.full else min)(A.shape[-2:])

        def filled(X: Any) -> Any:
            zeros = np.zeros((*X.shape[:-1], width - X.shape[-1]), X.dtype)
            return np.concatenate([X, zeros], axis=-1)

        return np.concatenate(list(map(filled, (s[..., None, :], U, transposed(Vt)))), axis=-2)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        m, n = A.shape[-2:]
        s, U, V = Y[..., :1, :], Y[..., 1 : m + 1, :], Y[..., m + 1 :, :]
        G_s, G_U, G_V = G[..., :1, :], G[..., 1 : m + 1, :], G[..., m + 1 :, :]
        st, Ut, Vt = transposed(s), transposed(U), transposed(V)
        F = divide_or_0(1.0, (s - st) * (s + st))
        turn_U = F * (Ut @ G_U - transposed(G_U) @ U)
        turn_V = F * (Vt @ G_V - transposed(G_V) @ V)
        gradient = U @ (turn_U * s + on_diagonal(G_s) + st * turn_V) @ Vt
        if m > n and not self.full:
            gradient = gradient + divide_or_0(G_U - U @ (Ut @ G_U), s) @ Vt
        if n > m and not self.full:
            gradient = gradient + U @ transposed(divide_or_0(G_V - V @ (Vt @ G_V), s))
        return gradient


class SingularValues(Operation):
    """``Y = s`` alone;  dJ/dA = U diag(G) V^T."""

    def forward(self, A: Any) -> Any:
        return np.linalg.svd(A, compute_uv=False)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        U, _, Vt = np.linalg.svd(A, full_matrices=False)
        return (U * np.expand_dims(G, -2)) @ Vt

    def jvp(self, i: int, T: Any, Y: Any, A: Any) -> Any:
        U, _, Vt = np.linalg.svd(A, full_matrices=False)
        return np.diagonal(transposed(U) @ T @ transposed(Vt), 0, -2, -1)


class QR(Operation):
    """``A = Q R``, Q^T Q = I, R upper triangular;  dJ/dA = (G_Q + Q C(R G_R^T - G_Q^T Q)) R^-T.

    C copies the lower triangle to the upper one. If A is wide, R^-1 A is that of its square part,
    and the rest of A, Q times the rest of R, adds to G_Q. Y is Q^T and, beside it, R.

    Source: Roberts, Roberts, QR and LQ decomposition matrix backpropagation algorithms for
    square, wide, and deep matrices, 2020.
    """

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def forward(self, A: Any) -> Any:
        Q, R = np.linalg.qr(A, self.mode)
        return np.concatenate([transposed(Q), R], axis=-1)

    def bprop(self, i: int, G: Any, Y: Any, A: Any) -> Any:
        m, n = A.shape[-2:]
        k = min(m, n)
        Q, R = transposed(Y[..., :k, :m]), Y[..., :k, m:]
        G_Q, G_R = transposed(G[..., :k, :m]), G[..., :k, m:]
        if Y.shape[-2] > k:  # mode complete: as Q^T Q_2 = 0, a change T of Q makes -Q T^T Q_2
            Q_2, G_Q_2 = transposed(Y[..., k:, :m]), transposed(G[..., k:, :m])
            G_Q = G_Q - Q_2 @ (transposed(G_Q_2) @ Q)
        if n > m:
            rest = Q @ G_R[..., m:]
            G_Q = G_Q + A[..., m:] @ transposed(G_R[..., m:])
        R, G_R = R[..., :k], np.triu(G_R[..., :k])
        M = R @ transposed(G_R) - transposed(G_Q) @ Q
        C = np.tril(M) + transposed(np.tril(M, -1))
        gradient = transposed(np.linalg.solve(R, transposed(G_Q + Q @ C)))
        return np.concatenate([gradient, rest], axis=-1) if n > m else gradient


# ---- the functions


class EighResult(NamedTuple):
    """What ``np.linalg.eigh`` returns: w, ascending, and Q with the eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """What ``np.linalg.svd`` returns: U, s, descending, and V^T."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """What ``np.linalg.qr`` returns: Q and R."""

    Q: Any
    R: Any


_singular_values = SingularValues()


@implements(np.linalg.cholesky)
def cholesky(a: Any, *, upper: bool = False) -> Any:
    return (Cholesky(upper=True) if upper else Cholesky())(symmetric(a))


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    Y = Eigh(UPLO)(symmetric(a))
    return EighResult(Y[..., 0, :], Y[..., 1:, :])


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return Eigenvalues(UPLO)(symmetric(a))


@implements(np.linalg.svd)
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    if hermitian:
        return _svd_by_eigenvalues(a) if compute_uv else _size_of_eigenvalues(a)
    if not compute_uv:
        return _singular_values(a)
    Y = SVD(bool(full_matrices))(a)
    m, n = a.shape[-2:]
    k = min(m, n)
    widths = (m, n) if full_matrices else (k, k)
    U, V = Y[..., 1 : m + 1, : widths[0]], Y[..., m + 1 :, : widths[1]]
    return SVDResult(U, Y[..., 0, :k], transposed(V))


def _size_of_eigenvalues(a: Any) -> Any:
    return np.sort(np.abs(np.linalg.eigvalsh(a)))[..., ::-1]


def _svd_by_eigenvalues(a: Any) -> SVDResult:
    """Of a symmetric matrix: s = |w|, U = Q, and V = Q with the signs of w."""
    w, Q = np.linalg.eigh(a)
    order = np.argsort(np.abs(w))[..., ::-1]
    w = np.take_along_axis(w, order, -1)
    U = np.take_along_axis(Q, np.expand_dims(order, -2), -1)
    sign = np.where(np.signbit(w), -1, 1).astype(w.dtype)
    return SVDResult(U, np.abs(w), transposed(U * np.expand_dims(sign, -2)))


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(
            f"np.linalg.qr: got mode={mode!r}, wanted 'reduced', 'complete' or 'r': another one "
            "has no derivative here"
        )
    Y = QR("complete" if mode == "complete" else "reduced")(a)
    m = a.shape[-2]
    return Y[..., m:] if mode == "r" else QRResult(transposed(Y[..., :m]), Y[..., m:])


# ---- NumPy 2 has it under a second name

if hasattr(np.linalg, "svdvals"):

    @implements(np.linalg.svdvals)
    def svdvals(x: Any) -> Any:
        return _singular_values(x)
