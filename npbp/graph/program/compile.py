"""A graph as a flat program: the text of one Python function, a line for each operation.

What `evaluate` decides anew each time is decided once here:

* only what the outputs need is computed, and what does not depend on the inputs is a
  constant (*pruning*, *constant folding*);
* what is computed twice is computed once (*common subexpressions*);
* an array that is needed no more is handed to a later operation to write its result into
  (*buffers*), so a call allocates little but what it returns.

`Program.source` is the function itself, to be read.
"""

from __future__ import annotations

import builtins
from typing import Any, Iterable

from npbp.graph.operation import Operation
from npbp.graph.program.evaluate import converted, dependents, output_variables, shape_changed
from npbp.graph.program.lines import Lines
from npbp.graph.program.writing import write
from npbp.graph.variable import Variable


def compile(outputs: Any, inputs: Iterable[Variable]) -> Program:
    """A function that computes ``outputs`` from new values of ``inputs``: a `Program`.

    ``program(*values)`` gives what ``evaluate(outputs, dict(zip(inputs, values)))`` does.
    It takes longer to make than one evaluation, and much less to call.

    Parameters
    ----------
    outputs : Variable, or lists, tuples and dicts of variables
        Any part of the graph, forward or backward.
    inputs : list of Variable
        Leaves, or variables in the middle of the graph, in the order in which their values
        will be given. Everything else keeps the value that it has.

    Returns
    -------
    Program

    Raises
    ------
    ValueError
        If an input is there twice.
    TypeError
        If an input or output is no variable.

    Examples
    --------
    One step of gradient descent for a line through points:

    >>> import numpy as np
    >>> from npbp import graph
    >>> x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0])
    >>> w = graph.Variable(np.zeros(2), name="w")
    >>> loss = np.sum((w[0] * x + w[1] - y) ** 2)
    >>> gradient = graph.general_back_propagation([w], loss)[w]
    >>> step = graph.compile(w - 0.1 * gradient, [w])
    >>> values = np.zeros(2)
    >>> for _ in range(200):
    ...     values = step(values)
    >>> values.round(6)
    array([2., 1.])

    The program can be read:

    >>> a, b = graph.Variable(np.ones(3), name="a"), graph.Variable(np.ones(3), name="b")
    >>> print(graph.compile((a * b + 1.0) * (a * b), [a, b]).source)
    def program(a, b):
        if type(a) is not ndarray or a.shape != (3,) or a.dtype is not float64: a = convert(0, a)
        if type(b) is not ndarray or b.shape != (3,) or b.dtype is not float64: b = convert(1, b)
        v0 = multiply(a, b, out=b0)                                 # (3,)
        v1 = add(v0, 1.0, out=b1)                                   # (3,)
        v2 = multiply(v1, v0)                                       # (3,)
        return v2
    <BLANKLINE>
    """
    return Program(outputs, inputs)


class Program:
    """What `compile` makes: ``program(*values)``, with the outputs in the form that was asked for.

    The values have the shapes of the inputs and are converted to their dtypes. The arrays
    that are returned are fresh: no later call writes into them, and they share no memory
    with the values or with each other. The values are not written into.

    Between calls the program keeps its buffers, b0, b1, ... in the source. So two threads
    must not call one program at the same time; let each compile its own.

    Attributes
    ----------
    source : str
        The Python function that a call runs.

    Raises
    ------
    TypeError
        If a call has another number of values, or one of a type that does not fit.
    ValueError
        If a value has another shape; if the shape of a result inside depends on values, and
        has changed.
    """

    def __init__(self, outputs: Any, inputs: Iterable[Variable]) -> None:
        inputs = [inputs] if type(inputs) is Variable or inputs is None else list(inputs)
        for V in inputs:
            if type(V) is not Variable:
                raise TypeError(f"compile: got {type(V).__name__} as an input, wanted a Variable")
        if len(set(inputs)) < len(inputs):
            raise ValueError("compile: got one variable twice among the inputs, wanted it once")
        # What a call needs to know of the inputs, and not the graph, which can go.
        self._inputs = [(V.name or str(i), V.value.shape, V.value.dtype)
                        for i, V in enumerate(inputs)]
        wanted = output_variables(outputs, "compile")
        lines = Lines(inputs)
        for V in dependents(wanted, set(inputs)):
            lines.add(V)
        results = [lines.of(V) for V in wanted]
        given = [lines.of(V) for V in inputs]
        self.source, names = write(outputs, given, lines.needed(results), results)
        names["convert"] = self._convert
        names["changed"] = self._changed
        exec(builtins.compile(self.source, "<npbp.graph program>", "exec"), names)
        self._run = names["program"]

    def __call__(self, *values: Any) -> Any:
        if len(values) != len(self._inputs):
            raise TypeError(
                f"program: got {len(values)} values, wanted {len(self._inputs)}: one for each "
                "input that the program was compiled for"
            )
        return self._run(*values)

    def _convert(self, i: int, value: Any) -> Any:
        """The i-th value, if it is not as it should be: converted, or an error."""
        name, shape, dtype = self._inputs[i]
        return converted(value, shape, dtype, f"program: the input {name}")

    @staticmethod
    def _changed(op: Operation, value: Any, wanted: tuple[int, ...]) -> None:
        raise ValueError(shape_changed(op, value, wanted))

    def __repr__(self) -> str:
        names = ", ".join(name for name, _, _ in self._inputs)
        return f"Program({names}: {len(self.source.splitlines())} lines)"
