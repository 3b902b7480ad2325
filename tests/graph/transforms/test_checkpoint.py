"""A checkpoint has the values and derivatives of its function, and keeps its arguments only."""

import tracemalloc

import numpy as np
import pytest

from npbp import Linear, ReLU, graph
from npbp.graph import Variable, checkpoint, grad

RNG = np.random.default_rng(0)
H, WS = RNG.standard_normal((4, 3)), [RNG.standard_normal((3, 3)) for _ in range(5)]


def block(h, W):
    for _ in range(3):
        h = np.tanh(h) * 1.25
    return h @ W


def chain(block):
    def loss(Ws, h):
        for W in Ws:
            h = block(h, W)
        return np.sum(h * h)

    return loss


def test_the_gradients_of_a_chain_are_equal_to_the_last_bit():
    plain = graph.value_and_grad(chain(block), (0, 1))(WS, H)
    kept = graph.value_and_grad(chain(checkpoint(block)), (0, 1))(WS, H)
    nested = checkpoint(lambda h, W: checkpoint(block)(h, W))
    for value, (d_Ws, d_h) in (kept, graph.value_and_grad(chain(nested), (0, 1))(WS, H)):
        assert value == plain[0]
        np.testing.assert_array_equal(d_h, plain[1][1])
        np.testing.assert_array_equal(d_Ws, plain[1][0])
    tangents = ([W * 2 for W in WS], H + 1)
    one, other = (graph.jvp(f, (WS, H), tangents) for f in (chain(block), chain(checkpoint(block))))
    assert one[0] == other[0]
    np.testing.assert_allclose(one[1], other[1], rtol=1e-12)


@pytest.mark.parametrize("wrapped", [
    checkpoint(block),
    checkpoint(lambda h, W: checkpoint(block)(checkpoint(np.sin)(h), W)),
])  # fmt: skip
def test_derivatives_of_every_order_and_direction(wrapped):
    graph.check_grads(wrapped, (H, WS[0]))
    graph.check_grads(wrapped, (H[:1], WS[0]), order=3, modes="rev")
    graph.check_grads(lambda h: wrapped(h, WS[0]), (H,))  # the other argument is a constant
    graph.check_grads(lambda W: np.sum(grad(lambda h: np.sum(wrapped(h, W) ** 2))(H)), (WS[0],))


def test_the_memory_of_a_chain_is_that_of_its_arguments():
    def peak(wrap):
        @wrap
        def ten(h):
            for _ in range(10):
                h = np.tanh(h)
            return h

        def loss(h):
            for _ in range(20):
                h = ten(h)
            return np.sum(h)

        tracemalloc.start()
        try:
            d = grad(loss)(h)
            return d, tracemalloc.get_traced_memory()[1] / h.nbytes
        finally:
            tracemalloc.stop()

    h = np.linspace(-1, 1, 20_000)
    d, arrays = peak(lambda f: f)
    d_kept, arrays_kept = peak(checkpoint)
    np.testing.assert_array_equal(d, d_kept)
    assert arrays > 200 and arrays_kept < 90


def test_it_runs_again_once_for_all_arguments():
    calls = []

    @checkpoint
    def f(a, b, c):
        calls.append(type(a))
        return a * b * c

    assert grad(f, (0, 1, 2))(2.0, 3.0, 5.0) == (15, 10, 6)
    assert calls == [Variable] * 2
    f(2.0, 3.0, 5.0)
    assert calls[2:] == [float], "on plain numbers it is the function itself"


def test_arguments_and_results_of_all_kinds():
    @checkpoint
    def f(p, labels, *, how, n):
        y = p["W"][labels] * (2.0 if how == "twice" else 1.0)
        return {"y": y, "best": np.argmax(y), "c": (7.0, "text", None), "W": p["W"], "n": n}

    def g(W, k):
        r = f({"W": W, "b": None}, np.array([0, 2, 2]), how="twice", n=k)
        assert r["c"] == (7.0, "text", None)
        return np.sum(r["y"] ** 2) + np.sum(r["W"][: r["best"]]) * r["n"]

    x = np.array([3.0, 2.0, 5.0])
    assert grad(g, (0, 1))(x, 2.0)[1] == 3.0
    graph.check_grads(g, (x, 2.0))
    assert checkpoint(lambda x: x)(3.0) == 3 and grad(checkpoint(lambda x: x))(3.0) == 1
    assert grad(checkpoint(lambda x: 5.0))(3.0) == 0
    assert grad(checkpoint(np.sin))(np.float32(0)).dtype == np.float32
    # A variable of integers is a constant as well.
    x, k = Variable(x), Variable(np.array([0, 0, 1]))
    y = checkpoint(lambda x, k: np.sum(x[k] ** 2))(x, k)
    d = graph.general_back_propagation([x], y)[x]
    np.testing.assert_array_equal(d.value, [12, 4, 0])


def test_two_passes_over_one_graph_give_the_same():
    x = Variable(H)
    y = checkpoint(lambda h: np.sin(h) * h)(x)
    for _ in range(2):
        for insert in (True, False):
            for G in (H, H * 2):
                d = graph.general_back_propagation([x], y, G, insert=insert)[x]
                expected = G * (np.cos(H) * H + np.sin(H))
                np.testing.assert_allclose(graph.variable.value_of(d), expected, rtol=1e-12)
    np.testing.assert_allclose(
        graph.jacobian(checkpoint(lambda h: h**2))(np.array([1.0, 2.0])), [[2, 0], [0, 4]]
    )


def test_the_graph_runs_again_with_other_values():
    x, W = Variable(H), Variable(WS[0])
    y = checkpoint(block)(x, W)
    d = graph.general_back_propagation([x, W], y, np.ones((4, 3)))
    outputs, new = [y, d[x], d[W]], (H * 0.5, WS[1])
    value, pullback = graph.vjp(block, *new)
    for results in (
        graph.evaluate(outputs, dict(zip((x, W), new))), graph.compile(outputs, [x, W])(*new)
    ):  # fmt: skip
        for found, expected in zip(results, (value, *pullback(np.ones((4, 3))))):
            np.testing.assert_allclose(found, expected, rtol=1e-12)
    # What f returns may be an array of its own: a program does not write into it.
    table = np.ones((4, 3))
    y = checkpoint(lambda h: table if type(h) is not Variable else h * 0 + table)(x)
    program = graph.compile(np.exp(y * 2) + 1, [x])
    program(H), program(H)
    np.testing.assert_array_equal(table, np.ones((4, 3)))


def test_a_variable_that_is_no_argument_is_refused_and_not_lost():
    w, layer = Variable(2.0), Linear(3, 3)
    for f in (lambda x: x * w, lambda x: w, lambda x: np.sum(graph.apply(layer, x))):
        with pytest.raises(TypeError, match="checkpoint: .* not among its arguments.*pass it in"):
            checkpoint(f)(Variable(np.ones((2, 3), np.float32)))
    with pytest.raises(TypeError, match="not among its arguments"):
        grad(lambda w: grad(checkpoint(lambda x: x * w))(2.0))(3.0)
    relu = checkpoint(lambda x: graph.apply(ReLU(), x) * 2)  # it has no weights
    np.testing.assert_array_equal(grad(lambda x: np.sum(relu(x)))(np.ones((2, 3))), np.full((2, 3), 2))
    # What no gradient passes through does no harm.
    assert grad(checkpoint(lambda x: x * (w > 0)))(5.0) == 1
    k = Variable(np.array([1, 1]))
    d = grad(checkpoint(lambda x: np.sum(x[k])))(np.ones(3))
    np.testing.assert_array_equal(graph.variable.value_of(d), [0, 2, 0])


def test_watch_looks_into_it():
    with pytest.raises(graph.NotFiniteError, match="Log made -inf"), graph.watch():
        checkpoint(lambda x: np.exp(np.log(x)))(Variable(0.0))
    with pytest.raises(graph.NotFiniteError, match="gradient that Sqrt passes"), graph.watch():
        grad(checkpoint(lambda x: np.sqrt(x) * 2))(0.0)
