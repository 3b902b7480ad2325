"""The chart, looked at through matplotlib's own objects and the files it writes."""
from __future__ import annotations

import math
import os
import struct
import subprocess
import sys

import pytest

from npbp.plotting import CORRECT_COLOUR, LOSS_COLOUR, curves
from npbp.training import History

NAN = float("nan")


def history(epochs, validation=True):
    falling = [2.0 / (n + 1) for n in range(epochs)]
    rising = [1 - 0.5 / (n + 1) for n in range(epochs)]
    return History(loss=falling, correct=rising, seconds=[0.1] * epochs,
                   validation_loss=[x + 0.1 for x in falling] if validation else [],
                   validation_correct=[x - 0.1 for x in rising] if validation else [])


def png_size(path):
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:])


def test_loss_is_on_the_left_axis_and_correct_on_the_right():
    run = history(5)
    left, right = run.plot().axes
    assert left.get_ylabel() == "loss" and right.get_ylabel() == "fraction correct"
    assert left.yaxis.get_label_position() == "left"
    assert right.yaxis.get_label_position() == "right"
    assert left.get_xlabel() == "epoch"
    assert [list(line.get_ydata()) for line in left.lines] == [run.loss, run.validation_loss]
    assert [list(line.get_ydata()) for line in right.lines] == [
        run.correct, run.validation_correct]
    for line in [*left.lines, *right.lines]:
        assert list(line.get_xdata()) == [1, 2, 3, 4, 5]


def test_training_is_solid_and_validation_dashed_in_the_colour_of_the_axis():
    left, right = curves(history(5)).axes
    for axes, colour in ((left, LOSS_COLOUR), (right, CORRECT_COLOUR)):
        training, validation = axes.lines
        assert training.get_linestyle() == "-" and validation.get_linestyle() == "--"
        assert training.get_color() == validation.get_color() == colour
        assert axes.yaxis.label.get_color() == colour
    assert LOSS_COLOUR != CORRECT_COLOUR


def test_the_legend_names_all_lines_and_covers_none():
    figure = curves(history(5), title="digits")
    figure.draw_without_rendering()
    left = figure.axes[0]
    legend = left.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "training loss", "validation loss", "training fraction correct",
        "validation fraction correct"]
    box = legend.get_window_extent()
    assert box.y0 > left.get_window_extent().y1          # above the axes ...
    assert box.y1 < figure.bbox.y1                       # ... and inside of the picture
    assert figure.bbox.x0 < box.x0 and box.x1 < figure.bbox.x1
    assert figure._suptitle.get_text() == "digits"
    assert figure._suptitle.get_window_extent().y0 > box.y1


def test_without_validation_there_are_two_lines():
    figure = curves(history(5, validation=False))
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]
    assert len(figure.axes[0].get_legend().get_texts()) == 2


@pytest.mark.parametrize("epochs", [1, 2, 7, 40, 300])
def test_epochs_are_ticked_at_whole_numbers(epochs):
    figure = curves(history(epochs))
    figure.draw_without_rendering()
    left = figure.axes[0]
    low, high = left.get_xlim()
    ticks = [tick for tick in left.get_xticks() if low <= tick <= high]
    assert ticks and all(tick == int(tick) for tick in ticks)


def test_one_epoch_is_drawn_with_markers_full_for_training_and_hollow_for_validation():
    for axes in curves(history(1)).axes:
        assert all(line.get_marker() == "o" for line in axes.lines)
        training, validation = axes.lines
        assert training.get_markerfacecolor() != validation.get_markerfacecolor() == "white"


def test_every_point_lies_inside_of_the_axes():
    for run in (history(1), history(9), History(loss=[0.0], correct=[1.0])):
        for axes in curves(run).axes:
            low, high = axes.get_ylim()
            assert low < high
            assert all(low <= y < high for line in axes.lines for y in line.get_ydata())


@pytest.mark.parametrize("losses", [
    [-1.0], [-1.0, -2.5], [0.5, -0.5, -1.5], [-3.0] * 4, [0.0] * 3, [2.0] * 3, [1e6, 300.0],
    [NAN, 1.0], [1.0, NAN, -1.0], [float("inf"), 2.0], [1.0, -float("inf")]])
@pytest.mark.parametrize("which", ["loss", "validation_loss"])
def test_every_finite_loss_lies_inside_of_the_axes_and_less_is_lower(losses, which):
    run = History(**{"loss": [0.1] * len(losses), which: losses})
    left, = curves(run).axes
    low, high = left.get_ylim()
    assert low < high
    assert all(low <= y < high for y in losses if math.isfinite(y))
    assert low == 0 or min(filter(math.isfinite, losses)) < 0


def test_a_history_of_nan_alone_is_drawn_without_a_line(tmp_path):
    History(loss=[NAN], correct=[NAN], validation_loss=[NAN]).plot(tmp_path / "curves.png")
    assert png_size(tmp_path / "curves.png") == (1920, 1080)


def test_a_point_without_neighbours_is_marked_in_a_long_history_too():
    run = history(100)
    run.validation_loss = [NAN] * 99 + [0.3]
    run.validation_correct = [0.7]
    left, right = curves(run).axes
    assert left.lines[1].get_marker() == right.lines[1].get_marker() == "o"
    assert left.lines[0].get_marker() == "None"


def test_without_classes_the_loss_is_drawn_alone():
    run = History(loss=[2.0, 1.0], validation_loss=[2.1, 1.3], seconds=[0.1, 0.1])
    figure = curves(run)
    left, = figure.axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == [
        "training loss", "validation loss"]
    assert [list(line.get_ydata()) for line in left.lines] == [run.loss, run.validation_loss]


def test_an_empty_history_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="nothing to draw: the history is empty"):
        History().plot(tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())


def test_the_picture_has_the_shape_of_a_slide(tmp_path):
    history(3).plot(tmp_path / "curves.png")
    assert png_size(tmp_path / "curves.png") == (1920, 1080)
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_the_ending_says_the_format(tmp_path):
    run = history(3)
    run.plot(tmp_path / "curves.svg")
    run.plot(str(tmp_path / "curves.PDF"))
    run.plot(tmp_path / "curves")
    assert b"<svg" in (tmp_path / "curves.svg").read_bytes()
    assert (tmp_path / "curves.PDF").read_bytes().startswith(b"%PDF")
    assert png_size(tmp_path / "curves") == (1920, 1080)


def test_an_unknown_format_leaves_the_old_file_as_it_was(tmp_path):
    path = tmp_path / "curves.xyz"
    path.write_text("mine")
    with pytest.raises(ValueError, match="xyz"):
        history(3).plot(path)
    assert path.read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_a_notebook_gets_the_picture_from_the_figure():
    assert curves(history(2))._repr_png_().startswith(b"\x89PNG\r\n\x1a\n")


def test_it_draws_without_a_display_and_without_pyplot(tmp_path):
    code = ("import sys\n"
            "from npbp import History\n"
            "assert 'matplotlib' not in sys.modules\n"
            "History(loss=[1.0], correct=[0.5]).plot('curves.png')\n"
            "assert 'matplotlib.pyplot' not in sys.modules\n")
    # A back-end that needs a display, and none there: it is never asked for.
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True,
                   env={**environment, "MPLBACKEND": "TkAgg"})
    assert png_size(tmp_path / "curves.png") == (1920, 1080)


DRAW = ("from npbp import History\n"
        "figure = History(loss=[2.0, 1.0], correct=[0.5, 0.7], validation_loss=[1.0]).plot('curves.png')\n"
        "assert b'PNG' in figure._repr_png_()[:8]\n")


def draw(folder, code=DRAW, **environment):
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stderr, (folder / "curves.png").read_bytes()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("plain"))[1]


def test_a_backend_that_is_not_there_does_not_matter(tmp_path, plain):
    assert draw(tmp_path, MPLBACKEND="nonsense") == ("", plain)


def test_a_backend_that_is_there_is_the_one_of_pyplot_afterwards(tmp_path):
    code = DRAW + "import matplotlib\nassert matplotlib.get_backend().lower() == 'svg'\n"
    draw(tmp_path, code, MPLBACKEND="svg")


@pytest.mark.parametrize("settings", [
    "text.usetex: True",
    "font.family: Nowhere Sans\nfigure.facecolor: black\nlines.marker: x\nsavefig.dpi: 10\n"
    "savefig.format: pdf\nfigure.autolayout: True\naxes.prop_cycle: cycler(nonsense=[1])"])
def test_the_settings_of_a_matplotlibrc_do_not_matter(tmp_path, plain, settings):
    (tmp_path / "matplotlibrc").write_text(settings + "\n")
    assert draw(tmp_path)[1] == plain


def test_the_settings_of_the_caller_are_afterwards_as_before(tmp_path):
    code = ("import matplotlib\nmatplotlib.rcParams['text.usetex'] = True\n"
            "matplotlib.rcParams['font.family'] = ['Nowhere Sans']\n"
            "before = dict(matplotlib.rcParams)\n" + DRAW
            + "assert dict(matplotlib.rcParams) == before\n")
    assert draw(tmp_path, code)[0] == ""


def test_numbers_in_arrays_are_drawn_as_lists_are():
    import numpy as np

    run = history(3)
    run.loss, run.correct = np.array(run.loss), np.array(run.correct)
    assert curves(run)._repr_png_() == curves(history(3))._repr_png_()


# ---- metrics

def with_metrics(m, epochs=5, **more):
    run = history(epochs)
    run.metrics = {f"metric_{i}": [i + n for n in range(epochs)] for i in range(m)}
    run.metrics.update({f"validation_metric_{i}": [i - n for n in range(epochs)] for i in range(m)})
    run.metrics.update(more)
    return run


@pytest.mark.parametrize("m", [1, 2, 3, 4, 7, 10])
def test_each_metric_that_is_a_number_has_a_panel_of_its_own(m, tmp_path):
    import numpy as np

    run = with_metrics(m, confusion_matrix=[np.eye(2)] * 5)
    figure = run.plot(tmp_path / "curves.png")
    assert png_size(tmp_path / "curves.png") == (1920, 1080)
    left, right, *panels = figure.axes
    assert left.get_ylabel() == "loss" and right.get_ylabel() == "fraction correct"
    assert [panel.get_title(loc="right") for panel in panels] == [f"metric {i}" for i in range(m)]
    for i, panel in enumerate(panels):
        training, validation = panel.lines
        assert list(training.get_ydata()) == run.metrics[f"metric_{i}"]
        assert list(validation.get_ydata()) == run.metrics[f"validation_metric_{i}"]
        assert training.get_linestyle() == "-" and validation.get_linestyle() == "--"


@pytest.mark.parametrize("m", [1, 3, 7])
def test_no_panel_and_no_legend_covers_another_or_leaves_the_picture(m):
    figure = curves(with_metrics(m), title="digits")
    figure.draw_without_rendering()
    left, right, *panels = figure.axes
    boxes = [left.get_window_extent(), *(panel.get_tightbbox() for panel in panels),
             left.get_legend().get_window_extent()]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0
        assert not any(box.overlaps(other) for other in boxes[:i])
    assert right.yaxis.label.get_window_extent().x1 < min(box.x0 for box in boxes[1:-1])


def test_a_metric_of_the_training_alone_is_one_line():
    panel = curves(History(loss=[2.0, 1.0], metrics={"r2": [0.5, 0.75]})).axes[1]
    assert [list(line.get_ydata()) for line in panel.lines] == [[0.5, 0.75]]


@pytest.mark.parametrize("values", [[NAN, NAN], [NAN, 1.0], [float("inf"), 1.0], [1e300, -1e300], [0.0, 0.0]])
def test_a_metric_may_be_any_number(values, tmp_path):
    History(loss=[2.0, 1.0], metrics={"r2": values}).plot(tmp_path / "curves.png")
    assert png_size(tmp_path / "curves.png") == (1920, 1080)


def test_the_name_of_a_metric_is_no_formula():
    assert curves(History(loss=[1.0], metrics={"cost_$x^$": [0.5]}))._repr_png_().startswith(b"\x89PNG")


def test_matrices_alone_leave_the_chart_as_it_is():
    run, plain_run = history(3), history(3)
    run.metrics = {"confusion_matrix": [[[1, 0], [0, 1]]] * 3}
    assert curves(run)._repr_png_() == curves(plain_run)._repr_png_()
