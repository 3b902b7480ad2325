"""Layers inside of layers: found in attributes and in lists, tuples and dicts, by name.

What is found is told by its class, which is an argument: `Layer` stands on this file.
"""

from __future__ import annotations

import copy
from collections import deque
from typing import Any, Callable, Iterator

COLLECTIONS = (list, tuple, dict, set, frozenset, deque)
DEEPEST = 100  # levels: each takes a few of the thousand calls inside calls that Python makes


class fixed(property):
    """A property that says, if somebody assigns to it, why that cannot be.

    Examples
    --------
    >>> class Square:
    ...     @fixed
    ...     def sides(self):
    ...         '''The number of sides.'''
    ...         return 4
    >>> Square().sides = 3
    Traceback (most recent call last):
    ...
    AttributeError: Square.sides cannot be assigned: it is the number of sides. ...
    """

    def __set__(self, owner: Any, value: Any) -> None:
        first, _, _ = " ".join((self.__doc__ or "").split()).partition(".")
        raise AttributeError(
            f"{type(owner).__name__}.{self.fget.__name__} cannot be assigned: it is "
            f"{first[:1].lower()}{first[1:]}. Has an attribute of your own this name? Call it otherwise"
        )


class Weights(dict):
    """Arrays by name that know whose they are: so an optimizer that gets no more than them can ask
    which rows are no bias. A copy is a plain dict.

    Examples
    --------
    >>> from npbp import Linear
    >>> Linear(2, 3).parameters.decayed
    {'W': 2}
    """

    __slots__ = ("layer",)

    @property
    def decayed(self) -> dict[str, int]:
        return self.layer.decayed

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)


def joined(outer: str, inner: str) -> str:
    """The name of what is inside: ``residual1.linear1``."""
    return f"{outer}.{inner}" if outer else inner


def found_in(kind: type, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The objects of a class in an attribute, or in its lists, tuples and dicts, with names.

    Examples
    --------
    >>> list(found_in(str, "word", ["a", 1, {"b": "c", "d": ("e", "f")}]))
    [('word1', 'a'), ('word3.b', 'c'), ('word3.d1', 'e'), ('word3.d2', 'f')]
    """
    holders = (kind, dict, list, tuple)
    if isinstance(value, kind):
        yield name, value
    elif isinstance(value, dict):
        for key, part in list(value.items()):  # a list: another thread may add to it
            if isinstance(part, holders):
                yield from found_in(kind, f"{name}.{key}", part)
    elif isinstance(value, (list, tuple)):
        dot = "." if name[-1:].isdigit() else ""  # conv2.1 is no conv21
        for i, part in enumerate(value, start=1):
            if isinstance(part, holders):
                yield from found_in(kind, f"{name}{dot}{i}", part)
    elif isinstance(value, (set, frozenset, deque)) and any(isinstance(part, kind) for part in value):
        raise TypeError(
            f"got a {type(value).__name__} with {kind.__name__.lower()}s in it as the attribute {name}, "
            "wanted a list, a tuple or a dict: there each has a name"
        )


def replaced(kind: type, value: Any, function: Callable[[Any], Any]) -> Any:
    """A copy of a collection, with ``function`` of each object of a class in it.

    Examples
    --------
    >>> replaced(str, ["a", 1, {"b": "c"}], str.upper)
    ['A', 1, {'b': 'C'}]
    """
    if isinstance(value, kind):
        return function(value)
    holders = (kind, dict, list, tuple)
    if isinstance(value, tuple):
        if not any(isinstance(part, holders) for part in value):
            return value
        parts = [replaced(kind, part, function) for part in value]
        return value._make(parts) if hasattr(value, "_make") else type(value)(parts)
    value = copy.copy(value)  # of its own class
    if isinstance(value, (list, dict)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(part, holders):
                value[key] = replaced(kind, part, function)
    return value
