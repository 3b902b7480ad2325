"""Parameters often come as a dict of arrays, or as a list of pairs (W, b).

Such a tree is nested lists, tuples and dicts; its leaves are everything else: arrays,
variables, numbers. To differentiate with respect to a tree is to do so with respect to
its leaves, and to put the gradients where the leaves were.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator


def leaves(tree: Any) -> list:
    """All leaves, from left to right.

    Examples
    --------
    >>> leaves({"W": 1.0, "b": [2.0, (3.0, 4.0)]})
    [1.0, 2.0, 3.0, 4.0]
    """
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, (list, tuple)):
        return [tree]
    return [leaf for branch in tree for leaf in leaves(branch)]


def paths(tree: Any, path: str = "") -> Iterator[str]:
    """How to get at each leaf, from left to right.

    Examples
    --------
    >>> list(paths({"W": 1.0, "b": [2.0, (3.0, 4.0)]}))
    ["['W']", "['b'][0]", "['b'][1][0]", "['b'][1][1]"]
    """
    if isinstance(tree, (dict, list, tuple)):
        for key, branch in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from paths(branch, f"{path}[{key!r}]")
    else:
        yield path


def rebuild(tree: Any, new_leaves: Iterable) -> Any:
    """A tree of the form of ``tree``, with ``new_leaves`` in place of its leaves.

    Examples
    --------
    >>> rebuild({"W": 1.0, "b": [2.0, (3.0, 4.0)]}, "abcd")
    {'W': 'a', 'b': ['b', ('c', 'd')]}
    """
    return _built(tree, iter(new_leaves))


def _built(tree: Any, new: Iterator) -> Any:
    # (A function of its own: one inside `rebuild` that calls itself would be a cycle, and keep
    # the leaves, and so the graph below them, alive until Python looks for cycles.)
    if isinstance(tree, dict):
        return {key: _built(value, new) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_built(value, new) for value in tree]
    if isinstance(tree, tuple):
        values = [_built(value, new) for value in tree]
        # A named tuple takes its values one by one.
        return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
    return next(new)


def leaves_like(tree: Any, other: Any, what: str) -> list:
    """The leaves of ``other``, in the order of those of ``tree``, which it must have the form of.

    Raises
    ------
    ValueError
        If it has not; the message names ``what`` and where the two differ.

    Examples
    --------
    >>> leaves_like({"W": 1.0, "b": 2.0}, {"b": 20.0, "W": 10.0}, "the tangent")
    [10.0, 20.0]
    >>> leaves_like({"W": 1.0, "b": 2.0}, {"W": 10.0}, "the tangent")
    Traceback (most recent call last):
    ...
    ValueError: the tangent: got a dict of 'W', wanted a dict of 'W', 'b'
    """
    return list(_paired(tree, other, what))


def _paired(tree: Any, other: Any, what: str) -> Iterator:
    if isinstance(tree, dict):
        if not isinstance(other, dict) or other.keys() != tree.keys():
            raise ValueError(f"{what}: got {_form(other)}, wanted {_form(tree)}")
        for key in tree:
            yield from _paired(tree[key], other[key], f"{what}[{key!r}]")
    elif isinstance(tree, (list, tuple)):
        if not isinstance(other, (list, tuple)) or len(other) != len(tree):
            raise ValueError(f"{what}: got {_form(other)}, wanted {_form(tree)}")
        for i, (a, b) in enumerate(zip(tree, other)):
            yield from _paired(a, b, f"{what}[{i}]")
    elif isinstance(other, (dict, tuple)):
        raise ValueError(f"{what}: got {_form(other)}, wanted an array")
    else:
        yield other  # a list of numbers will do for an array


def _form(tree: Any) -> str:
    if isinstance(tree, dict):
        return f"a dict of {', '.join(map(repr, tree))}"
    if isinstance(tree, (list, tuple)):
        return f"a {type(tree).__name__} of {len(tree)}"
    return f"one {type(tree).__name__}"
