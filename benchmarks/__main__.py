"""The command: ``python -m benchmarks`` lists, ``python -m benchmarks NAME ...`` runs."""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

# name: file. (`import` is a word of Python's own, so that file has another name.)
FILES = {"matmul": "matmul", "layers": "layers", "optimizers": "optimizers", "epoch": "epoch",
         "step": "step", "graph": "graph", "data": "data", "import": "importing", "memory": "memory",
         "peers": "peers"}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="How fast is npbp? Without a name: the list of the benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which to run; all for all")
    parser.add_argument("--quick", action="store_true",
                        help="few and small runs: whether it works, not how fast it is")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all numbers to FILE")
    parser.add_argument("--plot", metavar="DIR", type=Path, help="write pictures to DIR")
    parser.add_argument("--compare", metavar="OLD.json",
                        help="say what became slower since the run that wrote OLD.json")
    options = parser.parse_args(arguments)
    try:
        import npbp  # noqa: F401
    except ImportError as error:  # it is not installed, or NumPy is not
        return failed(str(error))
    from benchmarks.harness import Failure

    try:
        return run(options)
    except Failure as error:
        return failed(str(error))
    except KeyboardInterrupt:
        return failed("interrupted", 130)


def run(options: argparse.Namespace) -> int:
    from benchmarks import charts, comparison, machine
    from benchmarks.harness import Failure, Session

    questions = {name: load(name).__doc__.splitlines()[0] for name in FILES}
    if not options.names:
        print("python -m benchmarks NAME ... [--quick] [--json FILE] [--plot DIR] "
              "[--compare OLD.json]\n")
        for name, question in questions.items():
            print(f"  {name:10} {question}")
        print(f"  {'all':10} All of them.")
        return 0
    unknown = [name for name in options.names if name not in (*FILES, "all")]
    if unknown:
        raise Failure(f"there is no benchmark {unknown[0]!r}; the names are "
                      f"{', '.join(FILES)} and all")
    names = list(FILES) if "all" in options.names else list(dict.fromkeys(options.names))
    # What could fail at the end is tried at the start.
    old = comparison.read(options.compare) if options.compare else None
    try:
        if options.json:
            with open(options.json, "a"):
                pass
        if options.plot:
            import matplotlib.figure  # noqa: F401

            options.plot.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=options.plot).close()
    except OSError as error:
        raise Failure(f"{error.filename or options.plot}: {error.strerror}") from None
    except ImportError as error:
        raise Failure(f"--plot needs matplotlib: {error}") from None

    results = {"date": datetime.datetime.now().isoformat(" ", "seconds"), "quick": options.quick,
               "machine": machine.record(), "benchmarks": {}}
    print(machine.text(results["machine"]) + "\n")
    for line in machine.warnings(results["machine"]):  # where stdout goes to a file too
        print(f"benchmarks: {line}", file=sys.stderr)
    for name in names:
        session, start = Session(name, questions[name], options.quick), time.perf_counter()
        load(name).run(session)
        print(f"benchmarks: {name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
        print(session.text(), flush=True)
        results["benchmarks"][name] = session.as_dict()
        try:
            if options.json:  # after each, so that Ctrl-C loses only one
                options.json.write_text(json.dumps(results, indent=1) + "\n")
            if options.plot:
                charts.draw(session, options.plot)
        except OSError as error:  # a full disk is no reason to lose the tables to come
            print(f"benchmarks: {error}", file=sys.stderr)
    if old:
        print(comparison.text(old, results), end="")
    return 0


def load(name: str):
    return importlib.import_module(f"benchmarks.{FILES[name]}")


def failed(message: str, code: int = 2) -> int:
    print(f"benchmarks: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
