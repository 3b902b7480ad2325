"""Any state as one ``.npz``: a tree of dicts, lists, numbers and texts as JSON, and its arrays.

In the text a place holder stands for each array. A float is written with every digit that it
takes to read the same one back, a whole number may be of any size, and an array has its type
and its order in memory.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any

import numpy as np

from npbp.layers.checks import kind
from npbp.npy import Npz

TREE = "state"  # the name of the text
ARRAY, NUMBER, STACK = "__array__", "__number__", "__list_of_arrays__"
MARKS = {ARRAY: np.asarray, NUMBER: lambda array: array[()], STACK: list}  # back from an array
LONGEST = 1 << 26  # bytes of the text: the history of some hundred thousand epochs


def pack(owner: str, tree: dict) -> memoryview:
    """The bytes of a file that `unpack` reads.

    Raises
    ------
    TypeError
        If there is something in ``tree`` that is no dict with texts as keys, list, number,
        text, bool, None or array of numbers.
    ValueError
        If it is too long for `unpack`.

    Examples
    --------
    >>> tree = {"steps": 3, "m": {"W": np.array([0.5])}, "best": float("inf")}
    >>> unpack(Npz(io.BytesIO(pack("example", tree))))
    {'steps': 3, 'm': {'W': array([0.5])}, 'best': inf}
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_plain(owner, "", tree, arrays)).encode()
    if len(text) > LONGEST:
        raise ValueError(f"{owner}: got {len(text)} letters beside the arrays, wanted {LONGEST} at most")
    file = io.BytesIO()
    np.savez(file, **{TREE: np.frombuffer(text, np.uint8)}, **arrays)
    try:
        Npz(file)  # it holds no more than a reader takes
    except ValueError as error:
        raise ValueError(
            f"{owner}: got {len(arrays)} arrays, which is too much for one file: {error}"
        ) from None
    return file.getbuffer()


def text(file: Npz) -> Any:
    """The tree alone: of the arrays their place holders, such as ``{"__array__": "m/W"}``."""
    if TREE not in file:
        raise ValueError("it is an .npz file of something else")
    return json.loads(file.read(TREE, LONGEST).tobytes())


def unpack(file: Npz) -> Any:
    """The tree with its arrays, which are new ones."""
    return with_arrays(text(file), file)


def with_arrays(tree: Any, file: Npz) -> Any:
    """``tree``, as `text` gave it, with the arrays in place of their place holders."""
    if isinstance(tree, list):
        return [with_arrays(part, file) for part in tree]
    if not isinstance(tree, dict):
        return tree
    for mark, back in MARKS.items():
        if tree.keys() == {mark}:
            return back(file.read(tree[mark]))
    return {key: with_arrays(part, file) for key, part in tree.items()}


def _plain(owner: str, path: str, value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """``value`` as JSON has it; its arrays go into ``arrays``, by a name such as ``path``."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or key in MARKS:
                raise TypeError(f"{owner}: got the key {key!r} in {path}, wanted a text")
        return {key: _plain(owner, f"{path}/{key}" if path else key, part, arrays)
                for key, part in value.items()}
    if isinstance(value, list) and not _stackable(value):
        return [_plain(owner, f"{path}/{i}", part, arrays) for i, part in enumerate(value, start=1)]
    if not isinstance(value, (list, np.ndarray, np.generic)) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{owner}: got {kind(value)} as {path}, wanted a number, a text, None, an array "
                        "of numbers, or dicts and lists of them")
    array = np.asarray(value)
    if array.dtype.kind not in "biufcmMSU":
        raise TypeError(f"{owner}: got an array of {array.dtype} as {path}, wanted numbers or text")
    name = re.sub(r"[^\w./-]", "_", path, flags=re.ASCII)[:200]
    while name == TREE or name in arrays:
        name += "_"
    arrays[name] = array
    return {STACK if isinstance(value, list) else ARRAY if isinstance(value, np.ndarray) else NUMBER: name}


def _stackable(values: list) -> bool:
    """Whether they are arrays of one kind, such as the confusion matrix of each epoch."""
    return bool(values) and all(
        type(part) is np.ndarray and (part.shape, part.dtype) == (values[0].shape, values[0].dtype)
        for part in values
    )
