"""Pictures of graphs: what is in them, and that it can be read."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from npbp import Linear, ReLU, SoftmaxCrossEntropyLoss, graph
from npbp.graph.pictures.layout import Layout

FORWARD, BACKWARD, PRUNED = "#0072B2", "#D55E00", "#A0A0A0"


def doubled():
    a = graph.Variable(1.5, name="a")
    b = a + a
    b.name = "b"
    c = b * b
    c.name = "c"
    return c, graph.general_back_propagation([a, b], c)


def network(depth):
    """Layers of NumPy's functions, softmax and cross-entropy."""
    rng = np.random.default_rng(0)
    h, targets = graph.Variable(rng.standard_normal((5, 4)), name="x"), []
    for k in range(depth):
        W = graph.Variable(rng.standard_normal((4, 4)), name=f"W{k}")
        b = graph.Variable(np.zeros(4), name=f"b{k}")
        h = h @ W + b
        if k < depth - 1:
            h = np.maximum(h, 0)
        targets += [W, b]
    log_p = h - np.log(np.sum(np.exp(h), axis=1, keepdims=True))
    loss = -np.sum(log_p * np.eye(5, 4)) / 5
    loss.name = "loss"
    return loss, graph.general_back_propagation(targets, loss)


def layers():
    rng = np.random.default_rng(0)
    layer, relu = Linear(4, 4, rng), ReLU()
    x = graph.Variable(rng.standard_normal((5, 4)), name="x")
    h = graph.apply(relu, graph.apply(layer, x))
    z = graph.apply(SoftmaxCrossEntropyLoss(), h + graph.apply(layer, h), np.arange(5) % 4)
    return z, graph.general_back_propagation([x, *graph.parameters(layer).values()], z)


def many_inputs():
    xs = [graph.Variable(float(k), name=f"x{k}") for k in range(9)]
    z = sum((x * x for x in xs), graph.Variable(0.0))
    return z, graph.general_back_propagation(xs[:5], z)


def recurrence():
    x = y = graph.Variable(0.5, name="x")
    for _ in range(11):
        y = y * 0.999 + x
    return y, graph.general_back_propagation([x], y)


PICTURES = {
    "b = a + a; c = b * b": doubled,
    "a layer": lambda: network(1),
    "two layers": lambda: network(2),
    "layers through the bridge": layers,
    "many inputs": many_inputs,
    "a recurrence": recurrence,
    "forward only": lambda: (doubled()[0], None),
    "one node": lambda: (graph.Variable(2.0), None),
}
every_picture = pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def boxes(figure):
    return [p for p in figure.axes[0].patches if isinstance(p, FancyBboxPatch)]


def arrows(figure):
    return [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]


def rectangle(box):
    return box.get_x(), box.get_y(), box.get_x() + box.get_width(), box.get_y() + box.get_height()


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


# ---- it can be read


@every_picture
def test_no_boxes_and_no_labels_overlap(make):
    figure = graph.draw(*make())
    for a, b in itertools.combinations(map(rectangle, boxes(figure)), 2):
        assert not overlap(a, b)
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    places = [text.get_window_extent(renderer).extents for text in figure.axes[0].texts]
    for a, b in itertools.combinations(places, 2):
        assert not overlap(a, b)


@every_picture
def test_every_label_is_within_the_picture_and_large_enough(make):
    figure = graph.draw(*make())
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    for text in figure.axes[0].texts:
        left, bottom, right, top = text.get_window_extent(renderer).extents
        assert left >= 0 and bottom >= 0
        assert right <= figure.bbox.width and top <= figure.bbox.height
        assert text.get_fontsize() >= 8


@every_picture
def test_no_line_passes_behind_a_box_that_it_does_not_touch(make):
    figure = graph.draw(*make())
    rectangles = [rectangle(box) for box in boxes(figure)]
    for arrow in arrows(figure):
        points = arrow._path_original.interpolated(1).to_polygons(closed_only=False)[0]
        points = np.concatenate([
            np.linspace(a, b, 12) for a, b in zip(points[:-1], points[1:])
        ])  # fmt: skip
        ends = points[[0, -1]]
        for left, bottom, right, top in rectangles:
            own = ((ends[:, 0] > left - 0.01) & (ends[:, 0] < right + 0.01)
                   & (ends[:, 1] > bottom - 0.01) & (ends[:, 1] < top + 0.01)).any()  # fmt: skip
            inside = (points[:, 0] > left) & (points[:, 0] < right)
            inside &= (points[:, 1] > bottom + 0.01) & (points[:, 1] < top - 0.01)
            assert own or not inside.any()


@every_picture
def test_forward_runs_upward_on_the_left_and_backward_downward_on_the_right(make):
    import importlib

    z, gradients = make()
    nodes = importlib.import_module("npbp.graph.pictures.draw")._nodes(z, gradients, 200)
    for node in nodes:
        node.width, node.height = 1.0, 0.2
    Layout(nodes).place(0.5)
    ahead = [node.x for node in nodes if not node.backward]
    assert all(node.x > max(ahead) for node in nodes if node.backward)
    for node in nodes:
        for x in node.inputs:
            if x.backward == node.backward:
                assert (x.y > node.y) == node.backward and x.y != node.y


def test_the_layout_has_no_crossing_where_none_is_needed():
    """A tree, whose leaves were made in another order than they are used."""
    row = [graph.Variable(float(k)) for k in range(8)]
    row = [row[k] for k in (3, 6, 0, 5, 7, 2, 1, 4)]
    while len(row) > 1:
        row = [a * b for a, b in zip(row[::2], row[1::2])]
    figure = graph.draw(row[0])
    lines = []
    for arrow in arrows(figure):
        points = arrow._path_original.interpolated(1).to_polygons(closed_only=False)[0]
        lines += list(zip(points[:-1], points[1:]))

    def side(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    for (a, b), (c, d) in itertools.combinations(lines, 2):
        apart = side(a, b, c) * side(a, b, d) > -1e-12 or side(c, d, a) * side(c, d, b) > -1e-12
        assert apart


# ---- what is in it


def test_names_operations_shapes_and_values_are_in_it():
    found = words(graph.draw(*doubled()))
    for text in ("a", "b", "c", "= 1.5", "Add = 3", "Multiply = 9", "dc/db", "dc/da", "Add = 12",
                 "upstream", "forward ↑", "backward, inserted ↓"):  # fmt: skip
        assert text in found
    found = words(graph.draw(*network(1)))
    for text in ("Matmul", "(5, 4)", "W0", "(4, 4)", "dloss/dW0", "Matmul (4, 4)"):
        assert text in found


def test_each_node_is_a_box_and_each_input_an_arrow():
    z, gradients = doubled()
    figure = graph.draw(z, gradients)
    # a, b, c; 1, two products, their sum, the sum of that with itself.
    assert len(boxes(figure)) == 3 + 5
    assert len(arrows(figure)) == 2 + 2 + 4 + 2 + 2


def colour_of(patch):
    from matplotlib.colors import to_hex

    return to_hex(patch.get_edgecolor()).upper()


def test_backward_has_a_second_colour():
    figure = graph.draw(*doubled())
    assert sorted(map(colour_of, boxes(figure))) == sorted([FORWARD] * 3 + [BACKWARD] * 5)
    assert {colour_of(box) for box in boxes(graph.draw(doubled()[0]))} == {FORWARD}


def grey_labels(figure):
    from matplotlib.colors import to_hex

    return {t.get_text() for t in figure.axes[0].texts if to_hex(t.get_color()).upper() == PRUNED}


def test_what_pruning_removed_is_grey():
    a, b = graph.Variable(1.0, name="a"), graph.Variable(2.0, name="b")
    unused = np.exp(b)
    unused.name = "exp b"
    z = a * unused
    z.name = "z"
    figure = graph.draw(z, graph.general_back_propagation([a], z))
    assert grey_labels(figure) == {"b", "= 2", "exp b", "Exp = 7.389"}
    assert [colour_of(box) for box in boxes(figure)].count(PRUNED) == 2
    # Of a list, the targets are not known.
    assert not grey_labels(graph.draw(z, [graph.general_back_propagation([a], z)[a]]))
    assert not grey_labels(graph.draw(z))


def test_a_second_derivative_is_drawn_with_the_first_as_its_forward_graph():
    x = graph.Variable(2.0, name="x")
    first = graph.general_back_propagation([x], x * x * x)[x]
    second = graph.general_back_propagation([x], first)
    figure = graph.draw(first, second)
    assert "dz/dx" in words(figure)
    assert {FORWARD, BACKWARD} < {colour_of(box) for box in boxes(figure)}  # 1 is grey


def test_constants_are_small():
    x = graph.Variable(np.ones(3))
    figure = graph.draw(x * 2.5 + np.arange(3.0))
    assert {"2.5", "(3,)"} <= set(words(figure))
    small = [box for box in boxes(figure) if box.get_height() < 0.25]
    assert len(small) == 2 < len(boxes(figure))


def test_one_gradient_for_two_targets_has_both_names():
    a, b = graph.Variable(1.0, name="a"), graph.Variable(2.0, name="b")
    z = a + b
    assert "dz/da, dz/db" in words(graph.draw(z, graph.general_back_propagation([a, b], z)))


@pytest.mark.parametrize("name", ["$x", "$a$ b $", "x\ny", 'a "b" \\ {c}', "θ", "n" * 100])
def test_any_name_can_be_drawn(name):
    x = graph.Variable(2.0, name=name)
    figure = graph.draw(x * x)
    figure.canvas.draw()
    assert len(boxes(figure)) == 2
    assert all(box.get_width() < 4 for box in boxes(figure))


# ---- which input is which

P, Q = graph.Variable(0.25, name="p"), graph.Variable(2.0, name="q")
A, B = graph.Variable(np.eye(2, 3), name="A"), graph.Variable(np.eye(3, 2), name="B")
K = graph.Variable(np.array([1, 0]), name="k")
ORDERED = [
    (lambda: 1 - P, ["1", "p"]), (lambda: P - 1, ["p", "1"]),
    (lambda: P - Q, ["p", "q"]), (lambda: Q - P, ["q", "p"]),
    (lambda: 1 / P, ["1", "p"]), (lambda: P / 1, ["p", "1"]), (lambda: Q / P, ["q", "p"]),
    (lambda: 2**P, ["2", "p"]), (lambda: P**2, ["p", "2"]), (lambda: Q**P, ["q", "p"]),
    (lambda: A @ B, ["A", "B"]), (lambda: B @ A, ["B", "A"]),
    (lambda: np.eye(4, 2) @ A, ["(4, 2)", "A"]), (lambda: A @ np.eye(3, 4), ["A", "(3, 4)"]),
    (lambda: np.where(K, P, Q), ["k", "p", "q"]), (lambda: np.where(K, Q, P), ["k", "q", "p"]),
    (lambda: np.where(K, Q, 0.5), ["k", "q", "0.5"]),
    (lambda: A[K], ["A", "k"]), (lambda: np.concatenate([B, A.value.T]), ["B", "(3, 2)"]),
    (lambda: P > 1, ["p", "1"]), (lambda: P < Q, ["p", "q"]),
    (lambda: P + 1, None), (lambda: Q * P, None), (lambda: np.maximum(P, 1), None),
    (lambda: P - P, None), (lambda: np.sum(A), None), (lambda: P == Q, None),
]  # fmt: skip


def numbered(figure):
    """The names of the boxes that the numbered arrows come from, in the order of the numbers."""
    circled = [t for t in figure.axes[0].texts if "①" <= t.get_text()[0] <= "⑩"]
    circled.sort(key=lambda text: text.get_text())
    names = []
    for text in circled:
        def distance(arrow):
            return np.hypot(*(arrow._path_original.vertices[-1] - text.get_position()))

        start = min(arrows(figure), key=distance)._path_original.vertices[0]
        left, bottom, right, top = min(
            map(rectangle, boxes(figure)),
            key=lambda r: max(r[0] - start[0], start[0] - r[2], 0)
            + max(r[1] - start[1], start[1] - r[3], 0),
        )
        inside = [
            t.get_text() for t in figure.axes[0].texts
            if left < t.get_position()[0] < right and bottom < t.get_position()[1] < top
        ]  # fmt: skip
        names.append(inside[0])
    return names


@pytest.mark.parametrize("make, names", ORDERED)
def test_the_picture_tells_which_input_is_which_where_it_matters(make, names):
    y = make()
    assert numbered(graph.draw(y)) == (names or [])
    text = graph.to_dot(y)
    labels = dict(re.findall(r'^  (n\d+) \[label="([^\\"]*)', text, re.M))
    found = re.findall(r'^  (n\d+) -> n\d+ \[.*headlabel="(\d+)"', text, re.M)
    assert [labels[n] for n, i in sorted(found, key=lambda pair: int(pair[1]))] == (names or [])


def test_an_operation_of_ones_own_may_not_commute():
    class Add(graph.Operation):
        def forward(self, X, Y):
            return X + 2 * Y

    assert numbered(graph.draw(Add()(Q, P))) == ["q", "p"]


def test_in_the_backward_graph_inputs_are_numbered_too():
    z = P / Q
    figure = graph.draw(z, graph.general_back_propagation([P, Q], z))
    assert words(figure).count("①") == words(figure).count("②") == 3  # z, G / B and -G Y / B
    places = [t.get_window_extent().extents for t in figure.axes[0].texts]
    for a, b in itertools.combinations(places, 2):
        assert not overlap(a, b)


@pytest.mark.parametrize("make", [
    lambda a, b: np.tanh(a) @ b, lambda a, b: a @ np.tanh(b), lambda a, b: a - np.tanh(b),
    lambda a, b: np.tanh(b) - a,
])  # fmt: skip
def test_the_first_input_stands_to_the_left_where_no_crossing_comes_of_it(make):
    a, b = graph.Variable(np.ones((3, 3)), name="a"), graph.Variable(np.ones((3, 3)), name="b")
    y = make(a, b)
    figure = graph.draw(y)
    names = numbered(figure)
    place = {t.get_text(): t.get_position()[0] for t in figure.axes[0].texts}
    assert len(names) == 2 and place[names[0]] < place[names[1]]


# ---- files and limits


@pytest.mark.parametrize(
    "name, start",
    [("g.png", b"\x89PNG"), ("g.PDF", b"%PDF"), ("g.svg", b"<?xml"), ("g", b"\x89PNG")],
)
def test_the_ending_of_the_path_says_the_format(tmp_path, name, start):
    graph.draw(*doubled(), path=tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [name], "nothing is left beside it"


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "g.wrong").write_text("old")
    with pytest.raises(ValueError, match="wrong"):
        graph.draw(doubled()[0], path=tmp_path / "g.wrong")
    assert (tmp_path / "g.wrong").read_text() == "old"
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OSError):
        graph.draw(doubled()[0], path=tmp_path / "folder.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.png", "g.wrong"]


@pytest.mark.parametrize("n", [250, 100_000])
def test_a_graph_too_large_to_read_is_an_error_that_points_to_to_dot(n):
    x = y = graph.Variable(1.0)
    for _ in range(n):
        y = y + x
    with pytest.raises(ValueError, match="wanted at most 200, .* to_dot"):
        graph.draw(y)


def test_two_hundred_nodes_are_drawn():
    y = graph.Variable(1.0)
    for _ in range(199):
        y = -y
    assert len(boxes(graph.draw(y))) == 200


def test_what_is_no_variable_is_an_error():
    z, _ = doubled()
    with pytest.raises(TypeError, match="draw: got float, wanted a Variable"):
        graph.draw(1.0)
    a = z.inputs[0].inputs[0]
    with pytest.raises(TypeError, match="insert=False are plain arrays"):
        graph.draw(z, graph.general_back_propagation([a], z, insert=False))
    for gradients in ({"a": a}, {a: None}, [None], {3: a}):
        with pytest.raises(TypeError, match="draw: got (str|NoneType|int), wanted a Variable"):
            graph.draw(z, gradients)
    with pytest.raises(TypeError, match="got one Variable as gradients, wanted a list"):
        graph.draw(z, a)


def test_nothing_of_the_graph_is_changed_by_drawing_it():
    z, gradients = doubled()
    before = [(V.name, V.value, V.inputs) for V in (z, *gradients, *gradients.values())]
    graph.draw(z, gradients)
    graph.to_dot(z, gradients)
    after = [(V.name, V.value, V.inputs) for V in (z, *gradients, *gradients.values())]
    assert all(a[0] == b[0] and a[1] is b[1] and a[2] is b[2] for a, b in zip(before, after))


def test_it_needs_no_display_and_no_pyplot():
    code = (
        "import sys; from npbp import graph; assert 'matplotlib' not in sys.modules;"
        "x = graph.Variable(2.0); figure = graph.draw(x * x); figure._repr_png_();"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- Graphviz


def test_to_dot_has_the_same_content():
    text = graph.to_dot(*doubled())
    assert text.startswith("digraph {") and text.endswith("}")
    assert len(re.findall(r"^  n\d+ \[", text, re.M)) == 8
    assert len(re.findall(r"^  n\d+ -> n\d+ ", text, re.M)) == 12
    for word in ('label="a\\n= 1.5"', 'label="b\\nAdd = 3"', 'label="dc/da\\nAdd = 12"'):
        assert word in text
    assert text.count(f'color="{BACKWARD}", fill') == 5
    assert text.count(f'color="{FORWARD}", fill') == 3


def test_to_dot_draws_what_pruning_removed_in_grey():
    a, b = graph.Variable(1.0, name="a"), graph.Variable(2.0, name="b")
    z = a * b
    text = graph.to_dot(z, graph.general_back_propagation([a], z))
    assert re.search(f'label="b.*color="{PRUNED}"', text)
    assert not re.search(f'label="a.*color="{PRUNED}"', text)


def test_to_dot_escapes_names():
    x = graph.Variable(2.0, name='say "hi" \\ and\nleave')
    assert 'label="say \\"hi\\" \\\\ and leave\\n= 2"' in graph.to_dot(x)


def test_to_dot_takes_large_graphs_and_is_the_same_each_time():
    def text():
        y = graph.Variable(1.0)
        for _ in range(3000):
            y = y * 0.5
        return graph.to_dot(y)

    one = text()
    assert one.count(" -> ") == 6000 and one == text()


# ---- notebooks


def test_a_variable_shows_its_graph_in_a_notebook():
    z, _ = doubled()
    svg = z._repr_svg_()
    assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>")


def test_a_leaf_and_a_large_graph_show_as_text_in_a_notebook():
    y = graph.Variable(1.0)
    assert y._repr_svg_() is None
    for _ in range(100):
        y = -y
    assert y._repr_svg_() is None


def test_a_figure_shows_itself_in_a_notebook():
    assert graph.draw(*doubled())._repr_png_().startswith(b"\x89PNG")


def test_a_picture_goes_through_a_link_and_a_folder_that_is_not_there_is_named(tmp_path):
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    graph.draw(doubled()[0], path=tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(FileNotFoundError) as caught:
        graph.draw(doubled()[0], path=tmp_path / "none" / "g.png")
    assert caught.value.filename == str(tmp_path / "none")
