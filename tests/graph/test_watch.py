"""Which operation made the NaN, and on which line of the program."""

import re
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from npbp import Linear, graph
from npbp.graph.operation import watching


@pytest.fixture(autouse=True)
def nothing_is_left_on():
    state = np.geterr()
    yield
    assert watching == [] and np.geterr() == state


def line_of(text):
    """`file:line: text` of the one line of this file that has the text, as in a message."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    [number] = [k for k, line in enumerate(lines, 1) if line.strip() == text]
    return re.escape(f"{__file__}:{number}: {text}")


def test_a_value_is_blamed_on_its_operation_and_line():
    x = graph.Variable(np.array([1.0, 0.0, 4.0]), name="x")
    with pytest.raises(graph.NotFiniteError) as error, graph.watch():
        y = x * 2.0
        logarithm = np.log(y)
        np.exp(logarithm)
    message = str(error.value)
    assert re.match(
        r"Log made -inf \(1 of 3 entries, the first at \[1\]\) at "
        + line_of("logarithm = np.log(y)") + r"\n",
        message,
    )
    assert "\n  input 0: shape (3,), from 0.0 to 8.0" in message
    assert isinstance(error.value, ValueError)


def a_library_of_the_user(x):
    quotient = x / (x - x)
    return quotient


def test_the_line_is_where_the_users_code_called_numpy_however_deep():
    x = graph.Variable(1.0)
    with pytest.raises(graph.NotFiniteError, match=line_of("quotient = x / (x - x)")):
        with graph.watch():
            a_library_of_the_user(x)


@pytest.mark.parametrize("insert", [True, False])
def test_a_gradient_is_blamed_on_the_forward_line_of_its_operation(insert):
    x = graph.Variable(np.array([4.0, 0.0]), name="x")
    with pytest.raises(graph.NotFiniteError) as error, graph.watch():
        root = np.sqrt(x)
        z = np.sum(3.0 * root)
        _ = graph.general_back_propagation([x], z, insert=insert)
    message = str(error.value)
    assert message.startswith("the gradient that Sqrt passes to its input 0 is inf (1 of 2 entries")
    assert re.search("Sqrt was called at " + line_of("root = np.sqrt(x)"), message)
    asked = line_of("_ = graph.general_back_propagation([x], z, insert=insert)")
    assert re.search("the gradient was asked for at " + asked, message)
    assert "input 0: x, shape (2,), from 0.0 to 4.0" in message
    assert "the gradient of that: shape (2,), from 3.0 to 3.0" in message


def test_the_naive_algorithm_is_watched_too():
    x = graph.Variable(0.0)
    with pytest.raises(graph.NotFiniteError, match="gradient that Sqrt passes"), graph.watch():
        graph.naive_back_propagation([x], np.sqrt(x))


def test_a_second_derivative_is_blamed_on_its_operation():
    x = graph.Variable(0.0, name="x")
    with pytest.raises(graph.NotFiniteError, match="gradient that Power passes"), graph.watch():
        z = x**1.5
        first = graph.general_back_propagation([x], z)[x]
        graph.general_back_propagation([x], first)


@pytest.mark.parametrize("insert", [True, False])
def test_a_sum_of_gradients_that_overflows_is_found(insert):
    x = graph.Variable(1e-10, name="x")
    with pytest.raises(graph.NotFiniteError) as error, graph.watch():
        z = 1e308 * x + 1.5e308 * x
        graph.general_back_propagation([x], z, insert=insert)
    assert re.match("the gradient of a variable is inf: .* sum is too large", str(error.value))
    assert "the variable: x, shape (), 1e-10; the program was given it" in str(error.value)


@pytest.mark.parametrize("insert", [True, False])
def test_a_part_of_a_gradient_that_is_masked_is_no_error(insert):
    class Root(graph.Operation):
        """Y = sqrt(X), with the derivative taken to be 0 at 0."""

        def forward(self, X):
            return np.sqrt(X)

        def bprop(self, i, G, Y, X):
            return np.where(X == 0, 0.0, G / (2 * Y))

    x = graph.Variable(np.array([0.0, 4.0]))
    with graph.watch():
        gradients = graph.general_back_propagation([x], np.sum(Root()(x)), insert=insert)
    gradient = gradients[x].value if insert else gradients[x]
    assert gradient.tolist() == [0, 0.25]


def test_a_nan_that_the_program_was_given_is_said_to_be_so():
    x = graph.Variable(np.array([1.0, np.nan]), name="x")
    with pytest.raises(graph.NotFiniteError, match=(
        r"Multiply got nan \(1 of 2 entries, the first at \[1\]\) already in its input 1: no "
        "operation made it, the program was given it; used at "
    )), graph.watch():  # fmt: skip
        2.0 * x
    with pytest.raises(graph.NotFiniteError, match="Add got inf already in its input 1"):
        with graph.watch():
            graph.Variable(1.0) + np.inf


def test_a_nan_made_before_the_watch_is_said_to_be_so():
    x = graph.Variable(0.0)
    with np.errstate(all="ignore"):
        y = np.log(x)
    message = "Multiply got -inf already in its input 0: Log made it before watch.. was on"
    with pytest.raises(graph.NotFiniteError, match=message), graph.watch():
        y * y


def test_a_nan_in_the_upstream_gradient_is_said_to_be_so():
    x = graph.Variable(np.ones(2))
    with pytest.raises(graph.NotFiniteError, match="Negative got nan .* the upstream gradient"):
        with graph.watch():
            graph.general_back_propagation([x], -x, upstream=[1.0, np.nan])


def test_an_infinity_that_does_no_harm_is_no_error():
    x = graph.Variable(np.array([-np.inf, 0.0]))
    with graph.watch():
        assert np.exp(x).value.tolist() == [0, 1]
        assert (x > 0).value.tolist() == [False, False]


def test_integers_and_booleans_are_not_asked_whether_they_are_finite():
    n = graph.Variable(np.arange(3))
    with graph.watch():
        assert (n * 2 > 2).value.tolist() == [False, False, True]


def test_a_hand_written_layer_is_blamed_by_its_name():
    layer = Linear(2, 1)
    layer.W = [[1], [np.inf], [0]]
    with pytest.raises(graph.NotFiniteError, match="Linear got inf .* already in its input 1"):
        with graph.watch():
            graph.apply(layer, np.ones((1, 2), np.float32))


def test_numpys_warnings_are_silent_inside_and_as_before_outside():
    x = graph.Variable(0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(graph.NotFiniteError), graph.watch():
            np.log(x)
        with pytest.raises(RuntimeWarning):
            np.log(x)


def test_watches_nest_and_the_outer_one_goes_on():
    x = graph.Variable(0.0)
    with pytest.raises(graph.NotFiniteError) as error, graph.watch():
        with pytest.raises(graph.NotFiniteError), graph.watch():
            np.log(x)
        with graph.watch():
            inner = np.sqrt(x)
        assert len(watching) == 1
        graph.general_back_propagation([x], inner)
    assert re.search("Sqrt was called at " + line_of("inner = np.sqrt(x)"), str(error.value))


def test_another_exception_leaves_no_watch_on():
    with pytest.raises(ZeroDivisionError), graph.watch():
        1 / 0
    assert np.isinf((graph.Variable(1.0) * np.inf).value)


def test_a_graph_that_is_finite_is_as_without():
    x = graph.Variable(np.array([0.5, 2.0]))

    def run():
        z = np.sum(np.log(x) * x)
        return graph.general_back_propagation([x], z)[x].value

    plain = run()
    with graph.watch():
        assert np.array_equal(run(), plain)


# ---- where it looks


def in_a_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def not_finite(x):
    """Values and gradients that are infinite, made in every way."""
    with np.errstate(all="ignore"):
        y = np.log(x) + x / 0.0 + x * np.inf
        for insert in (True, False):
            graph.general_back_propagation([x], np.sqrt(x), insert=insert)
            graph.general_back_propagation([x], 1e308 * x + 1.5e308 * x, insert=insert)
    return y


def test_what_another_thread_does_is_not_looked_at():
    x = graph.Variable(0.0)
    with graph.watch():
        y = in_a_thread(lambda: not_finite(x))
        with graph.watch():
            in_a_thread(lambda: not_finite(graph.Variable(0.0)))
        with pytest.raises(graph.NotFiniteError, match="Exp got nan already in its input 0: Add made "
                           "it before watch.. was on"):  # fmt: skip
            np.exp(y)


def test_each_of_two_threads_watches_for_itself():
    def search():
        with pytest.raises(graph.NotFiniteError, match="Log made -inf"), graph.watch():
            np.log(graph.Variable(0.0))
        not_finite(graph.Variable(0.0))  # its own watch is over, and the other's goes on
        with pytest.raises(graph.NotFiniteError, match="gradient that Sqrt"), graph.watch():
            with graph.watch():
                y = np.sqrt(graph.Variable(0.0))
            graph.general_back_propagation([y.inputs[0]], y)
        return True

    with pytest.raises(graph.NotFiniteError, match="Divide made inf"), graph.watch():
        assert in_a_thread(search)
        with graph.watch():
            assert in_a_thread(search)
        graph.Variable(1.0) / 0.0
    # Their blocks need not nest: one begins first, and ends first.
    one, other, ends = threading.Event(), threading.Event(), []

    def first():
        with graph.watch():
            one.set()
            other.wait(10)
        not_finite(graph.Variable(0.0))
        ends.append(1)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(first)
        one.wait(10)
        with pytest.raises(graph.NotFiniteError, match="Log made -inf"), graph.watch():
            other.set()
            done.result()
            np.log(graph.Variable(0.0))
    assert ends == [1]


def test_watches_that_come_and_go_in_other_threads_disturb_nobody():
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            with graph.watch():
                pass

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(come_and_go) for _ in range(2)]
        try:
            x = graph.Variable(1.0)
            for _ in range(3000):
                graph.general_back_propagation([x], x * x + np.exp(x))
            with pytest.raises(graph.NotFiniteError), graph.watch():
                np.log(x - 1.0)
        finally:
            stop.set()
        for job in jobs:
            job.result()


X0 = graph.Variable(0.0)
TOLD = {
    "an operator": lambda: X0 / 0.0,
    "an operator, reflected": lambda: 1.0 / X0,
    "a function": lambda: np.log(X0),
    "an operation of one's own": lambda: Reciprocal()(X0),
    "a layer": lambda: graph.apply(Reciprocal(), X0),
}


class Reciprocal(graph.Operation):
    def forward(self, X):
        return 1 / X

    def bp_input(self, grad):
        return grad


@pytest.mark.parametrize("make", TOLD.values(), ids=TOLD)
def test_every_way_to_make_a_variable_is_watched(make):
    with pytest.raises(graph.NotFiniteError, match=" made (-?inf|nan)"), graph.watch():
        make()


BACKWARD = {
    "general": lambda x, y, insert: graph.general_back_propagation([x], y, insert=insert),
    "naive": lambda x, y, insert: graph.naive_back_propagation([x], y),
    "grad": lambda x, y, insert: graph.grad(lambda v: np.sqrt(v))(0.0),
    "vjp": lambda x, y, insert: graph.vjp(lambda v: np.sqrt(v), 0.0)[1](1.0),
}


@pytest.mark.parametrize("insert", [True, False])
@pytest.mark.parametrize("back", BACKWARD.values(), ids=BACKWARD)
def test_every_way_back_is_watched(back, insert):
    x = graph.Variable(0.0)
    y = np.sqrt(x)
    with pytest.raises(graph.NotFiniteError, match="gradient that Sqrt passes"), graph.watch():
        back(x, y, insert)


def test_constants_that_are_no_numbers_are_described():
    def Tagged(X, tag):
        return X / 0.0

    for tag, words in (
        (np.array([1, None]), "shape .2,. of type object"), (None, "None"), ("text", "'text'"),
        (np.array(["a"]), "shape .1,. of type <U1"),
    ):  # fmt: skip
        with pytest.raises(graph.NotFiniteError, match=f"Tagged made inf(?s:.*)input 1: {words}"):
            with graph.watch():
                graph.Constant(Tagged)(graph.Variable(1.0), tag)
