"""grad, vjp, jvp, jacobian, hessian: functions of arrays to functions of arrays, nested at will."""

import collections
import fractions
import functools
import gc

import numpy as np
import pytest

from npbp import graph
from npbp.graph import Variable, grad, hessian, jacobian, jvp, value_and_grad, vjp


def cube(x):
    return x**3


X = np.array([1.0, -2.0, 3.0])


# ---- one derivative


def test_the_gradient_has_the_shape_and_dtype_of_the_argument():
    d = grad(lambda x: np.sum(x**2))(X)
    assert type(d) is np.ndarray and d.dtype == np.float64
    np.testing.assert_array_equal(d, 2 * X)
    d = grad(lambda x: np.sum(x * np.float64(2)))(X.astype(np.float32))
    assert d.dtype == np.float32


def test_a_python_float_gives_a_float_and_an_int_is_taken_as_one():
    assert isinstance(grad(cube)(3.0), float)
    assert isinstance(grad(cube)(3), float)
    assert grad(cube)(3.0) == grad(cube)(3) == 27
    value, d = value_and_grad(lambda p: p[0] * p[1])([2, 5])
    assert value == 10 and d == [5.0, 2.0] and all(isinstance(v, float) for v in d)


def test_value_and_grad_runs_the_function_once():
    calls = []

    def f(x):
        calls.append(x)
        return np.sum(x * x)

    value, d = value_and_grad(f)(X)
    assert len(calls) == 1
    assert isinstance(value, np.float64) and value == 14
    np.testing.assert_array_equal(d, 2 * X)


def test_argnums_says_which_arguments():
    def f(x, y, z=1.0):
        return np.sum(x * y**2) * z

    assert grad(f)(2.0, 3.0) == 9
    assert grad(f, 1)(2.0, 3.0) == 12
    assert grad(f, -1)(2.0, 3.0) == 12
    assert grad(f, (0, 1))(2.0, 3.0) == (9, 12)
    assert grad(f, (1, 0))(2.0, 3.0, z=10.0) == (120, 90)
    assert grad(f, (1,))(2.0, 3.0) == (12,)
    assert grad(f, [0])(2.0, 3.0) == grad(f, np.array([0]))(2.0, 3.0) == (9,)
    assert grad(f, ())(2.0, 3.0) == ()


def test_other_arguments_may_be_anything():
    def f(x, labels, how, scale=None):
        assert type(labels) is np.ndarray and how == "sum"
        return np.sum(x[labels]) * scale

    d = grad(f)(X, np.array([0, 0, 2]), "sum", scale=10.0)
    np.testing.assert_array_equal(d, [20, 0, 10])


def test_the_same_array_as_two_arguments_has_two_gradients():
    d_x, d_y = grad(lambda x, y: np.sum(x * y**2), (0, 1))(X, X)
    np.testing.assert_array_equal(d_x, X**2)
    np.testing.assert_array_equal(d_y, 2 * X**2)


Pair = collections.namedtuple("Pair", "W b")


def test_arguments_may_be_trees():
    def f(p):
        return np.sum(p["layers"][0].W * 2 + p["layers"][0].b) + p["c"][0] * p["c"][1]

    p = {"layers": [Pair(np.ones((2, 3)), np.zeros(3))], "c": (4.0, 5.0)}
    d = grad(f)(p)
    assert list(d) == ["layers", "c"]
    assert type(d["layers"]) is list and type(d["layers"][0]) is Pair
    np.testing.assert_array_equal(d["layers"][0].W, np.full((2, 3), 2.0))
    np.testing.assert_array_equal(d["layers"][0].b, np.full(3, 2.0))
    assert d["c"] == (5.0, 4.0)
    d_p, d_q = grad(lambda p, q: p[0] * q["a"], (0, 1))([2.0], {"a": 3.0, "b": 1.0})
    assert d_p == [3.0] and d_q == {"a": 2.0, "b": 0.0}
    assert grad(lambda p: 1.0 * 2)([]) == []


def test_a_function_that_does_not_depend_on_its_argument_has_zeros():
    older = Variable(2.0)
    for f in (
        lambda x: 5.0,
        lambda x: np.float64(2.0),
        lambda x: np.array(2.0),
        lambda x: older * older,
        lambda x: Variable(1.0),
        lambda x: np.sum(x > 0) * 1.0,
        lambda x: np.sum(np.floor(x)),
    ):
        d = grad(f)(X)
        assert d.shape == (3,) and not np.any(graph.variable.value_of(d))
    assert value_and_grad(lambda x: 5.0)(X)[0] == 5.0
    assert grad(lambda x, y: np.sum(x), 1)(X, 2.0) == 0.0


def test_inputs_are_left_as_they_are():
    x = X.copy()
    x.flags.writeable = False
    grad(lambda x: np.sum(np.sort(x) * x))(x)
    hessian(lambda x: np.sum(np.sort(x) * x))(x)


def test_results_may_be_written_into():
    """Neither a second result nor the caller's array changes with the first."""
    y = X[::-1].copy()
    d_x, d_y = grad(lambda x, y: np.sum(x + y), (0, 1))(X, y)
    d_x *= 10
    np.testing.assert_array_equal(d_y, np.ones(3))
    G = np.ones(3)
    _, pullback = vjp(lambda x: x, X)
    (d_x,) = pullback(G)
    d_x *= 10
    np.testing.assert_array_equal(G, np.ones(3))
    (d_x,) = pullback(G)
    np.testing.assert_array_equal(d_x, np.ones(3))
    T = np.ones(3)
    _, tangent = jvp(lambda x: x, (X,), (T,))
    tangent *= 10
    np.testing.assert_array_equal(T, np.ones(3))
    _, (t, u) = jvp(lambda x: (x + 1, x + 2), (X,), (T,))
    t *= 10
    np.testing.assert_array_equal(u, np.ones(3))
    _, t = jvp(lambda x: x + np.zeros((2, 3)), (X,), (T,))
    t[0] = 7
    np.testing.assert_array_equal(t[1], np.ones(3))


def test_methods_partial_functions_and_keywords_are_differentiated():
    class Model:
        scale = 2.0

        def loss(self, x, *, power=2):
            return self.scale * np.sum(x**power)

        def __call__(self, x):
            return self.loss(x)

    np.testing.assert_array_equal(grad(Model().loss)(X, power=3), 6 * X**2)
    np.testing.assert_array_equal(grad(Model())(X), 4 * X)
    np.testing.assert_array_equal(grad(functools.partial(Model().loss, power=1))(X), [2, 2, 2])
    np.testing.assert_array_equal(jacobian(functools.partial(np.multiply, X))(X), np.diag(X))
    np.testing.assert_array_equal(vjp(Model().loss, X)[1](1.0)[0], 4 * X)


def test_a_function_may_return_its_argument_itself():
    assert grad(lambda x: x)(2.0) == 1 and value_and_grad(lambda x: x)(2.0) == (2, 1)
    assert grad(lambda p: p["a"])({"a": 2.0, "b": 3.0}) == {"a": 1, "b": 0}
    np.testing.assert_array_equal(jacobian(lambda x: x)(X), np.eye(3))
    assert grad(grad(lambda x: x))(2.0) == 0
    assert grad(lambda x: x * grad(lambda y: y)(x))(2.0) == 1
    assert hessian(lambda x: x)(2.0) == 0
    assert graph.elementwise_grad(lambda x: x)(2.0) == 1


def test_one_argument_may_be_named_twice():
    assert grad(lambda x: x**2, (0, -1))(3.0) == (6, 6)
    (a, b) = grad(lambda p: p[0] * p[1], (0, 0))([3.0, 5.0])
    assert a == b == [5.0, 3.0]


def test_without_an_argument_to_differentiate_the_outer_derivative_is_kept():
    for inner in (
        lambda w: value_and_grad(lambda x: x * w, ())(2.0)[0],
        lambda w: value_and_grad(lambda p: w * 2.0)([])[0],
        lambda w: vjp(lambda: w * 2.0)[0],
        lambda w: grad(lambda p: (1.0, w * 2.0), has_aux=True)({})[1],
    ):
        assert grad(inner)(3.0) == 2


def test_nothing_is_left_in_memory_until_python_looks_for_cycles():
    p = {"W": np.ones((2, 3)), "b": [X]}

    def f(p):
        return np.sum(np.tanh(p["W"] @ p["b"][0]))

    calls = [
        lambda: grad(f)(p), lambda: vjp(f, p)[1](1.0), lambda: jvp(f, (p,), (p,)),
        lambda: hessian(f)(p), lambda: grad(graph.checkpoint(f))(p),
        lambda: graph.check_grads(f, (p,), order=1),
    ]  # fmt: skip

    def variables():
        return sum(type(x) is Variable for x in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = variables()
        for call in calls:
            call()
        assert variables() <= before
    finally:
        gc.enable()


# ---- what else a function returns


def test_an_aux_comes_back_in_plain_values():
    def f(x):
        y = x * 2
        return np.sum(y**2), {"y": y, "n": 7, "text": "a", "more": [np.sum(y), None, x > 0]}

    for d, aux in (
        grad(f, has_aux=True)(X),
        graph.grad_and_aux(f)(X),
        value_and_grad(f, has_aux=True)(X)[::-1],
        jacobian(f, has_aux=True)(X),
        vjp(f, X, has_aux=True)[1:],
    ):
        if callable(d):
            (d,) = d(1.0)
        if type(aux) is tuple:
            assert aux[0] == 56
            aux = aux[1]
        np.testing.assert_array_equal(d, 8 * X)
        assert type(aux["y"]) is np.ndarray and type(aux["more"][0]) is np.float64
        np.testing.assert_array_equal(aux["y"], 2 * X)
        assert (aux["n"], aux["text"], aux["more"][1]) == (7, "a", None)
        assert aux["more"][2].tolist() == [True, False, True]
    assert vjp(f, X, has_aux=True)[0] == 56
    assert grad(lambda x: (5.0, x), has_aux=True)(3.0) == (0, 3)  # a constant
    assert grad(lambda x, y: (x * y, y), 1, has_aux=True)(2.0, 3.0) == (2, 3)


def test_an_aux_can_be_differentiated_from_outside():
    def f(x):
        d, aux = grad(lambda y: (y**2 * x, (x**3, y * 2, y * x)), has_aux=True)(5.0)
        assert type(aux[1]) is np.float64, "nothing of the outer differentiation is in it"
        assert type(aux[0]) is type(aux[2]) is Variable
        return d + aux[0] + aux[1] + aux[2]  # 10 x + x^3 + 10 + 5 x

    assert value_and_grad(f)(2.0) == (20 + 8 + 10 + 10, 10 + 12 + 5)
    assert grad(lambda x: jacobian(lambda y: (y, x * y), has_aux=True)(x)[1])(3.0) == 6
    assert grad(lambda x: vjp(lambda y: (y, x * y), x, has_aux=True)[2])(3.0) == 6


def test_what_is_no_pair_has_no_aux():
    for f, what in (
        (lambda x: x, "Variable"), (lambda x: (x, x, x), "a tuple of 3"), (lambda x: None, "None"),
    ):  # fmt: skip
        for call in (
            lambda: grad(f, has_aux=True)(2.0), lambda: graph.grad_and_aux(f)(2.0),
            lambda: vjp(f, 2.0, has_aux=True), lambda: jacobian(f, has_aux=True)(2.0),
        ):  # fmt: skip
            with refuses(TypeError, f"returned {what}", "a pair", "has_aux=True"):
                call()


# ---- each number alone


def test_elementwise_grad_differentiates_each_number_alone():
    elementwise_grad = graph.elementwise_grad
    d = elementwise_grad(np.tanh)(X)
    np.testing.assert_array_equal(d, jacobian(np.tanh)(X).diagonal())
    np.testing.assert_array_equal(elementwise_grad(elementwise_grad(cube))(X), 6 * X)
    np.testing.assert_array_equal(
        elementwise_grad(lambda x, y, k=1: x * y**2 * k, (0, 1))(X, X + 1, k=2)[1],
        4 * X * (X + 1),
    )
    np.testing.assert_array_equal(elementwise_grad(lambda x, y: x * y, -1)(X, 2.0), X.sum())
    assert elementwise_grad(cube)(2) == 12 and elementwise_grad(lambda x: 1.0)(2.0) == 0
    assert elementwise_grad(cube)(np.float32([1, 2])).dtype == np.float32
    d = elementwise_grad(lambda p: {"a": p["x"] ** 2, "b": 3 * p["y"]})({"x": X, "y": X})
    np.testing.assert_array_equal(d["x"], 2 * X)
    np.testing.assert_array_equal(d["y"], [3, 3, 3])
    # In a function that is differentiated itself:
    np.testing.assert_array_equal(grad(lambda x: np.sum(elementwise_grad(cube)(x)))(X), 6 * X)
    assert jvp(elementwise_grad(cube), (2.0,), (1.0,)) == (12, 12)
    graph.check_grads(elementwise_grad(np.sin), (X,))


# ---- nesting


def test_gradients_nest():
    assert grad(grad(cube))(2.0) == 12
    assert grad(grad(grad(cube)))(2.0) == 6
    assert grad(grad(grad(grad(cube))))(2.0) == 0
    d = [grad(np.sin)]
    for _ in range(5):
        d.append(grad(d[-1]))
    np.testing.assert_allclose(
        [f(0.7) for f in d],
        [np.cos(0.7), -np.sin(0.7), -np.cos(0.7), np.sin(0.7), np.cos(0.7), -np.sin(0.7)],
    )


def test_the_result_is_a_plain_array_at_the_outermost_level_only():
    seen = []

    def f(x):
        inner = grad(cube)(x)
        seen.append(inner)
        return inner

    assert type(grad(f)(2.0)) is np.float64
    assert type(seen[0]) is Variable
    assert type(f(2.0)) is np.float64


def test_a_gradient_within_a_differentiated_function():
    def f(x):
        return np.sum(grad(lambda y: np.sum(y**3 * x))(x**2) ** 2)  # sum of (3 x^5)^2

    np.testing.assert_allclose(grad(f)(X), 90 * X**9)


def test_closures_over_outer_variables():
    assert grad(lambda y: grad(lambda x: x * y)(2.0))(3.0) == 1
    assert grad(lambda y: grad(lambda x: x * y)(y))(3.0) == 1
    assert grad(lambda y: y * grad(lambda x: x * y * y)(2.0))(3.0) == 27
    assert grad(lambda y: value_and_grad(lambda x: x * y)(2.0)[0])(3.0) == 2


@pytest.mark.parametrize("outer", ["rev", "fwd"])
@pytest.mark.parametrize("inner", ["rev", "fwd"])
def test_no_perturbation_is_taken_for_another(outer, inner):
    def derivative(f, mode):
        return grad(f) if mode == "rev" else lambda x: jvp(f, (x,), (x * 0 + 1,))[1]

    # d/dx (x d/dy (x + y)) = d/dx x = 1, and not 2
    def f(x):
        return x * derivative(lambda y: x + y, inner)(1.0)

    assert derivative(f, outer)(1.0) == 1

    # d/dx (x d/dy (x y) at y = x) = d/dx x^2
    def g(x):
        return x * derivative(lambda y: x * y, inner)(x)

    assert derivative(g, outer)(3.0) == 6

    # d/dx d/dy (x^2 y^3) at y = 2x: d/dx (3 x^2 (2x)^2) = 48 x^3
    def h(x):
        return derivative(lambda y: x**2 * y**3, inner)(2 * x)

    assert derivative(h, outer)(1.0) == 48


def test_a_gradient_with_respect_to_an_outer_variable_passed_in_twice():
    def f(x):
        d_a, d_b = grad(lambda a, b: a**2 * b, (0, 1))(x, x)
        return d_a + 10 * d_b  # 2 x^2 + 10 x^2

    assert grad(f)(3.0) == 72


def test_an_inserted_gradient_belongs_to_the_graph_of_variables_outside():
    w = Variable(3.0, name="w")
    d = grad(lambda x: w * x**2)(2.0)
    assert type(d) is Variable and d.value == 12
    assert graph.general_back_propagation([w], d)[w].value == 4
    d = grad(cube)(w)
    assert graph.general_back_propagation([w], d)[w].value == 18


def test_a_branch_of_the_program_is_followed():
    def f(x):
        return x**2 if x > 0 else -x

    assert grad(f)(3.0) == 6 and grad(f)(-3.0) == -1
    assert grad(grad(f))(3.0) == 2 and grad(grad(f))(-3.0) == 0


def test_newton_s_method_is_a_loop_around_gradients():
    def minimum(a):
        def f(x):
            return x**4 - a * x

        x = 1.0
        for _ in range(8):
            x = x - grad(f)(x) / grad(grad(f))(x)
        return x

    a = 3.0  # 4 x^3 = a
    np.testing.assert_allclose(minimum(a), (a / 4) ** (1 / 3))
    np.testing.assert_allclose(grad(minimum)(a), (a / 4) ** (-2 / 3) / 12)


def test_an_operation_can_be_differentiated_itself():
    assert grad(graph.sigmoid)(0.0) == 0.25


# ---- vjp and jvp


def test_vjp_pulls_gradients_back():
    W, x = np.arange(6.0).reshape(2, 3), X
    value, pullback = vjp(np.matmul, W, x)
    np.testing.assert_array_equal(value, W @ x)
    for G in (np.array([1.0, 0.0]), np.array([0.5, -2.0]), [1.0, 2.0]):
        d_W, d_x = pullback(G)
        np.testing.assert_array_equal(d_W, np.outer(G, x))
        np.testing.assert_array_equal(d_x, W.T @ G)
    assert type(d_W) is np.ndarray and type(value) is np.ndarray


def test_vjp_and_jvp_take_argnums():
    W, x = np.arange(6.0).reshape(2, 3), X
    np.testing.assert_array_equal(vjp(np.matmul, W, x, argnums=1)[1]([1.0, 1.0]), W.sum(0))
    (d,) = vjp(np.matmul, W, x, argnums=(1,))[1]([1.0, 1.0])
    np.testing.assert_array_equal(d, W.sum(0))
    np.testing.assert_array_equal(jvp(np.matmul, (W, x), x, argnums=1)[1], W @ x)
    np.testing.assert_array_equal(jvp(np.matmul, (W, x), (x,), argnums=(1,))[1], W @ x)
    value, tangent = jvp(lambda i, x: x[i], (np.array([1, 1]), X), X * 2, argnums=1)
    np.testing.assert_array_equal(tangent, [-4, -4])


def test_jvp_pushes_tangents_forward():
    W, x = np.arange(6.0).reshape(2, 3), X
    T_W, T_x = np.ones((2, 3)), np.array([1.0, 0.0, -1.0])
    value, tangent = jvp(lambda W, x: W @ x, (W, x), (T_W, T_x))
    np.testing.assert_array_equal(value, W @ x)
    np.testing.assert_array_equal(tangent, T_W @ x + W @ T_x)
    value, tangent = jvp(cube, (2.0,), (1,))
    assert (value, tangent) == (8, 12)
    assert jvp(lambda x: x * 3, (np.float32([2]),), ([1.0],))[1].dtype == np.float32


def test_results_may_be_trees():
    def f(p):
        return {"product": p[0] * p[1], "rest": (p[0], 7.0, [np.sum(p[1])])}

    p, T = (X, X + 1), (np.ones(3), np.zeros(3))
    value, pullback = vjp(f, p)
    assert list(value) == ["product", "rest"] and value["rest"][1] == 7.0
    np.testing.assert_array_equal(value["product"], X * (X + 1))
    G = {"product": np.ones(3), "rest": (np.full(3, 10.0), 1.0, [100.0])}
    ((d_0, d_1),) = pullback(G)
    np.testing.assert_array_equal(d_0, X + 1 + 10)
    np.testing.assert_array_equal(d_1, X + 100)
    value, tangent = jvp(f, (p,), (T,))
    np.testing.assert_array_equal(tangent["product"], X + 1)
    np.testing.assert_array_equal(tangent["rest"][0], np.ones(3))
    assert tangent["rest"][1] == 0 and tangent["rest"][2] == [0]
    assert type(tangent["rest"][2][0]) is np.float64


def test_an_output_that_another_output_is_made_of():
    def f(x):
        y = x**2
        return y, y * 3

    _, pullback = vjp(f, 5.0)
    assert pullback((1.0, 10.0)) == (310.0,)
    assert jvp(f, (5.0,), (1.0,))[1] == (10.0, 30.0)
    _, pullback = vjp(lambda x: (x, x), 5.0)
    assert pullback((1.0, 10.0)) == (11.0,)


def test_a_pullback_can_be_differentiated():
    _, pullback = vjp(cube, 2.0)
    assert grad(lambda G: pullback(G)[0] ** 2)(3.0) == 2 * 12 * 36
    assert jvp(lambda G: pullback(G)[0], (3.0,), (1.0,))[1] == 12
    # Made in a function that is itself differentiated:
    assert grad(lambda x: vjp(cube, x)[1](1.0)[0])(2.0) == 12
    assert grad(lambda x: vjp(cube, x)[0])(2.0) == 12
    assert grad(lambda x: vjp(lambda y: y * x, 5.0)[1](x)[0])(2.0) == 4
    assert grad(lambda x: sum(vjp(lambda y: (y * x, y), 5.0)[1]((x, 1.0))))(2.0) == 4


def test_a_tangent_can_be_differentiated():
    assert grad(lambda t: jvp(cube, (2.0,), (t,))[1] ** 2)(1.0) == 2 * 12 * 12
    assert grad(lambda x: jvp(cube, (x,), (1.0,))[1])(2.0) == 12
    assert jvp(lambda x: jvp(cube, (x,), (x,))[1], (2.0,), (1.0,)) == (24, 36)
    assert grad(lambda x: jvp(cube, (x,), (1.0,))[0])(2.0) == 12


# ---- jacobian and hessian

JACOBIANS = [
    (lambda x: np.sum(x**2), X, 2 * X),
    (lambda x: x[:2] * x[2], X, np.array([[3.0, 0, 1], [0, 3, -2]])),
    (lambda x: np.outer(x, x)[:, :1], X, None),
    (lambda x: x * X, 2.0, X),
    (lambda x: np.array([5.0, 6.0]), X, np.zeros((2, 3))),
    (lambda x: 5.0, X, np.zeros(3)),
    (lambda x: np.concatenate([x, x * 0, np.ones(1)]), X, None),
    (lambda x: x[:0], X, np.zeros((0, 3))),
    (lambda x: np.sum(x), np.zeros((0, 2)), np.zeros((0, 2))),
    (lambda x: x.T, np.arange(6.0).reshape(2, 3), None),
    (cube, 2.0, 12.0),
]


@pytest.mark.parametrize("f, x, expected", JACOBIANS)
def test_the_jacobian_is_the_same_by_rows_and_by_columns(f, x, expected):
    found = {mode: jacobian(f, mode=mode)(x) for mode in ("rev", "fwd", None)}
    shape = np.shape(f(x)) + np.shape(x)
    for J in found.values():
        assert J.shape == shape and J.dtype == np.float64
        np.testing.assert_array_equal(J, found["rev"])
    if expected is not None:
        np.testing.assert_array_equal(found["rev"], expected)
    else:
        for k in np.ndindex(np.shape(f(x))):
            np.testing.assert_array_equal(found["rev"][k], grad(lambda x: f(x)[k])(x))


class Counting(graph.Operation):
    """Y = X for wide or tall arrays, counting the passes of either kind."""

    def __init__(self, W):
        self.W, self.passes = W, []

    def forward(self, X):
        return self.W @ X

    def bprop(self, i, G, Y, X):
        self.passes.append("rev")
        return self.W.T @ G

    def jvp(self, i, T, Y, X):
        self.passes.append("fwd")
        return self.W @ T


def test_the_jacobian_takes_the_direction_with_fewer_passes():
    wide, tall = Counting(np.ones((2, 5))), Counting(np.ones((5, 2)))
    np.testing.assert_array_equal(jacobian(wide)(np.ones(5)), wide.W)
    np.testing.assert_array_equal(jacobian(tall)(np.ones(2)), tall.W)
    assert wide.passes == ["rev"] * 2 and tall.passes == ["fwd"] * 2
    jacobian(wide, mode="fwd")(np.ones(5))
    assert wide.passes[2:] == ["fwd"] * 5


def test_the_jacobian_of_a_gradient_is_the_hessian():
    def f(x):
        return np.sum(x**3) + x[0] * x[1] ** 2

    x = X
    expected = np.diag(6 * x)
    expected[0, 1] = expected[1, 0] = 2 * x[1]
    expected[1, 1] += 2 * x[0]
    by_hand = [jacobian(grad(f)), jacobian(jacobian(f))]
    for H in [hessian(f, mode=mode) for mode in ("rev", "fwd", None)] + by_hand:
        np.testing.assert_allclose(H(x), expected, rtol=1e-14)
    v = np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(graph.hessian_vector_product(f)(x, v), expected @ v)
    np.testing.assert_allclose(grad(lambda x: np.sum(grad(f)(x) * v))(x), expected @ v)


def test_third_derivatives_by_all_directions():
    expected = np.zeros((3, 3, 3))
    for i in range(3):
        expected[i, i, i] = 24 * X[i]
    for a in ("rev", "fwd"):
        for b in ("rev", "fwd"):
            found = jacobian(hessian(lambda x: np.sum(x**4), mode=a), mode=b)(X)
            np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("mode", ["rev", "fwd", None])
def test_jacobians_of_trees_are_trees_of_trees(mode):
    def f(p, x):
        return {"y": p["W"] @ x + p["b"], "n": np.sum(p["b"])}

    p = {"W": np.arange(6.0).reshape(2, 3), "b": np.ones(2)}
    J = jacobian(f, mode=mode)(p, X)
    assert list(J) == ["y", "n"] and list(J["y"]) == ["W", "b"]
    np.testing.assert_array_equal(J["y"]["W"], np.einsum("ij,k->ijk", np.eye(2), X))
    np.testing.assert_array_equal(J["y"]["b"], np.eye(2))
    np.testing.assert_array_equal(J["n"]["W"], np.zeros((2, 3)))
    np.testing.assert_array_equal(J["n"]["b"], np.ones(2))
    J_p, J_x = jacobian(f, (0, 1), mode=mode)(p, X)["y"]
    np.testing.assert_array_equal(J_x, p["W"])


@pytest.mark.parametrize("mode", ["rev", "fwd"])
def test_hessians_of_trees_and_several_arguments(mode):
    def f(p, y):
        return p["a"] ** 2 * np.sum(p["b"]) * y

    H = hessian(f, mode=mode)({"a": 3.0, "b": np.ones(2)}, 5.0)
    assert H["a"]["a"] == 20 and not H["b"]["b"].any()
    np.testing.assert_array_equal(H["a"]["b"], [30, 30])
    np.testing.assert_array_equal(H["b"]["a"], [30, 30])
    (aa, ay), (ya, yy) = hessian(lambda a, y: a**2 * y, (0, 1), mode=mode)(3.0, 5.0)
    assert (aa, ay, ya, yy) == (10, 6, 6, 0)


def test_hessian_vector_products_take_argnums_trees_and_keywords():
    def f(p, y, scale=1.0):
        return scale * p[0] ** 2 * p[1] * y**2

    p, y = [3.0, 5.0], 2.0
    product = graph.hessian_vector_product(f)(p, y, [1.0, 10.0], scale=2.0)
    assert product == [2 * (10 * 4 + 6 * 4 * 10), 2 * 6 * 4]
    assert graph.hessian_vector_product(f, 1)(p, y, 1.0) == 90
    d_p, d_y = graph.hessian_vector_product(f, (0, 1))(p, y, ([0.0, 0.0], 1.0))
    assert d_p == [6 * 5 * 4, 9 * 4] and d_y == 90


def test_a_jacobian_within_a_differentiated_function():
    for mode in ("rev", "fwd"):
        # det of the Jacobian of (x0 x1, x1^2) is 2 x1^2
        def f(x):
            J = jacobian(lambda x: np.stack([x[0] * x[1], x[1] ** 2]), mode=mode)(x)
            return J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]

        np.testing.assert_allclose(grad(f)(np.array([3.0, 5.0])), [0, 20])


# ---- forward through a graph that is there


def test_general_forward_propagation_pushes_tangents_through_a_graph():
    x, y = Variable(X), Variable(2.0)
    a = x * y
    b = np.sum(a) + y
    beside = np.exp(x)
    for insert in (True, False):
        tangents = graph.general_forward_propagation({x: np.ones(3), y: 10.0}, [a, b, x], insert)
        assert {type(T) is Variable for T in tangents.values()} == {insert}
        value = {V: graph.variable.value_of(T) for V, T in tangents.items()}
        np.testing.assert_array_equal(value[a], 2 + 10 * X)
        assert value[b] == 6 + 20 + 10
        np.testing.assert_array_equal(value[x], np.ones(3))
    tangents = graph.general_forward_propagation({y: 1.0}, [beside, b], insert=False)
    np.testing.assert_array_equal(tangents[beside], np.zeros(3))
    assert tangents[b] == 3


def test_tangents_of_a_variable_and_of_one_made_of_it_are_added():
    """As with back-propagation: <J^T v, u> = <v, J u> over all inputs."""
    a = Variable(3.0)
    b = a * a
    c = b * 10
    tangents = graph.general_forward_propagation({a: 1.0, b: 100.0}, [c], insert=False)
    assert tangents[c] == (6 + 100) * 10
    d = graph.general_back_propagation([a, b], c, insert=False)
    assert d[a] * 1 + d[b] * 100 == tangents[c]


def test_only_what_lies_between_inputs_and_outputs_is_pushed_through():
    class NoDerivative(graph.Operation):
        def forward(self, X):
            return X * 2

    x, y = Variable(2.0), Variable(3.0)
    side = NoDerivative()(x)  # does not lead to the output
    other = NoDerivative()(y)  # does not come from the input
    out = x * other
    assert graph.general_forward_propagation({x: 1.0}, [out], insert=False)[out] == 6
    with pytest.raises(TypeError, match="NoDerivative has no bprop"):
        graph.general_forward_propagation({x: 1.0}, [side])


def test_a_tangent_is_pushed_through_200_000_operations_without_recursion():
    x = Variable(1.0)
    y = x
    for _ in range(100_000):
        y = y * 0.99999 + x
    tangents = graph.general_forward_propagation({x: 1.0}, [y], insert=False)
    assert tangents[y] == pytest.approx(y.value)


def test_an_operation_without_a_jvp_gets_one_from_its_bprop():
    class Twisted(graph.Operation):
        """Y = A^T B^2, with broadcasting of nothing and no jvp."""

        def forward(self, A, B):
            return A.T @ B**2

        def bprop(self, i, G, Y, A, B):
            return 2 * B * (A @ G) if i else B**2 @ G.T

    rng = np.random.default_rng(0)
    graph.check_grads(Twisted(), (rng.random((2, 3)), rng.random((2, 4))))


# ---- results that do not change a little

WHOLE = [
    lambda x: np.argmax(x),
    lambda x: np.allclose(x, x),
    lambda x: np.count_nonzero(x),
    lambda x: np.sum(x > 0),
    lambda x: x[0] > 0,
    lambda x: np.round(x[0]).astype(int),
    lambda x: 3,
    lambda x: True,
    lambda x: np.int64(3),
    lambda x: np.array(3),
    lambda x: Variable(3),
]


@pytest.mark.parametrize("f", WHOLE)
def test_an_integer_or_a_truth_value_has_no_derivative(f):
    for call in (
        lambda: grad(f)(X),
        lambda: value_and_grad(f)(X),
        lambda: grad(lambda x: (f(x), x), has_aux=True)(X),
        lambda: vjp(f, X),
        lambda: jvp(f, (X,), (X,)),
        lambda: jacobian(f)(X),
        lambda: jacobian(f, mode="fwd")(X),
        lambda: hessian(f)(X),
        lambda: graph.hessian_vector_product(f)(X, X),
        lambda: graph.gauss_newton_vector_product(f, lambda y: y * 1.0)(X, X),
        lambda: graph.gauss_newton_vector_product(lambda x: x, f)(X, X),
        lambda: graph.elementwise_grad(f)(X),
        lambda: graph.check_grads(f, (X,)),
        lambda: graph.check_grads(f, (X,), modes="fwd"),
        lambda: grad(graph.checkpoint(f))(X),
        lambda: grad(lambda w: grad(f)(X * w)[0])(2.0),
    ):
        with refuses(TypeError, "type (int|bool)", "wanted floating numbers", "change a little",
                     "a count, a position", "a comparison"):  # fmt: skip
            call()


def test_one_integer_among_the_results_is_named():
    def f(x):
        return {"y": x * 2, "more": (np.sum(x), [np.argsort(x)])}

    for call in (
        lambda: vjp(f, X), lambda: jvp(f, (X,), (X,)), lambda: jacobian(f)(X),
        lambda: graph.check_grads(f, (X,)), lambda: graph.elementwise_grad(f)(X),
    ):  # fmt: skip
        with refuses(TypeError, r"a result at \['more'\]\[1\]\[0\]", "int64", "position"):
            call()


def test_whole_numbers_may_be_anywhere_but_at_the_end():
    def f(x):
        return np.sum(x[np.argsort(x)] * np.arange(3)) + 3 * np.sum(x > 0)

    np.testing.assert_array_equal(grad(f)(X), [1, 0, 2])
    x = Variable(X, name="x")
    k = np.argmax(x)
    assert graph.evaluate(k, {x: -X}) == 1 and graph.compile(k, [x])(-X) == 1


def test_the_algorithms_refuse_an_integer_as_what_to_differentiate():
    x = Variable(X)
    with refuses(TypeError, "z of type int64", "change a little", "position"):
        graph.general_back_propagation([x], np.argmax(x))
    with refuses(TypeError, "z of type bool", "comparison"):
        graph.general_back_propagation([x], x > 0, upstream=np.ones(3))
    with refuses(TypeError, "an output of type bool", "change a little"):
        graph.general_forward_propagation({x: X}, [x > 0])


@pytest.mark.parametrize("f", [lambda x: np.sum(x) * 1j, lambda x: 1j, lambda x: np.array(1j)])
def test_a_complex_result_has_no_derivative(f):
    for call in (
        lambda: grad(f)(X), lambda: vjp(f, X), lambda: jvp(f, (X,), (X,)), lambda: jacobian(f)(X),
        lambda: graph.check_grads(f, (X,)), lambda: graph.elementwise_grad(f)(X),
    ):  # fmt: skip
        with refuses(TypeError, "complex128", "wanted floating numbers", "real function"):
            call()


def test_an_object_in_the_program_is_an_error_that_says_so():
    half = fractions.Fraction(1, 2)
    for f in (
        lambda x: np.sum(x * half), lambda x: x[0] * half, lambda x: np.sum(np.array([half]) * x),
        lambda x: half,
    ):  # fmt: skip
        for call in (
            lambda: grad(f)(X), lambda: vjp(f, X), lambda: jacobian(f)(X), lambda: jvp(f, (X,), (X,))
        ):  # fmt: skip
            with refuses(TypeError, "Fraction|of type object|array of object"):
                call()
    with refuses(TypeError, "'Variable' and 'Fraction'"):
        Variable(X) * half


# ---- errors


def refuses(error, *words):
    return pytest.raises(error, match=r"(?s)" + ".*".join(words))


def test_integers_and_booleans_are_refused_and_floats_recommended():
    for x in (np.arange(3), np.array([True]), np.int64(3), True, Variable(np.arange(3))):
        with refuses(TypeError, "argument 0", "floating numbers", r"x\.astype\(float\)"):
            grad(lambda x: np.sum(x))(x)
    with refuses(TypeError, "argument 1", "int"):
        vjp(lambda x, y: x * y, 1.0, np.arange(3))
    with refuses(TypeError, "argument 0", "int"):
        jvp(lambda x: x, (np.arange(3),), (np.arange(3),))
    with refuses(TypeError, "argument 0", "int"):
        jacobian(lambda x: x)([np.arange(3)])
    for x in (None, "a", np.array([1j])):
        with refuses(TypeError, "argument 0", "wanted real numbers"):
            grad(lambda x: x)(x)


def test_a_gradient_of_many_numbers_points_to_jacobian_and_vjp():
    with refuses(TypeError, r"shape \(3,\)", "single number", "jacobian", "vjp", "np.sum"):
        grad(lambda x: x * 2)(X)
    with refuses(TypeError, r"shape \(1,\)", "single number", r"return y\[0\], y.reshape\(\(\)\) or np.sum"):
        grad(lambda x: x[:1])(X)
    with refuses(TypeError, r"shape \(1, 1\)", r"return y\[0, 0\], y.reshape"):
        grad(lambda x: np.sum(x).reshape(1, 1))(X)
    with refuses(TypeError, r"shape \(1, 1\)", r"return y\[0, 0\], y.reshape"):
        grad(lambda x: np.ones((1, 1)))(X)
    x = Variable(X)
    with refuses(ValueError, r"shape \(1, 1\)", "upstream=", r"z\[0, 0\], z.reshape\(\(\)\)"):
        graph.general_back_propagation([x], np.sum(x, keepdims=True).reshape(1, 1))
    with refuses(TypeError, "returned dict", "jacobian", "has_aux", "np.sum"):
        grad(lambda x: {"y": x})(2.0)
    with refuses(TypeError, "returned function"):
        grad(lambda x: cube)(2.0)
    with refuses(TypeError, r"shape \(2,\)"):
        grad(lambda x: np.ones(2))(X)
    with refuses(TypeError, "returned tuple", "single number"):
        grad(lambda x: (x, x))(2.0)
    with refuses(TypeError, "returned None", "return"):
        grad(lambda x: None)(2.0)
    with refuses(TypeError, "returned None", "return"):
        jacobian(lambda x: None)(2.0)


def test_what_is_no_function_is_refused_at_once():
    for call, name in (
        (lambda: grad(cube(2.0)), "grad"), (lambda: value_and_grad(None), "value_and_grad"),
        (lambda: vjp(X, X), "vjp"), (lambda: jvp(X, (X,), (X,)), "jvp"),
        (lambda: jacobian(X), "jacobian"), (lambda: hessian(X), "hessian"),
        (lambda: graph.hessian_vector_product(X), "hessian_vector_product"),
        (lambda: graph.elementwise_grad(X), "elementwise_grad"),
        (lambda: graph.grad_and_aux(X), "grad_and_aux"),
        (lambda: graph.checkpoint(X), "checkpoint"),
        (lambda: graph.gauss_newton_vector_product(cube, X), "gauss_newton_vector_product"),
        (lambda: graph.check_grads(X, (X,)), "check_grads"),
    ):  # fmt: skip
        with refuses(TypeError, f"{name}: got ", "wanted a function", rf"{name}\(f\)"):
            call()


def test_arguments_that_are_no_plain_real_arrays_are_refused():
    masked = np.ma.masked_array(X, [False, True, False])
    for x, words in (
        (X * 1j, ["complex128", "real numbers"]), (1j, ["complex128"]),
        (masked, ["mask", "plain array", "filled"]),
        (np.ones((1, 2)).view(np.matrix), ["np.matrix", "np.asarray"]),
        (np.array([1.0, None]), ["object"]), (10**400, ["too large"]),
    ):  # fmt: skip
        for call in (
            lambda: grad(lambda x: np.sum(x))(x), lambda: vjp(lambda x: x, x),
            lambda: jvp(lambda x: x, (x,), (x,)), lambda: jacobian(lambda x: x)(x),
            lambda: grad(lambda p: np.sum(p["x"]))({"x": x}),
            lambda: graph.check_grads(lambda x: np.sum(x), (x,)),
        ):  # fmt: skip
            with refuses(TypeError, "argument 0", *words):
                call()
    y, pullback = vjp(lambda x: x * 2, X)
    for G, word in ((X * 1j, "complex128"), (masked, "mask"), ("a", "<U1")):
        with refuses(TypeError, "upstream gradient", word):
            pullback(G)
        with refuses(TypeError, "tangent", word):
            jvp(lambda x: x, (X,), (G,))
    (d,) = vjp(lambda x: x * x, np.full((1, 3), 2.0))[1](np.ones((1, 3)).view(np.matrix))
    assert type(d) is np.ndarray and d.tolist() == [[4, 4, 4]]


def test_argnums_that_do_not_fit_are_named():
    with refuses(TypeError, "argnums=2 and 1 arguments", "no argument 2"):
        grad(cube, 2)(1.0)
    with refuses(TypeError, r"argnums=\(0, 1\)", "no argument 1", "keyword"):
        grad(lambda x, y: x * y, (0, 1))(1.0, y=2.0)
    with refuses(TypeError, "argnums=-2 and 1 arguments", "no argument -2"):
        grad(cube, -2)(1.0)
    for argnums in (True, 1.5, "x", None, (True,), ("x",)):
        with refuses(TypeError, "argnums=", "an int or a tuple"):
            grad(cube, argnums)


def test_shapes_and_forms_that_do_not_fit_are_named():
    _, pullback = vjp(lambda x: x * 2, X)
    with refuses(ValueError, r"upstream gradient of shape \(2,\)", r"\(3,\)"):
        pullback(np.ones(2))
    with refuses(ValueError, "the upstream gradient", "a tuple of 1", "an array"):
        pullback((np.ones(3),))
    _, pullback = vjp(lambda x: {"y": x}, X)
    with refuses(ValueError, "the upstream gradient", "one ndarray", "a dict of 'y'"):
        pullback(np.ones(3))
    with refuses(ValueError, r"tangent of shape \(2,\)", r"\(3,\)", "same shape"):
        jvp(lambda x: x, (X,), (np.ones(2),))
    with refuses(ValueError, "the tangents", "a tuple of 2", "a tuple of 1"):
        jvp(lambda x: x, (X,), (X, X))
    with refuses(ValueError, r"the tangents\[0\]\['W'\]", "a list of 1", "a list of 2"):
        jvp(lambda p: p["W"][0], ({"W": [X, X]},), ({"W": [X]},))
    with refuses(TypeError, "ndarray as args", "tuple", r"jvp\(f, \(x,\), \(tangent,\)\)"):
        jvp(lambda x: x, X, X)
    with refuses(TypeError, "1 arguments", "last, the vector"):
        graph.hessian_vector_product(cube)(2.0)


def test_an_unknown_mode_is_refused_at_once():
    with refuses(ValueError, "mode='forward'", "'rev', 'fwd' or None"):
        jacobian(cube, mode="forward")
    with refuses(ValueError, "mode='forward'"):
        hessian(cube, mode="forward")


def test_forward_propagation_refuses_what_is_no_variable():
    x = Variable(2.0)
    with refuses(TypeError, "float as an output", "Variable"):
        graph.general_forward_propagation({x: 1.0}, [3.0])
    with refuses(TypeError, "target of type int64"):
        graph.general_forward_propagation({Variable(np.int64(1)): 1.0}, [x])
    with refuses(ValueError, r"tangent of shape \(3,\)", r"\(\)"):
        graph.general_forward_propagation({x: X}, [x * 2])


def test_an_error_in_the_function_passes_through_and_leaves_nothing_behind():
    def f(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        grad(f)(2.0)
    assert grad(cube)(2.0) == 12
