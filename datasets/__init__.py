"""Data to learn from: images of handwritten digits and their labels.

`load` gives a data set as plain arrays: images as bytes, labels as numbers. A small
sample of MNIST comes with the package; the full sets are downloaded once, checked
against known hashes each time, and kept in a cache folder. `Batches` hands the images
to a network in small portions, in a new order each epoch.

Examples
--------
>>> from npbp.datasets import Batches, load
>>> train, test = load("mnist-sample")
>>> batches = Batches(*train, batch_size=64, rng=0)
>>> X, y = next(iter(batches))
>>> X.shape, y.shape, len(batches)
((64, 784), (64,), 94)

Reading order: idx.py (the file format), batches.py, load.py, sources.py (what comes
from where), download.py, answer.py (one mirror, in bounded time) and whole.py (how a file
arrives whole); terminal.py.
"""
from __future__ import annotations

from .batches import Batches, one_hot
from .idx import DataError, read_idx, write_idx
from .load import Dataset, cache_folder, load
from .sources import NAMES

__all__ = ["NAMES", "Batches", "DataError", "Dataset", "cache_folder", "load", "one_hot",
           "read_idx", "write_idx"]
