"""MyGrad: tensors around NumPy arrays."""

from __future__ import annotations

from typing import Any, Callable

import mygrad
import numpy as np
from mygrad.nnet.activations import relu
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks import mnist
from benchmarks.programs import ALPHA
from benchmarks.programs.with_numpy import weights


def fit(sizes: list[int], batch: int, examples: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    images, labels, _ = mnist.images_and_labels()
    U, Y = images[:examples].reshape(examples, -1), labels[:examples].astype(np.intp)
    parameters = [(mygrad.tensor(W[:-1]), mygrad.tensor(W[-1])) for W in weights(sizes, rng)]

    def run() -> tuple[float, float]:
        losses, right = 0.0, 0
        order = rng.permutation(examples)
        for start in range(0, examples, batch):
            rows = order[start:start + batch]
            x, y = U[rows].astype(np.float32) / np.float32(255), Y[rows]
            for i, (W, b) in enumerate(parameters):
                x = mygrad.matmul(x, W) + b
                if i < len(parameters) - 1:
                    x = relu(x)
            loss = softmax_crossentropy(x, y)
            loss.backward()
            for layer in parameters:
                for W in layer:
                    W.data -= ALPHA * W.grad
            losses += loss.item()
            right += (x.data.argmax(1) == y).sum()
        return losses / (examples // batch), right / examples

    return run
