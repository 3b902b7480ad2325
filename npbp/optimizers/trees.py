"""Parameters and gradients by name, whatever holds them: a dict, or a tree.

A tree is nested dicts, lists and tuples, such as ``[(W1, b1), (W2, b2)]``; its leaves are
arrays. A leaf is called by the way to it, such as ``1.0`` here or ``encoder.W``, and one
array alone is ``array``.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator

import numpy as np

from npbp.layers.checks import kind, plain
from npbp.optimizers.checks import listed

KINDS = (dict, list, tuple, np.ndarray)


def named(owner: str, tree: Any) -> dict[str, Any]:
    """All leaves by name, from left to right.

    Raises
    ------
    ValueError
        If two have one name, as those of ``{"a.b": x, "a": {"b": y}}``.

    Examples
    --------
    >>> named("SGD", {"W": 1.0, "b": [2.0, (3.0, 4.0)]})
    {'W': 1.0, 'b.0': 2.0, 'b.1.0': 3.0, 'b.1.1': 4.0}
    """
    found: dict[str, Any] = {}
    for name, leaf in _leaves("", tree):
        if name in found:
            raise ValueError(f"{owner}: got two arrays of the name {name}, wanted one: rename a key")
        found[name] = leaf
    return found


def _leaves(name: str, tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        branches = tree.items()
    elif isinstance(tree, (list, tuple)):
        branches = zip(getattr(tree, "_fields", range(len(tree))), tree)
    else:
        yield name or "array", tree
        return
    for key, branch in branches:
        yield from _leaves(f"{name}.{key}" if name else str(key), branch)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """A tree of the same form, with ``function(leaf)`` in place of each leaf.

    Examples
    --------
    >>> mapped(lambda leaf: 10 * leaf, {"W": 1.0, "b": [2.0, (3.0, 4.0)]})
    {'W': 10.0, 'b': [20.0, (30.0, 40.0)]}
    """
    if isinstance(tree, dict):
        return {key: mapped(function, branch) for key, branch in tree.items()}
    if not isinstance(tree, (list, tuple)):
        return function(tree)
    branches = [mapped(function, branch) for branch in tree]
    if isinstance(tree, list):
        return branches
    # A named tuple takes its values one by one.
    return type(tree)(*branches) if hasattr(tree, "_fields") else tuple(branches)


# ---- checks


def weight(owner: str, name: str, leaf: Any) -> np.ndarray:
    """A leaf as an array that a step can change in place."""
    if isinstance(leaf, (float, int, np.generic)):
        raise TypeError(
            f"{owner}: got the number {leaf} as {name}, wanted an array, as a step changes it in "
            f"place: make it np.array({leaf})"
        )
    W = array(owner, name, leaf)
    if W.dtype.kind != "f":
        raise TypeError(
            f"{owner}: got an array of {W.dtype} as {name}, wanted real floating numbers, which can "
            "change a little: .astype(np.float32)"
        )
    if not W.flags.writeable:
        raise ValueError(f"{owner}: got an array as {name} that is read-only: give a copy of it")
    return W


def gradient(owner: str, name: str, leaf: Any, shape: tuple) -> np.ndarray:
    """A leaf as the gradient of an array of that shape."""
    d_W = real(owner, f"the gradient of {name}", leaf)
    if d_W.shape != shape:
        raise ValueError(
            f"{owner}: got a gradient of shape {d_W.shape} for {name}, wanted its shape {shape}"
        )
    return d_W


def real(owner: str, name: str, leaf: Any) -> np.ndarray:
    """A leaf as an array of real numbers. (The gradient of an array without axes is a number.)"""
    if isinstance(leaf, (float, int, np.generic)):
        leaf = np.asarray(leaf)
    found = array(owner, name, leaf)
    if found.dtype.kind not in "fiu":
        raise TypeError(f"{owner}: got {name} of {found.dtype}, wanted real numbers")
    return found


def array(owner: str, name: str, leaf: Any) -> np.ndarray:
    """A leaf as a plain array: the same numbers, not a copy."""
    if isinstance(leaf, np.ndarray):
        return plain(f"{owner}: {name}", leaf)
    hint = ": give its .value" if isinstance(getattr(leaf, "value", None), np.ndarray) else ""
    raise TypeError(f"{owner}: got {kind(leaf)} as {name}, wanted an array{hint}")


def other_names(owner: str, weights: dict, gradients: dict) -> str:
    """The message for gradients that are not those of the weights."""
    missing, superfluous = (listed(name for name in a if name not in b)
                            for a, b in ((weights, gradients), (gradients, weights)))
    return (
        f"{owner}: got " + (f"no gradient for {missing}" if missing else "")
        + (" and " if missing and superfluous else "")
        + (f"a gradient for {superfluous}, which is no parameter" if superfluous else "")
        + ", wanted one for each parameter, in the same form"
    )


def each_once(owner: str, weights: dict[str, np.ndarray]) -> None:
    """An error if one array has two names: its gradient is the sum of theirs."""
    names: dict[int, str] = {}
    for name, W in weights.items():
        if names.setdefault(id(W), name) != name:
            raise ValueError(
                f"{owner}: got one array both as {names[id(W)]} and as {name}, wanted it once, with "
                "the sum of its gradients"
            )
