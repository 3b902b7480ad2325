"""Linear algebra: what the rows of `rows_linalg.py` cannot say."""

import numpy as np
import pytest
from rows import A

from npbp import graph
from npbp.graph import Variable, general_back_propagation


def gradient(f, x):
    x = Variable(x)
    return general_back_propagation([x], f(x))[x].value


def second(f, x):
    """The derivative of the sum of the gradient's entries."""
    x = Variable(x)
    first = general_back_propagation([x], f(x))[x]
    return general_back_propagation([x], np.sum(first))[x].value


# ---- determinants


def test_the_gradient_of_det_at_a_singular_matrix_is_the_matrix_of_cofactors():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    cofactors = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            minor = np.delete(np.delete(x, i, 0), j, 1)
            cofactors[i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    np.testing.assert_allclose(gradient(np.linalg.det, x), cofactors, atol=1e-12)


def test_the_second_derivative_of_det_at_a_singular_matrix_says_that_it_is_singular():
    with pytest.raises(np.linalg.LinAlgError, match="[Ss]ingular"):
        second(np.linalg.det, np.zeros((2, 2)))


def test_det_and_slogdet_agree():
    x = A(2, 3, 3)
    by_log = gradient(
        lambda x: np.sum(np.linalg.slogdet(x).sign * np.exp(np.linalg.slogdet(x).logabsdet)), x
    )
    np.testing.assert_allclose(gradient(lambda x: np.sum(np.linalg.det(x)), x), by_log, rtol=1e-9)


def test_the_sign_of_slogdet_is_a_constant():
    assert not gradient(lambda x: np.linalg.slogdet(x)[0] + 0 * np.sum(x), A(3, 3)).any()


@pytest.mark.parametrize("f", [np.linalg.inv, lambda x: np.linalg.solve(x, np.ones(2))])
def test_a_singular_matrix_fails_as_in_numpy(f):
    with pytest.raises(np.linalg.LinAlgError, match="[Ss]ingular"):
        f(Variable(np.ones((2, 2))))


def test_a_power_of_a_matrix_that_is_not_whole_is_refused():
    with pytest.raises(TypeError, match="integer"):
        np.linalg.matrix_power(Variable(A(2, 2)), 0.5)


# ---- symmetric matrices


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.linalg.cholesky(x)),
        lambda x: np.sum(np.linalg.eigvalsh(x) ** 3),
        lambda x: np.sum(np.linalg.eigh(x)[1] ** 4),
    ],
)
def test_a_function_of_a_symmetric_matrix_has_a_symmetric_gradient(f):
    x = A(3, 3)
    found = gradient(f, x @ x.T + np.eye(3))
    np.testing.assert_allclose(found, found.T, atol=1e-14)


def test_the_results_have_the_names_that_numpy_2_gives_them():
    x = Variable(A(3, 3) + np.eye(3))
    assert np.linalg.slogdet(x)._fields == ("sign", "logabsdet")
    assert np.linalg.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert np.linalg.svd(x)._fields == ("U", "S", "Vh")


def test_the_factors_put_together_give_the_matrix():
    x = A(2, 3, 4)
    U, s, Vt = np.linalg.svd(Variable(x), full_matrices=False)
    assert (U.shape, s.shape, Vt.shape) == ((2, 3, 3), (2, 3), (2, 3, 4))
    np.testing.assert_allclose(((U * np.expand_dims(s, -2)) @ Vt).value, x, atol=1e-14)
    symmetric = x @ np.swapaxes(x, -1, -2)
    w, Q = np.linalg.eigh(Variable(symmetric))
    again = (Q * np.expand_dims(w, -2)) @ np.swapaxes(Q, -1, -2)
    np.testing.assert_allclose(again.value, symmetric, atol=1e-14)


def test_the_matrix_put_together_of_its_factors_has_the_derivative_of_the_identity():
    G = A(2, 4, 3, seed=1)

    def f(x):
        U, s, Vt = np.linalg.svd(x, full_matrices=False)
        return np.sum(((U * np.expand_dims(s, -2)) @ Vt) * G)

    np.testing.assert_allclose(gradient(f, A(2, 4, 3)), G, atol=1e-12)


def test_equal_eigenvalues_give_numbers_and_the_right_ones_for_a_sum_over_all():
    found = gradient(lambda x: np.sum(np.linalg.eigh(x)[0] ** 2), 2 * np.eye(3))
    np.testing.assert_allclose(found, 4 * np.eye(3), atol=1e-14)  # d tr(A^2) = 2 A
    found = gradient(lambda x: np.sum(np.linalg.eigh(x)[1] * A(3, 3)), np.eye(3))
    assert np.isfinite(found).all()


def test_equal_singular_values_and_zeros_among_them_give_numbers():
    f = lambda x: np.sum(np.linalg.svd(x, full_matrices=False)[0] * A(4, 3))  # noqa: E731
    for x in (np.eye(4, 3), np.zeros((4, 3)), np.ones((4, 3))):
        with np.errstate(all="raise"):
            assert np.isfinite(gradient(f, x)).all()


# ---- symmetric matrices, and others


@pytest.mark.parametrize(
    "f",
    [
        np.linalg.cholesky,
        np.linalg.eigvalsh,
        lambda x: np.linalg.eigvalsh(x, UPLO="U"),
        lambda x: np.linalg.eigh(x)[1] ** 2,
        lambda x: np.linalg.eigh(x, "U")[0],
        lambda x: np.linalg.svd(x, hermitian=True)[1],
        lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True),
        lambda x: np.linalg.pinv(x, hermitian=True),
    ],
)
def test_a_matrix_that_is_not_symmetric_stands_for_its_symmetric_part(f):
    """Value, gradient, tangent and differences of the value belong together."""
    x, u = A(3, 3) + np.diag([9.0, 4.0, 6.0]), A(3, 3, seed=1)
    y, pull = graph.vjp(f, x)
    np.testing.assert_array_equal(y, f((x + x.T) / 2))
    above, below = (f(Variable(x + h * u)).value for h in (1e-6, -1e-6))
    change = (above - below) / 2e-6
    np.testing.assert_allclose(graph.jvp(f, (x,), (u,))[1], change, atol=1e-7)
    G = A(*y.shape, seed=2)
    (gradient,) = pull(G)
    np.testing.assert_allclose(np.sum(gradient * u), np.sum(G * change), atol=1e-7)
    np.testing.assert_allclose(gradient, gradient.T, atol=1e-14)


@pytest.mark.parametrize(
    "f", [np.linalg.cholesky, np.linalg.eigvalsh, lambda x: np.linalg.eigh(x, "U")[1] ** 2]
)
def test_check_grads_agrees_at_a_symmetric_matrix_whatever_the_direction(f):
    x = A(3, 3)
    graph.check_grads(f, (x @ x.T + np.diag([1.0, 3.0, 6.0]),))


def test_what_is_not_a_square_matrix_is_not_symmetric():
    for f in (np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh):
        with pytest.raises(np.linalg.LinAlgError, match=r"shape \(2, 3\).* wanted \(..., n, n\)"):
            f(Variable(A(2, 3)))


# ---- NumPy's number, to the last bit


def definite(n, m):
    x = A(n, m)
    return x @ x.T + np.eye(n)


LINALG = {
    "inv": (np.linalg.inv, A(20, 20)),
    "det": (np.linalg.det, A(20, 20)),
    "slogdet": (np.linalg.slogdet, A(20, 20)),
    "solve": (lambda x: np.linalg.solve(x, np.ones(20)), A(20, 20)),
    "solve for matrices": (lambda x: np.linalg.solve(x, x.T), A(2, 20, 20)[0]),
    "lstsq": (lambda x: np.linalg.lstsq(x, x[:, 0], None), A(20, 5)),
    "lstsq, wide": (lambda x: np.linalg.lstsq(x, x[:, :2], 0.1), A(5, 20)),
    "pinv": (np.linalg.pinv, A(20, 9)),
    "pinv, rcond": (lambda x: np.linalg.pinv(x, 0.3), A(9, 20)),
    "pinv, hermitian": (lambda x: np.linalg.pinv(x, hermitian=True), definite(9, 9)),
    "matrix_rank": (np.linalg.matrix_rank, A(9, 20)),
    "cond": (np.linalg.cond, A(9, 20)),
    "cond of a singular matrix": (lambda x: np.linalg.cond(x, 1), np.zeros((3, 3))),
    "tensorsolve": (lambda x: np.linalg.tensorsolve(x, x[..., 0]), A(4, 5, 20)),
    "tensorinv": (np.linalg.tensorinv, A(4, 5, 20)),
    "cholesky": (np.linalg.cholesky, definite(20, 30)),
    "eigh": (np.linalg.eigh, definite(20, 30)),
    "eigh, U": (lambda x: np.linalg.eigh(x, UPLO="U"), definite(20, 30)),
    "eigvalsh": (np.linalg.eigvalsh, definite(20, 30)),
    "svd": (np.linalg.svd, A(20, 9)),
    "svd, wide": (np.linalg.svd, A(9, 20)),
    "svd, reduced": (lambda x: np.linalg.svd(x, full_matrices=False), A(20, 9)),
    "svd, values": (lambda x: np.linalg.svd(x, compute_uv=False), A(20, 9)),
    "svd, hermitian": (lambda x: np.linalg.svd(x, hermitian=True), definite(9, 9) - 2 * np.eye(9)),
    "qr": (np.linalg.qr, A(20, 9)),
    "qr, complete": (lambda x: np.linalg.qr(x, "complete"), A(20, 9)),
    "qr, r": (lambda x: np.linalg.qr(x, "r"), A(9, 20)),
    **{
        f"matrix_power {n}": (lambda x, n=n: np.linalg.matrix_power(x, n), A(9, 9))
        for n in (-3, 0, 1, 2, 3, 5, 7)
    },
    **{
        f"norm {p}": (lambda x, p=p: np.linalg.norm(x, p), A(20, 9))
        for p in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    },
    **{
        f"norm {p} along an axis": (lambda x, p=p: np.linalg.norm(x, p, axis=0), A(20, 9))
        for p in (None, 0, 1, -1, 2, 2.5, 3, np.inf, -np.inf)
    },
    "norm of a vector": (np.linalg.norm, A(300)),
}
if hasattr(np.linalg, "vector_norm"):  # NumPy 2
    LINALG |= {
        "cholesky, upper": (lambda x: np.linalg.cholesky(x, upper=True), definite(20, 30)),
        "pinv, rtol": (lambda x: np.linalg.pinv(x, rtol=0.3), A(20, 9)),
        "matrix_norm": (lambda x: np.linalg.matrix_norm(x, ord=2), A(3, 20, 9)),
        "vector_norm": (lambda x: np.linalg.vector_norm(x, axis=(2, 0), ord=3), A(3, 20, 9)),
        "svdvals": (np.linalg.svdvals, A(20, 9)),
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("name", LINALG)
def test_the_value_is_that_of_numpy_to_the_last_bit(name, dtype):
    f, x = LINALG[name]
    x = (x * 9).astype(dtype)
    gaps = np.zeros([2 * n for n in x.shape], dtype)[(slice(None, None, 2),) * x.ndim]
    gaps[...] = x
    for x in (x, np.asfortranarray(x), gaps, np.flip(np.flip(x).copy())):
        with np.errstate(divide="ignore"):
            found, expected = f(Variable(x)), f(x)
        if not isinstance(expected, tuple):
            found, expected = [found], [expected]
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            assert (a.shape, a.dtype) == (np.shape(b), np.asarray(b).dtype)
            np.testing.assert_array_equal(a.value, b)


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, 3, 0, np.inf, -np.inf, None])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (0, 0), (2, 0, 3)])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), (1, 0)])
def test_a_norm_of_an_empty_array_is_that_of_numpy_or_an_error_as_there(ord, shape, axis):
    x = np.zeros(shape)
    try:
        with np.errstate(divide="ignore"):  # 0 to a negative power
            expected = np.linalg.norm(x, ord, axis)
    except (ValueError, np.linalg.LinAlgError):
        with pytest.raises((ValueError, np.linalg.LinAlgError)):
            np.linalg.norm(Variable(x), ord, axis)
        return
    found = np.linalg.norm(Variable(x), ord, axis)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    np.testing.assert_array_equal(found.value, expected)
    assert gradient(lambda x: np.sum(np.linalg.norm(x, ord, axis)), x).shape == shape


# ---- systems


@pytest.mark.parametrize(
    "f, shapes, message",
    [
        (np.linalg.solve, [(3, 3), (4, 2)], r"linalg.solve.*\(3, 3\) and \(4, 2\).* 3 and 4"),
        (np.linalg.solve, [(3, 3), (4,)], r"linalg.solve.*\(3, 3\) and \(4,\).* 3 and 4"),
        (np.linalg.lstsq, [(3, 2), (4,)], r"linalg.lstsq.*\(3, 2\) and \(4,\).* 3 and 4"),
    ],
)
def test_a_system_of_shapes_that_do_not_fit_names_the_lengths_that_differ(f, shapes, message):
    a, b = (np.ones(shape) for shape in shapes)
    with pytest.raises(ValueError, match=message):
        f(Variable(a), b)
    with pytest.raises(ValueError, match=message):
        f(a, Variable(b))


def test_the_rank_is_a_constant():
    x = Variable(A(3, 4))
    assert np.linalg.matrix_rank(x).value == 3
    assert np.linalg.matrix_rank(x, tol=100.0).value == 0
    assert np.linalg.matrix_rank(x.value @ x.T, None, True).value == 3
    assert np.linalg.lstsq(x, A(3), None)[2].value == 3


def test_a_mode_of_qr_that_has_no_derivative_is_refused_by_name():
    with pytest.raises(ValueError, match="np.linalg.qr: got mode='raw', wanted 'reduced'"):
        np.linalg.qr(Variable(A(3, 3)), "raw")


def test_the_residuals_of_a_system_without_full_rank_are_empty_and_have_the_gradient_0():
    x = Variable(np.ones((4, 2)))
    residuals = np.linalg.lstsq(x, A(4), None)[1]
    assert residuals.shape == (0,)
    np.testing.assert_array_equal(
        general_back_propagation([x], np.sum(residuals))[x].value, np.zeros((4, 2))
    )


# ---- norms


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 1.5, 0.5, 0, -1, np.inf, -np.inf])
def test_a_vector_norm_at_0_has_the_derivative_0(ord):
    f = lambda x: np.linalg.norm(x, ord)  # noqa: E731
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(gradient(f, np.zeros(3)), np.zeros(3))
        np.testing.assert_array_equal(second(f, np.zeros(3)), np.zeros(3))


@pytest.mark.parametrize("ord", ["fro", 1, -1, np.inf, -np.inf])
def test_a_matrix_norm_at_0_has_the_derivative_0(ord):
    found = gradient(lambda x: np.linalg.norm(x, ord), np.zeros((2, 3)))
    np.testing.assert_array_equal(found, np.zeros((2, 3)))


@pytest.mark.parametrize("p", [1, 1.5, 2, 2.5, 3])
def test_an_entry_0_has_no_part_in_the_gradient_of_a_norm_and_makes_no_nan(p):
    x = np.array([3.0, 0.0, -4.0])
    f = lambda x: np.linalg.norm(x, p)  # noqa: E731
    without = gradient(f, np.array([3.0, -4.0]))
    np.testing.assert_allclose(gradient(f, x), [without[0], 0, without[1]], rtol=1e-12)
    assert np.isfinite(second(f, x)).all()


def test_the_largest_entries_of_the_norm_inf_share_the_gradient():
    found = gradient(lambda x: np.linalg.norm(x, np.inf), np.array([2.0, -2.0, 1.0]))
    np.testing.assert_array_equal(found, [0.5, -0.5, 0.0])


@pytest.mark.parametrize(
    "x, settings, message",
    [
        (A(3), {"ord": "fro"}, "'fro' for vectors, wanted a number"),
        (A(3, 2), {"ord": 3}, "ord=3 for matrices, wanted 'fro'"),
        (A(3, 2), {"ord": "sum"}, "ord='sum' for matrices"),
        (A(2, 2, 2), {"ord": 2}, "wanted one axis"),
        (A(2, 2, 2), {"axis": (0, -3)}, "two different ones"),
        (A(2, 2, 2), {"axis": (0, 1, 2)}, r"axis=\(0, 1, 2\)"),
        (A(0), {"ord": -np.inf}, r"ord=-inf, axis=None and an array of shape \(0,\).* zero-size"),
    ],
)
def test_a_norm_that_is_none_is_refused(x, settings, message):
    with pytest.raises(ValueError, match=message):
        np.linalg.norm(Variable(x), **settings)
    with pytest.raises(ValueError):
        np.linalg.norm(x, **settings)  # as NumPy does


# ---- third order


@pytest.mark.parametrize(
    "f",
    [
        np.linalg.det,
        lambda x: np.linalg.slogdet(x)[1],
        lambda x: np.sum(np.linalg.inv(x)),
        lambda x: np.sum(np.linalg.solve(x, np.ones((3, 1))) ** 2),
        lambda x: np.linalg.norm(x),
        lambda x: np.sum(np.linalg.cholesky(x @ x.T)),
        lambda x: np.linalg.eigvalsh(x + x.T)[-1],
        lambda x: np.linalg.svd(x, compute_uv=False)[0],
    ],
)
def test_the_third_derivative_is_that_of_the_second(f):
    u, h = A(3, 3, seed=1), 1e-5

    def along_u(z, x):
        return np.sum(general_back_propagation([x], z)[x] * u)

    def second_along_u(x):
        return along_u(along_u(f(x), x), x)

    x = A(3, 3) / 2 + np.diag([2.0, 4.0, 7.0])
    V = Variable(x)
    third = along_u(second_along_u(V), V).value
    plus, minus = (second_along_u(Variable(x + e * u)).value for e in (h, -h))
    np.testing.assert_allclose(third, (plus - minus) / (2 * h), rtol=1e-5, atol=1e-8)
