"""``npbp predict``: which digits are in these images?"""

from __future__ import annotations

import argparse
import math
from typing import Any, Iterator

import numpy as np

from npbp import datasets
from npbp.cli.common import Failed, subcommand
from npbp.network import Network


def add_to(commands: Any) -> None:
    """The arguments of ``npbp predict``."""
    sub = subcommand(commands, "predict", predict, "print the digit in each image, with its probability",
                  "  npbp predict runs/mnist-sample-1/model.npz digits.npy\n"
                  "  npbp predict runs/mnist-1/model.npz t10k-images-idx3-ubyte.gz | head\n")
    sub.add_argument("model", metavar="MODEL", help="the model.npz of a run")
    sub.add_argument("images", metavar="IMAGE", nargs="+",
                     help="an idx file (plain or .gz) or a .npy file: (28, 28), (N, 28, 28) or "
                          "(N, 784), uint8 or floats in 0 to 1")


def predict(options: argparse.Namespace) -> int:
    """``npbp predict``: a line an image."""
    try:
        network = Network.load(options.model)
    except ValueError as error:
        raise Failed(error) from None
    for name in options.images:
        index = 0
        for X in _rows(name, _read_images(name), network):
            probabilities = network.predict(X)
            if not np.isfinite(probabilities).all():
                raise Failed(f"{options.model} predicts numbers that are not finite for {name}: its "
                             "weights are not those of a training that went well")
            for p in probabilities:
                first, *others = np.argsort(-p, kind="stable")[:2]
                line = f"{name}[{index}]: {first}  {p[first]:.4f}"
                print(line, *(f"  (next: {other}  {p[other]:.4f})" for other in others), sep="")
                index += 1
    return 0


def _read_images(name: str) -> np.ndarray:
    """The array of an idx file (plain or gzip) or of a .npy file."""
    with open(name, "rb") as file:
        is_npy = file.read(6) == b"\x93NUMPY"
    if not is_npy:
        return datasets.read_idx(name)
    try:
        return np.load(name, allow_pickle=False)
    except Exception as error:  # a damaged header makes NumPy raise all sorts
        raise Failed(_in_file(name, error)) from None


def _in_file(name: str, error: Exception) -> str:
    return str(error) if name in str(error) else f"{name} cannot be read: {error}"


def _rows(name: str, images: np.ndarray, network: Network) -> Iterator[np.ndarray]:
    """The images as rows of float32 in 0..1, in chunks of bounded memory."""
    features = next((layer.in_features for layer in network.layers
                     if hasattr(layer, "in_features")), None)
    if images.ndim > 1 and math.prod(images.shape[1:]) == features:
        rows = images.reshape(len(images), features)
    elif images.size == features:  # one image
        rows = images.reshape(1, features)
    elif features is None:
        raise Failed("the model has no linear layer, so it does not say how many numbers an "
                     "image has: predict with npbp.Network.load in Python")
    else:
        raise Failed(f"{name} holds an array of shape {images.shape}; the model wants images of "
                     f"{features} numbers each, as in (28, 28), (N, 28, 28) or (N, {features})")
    if rows.dtype != np.uint8 and rows.dtype.kind != "f":
        raise Failed(f"{name} holds {rows.dtype}; wanted uint8 (0 to 255) or floats in 0 to 1")
    unused = np.zeros(len(rows), int)
    for X, _ in datasets.Batches(rows, unused, 1000, shuffle=False):  # scales as in training
        if not ((X >= 0) & (X <= 1)).all():
            raise Failed(f"{name} holds floats outside of 0 to 1 (or NaN): divide images of "
                         "0 to 255 by 255")
        yield X
