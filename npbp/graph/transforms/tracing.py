"""What every transform does: variables of its own, a run of the function, passes over the graph.

The functions of `transforms` say which; here is how.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Sequence

import numpy as np

from npbp.graph.backprop import (
    Pruned,
    as_number,
    check_floating,
    fill_table,
    garbage_collection_paused,
    prune,
    real,
    zeros_of,
)
from npbp.graph.forward import push_tangents, together
from npbp.graph.operations.composed import identity
from npbp.graph.transforms.trees import leaves, paths, rebuild
from npbp.graph.variable import Variable, value_of


def check_function(owner: str, f: Any) -> None:
    """Say at once, and not when it is called, that ``f`` is none."""
    if not callable(f):
        raise TypeError(
            f"{owner}: got {type(f).__name__}, wanted a function: write {owner}(f), and not "
            f"{owner}(f(x))"
        )


def checked_argnums(argnums: Any) -> Any:
    """An int, or a tuple of int."""
    if isinstance(argnums, (int, np.integer)) and not isinstance(argnums, bool):
        return int(argnums)
    numbers = tuple(argnums) if np.iterable(argnums) else (None,)
    if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in numbers):
        raise TypeError(f"got argnums={argnums!r}, wanted an int or a tuple of them")
    return tuple(map(int, numbers))


def with_variables(args: Sequence, argnums: Any) -> tuple[list[Variable], list, Any]:
    """Variables for the arguments ``argnums``.

    Returns the variables, ``args`` with them in their places, and the arguments that they
    are in as one tree: that one, or the tuple of them if argnums is a tuple.
    """
    args = list(args)
    inputs: list[Variable] = []
    for n in (argnums,) if type(argnums) is int else argnums:
        try:
            arg = args[n]
        except IndexError:
            raise TypeError(
                f"got argnums={argnums} and {len(args)} arguments: there is no argument {n} "
                "(they are counted from 0, and those given by keyword do not count)"
            ) from None
        if isinstance(arg, (list, tuple, dict)):
            new = [own_variable(leaf, n) for leaf in leaves(arg)]
            inputs += new
            args[n] = rebuild(arg, new)
        else:
            args[n] = own_variable(arg, n)
            inputs.append(args[n])
    trees = args[argnums] if type(argnums) is int else tuple(args[n] for n in argnums)
    return inputs, args, trees


def own_variable(x: Any, n: int | str) -> Variable:
    """A new variable for the argument ``n``: nobody else has it."""
    if type(x) is Variable:
        own = identity(x)
    else:
        if isinstance(x, np.matrix):
            raise TypeError(
                f"argument {n}: got np.matrix, whose * is a matrix product, wanted a plain "
                "array: np.asarray(x), and @ for the product"
            )
        try:
            own = Variable(float(x) if type(x) is int else real("an argument", x))
        except (TypeError, ValueError, OverflowError) as error:
            raise TypeError(f"argument {n}: {error}") from None
    if own.value.dtype.kind != "f":
        raise TypeError(
            f"argument {n}: got {own.value.dtype}, wanted floating numbers to differentiate "
            "with respect to: make floats of them, as with x.astype(float), or leave the "
            "argument out of argnums"
        )
    return own


def check_single_number(z: Any) -> None:
    """Of ``z``, what a function returned that `grad` is to differentiate."""
    y = z.value if type(z) is Variable else z
    if type(y) in (np.float64, np.float32, float):  # nearly always
        return
    if z is None:
        raise TypeError("the function returned None, wanted a number: is its `return` missing?")
    if not isinstance(y, (np.ndarray, np.generic, int, complex)):
        raise TypeError(
            f"the function returned {type(y).__name__}, wanted a single number: use jacobian for "
            "all derivatives of a list, tuple or dict; has_aux=True to return other things "
            "beside the number; or make a number of it, as with np.sum"
        )
    y = np.asarray(y)
    check_floating("a result of the function", y)
    if y.size == 1 and y.ndim:
        raise TypeError(
            f"the function returned an array of shape {y.shape}, wanted a single number, of shape "
            f"(): for a result y, return {as_number('y', y)}"
        )
    if y.ndim:
        raise TypeError(
            f"the function returned an array of shape {y.shape}, wanted a single number: use "
            "jacobian for all its derivatives, vjp with an upstream gradient, or make a number of "
            "it, as with np.sum"
        )


def outputs_of(result: Any) -> list:
    """The leaves of what a function returned: variables, and constants as arrays."""
    outputs = leaves(result)
    for k, y in enumerate(outputs):
        if y is None:
            raise TypeError("the function returned None, wanted an array: is its `return` missing?")
        if type(y) is not Variable:
            outputs[k] = y = np.asarray(y)[()]
        y = value_of(y)
        if not isinstance(y, (np.ndarray, np.generic)) or y.dtype.kind != "f":
            place = list(paths(result))[k]
            check_floating(f"a result{place and ' at '}{place} of the function", y)
    return outputs


def pair(result: Any, inputs: list[Variable]) -> tuple[Any, Any]:
    """What a function returned that has an aux: the one, and the other in plain values.

    A variable of it that someone around us may differentiate stays one.
    """
    if not isinstance(result, tuple) or len(result) != 2:
        what = f"a tuple of {len(result)}" if isinstance(result, tuple) else type(result).__name__
        raise TypeError(
            f"the function returned {what}, wanted a pair, as has_aux=True was said: what to "
            "differentiate, and what else there is"
        )
    y, aux = result

    def plain(x: Any) -> Any:
        if type(x) is not Variable:
            return x
        wanted = x.value.dtype.kind == "f" and reaches_older(prune(inputs, x), inputs)
        return x if wanted else x.value

    return y, rebuild(aux, map(plain, leaves(aux)))


def trace(inputs: list[Variable], outputs: list) -> tuple[Variable, Pruned, bool]:
    """The outputs as one node, the graph from there to the inputs, and if it goes further."""
    z = together(y for y in outputs if type(y) is Variable)
    graph = prune(inputs, z)
    return z, graph, reaches_older(graph, inputs)


def reaches_older(graph: Pruned, inputs: list[Variable]) -> bool:
    """Whether there is more below our own variables that someone may differentiate for.

    Where none is our own, all that there is belongs to others.
    """
    return not inputs or graph.first < inputs[0].index


def gradients_of(
    inputs: list[Variable], graph: Pruned, z: Variable, dz: Any, insert: bool
) -> list:
    """The gradients of the inputs: as `general_back_propagation`, in a graph pruned before."""
    with garbage_collection_paused():
        table = fill_table(graph, z, dz, insert)
    gradients = [table[x] if x in table else zeros_of(x, insert) for x in inputs]
    return gradients if insert else separate(gradients, dz if type(dz) is tuple else ())


def tangents_of(seeds: dict, graph: Pruned, outputs: list, insert: bool) -> list:
    """The tangents of the outputs; zeros for those that are constants."""
    with garbage_collection_paused():
        table = push_tangents(seeds, graph, insert)
    tangents = [
        (table[y] if y in table else zeros_of(y, insert))
        if type(y) is Variable
        else np.zeros_like(y)[()]
        for y in outputs
    ]
    return tangents if insert else separate(tangents, seeds.values())


def separate(arrays: list, given: Iterable) -> list:
    """Let no two results share memory, nor one with what was given: they may be written into.

    An operation such as addition passes the same array on to both of its inputs, and one
    that stretches a gradient makes a read-only view.
    """
    seen = set(map(id, given))
    separate = []
    for array in arrays:
        if type(array) is np.ndarray and (array.base is not None or id(array) in seen):
            array = array.copy()
        seen.add(id(array))
        separate.append(array)
    return separate


def rows(inputs: list[Variable], outputs: list) -> list[list]:
    """The Jacobian in blocks ``[output][input]``, by back-propagation."""
    blocks = []
    for y in outputs:
        if type(y) is not Variable:
            blocks.append([np.zeros(y.shape + x.shape, x.dtype) for x in inputs])
            continue
        graph = prune(inputs, y)
        insert = reaches_older(graph, inputs)
        rows = [gradients_of(inputs, graph, y, e, insert) for e in basis(y, insert)]
        blocks.append(
            [stacked([row[n] for row in rows], 0, y, x) for n, x in enumerate(inputs)]
        )
    return blocks


def columns(inputs: list[Variable], outputs: list) -> list[list]:
    """The same, by pushing tangents forward."""
    z, _, insert = trace(inputs, outputs)
    blocks: list[list] = [[] for _ in outputs]
    for x in inputs:
        graph = prune([x], z)
        columns = [tangents_of({x: e}, graph, outputs, insert) for e in basis(x, insert)]
        for n, y in enumerate(outputs):
            blocks[n].append(stacked([column[n] for column in columns], -1, y, x))
    return blocks


def basis(V: Variable, insert: bool) -> Iterator[Any]:
    """Arrays in the shape of ``V`` with a single 1, which is at each place in turn."""
    for k in range(V.size):
        e = np.zeros(V.size, V.dtype)
        e[k] = 1
        e = e.reshape(V.shape)[()]
        yield Variable(e) if insert else e


def stacked(parts: list, axis: int, y: Any, x: Variable) -> Any:
    """The rows or columns of a block as one array of shape ``y.shape + x.shape``."""
    if not parts:
        return np.zeros(y.shape + x.shape, x.dtype)
    return np.stack(parts, axis=axis).reshape(y.shape + x.shape)[()]
