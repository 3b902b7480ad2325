"""Products: what the rows of `rows_products.py` cannot say."""

import numpy as np
import pytest
from rows import A

from npbp import graph
from npbp.graph import Variable, general_back_propagation


def test_a_product_of_matrices_is_one_node_and_its_gradients_are_products():
    a, b = Variable(A(2, 3)), Variable(A(3, 4))
    y = a @ b
    assert [id(x) for x in y.inputs] == [id(a), id(b)]
    G = A(2, 4, seed=1)
    gradients = general_back_propagation([a, b], y, G, insert=False)
    np.testing.assert_array_equal(gradients[a], G @ b.value.T)
    np.testing.assert_array_equal(gradients[b], a.value.T @ G)


def test_a_list_is_a_constant_of_a_product():
    x = Variable(A(3))
    for f in (np.matmul, np.dot, np.inner, np.vdot):
        y = f(x, [1.0, 2.0, 3.0])
        np.testing.assert_array_equal(
            general_back_propagation([x], y)[x].value, np.array([1.0, 2.0, 3.0])
        )
    y = np.sum(np.einsum("i,j->ij", x, [1.0, 2.0]))
    np.testing.assert_array_equal(general_back_propagation([x], y)[x].value, np.full(3, 3.0))


def test_a_plain_array_on_either_side_of_the_operator_makes_a_variable():
    x, a = Variable(A(3, 3)), A(3, 3, seed=1)
    np.testing.assert_array_equal((a @ x).value, a @ x.value)
    np.testing.assert_array_equal((x @ a).value, x.value @ a)


def test_products_of_wrong_shapes_fail_as_in_numpy():
    x = Variable(A(2, 3))
    with pytest.raises(ValueError):
        x @ A(2, 3)
    with pytest.raises(ValueError):
        x @ A()
    with pytest.raises(ValueError):
        np.einsum("ij,jk->ik", x, A(2, 3))
    with pytest.raises(ValueError):
        np.einsum("ijk->i", x)
    with pytest.raises((ValueError, IndexError)):
        np.tensordot(x, A(3, 3), (2, 0))


def test_einsum_says_that_the_output_lacks_the_ellipsis():
    with pytest.raises(ValueError, match=r"'\.\.\.i->i' and an ellipsis that stands for 1 axes"):
        np.einsum("...i->i", Variable(A(2, 3)))


def test_an_ellipsis_that_stands_for_nothing_needs_none_in_the_output():
    np.testing.assert_array_equal(np.einsum("...i->i", Variable(A(3))).value, A(3))


def test_einsum_keeps_optimize_in_its_gradient():
    x = Variable(A(20, 20))
    y = np.einsum("ij,jk,kl->", x, x, x, optimize=True)
    gradient = general_back_propagation([x], y)[x]
    one = np.ones((20, 20))
    v = x.value
    expected = one @ (v @ v).T + v.T @ one @ v.T + (v @ v).T @ one
    np.testing.assert_allclose(gradient.value, expected, rtol=1e-10)


def test_a_setting_that_is_not_known_is_named():
    x = Variable(A(2, 2))
    with pytest.raises(TypeError, match="dtype"):
        np.trace(x, dtype=np.float32)
    with pytest.raises(TypeError, match="dtype"):
        np.einsum("ii", x, dtype=np.float32)


def test_diag_of_a_stack_says_what_to_use():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 3\), wanted a vector or a matrix"):
        np.diag(Variable(A(2, 3, 3)))


def test_cross_of_vectors_that_are_not_in_space_is_refused():
    with pytest.raises(ValueError, match="length 2 and 3, wanted 3 and 3"):
        np.cross(Variable(A(2)), A(3))


def test_one_matrix_for_a_stack_has_a_gradient_that_makes_no_stack():
    """Its gradient is one product of matrices, and not a stack of them that is summed."""
    x, W = Variable(A(50, 4, 3)), Variable(A(3, 2))
    G = A(50, 4, 2, seed=1)
    gradient = general_back_propagation([W], x @ W, Variable(G))[W]
    below = graph.get_inputs(gradient)
    sizes = []
    while below:
        V = below.pop()
        sizes.append(V.value.size)
        below += graph.get_inputs(V)
    assert max(sizes) <= x.value.size
    np.testing.assert_allclose(gradient.value, np.einsum("nti,nto->io", x.value, G))


def test_the_third_derivative_of_a_product():
    x = Variable(A(3, 3))
    y = np.trace(x @ x @ x)
    for factor, power in ((3, 2), (6, 1)):  # d tr(X^3) = 3 X^2 and so on, along a direction
        gradient = general_back_propagation([x], y)[x]
        y = np.sum(gradient * np.eye(3))
        np.testing.assert_allclose(
            y.value, factor * np.trace(np.linalg.matrix_power(x.value, power)), rtol=1e-12
        )
    third = general_back_propagation([x], y)[x]
    np.testing.assert_allclose(third.value, 6 * np.eye(3), rtol=1e-12)
