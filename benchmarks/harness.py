"""How everything here is timed: warm-up, alternating runs, median and spread, tables.

A computer is not equally fast from one second to the next. So programs that are compared
take turns: a run of each, then again a run of each, in the opposite order. What slows the
machine down then slows down all of them, and the ratios of the medians stay.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any, Callable, Mapping, Union

ROOT = Path(__file__).parents[1]  # the folder in which `python -m benchmarks` works


Convert = Union[Callable[[float], float], Mapping[str, Callable[[float], float]]]


class Failure(Exception):
    """What went wrong, in one line for the user."""


class Timer:
    """Seconds that one call of ``function`` takes: the mean over enough calls to tell.

    The first measurement only warms up, and finds how many calls take ``at_least`` seconds.
    """

    def __init__(self, function: Callable[[], Any], at_least: float) -> None:
        self.function, self.at_least, self.calls = function, at_least, 0

    def __call__(self) -> float:
        if self.calls:
            return self._run()
        self.function()  # the first call may do what no other does again, as importing
        self.calls = 1
        while True:
            seconds = self._run()
            short = self.at_least / max(seconds * self.calls, 1e-7)
            if short <= 1:
                return seconds
            self.calls *= max(2, min(100, round(short)))

    def _run(self) -> float:
        function, turns = self.function, range(self.calls)
        start = time.perf_counter()
        for _ in turns:
            function()
        return (time.perf_counter() - start) / self.calls


def alternate(measures: dict[str, Callable[[], float]], rounds: int,
              patience: float) -> dict[str, list[float]]:
    """``rounds`` numbers from each measure, taken in turns.

    A program that has run for ``patience`` seconds sits out the rounds that are left: threads
    that wait for each other can take a hundred times as long when the machine is busy.
    """
    runs: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(rounds):
        names = list(measures)
        for name in names if turn % 2 else reversed(names):
            if sum(runs[name]) < patience:
                runs[name].append(measures[name]())
    return runs


def quartiles(runs: list[float]) -> tuple[float, float]:
    """A quarter of the runs is below the first, a quarter above the second."""
    if len(runs) < 2:
        return runs[0], runs[0]
    first, _, third = statistics.quantiles(runs, n=4, method="inclusive")
    return first, third


class Table:
    """The results of what is compared with each other: a row for each program and ``x``.

    ``x`` names what is varied, if something is; ``ratios`` are the programs that all others
    are divided by; ``floor`` is drawn into the chart as a line; ``higher`` is better, or not.
    """

    def __init__(self, title: str, unit: str, x: str | None = None, ratios: tuple = (),
                 floor: str | None = None, higher: bool = False) -> None:
        self.title, self.unit, self.x, self.higher = title, unit, x, higher
        self.ratios, self.floor = ratios, floor or (ratios[0] if ratios else None)
        self.rows: dict[tuple[Any, str], list[float]] = {}  # {(x, program): runs}

    def add(self, program: str, runs: list[float], x: Any = None) -> None:
        self.rows[x, program] = runs

    def median(self, program: str, x: Any = None) -> float:
        return statistics.median(self.rows[x, program])

    def ratio(self, program: str, *others: str, x: Any = None) -> float:
        """The median of ``program``, divided by the best median among the ``others``."""
        best = max if self.higher else min
        return self.median(program, x) / best(self.median(other, x) for other in others)

    def text(self) -> str:
        """The table for people; reStructuredText can take it as it is."""
        present = {program for _, program in self.rows}
        ratios = [name for name in self.ratios if name in present]
        head = ["program", self.unit, "quartiles", *(f"/ {name}" for name in ratios)]
        lines = []
        for (x, program), runs in self.rows.items():
            first, third = quartiles(runs)
            line = [program, number(self.median(program, x)), f"{number(first)} - {number(third)}"]
            line += [number(self.ratio(program, name, x=x)) if (x, name) in self.rows else "-"
                     for name in ratios]
            lines.append([number(x) if isinstance(x, (int, float)) else x, *line]
                         if self.x else line)
        if self.x:
            head.insert(0, self.x)
        return grid(head, lines, left=("program", "quartiles", self.x))

    def as_dict(self) -> dict:
        rows = [{"x": x, "program": program, "median": self.median(program, x),
                 "quartiles": quartiles(runs), "runs": runs}
                for (x, program), runs in self.rows.items()]
        return {"title": self.title, "unit": self.unit, "higher_is_better": self.higher,
                "rows": rows}


class Session:
    """What one benchmark is given: how much effort to make, and where to put results."""

    def __init__(self, name: str, question: str, quick: bool) -> None:
        self.name, self.question, self.quick = name, question, quick
        self.rounds = 3 if quick else 9
        self.at_least = 0.002 if quick else 0.03  # seconds that one run takes
        self.patience = 2 if quick else 20
        self.tables: list[Table] = []
        self.limits: list[dict] = []
        self.notes: list[str] = []

    def table(self, title: str, unit: str, **options: Any) -> Table:
        """A new table of this benchmark; see `Table`."""
        print(f"benchmarks: {self.name}: {title} ...", file=sys.stderr, flush=True)
        self.tables.append(Table(title, unit, **options))
        return self.tables[-1]

    def compare(self, table: Table, programs: dict[str, Callable[[], Any]],
                convert: Convert, x: Any = None) -> None:
        """Time functions in turns; ``convert`` makes the unit of the table out of seconds,
        for all of them or for each."""
        timers = {name: Timer(function, self.at_least) for name, function in programs.items()}
        self.measure(table, timers, convert, x)

    def measure(self, table: Table, measures: dict[str, Callable[[], float]],
                convert: Convert, x: Any = None, warm_up: bool = True) -> None:
        """As `compare`, for functions that return seconds themselves."""
        for measure in measures.values() if warm_up else ():
            measure()
        for name, runs in alternate(measures, self.rounds, self.patience).items():
            one = convert if callable(convert) else convert[name]
            table.add(name, [one(seconds) for seconds in runs], x)

    def note(self, text: str) -> None:
        """A sentence under the tables."""
        self.notes.append(text)

    def limit(self, what: str, value: float, at_most: float, unit: str = "times") -> None:
        """A promise of the project, and what came out in this run."""
        self.limits.append({"what": what, "value": value, "at_most": at_most, "unit": unit})

    def text(self) -> str:
        parts = [underlined(f"{self.name}: {self.question}", "=")]
        parts += [f"{underlined(table.title, '-')}\n\n{table.text()}" for table in self.tables]
        if self.limits:
            lines = [[limit["what"], f"{number(limit['value'])} {limit['unit']}",
                      number(limit["at_most"]),
                      "yes" if limit["value"] <= limit["at_most"] else "NO"]
                     for limit in self.limits]
            parts.append(grid(["what must hold", "measured", "at most", "holds"], lines,
                              left=("what must hold", "holds")))
        return "\n\n".join(parts + self.notes) + "\n"

    def as_dict(self) -> dict:
        return {"question": self.question, "notes": self.notes, "limits": self.limits,
                "tables": [table.as_dict() for table in self.tables]}


def microseconds(per: float = 1) -> Callable[[float], float]:
    """Converts seconds to microseconds for each of ``per`` steps, images, ..."""
    return lambda seconds: seconds * 1e6 / per


def number(value: float) -> str:
    """Three digits or so, as a table wants them."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 0.1 or value == 0:
        return f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"
    return f"{value:.2g}"


def underlined(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def grid(head: list[str], lines: list[list[str]], left: tuple) -> str:
    """Columns as wide as they need to be, numbers to the right: a simple table of reST."""
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    rule = "  ".join("=" * width for width in widths)
    rows = ["  ".join(cell.ljust(width) if name in left else cell.rjust(width)
                      for name, cell, width in zip(head, line, widths)).rstrip()
            for line in [head, *lines]]
    return "\n".join([rule, rows[0], rule, *rows[1:], rule])
