"""Where did the NaN come from: the first operation that made it, and the user's line.

A NaN or an infinity spreads. When the loss is NaN, so is nearly everything before it, and
the operation at fault is long gone. So while `watch` is on, each value and each gradient is
looked at when it is made, and the first that is not finite stops the program.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import threading
from typing import Any, Iterator

import numpy as np

from npbp.graph import backprop
from npbp.graph.operation import Watcher, watcher, watching
from npbp.graph.variable import Variable, value_of

# Frames in these directories are not the user's.
_OURS = tuple(
    os.path.join(os.path.dirname(os.path.abspath(path)), "")
    for path in (os.path.dirname(__file__), np.__file__)
)


class NotFiniteError(ValueError):
    """A value or a gradient became infinite or NaN while `watch` was on."""


@contextlib.contextmanager
def watch() -> Iterator[None]:
    """While in the block, stop at the first value or gradient that is not finite.

    The error names the operation, the line of the program that called it, and its inputs;
    for a gradient, the line that made the operation in the forward pass. Watch the forward
    pass too, as only lines that ran in the block are known. NumPy's own warnings about
    such numbers are silenced in the block: the error says more.

    Every number is looked at, so this is to search, not to train. What a compiled program
    or `evaluate` computes is not seen, nor what another thread does: each watches for itself.

    Raises
    ------
    NotFiniteError
        At once. If the infinity or NaN was already in what the operation was given, the
        error says so.

    Examples
    --------
    >>> from npbp import graph
    >>> x = graph.Variable(np.array([0.25, 0.0]), name="x")
    >>> with graph.watch():
    ...     y = np.sqrt(x)
    ...     z = np.sum(y)
    ...     gradients = graph.general_back_propagation([x], z)     # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    npbp.graph.watch.NotFiniteError: the gradient that Sqrt passes to its input 0 is inf \
(1 of 2 entries, the first at [1])
      Sqrt was called at <doctest ...>:2: y = np.sqrt(x)
      its output: shape (2,), from 0.0 to 0.5
      the gradient of that: shape (2,), from 1.0 to 1.0
      input 0: x, shape (2,), from 0.0 to 0.25
      the gradient was asked for at <doctest ...>:4: gradients = ...
    """
    outer = watcher()
    # (The outer watch shall know the lines of the inner one.)
    inner = NotFinite(outer.lines if isinstance(outer, NotFinite) else {})
    watching.append(inner)
    try:
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            yield
    finally:
        watching.remove(inner)


class NotFinite(Watcher):
    """Raises at the first number of its thread that is not finite."""

    def __init__(self, lines: dict[int, tuple[str, int]]) -> None:
        self.lines = lines  # where each variable was made, by its index
        self.thread = threading.get_ident()

    def value(self, Y: Variable) -> None:
        self.lines[Y.index] = where = _users_line()
        if _finite(Y.value) or _in_build_grad():  # (its results are looked at below)
            return
        given = [k for k, x in enumerate(Y.inputs) if not _finite(value_of(x))]
        if given:
            x = Y.inputs[given[0]]
            made = type(x) is Variable and x.op is not None
            source = f"{x.op.name} made it {self.place(x)}" if made else (
                "no operation made it, the program was given it"
            )
            title = (
                f"{Y.op.name} got {_what(value_of(x))} already in its input {given[0]}: "
                f"{source}; used"
            )
        else:
            title = f"{Y.op.name} made {_what(Y.value)}"
        raise NotFiniteError("\n  ".join([f"{title} at {_text(where)}", *_inputs(Y)]))

    def gradient(self, C: Variable, i: int, G: Any, gradient: Any) -> None:
        if _finite(value_of(gradient)):
            return
        name = C.op.name
        title = f"the gradient that {name} passes to its input {i} is {_what(value_of(gradient))}"
        if not _finite(value_of(G)):
            title = (
                f"{name} got {_what(value_of(G))} already in the gradient of its output: the "
                "upstream gradient that the program was given has it"
            )
        raise NotFiniteError("\n  ".join([
            title,
            f"{name} was called {self.place(C)}",
            f"its output: {_describe(C)}",
            f"the gradient of that: {_describe(G)}",
            *_inputs(C),
            f"the gradient was asked for at {_text(_users_line())}",
        ]))

    def total(self, V: Variable, total: Any) -> None:
        if _finite(value_of(total)):
            return
        made = "the program was given it" if V.op is None else (
            f"{V.op.name} made it {self.place(V)}"
        )
        raise NotFiniteError("\n  ".join([
            f"the gradient of a variable is {_what(value_of(total))}: what each of its consumers "
            "passes to it is finite, but the sum is too large",
            f"the variable: {_describe(V)}; {made}",
            f"the gradient was asked for at {_text(_users_line())}",
        ]))

    def place(self, V: Variable) -> str:
        line = self.lines.get(V.index)
        return f"at {_text(line)}" if line else "before watch() was on"


def _finite(x: Any) -> bool:
    """Whether x is anything but floating numbers that are not all finite."""
    if not isinstance(x, (float, np.floating, np.ndarray)):
        return True
    x = np.asarray(x)
    return x.dtype.kind != "f" or bool(np.isfinite(x).all())


def _what(x: Any) -> str:
    """``inf``, or ``nan and -inf (3 of 10 entries, the first at [0, 4])``."""
    x = np.asarray(x)
    kinds = [
        name
        for name, found in (("nan", np.isnan(x)), ("inf", x == np.inf), ("-inf", x == -np.inf))
        if found.any()
    ]
    text = " and ".join(kinds)
    if x.ndim:
        bad = np.argwhere(~np.isfinite(x))
        text += f" ({len(bad)} of {x.size} entries, the first at {bad[0].tolist()})"
    return text


def _describe(x: Any) -> str:
    """``h, shape (3, 4), from -1.0 to 2.5``."""
    parts = [x.name] if type(x) is Variable and x.name else []
    value = value_of(x)
    if not isinstance(value, (int, float, np.generic, np.ndarray)):
        return repr(value)[:60]
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        return f"shape {value.shape} of type {value.dtype}"
    parts.append(f"shape {value.shape}")
    finite = value[np.isfinite(value)]
    if finite.size and finite.dtype.kind != "b":
        parts.append(f"from {finite.min()} to {finite.max()}" if value.ndim else str(value))
    if finite.size < value.size:
        parts.append(_what(value))
    return ", ".join(parts)


def _inputs(Y: Variable) -> list[str]:
    return [f"input {k}: {_describe(x)}" for k, x in enumerate(Y.inputs)]


def _users_line() -> tuple[str, int]:
    """File and line of the innermost frame that is neither ours nor NumPy's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _text(where: tuple[str, int]) -> str:
    file, line = where
    text = linecache.getline(file, line).strip()
    return f"{file}:{line}" + (f": {text}" if text else "")


def _in_build_grad() -> bool:
    """Whether a gradient is being made, of which a part may be infinite and masked later."""
    inside = backprop.build_grad.__code__, backprop.bprop.__code__
    frame = sys._getframe(2)
    while frame is not None and frame.f_code not in inside:
        frame = frame.f_back
    return frame is not None
