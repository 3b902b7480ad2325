"""What became slower since an earlier run."""

from __future__ import annotations

import json
import os

from benchmarks.harness import Failure, grid, number

SLOWER = 1.1  # below it is the noise of a quiet machine


def read(path: str | os.PathLike[str]) -> dict:
    """The results that ``--json`` wrote to ``path``."""
    try:
        with open(path) as file:
            results = json.load(file)
        medians(results)
        results["machine"]["processor"], results["quick"], results["date"]
        return results
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failure(f"{path}: not a file that --json wrote") from None


def medians(results: dict) -> dict[tuple, tuple[float, bool]]:
    """``{where: (median, higher is better)}`` of every row of every table."""
    return {(name, table["title"], row["x"], row["program"]):
            (float(row["median"]), table["higher_is_better"])
            for name, benchmark in results["benchmarks"].items()
            for table in benchmark["tables"] for row in table["rows"]}


def text(old: dict, new: dict) -> str:
    """A table of what takes more than `SLOWER` times what it took, the worst first."""
    before, now = medians(old), medians(new)
    common = [where for where in now if where in before]
    if not common:
        return "Nothing to compare: the earlier run measured other things.\n"
    slower = []
    for where in common:
        (was, _), (is_now, higher) = before[where], now[where]
        ratio = was / is_now if higher else is_now / was
        if ratio > SLOWER:
            slower.append((ratio, where))
    lines = [[number(ratio), name, title, "" if x is None else str(x), program]
             for ratio, (name, title, x, program) in sorted(slower, key=lambda row: -row[0])]
    parts = [f"{len(slower)} of {len(common)} became slower by more than {SLOWER} times, "
             f"against the run of {old['date']}."]
    if old["machine"]["processor"] != new["machine"]["processor"]:
        parts.append(f"That was another machine: {old['machine']['processor']}.")
    was, is_now = (kernel(run["machine"]) for run in (old, new))
    if was != is_now:
        parts.append(f"That ran with {was}, this with {is_now}.")
    if old["quick"] != new["quick"]:
        parts.append("One of the two is a quick run.")
    if lines:
        head = ["times", "benchmark", "table", "case", "program"]
        parts += ["", grid(head, lines, left=tuple(head[1:]))]
    return "\n".join(parts) + "\n"


def kernel(machine: dict) -> str:
    """What the products of a run were made with, as far as its file says."""
    loaded, forced = machine.get("kernel"), machine.get("forced") or {}
    words = [f"the kernel {loaded['name']}" if loaded else "an unknown kernel"]
    return ", ".join(words + [f"{name}={value}" for name, value in forced.items()])
