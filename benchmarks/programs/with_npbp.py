"""npbp, as README.rst shows it."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

import npbp
from benchmarks import mnist
from benchmarks.programs import ALPHA, DROPPED
from npbp import datasets


def network(sizes: list[int], course: bool = False) -> npbp.Network:
    rng = np.random.default_rng(0)
    layers: list = []
    for m, n in zip(sizes[:-1], sizes[1:-1]):
        layers.append(npbp.Linear(m, n, rng))
        layers += [npbp.BatchNorm1d(n)] * course + [npbp.ReLU()]
        layers += [npbp.Dropout(DROPPED, rng)] * course
    layers.append(npbp.Linear(*sizes[-2:], rng))
    return npbp.Network(layers, npbp.SoftmaxCrossEntropyLoss())


def fit(sizes: list[int], batch: int, examples: int, course: bool = False) -> Callable[[], Any]:
    images, labels, _ = mnist.images_and_labels()
    train = images[:examples], labels[:examples]
    model, rng = network(sizes, course), np.random.default_rng(0)
    optimizer = npbp.Adam() if course else npbp.SGD(ALPHA)
    return lambda: npbp.fit(model, train, epochs=1, batch_size=batch, optimizer=optimizer, rng=rng)


def loop(sizes: list[int], batch: int, examples: int) -> Callable[[], Any]:
    """The walk-through's loop."""
    images, labels, _ = mnist.images_and_labels()
    train = datasets.Batches(images[:examples], labels[:examples], batch_size=batch, rng=0)
    rng = np.random.default_rng(0)
    if len(sizes) == 3:  # the walk-through's own network: its gradient is that of the sum
        model: Any = npbp.NeuralNet(*sizes, alpha=ALPHA / batch, rng=rng)
        alpha: tuple = ()
    else:
        model, alpha = network(sizes), (ALPHA,)

    def run() -> None:
        for X, y in train:
            y_prob, correct, loss = model.evaluate(X, y)
            model.gradient_descent(*alpha)

    return run


def predict(sizes: list[int], batch: int, examples: int) -> Callable[[], None]:
    model, X = network(sizes), mnist.rows(examples)

    def run() -> None:
        for start in range(0, examples, batch):
            model.predict(X[start:start + batch])

    return run


def optimizer(kind: str, shapes: list[list[int]], options: dict) -> Callable[[], Any]:
    """A step of ``npbp.kind`` over arrays of these shapes."""
    rng = np.random.default_rng(0)
    network = [npbp.Linear(rows, columns, rng, bias=False) for rows, columns in shapes]
    weights = {str(i): layer.W for i, layer in enumerate(network)}
    gradients = {name: rng.standard_normal(W.shape).astype(np.float32) / 100
                 for name, W in weights.items()}
    optimizer = getattr(npbp, kind)(**options)
    return lambda: optimizer.step(weights, gradients)


def chain(length: int) -> Callable[[], Any]:
    """``length`` operations on single numbers, forward and backward."""
    from npbp import graph

    def f(x: Any) -> Any:
        y = 0.5
        for _ in range(length // 2):
            y = y * 0.999 + x
        return y

    value_and_grad = graph.value_and_grad(f)
    return lambda: value_and_grad(1.0)
