"""A network as a file: its structure as JSON, and its weights, in one NumPy ``.npz``.

A file may come from anywhere and claim anything, so it is read without pickle, and
nothing is made that is larger than what the file has bytes for. First the directory of
the archive is held against the size of the file, and the shape of each array against its
bytes; then the network is made, of layers that may be no larger than these arrays; and
only when all names and shapes agree are the weights read.
"""

from __future__ import annotations

import errno
import inspect
import io
import json
import math
import os
import reprlib
import sys
from collections.abc import Iterable
from typing import Any, BinaryIO, Callable

import numpy as np

import npbp.layers
import npbp.losses
from npbp.files import opened, replacing
from npbp.layers import Layer
from npbp.layers.checks import Checked, floating
from npbp.layers.nesting import joined
from npbp.losses import Loss
from npbp.npy import Npz

LONGEST = 1 << 22  # bytes of a structure: enough for ten thousand layers
MOST = 10_000  # layers, those inside of others counted


def save(network: Any, path: str | bytes | os.PathLike) -> None:
    """Write the structure and weights of ``network``; see `npbp.Network.save`."""
    layers = sum(1 for _ in network.chain.walk())
    if layers > MOST:
        raise ValueError(
            f"{type(network).__name__}.save: got {layers:,} layers, wanted {MOST:,} at most: load makes "
            "no more"
        )
    structure = np.array(json.dumps({"network": type(network).__name__, **network.config()}))
    if structure.nbytes > LONGEST:
        raise ValueError(
            f"{type(network).__name__}.save: got a config of {structure.nbytes // 4} letters, wanted "
            f"{LONGEST // 4} at most: load reads no more"
        )
    # In memory first: an archive that a full disk breaks off complains once more when it goes.
    archive = io.BytesIO()
    np.savez(archive, config=structure, **network.parameters, **network.buffers)
    with replacing(path) as temporary:
        temporary.write_bytes(archive.getbuffer())


def recipe(part: Any) -> list:
    """``[class, arguments]`` of a layer or loss, which `load` makes again.

    An argument that is a layer is written in the same way, in a list, tuple or dict as well.
    """
    kind, config = type(part), part.config() if hasattr(part, "config") else {}
    written = {key: _written(value) for key, value in config.items()}
    try:
        inspect.signature(kind).bind(**config)
        json.dumps(written)
    except TypeError as error:
        raise TypeError(
            f"{kind.__name__}.config: got {reprlib.repr(config)}, wanted the arguments of __init__, as "
            f"plain numbers and strings, so that the file can be loaded: {error}"
        ) from None
    return [kind.__name__, written]


def _written(value: Any) -> Any:
    """``value`` in lists and dicts for JSON; `_made` reads them."""
    if isinstance(value, Layer):
        return {"layer": recipe(value)}
    if isinstance(value, dict):  # a key that is a number would come back as text: (key,) is refused
        return {"dict": {key if isinstance(key, str) else (key,): _written(part)
                         for key, part in value.items()}}
    return [_written(part) for part in value] if isinstance(value, (list, tuple)) else value


def load(
    path: str | bytes | os.PathLike, own: Iterable[type], networks: dict[str, type], finite: bool = True
) -> Any:
    """The network in the file ``path``; see `npbp.Network.load`.

    ``own`` are the caller's classes of layers and losses, ``networks`` the classes that
    the network may be of; ``finite``: whether all weights have to be finite numbers.
    """
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"Network.load: got {reprlib.repr(path)}, wanted the path of a file")
    own = _classes(own)
    try:
        with opened(path) as file:
            return _read(file, own, networks, finite)
    except Exception as error:  # a damaged file makes zipfile and json raise all sorts
        # The operating system's own word: not there, not ours to read. (Invalid is what it
        # calls a place before the start of the file, which a damaged archive may name.)
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error) or repr(error)
        if isinstance(error, RecursionError):
            reason = "its structure nests far too deep"
        line = "".join(c if c.isprintable() else " " for c in reason[:200])
        raise ValueError(f"{os.fsdecode(path)}: no saved network: {line}") from None


def _read(file: BinaryIO, own: dict[str, type], networks: dict[str, type], finite: bool) -> Any:
    with Npz(file) as arrays:
        if "config" not in arrays:
            raise ValueError("it is an .npz file of something else")
        config = json.loads(_text(arrays.read("config", LONGEST)))
        shapes = {name: arrays.shape(name) for name in arrays if name != "config"}
        network = _make(config, own, networks, sum(map(math.prod, shapes.values())))
        held = {**network.parameters, **network.buffers}
        for name in sorted({*held, *shapes}):
            if name not in shapes or name not in held:
                raise ValueError(f"it has no {reprlib.repr(name)}, which its layers have" if name in held else
                                 f"it has {reprlib.repr(name)}, and none of its layers has that")
            if held[name].shape != shapes[name]:
                raise ValueError(f"got the weights {reprlib.repr(name)} of shape {shapes[name]}, "
                                 f"wanted {held[name].shape}")
        found = {name: _weights(name, arrays.read(name), finite) for name in held}
    types = {W.dtype for W in found.values()}
    for place, layer in network.chain.walk():
        names = {key: joined(place, key) for key in (*layer.parameter_names, *layer.buffer_names)}
        own_types = {found[name].dtype for name in names.values()} or types
        if names and len(own_types) > 1:
            raise ValueError(f"got {', '.join(sorted(map(str, own_types)))} as the types of "
                             f"{', '.join(names.values())}, wanted one type for a layer")
        if len(own_types) == 1:
            (layer.dtype,) = own_types
        for key, name in names.items():
            setattr(layer, key, found[name])
    return network


def _weights(name: str, W: np.ndarray, finite: bool) -> np.ndarray:
    floating(W.dtype)
    if finite and not np.isfinite(W).all():
        count = np.count_nonzero(~np.isfinite(W))
        raise ValueError(f"{count} of {W.size} numbers of {reprlib.repr(name)} are NaN or infinite, as "
                         "after a training that diverged: to look at it, load with finite=False")
    return W


def _text(array: np.ndarray) -> str:
    """The text of an array that holds one. NumPy would make characters that Python has not."""
    if array.dtype.kind != "U" or array.shape:
        raise ValueError("its config is no text")
    return array.tobytes().decode("utf-32-le" if sys.byteorder == "little" else "utf-32-be").rstrip("\0")


def _make(config: Any, own: dict[str, type], networks: dict[str, type], most: int) -> Any:
    """The network that ``config`` tells of, if it has no more than ``most`` weights."""
    if not (isinstance(config, dict) and isinstance(config.get("network"), str)):
        raise ValueError("its config does not say which network it is")
    name = config.pop("network")
    if name not in networks:
        raise ValueError(f"it is a {name[:60]}: read it with {name[:60]}.load")
    kind, rng = networks[name], _Ration(most)
    ours = {**_parts(npbp.layers), **_parts(npbp.losses)}
    known = _Known()
    for part, maker in {**ours, **own}.items():
        known[part] = _maker(maker, part in ours and part not in own, known, rng)
    if _takes_rng(kind):
        config["rng"] = rng
    return kind.from_config(config, known)


# ---- what a file may name


class _Known(dict):
    """The classes that a file may name."""

    def __getitem__(self, name: Any) -> Callable:
        if isinstance(name, str) and name in self:
            return super().__getitem__(name)
        raise ValueError(f"{reprlib.repr(name)} is unknown; pass their classes as layers=(...,) if "
                         "it has layers or a loss of your own")


def _parts(room: Any) -> dict[str, type]:
    """The layers or losses of a package, by name."""
    return {
        name: kind
        for name, kind in vars(room).items()
        if isinstance(kind, type) and issubclass(kind, Checked) and kind not in (Layer, Loss)
    }


def _classes(own: Iterable[type]) -> dict[str, type]:
    """The caller's own classes by name."""
    kinds = list(own) if isinstance(own, Iterable) else [None]
    if not all(isinstance(kind, type) for kind in kinds):
        raise TypeError(
            f"Network.load: got layers={reprlib.repr(own)}, wanted classes, as in layers=(MyLayer,)"
        )
    return {kind.__name__: kind for kind in kinds}


class _Ration(np.random.Generator):
    """Draws as many numbers as the file has weights, and no more.

    What a layer of ours starts with is overwritten, but a layer that the file only claims
    to have would take its memory and time here.
    """

    def __init__(self, weights: int) -> None:
        super().__init__(np.random.PCG64())
        self.drawn = self.claimed = weights  # what is left of them
        self.layers = MOST

    def count(self) -> None:
        """Before a layer or loss is made."""
        self.layers -= 1
        if self.layers < 0:
            raise ValueError(f"it has more than {MOST:,} layers")

    def grant(self, size: int) -> None:
        """Before a layer is made that has at least ``size`` weights, drawn or not."""
        self.claimed -= size
        if self.claimed < 0:
            raise ValueError("its layers are larger than the weights in it")

    def _granted(self, size: Any) -> Any:
        self.drawn -= math.prod(np.atleast_1d(1 if size is None else size).tolist())
        if self.drawn < 0:
            raise ValueError("its layers are larger than the weights in it")
        return size

    def random(self, size: Any = None, *more: Any, **named: Any) -> Any:
        return super().random(self._granted(size), *more, **named)

    def standard_normal(self, size: Any = None, *more: Any, **named: Any) -> Any:
        return super().standard_normal(self._granted(size), *more, **named)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return super().uniform(low, high, self._granted(size))

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return super().normal(loc, scale, self._granted(size))


def _takes_rng(kind: type) -> bool:
    return "rng" in inspect.signature(kind).parameters


def _maker(kind: type, ours: bool, known: dict[str, Callable], rng: _Ration) -> Callable:
    """Makes one of ``kind``; if it is ours, with ``rng``, whatever the file says."""
    takes_rng = ours and _takes_rng(kind)
    has_arrays = getattr(kind, "parameter_names", ()) or getattr(kind, "buffer_names", ())

    def made(value: Any) -> Any:
        """What `_written` wrote."""
        if isinstance(value, dict) and value.keys() == {"layer"}:
            name, config = value["layer"]
            return known[name](**config)
        if isinstance(value, dict) and value.keys() == {"dict"}:
            return {key: made(part) for key, part in value["dict"].items()}
        return [made(part) for part in value] if isinstance(value, list) else value

    def make(**config: Any) -> Any:
        rng.count()
        if ours and has_arrays:  # it has as many weights as its sizes, or more
            rng.grant(max(map(_numbers_in, config.values()), default=1))
        config = {key: made(value) for key, value in config.items()}
        if takes_rng:  # (one that draws no weights, as a Dropout, gets a fresh one)
            config["rng"] = rng if kind.parameter_names else None
        return kind(**config)

    return make


def _numbers_in(size: Any) -> int:
    """How many weights an argument asks for: a size, or a shape (of what NumPy could make)."""
    shape = size[:64] if isinstance(size, list) else [size]
    return math.prod(shape) if all(type(n) is int for n in shape) else 1
