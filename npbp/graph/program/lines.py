"""The lines of a compiled program, before they are written: what is computed, and from what.

Here the graph becomes shorter: what is there twice is put down once, and some operations
are left out, or done in another way that costs less.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Iterable, Sequence

import numpy as np

from npbp.graph.operation import Constant, Operation
from npbp.graph.operations.arithmetic import Add, Divide, Multiply, Power
from npbp.graph.operations.indexing import GetItem, Scatter
from npbp.graph.operations.shaping import BroadcastTo, Cast, Reshape
from npbp.graph.program.recipes import (
    NEW,
    NUMBER,
    OUT,
    UFUNC,
    VIEW,
    Recipe,
    index_text,
    is_ours,
    recipe,
    settings,
)  # fmt: skip
from npbp.graph.variable import Variable

# Kinds of lines besides those of `npbp.graph.program.recipes`.
INPUT = "input"
CONSTANT = "constant"
STORE = "store"  # writes into its first argument


class Line:
    """One line of a program.

    kind : where its result is in memory, see `npbp.graph.program.recipes`
    value : when the graph was made; it has the shape and dtype of all others
    how : its recipe; None if there is nothing to write, as the first argument is the result
    args : the lines that it uses
    op, label : the operation, and the name of the variable
    out : a line to write the result into, if that is fixed
    checked : whether the shape of the result must be looked at
    base, whole : whose memory it lies in, and whether it is all of that
    name : in the program; this and the last two are for `npbp.graph.program.writing`
    """

    __slots__ = (
        "kind", "value", "how", "args", "op", "label", "out", "checked", "small", "base",
        "whole", "name",
    )  # fmt: skip

    def __init__(self, kind: str, value: Any, how: Any = None, args: Sequence[Line] = ()) -> None:
        self.kind, self.value, self.how, self.args = kind, value, how, tuple(args)
        self.op = self.label = self.out = self.small = self.base = self.name = None
        self.checked, self.whole = False, True


class Lines:
    """The lines of a program, made of the variables of a graph one after the other."""

    def __init__(self, inputs: Iterable[Variable]) -> None:
        self.all: list[Line] = []
        self._of: dict[Variable, Line] = {}  # a variable's line
        self._known: dict[Any, Line] = {}  # what has been computed: its line
        self._settings_of: dict[int, Any] = {}  # an operation's
        for V in inputs:
            self._of[V] = Line(INPUT, V.value)
            self._of[V].label = V.name

    def of(self, x: Any) -> Line:
        """The line that has the value of a variable or constant."""
        if type(x) is Variable:
            if x in self._of:
                return self._of[x]
            x = x.value  # it does not depend on the inputs
        key = type(x), repr(x) if isinstance(x, (bool, int, float, np.generic)) else id(x)
        if key not in self._known:
            self._known[key] = Line(CONSTANT, x)
        return self._known[key]

    def add(self, V: Variable) -> None:
        """Put down the operation that makes ``V``, unless its result is there already."""
        op, args = V.op, [self.of(x) for x in V.inputs]
        key = self._settings(op)
        key = V if key is None else (key, *map(id, args))  # in doubt, not what is there already
        if key not in self._known:
            self._known[key] = self._same(op, args, V.value) or self._line(V, op, args)
        self._of[V] = self._known[key]

    def _line(self, V: Variable, op: Operation, args: list[Line]) -> Line:
        how = recipe(op, V.value, [a.value for a in args])
        if how.kind == UFUNC:
            args = self._without_broadcasts(args, V.value)
        line = Line(how.kind, V.value, how, args)
        line.op, line.label = op, V.name
        line.checked = how.kind not in (NUMBER, UFUNC, OUT) and self._may_change(op, args)
        self.all.append(line)
        return line

    def _settings(self, op: Operation) -> Any:
        if id(op) not in self._settings_of:
            self._settings_of[id(op)] = settings(op)
        return self._settings_of[id(op)]

    def _may_change(self, op: Operation, args: Sequence[Line]) -> bool:
        """Whether the shape of the result may depend on values, as that of x[x > 0] does."""
        if type(op) is GetItem:
            masks = any(a.value.dtype.kind == "b" for a in args[1:])
            return len(args) > 1 and (masks or any(isinstance(p, slice) for p in op.index))
        return isinstance(op, Constant) or not is_ours(op)

    # ---- operations that can be spared

    def _without_broadcasts(self, args: list[Line], Y: Any) -> list[Line]:
        """What was stretched before a function of each number alone need not be.

        The function does it itself: 4 us spared, as much as three small operations take.
        """
        for i, a in enumerate(args):
            small = self._unstretched(a)
            # (NumPy 1 has other rules for the dtype of a number and an array than for two arrays.)
            if small is not None and all(
                getattr(b.value, "dtype", bool) in (small.value.dtype, bool) for b in args
            ):
                shorter = [*args[:i], small, *args[i + 1 :]]
                if np.broadcast_shapes(*(np.shape(b.value) for b in shorter)) == Y.shape:
                    args = shorter
        return args

    def _unstretched(self, a: Line) -> Line | None:
        if type(a.op) is BroadcastTo:
            return a.args[0]
        x = a.value
        if a.kind == CONSTANT and a.small is None and isinstance(x, np.ndarray) and x.size:
            first = x[(0,) * x.ndim]
            a.small = self.of(first) if (x == first).all() else a
        return a.small

    def _same(self, op: Operation, args: list[Line], Y: Any) -> Line | None:
        """The input that the result is equal to, if it is: of x * 1, of a reshape to its shape.

        Every backward begins with dJ/dJ = 1, the slope of x**2 is 2 x**1, and so on: each
        takes as long as an operation that does something, 0.5 us or more.
        """
        if type(op) is Multiply:
            inputs = [a for a, b in (args, args[::-1]) if _is_one(b)]
        elif type(op) in (Divide, Power):
            inputs = [args[0]] if _is_one(args[1]) else []
        else:
            inputs = args if type(op) in (Reshape, BroadcastTo, Cast) else []
        for x in inputs:
            if type(x.value) is type(Y) and x.value.shape == Y.shape and x.value.dtype == Y.dtype:
                return x
        return None

    # ---- what is left

    def needed(self, results: Sequence[Line]) -> list[Line]:
        """The lines that the results need, with sums of scatters done in place."""
        wanted = set(results)
        for line in reversed(self.all):
            if line in wanted:
                wanted.update(line.args)
        return scatter_in_place([line for line in self.all if line in wanted], results)


def _is_one(a: Line) -> bool:
    return a.kind == CONSTANT and np.ndim(a.value) == 0 and bool(a.value == 1)


def scatter_in_place(lines: list[Line], results: Sequence[Line]) -> list[Line]:
    """Instead of a sum of arrays of zeros with something in one place of each, one array.

    ``W[:-1]`` and ``W[-1]`` both have a gradient in the shape of W. Where they do not meet,
    each is written to its place at once, by the operation that computes it.
    """
    uses = Counter(a for line in lines for a in line.args)
    uses.update(results)
    sums: dict[Line, list[Line]] = {}  # a line: the scatters that it is the sum of
    spared = set()
    for line in lines:
        if type(line.op) is Scatter and len(line.args) == 1 and line.value.ndim:
            text, _, copies = index_text(line.op.index)
            if text is not None and not copies:
                sums[line] = [line]
        elif type(line.op) is Add and all(a in sums and uses[a] == 1 for a in line.args):
            if len({(a.value.shape, a.value.dtype) for a in line.args}) == 1:
                spared.update(line.args)
                sums[line] = [scatter for a in line.args for scatter in sums.pop(a)]
    before: dict[Line, list[Line]] = defaultdict(list)
    position = {line: i for i, line in enumerate(lines)}
    for line, scatters in sums.items():
        collect(line, scatters, uses, before, position)
    return [
        new for line in lines if line not in spared for new in (*before.get(line, ()), line)
    ]


def collect(line: Line, scatters: list[Line], uses: Counter, before: dict, position: dict) -> None:
    """Make ``line`` one array with the pieces in their places, by lines to go ``before`` others."""
    shape, dtype = line.value.shape, line.value.dtype
    hits = np.zeros(shape, np.intp)
    for scatter in scatters:
        hits[scatter.op.index] += 1
    once = hits.size == 0 or hits.max() == 1
    make = np.empty if once and hits.all() else np.zeros
    text = f"{{{make.__name__}}}({shape}, {{{dtype.name}}})"
    start = Line(NEW, line.value, Recipe(NEW, text, {make.__name__: make, dtype.name: dtype}))
    first, parts = line, []
    for scatter in scatters:
        (piece,) = scatter.args
        place = f"{{0}}[{index_text(scatter.op.index)[0]}]"
        writes = piece.kind in (UFUNC, OUT) and piece.out is None and piece.value.dtype == dtype
        # (Of a matrix product with gaps between its columns, BLAS wants to know nothing.)
        gaps = hits[scatter.op.index].strides[-1:] != hits.strides[-1:]
        if once and writes and uses[piece] == 1 and not gaps:
            piece.out = Line(VIEW, piece.value, Recipe(VIEW, place, {}), [start])
            before[piece].append(piece.out)
            first = min(first, piece, key=position.__getitem__)
            parts.append(piece)
        else:
            store = Recipe(STORE, f"{place} {'=' if once else '+='} {{1}}", {})
            parts.append(Line(STORE, line.value, store, [start, piece]))
            before[line].append(parts[-1])
    before[first].insert(0, start)
    line.kind, line.how, line.args = VIEW, None, (start, *parts)
