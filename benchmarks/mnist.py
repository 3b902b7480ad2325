"""Images to train on: MNIST, or random bytes of its shape where it was never downloaded."""

from __future__ import annotations

import functools

import numpy as np

from npbp import datasets


@functools.lru_cache(maxsize=None)
def images_and_labels() -> tuple[np.ndarray, np.ndarray, str]:
    """``(60000, 28, 28)`` and ``(60000,)``, both uint8, and what they are."""
    try:
        images, labels = datasets.load("mnist", download=False).train
        return images, labels, "MNIST"
    except datasets.DataError:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (60000, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, 60000, dtype=np.uint8)
        return images, labels, "random bytes of MNIST's shape"


def rows(count: int) -> np.ndarray:
    """The first images as rows of numbers from 0 to 1: ``(count, 784)`` float32."""
    images = images_and_labels()[0][:count]
    return images.reshape(count, -1).astype(np.float32) / 255
