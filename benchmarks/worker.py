"""A program in a process of its own, that runs when it is told to.

Each framework starts threads and keeps them. In one process they would stand in each
other's way, so each has its own; only one of them works at a time.

The parent writes a line of JSON to the worker's standard input, and reads one back::

    {"prepare": "fit", "task": {"sizes": [784, 32, 10], ...}, "at_least": 0.03}  ->  {"ready": ...}
    {"run": "fit"}                                                    ->  {"seconds": 0.1}, a call
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable

from benchmarks.harness import ROOT, Failure, Timer

# Threads that have nothing to do any more wait in a loop before they sleep (those of OpenBLAS
# for a tenth of a second), and would take a core from whoever is next: on two cores, bare
# products right after another process's took 1.6 times as long.
PAUSE = 0.2


class Worker:
    """The process, seen from the parent: ``with Worker("with_torch", 1) as worker: ...``.

    ``module`` is one of benchmarks/programs; ``threads`` is given to its ``set_threads``.
    """

    def __init__(self, module: str, threads: int | None = None) -> None:
        self.errors = tempfile.TemporaryFile("w+")
        self.module = module
        command = [sys.executable, "-m", "benchmarks.worker", module, str(threads or "")]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=self.errors)

    def prepare(self, program: str, task: dict, at_least: float) -> Callable[[], float]:
        """A `Timer` of ``program``, a function of the module that is given the task."""
        self._ask({"prepare": program, "task": task, "at_least": at_least})
        return lambda: self._ask({"run": program})["seconds"]

    def _ask(self, question: dict) -> dict:
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline() or "{}")
        except BrokenPipeError:
            answer = {}
        if not answer:  # it has ended: its last words say why
            self.process.wait()
            self.errors.seek(0)
            answer = {"error": (self.errors.read().strip().splitlines() or ["no reason given"])[-1]}
        if "error" in answer:
            raise Failure(f"{self.module}: {answer['error']}")
        return answer

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended, with a question unread
            self.process.stdin.close()
        if error[0] is not None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def main(module: str, threads: str) -> None:
    """The process itself: answers until its input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    programs = importlib.import_module(f"benchmarks.programs.{module}")
    if threads:
        programs.set_threads(int(threads))
    timers: dict[str, Timer] = {}
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if "prepare" in question:
                name = question["prepare"]
                function = getattr(programs, name)(**question["task"])
                timers[name] = Timer(function, question["at_least"])
                answer: dict = {"ready": name}
            else:
                time.sleep(PAUSE)
                answer = {"seconds": timers[question["run"]]()}
        except Exception as error:  # whatever a framework raises is the parent's to report
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
