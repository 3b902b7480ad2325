"""Are the derivatives right? Differences of the function's own values tell.

Take a function y = f(x) with Jacobian J, a random direction u for x and a random upstream
gradient v for y. Then:

* Forward mode says ``J u``; the central difference ``(f(x + h u) - f(x - h u)) / (2 h)`` is
  close to it, and uses nothing of what is checked. If f is made of power series throughout,
  so that its graph can run with complex numbers, ``Im f(x + i h u) / h`` is exact besides, as
  nothing is subtracted (the complex step).
* Reverse mode says ``J^T v``, and ``<J^T v, u> = <v, J u>``.

Ones would not do for v: the rows of a softmax sum to one whatever its input is, so a
gradient that is zero, or seven times too large, would pass.

A second derivative is the derivative of a first one. So each of ``(x, v) -> J^T v`` and
``(x, u) -> J u`` is a function like f, and is checked in the same way. This catches a
``bprop`` that uses plain numbers where it should use the variables of the graph: its
gradient is right, and the gradient of its gradient is not.

Source of the complex step: Squire, Trapp, Using complex variables to estimate derivatives of
real functions, SIAM Review 40, 1998.
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

import numpy as np

from npbp.graph.program.evaluate import dependents
from npbp.graph.transforms.gradients import jvp, vjp
from npbp.graph.transforms.tracing import check_function, outputs_of, own_variable
from npbp.graph.transforms.trees import leaves, paths, rebuild
from npbp.graph.variable import Variable, value_of

STEP = 1e-6  # h of the central difference: in float64 it leaves about nine digits
TOLERANCE = 1e-6
COMPLEX_STEP = 1e-20
COMPLEX_TOLERANCE = 1e-10
DUAL_TOLERANCE = 1e-10  # of <J^T v, u> = <v, J u>, where no difference is taken
ROUNDING = 4 * np.finfo(np.float64).eps  # of a value, relative to the largest


class CheckError(ValueError):
    """A derivative is wrong; the message says of what order, in which mode, and where."""


def check_grads(
    f: Callable,
    args: Sequence,
    order: int = 2,
    modes: Sequence[str] = ("rev", "fwd"),
    rng: np.random.Generator | int | None = None,
) -> None:
    """Check the derivatives of ``f`` at ``args``, up to ``order``.

    It also checks that f computes the same on variables as on plain arrays, and that
    nothing writes into the arguments. Everything runs in float64. At a kink, such as that of
    abs at 0, there is no derivative to compare with: take other arguments.

    Parameters
    ----------
    f : function
        Of arrays or trees of arrays; it returns an array or a tree of arrays. What is not to
        be differentiated, such as labels, it has to close over.
    args : tuple
        Its arguments. Take sizes that are all different and larger than 1, so that a
        transposed gradient shows.
    order : int
        1: the gradient; 2: also the derivatives of the gradient; and so on.
    modes : tuple of "rev" and "fwd"
        Back-propagation, tangents pushed forward, or both. At order 2, each over each.
    rng : numpy.random.Generator or int, optional
        Draws the directions and upstream gradients; an int is its seed, 0 if None.

    Raises
    ------
    CheckError
        If a derivative is wrong. The message says which order, mode and argument, what was
        found and what was expected.
    TypeError, ValueError
        If the arguments of the check itself make no sense.

    Examples
    --------
    >>> from npbp import graph
    >>> graph.check_grads(lambda x: np.sin(x) * x, (np.array([1.0, 2.0]),))
    >>> class Careless(graph.Operation):
    ...     '''Y = X^3, and a bprop that takes the numbers out of the graph.'''
    ...     def forward(self, X):
    ...         self.X = X
    ...         return X**3
    ...     def bprop(self, i, G, Y, X):
    ...         return 3 * self.X**2 * G
    >>> graph.check_grads(Careless(), (2.0,), order=1)
    >>> graph.check_grads(Careless(), (2.0,), order=2)
    Traceback (most recent call last):
    ...
    npbp.graph.check.CheckError: order 2, rev over rev, argument 0: ...
    """
    check_function("check_grads", f)
    if not isinstance(args, (tuple, list)):
        raise TypeError(
            f"check_grads: got {type(args).__name__} as args, wanted the tuple of f's "
            "arguments: write check_grads(f, (x,))"
        )
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 1:
        raise ValueError(f"check_grads: got order={order!r}, wanted 1, 2, ...")
    modes = (modes,) if isinstance(modes, str) else modes
    known = np.iterable(modes) and all(mode in ("rev", "fwd") for mode in modes)
    if not known or not modes:
        raise ValueError(f"check_grads: got modes={modes!r}, wanted ('rev', 'fwd') or one of them")
    rng = np.random.default_rng(0 if rng is None else rng)  # a generator stays itself
    args = tuple(args)
    places = [f"{n}{path}" for n, arg in enumerate(args) for path in paths(arg)]
    names = [f"argument {place}" for place in places]
    xs = [_float64(x, place) for x, place in zip(leaves(args), places)]

    def flat(*xs: Any) -> list:
        """f with the leaves of its arguments as arguments, and as result."""
        return outputs_of(f(*rebuild(args, xs)))

    _check(flat, xs, names, "", 1, order, modes, rng)


def _check(
    f: Callable, xs: list, names: list, over: str, level: int, order: int, modes: tuple, rng: Any
) -> None:
    """Check the first derivatives of ``f``, and then, up to ``order``, those of its derivatives."""

    def where(mode: str, name: str = "") -> str:
        return f"order {level}, {mode}{over}" + (f", {name}" if name else "")

    us, vs = _check_first(f, xs, names, where, level == 1, modes, rng)
    if level == order:
        return

    def pulled(*xs_and_vs: Any) -> list:
        return list(vjp(f, *xs_and_vs[: len(xs)])[1](list(xs_and_vs[len(xs) :])))

    def pushed(*xs_and_us: Any) -> list:
        return jvp(f, xs_and_us[: len(xs)], xs_and_us[len(xs) :])[1]

    # Both are linear in v or u, but that they are linear in the graph too is to be seen.
    if "rev" in modes:
        more = [f"upstream gradient {k}" for k in range(len(vs))]
        _check(pulled, xs + vs, names + more, f" over rev{over}", level + 1, order, modes, rng)
    if "fwd" in modes:
        more = [f"tangent of {name}" for name in names]
        _check(pushed, xs + us, names + more, f" over fwd{over}", level + 1, order, modes, rng)


def _check_first(
    f: Callable, xs: list, names: list, where: Callable, complex_too: bool, modes: tuple, rng: Any
) -> tuple[list, list]:
    """Check ``f``, ``J u`` and ``J^T v`` at ``xs``; returns the ``us`` and ``vs`` it drew."""
    held = [(name, x, np.array(x)) for name, x in zip(names, xs)]

    def check_unmodified(mode: str) -> None:
        for name, array, copy in held:
            if not np.array_equal(array, copy, equal_nan=True):
                raise CheckError(f"{where(mode)}: it writes into {name}")

    ys = _numbers(f(*xs))
    check_unmodified("the value")
    for k, y in enumerate(ys):
        if not np.isfinite(y).all():
            raise ValueError(
                f"{where('the value')}: output {k} is {_short(y)}, wanted finite numbers: there "
                "is no derivative to compare with, so check at another point"
            )
    us = [rng.standard_normal(np.shape(x)) * np.maximum(1, np.abs(x)) for x in xs]
    vs = [rng.standard_normal(y.shape) for y in ys]
    held += [("the upstream gradient", v, v.copy()) for v in vs]
    held += [("the tangent", u, u.copy()) for u in us]
    inputs = [Variable(x) for x in xs]
    outputs = f(*inputs)
    for k, (y, traced) in enumerate(zip(ys, _numbers(outputs))):
        if y.shape != traced.shape or not np.allclose(y, traced, 1e-9, 1e-9, equal_nan=True):
            raise CheckError(
                f"{where('the value')}: output {k} is {_short(traced)} on variables, but "
                f"{_short(y)} on plain arrays"
            )

    if "rev" in modes:
        gradients = vjp(f, *xs)[1](vs)
        check_unmodified("rev")
        for x, g, name in zip(xs, gradients, names):
            if np.shape(g) != np.shape(x):
                raise CheckError(
                    f"{where('rev', name)}: found a gradient of shape {np.shape(g)}, expected "
                    f"{np.shape(x)}, the shape of the argument"
                )
    program = _complex_program(inputs, outputs) if complex_too else None
    noise = ROUNDING / STEP * max(map(_size, ys), default=0.0)
    for n, (u, name) in enumerate(zip(us, names)):

        def compare_rev(mode: str, changes: list, how: str, tolerance: float, rounding: float):
            along = gradients[n] * u
            terms = [v * change for v, change in zip(vs, changes)]
            scale = max([1.0, _total(along), *map(_total, terms)])
            _compare(
                f"{where(mode, name)}: the gradient along a random direction",
                np.sum(along),
                sum(np.sum(term) for term in terms),
                how,
                tolerance * scale + rounding * sum(map(_total, vs)),
            )

        # (Of what the graph computes: that it is the same on plain arrays is seen above, and
        # NumPy's eigvalsh, for one, is not the same once a step makes the matrix unsymmetric.)
        g = (lambda *xs: f(*map(Variable, xs))) if complex_too else f
        references = [("the central difference", _difference(g, xs, n, u), TOLERANCE, noise)]
        if program is not None:
            step = _complex_step(program, inputs, outputs, n, u)
            references.append(("the complex step", step, COMPLEX_TOLERANCE, 0.0))
        if "fwd" in modes:
            alone = [u if k == n else np.zeros_like(x)[()] for k, x in enumerate(xs)]
            tangents = _numbers(jvp(f, xs, alone)[1])
            check_unmodified("fwd")
        for how, changes, tolerance, rounding in references:
            if "rev" in modes:
                compare_rev("rev", changes, how, tolerance, rounding)
            if "fwd" in modes:
                for k, (tangent, change) in enumerate(zip(tangents, changes)):
                    what = f"{where('fwd', name)}: the tangent of output {k}"
                    limit = tolerance * max(1.0, _size(change)) + rounding
                    _compare(what, tangent, change, how, limit)
        if "rev" in modes and "fwd" in modes:
            compare_rev("rev and fwd", tangents, "the tangent", DUAL_TOLERANCE, 0.0)
    return us, vs


# ---- differences


def _difference(f: Callable, xs: list, n: int, u: Any) -> list[np.ndarray]:
    """How the outputs of f change when argument n moves along u."""
    above = _numbers(f(*xs[:n], xs[n] + STEP * u, *xs[n + 1 :]))
    below = _numbers(f(*xs[:n], xs[n] - STEP * u, *xs[n + 1 :]))
    return [(a - b) / (2 * STEP) for a, b in zip(above, below)]


def _complex_program(inputs: list[Variable], outputs: list) -> list[Variable] | None:
    """The nodes from inputs to outputs, if all of them can take complex numbers."""
    nodes = dependents([y for y in outputs if type(y) is Variable], dict.fromkeys(inputs))
    for V in nodes:
        if V.op.differentiable and not getattr(V.op, "analytic", False):
            return None
    return nodes


def _complex_step(
    program: list[Variable], inputs: list[Variable], outputs: list, n: int, u: Any
) -> list[np.ndarray]:
    """The same for the outputs of a graph, exactly: it runs again at ``inputs[n] + i h u``."""
    values = {inputs[n]: inputs[n].value + 1j * COMPLEX_STEP * u}
    for V in program:
        if V.op.differentiable:  # what is flat, such as a comparison, keeps its value
            values[V] = V.op.forward(*[
                values.get(x, x.value) if type(x) is Variable else x for x in V.inputs
            ])
    changes = [values.get(y, y.value) if type(y) is Variable else y for y in outputs]
    return [np.asarray(np.imag(y) / COMPLEX_STEP) for y in changes]


def _compare(what: str, found: Any, expected: Any, how: str, tolerance: float) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    errors = np.abs(found - expected)
    if not errors.size:
        return
    # A NaN compares as False with everything; here it must count as the worst.
    errors = np.where(np.isnan(errors), np.inf, errors)
    worst = np.unravel_index(int(np.argmax(errors)), errors.shape)
    if errors[worst] > tolerance:
        index = f" at [{', '.join(map(str, worst))}]" if worst else ""
        raise CheckError(
            f"{what}: found {found[worst]:.10g}{index}, expected "
            f"{expected[worst]:.10g} from {how}"
        )


def _size(y: np.ndarray) -> float:
    return float(np.max(np.abs(y))) if y.size else 0.0


def _total(y: np.ndarray) -> float:
    return float(np.sum(np.abs(y)))


# ---- arguments


def _float64(x: Any, place: str) -> Any:
    if type(x) is Variable:
        raise TypeError("check_grads: got a Variable among args, wanted plain arrays: x.value")
    if type(x) is not int and np.asarray(x).dtype.kind in "iub":
        raise TypeError(
            f"check_grads: got an argument of type {np.asarray(x).dtype}, wanted floating numbers; "
            "let f close over what is not to be differentiated"
        )
    return own_variable(x, place).value.astype(np.float64)


def _numbers(result: list) -> list[np.ndarray]:
    return [np.asarray(value_of(y), dtype=np.float64) for y in result]


def _short(array: np.ndarray) -> str:
    return np.array2string(array, threshold=6, edgeitems=2, precision=6).replace("\n", "")
