"""Is an option of an optimizer or a schedule what it should be? If not, an error says so."""

from __future__ import annotations

import math
import operator
from typing import Any, Callable, Iterable


def learning_rate(owner: str, alpha: float) -> float:
    """``alpha`` as a float, or an error that names the owner if it is no learning rate.

    Examples
    --------
    >>> learning_rate("SGD", 1)
    1.0
    """
    return at_least_0(owner, "alpha", alpha)


def at_least_0(owner: str, name: str, value: Any) -> float:
    """``value`` as a finite float of at least 0."""
    return _real(owner, name, value, "a finite number of at least 0", lambda x: 0 <= x < math.inf)


def above_0(owner: str, name: str, value: Any) -> float:
    """``value`` as a finite float above 0."""
    return _real(owner, name, value, "a finite number above 0", lambda x: 0 < x < math.inf)


def below_1(owner: str, name: str, value: Any) -> float:
    """``value`` as a float from 0 to below 1: the factor of a running average."""
    return _real(owner, name, value, "a number from 0 to below 1", lambda x: 0 <= x < 1)


def whole(owner: str, name: str, value: Any, least: int) -> int:
    """``value`` as an int of at least ``least``."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"{owner}: got {name}={value!r}, wanted a whole number")
    if number < least:
        raise ValueError(f"{owner}: got {name}={value!r}, wanted at least {least}")
    return number


def listed(names: Iterable[str], most: int = 5) -> str:
    """The names in a message: the first few.

    Examples
    --------
    >>> listed("abc", most=2)
    'a, b, ...'
    """
    names = [str(name) for name in names]
    return ", ".join(names if len(names) <= most else [*names[:most], "..."])


def _real(owner: str, name: str, value: Any, wanted: str, holds: Callable[[float], bool]) -> float:
    try:
        number = float(value)
    except OverflowError:  # a whole number that no float can hold
        number = math.inf
    except (TypeError, ValueError):
        raise TypeError(f"{owner}: got {name}={value!r}, wanted a number") from None
    if not holds(number):
        raise ValueError(f"{owner}: got {name}={value!r}, wanted {wanted}")
    return number
