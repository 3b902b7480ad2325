"""check_grads must catch every wrong derivative, of first and second order, in both modes."""

import numpy as np
import pytest

from npbp import graph
from npbp.graph import CheckError, Operation, check_grads

X = np.array([0.5, -1.25, 2.0])
M = np.array([[0.5, -1.25, 2.0], [0.25, 0.75, -0.5]])


class Square(Operation):
    """Y = X^2; the right one."""

    def forward(self, X):
        return X * X

    def bprop(self, i, G, Y, X):
        return 2 * X * G

    def jvp(self, i, T, Y, X):
        return 2 * X * T


class TwiceTooLarge(Square):
    def bprop(self, i, G, Y, X):
        return 4 * X * G


class ALittleWrong(Square):
    def bprop(self, i, G, Y, X):
        return 2.00001 * X * G


class NotANumber(Square):
    def bprop(self, i, G, Y, X):
        return X * G * np.nan


class WrongAtOneEntry(Square):
    def bprop(self, i, G, Y, X):
        return 2 * X * G + np.where(X == X[-1], 0.01, 0.0)


class WrongForward(Square):
    def jvp(self, i, T, Y, X):
        return X * T


class HiddenInput(Square):
    """The gradient is right; that of the gradient is zero, as x.value is no longer x."""

    def forward(self, X):
        self.X = X
        return X * X

    def bprop(self, i, G, Y, X):
        return 2 * self.X * G


class HiddenUpstream(Square):
    def bprop(self, i, G, Y, X):
        G = G.value if isinstance(G, graph.Variable) else G
        return 2 * X * G


class HiddenTangent(Square):
    def jvp(self, i, T, Y, X):
        T = T.value if isinstance(T, graph.Variable) else T
        return 2 * X * T


class HiddenInputForward(Square):
    def jvp(self, i, T, Y, X):
        X = X.value if isinstance(X, graph.Variable) else X
        return 2 * X * T


class Other(Square):
    """Another gradient on variables than on plain arrays."""

    def bprop(self, i, G, Y, X):
        return (3 if isinstance(X, graph.Variable) else 2) * X * G


class Softmax(Operation):
    factor = 1.0

    def forward(self, X):
        e = np.exp(X - X.max())
        return e / e.sum()

    def bprop(self, i, G, Y, X):
        return self.factor * Y * (G - np.sum(G * Y))


class ZeroSoftmax(Softmax):
    factor = 0.0


class Product(Operation):
    """Y = A B."""

    def forward(self, A, B):
        return A @ B

    def bprop(self, i, G, Y, A, B):
        return A.T @ G if i else G @ B.T


class SwappedProduct(Product):
    """With square matrices, the shapes do not give it away."""

    def bprop(self, i, G, Y, A, B):
        return G @ A.T if i else G @ B.T


def test_what_is_right_passes_and_returns_none():
    assert check_grads(Square(), (X,)) is None
    check_grads(Square(), (X,), order=3)
    check_grads(Softmax(), (X,))
    check_grads(Product(), (M, M.T @ M))
    check_grads(lambda x, y: np.sum(np.exp(x) * y), (M, X))


@pytest.mark.parametrize(
    "operation, first",
    [
        (TwiceTooLarge(), "order 1, rev, argument 0"),
        (ALittleWrong(), "order 1, rev, argument 0"),
        (NotANumber(), "order 1, rev, argument 0"),
        (WrongAtOneEntry(), "order 1, rev, argument 0"),
        (ZeroSoftmax(), "order 1, rev, argument 0"),
        (WrongForward(), "order 1, fwd, argument 0"),
    ],
)
def test_a_wrong_derivative_is_caught_at_order_1(operation, first):
    with pytest.raises(CheckError, match=f"^{first}.*found .*, expected "):
        check_grads(operation, (X,), order=1)


@pytest.mark.parametrize(
    "operation, where",
    [
        (HiddenInput(), "order 2, rev over rev, argument 0"),
        (HiddenUpstream(), "order 2, rev over rev, upstream gradient 0"),
        (HiddenInputForward(), "order 2, rev over fwd, argument 0"),
        (HiddenTangent(), "order 2, rev over fwd, tangent of argument 0"),
        (Other(), "order 2, the value over rev"),
    ],
)
def test_what_is_wrong_at_the_second_order_only_is_caught_there(operation, where):
    check_grads(operation, (X,), order=1)
    with pytest.raises(CheckError, match=f"^{where}"):
        check_grads(operation, (X,), order=2)


def test_each_mode_over_each_sees_it():
    for modes, where in [
        ("rev", "order 2, rev over rev, argument 0"),
        (("rev",), "order 2, rev over rev, argument 0"),
        (("fwd", "rev"), "order 2, rev over rev, argument 0"),
    ]:
        with pytest.raises(CheckError, match=where):
            check_grads(HiddenInput(), (X,), modes=modes)
    with pytest.raises(CheckError, match="order 2, fwd over fwd, argument 0"):
        check_grads(HiddenInputForward(), (X,), modes=("fwd",))

    class WrongSecondForward(Square):
        """Right everywhere but where a tangent is pushed through the gradient."""

        def bprop(self, i, G, Y, X):
            return 2 * G * Blind()(X)

    class Blind(Operation):
        def forward(self, X):
            return X * 1

        def bprop(self, i, G, Y, X):
            return G

        def jvp(self, i, T, Y, X):
            return 0 * T

    check_grads(WrongSecondForward(), (X,), modes=("rev",))
    with pytest.raises(CheckError, match="order 2, fwd over rev, argument 0"):
        check_grads(WrongSecondForward(), (X,))


def test_a_mode_that_is_not_asked_for_is_not_checked():
    check_grads(WrongForward(), (X,), modes=("rev",))
    check_grads(TwiceTooLarge(), (X,), modes=("fwd",))


def test_the_message_says_what_was_found_and_expected():
    with pytest.raises(CheckError) as caught:
        check_grads(WrongForward(), (X,), order=1)
    words = str(caught.value).split("found ")[1]
    found, expected = words.split(" at [")[0], words.split("expected ")[1].split(" from ")[0]
    assert float(found) * 2 == pytest.approx(float(expected), rel=1e-5)
    assert "from the central difference" in words


def test_the_argument_is_named_also_in_a_tree():
    with pytest.raises(CheckError, match="order 1, rev, argument 1, the|order 1, rev, argument 1:"):
        check_grads(SwappedProduct(), (M.T @ M, M.T @ M + 1), order=1)

    def f(p):
        return p["a"] * 2 + WrongForward()(p["layers"][1])

    with pytest.raises(CheckError, match=r"order 1, fwd, argument 0\['layers'\]\[1\]"):
        check_grads(f, ({"a": X, "layers": [X, X + 1]},), order=1)


def test_several_outputs_are_checked_and_named():
    check_grads(lambda x: {"a": x * 2, "b": (np.sum(x), 7.0)}, (X,))
    with pytest.raises(CheckError, match="fwd, argument 0: the tangent of output 1"):
        check_grads(lambda x: (x * 2, WrongForward()(x)), (X,), order=1)


def test_the_two_directions_must_agree_better_than_differences_can_tell():
    class Off(Square):
        def bprop(self, i, G, Y, X):
            return 2 * X * G * (1 + 1e-8)

    check_grads(Off(), (X,), order=1, modes=("rev",))
    check_grads(Off(), (X,), order=1, modes=("fwd",))
    with pytest.raises(CheckError, match="order 1, rev and fwd, argument 0.*from the tangent"):
        check_grads(Off(), (X,), order=1)


def test_functions_of_power_series_are_checked_with_the_complex_step():
    """An error of 1e-8 is below what a central difference can see."""

    class Off(Square):
        analytic = True

        def bprop(self, i, G, Y, X):
            return 2 * X * G * (1 + 1e-8)

    with pytest.raises(CheckError, match="from the complex step"):
        check_grads(Off(), (X,), order=1, modes=("rev",))
    with pytest.raises(CheckError, match="from the complex step"):
        check_grads(lambda x: np.sum(np.exp(Off()(np.sin(x) * x)) @ M.T), (X,), modes=("rev",))

    # What is flat keeps its value: np.sign(x) is not asked for complex numbers.
    with pytest.raises(CheckError, match="from the complex step"):
        check_grads(lambda x: Off()(x) * np.sign(x), (X,), modes=("rev",))

    # With a function among them that is not, it is differences again.
    check_grads(lambda x: np.abs(Off()(x)), (X,), order=1, modes=("rev",))


def test_a_function_that_writes_into_its_argument_is_caught():
    def f(x):
        if not isinstance(x, graph.Variable):
            x[0] = 3.0
        return x * 2

    x = X.copy()
    with pytest.raises(CheckError, match="order 1, the value: it writes into argument 0"):
        check_grads(f, (x,))
    np.testing.assert_array_equal(x, X)


class WritesInBprop(Square):
    def bprop(self, i, G, Y, X):
        d = 2 * X * G
        if isinstance(X, np.ndarray):
            X *= 2
        return d


class WritesIntoUpstream(Square):
    def bprop(self, i, G, Y, X):
        if isinstance(G, np.ndarray):
            G *= 2
            return X * G
        return 2 * X * G


class WritesInJvp(Square):
    def jvp(self, i, T, Y, X):
        if isinstance(T, np.ndarray):
            T *= 2
            return X * T
        return 2 * X * T


@pytest.mark.parametrize(
    "operation, where",
    [
        (WritesInBprop(), "rev: it writes into argument 0"),
        (WritesIntoUpstream(), "rev: it writes into the upstream gradient"),
        (WritesInJvp(), "fwd: it writes into the tangent"),
    ],
)
def test_a_derivative_that_writes_into_what_it_was_given_is_caught(operation, where):
    with pytest.raises(CheckError, match=f"order 1, {where}"):
        check_grads(operation, (X.copy(),))


def test_arguments_are_left_as_they_are():
    x, y = X.copy(), M.copy()
    x.flags.writeable = y.flags.writeable = False
    check_grads(lambda x, y: np.sum(x * y), (x, y))


def test_another_value_on_variables_than_on_arrays_is_caught():
    def f(x):
        return x * 3 if isinstance(x, graph.Variable) else x * 2

    with pytest.raises(CheckError, match="order 1, the value: output 0 is .* on variables, but"):
        check_grads(f, (X,))


def test_a_gradient_that_is_lost_on_the_way_is_caught():
    def f(x):
        return x * graph.variable.value_of(x)

    with pytest.raises(CheckError, match="order 1, rev"):
        check_grads(f, (X,))


def test_large_and_small_numbers_are_no_false_alarm():
    check_grads(lambda x: np.sum(x**2), (np.array([1e5, -3e4, 1e-3]),))
    check_grads(lambda x: x + 1e7, (X,))
    check_grads(lambda x: x * 1e-9, (X,))
    check_grads(lambda x: np.abs(x) + 1e7, (X,))


def test_large_numbers_do_not_hide_an_error():
    with pytest.raises(CheckError):
        check_grads(ALittleWrong(), (X * 1e6,), order=1, modes=("rev",))


def test_float32_and_python_numbers_are_checked_as_float64():
    check_grads(lambda x, y: np.exp(x) * y, (np.float32([0.5, 1.5]), 3))
    check_grads(lambda p: p[0] * p[1], ([2.0, 3],))


def test_empty_and_constant_cases_pass():
    check_grads(lambda x: x * 2, (np.zeros((0, 3)),))
    check_grads(lambda x: 5.0, (X,))
    check_grads(lambda x: (x > 0) * 1.0, (X,))
    check_grads(lambda: 5.0, ())


def test_the_same_rng_draws_the_same_directions():
    messages = set()
    for _ in range(2):
        with pytest.raises(CheckError) as caught:
            check_grads(WrongForward(), (X,), rng=np.random.default_rng(5))
        messages.add(str(caught.value))
    with pytest.raises(CheckError) as caught:
        check_grads(WrongForward(), (X,), rng=np.random.default_rng(6))
    assert len(messages) == 1 and str(caught.value) not in messages


def test_arguments_of_the_check_that_make_no_sense_are_refused():
    with pytest.raises(TypeError, match=r"got ndarray as args.*tuple.*check_grads\(f, \(x,\)\)"):
        check_grads(Square(), X)
    for order in (0, -1, 1.5, True, None):
        with pytest.raises(ValueError, match="order=.*wanted 1, 2"):
            check_grads(Square(), (X,), order=order)
    for modes in ("forward", (), ("rev", "both")):
        with pytest.raises(ValueError, match="modes=.*'rev', 'fwd'"):
            check_grads(Square(), (X,), modes=modes)
    with pytest.raises(TypeError, match="argument of type int64.*close over"):
        check_grads(Square(), (np.arange(3),))
    with pytest.raises(TypeError, match="Variable among args.*x.value"):
        check_grads(Square(), (graph.Variable(X),))


def test_check_error_is_a_value_error():
    assert issubclass(CheckError, ValueError)


def test_a_function_that_is_not_finite_there_is_refused_and_not_called_wrong():
    with np.errstate(all="ignore"):
        with pytest.raises(ValueError, match="output 0 is nan, wanted finite numbers.*another point"):
            graph.check_grads(np.log, (-1.0,))
        with pytest.raises(ValueError, match="wanted finite numbers"):
            graph.check_grads(lambda x: 1 / x, (np.array([1.0, 0.0]),))
