"""A variable as an array: its methods and operators, what may stand beside it, what is refused."""

import copy
import decimal
import fractions
import math
import operator
import pickle
import warnings

import numpy as np
import pytest

from npbp import graph
from npbp.graph import Variable, general_back_propagation
from npbp.graph.variable import value_of

X = np.array([[3.0, -1.0, 2.0], [0.5, 4.0, -2.5]])
V = np.array([3.0, -1.0, 2.0])


def same(found, expected):
    """The same number to the last bit, of the same dtype; also in several."""
    if isinstance(expected, tuple):
        assert type(found) is tuple and len(found) == len(expected)
        return all(map(same, found, expected))
    found, expected = np.asarray(value_of(found)), np.asarray(expected)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    return found.tobytes() == expected.tobytes()


# ---- methods


@pytest.mark.parametrize("call", [
    lambda x: x.clip(0),
    lambda x: x.clip(0, 1),
    lambda x: x.clip(min=0),
    lambda x: x.clip(max=1),
    lambda x: x.clip(min=-1, max=1),
    lambda x: x.clip(None, 1),
    lambda x: x.argmax(1, keepdims=True),
    lambda x: x.argmin(axis=0, keepdims=True),
    lambda x: x.argsort(0, "stable"),
    lambda x: x.argsort(kind="stable"),
    lambda x: x.copy(),
    lambda x: x.copy("F"),
    lambda x: x.take([1, 0]),
    lambda x: x.take([1, 0], 1),
    lambda x: x.take(indices=[1, 0], axis=1),
    lambda x: x.round(),
    lambda x: x.round(1),
    lambda x: x.round(decimals=1),
    lambda x: x.compress([True, False, True], 1),
    lambda x: x.compress([True, False, True], axis=-1),
    lambda x: x.repeat(2),
    lambda x: x.repeat([1, 2, 3], 1),
    lambda x: x.astype(np.float32),
    lambda x: x.astype(np.float32, "C", "same_kind", True, False),
    lambda x: x.astype("f4", casting="unsafe", copy=False),
    lambda x: x.reshape(3, 2),
    lambda x: x.reshape((3, 2), order="C"),
    lambda x: x.reshape(-1),
    lambda x: x.ravel(order="C"),
    lambda x: x.flatten(),
    lambda x: x.squeeze(),
    lambda x: x.swapaxes(0, 1),
    lambda x: x.diagonal(1),
    lambda x: x.trace(),
    lambda x: x.transpose(1, 0),
    lambda x: x.transpose(),
    lambda x: x.sum(1, keepdims=True),
    lambda x: x.mean(axis=(0, 1)),
    lambda x: x.std(axis=1, ddof=1),
    lambda x: x.max(0),
    lambda x: x.dot(np.ones(3)),
    lambda x: x[0].searchsorted(2.5),
    lambda x: x.T,
    lambda x: x.real,
    lambda x: x.imag,
    lambda x: x.conj(),
    lambda x: x.conjugate(),
    lambda x: np.asarray(list(x.flat)) if type(x) is np.ndarray else x.flat,
])
def test_a_method_takes_what_that_of_an_array_takes(call):
    assert same(call(Variable(X)), call(X))


def test_what_is_asked_of_the_shape_is_answered_as_by_an_array():
    for value in (X, np.float32(2), X[:0]):
        x = Variable(value)
        for name in ("shape", "ndim", "size", "dtype", "nbytes", "itemsize"):
            assert getattr(x, name) == getattr(value, name)


def test_the_transpose_of_matrices_is_that_of_the_last_two_axes():
    x = Variable(np.arange(24.0).reshape(2, 3, 4))
    assert same(x.mT, np.swapaxes(x.value, 1, 2))
    with pytest.raises(ValueError):
        Variable(V).mT


def test_numbers_alone_come_as_those_of_python():
    assert Variable(X).tolist() == X.tolist() and Variable(2.0).tolist() == 2.0
    assert Variable(X).item(4) == X.item(4) and Variable(X).item(1, 2) == X.item(1, 2)


def test_methods_pass_the_gradient():
    x = Variable(X)
    z = np.sum(x.clip(min=0) * x.copy() + x.take([0], 1))  # the last is broadcast to 3 columns
    gradient = general_back_propagation([x], z)[x].value
    np.testing.assert_allclose(gradient, 2 * X * (X > 0) + [3, 0, 0])


def test_casting_that_numpy_refuses_is_refused():
    with pytest.raises(TypeError, match="Cannot cast array data from dtype.'float64'"):
        Variable(X).astype(np.int64, casting="safe")


@pytest.mark.parametrize("name, args, instead", [
    ("sort", (), r"np\.sort\(x\)"),
    ("partition", (1,), r"np\.partition\(x, kth\)"),
    ("resize", (6,), r"np\.resize\(x, shape\)"),
    ("fill", (0.0,), r"np\.full_like\(x, value\)"),
    ("put", (0, 1.0), r"x\.at\[index\]\.set"),
    ("itemset", (0, 1.0), r"x\.at\[index\]\.set"),
    ("setfield", (1.0, float), r"x\.at\[index\]\.set"),
])
def test_a_method_that_writes_is_refused_and_says_what_makes_a_new_one(name, args, instead):
    with pytest.raises(TypeError, match=f"not written into: use {instead}"):
        getattr(Variable(X), name)(*args)


def test_what_an_array_has_and_a_variable_has_not_is_found_at_its_value():
    x = Variable(X)
    for name in ("view", "tobytes", "dump", "data", "strides", "flags", "base", "ctypes"):
        assert not hasattr(x, name)
        with pytest.raises(AttributeError, match=rf"has no {name}.*x\.value\.{name} for the num"):
            getattr(x, name)
    with pytest.raises(AttributeError, match="'Variable' object has no attribute 'summ'"):
        x.summ
    with pytest.raises(TypeError, match="np.nonzero"):
        x.nonzero()


def test_every_attribute_of_an_array_is_there_or_names_the_value():
    x = Variable(X)
    for name in dir(np.ndarray):
        if not name.startswith("_"):
            try:
                getattr(x, name)
            except AttributeError as error:
                assert f"x.value.{name}" in str(error)


def test_a_complex_number_on_the_way_has_no_real_part_that_would_lose_the_gradient():
    y = Variable(2.0) * 1j
    for part in (lambda: y.real, lambda: y.imag, lambda: y.conj()):
        with pytest.raises(TypeError, match="complex128"):
            part()


# ---- operators


@pytest.mark.parametrize("f", [
    lambda x: divmod(x, 2.0),
    lambda x: divmod(7.0, x),
    lambda x: divmod(x, x + 2),
    lambda x: x % 2,
    lambda x: 7.0 // x,
    lambda x: abs(x),
    lambda x: x > 1,
    lambda x: 1 <= x,
    lambda x: x == [3.0, 0.0, 2.0],
    lambda x: x @ [1, 2, 3],
    lambda x: [1, 2, 3] @ x,
    lambda x: operator.iadd(+x, 1),
    lambda x: np.float64(2) * x,
    lambda x: np.ones(3) * x,
    lambda x: np.array(2.0) - x,
    lambda x: x / np.array(2.0),
])  # fmt: skip
def test_an_operator_gives_the_number_of_that_of_an_array(f):
    assert same(f(Variable(V)), f(V.copy()))


def test_shifts_of_integers():
    n = np.array([1, 2, 3])
    for f in (lambda n: n << 2, lambda n: n >> 1, lambda n: 8 >> n, lambda n: 1 << n, lambda n: ~n):
        assert same(f(Variable(n)), f(n))


def test_an_operator_in_place_makes_a_new_variable():
    x = y = Variable(X)
    y += 1
    y @= np.ones((3, 3))
    assert x is not y and same(x, X) and same(y, (X + 1) @ np.ones((3, 3)))


def test_rounding_by_python():
    x = Variable(2.567)
    assert type(round(x, 1)) is Variable and round(x, 1).value == 2.6 and round(x).value == 3
    for function in (math.floor, math.ceil, math.trunc, math.exp, float, int, complex):
        with pytest.raises(TypeError, match=r"by itself.*np\.exp or np\.floor.*float\(x\.value\)"):
            function(x)


def test_in_and_reversed():
    x = Variable(V)
    assert 2.0 in x and Variable(2.0) in x and 7.0 not in x and 2.0 in Variable(2.0)
    assert -2.5 in Variable(X)
    assert [y.value for y in reversed(x)] == [2, -1, 3]


def test_python_s_sum_max_and_sorted():
    x, y = Variable(2.0), Variable(1.0)
    assert sum([x, y]).value == 3 and max(x, y) is x
    assert [v.value for v in sorted([x, y])] == [1, 2]
    with pytest.raises(ValueError, match="truth value of an array with more than one"):
        max(Variable(V), Variable(V))


def test_a_single_number_has_no_length_and_no_elements():
    x = Variable(2.0)
    assert not np.iterable(x)
    for function in (len, iter, list, reversed):
        with pytest.raises(TypeError):
            function(x)


def test_an_index_is_an_integer():
    assert [1, 2, 3][Variable(1)] == 2 and list(range(Variable(2))) == [0, 1]
    for value in (2.0, V, np.array([1, 2])):
        with pytest.raises(TypeError):
            [1, 2, 3][Variable(value)]


# ---- the number of np.power, and that of **


NUMBERS = [np.float64(1.7), np.float32(1.7), np.float64(-2.0), np.int64(3), np.array([1.7, 0.3]),
           np.float32([1.7, 0.3]), np.float64(0.1)]  # fmt: skip


@pytest.mark.parametrize("op, function", [
    (operator.add, np.add), (operator.sub, np.subtract), (operator.mul, np.multiply),
    (operator.truediv, np.divide), (operator.pow, np.power), (operator.mod, np.remainder),
    (operator.floordiv, np.floor_divide),
])  # fmt: skip
def test_an_operator_and_a_function_of_numpy_each_have_their_own_number(op, function):
    others = [2.5, 3, -1, 0.5, 2, -3.25, np.float32(1.3), np.array([2.5, -1.5])]
    with np.errstate(all="ignore"):
        for a in NUMBERS:
            for b in others + NUMBERS:
                if isinstance(a, np.int64) and isinstance(b, int) and b < 0 and op is operator.pow:
                    continue
                assert same(function(Variable(a), b), function(a, b))
                assert same(function(a, Variable(b)), function(a, np.asarray(b)[()]))
                assert same(op(Variable(a), b), op(a, b))
                if isinstance(b, (float, int)) and not isinstance(b, np.generic):
                    assert same(op(b, Variable(a)), op(b, a))
                else:
                    assert same(op(Variable(a), Variable(b)), op(a, b))


def test_np_power_differs_from_the_operator_somewhere_and_the_graph_runs_again_with_its_number():
    values = np.random.default_rng(0).uniform(0.5, 3, 300)
    differ = 0
    x = Variable(1.0)
    by_function, by_operator = np.power(x, 2.5), x**2.5
    program = graph.compile([by_function, by_operator], [x])
    for value in values:
        wanted = [np.power(value, 2.5), value**2.5]
        differ += wanted[0] != wanted[1]
        assert [y.value for y in (np.power(Variable(value), 2.5), Variable(value) ** 2.5)] == wanted
        assert graph.evaluate([by_function, by_operator], {x: value}) == wanted
        assert program(value) == wanted
    x = Variable(values)
    assert same(np.power(x, 0.5), np.power(values, 0.5)) and same(x**0.5, values**0.5)


def test_np_power_has_the_derivatives_of_a_power():
    x = Variable(1.7)
    z = np.power(x, 2.5)
    for factor, exponent in ((2.5, 1.5), (3.75, 0.5), (1.875, -0.5)):
        z = general_back_propagation([x], z)[x]
        assert float(z.value) == pytest.approx(factor * 1.7**exponent)


# ---- what may stand beside a variable


class Sub(np.ndarray):
    """A subclass with the operators of an array, as np.memmap is one."""


class Foreign:
    """An array of another package, that has an idea of its own of NumPy's functions."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return "foreign"

    def __mul__(self, other):
        return "foreign"

    __rmul__ = __matmul__ = __rmatmul__ = __gt__ = __lt__ = __mul__


class Tensor:
    """An array of another package, that becomes one of NumPy if asked."""

    def __array__(self, dtype=None, copy=None):
        return V.astype(dtype or float)


BINARY = [operator.add, operator.mul, operator.truediv, operator.pow, operator.matmul,
          operator.gt, np.multiply, np.maximum, np.matmul]  # fmt: skip


@pytest.mark.parametrize("other", [
    [1, 2, 3], (1.0, 2.0, 3.0), V.view(Sub), Tensor(), [True, False, True], np.array(V),
], ids=lambda other: type(other).__name__)  # fmt: skip
@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_what_is_an_array_of_numbers_is_taken_as_a_plain_one(op, other):
    plain = np.array(other)
    x = Variable(np.abs(V))
    with np.errstate(all="ignore"):
        pairs = [(op(x, other), op(x.value, plain)), (op(other, x), op(plain, x.value))]
    for found, expected in pairs:
        assert type(found) is Variable and type(found.value) in (np.ndarray, np.float64)
        assert same(found, expected)
        assert all(type(c) in (Variable, np.ndarray) for c in found.inputs)


def test_a_list_beside_an_integer_is_an_array_and_no_repetition():
    for product in (Variable(2) * [1, 2], [1, 2] * Variable(2)):
        assert same(product, np.array([2, 4]))


def test_the_gradient_passes_beside_a_list_and_an_array_of_another_package():
    x = Variable(V)
    for other in ([1, 2, 3], Tensor()):
        z = np.sum(x * other * x)
        for insert in (True, False):
            gradient = general_back_propagation([x], z, insert=insert)[x]
            assert same(gradient, 2 * V * np.array(other))
    z = np.sum(np.where([True, False, True], x, [1.0, 2.0, 3.0]))
    assert same(general_back_propagation([x], z)[x], np.array([1.0, 0.0, 1.0]))


def test_another_package_with_an_idea_of_its_own_is_asked():
    for x in (Variable(V), Variable(2.0)):
        other = Foreign()
        for found in (x * other, other * x, x @ other, x > other, np.multiply(x, other),
                      np.add(other, x), np.matmul(x, other)):  # fmt: skip
            assert found == "foreign"


@pytest.mark.parametrize("other", [
    None, "a", object(), decimal.Decimal(1), {1}, {1: 2}, ["a", "b", "c"], np.datetime64("2020"),
    np.timedelta64(3), [None, 1.0, 2.0],
], ids=repr)  # fmt: skip
@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_what_is_no_number_is_refused(op, other):
    for x in (Variable(V), Variable(2.0)):
        for pair in ((x, other), (other, x)):
            with pytest.raises(TypeError):
                op(*pair)


def test_a_fraction_is_refused_but_as_an_exponent_where_python_makes_a_float_of_it():
    x, half = Variable(V), fractions.Fraction(1, 2)
    for product in (lambda: x * half, lambda: half * x, lambda: np.multiply(x, half)):
        with pytest.raises(TypeError, match="Fraction"):
            product()
    assert same(half**x, 0.5**V)


def test_objects_in_an_array_have_no_derivative_and_say_so():
    x = Variable(V)
    objects = np.array([fractions.Fraction(1, 2)] * 3, dtype=object)
    with pytest.raises(TypeError, match="object"):
        general_back_propagation([x], x * objects, np.ones(3), insert=False)
    with pytest.raises(TypeError, match="object"):
        general_back_propagation([x], x * objects, np.ones(3))
    with pytest.raises(TypeError):
        Variable(objects)


def test_none_and_text_are_equal_to_no_number():
    for value in (V, np.float64(2.0)):
        x = Variable(value)
        for other in (None, "a", object()):
            assert not np.any(x == other) and np.all(x != other)
            assert np.shape(x == other) == np.shape(value)
            assert not np.any(other == x)
        for compare in (operator.lt, operator.ge):
            with pytest.raises(TypeError, match="not supported between instances of 'Variable'"):
                compare(x, None)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_an_array_with_operators_of_its_own_is_refused_and_not_taken_for_another(op):
    x = Variable(np.ones((3, 3)))
    masked = np.ma.array(np.ones((3, 3)), mask=np.eye(3))
    for other in (masked, np.matrix(np.ones((3, 3)))):
        with pytest.raises(TypeError, match=r"got a (MaskedArray|matrix).*np\.asarray.*filled"):
            op(x, other)
        with pytest.raises(TypeError):
            op(other, x)
        with pytest.raises(TypeError, match="got a (MaskedArray|matrix)"):
            Variable(other)
        with pytest.raises(TypeError, match="got a (MaskedArray|matrix)"):
            np.where(np.eye(3) > 0, x, other)


def test_a_value_is_a_plain_array_of_real_numbers():
    for given in (V.view(Sub), V.tolist(), Tensor()):
        assert type(Variable(given).value) is np.ndarray
    for given in (None, "a", object(), decimal.Decimal(1), 1j, [None], np.datetime64("NaT"),
                  np.array(["2020"], "M8"), {1: 2}):  # fmt: skip
        with pytest.raises(TypeError, match="wanted real numbers"):
            Variable(given)


def test_a_complex_constant_on_the_left_leaves_a_number_of_numpy():
    for dtype in (np.float64, np.float32):
        x = Variable(dtype(2))
        for y in (1j * x, x * 1j, 1j + x, 1j - x):
            assert isinstance(y.value, np.complexfloating) and y.shape == ()


class Returns(graph.Operation):
    def __init__(self, made):
        self.made = made

    def forward(self, X):
        return self.made(X)

    def bprop(self, i, G, Y, X):
        return G


def test_what_a_forward_of_ones_own_returns_is_a_value_or_an_error_that_names_it():
    x = Variable(2.0)
    for made in (math.exp, lambda X: [1.0, 2.0], lambda X: 3, lambda X: np.array(2.0)):
        y = Returns(made)(x)
        assert isinstance(y.value, (np.ndarray, np.generic)) and np.all(y.value == made(2.0))
    for made in (lambda X: None, lambda X: "a", lambda X: {}):
        with pytest.raises(TypeError, match="Returns: forward returned .*, wanted an array"):
            Returns(made)(x)


def test_a_constant_of_an_operation_is_a_number_and_a_setting_is_not():
    class Shift(graph.Operation):
        def forward(self, X, by):
            return X + by

    assert same(Shift()(Variable(V), [1, 2, 3]), V + [1, 2, 3])
    with pytest.raises(TypeError, match="Shift: got str as input 1, wanted .*__init__"):
        Shift()(Variable(V), "left")


# ---- filling an array with variables


@pytest.mark.parametrize("x", [Variable(2.0), Variable(V)], ids=["0-d", "1-d"])
def test_an_array_is_not_filled_with_variables_and_the_error_says_how_to_make_one(x):
    calls = [lambda: np.array([x, x]), lambda: np.asarray(x), lambda: np.array([x, x], float),
             lambda: np.full(3, x), lambda: np.zeros(3) + [x, x, x], lambda: Variable([x, x]),
             lambda: x * [x, x, x]]  # fmt: skip
    for call in calls:
        with pytest.raises(TypeError, match=r"np\.stack\(\[x, y\]\).*graph\.array.*x\.value"):
            call()
    for dtype in (float, np.float32, int, complex):
        a = np.zeros(3, dtype)
        # (NumPy itself may say "setting an array element with a sequence", because of this:)
        with pytest.raises((TypeError, ValueError)) as caught:
            a[0] = x
        error = caught.value.__cause__ or caught.value
        assert "np.stack([x, y]), and not by a[0] = x" in str(error)
    with pytest.raises(TypeError, match=r"np\.stack.*and not by a\[:\] = x"):
        np.zeros(3)[:] = x


# ---- copies


def test_a_copy_of_a_leaf_is_a_leaf_and_nodes_are_not_copied():
    x = Variable(V, name="x")
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other is not x and other.name == "x" and other.op is None
        assert other.index > x.index and other.value is not V and same(other, V)
    pair = copy.deepcopy([x, x])
    assert pair[0] is pair[1]
    y = x
    for _ in range(5000):
        y = y * 1.0
    assert copy.copy(y) is y  # as y.copy(): nothing writes into a variable
    for call in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"Multiply made .*x\.value"):
            call(y)


# ---- text


def test_formats_are_those_of_the_value():
    assert f"{Variable(2.0):.3f}" == "2.000" and f"{Variable(2.0)}" == "Variable(2.0)"
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{Variable(V):.3f}"
    assert len(repr(Variable(np.zeros((1000, 1000))))) < 200


def test_no_warning_comes_with_any_of_it():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Variable(V)
        x.clip(min=0), divmod(x, 2.0), round(x), x == "a", [1, 2, 3] * x, 2.0 in x
