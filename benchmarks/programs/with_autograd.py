"""HIPS/autograd: NumPy code, differentiated as it runs."""

from __future__ import annotations

from typing import Any, Callable

import autograd
import autograd.numpy as anp
import numpy as np

from benchmarks import mnist
from benchmarks.programs import ALPHA
from benchmarks.programs.with_numpy import weights


def fit(sizes: list[int], batch: int, examples: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    images, labels, _ = mnist.images_and_labels()
    U, Y = images[:examples].reshape(examples, -1), labels[:examples].astype(np.intp)
    parameters = [(W[:-1].copy(), W[-1].copy()) for W in weights(sizes, rng)]

    def loss_and_scores(parameters: list, X: Any, y: Any) -> tuple:
        for i, (W, b) in enumerate(parameters):
            X = anp.dot(X, W) + b
            if i < len(parameters) - 1:
                X = anp.maximum(X, 0)
        s = X - anp.max(X, axis=1, keepdims=True)
        log_p = s - anp.log(anp.sum(anp.exp(s), axis=1, keepdims=True))
        return -anp.mean(log_p[np.arange(len(y)), y]), s

    found: list = []

    def loss_alone(parameters: list, X: Any, y: Any) -> Any:
        loss, s = loss_and_scores(parameters, X, y)
        found[:] = [loss._value, s._value]
        return loss

    gradient = autograd.grad(loss_alone)

    def run() -> tuple[float, float]:
        losses, right = 0.0, 0
        order = rng.permutation(examples)
        for start in range(0, examples, batch):
            rows = order[start:start + batch]
            X, y = U[rows].astype(np.float32) / np.float32(255), Y[rows]
            for (W, b), (d_W, d_b) in zip(parameters, gradient(parameters, X, y)):
                W -= ALPHA * d_W
                b -= ALPHA * d_b
            losses += found[0]
            right += (found[1].argmax(1) == y).sum()
        return losses / (examples // batch), right / examples

    return run
