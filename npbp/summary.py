"""A network as a table: its layers, their shapes and weights, and what each of them costs."""

from __future__ import annotations

import contextlib
import copy
import inspect
import statistics
import time
from typing import Any, Callable, Iterator, NamedTuple

import numpy as np

from npbp.layers import Layer, Sequential
from npbp.layers.checks import size
from npbp.layers.nesting import found_in, joined
from npbp.trace import Record, watched

RUNS = 9  # of each layer, forward and backward: the time is their median


def table(network: Any) -> str:
    """A line a layer; see `npbp.Network.summary`."""
    rows = [("layer", "output shape", "parameters")]
    rows += [cells for _, cells in _layers(network)]
    return _aligned([*rows, _loss(network), _total(network)])


def table_of_costs(network: Any, batch_size: int, X: Any) -> str:
    """The same with what each layer costs; see `npbp.Network.summary`."""
    X = _batch(network.chain, batch_size, X)
    costs = measured(network.chain, X)
    rows = [("", "", "", "bytes", "multiply-adds", "", "microseconds", ""),
            ("layer", "output shape", "parameters", "kept", "forward", "backward", "forward", "backward")]
    for place, cells in _layers(network, costs):
        rows.append((*cells, *_cells(costs[place])))
    rows += [_loss(network), (*_total(network), *_cells(costs[""]))]
    return _aligned(rows) + (
        f"\nkept: for the backward of a batch of {len(X)}. microseconds: the median of {RUNS} runs "
        "with it.\nmultiply-adds: for one example."
    )


# ---- what a layer costs


class Cost(NamedTuple):
    """Of a layer in a training, with those inside. Of the batch, but for the multiply-adds."""

    output_shape: tuple | None  # of one example; None: it did not run
    kept: int  # bytes
    shared: list[str]  # the layers below that keep an array which this one keeps, too
    multiply_adds: tuple[int, int] | None  # None: unknown
    seconds: tuple[float, float]


def measured(chain: Sequential, X: np.ndarray) -> dict[str, Cost]:
    """The costs of each layer by name, and under "" of them all.

    What a training calls is called, and noted: above the lowest weights each layer's
    backward, there bp_param alone, and nothing below.
    """
    rng, watched_chain = np.random.default_rng(0), _for_training(chain)
    layers = dict(watched_chain.walk())
    before = {place: _arrays_of(layer) for place, layer in layers.items()}
    records = watched(watched_chain)
    y = watched_chain.forward(X)
    kept, shared = _kept(layers, before)
    watched_chain.bp_param(rng.standard_normal(y.shape).astype(y.dtype))

    costs = {}
    twins = _for_training(chain)
    for place, layer in reversed(list(twins.walk())):  # from the inside out
        inside = [costs[joined(place, name)] for name in layer.children]
        record = records.get(place)
        if record is None:  # the whole chain
            seconds = _seconds(layer, X, {"bp_param": np.ones_like(y)} if layer.has_parameters else {})
            shape = y.shape[1:]
        elif record.output is None:
            costs[place] = Cost(None, 0, [], (0, 0), (0.0, 0.0))
            continue
        else:
            seconds = _seconds(layer, record.x, dict.fromkeys(record.asked, record.gradient))
            shape = record.output.shape[1:]
        costs[place] = Cost(
            shape, kept[place] + sum(cost.kept for cost in inside), shared[place],
            _multiply_adds(layer, record, inside), seconds,
        )  # fmt: skip
    return costs


def _for_training(chain: Sequential) -> Sequential:
    """A copy that has seen nothing yet."""
    twin = copy.deepcopy(chain).train()
    for _, layer in twin.walk():
        layer.cache = None
    return twin


def _kept(layers: dict[str, Layer], before: dict) -> tuple[dict[str, int], dict[str, list[str]]]:
    """The bytes that each layer keeps since its forward, and who keeps them too."""
    kept, shared, owners = {}, {}, {}
    weights = [W for layer in layers.values() for W in (*layer.parameters.values(), *layer.buffers.values())]
    not_counted = {id(_memory(W)) for W in weights}
    for place, layer in layers.items():
        new = {key: memory for key, memory in _arrays_of(layer).items()
               if key not in before[place] and key not in not_counted}
        kept[place] = sum(memory.nbytes for key, memory in new.items() if key not in owners)
        shared[place] = sorted({owners[key] for key in new if key in owners})
        for key in new:
            owners.setdefault(key, place)
    return kept, shared


def _arrays_of(layer: Layer) -> dict[int, np.ndarray]:
    """The memory of all arrays that a layer holds, in its cache or beside it."""
    found = {}
    for name, value in vars(layer).items():
        for _, array in found_in(np.ndarray, name, value):
            memory = _memory(array)
            found[id(memory)] = memory
    return found


def _memory(array: np.ndarray) -> np.ndarray:
    """The array that has the numbers, if this one is a part of it."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _multiply_adds(layer: Layer, record: Record | None, inside: list[Cost]) -> tuple[int, int] | None:
    """Forward and backward, as a training calls it."""
    if inside and type(layer).multiply_adds in (Layer.multiply_adds, Sequential.multiply_adds):
        counts = [cost.multiply_adds for cost in inside]
        return None if None in counts else (sum(f for f, _ in counts), sum(b for _, b in counts))
    counted = layer.multiply_adds(record.x.shape[1:])
    if counted is None:
        return None
    forward, backward = counted
    asked = set(record.asked)
    if layer.has_parameters and asked in ({"bp_param"}, {"bp_input"}):
        # The way back to the input has the products of the way forth, transposed.
        backward = backward - forward if asked == {"bp_param"} else forward
    return forward, backward if asked else 0


def _seconds(layer: Layer, x: np.ndarray, backward: dict[str, np.ndarray]) -> tuple[float, float]:
    """The median time of a forward, and of the backward methods that a training calls."""
    return (
        _median(lambda: layer.forward(x)),
        _median(lambda: [getattr(layer, method)(grad) for method, grad in backward.items()])
        if backward else 0.0,
    )  # fmt: skip


def _median(function: Callable) -> float:
    function()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _batch(chain: Sequential, batch_size: int, X: Any) -> np.ndarray:
    """``X``, or random numbers in the shape that the network takes."""
    if X is not None:
        X = np.asarray(X)
        if not X.ndim or not len(X):
            raise ValueError(f"Network.summary: got X of shape {X.shape}, wanted (N, ...), a batch")
        return X
    batch_size, shape = size("Network.summary", "batch_size", batch_size), _input_shape(chain)
    if shape is None:
        raise ValueError(
            "Network.summary: got layers that do not say which input they take, wanted a batch of it "
            "to measure with: summary(costs=True, X=X)"
        )
    dtype = next((W.dtype for W in chain.parameters.values()), np.float32)
    return np.random.default_rng(0).standard_normal((batch_size, *shape)).astype(dtype)


def _input_shape(chain: Sequential) -> tuple | None:
    """A shape of examples that goes through, from the sizes that the layers tell; the lowest first."""
    for _, layer in chain.walk():
        features = getattr(layer, "in_features", getattr(layer, "features", None))
        shape = tuple(features) if isinstance(features, (tuple, list)) else (features,)
        if all(type(n) is int for n in shape):
            with contextlib.suppress(ValueError):
                chain.output_shape(shape)
                return shape
    return None


# ---- the lines


def _layers(network: Any, costs: dict[str, Cost] | None = None) -> Iterator[tuple[str, tuple]]:
    """The name and the cells of each layer; those inside of another stand more to the right."""
    layers = list(_inside(network.chain, "", "", None))
    wide = max(len("loss"), *(len(name) for _, name, _, _ in layers))
    for place, name, layer, shape in layers:
        if shape is None and costs is not None:
            shape = costs[place].output_shape
        axes = "?" if shape is None else ", ".join(map(str, shape))
        count = sum(W.size for W in layer.parameters.values())
        yield place, (f"{name:{wide}} {_signature(layer)}", f"(N, {axes})" if axes else "(N,)", f"{count:,}")


def _inside(layer: Layer, place: str, indent: str, shape: tuple | None) -> Iterator[tuple]:
    for name, child in layer.children.items():
        in_a_chain = isinstance(layer, Sequential) and any(child is part for part in layer.layers)
        after = child.output_shape(shape if in_a_chain else None)
        yield joined(place, name), indent + name, child, after
        yield from _inside(child, joined(place, name), indent + "  ", shape if in_a_chain else None)
        shape = after


def _loss(network: Any) -> tuple:
    wide = max(len("loss"), *(len(name) for _, name, _, _ in _inside(network.chain, "", "", None)))
    return f"{'loss':{wide}} {_signature(network.loss)}", "", ""


def _total(network: Any) -> tuple:
    return "total", "", f"{sum(W.size for W in network.parameters.values()):,}"


def _signature(part: Any) -> str:
    """How to write a layer down in a table: ``Linear(784, 32)``, as it is made; those inside have
    lines of their own."""
    places, shown = list(inspect.signature(type(part)).parameters), []
    for i, (name, value) in enumerate(part.config().items() if hasattr(part, "config") else ()):
        inside = isinstance(part, Layer) and list(found_in(Layer, "", value))
        text = "..." if inside else repr(value)
        shown.append(text if places[i:i + 1] == [name] else f"{name}={text}")
    return f"{type(part).__name__}({', '.join(shown)})"


def _cells(cost: Cost) -> tuple:
    counts = ("?", "?") if cost.multiply_adds is None else [f"{n:,}" for n in cost.multiply_adds]
    times = [f"{1e6 * seconds:,.1f}" for seconds in cost.seconds]
    more = f"  and an array of {', '.join(cost.shared)}" if cost.shared else ""
    return (f"{cost.kept:,}", *counts, *times, more)


def _aligned(rows: list[tuple]) -> str:
    first = max(len(row[0]) for row in rows if row[1])  # a long loss stands out on the right
    wide = [max(len(row[i]) for row in rows if len(row) > i) for i in range(1, max(map(len, rows)))]
    wide[1] = max(wide[1], 10)
    lines = []
    for a, b, *cells in rows:
        numbers = "".join(f"  {cell:>{n}}" for cell, n in zip(cells, wide[1:]))
        lines.append(f"{a:{first}}  {b:{wide[0]}}{numbers}".rstrip())
    return "\n".join(lines)
