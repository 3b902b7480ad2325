"""What does the general algorithm cost, and what do its table, pruning and directions gain?

A chain of operations on single numbers shows the cost of the graph itself: there is next to
nothing to compute. On larger arrays NumPy's own time takes over.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable

import numpy as np

import npbp
from benchmarks.harness import Failure, Session, microseconds
from benchmarks.peers import HOW, installed
from benchmarks.worker import Worker
from npbp import graph


def run(session: Session) -> None:
    chain(session)
    if not session.quick:
        session.rounds = 5
    depth(session)
    width(session)
    table_or_not(session)
    pruning(session)
    directions(session)
    compiled(session)


def chain(session: Session) -> None:
    """``y = y * 0.999 + x``, over and over, against eager PyTorch."""
    table = session.table("y = y * 0.999 + x, forward and backward", "us an operation",
                          x="operations", ratios=("PyTorch, 1 thread",), floor="none")
    rounds = session.rounds
    with contextlib.ExitStack() as stack:
        workers = {"npbp.graph": stack.enter_context(Worker("with_npbp"))}
        if installed("torch"):
            workers["PyTorch, 1 thread"] = stack.enter_context(Worker("with_torch", 1))
        else:
            session.note(f"Not installed: torch. To install it: {HOW}")
        for length in (1000, 10000) if session.quick else (10000, 100000, 1000000):
            session.rounds = 3 if length == 1000000 else rounds
            measures = {}
            for label, worker in workers.items():
                try:
                    measures[label] = worker.prepare("chain", {"length": length}, session.at_least)
                except Failure as error:
                    session.note(f"{label} does not work here: {error}")
            session.measure(table, measures, microseconds(length), length)
            if len(measures) == 2 and length < 1000000:
                session.limit(f"npbp.graph / PyTorch, chain of {length:,}",
                              table.ratio(*measures, x=length), 0.5)
    if (1000000, "npbp.graph") in table.rows:
        growth = table.median("npbp.graph", 1000000) / table.median("npbp.graph", 10000)
        session.limit("an operation in a chain of 1,000,000 / in one of 10,000", growth, 1.5)


def deep(x: Any, depth: int) -> Any:
    for _ in range(depth):
        x = np.tanh(x)
    return np.sum(x)


def depth(session: Session) -> None:
    """Twice as deep takes twice as long: the time an operation stays the same."""
    table = session.table("tanh of 100 numbers, over and over", "us an operation",
                          x="operations", ratios=("NumPy, forward alone",))
    x = np.ones(100)
    for n in (10, 1000) if session.quick else (10, 100, 1000, 10000, 100000):
        compare_with_numpy(session, table, n, x, n)


def width(session: Session) -> None:
    """The graph costs the same for any width, so wide arrays hide it."""
    table = session.table("10 times tanh, arrays of any width", "us an operation",
                          x="numbers in an array", ratios=("NumPy, forward alone",))
    for n in (1, 10000) if session.quick else (1, 10, 100, 1000, 10000, 100000, 1000000):
        compare_with_numpy(session, table, 10, np.ones(n), n)


def compare_with_numpy(session: Session, table: Any, depth: int, x: np.ndarray, at: int) -> None:
    gradient = graph.value_and_grad(lambda x: deep(x, depth))
    session.compare(table, {"NumPy, forward alone": lambda: deep(x, depth),
                            "npbp.graph, forward and backward": lambda: gradient(x)},
                    microseconds(depth), at)


def table_or_not(session: Session) -> None:
    """``z = z + z``, n times: 2^n paths, n gradients."""
    counts = session.table("gradients computed for z = z + z, n times", "gradients", x="n",
                           floor="none")
    times = session.table("its time", "us", x="n", floor="none")
    for n in (2, 6) if session.quick else (2, 4, 6, 8, 10, 12, 14):
        a = graph.Variable(1.0)
        z = a
        for _ in range(n):
            z = z + z
        naive, table = "without a table", "npbp, with the table"
        counts.add(table, [len(graph.prune([a], z).order)], n)
        counts.add(naive, [sum(graph.naive_back_propagation([a], z)[1].values())], n)
        session.compare(times, {
            table: lambda: graph.general_back_propagation([a], z, insert=False),
            naive: lambda: graph.naive_back_propagation([a], z),
        }, microseconds(), n)


def pruning(session: Session) -> None:
    """A network of which only the last layer is trained: the others need no gradient."""
    width, layers = 64, 4 if session.quick else 20
    rng = np.random.default_rng(0)
    x = graph.Variable(rng.random((64, width)), name="x")
    weights = [graph.Variable(rng.random((width, width)) / width) for _ in range(layers)]
    h = x
    for W in weights:
        h = np.tanh(h @ W)
    z = np.sum(h)
    table = session.table(f"backward through {layers} layers", "us",
                          ratios=("all gradients",), floor="none")
    asked = {"npbp, all weights": weights, "npbp, the last layer's weights": weights[-1:],
             "all gradients": [x, *weights]}
    nodes = {name: len(graph.prune(targets, z).order) for name, targets in asked.items()}
    session.compare(table, {
        name: (lambda targets: lambda: graph.general_back_propagation(targets, z, insert=False))(
            targets) for name, targets in asked.items()}, microseconds())
    session.note("Nodes that pruning keeps: "
                 + "; ".join(f"{name}: {count}" for name, count in nodes.items()) + ".")


def directions(session: Session) -> None:
    """A Jacobian by rows (reverse) or by columns (forward): what is fewer is cheaper."""
    few, many = 4, 32 if session.quick else 256
    rng = np.random.default_rng(0)
    for title, n, m in ((f"tall Jacobian, {many} by {few}", few, many),
                        (f"wide Jacobian, {few} by {many}", many, few)):
        W, x = rng.standard_normal((n, m)) / n, rng.standard_normal(n)
        table = session.table(title, "us", ratios=("npbp's own choice",), floor="none")
        modes = {"npbp's own choice": None, "reverse, row by row": "rev",
                 "forward, column by column": "fwd"}
        session.compare(table, {name: jacobian(W, x, mode) for name, mode in modes.items()},
                        microseconds())


def jacobian(W: np.ndarray, x: np.ndarray, mode: str | None) -> Callable[[], Any]:
    function = graph.jacobian(lambda x: np.tanh(x @ W), mode=mode)
    return lambda: function(x)


def compiled(session: Session) -> None:
    """The walk-through's step: layers by hand, and the graph's own, compiled and not."""
    rng, batch, alpha = np.random.default_rng(0), 64, 0.001
    model = npbp.NeuralNet(alpha=alpha, rng=rng)
    X, y = rng.random((batch, 784), dtype=np.float32), rng.integers(0, 10, batch)
    data = graph.Variable(X, name="X"), graph.Variable(y, name="y")
    start = [model.w1.copy(), model.w2.copy()]
    weights = graph.Variable(start[0], name="W1"), graph.Variable(start[1], name="W2")
    step_size = np.float32(alpha * batch)

    def loss_of(X: Any, y: Any, W1: Any, W2: Any) -> Any:
        h = np.maximum(X @ W1[:-1] + W1[-1], 0)
        scores = h @ W2[:-1] + W2[-1]
        return np.mean(graph.logsumexp(scores, axis=1) - scores[np.arange(batch), y])

    loss = loss_of(*data, *weights)
    gradients = graph.general_back_propagation(weights, loss)
    program = graph.compile([loss, *(W - step_size * gradients[W] for W in weights)],
                            [*data, *weights])
    held, eager = list(start), [W.copy() for W in start]
    value_and_grad = graph.value_and_grad(loss_of, argnums=(2, 3))

    def by_hand() -> None:
        model.loss(model.scores(X), y)  # what the programs return: no count of what is correct
        model.gradient_descent()

    def by_program() -> None:
        number, *held[:] = program(X, y, *held)

    def as_it_runs() -> None:
        number, found = value_and_grad(X, y, *eager)
        for W, d_W in zip(eager, found):
            W -= step_size * d_W

    title = "a step of 784-32-10, batch 64"
    table = session.table(title, "us", ratios=("npbp layers, by hand",), floor="none")
    session.compare(table, {"npbp layers, by hand": by_hand, "npbp.graph, compiled": by_program,
                            "npbp.graph, as it runs": as_it_runs}, microseconds())
    session.limit("compiled step / step by hand",
                  table.ratio("npbp.graph, compiled", "npbp layers, by hand"), 1.3)
