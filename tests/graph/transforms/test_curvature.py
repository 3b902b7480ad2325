"""The Gauss-Newton matrix times a vector, against the matrix written out."""

import functools

import numpy as np
import pytest

from npbp import graph

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((5, 3)), np.array([0, 1, 1, 0, 1])
W, V = RNG.standard_normal((3, 2)), RNG.standard_normal((3, 2))


def scores(W, X=X):
    return np.tanh(X @ W)


def cross_entropy(y):
    return -np.mean(graph.log_softmax(y)[np.arange(5), LABELS])


def test_it_is_the_matrix_times_the_vector():
    J = graph.jacobian(scores)(W).reshape(10, 6)
    H = graph.hessian(cross_entropy)(scores(W)).reshape(10, 10)
    product = graph.gauss_newton_vector_product(scores, cross_entropy)
    expected = (J.T @ H @ J @ V.ravel()).reshape(3, 2)
    np.testing.assert_allclose(product(W, V), expected, rtol=1e-12)
    np.testing.assert_allclose(product(W, V, X=X), expected, rtol=1e-12)
    assert np.sum(V * product(W, V)) > 0


def test_of_a_linear_model_it_is_the_hessian():
    whole = graph.hessian_vector_product(lambda W: cross_entropy(X @ W))(W, V)
    product = graph.gauss_newton_vector_product(lambda W: X @ W, cross_entropy)
    np.testing.assert_allclose(product(W, V), whole, rtol=1e-10)


def test_trees_argnums_and_methods():
    def model(p, x):
        return {"y": x @ p["W"] * p["b"], "n": np.sum(x**2)}

    def loss(r):
        return np.sum(r["y"] ** 3) + r["n"] ** 2

    p, v = {"W": W, "b": np.array([1.5, 2.0])}, {"W": V, "b": np.array([1.0, -1.0])}

    def flat(z):
        r = model({"W": z[:6].reshape(3, 2), "b": z[6:]}, X)
        return np.concatenate([np.ravel(r["y"]), np.reshape(r["n"], 1)])

    z = np.concatenate([W.ravel(), p["b"]])
    J = graph.jacobian(flat)(z)
    H = graph.hessian(lambda y: np.sum(y[:-1] ** 3) + y[-1] ** 2)(flat(z))
    expected = J.T @ H @ J @ np.concatenate([V.ravel(), v["b"]])
    for argnums, pack in ((0, lambda x: x), ((0,), lambda x: (x,)), (-2, lambda x: x)):
        found = graph.gauss_newton_vector_product(model, loss, argnums)(p, X, pack(v))
        found = found[0] if argnums == (0,) else found
        np.testing.assert_allclose(found["W"].ravel(), expected[:6], rtol=1e-10)
        np.testing.assert_allclose(found["b"], expected[6:], rtol=1e-10)
    product = graph.gauss_newton_vector_product(functools.partial(scores, X=X), cross_entropy)
    assert product(W.astype(np.float32), V).dtype == np.float32


def test_it_can_be_differentiated():
    product = graph.gauss_newton_vector_product(scores, cross_entropy)
    graph.check_grads(product, (W, V), order=1)


def test_a_missing_vector_is_named():
    product = graph.gauss_newton_vector_product(scores, cross_entropy)
    with pytest.raises(TypeError, match="gauss_newton_vector_product: got 1 arguments.*vector"):
        product(W)
    with pytest.raises(ValueError, match=r"tangent of shape \(2,\)"):
        product(W, np.ones(2))
    with pytest.raises(TypeError, match="returned an array of shape"):
        graph.gauss_newton_vector_product(scores, lambda y: y)(W, V)
