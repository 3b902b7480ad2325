"""Is an option of an optimizer or a schedule what it should be? If not, an error says so."""

from __future__ import annotations

import math
from typing import Any, Iterable

from npbp.layers.checks import at_least_0, number


def learning_rate(owner: str, alpha: float) -> float:
    """``alpha`` as a float, or an error that names the owner if it is no learning rate.

    Examples
    --------
    >>> learning_rate("SGD", 1)
    1.0
    """
    return at_least_0(owner, "alpha", alpha)


def above_0(owner: str, name: str, value: Any) -> float:
    """``value`` as a finite float above 0."""
    return number(owner, name, value, "a finite number above 0", lambda x: 0 < x < math.inf)


def below_1(owner: str, name: str, value: Any) -> float:
    """``value`` as a float from 0 to below 1: the factor of a running average."""
    return number(owner, name, value, "a number from 0 to below 1", lambda x: 0 <= x < 1)


def listed(names: Iterable[str], most: int = 5) -> str:
    """The names in a message: the first few.

    Examples
    --------
    >>> listed("abc", most=2)
    'a, b, ...'
    """
    names = [str(name) for name in names]
    return ", ".join(names if len(names) <= most else [*names[:most], "..."])
