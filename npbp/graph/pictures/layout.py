"""Where the boxes and lines of a picture go; all lengths are in inches.

The forward graph runs upward on the left, the backward graph downward on the right. Each is
laid out after Sugiyama, Tagawa, Toda, Methods for visual understanding of hierarchical
system structures, 1981: a level for each node, an order within each level that has few
crossings, and then the x coordinates.
"""

from __future__ import annotations

from typing import Any, Iterator

SIDE_GAP = 0.28  # between two boxes of a level
MIDDLE_GAP = 0.8  # between the two graphs
ABOVE = 0.11  # a line that passes over boxes stays so far away from them


class Node:
    """A box of the picture: a variable, or a constant that an operation was given."""

    def __init__(self, text: list[str], kind: str, index: int, constant: bool = False) -> None:
        self.text, self.kind, self.index, self.constant = text, kind, index, constant
        self.backward = kind == "backward"
        self.target = False
        self.inputs: list[Node] = []
        self.ordered = False  # whether it matters which input is which
        self.port_gap = 0.16  # between the ends of two arrows
        self.level = 0  # 0 is the top
        self.x = self.y = self.width = self.height = 0.0


class Bend:
    """Where a line passes through a level between its ends."""

    width, constant = 0.12, False

    def __init__(self, level: int) -> None:
        self.level, self.x, self.y = level, 0.0, 0.0


class Layout:
    """Sets the places of ``nodes``, which come each after its inputs.

    Attributes
    ----------
    depth : int
        The number of levels.
    columns : dict
        Left and right end of the forward graph (False) and of the backward graph (True).
    """

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        _set_levels(nodes)
        self.depth = 1 + max(node.level for node in nodes)
        self.columns: dict[bool, tuple[float, float]] = {}
        self.bends: dict[tuple[Node, int], list[Bend]] = {}

    def place(self, pitch: float) -> None:
        """Set x and y; the widths are known, ``pitch`` is the distance of two levels."""
        left = 0.0
        for backward in (False, True):
            column = [node for node in self.nodes if node.backward == backward]
            if column:
                right = _set_x(column, left, self.bends)
                self.columns[backward] = left, right
                left = right + MIDDLE_GAP
        for item in [*self.nodes, *(bend for way in self.bends.values() for bend in way)]:
            item.y = (self.depth - 1 - item.level) * pitch

    def lines(self) -> Iterator[tuple[int, Node, list, bool]]:
        """``(i, node, points, across)`` of the line from the i-th input of each node to it.

        ``across`` says that it goes from the forward graph to the backward one.

        A line within one of the graphs is a smooth one through its points; one across
        goes level and upright from point to point, so that it passes over other boxes.
        """
        outermost: dict = {}  # the rightmost forward box, the leftmost backward box of a level
        for node in self.nodes:
            end = outermost.setdefault((node.backward, node.level), node)
            if (node.x < end.x) == node.backward:
                outermost[node.backward, node.level] = node
        used: dict = {}  # how many lines pass over a level

        def over(node: Node) -> float:
            """The height of one more line that passes over the level of ``node``."""
            key = node.backward, node.level
            used[key] = used.get(key, -1) + 1
            return node.y + node.height / 2 + ABOVE + 0.045 * min(used[key], 3)

        leaves: dict[Node, list] = {}  # the first points of the lines across from a box
        for x in sorted(self._used_across(), key=lambda x: -x.x):
            if outermost[False, x.level] is x:
                leaves[x] = [(x.x + x.width / 2, x.y)]
            else:
                start, height = x.x + x.width / 2 - 0.1, over(x)
                leaves[x] = [(start, x.y + x.height / 2), (start, height)]
        for node in sorted(self.nodes, key=lambda node: node.x):
            across = [i for i, x in enumerate(node.inputs) if x.backward != node.backward]
            from_left = across if outermost[node.backward, node.level] is node else []
            for k, i in enumerate(from_left):
                apart = 0.17 if node.ordered else 0.1  # room for numbers
                height = node.y - (k - (len(from_left) - 1) / 2) * apart
                points = [*leaves[node.inputs[i]], (node.x - node.width / 2, height)]
                yield i, node, points, True
            # The others end side by side, so that a + a has two: those across first.
            ports = [i for i in range(len(node.inputs)) if i not in from_left]
            ports.sort(key=lambda i: -1e9 if i in across else self._way(node, i)[-2].x)
            for k, i in enumerate(ports):
                x = node.inputs[i]
                step = min(node.port_gap, node.width / len(ports) / 1.2)
                end = node.x + (k - (len(ports) - 1) / 2) * step
                if i in across:
                    top = node.y + node.height / 2
                    yield i, node, [*leaves[x], (end, over(node)), (end, top)], True
                else:
                    up = 1 if node.y > x.y else -1
                    points = [(x.x, x.y + up * x.height / 2)]
                    for bend in self.bends[node, i]:  # upright past the boxes beside it
                        half = up * node.height / 2
                        points += [(bend.x, bend.y - half), (bend.x, bend.y + half)]
                    points.append((end, node.y - up * node.height / 2))
                    yield i, node, points, False

    def _way(self, node: Node, i: int) -> list:
        return [node.inputs[i], *self.bends[node, i], node]

    def _used_across(self) -> set[Node]:
        return {x for node in self.nodes for x in node.inputs if x.backward != node.backward}


def _set_levels(nodes: list[Node]) -> None:
    """The level of each node, from the top down."""
    ahead = [node for node in nodes if not node.backward]
    back = [node for node in nodes if node.backward]
    # Backward: the longest way from the top. What the chain rule does not lead to, such as
    # a mask, stands just above its first use.
    led = set()
    for node in back:
        above = [x for x in node.inputs if x.backward and not x.constant]
        node.level = 1 + max((x.level for x in above), default=-1)
        if not node.constant and (not node.inputs or any(x in led for x in above)):
            led.add(node)
    first_use: dict[Node, int] = {}
    for node in reversed(back):
        if node not in led and node in first_use:
            node.level = first_use[node] - 1
        for x in node.inputs:
            first_use[x] = min(first_use.get(x, node.level), node.level)
    # Forward: below what is made of it, and not above the first gradient that is made with it.
    below: dict[Node, int] = {}
    for node in reversed(ahead):
        node.level = max(below.get(node, 0), first_use.get(node, 0))
        for x in node.inputs:
            below[x] = max(below.get(x, 0), node.level + 1)
    top = min(node.level for node in nodes)
    for node in nodes:
        node.level -= top


def _set_x(nodes: list[Node], left: float, bends: dict) -> float:
    """Set the x of ``nodes``, add the bends of their lines, return the right end of all."""
    levels: dict[int, list] = {}
    for node in nodes:
        levels.setdefault(node.level, []).append(node)
    beside: dict[Any, list] = {node: [] for node in nodes}
    passes: dict[tuple[Node, int], Bend] = {}  # lines from one box share their bends
    links = {}
    port: dict[tuple, float] = {}  # where a link meets a box, in parts of the box
    for node in nodes:
        for i, x in enumerate(node.inputs):
            if x in beside:
                step = 1 if node.level > x.level else -1
                between = range(x.level + step, node.level, step)
                bends[node, i] = [passes.setdefault((x, k), Bend(k)) for k in between]
                links.update(dict.fromkeys(zip([x, *bends[node, i]], [*bends[node, i], node])))
                if node.ordered:
                    n = len(node.inputs)
                    port[node, [x, *bends[node, i]][-1]] = (i - (n - 1) / 2) / (n + 1)
    for bend in passes.values():
        beside[bend] = []
        levels.setdefault(bend.level, []).append(bend)
    for a, b in links:
        beside[a].append(b)
        beside[b].append(a)
    rows = [levels[level] for level in sorted(levels)]
    _few_crossings(rows, beside, port)
    # The least sum of weight * (x_a - x_b)^2 over all links, a row at a time.
    for row in rows:
        _spread(row, [(0.0, 1.0)] * len(row))
    pull = {item: _pull(item, linked) for item, linked in beside.items()}
    weights = {
        item: [(other, min(pull[item], pull[other])) for other in linked]
        for item, linked in beside.items()
    }
    for sweep in range(200):
        for row in rows if sweep % 2 else reversed(rows):
            _spread(row, [_middle(item, weights[item]) for item in row])
    items = [item for row in rows for item in row]
    shift = left - min(item.x - item.width / 2 for item in items)
    for item in items:
        item.x += shift
    return max(item.x + item.width / 2 for item in items)


def _few_crossings(rows: list[list], beside: dict, port: dict) -> None:
    """Order each row by the mean position of what its items are linked to, back and forth."""
    best, fewest = [list(row) for row in rows], None
    for sweep in range(24):
        position = {item: k for row in rows for k, item in enumerate(row)}
        crossings = sum(_crossings(row, beside, position, port) for row in rows)
        if fewest is None or crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted = {
                item: _mean(
                    [
                        position[b] + port.get((b, item), 0.0)
                        for b in beside[item]
                        if (b.level < item.level) == down
                    ],
                    position[item],
                )
                for item in row
            }
            row.sort(key=wanted.__getitem__)
            position.update((item, k) for k, item in enumerate(row))
    for row, order in zip(rows, best):
        row[:] = order


def _crossings(row: list, beside: dict, position: dict, port: dict) -> int:
    """How many pairs of links between this row and the next one cross.

    Two inputs whose order matters cross before their box, if the first of them is on the right.
    """
    ends = []
    for a in row:
        below = [
            (port.get((a, b), 0.0), position[b] + port.get((b, a), 0.0))
            for b in beside[a]
            if b.level > a.level
        ]
        ends += [end for _, end in sorted(below)]
    return sum(a > b for k, a in enumerate(ends) for b in ends[k + 1 :])


def _pull(item: Any, linked: list) -> float:
    """How straight its links are to be: leaves make room, so that long chains are straight."""
    return 0.01 if item.constant else 0.1 if len(linked) < 2 else 1.0


def _middle(item: Any, weights: list) -> tuple[float, float]:
    """The mean x of what an item is linked to, and how much that weighs."""
    total = sum(weight for _, weight in weights)
    if not total:
        return item.x, 1e-6
    return sum(weight * other.x for other, weight in weights) / total, total


def _spread(row: list, wanted: list[tuple[float, float]]) -> None:
    """Put each item as near to its wanted x as can be without overlap, keeping the order.

    ``wanted`` are pairs (x, weight). Least squares: where neighbours would overlap, they
    move as one block to their mean.
    """
    offset, offsets = 0.0, []
    for k, item in enumerate(row):
        offset += (row[k - 1].width + item.width) / 2 + SIDE_GAP if k else 0.0
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []  # (mean, weight, size), from left to right
    for (x, weight), offset in zip(wanted, offsets):
        blocks.append((x - offset, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, v, m), (b, w, n) = blocks[-2:]
            blocks[-2:] = [((a * v + b * w) / (v + w), v + w, m + n)]
    starts = [mean for mean, _, size in blocks for _ in range(size)]
    for item, start, offset in zip(row, starts, offsets):
        item.x = start + offset


def _mean(numbers: list[float], default: float) -> float:
    return sum(numbers) / len(numbers) if numbers else default
