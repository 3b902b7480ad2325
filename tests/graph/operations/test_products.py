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
    with pytest.raises(TypeError, match="depth"):
        np.einsum("ii", x, depth=2)


def test_settings_of_numpy_reach_numpy():
    x = A(3, 3)
    X = Variable(x.astype(np.float32))
    assert np.trace(X, dtype=np.float64).dtype == np.float64
    y = np.einsum("ij,jk->ik", X, X, dtype=np.float64)
    assert y.dtype == np.float64
    assert general_back_propagation([X], np.sum(y))[X].dtype == np.float32
    np.testing.assert_array_equal(np.linalg.multi_dot([x, X, x], out=None).value.shape, (3, 3))


def test_diag_of_a_stack_says_what_to_use():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 3\), wanted a vector or a matrix"):
        np.diag(Variable(A(2, 3, 3)))


def test_cross_of_vectors_that_are_not_in_space_is_refused():
    with pytest.raises(ValueError, match="length 2 and 3, wanted 3 and 3"):
        np.cross(Variable(A(2)), A(3))
    with pytest.raises(ValueError, match="length 4 and 4, wanted 3 and 3"):
        np.cross(Variable(A(4)), A(4))


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@pytest.mark.parametrize("shapes", [((2,), (2,)), ((4, 2), (2,)), ((3, 1, 2), (4, 2))])
def test_cross_takes_vectors_of_the_plane_as_long_as_numpy_does(shapes):
    a, b = A(*shapes[0]), A(*shapes[1], seed=1)
    try:
        expected = np.cross(a, b)
    except ValueError:  # a NumPy that has given it up
        return
    graph.check_grads(np.cross, (a, b))
    np.testing.assert_array_equal(np.cross(Variable(a), b).value, expected)


# ---- NumPy's number, to the last bit


def layouts(x):
    """The same numbers: in C's order, in Fortran's, with gaps, backwards in memory."""
    gaps = np.zeros([2 * n for n in x.shape], x.dtype)[(slice(None, None, 2),) * x.ndim]
    gaps[...] = x
    return [x, np.asfortranarray(x), gaps, np.flip(np.flip(x).copy())]


PRODUCTS = [
    (np.matmul, (33, 50), (50, 7)),
    (np.matmul, (50,), (50,)),
    (np.matmul, (2, 9, 50), (50,)),
    (np.matmul, (50,), (2, 50, 9)),
    (np.dot, (33, 50), (50, 7)),
    (np.dot, (50,), (50,)),
    (np.dot, (33, 50), (50,)),
    (np.dot, (50,), (50, 7)),
    (np.dot, (2, 5, 50), (50, 3)),
    (np.dot, (50,), (2, 50, 9)),
    (np.dot, (2, 3, 50), (4, 50, 2)),
    (np.inner, (50,), (50,)),
    (np.inner, (33, 50), (7, 50)),
    (np.inner, (2, 3, 50), (4, 5, 50)),
    (np.vdot, (5, 30), (30, 5)),
    (np.outer, (4, 3), (7,)),
    (np.kron, (4, 3), (2, 5)),
    (np.cross, (9, 3), (9, 3)),
    (np.tensordot, (9, 4, 30), (4, 30, 9)),
    (lambda a, b: np.tensordot(a, b, ([2, 0], [1, -1])), (9, 4, 30), (5, 30, 9)),
    (lambda a, b: np.einsum("...j,jk", a, b), (2, 5, 30), (30, 4)),
    (lambda a, b: np.einsum("ij,kj->", a, b, optimize=True), (5, 30), (6, 30)),
    (lambda a, b: np.linalg.multi_dot([a, b]), (5, 30), (30, 4)),
    (lambda a, b: np.linalg.multi_dot([a, b, b.T, b]), (30,), (30, 4)),
    (lambda a, b: np.trace(a @ b), (50, 7), (7, 50)),
]
if hasattr(np, "vecdot"):  # NumPy 2
    PRODUCTS += [
        (np.vecdot, (4, 50), (4, 50)),
        (lambda a, b: np.linalg.vecdot(a, b, axis=0), (50, 4), (50, 4)),
    ]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, "mixed"])
@pytest.mark.parametrize("f, shape_a, shape_b", PRODUCTS)
def test_the_value_of_a_product_is_that_of_numpy_to_the_last_bit(f, shape_a, shape_b, dtype):
    a, b = A(*shape_a, low=-9, high=9), A(*shape_b, low=-9, high=9, seed=1)
    a = a.astype(np.int64 if dtype == "mixed" else dtype)
    b = b.astype(np.float32 if dtype == "mixed" else dtype)
    for x in layouts(a):
        for y in layouts(b):
            found, expected = f(Variable(x), Variable(y)).value, f(x, y)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


# ---- shapes that do not fit


@pytest.mark.parametrize(
    "f, shapes, message",
    [
        (np.matmul, [(2, 3), (4, 5)], r"np.matmul: got arrays of shapes \(2, 3\) and \(4, 5\), "
         "wanted the same length in axis -1 of the first and axis -2 of the second, but they are "
         "3 and 4"),
        (np.matmul, [(2, 3), (4,)], r"\(2, 3\) and \(4,\).* axis -1 of the second.* 3 and 4"),
        (np.matmul, [(3,), (4, 5)], r"\(3,\) and \(4, 5\).* 3 and 4"),
        (np.matmul, [(2, 3), ()], r"\(2, 3\) and \(\), wanted no single numbers: write x \* y"),
        (np.matmul, [(2, 2, 3), (4, 3, 2)], r"stacks \(2,\) and \(4,\) do not broadcast"),
        (np.dot, [(2, 3), (4, 5)], r"np.dot.*\(2, 3\) and \(4, 5\).* 3 and 4"),
        (np.dot, [(2, 3), (2, 4, 5)], r"np.dot.*\(2, 3\) and \(2, 4, 5\).* 3 and 4"),
        (np.dot, [(3,), (4,)], r"np.dot.*\(3,\) and \(4,\).* 3 and 4"),
        (np.inner, [(2, 3), (2, 4)], r"np.inner.*\(2, 3\) and \(2, 4\).* 3 and 4"),
        (np.tensordot, [(2, 3, 4), (3, 5)], r"np.tensordot.*axis 2 of the first and axis 1 of the "
         "second, but they are 4 and 5"),
        (lambda a, b: np.tensordot(a, b, ([0, 1], [0])), [(2, 3), (2, 4)], "wanted as many axes"),
        (lambda a, b: np.tensordot(a, b, (2, 0)), [(2, 3), (3, 3)], "there is no such axis"),
        (lambda a, b: np.einsum("ij,jk", a, b), [(2, 3), (4, 5)],
         r"'ij,jk->ik' for arrays of shapes \(2, 3\), \(4, 5\): the index 'j' has .* 3 and 4"),
        (lambda a, b: np.einsum("ijk,jk", a, b), [(2, 3), (3, 5)], r"shapes \(2, 3\), \(3, 5\): "),
        (lambda a, b: np.linalg.multi_dot([a, b, b]), [(2, 3), (3, 5)],
         r"multi_dot: .*\(3, 5\) and \(3, 5\).* 5 and 3"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_named_with_the_lengths_that_differ(f, shapes, message):
    a, b = (np.ones(shape) for shape in shapes)
    for x, y in ((Variable(a), b), (a, Variable(b)), (Variable(a), Variable(b))):
        with pytest.raises(ValueError, match=message):
            f(x, y)
    with pytest.raises((ValueError, IndexError)):  # as NumPy does
        f(a, b)


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


@pytest.mark.parametrize("f", [np.matmul, np.dot, lambda a, b: np.einsum("ij,jk", a, b)])
def test_an_error_of_other_cause_than_shapes_stays_as_it_is(f):
    x = Variable(np.full((2, 2), 1e200))
    with graph.watch(), pytest.raises(graph.NotFiniteError), np.errstate(all="ignore"):
        f(x, x)
