"""NumPy alone: the matrix products that nobody can do without, and a straightforward loop."""

from __future__ import annotations

from typing import Callable

import numpy as np

from benchmarks import mnist
from benchmarks.programs import ALPHA


def weights(sizes: list[int], rng: np.random.Generator) -> list[np.ndarray]:
    """A matrix and a row of biases for each layer, as one array."""
    return [rng.uniform(-1, 1, (m + 1, n)).astype(np.float32) * np.float32((6 / (m + n)) ** 0.5)
            for m, n in zip(sizes, sizes[1:])]


def products(sizes: list[int], batch: int, examples: int) -> Callable[[], None]:
    """The floor: forward and backward products of each step, ``out=``, on fixed arrays."""
    rng = np.random.default_rng(0)
    W = [w[:-1] for w in weights(sizes, rng)]
    x = [rng.random((batch, n), dtype=np.float32) for n in sizes]      # activations
    g = [rng.random((batch, n), dtype=np.float32) for n in sizes]      # gradients
    d_W = [np.empty_like(w) for w in W]
    forward = [(x[i], W[i], x[i + 1]) for i in range(len(W))]
    backward = []
    for i in reversed(range(len(W))):
        backward.append((x[i].T, g[i + 1], d_W[i]))
        if i:  # nobody needs the gradient of the images
            backward.append((g[i + 1], W[i].T, g[i]))
    calls = forward + backward

    def run() -> None:
        for step in range(examples // batch):
            for a, b, out in calls:
                np.dot(a, b, out=out)

    return run


def loop(sizes: list[int], batch: int, examples: int) -> Callable[[], tuple]:
    """What one writes down without thinking of speed."""
    rng = np.random.default_rng(0)
    images, labels, _ = mnist.images_and_labels()
    U, Y = images[:examples].reshape(examples, -1), labels[:examples].astype(np.intp)
    parameters = weights(sizes, rng)

    def run() -> tuple[float, float]:
        order = rng.permutation(examples)
        losses, right = 0.0, 0
        for start in range(0, examples, batch):
            rows = order[start:start + batch]
            y, each = Y[rows], np.arange(len(rows))
            x = [U[rows].astype(np.float32) / np.float32(255)]
            for i, W in enumerate(parameters):                          # forward
                s = x[-1] @ W[:-1] + W[-1]
                if i < len(parameters) - 1:
                    x.append(np.maximum(s, 0))
            s = s - s.max(axis=1, keepdims=True)
            p = np.exp(s)
            p /= p.sum(axis=1, keepdims=True)
            losses -= np.log(p[each, y]).sum()
            right += (p.argmax(axis=1) == y).sum()
            grad = p                                                    # backward
            grad[each, y] -= 1
            grad /= len(rows)
            for i in reversed(range(len(parameters))):
                W, d_W = parameters[i], np.empty_like(parameters[i])
                d_W[:-1] = x[i].T @ grad
                d_W[-1] = grad.sum(axis=0)
                if i:
                    grad = (grad @ W[:-1].T) * (x[i] > 0)
                W -= ALPHA * d_W                                        # a step downhill
        return losses / examples, right / examples

    return run


def predict_products(sizes: list[int], batch: int, examples: int) -> Callable[[], None]:
    """The floor of a prediction: its products, ``out=``, on fixed arrays."""
    rng = np.random.default_rng(0)
    x = [rng.random((batch, n), dtype=np.float32) for n in sizes]
    calls = [(x[i], w[:-1], x[i + 1]) for i, w in enumerate(weights(sizes, rng))]

    def run() -> None:
        for step in range(examples // batch):
            for a, b, out in calls:
                np.dot(a, b, out=out)

    return run
