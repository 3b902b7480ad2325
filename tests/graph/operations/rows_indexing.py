"""Rows for `npbp.graph.operations.indexing`.

Indexing is linear, so it is checked under a cube: then its gradient depends on x, and the
second derivative goes through the derivative of its `bprop`.
"""

import numpy as np
from rows import A, Row

from npbp import graph

I = np.array([0, 2, 2, -1])
MASK = np.array([True, False, True])
TABLE = np.array([[0, 1], [1, -1], [2, 2]])



def cube(y):  # y**3 of a single float32 number is a float64 in NumPy 1
    return y * y * y


INDICES = [
    ("an integer", (4, 3), 1),
    ("a negative integer", (4, 3), -1),
    ("a NumPy integer", (4, 3), np.int32(2)),
    ("two integers", (4, 3), (1, -2)),
    ("one number of a vector", (4,), 2),
    ("a slice", (4, 3), slice(1, 3)),
    ("a slice with a step", (5, 3), slice(None, None, 2)),
    ("a slice backwards", (4, 3), slice(None, None, -1)),
    ("a slice backwards with a step", (6,), slice(4, None, -2)),
    ("a slice beyond the end", (4, 3), slice(2, 10)),
    ("an empty slice", (4, 3), slice(3, 1)),
    ("a slice and an integer", (4, 3), (slice(1, None), 0)),
    ("slices", (4, 3, 2), (slice(1, None), slice(None, -1), slice(None, None, -1))),
    ("everything", (4, 3), slice(None)),
    ("Ellipsis", (4, 3), Ellipsis),
    ("Ellipsis and an integer", (4, 3, 2), (Ellipsis, 1)),
    ("Ellipsis and all integers", (4, 3), (Ellipsis, 1, 2)),
    ("None", (4, 3), None),
    ("None and slices", (4, 3), (slice(None), None, slice(1, None), None)),
    ("nothing", (4, 3), ()),
    ("nothing, 0-d", (), ()),
    ("None, 0-d", (), None),
    ("Ellipsis, 0-d", (), Ellipsis),
    ("a boolean mask", (3, 2), MASK),
    ("a mask as a list", (3, 2), [True, False, True]),
    ("a mask of all axes", (3, 2), TABLE > 0),
    ("a mask of the last axes", (2, 3, 2), (slice(None), TABLE > 0)),
    ("a mask that selects nothing", (3, 2), np.zeros(3, bool)),
    ("a mask and a slice", (4, 3), (slice(1, None), MASK)),
    ("a mask and an integer", (3, 4), (MASK, -1)),
    ("a mask and integers", (3, 4), (MASK, [1, 1])),
    ("two masks", (3, 3), (MASK, MASK[::-1])),
    ("True", (3, 2), True),
    ("False", (3, 2), False),
    ("an integer array", (3, 2), np.array([2, 0])),
    ("repeated and negative integers", (3, 2), I),
    ("integers as a list", (3, 2), [1, 1, 0]),
    ("integers with a tuple inside", (3, 2), ((1, 1, 0), (0, 0, 1))),
    ("an empty list", (3, 2), []),
    ("integers of two axes", (3, 2), TABLE),
    ("integers of size 1", (3, 2), np.array([[1]])),
    ("0-d integers", (3, 2), np.array(1)),
    ("unsigned integers", (3, 2), np.array([1, 1], np.uint8)),
    ("two integer arrays", (3, 3), (I, I[::-1])),
    ("two integer arrays, broadcast", (3, 4), (np.array([[0], [2]]), np.array([1, 1, 3]))),
    ("integers and a slice", (3, 4), (I, slice(1, 3))),
    ("a slice and integers", (3, 4), (slice(None, None, -1), I)),
    ("integers apart, their axis goes first", (3, 2, 4), (I, slice(None), I)),
    ("integers together, in the middle", (2, 3, 4, 2), (slice(1, None), I, I, None)),
    ("an integer and integers", (3, 2, 4), (1, slice(None), I)),
    ("None and integers", (3, 4), (None, I, slice(None), None)),
    ("Ellipsis and integers", (2, 3, 4), (Ellipsis, I)),
    ("np.ix_", (3, 4), np.ix_([0, 2, 2], [1, 3])),
    ("np.ix_ with a mask", (3, 4), np.ix_(MASK, [1, 1])),
    ("integers, size 0 elsewhere", (3, 0), I),
    ("integers, size 1", (1, 3), [0, 0, 0]),
]
FUNCTIONS = [
    ("take", lambda x: np.take(x, I), A(3, 2)),
    ("take of one", lambda x: np.take(x, 1), A(3, 2)),
    ("take along an axis", lambda x: np.take(x, TABLE, axis=1), A(2, 3)),
    ("take along the last axis", lambda x: np.take(x, [0, 0], axis=-1), A(2, 3)),
    ("take one along an axis", lambda x: np.take(x, -1, axis=0), A(2, 3)),
    ("take, around", lambda x: np.take(x, [[5, -4], [2, 7]], mode="wrap"), A(3, 2)),
    ("take, cut off", lambda x: np.take(x, [5, -1, 1], axis=0, mode="clip"), A(3, 2)),
    ("take by booleans as numbers", lambda x: np.take(x, [True, False, True]), A(3, 2)),
    ("take of nothing", lambda x: np.take(x, np.zeros(0, int), axis=1), A(2, 3)),
    ("take of nothing from nothing", lambda x: np.take(x, np.zeros(0, int)), A(0)),
    ("compress, last axis", lambda x: np.compress([False, True, True], x, axis=-1), A(2, 3)),
    ("take_along_axis", lambda x: np.take_along_axis(x, TABLE, axis=0), A(3, 2)),
    ("take_along_axis, last", lambda x: np.take_along_axis(x, TABLE[:2], axis=-1), A(2, 3)),
    ("take_along_axis, raveled", lambda x: np.take_along_axis(x, I, axis=None), A(3, 2)),
    ("take_along_axis, broadcast", lambda x: np.take_along_axis(x, TABLE[:1], axis=0), A(3, 2)),
    ("compress", lambda x: np.compress([True, False, True], x, axis=0), A(3, 2)),
    ("compress, raveled and short", lambda x: np.compress([False, True], x), A(3, 2)),
    ("extract", lambda x: np.extract(TABLE > 0, x), A(3, 2)),
]

ROWS = [
    Row(f"index: {name}", lambda x, index=index: cube(x[index]), A(*shape))
    for name, shape, index in INDICES
]
ROWS += [Row(name, lambda x, f=f: cube(f(x)), *args) for name, f, *args in FUNCTIONS]


# ---- at: against the assignment that it stands for


def set_row(name, index, x, v):
    def assignment(x, v):
        y = np.array(x)
        y[index] = v
        return cube(y[()])

    f = lambda x, v: cube(graph.at(x)[index].set(v))
    return Row(f"at set: {name}", f, x, v, twin=assignment)


def add_row(name, index, x, v):
    def assignment(x, v):
        y = np.array(x)
        np.add.at(y, index, v)
        return cube(y[()])

    f = lambda x, v: cube(graph.at(x)[index].add(v))
    return Row(f"at add: {name}", f, x, v, twin=assignment)


AT = [
    ("an integer", 1, A(4, 3), A(3)),
    ("one number", (1, -1), A(4, 3), A()),
    ("a slice", slice(1, 3), A(4, 3), A(2, 3)),
    ("a slice backwards", slice(None, None, -2), A(4, 3), A(2, 3)),
    ("a column, from a number", (Ellipsis, 0), A(4, 3), A()),
    ("a slice, broadcast", slice(1, 3), A(4, 3), A(2, 1)),
    ("everything", slice(None), A(4, 3), A(3)),
    ("0-d", (), A(), A(seed=1)),
    ("a mask", MASK, A(3, 2), A(2, 2)),
    ("a mask, from a number", MASK, A(3, 2), A()),
    ("integers", np.array([2, 0]), A(3, 2), A(2, 2)),
    ("integers, broadcast", np.array([2, 0]), A(3, 2), A(2, 1)),
    ("repeated integers", I, A(3, 2), A(4, 2)),
    ("repeated integers, from a number", I, A(3, 2), A()),
    ("repeated integers, from a row", I, A(3, 2), A(2)),
    ("two integer arrays", (I, I[::-1]), A(3, 3), A(4)),
    ("a slice and repeated integers", (slice(1, None), I), A(3, 4), A(2, 4)),
    ("integers of two axes", TABLE, A(3, 2), A(3, 2, 2)),
    ("None", (None, slice(1, 3)), A(4, 3), A(1, 2, 3)),
    ("nothing", [], A(3, 2), A(0, 2)),
    ("size 0", slice(None), A(0, 2), A(2)),
]
ROWS += [make(name, index, x, v) for make in (set_row, add_row) for name, index, x, v in AT]


def in_the_middle(x):
    y = graph.at(x)[1:].set(x[:-1] * x[1:])
    return graph.at(y * y)[[0, 0]].add(y[:2] * x[0])


def in_the_middle_by_assignment(x):
    y = x.copy()
    y[1:] = x[:-1] * x[1:]
    z = y * y
    np.add.at(z, [0, 0], y[:2] * x[0])
    return z


def methods(x):
    place = x.at if type(x) is graph.Variable else graph.at(x)
    return place[1:].set(x[0]) * place[0].add(x[1])


def recurrence(x):
    y = graph.at(x)[0].add(1.0)
    for t in range(1, 4):
        y = graph.at(y)[t].set(y[t - 1] * x[t])
    return y


ROWS += [
    Row("at set and at add of themselves", in_the_middle, A(4), twin=in_the_middle_by_assignment),
    Row("methods of .at", methods, A(3), twin=lambda x: x[0] * (x + x[1] * (np.arange(3) == 0))),
    Row(
        "a recurrence, written with at",
        recurrence,
        A(4),
        order=3,
        twin=lambda x: (x[0] + 1) * np.cumprod(np.concatenate([x[:1] * 0 + 1, x[1:]])),
    ),
    # An index that depends on x is found again when the graph is evaluated again.
    Row("take in order of size", lambda x: cube(x[np.argsort(x)]), A(5)),
    Row("the largest, by argmax", lambda x: cube(x[np.argmax(x)]), A(5)),
    Row(
        "take_along_axis, by argsort",
        lambda x: cube(np.take_along_axis(x * x, np.argsort(x, axis=0), axis=0)),
        A(4, 3),
    ),
    Row("integers that depend on x", lambda x: cube(x[[np.argmax(x), np.argmin(x), 0, 0]]), A(5)),
    Row("np.ix_ by x", lambda x: cube(x[np.ix_(np.argsort(x[:, 0]), [1, 1])]), A(4, 3)),
    Row("a slice by x", lambda x: np.sum(cube(x[: np.argmax(x)])), A(5), compiles=False),
    Row("a mask by x", lambda x: np.sum(cube(x[x > 0])), A(5), compiles=False),
    Row(
        "at set, at the largest",
        lambda x: cube(graph.at(x * x)[np.argmax(x)].set(x[0] * x[1])),
        A(5),
        twin=lambda x: cube(np.where(x == x.max(), x[0] * x[1], x * x)),
    ),
    Row(
        "at add, in order of size",
        lambda x: cube(graph.at(x * x)[np.argsort(x)].add(x)),
        A(5),
        twin=lambda x: cube(x * x + x[np.argsort(np.argsort(x))]),
    ),
]
