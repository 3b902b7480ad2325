"""The chart of a training run: loss and fraction correct on two y axes, over the epochs; metrics
beside it.

Nothing here needs a display: the chart is a plain matplotlib `Figure`, made
without `pyplot`. It looks the same everywhere: matplotlib's own settings count, not those
of a matplotlibrc, which may want fonts or a LaTeX that are not there. matplotlib is
imported only when something is drawn.
"""
from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import sys
from typing import TYPE_CHECKING, Iterator, Sequence

from npbp.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from npbp.training import History

# Blue and vermilion of Okabe and Ito's palette: colour-blind readers tell them apart.
LOSS_COLOUR, CORRECT_COLOUR = "#0072B2", "#D55E00"
METRIC_COLOUR = "#333333"


def curves(history: History, path: str | os.PathLike | None = None,
           title: str | None = None) -> Figure:
    """Draw the loss (left axis) and the fraction correct (right axis) of every epoch.

    Training is a solid line, validation a dashed one; both lines of an axis have
    the colour of its label. If there is no `correct`, there is no right axis. Each metric
    that is a number has a small panel of its own at the right, as they have scales of their
    own. A number that is not finite leaves a gap.

    Parameters
    ----------
    history : History
        What `npbp.fit` returned, at least one epoch long.
    path : path, optional
        Also write the chart to this file; its ending says the format (``.png``,
        ``.pdf``, ``.svg``; without one it is PNG). It is written whole or not at all.
    title : str, optional
        A line above the chart.

    Returns
    -------
    matplotlib.figure.Figure
        1920 by 1080 dots: the shape of a slide. It shows itself as the last expression
        of a notebook cell; a script gives a ``path``.

    Raises
    ------
    ValueError
        If the history is empty, or ``path`` ends in an unknown format.

    Examples
    --------
    >>> from npbp.training import History
    >>> figure = curves(History(loss=[2.3, 0.9], correct=[0.1, 0.8]))
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'fraction correct']
    """
    if not len(history.loss):
        raise ValueError("nothing to draw: the history is empty (did an epoch finish?)")
    with _own_settings():
        figure = _figure(history, title)
        if path is not None:
            ending = os.path.splitext(os.fspath(path))[1]
            with replacing(path) as temporary:
                figure.savefig(temporary, format=ending[1:].lower() or "png")
    figure._repr_png_ = functools.partial(_png, figure)  # what a notebook asks for
    return figure


def _figure(history: History, title: str | None) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.8, 7.2), dpi=150,
                    constrained_layout={"w_pad": 0.15, "h_pad": 0.15})
    panels = _panels(history)
    rows, columns = min(len(panels), 3) or 1, -(-len(panels) // 3)
    grid = figure.add_gridspec(rows, columns + 1, width_ratios=[1 + 1.2 * columns] + [1] * columns)
    left = figure.add_subplot(grid[:, 0])
    lines = _lines(left, "loss", history.loss, history.validation_loss, LOSS_COLOUR)
    left.set_ylim(_loss_limits([*history.loss, *history.validation_loss]))
    if len(history.correct) or len(history.validation_correct):
        lines += _lines(left.twinx(), "fraction correct", history.correct,
                        history.validation_correct, CORRECT_COLOUR)
    _epochs(left, 20, 16)
    # Above the axes, where no line can pass under it.
    left.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.5, 1.01),
                ncol=2 if panels else 4, frameon=False, fontsize=15, handlelength=2.2,
                columnspacing=1.2)
    for i, (name, both) in enumerate(panels.items()):
        lowest = i % rows == rows - 1 or i == len(panels) - 1
        _panel(figure.add_subplot(grid[i % rows, 1 + i // rows]), name, both, lowest)
    if title:
        figure.suptitle(title, fontsize=22)
    return figure


def _panels(history: History) -> dict[str, tuple[Sequence[float], Sequence[float]]]:
    """The metrics that are numbers: training and validation of each."""
    numbers = history.numbers()
    names = dict.fromkeys(name[11:] if name.startswith("validation_") else name for name in numbers)
    return {name: (numbers.get(name, []), numbers.get(f"validation_{name}", [])) for name in names}


def _panel(axes, name: str, both: tuple, lowest: bool) -> None:
    name = name.replace("_", " ").replace("$", r"\$")  # a formula is not meant
    for line in _lines(axes, name, *both, METRIC_COLOUR):
        line.set(linewidth=2, markersize=5)
    axes.set_title(name, fontsize=16, color=METRIC_COLOUR, loc="right")
    axes.set_ylabel("")
    axes.margins(y=0.12)
    axes.tick_params(axis="y", labelsize=12)
    _epochs(axes, 14 if lowest else 0, 12, most=5)


def _epochs(axes, size: int, ticks: int, most: int = 10) -> None:
    """The x axis, with a label of that size or without."""
    from matplotlib.ticker import MaxNLocator

    if size:
        axes.set_xlabel("epoch", fontsize=size)
    axes.tick_params(axis="x", labelsize=ticks)
    axes.xaxis.set_major_locator(MaxNLocator(most, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.grid(alpha=0.3)


def _lines(axes, name: str, training: Sequence[float], validation: Sequence[float],
           colour: str) -> list:
    """Both lines of an axis, for the legend."""
    lines = []
    for values, style, label in ((training, "-", "training"), (validation, "--", "validation")):
        if len(values):
            # A point with no neighbour makes no line; and few points are good to see.
            marker = "o" if len(values) <= 25 or not all(map(math.isfinite, values)) else None
            lines += axes.plot(range(1, len(values) + 1), values, style, color=colour,
                               label=f"{label} {name}", linewidth=2.5, marker=marker,
                               markersize=8,
                               markerfacecolor=colour if style == "-" else "white")
    axes.set_ylabel(name, color=colour, fontsize=20, labelpad=8)
    axes.tick_params(axis="y", colors=colour, labelsize=16)
    return lines


def _loss_limits(losses: Sequence[float]) -> tuple[float, float]:
    """From 0 to a little above the highest; further down if a loss is negative."""
    finite = [loss for loss in losses if math.isfinite(loss)] or [0]
    low, high = min(0, *finite), max(0, *finite)
    room = 0.08 * (high - low) or 1
    return (low - room if low < 0 else 0), high + room


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """matplotlib as it is without a matplotlibrc, a style or MPLBACKEND."""
    if "matplotlib" not in sys.modules:
        # Its import fails if MPLBACKEND names no back-end. Set it as the import would.
        backend = os.environ.pop("MPLBACKEND", None)
        try:
            import matplotlib
        finally:
            if backend is not None:
                os.environ["MPLBACKEND"] = backend
        if backend:
            with contextlib.suppress(ValueError):
                matplotlib.rcParams["backend"] = backend
    import matplotlib

    defaults = {key: value for key, value in matplotlib.rcParamsDefault.items()
                if "backend" not in key}    # the others belong to pyplot, which we do not use
    with matplotlib.rc_context(defaults):
        yield


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    with _own_settings():
        figure.savefig(stream, format="png")
    return stream.getvalue()
