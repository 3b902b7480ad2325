"""Schedules: the learning rate as a function of the number of steps made so far.

Large steps find the valley and small ones its floor, so the learning rate falls as the
training goes on. A schedule stands where ``alpha`` would: ``SGD(cosine(0.1, steps=1000))``.
Any function of the number of steps will do: ``SGD(lambda n: 0.1 / (1 + n))``.

Source: Goodfellow, Bengio, Courville, Deep Learning, 8.3.1.
"""

from __future__ import annotations

import math
from typing import Any, Callable

from npbp.layers.checks import at_least_0, size
from npbp.optimizers.checks import above_0, learning_rate


class Schedule:
    """A function of the number of steps that shows how it was made.

    Examples
    --------
    >>> Schedule("half()", lambda n: 0.5), Schedule("half()", lambda n: 0.5)(3)
    (half(), 0.5)
    """

    def __init__(self, text: str, function: Callable[[int], float]) -> None:
        self.text, self.function = text, function

    def __call__(self, n: int) -> float:
        return self.function(size(self.text, "n", n, least=0))

    def __repr__(self) -> str:
        return self.text


def constant(alpha: float) -> Schedule:
    """``alpha`` at each step.

    Examples
    --------
    >>> constant(0.1)(1000)
    0.1
    """
    alpha = learning_rate("constant", alpha)
    return Schedule(f"constant({alpha!r})", lambda n: alpha)


def step_decay(alpha: float, every: int, factor: float = 0.1) -> Schedule:
    """``alpha factor^floor(n / every)``: times ``factor`` after so many steps, and again.

    Examples
    --------
    >>> schedule = step_decay(8, every=100, factor=0.5)
    >>> schedule(0), schedule(99), schedule(100), schedule(200)
    (8.0, 8.0, 4.0, 2.0)
    """
    alpha = learning_rate("step_decay", alpha)
    every = size("step_decay", "every", every, least=1)
    factor = above_0("step_decay", "factor", factor)
    return Schedule(f"step_decay({alpha!r}, every={every}, factor={factor!r})",
                    lambda n: alpha * _power(factor, n // every))


def exponential(alpha: float, factor: float) -> Schedule:
    """``alpha factor^n``: times ``factor`` after each step.

    With a factor above 1 it rises: a look at which learning rates a network bears.

    Examples
    --------
    >>> schedule = exponential(8, factor=0.5)
    >>> schedule(0), schedule(1), schedule(2)
    (8.0, 4.0, 2.0)
    """
    alpha = learning_rate("exponential", alpha)
    factor = above_0("exponential", "factor", factor)
    return Schedule(f"exponential({alpha!r}, factor={factor!r})", lambda n: alpha * _power(factor, n))


def cosine(alpha: float, steps: int, least: float = 0.0) -> Schedule:
    """``least + (alpha - least) (1 + cos(pi n / steps)) / 2``, and ``least`` from ``steps`` on.

    Half a wave: slowly at both ends, and fastest in the middle.

    Source: Loshchilov and Hutter, SGDR: Stochastic gradient descent with warm restarts, 2017,
    equation 5.

    Examples
    --------
    >>> schedule = cosine(0.5, steps=100, least=0.1)
    >>> schedule(0), round(schedule(50), 6), schedule(100), schedule(1000)
    (0.5, 0.3, 0.1, 0.1)
    """
    alpha, steps = learning_rate("cosine", alpha), size("cosine", "steps", steps, least=1)
    least = at_least_0("cosine", "least", least)
    if least > alpha:
        raise ValueError(f"cosine: got least={least}, wanted at most alpha={alpha}")

    def rate(n: int) -> float:
        return least if n >= steps else (
            least + (alpha - least) * (1 + math.cos(math.pi * (n / steps))) / 2)

    return Schedule(f"cosine({alpha!r}, steps={steps}, least={least!r})", rate)


def warm_up(alpha: float, steps: int) -> Schedule:
    """``alpha min(n + 1, steps) / steps``: in a line from ``alpha / steps`` at the first step to
    ``alpha`` at the last of the ``steps``, and ``alpha`` from then on.

    The first gradients of a network say little, and the averages of Adam are over few of them.

    Source: Goyal and others, Accurate, large minibatch SGD, 2017, 2.2.

    Examples
    --------
    >>> schedule = warm_up(0.5, steps=4)
    >>> [schedule(n) for n in range(6)]
    [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]
    """
    alpha, steps = learning_rate("warm_up", alpha), size("warm_up", "steps", steps, least=1)
    return Schedule(f"warm_up({alpha!r}, steps={steps})",
                    lambda n: alpha * (min(n + 1, steps) / steps))


def one_after_another(*parts: Any) -> Schedule:
    """Each schedule for so many steps, and the last one for all that are left. Each counts from
    0 when its turn comes.

    Parameters
    ----------
    parts : pairs (schedule, steps), and last a schedule
        A number stands for a constant schedule.

    Examples
    --------
    >>> schedule = one_after_another((warm_up(0.5, steps=2), 2), (0.5, 3), exponential(0.5, 0.5))
    >>> [schedule(n) for n in range(7)]
    [0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]
    >>> schedule
    one_after_another((warm_up(0.5, steps=2), 2), (0.5, 3), exponential(0.5, factor=0.5))
    """
    wanted = "wanted (schedule, steps), ..., and last a schedule: (warm_up(0.1, 100), 100), 0.1"
    if not parts or isinstance(parts[-1], (tuple, list)):
        raise TypeError(f"one_after_another: got {'a pair at the end' if parts else 'nothing'}, {wanted}")
    turns = []
    for part in parts[:-1]:
        if not isinstance(part, (tuple, list)) or len(part) != 2:
            raise TypeError(f"one_after_another: got {part!r} before the last, {wanted}")
        turns.append((_schedule(part[0]), size("one_after_another", "steps", part[1], least=1)))
    last = _schedule(parts[-1])

    def rate(n: int) -> float:
        for schedule, steps in turns:
            if n < steps:
                return schedule(n) if callable(schedule) else schedule
            n -= steps
        return last(n) if callable(last) else last

    shown = [f"({schedule!r}, {steps})" for schedule, steps in turns]
    return Schedule(f"one_after_another({', '.join([*shown, repr(last)])})", rate)


MAKERS = (constant, step_decay, exponential, cosine, warm_up, one_after_another)


def _schedule(given: Any) -> Any:
    if isinstance(given, type) or any(given is maker for maker in MAKERS):
        raise TypeError(
            f"one_after_another: got {given.__name__} itself, wanted what it makes, as in "
            "cosine(0.1, steps=1000)"
        )
    return given if callable(given) else learning_rate("one_after_another", given)


def _power(factor: float, n: int) -> float:
    try:
        return factor**n
    except OverflowError:  # of the result, or as no float can hold n
        return math.inf if factor > 1 else 0.0 if factor < 1 else 1.0
