"""The tables of a benchmark as pictures for a lecture: log axes, the floor drawn in."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from benchmarks.harness import Session, Table, number, quartiles

# Okabe and Ito's palette: colour-blind readers tell them apart. npbp has the first one.
OURS, OTHERS = "#0072B2", ["#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666"]
PANELS = 4  # in one picture: as many as can be read from the last row


def draw(session: Session, folder: Path) -> None:
    """Write ``folder/NAME.png``, and ``NAME-2.png`` and so on if there are many tables."""
    from matplotlib.figure import Figure

    pages = math.ceil(len(session.tables) / PANELS)
    each = math.ceil(len(session.tables) / max(pages, 1))
    for page in range(pages):
        tables = session.tables[page * each:(page + 1) * each]
        columns, lines = min(2, len(tables)), math.ceil(len(tables) / 2)
        longest = max(0 if is_curve(table) else lines_of(table) for table in tables)
        height = max(9, lines * (1.2 + 0.42 * longest))  # 9: the shape of a slide
        figure = Figure(figsize=(16, height), dpi=120,
                        constrained_layout={"w_pad": 0.15, "h_pad": 0.15})
        figure.suptitle(session.question, fontsize=20)
        for i, table in enumerate(tables):
            axes = figure.add_subplot(lines, columns, i + 1)
            (curves if is_curve(table) else dots)(axes, table)
            axes.set_title(table.title, fontsize=16)
            axes.tick_params(labelsize=13)
            axes.grid(alpha=0.3)
        figure.savefig(folder / f"{session.name}{f'-{page + 1}' if page else ''}.png")


def is_curve(table: Table) -> bool:
    """Whether something was varied that is a number."""
    return all(isinstance(x, (int, float)) for x, _ in table.rows)


def lines_of(table: Table) -> int:
    """How many lines of dots: one for each value of what was varied, or for each program."""
    return len({x if table.x else program for x, program in table.rows})


def ends_of_bars(table: Table) -> list[float]:
    """All that has to be inside of the picture."""
    return [value for runs in table.rows.values() for value in quartiles(runs)]


def colours(table: Table) -> dict[str, str]:
    programs = list(dict.fromkeys(program for _, program in table.rows))
    others = iter(OTHERS * len(programs))
    return {name: "black" if name == table.floor else OURS if "npbp" in name else next(others)
            for name in programs}


def log_axis(axis: Any, low: float, high: float) -> None:
    """From ``low`` to ``high``, with plain numbers at the ticks."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
    few = math.log10(high / low) < 2.5
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(NullLocator())


def curves(axes: Any, table: Table) -> None:
    """A line for each program, over what was varied; its band is from quartile to quartile."""
    for name, colour in colours(table).items():
        x = [x for x, program in table.rows if program == name]
        low, high = zip(*(quartiles(table.rows[value, name]) for value in x))
        axes.plot(x, [table.median(name, value) for value in x], color=colour, linewidth=2.5,
                  linestyle="--" if name == table.floor else "-", marker="o", label=name)
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    values = ends_of_bars(table)
    log_axis(axes.yaxis, min(values) / 2, max(values) * 2)
    varied = [x for x, _ in table.rows]
    log_axis(axes.xaxis, min(varied) / 1.3, max(varied) * 1.3)
    axes.set_xlabel(table.x, fontsize=14)
    axes.set_ylabel(table.unit, fontsize=14)
    axes.legend(fontsize=12)


def dots(axes: Any, table: Table) -> None:
    """A dot for each program, the fastest at the top; the floor is a line. If something was
    varied, it has the lines, and the programs are colours."""
    colour, rows = colours(table), list(table.rows.items())
    if not table.x:
        rows.sort(key=lambda row: table.median(row[0][1]), reverse=table.higher)
    floors = [table.median(program, x) for (x, program), _ in rows if program == table.floor]
    if len(floors) == 1:
        axes.axvline(floors[0], color="black", linestyle="--", linewidth=1.5)
    names = list(dict.fromkeys(x if table.x else program for (x, program), _ in rows))
    ends: dict[int, float] = {}
    for (x, program), runs in rows:
        i, value = names.index(x if table.x else program), table.median(program, x)
        low, high = quartiles(runs)
        axes.errorbar(value, i, xerr=[[max(0, value - low)], [max(0, high - value)]], fmt="o",
                      color=colour[program], markersize=10)
        ends[i] = max(value, ends.get(i, value))
    for i, value in ends.items():
        axes.annotate(number(value), (value, i), xytext=(9, 0), textcoords="offset points",
                      ha="left", va="center", fontsize=13,
                      bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})
    if table.x:
        for program in colour:
            axes.plot([], [], "o", color=colour[program], markersize=10, label=program)
        axes.legend(fontsize=13, loc="best")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    values = ends_of_bars(table)
    room = 2 * (max(values) / min(values)) ** 0.15  # for the number beside the last dot
    log_axis(axes.xaxis, min(values) / 2, max(values) * room)
    axes.set_xlabel(table.unit, fontsize=14)
