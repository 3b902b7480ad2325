"""The graph, run again with new inputs."""

import collections
import sys

import numpy as np
import pytest

from npbp import graph
from npbp.graph import Variable, evaluate


class Counting(graph.Operation):
    """Y = 2 X, and how often that was computed."""

    def __init__(self):
        self.times = 0

    def forward(self, X):
        self.times += 1
        return 2 * X

    def bprop(self, i, G, Y, X):
        return 2 * G


def program(x, w):
    return np.sum(np.tanh(x @ w) ** 2, axis=0)


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    x, w = Variable(rng.standard_normal((4, 3)), name="x"), Variable(rng.standard_normal((3, 2)))
    return x, w, program(x, w), rng


def test_forward_again_is_the_program_again(made):
    x, w, y, rng = made
    for _ in range(3):
        new_x, new_w = rng.standard_normal((4, 3)), rng.standard_normal((3, 2))
        np.testing.assert_array_equal(evaluate(y, {x: new_x, w: new_w}), program(new_x, new_w))
        np.testing.assert_array_equal(evaluate(y, {w: new_w}), program(x.value, new_w))


def test_backward_again_is_the_gradient_at_the_new_place(made):
    x, w, y, rng = made
    z = np.sum(y * y)
    gradients = graph.general_back_propagation([x, w], z)
    second = graph.general_back_propagation([w], np.sum(gradients[x] ** 2))[w]
    new_x, new_w = rng.standard_normal((4, 3)), rng.standard_normal((3, 2))

    there_x, there_w = Variable(new_x), Variable(new_w)
    there_z = np.sum(program(there_x, there_w) ** 2)
    there = graph.general_back_propagation([there_x, there_w], there_z)
    there_second = graph.general_back_propagation([there_w], np.sum(there[there_x] ** 2))[there_w]

    found = evaluate([z, gradients, second], {x: new_x, w: new_w})
    np.testing.assert_allclose(found[0], there_z.value)
    np.testing.assert_allclose(found[1][x], there[there_x].value)
    np.testing.assert_allclose(found[1][w], there[there_w].value)
    np.testing.assert_allclose(found[2], there_second.value)


def test_the_graph_stays_as_it_is(made):
    x, w, y, rng = made
    before = [V.value.copy() for V in (x, w, y)]
    evaluate(y, {x: rng.standard_normal((4, 3))})
    for V, value in zip((x, w, y), before):
        np.testing.assert_array_equal(V.value, value)


def test_only_what_depends_on_a_changed_input_is_computed():
    double, other = Counting(), Counting()
    x, y = Variable(1.0), Variable(1.0)
    a, b = double(x), other(y)
    unused = double(x)
    z = a + b
    double.times = other.times = 0
    assert evaluate(z, {x: 10.0}) == 22.0
    assert (double.times, other.times) == (1, 0)
    assert unused.value == 2.0


def test_what_does_not_depend_keeps_its_value():
    x, y = Variable(1.0), Variable(3.0)
    z = y * 2.0
    assert evaluate([z, y, x * z], {x: 5.0}) == [6.0, 3.0, 30.0]
    assert evaluate(z, {}) == 6.0


def test_an_input_in_the_middle_no_longer_follows_from_its_own():
    x = Variable(2.0)
    h = x * x
    z = h + x
    assert evaluate(z, {h: 100.0}) == 102.0
    assert evaluate([z, h], {h: 100.0, x: 1.0}) == [101.0, 100.0]
    # and what is computed from x alone goes its own way
    assert evaluate([z, x * 3.0], {h: 100.0, x: 1.0}) == [101.0, 3.0]


def test_outputs_have_the_form_that_was_asked_for():
    pair = collections.namedtuple("pair", "left right")
    x = Variable(1.0)
    y, z = x + 1.0, x + 2.0
    assert evaluate(y, {x: 10.0}) == 11.0
    assert evaluate([y], {x: 10.0}) == [11.0]
    assert evaluate((y, [z, x]), {x: 10.0}) == (11.0, [12.0, 10.0])
    assert evaluate({"a": y, x: {"b": z}}, {x: 10.0}) == {"a": 11.0, x: {"b": 12.0}}
    found = evaluate(pair(y, z), {x: 10.0})
    assert type(found) is pair and found == (11.0, 12.0)
    assert evaluate([], {x: 10.0}) == []


def test_what_is_returned_is_nobody_elses_memory():
    x, c = Variable(np.zeros((2, 3))), Variable(np.ones((2, 3)))
    y = x + c
    new = np.ones((2, 3))
    results = evaluate([x, x.T, x, y, y, y[0], c], {x: new})
    everything = [*results, x.value, c.value, y.value, new]
    for i, a in enumerate(results):
        assert all(not np.shares_memory(a, b) for b in everything[i + 1 :])
        a[...] = -1.0
    np.testing.assert_array_equal(evaluate(y, {x: new}), np.full((2, 3), 2.0))


def test_single_numbers_are_numpy_scalars():
    x = Variable(np.ones(3))
    y = np.sum(x)
    for value in evaluate([y, y.reshape(()), x[0]], {x: [1.0, 2.0, 3.0]}):
        assert type(value) is np.float64


def test_values_are_converted_to_the_dtype_of_the_input():
    x = Variable(np.zeros(2, np.float32))
    n = Variable(np.zeros(2, np.uint8))
    assert evaluate(x, {x: np.array([0.1, 0.2])}).dtype == np.float32
    assert evaluate(x, {x: [1, 2]}).dtype == np.float32
    assert evaluate(n, {n: [1, 255]}).dtype == np.uint8


def test_values_that_do_not_fit_are_refused():
    x = Variable(np.zeros((2, 3)), name="weights")
    n = Variable(np.zeros(2, np.uint8), name="labels")
    b = Variable(np.zeros(2, bool), name="mask")
    with pytest.raises(ValueError, match=r"the input weights: got an array of shape \(3, 2\), wa"):
        evaluate(x, {x: np.zeros((3, 2))})
    with pytest.raises(ValueError, match=r"shape \(\), wanted \(2, 3\)"):  # no broadcasting
        evaluate(x, {x: 1.0})
    with pytest.raises(TypeError, match="labels: got values of type float64, wanted uint8"):
        evaluate(n, {n: np.zeros(2)})
    with pytest.raises(TypeError, match="labels: got values of type int64, wanted uint8"):
        evaluate(n, {n: np.array([1, 256], np.int64)})
    with pytest.raises(TypeError, match="mask: got values of type int64, wanted bool"):
        evaluate(b, {b: np.array([1, 0], np.int64)})
    with pytest.raises(TypeError, match="weights: got values of type complex128, wanted float64"):
        evaluate(x, {x: np.zeros((2, 3), complex)})
    with pytest.raises(TypeError, match="weights: got a Variable, wanted a plain array"):
        evaluate(x, {x: x})


def test_what_is_no_variable_is_refused():
    x = Variable(1.0)
    with pytest.raises(TypeError, match="got float as an output, wanted a Variable"):
        evaluate([x, 1.0], {x: 2.0})
    with pytest.raises(TypeError, match="got str as an input, wanted a Variable"):
        evaluate(x, {"x": 2.0})


def test_a_shape_that_depends_on_values_must_not_change():
    x = Variable(np.array([1.0, -1.0, 2.0]))
    y = x[x > 0] * 10.0
    np.testing.assert_array_equal(evaluate(y, {x: [-3.0, 4.0, 5.0]}), [40.0, 50.0])
    with pytest.raises(ValueError, match=r"got a result of shape \(1,\), wanted \(2,\)"):
        evaluate(y, {x: [-3.0, -4.0, 5.0]})


def test_a_million_operations():
    x = Variable(1.0)
    y = x
    for _ in range(500_000):
        y = y * 0.5 + x
    assert sys.getrecursionlimit() < 100_000
    assert evaluate(y, {x: 3.0}) == 6.0


def test_new_values_that_are_no_dict_are_refused():
    x = Variable(2.0)
    for new in (None, [x], 3.0):
        with pytest.raises(TypeError, match=f"evaluate: got {type(new).__name__} as the new values"):
            evaluate(x * x, new)
    with pytest.raises(TypeError, match="compile: got NoneType as an input"):
        graph.compile(x * x, None)
