"""scikit-learn: one ``partial_fit`` of its MLPClassifier is an epoch."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks import mnist
from benchmarks.programs import ALPHA


def fit(sizes: list[int], batch: int, examples: int) -> Callable[[], Any]:
    """It wants numbers from 0 to 1 from the start, so the scaling is not timed here; and it
    keeps the loss of an epoch, but does not count what is correct."""
    X, y = mnist.rows(examples), mnist.images_and_labels()[1][:examples]
    model = MLPClassifier(sizes[1:-1], solver="sgd", alpha=0, batch_size=batch, momentum=0,
                          learning_rate_init=ALPHA, nesterovs_momentum=False, random_state=0)
    classes = np.arange(10)
    return lambda: model.partial_fit(X, y, classes=classes)
