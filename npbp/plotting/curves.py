"""The chart of a training run: loss and correct on two y axes, over the epochs.

Nothing here needs a display: the chart is a plain matplotlib `Figure`, made
without `pyplot`. matplotlib is imported only when something is drawn.
"""
from __future__ import annotations

import functools
import io
import os
from typing import TYPE_CHECKING

from npbp.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from npbp.training import History

# Blue and vermilion of Okabe and Ito's palette: colour-blind readers tell them apart.
LOSS_COLOUR, CORRECT_COLOUR = "#0072B2", "#D55E00"


def curves(history: History, path: str | os.PathLike | None = None,
           title: str | None = None) -> Figure:
    """Draw the loss (left axis) and the fraction correct (right axis) of every epoch.

    Training is a solid line, validation a dashed one; both lines of an axis have
    the colour of its label.

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
    ['loss', 'correct']
    """
    if not history.loss:
        raise ValueError("nothing to draw: the history is empty (did an epoch finish?)")

    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(12.8, 7.2), dpi=150,
                    constrained_layout={"w_pad": 0.15, "h_pad": 0.15})
    left = figure.add_subplot()
    right = left.twinx()
    marker = "o" if len(history.loss) <= 25 else None    # one epoch is a point, not a line
    lines = []
    for axes, name, training, validation, colour in (
            (left, "loss", history.loss, history.validation_loss, LOSS_COLOUR),
            (right, "correct", history.correct, history.validation_correct, CORRECT_COLOUR)):
        for values, style, label in ((training, "-", f"training {name}"),
                                     (validation, "--", f"test {name}")):
            if values:
                lines += axes.plot(range(1, len(values) + 1), values, style, color=colour,
                                   label=label, linewidth=2.5, marker=marker, markersize=8,
                                   markerfacecolor=colour if style == "-" else "white")
        axes.set_ylabel(name, color=colour, fontsize=20)
        axes.tick_params(axis="y", colors=colour, labelsize=16)
    left.set_xlabel("epoch", fontsize=20)
    left.tick_params(axis="x", labelsize=16)
    left.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1,
                                               steps=[1, 2, 5, 10]))
    highest = max([*history.loss, *history.validation_loss])
    left.set_ylim(0, 1.08 * highest or 1)                # a loss is never below 0
    left.grid(alpha=0.3)
    # Above the axes, where no line can pass under it.
    left.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.5, 1.01),
                ncol=4, frameon=False, fontsize=16, handlelength=3)
    if title:
        figure.suptitle(title, fontsize=22)

    figure._repr_png_ = functools.partial(_png, figure)  # what a notebook asks for
    if path is not None:
        ending = os.path.splitext(os.fspath(path))[1]
        with replacing(path) as temporary:
            figure.savefig(temporary, format=ending[1:].lower() or "png")
    return figure


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
