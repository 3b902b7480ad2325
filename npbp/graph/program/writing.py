"""The text of a compiled program, and which array each result is written into.

An array is handed on when its last use has passed: to the next operation whose result has
the same shape and dtype, and which can write into an array that is there (``out=``). If
none is free, a buffer is made for it now, once for all calls. A slice or a transpose lies in
the memory of another array: so what counts is the last use of all that lie in it.

Never written into, and so never handed on, are inputs and constants, what is returned, and
what an operation that we do not know has seen, as it may have kept it.
"""

from __future__ import annotations

import math
import types
from collections import Counter, defaultdict
from typing import Any, Sequence

import numpy as np

from npbp.graph.operations.shaping import Reshape, Transpose
from npbp.graph.program.lines import CONSTANT, STORE, Line
from npbp.graph.program.recipes import NEW, OUT, UFUNC, UNKNOWN, VIEW, is_name


def write(
    outputs: Any, inputs: Sequence[Line], lines: Sequence[Line], results: Sequence[Line]
) -> tuple[str, dict[str, Any]]:
    """The source of the program, and the objects that its names stand for.

    ``results`` are the lines of the leaves of ``outputs``.
    """
    names = _Names()
    memory = _Memory(lines, results, names)
    for i, line in enumerate(inputs):
        line.name = names.local(line.label, f"x{i}")
    text = [f"def program({', '.join(line.name for line in inputs)}):"]
    text += [_check(i, line, names) for i, line in enumerate(inputs)]
    for i, line in enumerate(lines):
        _name_constants(line.args, names)
        if line.how is None:  # all has been done: the result is there
            line.name = line.args[0].name
            memory.release(i, line)
            continue
        out = memory.place(i, line)
        form = line.how.text if out is None else line.how.into
        objects = {name: names.object(name, x) for name, x in line.how.names.items()}
        statement = form.format(*[a.name for a in line.args], out=out, **objects)
        if line.kind != STORE:
            line.name = names.local(line.label, f"v{i}")
            statement = f"{line.name} = {statement}"
        statement += memory.release(i, line)
        if isinstance(line.value, np.ndarray) and line.kind != STORE:
            statement = f"{statement:59} # {line.value.shape}"
        text.append(f"    {statement}")
        if line.checked:
            x, op = line.name, names.object("op", line.op)
            shape = line.value.shape
            text.append(f"    if {x}.shape != {shape}: changed({op}, {x}, {shape})")
    _name_constants(results, names)
    text.append(f"    return {_returned(outputs, results, memory.returned, names)}\n")
    return "\n".join(text), names.objects


def _check(i: int, line: Line, names: _Names) -> str:
    """The line that looks at the i-th value; what is as it should be passes at once."""
    x, value = line.name, line.value
    dtype = names.object(value.dtype.name, value.dtype)
    if not isinstance(value, np.ndarray):
        return f"    if type({x}) is not {dtype}.type: {x} = convert({i}, {x})"
    ndarray = names.object("ndarray", np.ndarray)
    wrong = f"type({x}) is not {ndarray} or {x}.shape != {value.shape} or {x}.dtype is not {dtype}"
    return f"    if {wrong}: {x} = convert({i}, {x})"


def _name_constants(lines: Sequence[Line], names: _Names) -> None:
    for line in lines:
        if line.kind == CONSTANT and line.name is None:
            x = line.value
            if type(x) in (bool, int, float) and math.isfinite(x):
                line.name = f"({x!r})" if x < 0 else repr(x)  # -2 ** 2 would be -(2 ** 2)
            else:
                line.name = names.object("c0", x)


def _returned(outputs: Any, results: Sequence[Line], returned: dict, names: _Names) -> str:
    """The outputs as an expression: fresh arrays, in their form."""
    texts = []
    for k, line in enumerate(results):
        if not isinstance(line.value, np.ndarray):
            texts.append(line.name)
        elif not line.value.ndim:  # NumPy's scalars everywhere, for single numbers
            texts.append(f"{line.name}[()]")
        else:
            texts.append(line.name if returned.get(line.base) == k else f"{line.name}.copy()")
    leaves = iter(texts)

    def expression(tree: Any) -> str:
        if isinstance(tree, dict):
            keys = [repr(k) if type(k) in (str, int) else names.object("key", k) for k in tree]
            items = [f"{key}: {expression(value)}" for key, value in zip(keys, tree.values())]
            return f"{{{', '.join(items)}}}"
        if isinstance(tree, list):
            return f"[{', '.join(map(expression, tree))}]"
        if isinstance(tree, tuple):
            form = names.object("form", type(tree)) if hasattr(tree, "_fields") else ""
            return f"{form}({''.join(f'{expression(value)}, ' for value in tree)})"
        return next(leaves)

    return expression(outputs)


class _Memory:
    """Decides which array each result is written into.

    returned : of each array that is returned as it is, the number of the result; other
        results have to be copied
    """

    def __init__(self, lines: Sequence[Line], results: Sequence[Line], names: _Names) -> None:
        self.names = names
        self.last: dict[Line, int] = {}  # the last use of an array, or of what lies in it
        self.kept: set[Line] = set()  # arrays that an operation may have kept
        self.takers: Counter = Counter()  # how many lines could still use an array
        for i, line in enumerate(lines):
            if line.kind == VIEW:
                line.base = line.args[0].base or line.args[0]
                # A part would keep all of the array alive; one stretched cannot be written into.
                rearranged = line.how is None or type(line.op) in (Transpose, Reshape)
                line.whole = line.args[0].whole and rearranged
            else:
                line.base = line.out.base if line.out is not None else line
            for a in line.args:
                base = a.base or a
                self.last[base] = i
                if line.kind == UNKNOWN:
                    self.kept.add(base)
            if line.kind in (UFUNC, OUT):
                self.takers[_form(line)] += 1
        self.returned: dict[Line, int] = {}
        for k, line in enumerate(results):
            base = line.base or line
            self.last[base] = len(lines)
            if base.kind in (NEW, UFUNC, OUT) and line.whole and base not in self.returned:
                self.returned[base] = k
        # The name of the array that a result lies in, whether it is a buffer that stays for
        # the next call, and all names that it has had.
        self.where: dict[Line, tuple[str, bool, list[str]]] = {}
        self.free: dict[tuple, list] = defaultdict(list)

    def place(self, i: int, line: Line) -> str | None:
        """What to write as {out}: the name of an array, or None for a new one."""
        if line.kind not in (UFUNC, OUT):
            return None
        form = _form(line)
        self.takers[form] -= 1
        if line.out is not None:
            return line.out.name
        lasting = line not in self.returned and line not in self.kept  # may it be a buffer?
        found = None
        if line.kind == UFUNC:
            for a in line.args:  # one of its own inputs, if this is its last use
                if self._dies(i, a) and _form(a.base) == form:
                    if lasting or not self.where[a.base][1]:
                        found = self.where.pop(a.base)
                        break
        if found is None:
            # (Of those that are free, the one that was used last is still in the cache.)
            for k in range(len(self.free[form]) - 1, -1, -1):
                if lasting or not self.free[form][k][1]:
                    found = self.free[form].pop(k)
                    break
        if found is None and lasting:
            name = self.names.object("b0", np.empty(*form))
            found = name, True, []
        if found is None:
            return None
        self.where[line] = found
        return found[0]

    def release(self, i: int, line: Line) -> str:
        """After the line is written: set free what it used for the last time.

        An array that no later line can use is given back, by the text that is returned.
        """
        base, dead = line.base, []
        if base.kind in (NEW, UFUNC, OUT) and isinstance(base.value, np.ndarray):
            if base not in self.where:
                self.where[base] = line.name, False, []
            if not self.where[base][1]:
                self.where[base][2].append(line.name)
        for a in line.args:
            if self._dies(i, a):
                found = self.where.pop(a.base)
                form = _form(a.base)
                if found[1] or self.takers[form] > 0:
                    self.free[form].append(found)
                else:
                    dead += found[2]
        return f"; del {', '.join(dict.fromkeys(dead))}" if dead else ""

    def _dies(self, i: int, a: Line) -> bool:
        base = a.base
        return base in self.where and self.last[base] == i and base not in self.kept


def _form(line: Line) -> tuple:
    return line.value.shape, line.value.dtype


class _Names:
    """The names in the program, each of one thing."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}  # global names, and what they stand for
        self._used = {"program", "convert", "changed", "type"}
        self._of: dict[Any, str] = {}
        self._count: Counter = Counter()

    def local(self, wish: str | None, otherwise: str) -> str:
        """A name of a variable: its own, if it can be one in Python."""
        return self._unique(wish if wish and is_name(wish) else otherwise)

    def object(self, wish: str, x: Any) -> str:
        """The name that stands for an object; the same each time."""
        key = x if isinstance(x, (types.MethodType, types.BuiltinMethodType)) else id(x)
        if key not in self._of:
            self._of[key] = self._unique(wish)
            self.objects[self._of[key]] = x
        return self._of[key]

    def _unique(self, wish: str) -> str:
        """``wish``, or with another number at its end if that is taken."""
        name, stem = wish, wish.rstrip("0123456789")
        if stem == wish:
            stem += "_"
        while name in self._used:
            self._count[stem] += 1
            name = f"{stem}{self._count[stem]}"
        self._used.add(name)
        return name
