"""The graph, run again with new inputs.

A graph is a program that has been run once. To run it again, compute its nodes in the
order of their indices, which puts each after its inputs. Gradients are nodes like any
other, so one function does for both directions.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Mapping

import numpy as np

from npbp.graph.transforms import trees
from npbp.graph.variable import Variable


def evaluate(outputs: Any, new: Mapping[Variable, Any]) -> Any:
    """The values that ``outputs`` take when the variables in ``new`` have new values.

    Only what depends on one of them is computed again, the rest keeps its value. The
    graph itself stays as it is. See `compile` for a graph that is to be run many times.

    Parameters
    ----------
    outputs : Variable, or lists, tuples and dicts of variables
        Any part of the graph, forward or backward.
    new : dict
        ``{variable: new value}``: leaves, or variables in the middle of the graph, which
        then no longer follow from their own inputs. A value has the shape of the
        variable, and is converted to its dtype.

    Returns
    -------
    arrays in the form of ``outputs``
        Fresh ones: they share no memory with the graph, the new values or each other.

    Raises
    ------
    ValueError
        If a value has another shape; if the shape of a result inside the graph depends on
        values, as that of ``x[x > 0]`` does, and has changed.
    TypeError
        If an output or a key of ``new`` is no variable, or a value has a type that does not
        fit, such as floating numbers for labels.

    Examples
    --------
    >>> from npbp import graph
    >>> x = graph.Variable(2.0, name="x")
    >>> y = x * x * x
    >>> slope = graph.general_back_propagation([x], y)[x]
    >>> values = graph.evaluate([y, slope], {x: 10.0})
    >>> [float(value) for value in values]
    [1000.0, 300.0]
    """
    if not isinstance(new, Mapping):
        raise TypeError(
            f"evaluate: got {type(new).__name__} as the new values, wanted a dict: {{x: value}}"
        )
    values = {}
    for V, value in new.items():
        if type(V) is not Variable:
            raise TypeError(f"evaluate: got {type(V).__name__} as an input, wanted a Variable")
        what = f"evaluate: the input {V.name or ''}".rstrip()
        values[V] = converted(value, V.value.shape, V.value.dtype, what)
    wanted = output_variables(outputs, "evaluate")
    for V in dependents(wanted, values):
        value = V.op.forward(
            *[values.get(x, x.value) if type(x) is Variable else x for x in V.inputs]
        )
        if type(value) is np.ndarray and value.shape != V.value.shape:
            raise ValueError(shape_changed(V.op, value, V.value.shape))
        values[V] = value
    return trees.rebuild(outputs, [values.get(V, V.value)[()].copy() for V in wanted])


def dependents(outputs: list[Variable], inputs: Any) -> list[Variable]:
    """What is between ``inputs`` and ``outputs``: each variable after its inputs.

    The inputs themselves are left out, and what lies above one of them only.
    """
    # Up from the outputs. What is older than the oldest input cannot depend on one.
    oldest = min((V.index for V in inputs), default=np.inf)
    seen = {V for V in outputs if V not in inputs}
    stack = list(seen)
    while stack:
        for x in stack.pop().inputs:
            if type(x) is Variable and x.index > oldest and x not in seen and x not in inputs:
                seen.add(x)
                stack.append(x)
    # And down again.
    reached = set(inputs)
    order = []
    for V in sorted(seen, key=attrgetter("index")):
        for x in V.inputs:
            if type(x) is Variable and x in reached:
                reached.add(V)
                order.append(V)
                break
    return order


def output_variables(outputs: Any, owner: str) -> list[Variable]:
    """The leaves of ``outputs``, checked: each is a variable."""
    wanted = trees.leaves(outputs)
    for V in wanted:
        if type(V) is not Variable:
            raise TypeError(
                f"{owner}: got {type(V).__name__} as an output, wanted a Variable, or lists, "
                "tuples and dicts of them: does it depend on a variable at all? (Gradients "
                "made with insert=False are plain arrays)"
            )
    return wanted


def converted(value: Any, shape: tuple[int, ...], dtype: np.dtype, what: str) -> Any:
    """``value``, checked, and in the dtype; not copied if it has it already."""
    if type(value) is Variable:
        raise TypeError(f"{what}: got a Variable, wanted a plain array: write x.value")
    value = np.asarray(value)
    if value.shape != shape:
        raise ValueError(
            f"{what}: got an array of shape {value.shape}, wanted {shape}: a graph runs again "
            "with inputs of the shapes that it was made with"
        )
    if value.dtype != dtype:
        # Numbers may be rounded (float64 to float32), but not turned into others.
        kinds = {"f": "fiub", "i": "iub", "u": "iub", "b": "b"}[dtype.kind]
        cast = value.astype(dtype) if value.dtype.kind in kinds else None
        if cast is None or (dtype.kind in "iu" and (cast != value).any()):
            raise TypeError(
                f"{what}: got values of type {value.dtype}, wanted {dtype}, which cannot hold them"
            )
        value = cast
    return value[()]  # a single number as NumPy's scalar, as everywhere in the graph


def shape_changed(op: Any, value: np.ndarray, wanted: tuple[int, ...]) -> str:
    """The message for a result whose shape is not what it was."""
    return (
        f"{op!r}: got a result of shape {value.shape}, wanted {wanted}, its shape when the graph "
        "was made: a shape that depends on values needs a new graph for new values"
    )
