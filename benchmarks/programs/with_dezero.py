"""DeZero: a framework made for learning how frameworks work.

As it is: with NumPy 2, the gradient of its loss is float64, and with it its whole backward.
In float32 it would take two thirds to three quarters of the time.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

np.int = int  # DeZero 0.0.13 asks for it, NumPy 1.24 and newer has it no more

import dezero.functions as F  # noqa: E402
import dezero.models  # noqa: E402
import dezero.optimizers  # noqa: E402

from benchmarks import mnist  # noqa: E402
from benchmarks.programs import ALPHA  # noqa: E402


def fit(sizes: list[int], batch: int, examples: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    images, labels, _ = mnist.images_and_labels()
    U, Y = images[:examples].reshape(examples, -1), labels[:examples].astype(np.intp)
    model = dezero.models.MLP(sizes[1:], activation=F.relu)
    model(mnist.rows(1))  # draws the weights, of which NumPy 2 makes float64
    for W in model.params():
        W.data = W.data.astype(np.float32)
    optimizer = dezero.optimizers.SGD(ALPHA).setup(model)

    def run() -> tuple[float, float]:
        losses, right = 0.0, 0.0
        order = rng.permutation(examples)
        for start in range(0, examples, batch):
            rows = order[start:start + batch]
            x, y = U[rows].astype(np.float32) / np.float32(255), Y[rows]
            scores = model(x)
            loss = F.softmax_cross_entropy(scores, y)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            losses += float(loss.data)
            right += float(F.accuracy(scores, y).data) * len(y)
        return losses / (examples // batch), right / examples

    return run
