"""The general back-propagation algorithm.

Given a graph, a variable z and a set of targets, it computes dJ/dV for each target V,
where dJ/dz is given (1, if z is J itself). The idea fits in one sentence: the gradient
of V is a sum over the consumers of V, the operations that V goes into, and each term is
what that consumer's ``bprop`` makes of the gradient of its own output.

A table keeps each gradient once it is known. Without it, the sum would follow every
path from V to z, and there can be 2^n paths in a graph of n nodes
(`naive_back_propagation` shows it).

Source: Goodfellow, Bengio, Courville, Deep Learning, 6.5.6, algorithms 6.5 and 6.6.
"""

from __future__ import annotations

import contextlib
import gc
from operator import attrgetter
from typing import Any, Iterable, Iterator

import numpy as np

from npbp.graph.operation import watcher, watching
from npbp.graph.variable import Variable


def general_back_propagation(
    targets: Iterable[Variable], z: Variable, upstream: Any = None, insert: bool = True
) -> dict[Variable, Any]:
    """The gradients of ``z`` with respect to ``targets``: ``{target: gradient}``.

    Parameters
    ----------
    targets : variables
        With floating values.
    z : Variable
        What to differentiate.
    upstream : array, optional
        dJ/dz, in the shape of z; 1 unless given, if z is a single number.
    insert : bool
        True: each gradient is a variable, inserted into the graph together with the
        operations that make it, and can be differentiated again. False: the gradients
        are plain arrays, which is faster when nobody needs more.

    Returns
    -------
    dict
        A gradient for each target, in its shape and dtype; zeros if z does not depend
        on it.

    Raises
    ------
    ValueError
        If z has several entries and there is no ``upstream``, or one of another shape.
    TypeError
        If z or a target is no variable, or is not of floating numbers; if the program goes
        from real numbers to complex ones.

    Examples
    --------
    >>> a = Variable(1.5)
    >>> b = a + a
    >>> c = b * b
    >>> gradients = general_back_propagation([a, b], c)
    >>> gradients[b], gradients[a]
    (Variable(6.0, Add), Variable(12.0, Add))
    """
    targets = listed("targets", targets)
    with garbage_collection_paused():
        graph = prune(targets, z)
        grad_table = fill_table(graph, z, upstream_of(z, upstream, insert), insert)
    return {V: grad_table[V] if V in grad_table else zeros_of(V, insert) for V in targets}


class GradTable(dict):
    """The gradients known so far, ``{variable: gradient}``, and the graph they belong to."""

    def __init__(self, graph: Pruned, insert: bool) -> None:
        self.graph, self.insert = graph, insert


def fill_table(graph: Pruned, z: Variable, dz: Any, insert: bool) -> GradTable:
    """The table of all gradients in ``graph``, given ``dz`` = dJ/dz.

    Output first: when V's turn comes, the gradients of all its consumers are known, so
    `build_grad` finds them in the table and never has to go deep.
    """
    grad_table = GradTable(graph, insert)
    grad_table[z] = dz
    for V in graph.order:
        build_grad(V, grad_table)
    return grad_table


def build_grad(V: Variable, grad_table: GradTable) -> Any:
    """The gradient of ``V``: looked up, or summed over the consumers of V and noted down."""
    if V in grad_table:
        return grad_table[V]
    total = None
    for C, i in get_children(V, grad_table.graph):
        G = grad_table[C] if C in grad_table else build_grad(C, grad_table)
        term = bprop(C, i, G, grad_table.insert)
        total = term if total is None else total + term
    if watching:
        watcher().total(V, total)
    grad_table[V] = total
    return total


def bprop(C: Variable, i: int, G: Any, insert: bool = True) -> Any:
    """What the operation that made ``C`` passes on to its input ``i``, given ``G`` = dJ/dC.

    If broadcasting stretched the input, the gradient is summed back to its shape.
    """
    inputs = C.inputs
    if insert:
        gradient = C.op.bprop(i, G, C, *inputs)
    elif len(inputs) == 2:  # the common case, spared the list
        A, B = inputs
        A = A.value if type(A) is Variable else A
        B = B.value if type(B) is Variable else B
        gradient = C.op.bprop(i, G, C.value, A, B)
    else:
        values = [x.value if type(x) is Variable else x for x in inputs]
        gradient = C.op.bprop(i, G, C.value, *values)
    value = inputs[i].value
    if type(gradient) is not type(value) or type(value) is np.ndarray:
        # (Two NumPy scalars of one type have the same shape and dtype: nothing to do.)
        if gradient.shape != value.shape:
            gradient = sum_to_shape(gradient, value.shape)
        if gradient.dtype != value.dtype:
            gradient = in_dtype(value.dtype, gradient)
    if watching:
        watcher().gradient(C, i, G, gradient)
    return gradient


def get_inputs(V: Variable) -> list[Variable]:
    """The variables that ``V`` was made of; empty for a leaf."""
    return [x for x in V.inputs if type(x) is Variable]


def get_children(V: Variable, graph: Pruned) -> list[tuple[Variable, int]]:
    """The consumers of ``V`` in ``graph``: pairs (variable C, i) with V the input i of C.

    A consumer that takes V twice, as ``V * V`` does, is there twice. The book says
    ``get_consumers``, which is this function too.
    """
    return graph.children.get(V, [])


get_consumers = get_children


class Pruned:
    """The part of a graph that matters: every node on a path from a target to z.

    Attributes
    ----------
    order : list of Variable
        Its nodes, each before its inputs: z is the first, if it is there at all.
    children : dict
        The consumers of each node, as `get_children` gives them.
    first : int
        The index of the oldest variable met, in the graph or just below it.
    """

    def __init__(self, order: list[Variable], children: dict, first: int) -> None:
        self.order, self.children, self.first = order, children, first


def listed(what: str, variables: Iterable[Variable]) -> list[Variable]:
    """Several variables as a list. One alone would be taken apart into new ones, x[0], ..."""
    if type(variables) is Variable:
        raise TypeError(f"got one Variable as {what}, wanted a list of them: write [x]")
    return list(variables)


def prune(targets: Iterable[Variable], z: Variable) -> Pruned:
    """Leave out every node that is not on a path from a target to ``z``.

    Raises
    ------
    TypeError
        If z or a target is not a variable of floating numbers.
    """
    if type(z) is not Variable:
        raise TypeError(
            f"got {type(z).__name__} as what to differentiate, wanted a Variable: does it "
            "depend on one at all?"
        )
    if z.value is not None:  # the node that `forward` makes of several has none
        check_floating("z", z.value)
    targets = listed("targets", targets)
    for V in targets:
        if type(V) is not Variable:
            raise TypeError(f"got {type(V).__name__} as a target, wanted a Variable")
        if V.value.dtype.kind != "f":
            raise TypeError(
                f"got a target of type {V.value.dtype}, wanted floating numbers: integers and "
                "booleans are constants, as they cannot change a little"
            )
    wanted = set(targets)
    oldest = min((V.index for V in targets), default=z.index)
    first = z.index
    # Down from z, noting consumers. What is older than the oldest target, or a leaf that is
    # no target, cannot depend on one.
    children: dict = {z: []}
    stack = [z]
    dead_ends = False
    while stack:
        C = stack.pop()
        leads_on = C in wanted
        if C.op is not None and C.op.differentiable:
            for i, x in enumerate(C.inputs):
                if type(x) is Variable:
                    if x in children:
                        children[x].append((C, i))
                        leads_on = True
                    elif x.index >= oldest and (x.op is not None or x in wanted):
                        children[x] = [(C, i)]
                        stack.append(x)
                        leads_on = True
                    elif x.index < first:
                        first = x.index
        if not leads_on:
            dead_ends = True
    # If there were dead ends, up again from the targets to see what lies on a path.
    nodes = children
    graph = Pruned([], children, first)
    if dead_ends:
        nodes = {V for V in wanted if V in children}
        stack = list(nodes)
        while stack:
            for C, _ in children[stack.pop()]:
                if C not in nodes:
                    nodes.add(C)
                    stack.append(C)
    graph.order = sorted(nodes, key=attrgetter("index"), reverse=True)
    if graph.order:
        graph.first = min(first, graph.order[-1].index)
    return graph


def sum_to_shape(gradient: Any, shape: tuple[int, ...]) -> Any:
    """Undo broadcasting: sum over the axes along which ``shape`` was stretched.

    Examples
    --------
    >>> sum_to_shape(np.ones((4, 2, 3)), (2, 1))
    array([[12.],
           [12.]])
    """
    if gradient.shape == shape:
        return gradient
    extra = gradient.ndim - len(shape)
    axes = tuple(
        a for a in range(gradient.ndim) if a < extra or shape[a - extra] != gradient.shape[a]
    )
    # A sum of one axis too many or too few would be silent; so say when it does not fit.
    if extra < 0 or any(shape[a - extra] != 1 for a in axes if a >= extra):
        raise ValueError(
            f"got a gradient of shape {gradient.shape} for an input of shape {shape}: a bprop "
            "returns the shape of its input, or that of its output if the input was broadcast"
        )
    return np.sum(gradient, axis=axes).reshape(shape)


def in_dtype(dtype: np.dtype, gradient: Any) -> Any:
    """The gradient, or tangent, of something that has this dtype."""
    if gradient.dtype.kind == "c" and dtype.kind != "c":
        # To drop the imaginary part would not make it right: d|e^ix|/dx is 0, and not Re(...).
        raise TypeError(
            f"got a derivative of type {gradient.dtype} for numbers of type {dtype}, wanted real "
            "ones: is there a complex number, such as 1j, in the program? A derivative here is "
            "that of a real function, all the way: compute with real and imaginary parts"
        )
    if gradient.dtype.kind not in "fiubc" or dtype.kind not in "fiubc":
        raise TypeError(
            f"got a derivative of type {gradient.dtype} for numbers of type {dtype}: is there an "
            "array of other things than numbers, such as one of dtype=object, in the program?"
        )
    return gradient.astype(dtype)


@contextlib.contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Spare Python the search for reference cycles while a graph grows: here are none.

    It would go through all nodes of a large graph again and again as they are made: a
    third of the time at a million.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def naive_back_propagation(
    targets: Iterable[Variable], z: Variable, upstream: Any = None
) -> tuple[dict[Variable, Any], dict[Variable, int]]:
    """The same sum without the table: ``(gradients, counts)``.

    Each time the gradient of a variable is needed, it is computed anew, and ``counts``
    says how often that was. The gradients are plain arrays.

    Examples
    --------
    >>> x = Variable(1.0)
    >>> y = x
    >>> for rung in range(10):
    ...     y = y + y
    >>> gradients, counts = naive_back_propagation([x], y)
    >>> float(gradients[x]), counts[y]         # 2^10 paths lead from x to y
    (1024.0, 1024)
    """
    targets = listed("targets", targets)
    graph = prune(targets, z)
    counts = dict.fromkeys(graph.order, 0)
    dz = upstream_of(z, upstream, False)

    def naive_build_grad(V: Variable) -> Any:
        # The recursion written as a stack, as Python's own ends at a thousand. A frame is
        # a variable, its consumers that are left to visit, and the sum so far.
        stack: list = []

        def enter(U: Variable) -> None:
            counts[U] += 1
            stack.append([iter(get_children(U, graph)), None, dz if U is z else None])

        enter(V)
        while True:
            frame = stack[-1]
            frame[1] = next(frame[0], None)
            if frame[1] is not None:
                enter(frame[1][0])
                continue
            total = stack.pop()[2]
            if not stack:
                return total
            (C, i), so_far = stack[-1][1:]
            term = bprop(C, i, total, insert=False)
            stack[-1][2] = term if so_far is None else so_far + term

    gradients = {
        V: naive_build_grad(V) if V in counts else zeros_of(V, False) for V in targets
    }
    return gradients, counts


def upstream_of(z: Variable, upstream: Any, insert: bool) -> Any:
    """dJ/dz, checked; 1 if z is a single number."""
    check_floating("z", z.value)
    if upstream is None:
        if z.value.ndim:
            raise ValueError(
                f"got a z of shape {z.value.shape} and no upstream gradient: say what dJ/dz is "
                f"(upstream=...), or make a single number of it: {as_number('z', z.value)}"
            )
        upstream = z.value.dtype.type(1)
    elif type(upstream) is not Variable:
        upstream = real("an upstream gradient", upstream).astype(z.value.dtype, copy=False)[()]
    if upstream.shape != z.value.shape:
        raise ValueError(
            f"got an upstream gradient of shape {upstream.shape}, wanted {z.value.shape}, the "
            "shape of z"
        )
    if insert:
        return upstream if type(upstream) is Variable else Variable(upstream)
    return upstream.value if type(upstream) is Variable else upstream


def check_floating(what: str, y: Any) -> None:
    """Refuse an output that no derivative can tell anything about: not one of floating numbers."""
    dtype = getattr(y, "dtype", np.dtype(object))
    if dtype.kind == "f":
        return
    why = "is there an object that is no number for NumPy in the program, such as a Fraction?"
    if dtype.kind == "c":
        why = (
            "a derivative here is that of a real function: return real and imaginary parts, "
            "computed as real numbers"
        )
    if dtype.kind in "iub":
        why = (
            "an integer or a truth value does not change a little when its argument does. Is it "
            "a count, a position (such as that of np.argmax) or a comparison? (A whole number "
            "that is a constant: 3.0 for 3)"
        )
    raise TypeError(f"got {what} of type {dtype}, wanted floating numbers: {why}")


def as_number(name: str, z: Any) -> str:
    """How to make a single number of an array: what to write in a program."""
    if z.size == 1:
        return f"{name}[{', '.join('0' * z.ndim)}], {name}.reshape(()) or np.sum({name})"
    return f"np.sum({name}) or np.mean({name})"


def real(what: str, given: Any) -> np.ndarray:
    """What a user gave as an array; what is not of real numbers, or has gaps, is refused."""
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(
            f"got {what} with a mask, which would be lost, wanted a plain array: fill the gaps, "
            "as with x.filled(0), or choose with np.where"
        )
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"got {what} of type {array.dtype}, wanted real numbers")
    return array


def zeros_of(V: Variable, insert: bool) -> Any:
    """The gradient of a ``V`` that z does not depend on, in its shape and dtype."""
    zeros = np.zeros(V.value.shape, V.value.dtype)[()]
    return Variable(zeros) if insert else zeros
