"""What does the vectorized, batch-first product gain, and how near is Linear to it?

A linear layer is a product of matrices. Written as a loop over examples it is the same
product, one row at a time: the weights are read from memory anew for each example. The
batch first, all at once, lets the library keep them near. The peak is what this machine
reaches with two large square matrices; nothing can be faster.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

import npbp
from benchmarks.harness import Session

rng = np.random.default_rng(0)


def random(*shape: int) -> np.ndarray:
    return rng.random(shape, dtype=np.float32)


def triple_loop(x: list, W: list) -> list:
    """The definition: ``y[n, k] = sum_i x[n, i] W[i, k]``."""
    y = [[0.0] * len(W[0]) for _ in x]
    for n in range(len(x)):
        for k in range(len(W[0])):
            for i in range(len(W)):
                y[n][k] += x[n][i] * W[i][k]
    return y


def one_at_a_time(x: np.ndarray, W: np.ndarray) -> list:
    return [np.dot(example, W) for example in x]


def both_ways(x: np.ndarray, W: np.ndarray) -> dict[str, tuple[Callable, int]]:
    """``{name: (function, operations)}``: the same product, by rows and at once."""
    count = 2 * x.size * W.shape[1]
    return {"one example at a time": (lambda: one_at_a_time(x, W), count),
            "batch first": (lambda: np.dot(x, W), count)}


def gflops(count: float) -> Callable[[float], float]:
    return lambda seconds: count / seconds / 1e9


def run(session: Session) -> None:
    n = 512 if session.quick else 2048
    a, b, c = random(n, n), random(n, n), random(n, n)

    def beside_the_peak(table: Any, programs: dict, x: Any = None) -> None:
        """``{name: (function, operations)}`` in GFLOP/s; they take turns with the peak."""
        programs = {"peak": (lambda: np.dot(a, b, out=c), 2 * n**3), **programs}
        session.compare(table, {name: function for name, (function, _) in programs.items()},
                        {name: gflops(count) for name, (_, count) in programs.items()}, x)

    options = {"ratios": ("peak",), "higher": True}
    table = session.table("(64, 784) times (784, 32)", "GFLOP/s", **options)
    x, W = random(64, 784), random(784, 32)
    small, small_W = random(4, 64), random(64, 32)
    lists = small.tolist(), small_W.tolist()
    beside_the_peak(table, {**both_ways(x, W), "triple loop, (4, 64) times (64, 32)": (
        lambda: triple_loop(*lists), 2 * small.size * 32)})

    table = session.table("(N, 784) times (784, 128)", "GFLOP/s", x="batch size N", **options)
    W = random(784, 128)
    for N in (1, 16, 256) if session.quick else (1, 4, 16, 64, 256, 1024, 4096):
        beside_the_peak(table, both_ways(random(N, 784), W), N)
    table = session.table("(128, width) times (width, width)", "GFLOP/s", x="width", **options)
    for width in (32, 256) if session.quick else (32, 64, 128, 256, 512, 1024, 2048):
        beside_the_peak(table, both_ways(random(128, width), random(width, width)), width)

    sizes = [(64, 784, 32)] + [(n, n, n) for n in ((256,) if session.quick else (256, 512, 1024))]
    options = {"x": "(N, in, out)", "ratios": ("bare products",)}
    forward = session.table("Linear forward", "us", **options)
    backward = session.table("Linear backward, both gradients", "us", **options)
    for N, m, n in sizes:
        linear(session, forward, backward, N, m, n)


def linear(session: Session, forward: Any, backward: Any, N: int, m: int, n: int) -> None:
    layer, x, grad = npbp.Linear(m, n, rng), random(N, m), random(N, n)
    W, y, d_x, d_W = layer.W[:-1], random(N, n), random(N, m), random(m, n)
    layer.forward(x)

    def products() -> None:
        np.dot(grad, W.T, out=d_x)
        np.dot(x.T, grad, out=d_W)

    shape, us = f"({N}, {m}, {n})", lambda seconds: seconds * 1e6
    session.compare(forward, {"bare products": lambda: np.dot(x, W, out=y),
                              "npbp Linear": lambda: layer.forward(x)}, us, shape)
    session.compare(backward, {"bare products": products,
                               "npbp Linear": lambda: layer.backward(grad)}, us, shape)
    for table, name in ((forward, "forward"), (backward, "backward")):
        session.limit(f"Linear {name} / bare products, {shape}",
                      table.ratio("npbp Linear", "bare products", x=shape),
                      1.1 if min(N, m, n) >= 256 else 1.5)
