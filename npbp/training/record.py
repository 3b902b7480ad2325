"""What has to be as it was for a training to go on, and what should be, for the last digits.

Both are dicts of texts: what it is, and how it was.
"""

from __future__ import annotations

import os
import platform
import random
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

from npbp.layers.containers import names_of
from npbp.layers.nesting import found_in, joined
from npbp.network import Network

if TYPE_CHECKING:
    from npbp.datasets import Batches

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
OPTIONS = "the optimizer, before its first step"  # later a callback may have changed its alpha
FORCING = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")  # to other instructions


def record(
    network: Network, train: Batches, validation: Batches | None, optimizer: Any, callbacks: list,
    drawn_from: dict[str, np.random.Generator],
) -> dict[str, str]:
    """What a training consists of. ``callbacks`` are those that have a state, ``drawn_from`` the
    `generators`."""
    found = {f"layer {name}": _described(layer) for name, layer in network.chain.walk() if name}
    for name, W in {**network.parameters, **network.buffers}.items():
        found[name] = f"{W.dtype} {W.shape}"
    found["the loss"] = _described(network.loss)
    found["the optimizer"] = type(optimizer).__name__
    if getattr(optimizer, "steps", None) == 0 and type(optimizer).__repr__ is not object.__repr__:
        found[OPTIONS] = _without_addresses(repr(optimizer))
    found["the callbacks that have a state"] = ", ".join(type(c).__name__ for c in callbacks) or "none"
    for name, batches in (("train", train), ("validation", validation)):
        if batches is not None:
            found[f"X of {name}"] = _data(batches.X)
            found[f"y of {name}"] = _data(batches.y)
            found[f"batch_size of {name}"] = str(batches.batch_size)
            found[f"shuffle of {name}"] = str(bool(batches.shuffle))
            found[f"flatten of {name}"] = str(bool(batches.flatten))
    first: dict[int, str] = {}
    for name, generator in drawn_from.items():
        shared = first.setdefault(id(generator), name)
        kind = type(generator.bit_generator).__name__
        found[f"generator {name}"] = kind if shared == name else f"the same as {shared}"
    return found


def generators(
    network: Network, train: Batches, validation: Batches | None, optimizer: Any, callbacks: Sequence
) -> dict[str, np.random.Generator]:
    """All that the training draws from, by name; one may be in several places.

    Raises
    ------
    TypeError
        If one is of another kind than NumPy's Generator.
    """
    from npbp.datasets import Batches

    parts = {"train": train, "loss": network.loss, "optimizer": optimizer,
             **{f"callbacks.{name}": c for name, c in zip(names_of(callbacks), callbacks)}}
    if validation is not None and type(validation) is not Batches:  # (which would draw nothing)
        parts["validation"] = validation
    found = {"train.rng": train.rng, **network.chain.generators}
    for owner, part in {**dict(network.chain.walk()), **parts}.items():
        for key, value in list(getattr(part, "__dict__", {}).items()):
            name = joined(owner, key)
            for kind in (np.random.RandomState, random.Random):
                for place, _ in found_in(kind, name, value):
                    raise TypeError(
                        f"fit: got a {kind.__name__} as {place}, of which a checkpoint does not know "
                        "where it stands, wanted a Generator: np.random.default_rng(seed)"
                    )
            if owner in parts:
                found.update(found_in(np.random.Generator, name, value))
    return found


def environment() -> dict[str, str]:
    """What the last digits of a result depend on, as far as it is known."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "BLAS": _blas(),
        "cores": str(cores),
        **{name: os.environ.get(name, "not set") for name in (*THREADS, *FORCING)},
    }


def _described(part: Any) -> str:
    """Its class and arguments; of a layer that holds others the class, as they stand for themselves."""
    name = type(part).__name__
    if getattr(part, "children", None) or not hasattr(part, "config"):
        return name
    arguments = ", ".join(f"{key}={value!r}" for key, value in part.config().items())
    return _without_addresses(f"{name}({arguments})")


def _without_addresses(text: str) -> str:
    """Where a function lies in memory is another place each time."""
    return re.sub(" at 0x[0-9a-fA-F]+", "", text)


def _data(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape} with the checksum {_checksum(array):08x}"


def _checksum(array: np.ndarray) -> int:
    """Of the numbers, not of how they lie in memory; a megabyte at a time."""
    sum_, rows = 0, max(1, (1 << 20) // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        part = array[start:start + rows]
        if part.dtype.itemsize > 8:  # a long double has bytes that mean nothing
            part = part.astype(np.float64)
        sum_ = zlib.crc32(np.ascontiguousarray(part), sum_)
    return sum_


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
        return re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)[1]
    except (OSError, TypeError):
        return platform.processor()


def _blas() -> str:
    """The library behind ``np.dot``."""
    try:
        found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{found['name']} {found.get('version', '')}".strip()
    except (TypeError, KeyError):  # NumPy before 1.25 knows no mode
        return "unknown"
