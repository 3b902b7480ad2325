"""``npbp predict``: which digits are in these images?"""

from __future__ import annotations

import argparse
import io
import math
import os
import struct
from typing import Any, Iterator

import numpy as np

from npbp import datasets
from npbp.cli.common import Failed, subcommand
from npbp.files import opened
from npbp.network import Network
from npbp.npy import MAGIC, read_npy

MOST = 1 << 30  # bytes of images
PNG, MOST_PNG = b"\x89PNG\r\n\x1a\n", 1 << 20
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue: ITU-R BT.601
KINDS = {b"\xff\xd8\xff": "a JPEG image", b"GIF8": "a GIF image", b"BM": "a BMP image",
         b"II*\0": "a TIFF image", b"MM\0*": "a TIFF image", b"RIFF": "a WebP image or a sound",
         b"%PDF": "a PDF", b"PK": "a zip or .npz archive", b"\x89HDF": "an HDF5 file"}


def add_to(commands: Any) -> None:
    """The arguments of ``npbp predict``."""
    sub = subcommand(commands, "predict", predict, "print the digit in each image, with its probability",
                  "  npbp predict runs/mnist-sample-1/model.npz digits.npy\n"
                  "  npbp predict runs/mnist-1 digit.png\n"
                  "  npbp predict runs/mnist-1/model.npz t10k-images-idx3-ubyte.gz | head\n")
    sub.add_argument("model", metavar="MODEL", help="the model.npz of a run, or the folder of the run")
    sub.add_argument("images", metavar="IMAGE", nargs="+",
                     help="an idx file (plain or .gz) or a .npy file: (28, 28), (N, 28, 28) or "
                          "(N, 784), uint8 or floats in 0 to 1; or a PNG of 28 x 28 pixels. The "
                          "digits of MNIST are white on black")


def predict(options: argparse.Namespace) -> int:
    """``npbp predict``: a line an image."""
    model = options.model
    if os.path.isdir(model):  # the folder of a run
        model = os.path.join(model, "model.npz")
    try:
        network = Network.load(model, finite=False)  # below it is said in the words of a prediction
    except ValueError as error:
        raise Failed(error) from None
    features = _features(network)
    for name in options.images:
        index = 0
        for X in _rows(name, _read_images(name, features), features):
            probabilities = network.predict(X)
            if not np.isfinite(probabilities).all():
                raise Failed(f"{model} predicts numbers that are not finite for {name}: its "
                             "weights are not those of a training that went well")
            for p in probabilities:
                first, *others = np.argsort(-p, kind="stable")[:2]
                line = f"{name}[{index}]: {first}  {p[first]:.4f}"
                print(line, *(f"  (next: {other}  {p[other]:.4f})" for other in others), sep="")
                index += 1
    return 0


def _features(network: Network) -> int:
    """How many numbers the network takes for an image."""
    for layer in network.layers:
        if hasattr(layer, "in_features"):
            return layer.in_features
    raise Failed("the model has no linear layer, so it does not say how many numbers an "
                 "image has: predict with npbp.Network.load in Python")


def _read_images(name: str, features: int) -> np.ndarray:
    """The array of an idx file (plain or gzip), of a .npy file or of a PNG."""
    try:
        with opened(name) as file:
            start, size = file.read(16), file.seek(0, os.SEEK_END)
            file.seek(0)
            if start.startswith(MAGIC):
                return read_npy(file, size, MOST)
            if start.startswith(PNG):
                return _read_png(file.read(MOST_PNG + 1), features)
    except Exception as error:  # a damaged file makes NumPy and matplotlib raise all sorts
        if isinstance(error, OSError) and error.errno is not None:
            raise  # not there, or not ours to read
        raise Failed(f"{name} cannot be read: {error}") from None
    for magic, kind in KINDS.items():
        if start.startswith(magic):
            raise Failed(f"{name} is {kind}; wanted an idx file, a PNG, or a .npy file, as "
                         "np.save('digits.npy', images) writes it")
    return datasets.read_idx(name, MOST)


def _read_png(data: bytes, features: int) -> np.ndarray:
    """A PNG as floats in 0 to 1, grey as the eye sees it; what is transparent is black."""
    if data[8:16] != b"\0\0\0\rIHDR" or data.count(b"IHDR") > 1 or len(data) < 24:
        raise ValueError("it is a damaged PNG")
    width, height = struct.unpack(">2I", data[16:24])  # a small file may be a huge picture
    if width * height != features or len(data) > MOST_PNG:
        side = math.isqrt(features)
        wanted = f"{side} x {side}" if side * side == features else f"{features}"
        raise ValueError(f"it is a PNG of {width} x {height} pixels, wanted {wanted}: cut the digit "
                         "out and make the picture that small")
    from matplotlib.image import imread

    image = imread(io.BytesIO(data), format="png")
    if image.ndim == 2:
        return image
    grey = (image[..., :3] @ LUMA).clip(0, 1)  # the sum of a white pixel may round to above 1
    return grey * image[..., 3] if image.shape[2] == 4 else grey


def _rows(name: str, images: np.ndarray, features: int) -> Iterator[np.ndarray]:
    """The images as rows of float32 in 0..1, in chunks of bounded memory."""
    if images.ndim > 1 and math.prod(images.shape[1:]) == features:
        rows = images.reshape(len(images), features)
    elif images.size == features:  # one image
        rows = images.reshape(1, features)
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
