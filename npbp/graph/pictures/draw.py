"""Pictures of a graph: the forward part, and beside it the backward part, inserted.

Back-propagation adds nodes to the graph, and a picture shows at a glance that these are
ordinary nodes: they have operations and inputs, and many of the inputs are values of the
forward pass. Forward runs upward on the left, backward runs downward on the right.

Where each node goes is found in ``layout``. matplotlib is imported when something is drawn.
"""

from __future__ import annotations

import io
import os
from functools import partial
from typing import TYPE_CHECKING, Any, Iterable, Mapping

import numpy as np

from npbp.files import replacing
from npbp.graph.backprop import listed, prune
from npbp.graph.pictures.layout import Layout, Node
from npbp.graph.variable import Variable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 200  # nodes; above that nobody could read the picture

# Blue and vermilion of Okabe and Ito's palette: colour-blind readers tell them apart.
COLOURS = {"forward": "#0072B2", "backward": "#D55E00", "pruned": "#A0A0A0"}
FILLS = {"forward": "#E3F1FA", "backward": "#FCEBDD", "pruned": "#F4F4F4"}


def draw(z: Variable, gradients: Any = None, path: str | os.PathLike | None = None) -> Figure:
    """Draw the graph of ``z``, and beside it the backward graph of its gradients.

    A box is a variable: its name, the operation that made it, and its shape (or its value,
    if it is a single number). Arrows go from inputs to results; where it matters which input
    is which, as in 1 - p, a small ①, ②, ... at its end says so. Constants are small. Nodes on
    no path from a target to z, which pruning leaves out, are grey.

    Parameters
    ----------
    z : Variable
    gradients : dict or list, optional
        What `general_back_propagation` returned (with ``insert=True``). The keys of a dict
        are the targets; of a list of variables, the targets are not known.
    path : path, optional
        Also write the picture to this file; its ending says the format (``.png``,
        ``.pdf``, ``.svg``; without one it is PNG). It is written whole or not at all.

    Returns
    -------
    matplotlib.figure.Figure
        As large as the picture needs. It shows itself in a notebook.

    Raises
    ------
    ValueError
        If there are more than 200 nodes (see `to_dot`), or the format is unknown.
    TypeError
        If z, a target or a gradient is not a variable.

    Examples
    --------
    >>> from npbp import graph
    >>> a = graph.Variable(1.5, name="a")
    >>> b = a + a
    >>> c = b * b
    >>> figure = graph.draw(c, graph.general_back_propagation([a], c))
    """
    nodes = _nodes(z, gradients, MOST)
    figure = _figure(nodes)
    figure._repr_png_ = partial(_saved, figure, "png")  # what a notebook asks for
    if path is not None:
        ending = os.path.splitext(os.fspath(path))[1][1:].lower() or "png"
        picture = _saved(figure, ending)
        with replacing(path) as temporary:
            temporary.write_bytes(picture)
    return figure


def to_dot(z: Variable, gradients: Any = None) -> str:
    """The same picture as text for Graphviz (``dot -Tsvg``), of any size.

    Examples
    --------
    >>> from npbp import graph
    >>> x = graph.Variable(3.0, name="x")
    >>> print(graph.to_dot(x * x))
    digraph {
      rankdir=BT
      node [shape=box, style="rounded,filled", fontname="sans-serif"]
      n0 [label="x\\n= 3", color="#0072B2", fillcolor="#E3F1FA"]
      n1 [label="Multiply\\n= 9", color="#0072B2", fillcolor="#E3F1FA"]
      n0 -> n1 [color="#0072B2"]
      n0 -> n1 [color="#0072B2"]
    }
    """
    nodes = _nodes(z, gradients, None)
    number = {node: f"n{k}" for k, node in enumerate(nodes)}
    lines = [
        "digraph {",
        "  rankdir=BT",
        '  node [shape=box, style="rounded,filled", fontname="sans-serif"]',
    ]
    for node in nodes:
        label = "\\n".join(text.replace("\\", "\\\\").replace('"', '\\"') for text in node.text)
        look = f'label="{label}", color="{COLOURS[node.kind]}", fillcolor="{FILLS[node.kind]}"'
        if node.constant:
            look += ", fontsize=9, height=0.2, width=0.2, margin=0.04"
        if node.kind == "pruned":
            look += f', fontcolor="{COLOURS["pruned"]}"'
        if node.target:
            look += ", penwidth=3"
        lines.append(f"  {number[node]} [{look}]")
    for node in nodes:
        for i, x in enumerate(node.inputs, 1):
            colour = COLOURS["pruned" if x.kind == "pruned" else node.kind]
            which = f', headlabel="{i}"' if node.ordered else ""
            # Backward runs downward, beside what it is the gradient of.
            back = "" if not (x.backward and node.backward) else ", constraint=false"
            lines.append(f'  {number[x]} -> {number[node]} [color="{colour}"{which}{back}]')
    return "\n".join([*lines, "}"])


def notebook_svg(variable: Variable) -> str | None:
    """The graph of a variable for a notebook; None if it is too large, or a leaf."""
    if variable.op is None:
        return None
    try:
        figure = _figure(_nodes(variable, None, 60), repr(variable))
    except ValueError:
        return None
    svg = _saved(figure, "svg").decode()
    return svg[svg.index("<svg") :]


Variable._repr_svg_ = notebook_svg  # what a notebook asks for; None: it prints the repr


# ---- what there is to draw


def _nodes(z: Variable, gradients: Any, most: int | None) -> list[Node]:
    """The nodes in an order in which each comes after its inputs."""
    names, targets, made = {}, [], []
    if isinstance(gradients, Mapping):
        targets, made = list(gradients), list(gradients.values())
        for V, G in gradients.items():
            if getattr(V, "name", None):
                name = f"d{z.name or 'z'}/d{V.name}"
                names[G] = f"{names[G]}, {name}" if G in names else name
    elif gradients is not None:
        made = listed("gradients", gradients)
    for V in (z, *targets, *made):
        if type(V) is not Variable:
            raise TypeError(
                f"draw: got {type(V).__name__}, wanted a Variable: gradients made with "
                "insert=False are plain arrays, which no graph leads to"
            )
    forward = _ancestors([z], set(), most)
    backward = _ancestors(made, forward, most)
    on_a_path = set(prune(targets, z).order) if targets else forward
    chosen = set(targets)
    nodes: dict[Any, Node] = {}
    for V in sorted(forward | backward, key=lambda V: V.index):
        kind = "backward" if V in backward else "forward" if V in on_a_path else "pruned"
        name = V.name or names.get(V)
        if kind == "backward" and V.op is None and not name:
            name = "upstream"
        nodes[V] = node = Node(_text(V, name), kind, V.index)
        node.target = V in chosen
        node.ordered = order_matters(V)
        for i, x in enumerate(V.inputs):
            if type(x) is Variable:
                node.inputs.append(nodes[x])
            else:
                small = Node([_constant(x)], kind, V.index, constant=True)
                nodes[V, i] = small
                node.inputs.append(small)
    if most and len(nodes) > most:
        raise ValueError(_too_many(len(nodes), most))
    order = list(nodes.values())
    order.sort(key=lambda node: (node.index, not node.constant))
    return order


# What gives the same for its inputs in another order.
COMMUTING = {
    "Add", "Multiply", "Maximum", "Minimum", "Fmax", "Fmin", "Hypot", "LogAddExp", "LogAddExp2",
    "equal", "not_equal", "logical_and", "logical_or", "logical_xor",
    "bitwise_and", "bitwise_or", "bitwise_xor",
}  # fmt: skip


def order_matters(V: Variable) -> bool:
    """Whether the picture must say which input of the operation that made ``V`` is which."""
    if len(V.inputs) < 2 or all(x is V.inputs[0] for x in V.inputs):
        return False
    ours = type(V.op).__module__.startswith("npbp.graph.")
    return not (ours and V.op.name in COMMUTING)


def _ancestors(ends: Iterable[Variable], known: set, most: int | None) -> set[Variable]:
    """``ends`` and all that they were made of, without what is ``known`` already."""
    found = {V for V in ends if V not in known}
    stack = list(found)
    while stack:
        for x in stack.pop().inputs:
            if type(x) is Variable and x not in found and x not in known:
                found.add(x)
                stack.append(x)
        if most and len(found) > most:
            raise ValueError(_too_many(f"more than {most}", most))
    return found


def _too_many(number: Any, most: int) -> str:
    return (
        f"draw: got a graph of {number} nodes, wanted at most {most}, as nobody could read it: "
        "write to_dot(z, gradients) to a file and let Graphviz draw it, or draw a part"
    )


def _text(V: Variable, name: str | None) -> list[str]:
    """Name or operation, and below it the operation and the shape."""
    size = f"= {V.value:.4g}" if V.ndim == 0 and V.dtype.kind == "f" else (
        f"= {V.value}" if V.ndim == 0 else str(V.shape)
    )
    op = V.op.name if V.op is not None else ""
    if not name:
        return [op, size] if op else [size]
    name = " ".join(str(name).split())
    return [name, f"{op} {size}".strip()]


def _constant(x: Any) -> str:
    if isinstance(x, (bool, np.bool_)) or not isinstance(x, (int, float, np.generic, np.ndarray)):
        return str(x) if isinstance(x, (bool, np.bool_)) else type(x).__name__
    return f"{x:.4g}" if np.ndim(x) == 0 else str(np.shape(x))


# ---- ink


def _figure(nodes: list[Node], caption: str = "") -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path

    figure = Figure(dpi=150)
    renderer = FigureCanvasAgg(figure).get_renderer()
    layout = Layout(nodes)
    flat = layout.depth > 8  # a deep graph has one line in a box
    height, pitch = (0.27, 0.53) if flat else (0.46, 0.9)
    labels = {node: _label(node, flat, renderer) for node in nodes}
    for node in nodes:
        right = max(x + width / 2 for x, _, width, *_ in labels[node])
        node.width = 2 * right + (0.12 if node.constant else 0.22)
        if node.ordered:  # the numbers of its inputs need room
            node.port_gap = 0.3
            node.width = max(node.width, 1.2 * node.port_gap * len(node.inputs))
        node.height = 0.2 if node.constant else height
    layout.place(pitch)

    two = len(layout.columns) == 2
    caption_lines = caption.split("\n")[:6] if caption else []
    right = max([right for _, right in layout.columns.values()] + [
        0.085 * len(line) for line in caption_lines
    ])
    margin = 0.3
    top = (layout.depth - 1) * pitch + height / 2 + margin + (0.45 if two else 0)
    bottom = -height / 2 - margin - 0.2 * len(caption_lines)
    figure.set_size_inches(right + 2 * margin, top - bottom)
    axes = figure.add_axes([0, 0, 1, 1])
    axes.set(xlim=(-margin, right + margin), ylim=(bottom, top))
    axes.axis("off")

    def write(x: float, y: float, text: str, **look: Any) -> None:
        axes.text(x, y, text.replace("$", r"\$"), **look)

    if two:
        for backward, text in ((False, "forward ↑"), (True, "backward, inserted ↓")):
            colour = COLOURS["backward" if backward else "forward"]
            middle = sum(layout.columns[backward]) / 2
            write(middle, top - 0.35, text, ha="center", va="center", color=colour, fontsize=13)
    for k, line in enumerate(caption_lines):
        write(0, -height / 2 - 0.3 - 0.2 * k, line, fontsize=9, family="monospace")

    gap = layout.columns[False][1] + 0.1, layout.columns.get(True, (0,))[0] - 0.1
    for i, node, points, across in layout.lines():
        x = node.inputs[i]
        line = _corners(points, *gap) if across else _smooth(points)
        colour = COLOURS["pruned" if x.kind == "pruned" else x.kind if across else node.kind]
        if node.ordered:
            write(*_beside(points, across, node), _circled(i + 1), ha="center", va="center_baseline",
                  color=colour, fontsize=9, zorder=5)
        axes.add_patch(FancyArrowPatch(
            path=Path(*line), arrowstyle="-|>", mutation_scale=8, capstyle="butt",
            color=colour, linewidth=0.8 if across else 1.1, alpha=0.65 if across else 1,
            joinstyle="miter", zorder=1 if across else 2,
        ))
    for node in nodes:
        rounding = node.height / 2 if not node.inputs else 0.05
        axes.add_patch(FancyBboxPatch(
            (node.x - node.width / 2, node.y - node.height / 2), node.width, node.height,
            boxstyle=f"round,pad=0,rounding_size={rounding}", edgecolor=COLOURS[node.kind],
            facecolor="white" if node.constant else FILLS[node.kind], zorder=3,
            linewidth=0.6 if node.constant else 2.4 if node.target else 1.1,
        ))
        colour = COLOURS["pruned"] if node.kind == "pruned" else "black"
        for x, y, _, text, font in labels[node]:
            write(node.x + x, node.y + y, text, ha="center", va="center_baseline", color=colour,
                  fontproperties=font, zorder=4)
    return figure


def _label(node: Node, flat: bool, renderer: Any) -> list[tuple]:
    """``(x, y, width, text, font)`` of each line in a box, from its middle."""
    from matplotlib.font_manager import FontProperties

    label = []
    for k, text in enumerate(node.text):
        text = text if len(text) <= 32 else f"{text[:31]}…"
        bold = k == 0 and len(node.text) > 1
        size = 8 if node.constant else 9 if k else 10.5
        font = FontProperties(size=size, weight="bold" if bold else "normal")
        width = renderer.get_text_width_height_descent(text, font, False)[0] / 150
        label.append((0.0, 0.0, width, text, font))
    if len(label) == 2:
        (_, _, a, *first), (_, _, b, *second) = label
        if flat:  # side by side
            space = 0.08
            label = [(-(b + space) / 2, 0.0, a, *first), ((a + space) / 2, 0.0, b, *second)]
        else:
            label = [(0.0, 0.1, a, *first), (0.0, -0.1, b, *second)]
    return label


def _beside(points: list, across: bool, node: Node) -> tuple[float, float]:
    """Where the number of an input goes: beside the end of its arrow, away from other lines."""
    (x0, y0), (x, y) = points[-2:]
    if across and x0 != x:  # it comes from the left
        return x - 0.15, y + 0.075
    inward = -1 if x > node.x + 0.01 else 1
    return x + 0.075 * inward, y + (0.07 if y0 > y else -0.08)


def _circled(k: int) -> str:
    return chr(ord("①") + k - 1) if k <= 10 else f"({k})"


def _smooth(points: list) -> tuple[list, list]:
    """A curve that goes upright through each of ``points``, for matplotlib's Path."""
    from matplotlib.path import Path

    vertices = points[:1]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        vertices += [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x1, y1)]
    return vertices, [Path.MOVETO] + [Path.CURVE4] * (len(vertices) - 1)


def _corners(points: list, left: float, right: float) -> tuple[list, list]:
    """A line level and upright, that changes its height between ``left`` and ``right``."""
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    if points[0][0] == points[1][0]:  # it goes up first, over the boxes beside it
        x, y = points[1]
        vertices += [(x, y), (x + 0.08, y)]
        codes += [Path.CURVE3] * 2
        points = points[1:]
    (_, y0), (x, y1), *end = points
    middle = (left + right) / 2
    vertices += [(left, y0), (middle, y0), (middle, y1), (right, y1)]
    codes += [Path.LINETO] + [Path.CURVE4] * 3
    if end:  # and comes down to its box last
        vertices += [(x - 0.08, y1), (x, y1), (x, y1 - 0.05)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    vertices.append(end[0] if end else (x, y1))
    codes.append(Path.LINETO)
    return vertices, codes


def _saved(figure: Figure, ending: str) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=ending)
    return stream.getvalue()
