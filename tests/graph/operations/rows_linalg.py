"""Test cases of linear algebra.

`cholesky` and `eigh` take the matrix to be symmetric, NumPy reads one triangle of it: so the
rows make it symmetric. Singular and eigenvectors are defined up to their signs: so the rows
take what does not depend on them.
"""

import numpy as np
from rows import A, Row

inf = np.inf


def eye(x):
    return np.eye(x.shape[-1], dtype=x.dtype)


def regular(x):
    return x + 2 * eye(x)


def symmetric(x):
    """With eigenvalues that are well apart: some 2, 4, 6, ..."""
    spread = np.diag(np.arange(1, x.shape[-1] + 1).astype(x.dtype))
    return (x + np.swapaxes(x, -1, -2)) / 2 + 2 * spread


def positive(x):
    return x @ np.swapaxes(x, -1, -2) + eye(x) * 2


def apart(x):
    """With singular values that are well apart."""
    m, n = x.shape[-2:]
    return x / 2 + np.eye(m, n, dtype=x.dtype) * np.arange(2, 2 + 2 * n, 2).astype(x.dtype)


def eigenvectors_squared(x):
    return np.linalg.eigh(symmetric(x))[1] ** 2


def matrix_function(x):
    """exp of a symmetric matrix, by its eigenvalues."""
    w, Q = np.linalg.eigh(symmetric(x) / 4)
    return (Q * np.exp(np.expand_dims(w, -2))) @ np.swapaxes(Q, -1, -2)


def polar(x):
    """The closest orthogonal matrix."""
    U, s, Vt = np.linalg.svd(apart(x), full_matrices=False)
    return U @ Vt


def low_rank(x):
    U, s, Vt = np.linalg.svd(apart(x), full_matrices=False)
    return (U[..., :1] * s[..., None, :1]) @ Vt[..., :1, :]


def left_and_right(x):
    U, s, Vt = np.linalg.svd(apart(x), full_matrices=False)
    return np.sum(U**2, -2) * s + U[..., 0, :] * np.exp(s) * Vt[..., :, -1]


def norm(ord=None, axis=None, keepdims=False):
    return lambda x: np.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)


def hermitian_squared(x):
    """Of a matrix with eigenvalues of both signs: what does not depend on the vectors' signs."""
    U, s, Vt = np.linalg.svd(symmetric(x) - 5 * eye(x), hermitian=True)
    return (U * np.expand_dims(s * s, -2)) @ Vt + U * U


def full(x):
    U, s, Vt = np.linalg.svd(apart(x))
    k = s.shape[-1]
    return (U[..., :k] * np.expand_dims(s**3, -2)) @ Vt[..., :k, :]


def filling(U, k):
    """The projection to the columns that fill up U."""
    return U[..., k:] @ np.swapaxes(U[..., k:], -1, -2)


def q_and_r(x, mode="reduced"):
    Q, R = np.linalg.qr(apart(x), mode)
    return np.concatenate([np.ravel(Q), np.ravel(R)])


try:
    KNOWS_THE_LARGEST_OF_NOTHING = np.linalg.norm(np.zeros(0), np.inf) == 0
except ValueError:  # an older NumPy
    KNOWS_THE_LARGEST_OF_NOTHING = False

ROWS = [
    Row("inv", lambda x: np.linalg.inv(regular(x)), A(3, 3)),
    Row("inv of a stack", lambda x: np.linalg.inv(regular(x)), A(2, 2, 2, 2)),
    Row("inv of 1 x 1", lambda x: np.linalg.inv(regular(x)), A(1, 1)),
    Row("inv of an empty stack", lambda x: np.linalg.inv(x), A(0, 2, 2)),
    Row("inv of 0 x 0", lambda x: np.linalg.inv(x), A(0, 0)),
    Row("solve for a vector", lambda a, b: np.linalg.solve(regular(a), b), A(3, 3), A(3)),
    Row("solve for a matrix", lambda a, b: np.linalg.solve(regular(a), b), A(3, 3), A(3, 2)),
    Row("solve for no column", lambda a, b: np.linalg.solve(regular(a), b), A(3, 3), A(3, 0)),
    Row("solve stacks", lambda a, b: np.linalg.solve(regular(a), b), A(2, 2, 2), A(2, 2, 3)),
    Row(
        "solve one system for a stack",
        lambda a, b: np.linalg.solve(regular(a), b),
        A(2, 2),
        A(3, 2, 1),
    ),
    Row(
        "solve stacks that broadcast",
        lambda a, b: np.linalg.solve(regular(a), b),
        A(2, 1, 2, 2),
        A(1, 3, 2, 1),
    ),
    Row("solve a deep stack for one matrix", np.linalg.solve, A(3, 2, 2, 2), A(2, 3)),
    Row("solve an empty stack", np.linalg.solve, A(0, 2, 2), A(0, 2, 1)),
    Row("det", np.linalg.det, A(3, 3)),
    Row("det of a stack", np.linalg.det, A(2, 2, 2)),
    Row("det of 1 x 1", np.linalg.det, A(1, 1)),
    Row("det of 4 x 4", np.linalg.det, A(4, 4)),
    Row("det of the identity", np.linalg.det, np.eye(3)),
    Row("det of an empty stack", np.linalg.det, A(0, 2, 2)),
    Row("det of a matrix of rank n - 1", np.linalg.det, A(3, 2) @ A(2, 3), order=1),
    Row("det of a matrix of rank n - 2", np.linalg.det, A(3, 1) @ A(1, 3), order=1),
    Row("det of zeros", np.linalg.det, np.zeros((3, 3)), order=1),
    Row("slogdet", lambda x: np.linalg.slogdet(x)[1], A(3, 3)),
    Row("slogdet of a stack", lambda x: np.linalg.slogdet(regular(x))[1], A(2, 2, 2)),
    Row(
        "slogdet with its sign",
        lambda x: np.linalg.slogdet(x)[0] * np.exp(np.linalg.slogdet(x)[1]),
        A(2, 3, 3),
    ),
    Row("cholesky", lambda x: np.linalg.cholesky(positive(x)), A(3, 3)),
    Row("cholesky of a stack", lambda x: np.linalg.cholesky(positive(x)), A(2, 2, 2)),
    Row("cholesky of 1 x 1", lambda x: np.linalg.cholesky(positive(x)), A(1, 1)),
    Row("cholesky of an empty stack", np.linalg.cholesky, A(0, 2, 2)),
    Row("eigvalsh", lambda x: np.linalg.eigvalsh(symmetric(x)), A(3, 3)),
    Row("eigvalsh, upper", lambda x: np.linalg.eigvalsh(symmetric(x), UPLO="U"), A(3, 3)),
    Row("eigvalsh of an empty stack", np.linalg.eigvalsh, A(0, 2, 2)),
    Row("eigh: eigenvalues of a stack", lambda x: np.linalg.eigh(symmetric(x))[0], A(2, 2, 2)),
    Row("eigh: squares of the eigenvectors", eigenvectors_squared, A(3, 3)),
    Row("eigh: of a stack", eigenvectors_squared, A(2, 2, 2)),
    Row("eigh: exponential of a matrix", matrix_function, A(3, 3)),
    Row("eigh of 1 x 1", matrix_function, A(1, 1)),
    Row(
        "eigh: sum of equal eigenvalues",
        lambda x: np.sum(np.linalg.eigh((x + np.swapaxes(x, -1, -2)) / 2)[0] ** 2),
        np.eye(3),
        order=1,
    ),
    Row("svd: singular values", lambda x: np.linalg.svd(apart(x), compute_uv=False), A(3, 3)),
    Row("svd: singular values, tall", lambda x: np.linalg.svd(apart(x), compute_uv=False), A(4, 2)),
    Row("svd: singular values, wide", lambda x: np.linalg.svd(apart(x), compute_uv=False), A(2, 4)),
    Row("svd: the full ones of a square", lambda x: np.linalg.svd(apart(x))[0] ** 2, A(3, 3)),
    Row("svd: closest orthogonal matrix", polar, A(3, 3)),
    Row("svd: closest orthogonal matrix, tall", polar, A(4, 2)),
    Row("svd: closest orthogonal matrix, wide", polar, A(2, 4)),
    Row("svd: low rank of a stack, tall", low_rank, A(2, 3, 2)),
    Row("svd: low rank of a stack, wide", low_rank, A(2, 2, 3)),
    Row("svd: all three, square", left_and_right, A(3, 3)),
    Row("svd: all three, tall", left_and_right, A(4, 2)),
    Row("svd: all three, wide", left_and_right, A(2, 4)),
    Row("svd of 1 x 1", polar, A(1, 1)),
    Row("svd of one column", low_rank, A(3, 1)),
    Row(
        "svd of an empty stack", lambda x: np.linalg.svd(x, full_matrices=False)[0] ** 2, A(0, 2, 2)
    ),
    Row(
        "svd: sum of equal singular values",
        lambda x: np.sum(np.linalg.svd(x, compute_uv=False)),
        np.eye(3),
        order=1,
    ),
    Row("svd: hermitian", lambda x: hermitian_squared(x), A(3, 3)),
    Row("svd: hermitian, of a stack", lambda x: hermitian_squared(x), A(2, 2, 2)),
    Row(
        "svd: hermitian, singular values",
        lambda x: np.linalg.svd(symmetric(x) - 5 * eye(x), compute_uv=False, hermitian=True),
        A(3, 3),
    ),
    Row("svd: full, tall", full, A(4, 2)),
    Row("svd: full, wide", full, A(2, 4)),
    Row("svd: full, square", full, A(3, 3)),
    Row("svd: full, of a stack", full, A(2, 3, 1)),
    Row("svd: full, what fills up U", lambda x: filling(np.linalg.svd(apart(x))[0], 2), A(4, 2)),
    Row(
        "svd: full, what fills up V",
        lambda x: filling(np.swapaxes(np.linalg.svd(apart(x))[2], -1, -2), 2),
        A(2, 5),
    ),
    # qr
    Row("qr", q_and_r, A(3, 3)),
    Row("qr, tall", q_and_r, A(4, 2)),
    Row("qr, wide", q_and_r, A(2, 4)),
    Row("qr of a stack", q_and_r, A(2, 3, 2)),
    Row("qr of 1 x 1", q_and_r, A(1, 1)),
    Row("qr of an empty stack", q_and_r, A(0, 2, 2)),
    Row("qr, R alone", lambda x: np.linalg.qr(regular(x), "r"), A(3, 3)),
    Row("qr, R alone, wide", lambda x: np.linalg.qr(apart(x), mode="r"), A(2, 3)),
    Row("qr, complete, wide", lambda x: q_and_r(x, "complete"), A(2, 3)),
    Row("qr, complete, R", lambda x: np.linalg.qr(apart(x), "complete")[1], A(4, 2)),
    Row("qr, complete, Q", lambda x: np.linalg.qr(apart(x), "complete")[0][:, :2], A(4, 2)),
    Row(
        "qr, complete, what fills up Q",
        lambda x: filling(np.linalg.qr(apart(x), "complete")[0], 2),
        A(5, 2),
    ),
    # least squares, condition, tensors
    Row("lstsq, tall", lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], A(4, 2), A(4)),
    Row("lstsq, wide", lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], A(2, 4), A(2, 3)),
    Row("lstsq, square", lambda a, b: np.linalg.lstsq(regular(a), b, -1)[0], A(3, 3), A(3, 1)),
    Row(
        "lstsq of rank 1",
        lambda a, b, y: np.linalg.lstsq(a @ b, y, 1e-10)[0],
        A(4, 1),
        A(1, 2),
        A(4),
        float32=False,
    ),
    Row("lstsq: residuals", lambda a, b: np.linalg.lstsq(a, b, None)[1], A(4, 2), A(4, 3)),
    Row("lstsq: residual of a vector", lambda a, b: np.linalg.lstsq(a, b, None)[1], A(4, 2), A(4)),
    Row("lstsq: singular values", lambda a, b: np.linalg.lstsq(a, b, None)[3], A(4, 2), A(4)),
    Row("cond", lambda x: np.linalg.cond(apart(x)), A(3, 2)),
    *[
        Row(f"cond, {p}", lambda x, p=p: np.linalg.cond(regular(x), p), A(2, 2, 2))
        for p in (2, -2, 1, -1, inf, -inf, "fro", "nuc")
    ],
    Row("tensorsolve", lambda a, b: np.linalg.tensorsolve(a, b), A(2, 3, 6), A(2, 3)),
    Row(
        "tensorsolve, axes",
        lambda a, b: np.linalg.tensorsolve(a, b, axes=(0, 1)),
        A(2, 3, 3, 2),
        A(3, 2),
    ),
    Row("tensorinv", lambda a: np.linalg.tensorinv(a), A(2, 3, 6)),
    Row("tensorinv, 1", lambda a: np.linalg.tensorinv(a, ind=1), A(6, 3, 2)),
    Row("pinv, hermitian", lambda x: np.linalg.pinv(symmetric(x), hermitian=True), A(2, 3, 3)),
    Row("pinv of no rows", np.linalg.pinv, A(0, 3)),
    Row("inv of 0 x 0", np.linalg.inv, A(0, 0)),
    Row("solve of 0 x 0", np.linalg.solve, A(0, 0), A(0, 2)),
    Row("solve for no columns", lambda a, b: np.linalg.solve(regular(a), b), A(2, 2), A(2, 0)),
    Row("det of 0 x 0", np.linalg.det, A(0, 0)),
    Row("log |det| of 0 x 0", lambda x: np.linalg.slogdet(x)[1], A(0, 0)),
    Row("cholesky of 0 x 0", np.linalg.cholesky, A(0, 0)),
    Row("eigvalsh of 0 x 0", np.linalg.eigvalsh, A(0, 0)),
    Row("eigh of 0 x 0", lambda x: np.linalg.eigh(x)[1], A(0, 0)),
    Row("singular values of no rows", lambda x: np.linalg.svd(x, compute_uv=False), A(0, 3)),
    Row("svd of no columns", lambda x: np.linalg.svd(x, full_matrices=False)[0], A(3, 0)),
    Row("qr of no columns", lambda x: np.linalg.qr(x)[0], A(3, 0)),
    Row("matrix_power of 0 x 0", lambda x: np.linalg.matrix_power(x, 3), A(0, 0)),
    Row("matrix_power 3", lambda x: np.linalg.matrix_power(x, 3), A(2, 2, 2)),
    Row("pinv, tall", np.linalg.pinv, A(4, 2)),
    Row("pinv, wide", lambda x: np.linalg.pinv(x, 1e-10), A(2, 4)),
    Row("pinv of a stack", np.linalg.pinv, A(2, 3, 2)),
    Row("pinv of rank 1", lambda a, b: np.linalg.pinv(a @ b), A(3, 1), A(1, 2), float32=False),
    Row("matrix_power", lambda x: np.linalg.matrix_power(x, 5), A(3, 3)),
    Row("matrix_power 1", lambda x: np.linalg.matrix_power(x, 1) * x, A(2, 2)),
    Row("matrix_power 0", lambda x: np.linalg.matrix_power(x, 0), A(2, 2, 2)),
    Row("matrix_power -2", lambda x: np.linalg.matrix_power(regular(x), -2), A(2, 2, 2)),
    # norms of vectors
    Row("norm", norm(), A(4)),
    Row("norm of all of an array", norm(), A(2, 3, 2)),
    Row("norm of all of an array, axes kept", norm(keepdims=True), A(2, 3, 2)),
    Row("norm of a number", norm(), A()),
    Row("norm of nothing", norm(), A(0)),
    Row("norm 2", norm(2), A(4)),
    Row("norm along the last axis", norm(axis=-1), A(2, 3)),
    Row("norm along the first axis, kept", norm(axis=0, keepdims=True), A(2, 3)),
    Row("norm along an axis in a tuple", norm(axis=(1,)), A(2, 3)),
    Row("norm along a size-1 axis", norm(axis=1), A(3, 1)),
    Row("norm along a size-0 axis", norm(axis=1), A(3, 0)),
    Row("norm 1", norm(1), A(4)),
    Row("norm 1 along an axis", norm(1, axis=0), A(2, 3)),
    Row("norm inf", norm(inf), A(4)),
    Row("norm inf along an axis", norm(inf, axis=1, keepdims=True), A(2, 3)),
    Row("norm -inf", norm(-inf), A(4)),
    Row("norm 0", norm(0), A(4)),
    Row("norm 3", norm(3), A(4)),
    Row("norm 2.5 along an axis", norm(2.5, axis=-1), A(2, 3)),
    Row("norm 0.5", norm(0.5), A(3)),
    Row("norm -1", norm(-1), A(3)),
    Row("norm 3 where an entry is 0", norm(3), np.array([1.0, 0.0, 2.0])),
    Row("norm 4 where an entry is 0", norm(4), np.array([1.0, 0.0, 2.0])),
    Row("norm 2 where an entry is 0", norm(), np.array([1.0, 0.0, 2.0])),
    # norms of matrices
    Row("norm fro", norm("fro"), A(2, 3)),
    Row("norm fro of a stack", norm("fro", axis=(-2, -1)), A(2, 3, 2)),
    Row("norm of a stack of matrices, kept", norm(axis=(0, 2), keepdims=True), A(2, 3, 2)),
    Row("norm 1 of a matrix", norm(1), A(3, 2)),
    Row("norm -1 of a matrix", norm(-1, keepdims=True), A(3, 2)),
    Row("norm inf of matrices", norm(inf, axis=(2, 0)), A(2, 3, 2)),
    Row("norm 1 of matrices", norm(1, axis=(2, 0)), A(2, 3, 2)),
    Row("norm -inf of a matrix", norm(-inf), A(3, 2)),
    Row("norm 2 of a matrix", norm(2), A(3, 2)),
    Row("norm -2 of a matrix", norm(-2), A(3, 2)),
    Row("norm nuc", norm("nuc"), A(2, 3)),
    Row("norm nuc of matrices", norm("nuc", axis=(2, 0)), A(2, 3, 2)),
    *[
        Row(f"norm {p} of matrices of no rows", norm(p, axis=(0, 2)), A(0, 2, 3))
        for p in ("fro", "nuc", 1, inf, 2)
        if KNOWS_THE_LARGEST_OF_NOTHING or p not in (inf, 2)
    ],
    *[
        Row(f"norm {p} of nothing", norm(p), A(0))
        for p in (1, 2, 3, inf, 0)
        if KNOWS_THE_LARGEST_OF_NOTHING or p != inf
    ],
    Row("norm 2 of matrices, kept", norm(2, axis=(0, -1), keepdims=True), A(2, 3, 2)),
]

if KNOWS_THE_LARGEST_OF_NOTHING:
    ROWS.append(Row("norm inf along a size-0 axis", norm(inf, axis=1, keepdims=True), A(3, 0)))

if hasattr(np.linalg, "vector_norm"):  # NumPy 2

    def upper(x):
        return np.linalg.cholesky(x, upper=True)

    ROWS += [
        Row("cholesky, upper", lambda x: np.linalg.cholesky(positive(x), upper=True), A(3, 3)),
        Row("solve a stack for one vector", np.linalg.solve, A(2, 2, 2), A(2)),
        Row("solve a stack for one matrix", np.linalg.solve, A(2, 2, 2), A(2, 2)),
        Row("matrix_norm", lambda x: np.linalg.matrix_norm(x), A(2, 3, 2)),
        Row("matrix_norm 1", lambda x: np.linalg.matrix_norm(x, ord=1, keepdims=True), A(3, 2)),
        Row("pinv, rtol", lambda x: np.linalg.pinv(x, rtol=1e-10), A(4, 2)),
        Row("cholesky, upper, of a stack", lambda x: upper(positive(x)), A(2, 2, 2)),
        Row("vector_norm", lambda x: np.linalg.vector_norm(x), A(2, 3)),
        Row("vector_norm of a number", lambda x: np.linalg.vector_norm(x), A()),
        Row("vector_norm of nothing", lambda x: np.linalg.vector_norm(x, axis=0), A(0, 2)),
        *[
            Row(
                f"vector_norm {p} over two axes",
                lambda x, p=p: np.linalg.vector_norm(x, axis=(2, 0), ord=p, keepdims=True),
                A(2, 3, 2),
            )
            for p in (1, 2, 3, inf, -inf, 0)
        ],
        Row("svdvals", np.linalg.svdvals, A(2, 3, 2)),
    ]
else:
    ROWS += [Row("solve stacks of vectors", np.linalg.solve, A(3, 2, 2), A(3, 2))]
