"""What the rows cannot say: kinks, ties, very large numbers, constants, error messages."""

import warnings

import numpy as np
import pytest
from rows import A

import npbp.graph as graph
from npbp.graph import Variable
from npbp.graph.operations import constants, elementwise


def gradient(f, *args):
    """Of sum(f), by all arguments."""
    xs = [Variable(np.asarray(a, dtype=np.float64)) for a in args]
    gradients = graph.general_back_propagation(xs, np.sum(f(*xs)))
    result = [gradients[x].value for x in xs]
    return result[0] if len(xs) == 1 else result


# ---- kinks and ties


@pytest.mark.parametrize("f", [np.abs, np.fabs, abs])
def test_the_derivative_of_the_absolute_value_at_0_is_0(f):
    assert np.array_equal(gradient(f, [-2.0, 0.0, 3.0]), [-1, 0, 1])


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_a_tie_of_two_shares_the_gradient_equally(f):
    a, b = gradient(f, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    assert a[1] == b[1] == 0.5
    assert np.array_equal(a + b, [1, 1, 1])
    assert sorted([a[0], a[2]]) == [0, 1]


def test_maximum_of_a_variable_and_itself_has_the_gradient_of_the_variable():
    assert np.array_equal(gradient(lambda x: np.maximum(x, x), [1.0, -1.0]), [1, 1])


@pytest.mark.parametrize("f", [np.fmax, np.fmin])
def test_of_nan_and_a_number_the_number_has_the_gradient(f):
    a, b = gradient(f, [np.nan, 1.0], [1.0, np.nan])
    assert np.array_equal(a, [0, 1]) and np.array_equal(b, [1, 0])


def test_maximum_with_0_halves_the_gradient_at_0_and_relu_has_none():
    x = [-1.0, 0.0, 2.0]
    assert np.array_equal(gradient(lambda x: np.maximum(x, 0), x), [0, 0.5, 1])
    assert np.array_equal(gradient(graph.relu, x), [0, 0, 1])


def test_clip_passes_the_gradient_between_the_bounds_and_half_of_it_at_them():
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert np.array_equal(gradient(lambda x: np.clip(x, -1, 1), x), [0, 0.5, 1, 0.5, 0])


def test_clip_knows_the_keywords_of_numpy():
    x = Variable(np.array([-2.0, 0.0, 2.0]))
    assert np.array_equal(np.clip(x, a_min=-1, a_max=1).value, [-1, 0, 1])
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        assert np.array_equal(np.clip(x, min=-1).value, [-1, 0, 2])
    with pytest.raises(TypeError, match="dtype"):
        np.clip(x, -1, 1, dtype=np.float32)


def test_the_derivative_of_hypot_at_the_origin_is_0():
    a, b = gradient(np.hypot, [0.0, 3.0], [0.0, 4.0])
    assert np.allclose(a, [0, 0.6], rtol=1e-15) and np.allclose(b, [0, 0.8], rtol=1e-15)


def test_where_in_a_ufunc_is_refused_and_the_message_says_what_to_write():
    with pytest.raises(TypeError, match=r"np.add: got where=, .* write np.where\(condition"):
        np.add(Variable(A(3)), 1.0, where=[True, False, True])


def test_heaviside_has_a_derivative_in_its_second_argument_where_the_first_is_0():
    a, b = gradient(np.heaviside, [0.0, -1.0, 2.0, 0.0], [0.5, 0.5, 0.5, 3.0])
    assert np.array_equal(a, [0, 0, 0, 0]) and np.array_equal(b, [1, 0, 0, 1])


def test_copysign_turns_the_gradient_with_the_sign_and_has_none_at_0():
    a, b = gradient(np.copysign, [2.0, -2.0, 2.0, 0.0], [1.0, 3.0, -0.0, -1.0])
    assert np.array_equal(a, [1, -1, -1, 0]) and np.array_equal(b, [0, 0, 0, 0])


def test_what_nan_to_num_replaces_has_no_gradient():
    assert np.array_equal(gradient(np.nan_to_num, [1.0, np.nan, np.inf, -np.inf]), [1, 0, 0, 0])


def test_nan_to_num_writes_into_nothing():
    x = Variable(np.array([1.0, np.nan]))
    assert np.array_equal(np.nan_to_num(x, copy=False).value, [1, 0])
    assert np.isnan(x.value[1])


def test_the_derivatives_of_sinc_at_0_are_those_of_its_power_series():
    x, orders = Variable(np.array([0.0, 1e-6])), []
    y = np.sinc(x)
    for _ in range(4):
        y = graph.general_back_propagation([x], y, np.ones(2))[x]
        orders.append(y.value)
    p = np.pi**2 / 3  # sinc x = 1 - p x^2 / 2 + (9/5) p^2 x^4 / 24 - ...
    want = [[0, -1e-6 * p], [-p, -p], [0, 1.8e-6 * p**2], [1.8 * p**2, 1.8 * p**2]]
    assert np.allclose(orders, want, rtol=1e-10, atol=0)


def test_the_derivatives_of_i0_are_those_of_its_power_series():
    x = np.array([0.5, -2.0])
    terms = [(x / 2) ** (2 * m) / float(np.prod(np.arange(1.0, m + 1))) ** 2 for m in range(30)]
    assert np.allclose(gradient(np.i0, x), sum(2 * m * t / x for m, t in enumerate(terms)), 1e-12)


def test_where_keeps_what_it_does_not_choose_out_of_the_tangent():
    x = Variable(np.array([0.0, 4.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the derivative of sqrt at 0 is infinite
        y = np.where(x.value > 0, np.sqrt(x), 0.0)
        tangent = graph.general_forward_propagation({x: np.ones(2)}, [y])[y]
    assert np.array_equal(tangent.value, [0, 0.25])


# ---- very large numbers


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_smooth_functions_neither_overflow_nor_lose_digits(dtype):
    x = np.array([-1000, -80, 0, 80, 1000], dtype=dtype)
    tiny = np.exp(dtype(-80))
    with np.errstate(all="raise", under="ignore"):
        assert np.allclose(graph.sigmoid(x), [0, tiny, 0.5, 1, 1], rtol=1e-6, atol=0)
        assert np.allclose(
            graph.softplus(x), [0, tiny, np.log(2), 80, 1000], rtol=1e-6, atol=0
        )
        assert np.allclose(np.logaddexp(Variable(x), dtype(0)).value, graph.softplus(x), rtol=1e-6)
        v = Variable(x)
        for f, slope in [
            (graph.sigmoid, [0, tiny, 0.25, 0, 0]),
            (graph.softplus, [0, tiny, 0.5, 1, 1]),
            (lambda x: np.logaddexp(x, 0), [0, tiny, 0.5, 1, 1]),
            (lambda x: np.logaddexp(x, x), [1, 1, 1, 1, 1]),
        ]:
            G = graph.general_back_propagation([v], np.sum(f(v)))[v]
            assert G.dtype == dtype
            assert np.allclose(G.value, slope, rtol=1e-6, atol=1e-30)
            again = graph.general_back_propagation([v], np.sum(G))[v]
            assert np.all(np.isfinite(again.value))


@pytest.mark.parametrize("f", [graph.sigmoid, graph.softplus, graph.relu])
def test_what_numpy_lacks_takes_arrays_numbers_and_lists_too(f):
    assert type(f(np.array([1.0, -1.0]))) is np.ndarray
    assert np.array_equal(f([1.0, -1.0]), f(np.array([1.0, -1.0])))
    assert f(1.0) == f(Variable(1.0)).value
    assert np.ndim(f(1.0)) == 0 and f(np.ones(1, np.float32)).dtype == np.float32


def test_float_power_is_of_float64_and_its_gradient_of_the_type_of_the_input():
    x = Variable(np.array([2.0, 3.0], dtype=np.float32))
    y = np.float_power(x, 2)
    assert y.dtype == np.float64
    G = graph.general_back_propagation([x], np.sum(y))[x]
    assert G.dtype == np.float32 and np.array_equal(G.value, [4, 6])


# ---- the table


def operations():
    """All operations of one or two numbers that are a ufunc."""
    classes = [
        c
        for c in vars(elementwise).values()
        if isinstance(c, graph.Operation) and hasattr(c, "ufunc")
    ]
    assert len(classes) >= 40
    return classes


@pytest.mark.parametrize("op", operations(), ids=lambda op: type(op).__name__)
def test_an_operation_that_names_its_ufunc_computes_what_the_ufunc_does(op):
    x = [A(5, low=1.1, high=1.9, seed=i) for i in range(op.ufunc.nin)]
    if op.ufunc in (np.arcsin, np.arccos, np.arctanh):
        x = [0.5 * a for a in x]
    want = op.ufunc(*x)
    assert np.array_equal(op.forward(*x), want)
    out = np.empty(5)
    assert op.ufunc(*x, out=out) is out and np.array_equal(out, want)
    y = op.ufunc(*[Variable(a) for a in x])
    assert y.op is op and np.array_equal(y.value, want)


@pytest.mark.parametrize(
    "op",
    [op for op in operations() if getattr(op, "analytic", False)],
    ids=lambda op: type(op).__name__,
)
def test_an_analytic_operation_has_its_derivative_in_the_imaginary_direction(op):
    x = [A(7, low=1.1, high=1.9, seed=i) for i in range(op.ufunc.nin)]
    if type(op).__name__ in ("Arcsin", "Arccos", "Arctanh"):
        x = [0.5 * a for a in x]
    slope = op.slope(0, op(*x), *x)
    step = 1e-30
    imaginary = op.forward(x[0] + 1j * step, *x[1:]).imag / step
    assert np.allclose(imaginary, slope, rtol=1e-14)


@pytest.mark.parametrize(
    "op", [np.abs, np.maximum, np.sign, np.hypot, np.where], ids=lambda f: f.__name__
)
def test_a_function_with_kinks_is_not_called_analytic(op):
    x = Variable(A(3))
    y = {1: lambda: op(x), 2: lambda: op(x, 0.1), 3: lambda: op(x > 0, x, 0.1)}
    count = {np.maximum: 2, np.hypot: 2, np.where: 3}.get(op, 1)
    assert not getattr(y[count]().op, "analytic", False)


def test_each_function_of_the_table_has_a_class_of_its_own_name():
    x = Variable(np.array([0.5]))
    assert repr(np.tanh(x)).endswith("Tanh)")
    assert repr(np.maximum(x, 0)).endswith("Maximum)")


def test_a_variable_that_has_no_gradient_says_which_function_made_it():
    x = Variable(np.array([0.5, 2.0]))
    assert repr(x > 1) == "Variable([False,  True], greater)"
    assert repr(np.argmax(x, axis=0)) == "Variable(1, argmax)"
    assert repr(np.sign(x)).endswith("sign)") and repr(x.astype(int)).endswith("astype)")


# ---- constants

FLAT = {
    "one": [np.sign, np.floor, np.ceil, np.rint, np.trunc, np.round, np.around, np.fix]
    + [np.isfinite, np.isinf, np.isnan, np.signbit, np.logical_not]
    + [np.isposinf, np.isneginf, np.isreal, np.iscomplex]
    + [np.argmax, np.argmin, np.argsort, np.any, np.all, np.count_nonzero]
    + [np.nanargmax, np.nanargmin]
    + [np.zeros_like, np.ones_like],
    "two": [np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal]
    + [np.logical_and, np.logical_or, np.logical_xor, np.floor_divide, np.isclose]
    + [np.allclose, np.array_equal, np.digitize, np.array_equiv, np.isin],
    "bits": [np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift]
    + [np.gcd, np.lcm],
}


def test_every_constant_is_in_the_list_here():
    here = set(FLAT["one"] + FLAT["two"] + FLAT["bits"])
    here |= {np.invert, np.searchsorted, np.argpartition}
    here |= {getattr(np, "bitwise_count", np.invert)}  # NumPy 2
    there = constants.COMPARISONS + constants.LOGIC + constants.STEPS + constants.POSITIONS
    there += constants.ANSWERS + constants.ROUNDING + constants.LIKE
    assert here == set(there)


@pytest.mark.parametrize("f", FLAT["one"], ids=lambda f: f.__name__)
def test_a_function_that_is_flat_is_a_node_without_a_gradient(f):
    x = Variable(A(5, low=-2, high=2))
    y = f(x)
    assert type(y) is Variable and y.op is not None
    assert np.array_equal(y.value, f(x.value)) and y.dtype == np.asarray(f(x.value)).dtype
    z = np.sum(1.5 * y)
    assert np.array_equal(graph.general_back_propagation([x], z)[x].value, np.zeros(5))
    # It is computed again from new values.
    new = A(5, low=-2, high=2, seed=1)
    assert np.array_equal(graph.evaluate(y, {x: new}), f(new))


@pytest.mark.parametrize("f", FLAT["two"], ids=lambda f: f.__name__)
def test_a_flat_function_of_two_is_a_node_without_a_gradient(f):
    a, b = Variable(A(5, low=0.5, high=3)), Variable(np.sort(A(5, low=0.5, high=3, seed=1)))
    y = f(a, b)
    assert type(y) is Variable and np.array_equal(y.value, f(a.value, b.value))
    assert np.array_equal(f(a, b.value).value, y.value)
    assert np.array_equal(f(a.value, b).value, y.value)
    gradients = graph.general_back_propagation([a, b], np.sum(1.5 * y))
    assert not np.any(gradients[a].value) and not np.any(gradients[b].value)


def test_a_position_in_a_sorted_array_is_a_constant():
    bins = Variable(np.array([0.0, 1.0, 2.0]))
    assert np.searchsorted(bins, 1.5).value == 2
    assert np.searchsorted(bins, Variable(1.0), side="right").value == 2


@pytest.mark.parametrize("f", FLAT["bits"], ids=lambda f: f.__name__)
def test_integers_have_operations_on_bits(f):
    a, b = np.array([1, 6, 12]), np.array([3, 1, 2])
    y = f(Variable(a), b)
    assert np.array_equal(y.value, f(a, b)) and y.dtype.kind == "i"
    assert np.array_equal(np.invert(Variable(a)).value, ~a)


def test_the_operators_compare_number_by_number():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    x = Variable(a)
    for got, want in [
        (x > b, a > b), (x >= b, a >= b), (x < b, a < b), (x <= b, a <= b), (x == b, a == b),
        (x != b, a != b), (b < x, b < a), ((x > 1) & (x < 3), (a > 1) & (a < 3)),
        ((x < 2) | (x > 2), a != 2), (~(x > 1), a <= 1), (x // 2, a // 2), (x % 2, a % 2),
    ]:  # fmt: skip
        assert type(got) is Variable and np.array_equal(got.value, want)


def test_settings_go_to_the_function():
    x = Variable(A(3, 4))
    assert np.array_equal(np.argmax(x, axis=1, keepdims=True).value, x.value.argmax(1)[:, None])
    assert np.array_equal(np.argmax(x, 1).value, x.value.argmax(1))
    assert np.array_equal(np.round(x, decimals=1).value, np.round(x.value, 1))
    assert np.array_equal(np.round(x, 1).value, np.round(x.value, 1))
    assert np.zeros_like(x, dtype=np.float32).dtype == np.float32
    assert np.isclose(x, x.value + 0.01, atol=0.1).value.all()
    assert "argmax(axis=1)" in repr(np.argmax(x, axis=1).op)


def test_a_program_can_ask_whether_two_variables_are_close():
    x = Variable(A(3))
    assert np.allclose(x, x.value)
    assert not np.array_equal(x, x + 1)


def test_a_flat_function_takes_variables_by_keyword():
    x, tolerance = Variable(A(3)), Variable(0.1)
    y = np.isclose(x, x.value + 0.05, rtol=0, atol=tolerance)
    assert y.value.all() and not graph.evaluate(y, {tolerance: 0.01}).any()
    assert np.any(x > -2, where=x > 2).value == False  # noqa: E712


def test_a_flat_function_does_not_write_into_an_array_that_is_given_in_its_place():
    x, out = Variable(A(3)), np.zeros(3)
    for f in (np.argmax, np.round, np.any):
        with pytest.raises(TypeError, match=f"np.{f.__name__} with out="):
            f(x, 0, out)
    assert not out.any()


def test_full_like_of_a_variable_passes_the_gradient_to_it():
    x, v = Variable(A(2, 3).astype(np.float32)), Variable(2.0)
    y = np.full_like(x, v)
    assert y.dtype == np.float32 and np.array_equal(y.value, np.full((2, 3), 2))
    assert graph.general_back_propagation([v], np.sum(y))[v].value == 6


def test_shapes_and_types_are_plain_python():
    x = Variable(np.zeros((2, 3), dtype=np.float32))
    assert np.shape(x) == (2, 3) and type(np.shape(x)) is tuple
    assert np.ndim(x) == 2 and np.size(x) == 6 and np.size(x, 1) == 3
    assert np.result_type(x, np.float64) == np.float64
    assert np.isrealobj(x) is True and np.iscomplexobj(x) is False


# ---- where


def test_where_with_a_floating_condition_takes_it_as_different_from_0():
    x = Variable(np.array([0.0, -2.0, 3.0]))
    assert np.array_equal(np.where(x, x * x, 7.0).value, [7, 4, 9])
    assert np.array_equal(gradient(lambda x: np.where(x, x * x, 7.0), x.value), [0, -4, 6])


def test_where_chooses_again_when_the_graph_is_evaluated():
    x = Variable(np.array([1.0, -1.0]))
    y = np.where(x > 0, x * x, -x)
    G = graph.general_back_propagation([x], np.sum(y))[x]
    assert np.array_equal(graph.evaluate(G, {x: np.array([-3.0, 3.0])}), [-1, 6])


@pytest.mark.parametrize(
    "f", [np.where, np.nonzero, np.flatnonzero, np.argwhere], ids=lambda f: f.__name__
)
def test_positions_of_a_number_that_is_not_known_beforehand_are_refused(f):
    with pytest.raises(TypeError, match=r"how many positions .* use np.where\(condition, a, b\)"):
        f(Variable(A(3)) > 0)


def test_lists_are_constants_like_arrays():
    x = Variable(np.array([1.0, 2.0]))
    for f in [np.maximum, np.logaddexp, np.arctan2, np.hypot, np.fmod]:
        want = f(x.value, np.array([1.5, 1.5]))
        assert np.array_equal(f(x, [1.5, 1.5]).value, want)
    assert np.array_equal(np.where([True, False], x, [0, 0]).value, [1, 0])
