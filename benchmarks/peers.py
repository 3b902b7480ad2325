"""How fast is npbp beside what people would install instead?

Each library runs in a process of its own, and they take turns. Those that are not installed
are left out; benchmarks/requirements-peers.txt lists them. The programs themselves are in
benchmarks/programs: read them, the comparison is as fair as they are.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
from typing import Callable

from benchmarks import mnist
from benchmarks.epoch import CASES, COURSE, name
from benchmarks.harness import Failure, Session, Table, microseconds
from benchmarks.machine import cores
from benchmarks.worker import Worker

# what pip calls it: what Python imports
PEERS = {"torch": "torch", "jax": "jax", "scikit-learn": "sklearn", "mygrad": "mygrad",
         "dezero": "dezero", "autograd": "autograd"}
HOW = "python -m pip install -r benchmarks/requirements-peers.txt"
FIT, LOOP, FLOOR, JAX = "npbp.fit", "npbp, the walk-through's loop", "bare products", "JAX scan"


def installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def torch_threads() -> list[int]:
    """One thread, and all: small networks are faster with one."""
    return sorted({1, cores()})


def run(session: Session) -> None:
    session.note(f"The data: {mnist.images_and_labels()[2]}.")
    absent = [peer for peer, module in PEERS.items() if not installed(module)]
    if absent:
        session.note(f"Not installed: {', '.join(absent)}. To install them: {HOW}")
    if len(absent) == len(PEERS):
        return
    session.note("Versions: " + ", ".join(f"{peer} {importlib.metadata.version(peer)}"
                                          for peer in PEERS if peer not in absent) + ".")
    if not session.quick:
        session.rounds, session.patience = 9, 12
    with contextlib.ExitStack() as stack:
        ours = {library: stack.enter_context(Worker(f"with_{library}"))
                for library in ("numpy", "npbp")}
        workers: dict[str, tuple[Worker, str]] = {  # {program: (where it runs, its function)}
            FLOOR: (ours["numpy"], "products"), FIT: (ours["npbp"], "fit"),
            LOOP: (ours["npbp"], "loop"), "straightforward NumPy loop": (ours["numpy"], "loop"),
        }
        predicts = {FLOOR: (ours["numpy"], "predict_products"),
                    "npbp predict": (ours["npbp"], "predict")}
        if installed("torch"):
            for count in torch_threads():
                worker = stack.enter_context(Worker("with_torch", count))
                threads = f"{count} thread{'s' if count > 1 else ''}"
                workers[f"PyTorch nn, {threads}"] = worker, "fit"
                workers[f"the walk-through in PyTorch, {threads}"] = worker, "loop"
                predicts[f"PyTorch nn, {threads}"] = worker, "predict"
        for label, module in ((JAX, "jax"), ("scikit-learn MLPClassifier", "sklearn"),
                              ("MyGrad", "mygrad"), ("DeZero", "dezero"),
                              ("HIPS/autograd", "autograd")):
            if installed(module):
                workers[label] = stack.enter_context(Worker(f"with_{module}")), "fit"

        for sizes, batch, examples, _ in CASES[:2]:
            steps = examples // (10 if session.quick else 1) // batch
            table = session.table(name(sizes, batch), "us a step", ratios=(FLOOR, FIT))
            measures = prepare(session, workers, sizes=sizes, batch=batch, examples=steps * batch)
            session.measure(table, measures, microseconds(steps), warm_up=False)
            training_limits(session, table, small=batch == 64)
        both = {label: of for label, of in workers.items() if label.startswith((FIT, "PyTorch nn"))}
        steps = 6400 // (10 if session.quick else 1) // 64
        table = session.table(COURSE, "us a step", ratios=(FIT,))
        measures = prepare(session, both, sizes=(784, 256, 10), batch=64, examples=steps * 64,
                           course=True)
        session.measure(table, measures, microseconds(steps), warm_up=False)
        limit(session, table, FIT, "PyTorch nn", 0.8)
        images = 1000 if session.quick else 10000
        for batch in (1, images) if installed("torch") else ():
            title = f"predict {images:,} images, {'one at a time' if batch == 1 else 'all at once'}"
            table = session.table(title, "us an image", ratios=(FLOOR, "npbp predict"))
            measures = prepare(session, predicts, sizes=CASES[0][0], batch=batch, examples=images)
            session.measure(table, measures, microseconds(images), warm_up=False)
            limit(session, table, "npbp predict", "PyTorch nn", 1.0)


def prepare(session: Session, workers: dict[str, tuple[Worker, str]],
            **task: object) -> dict[str, Callable[[], float]]:
    """What can be measured, warmed up; what is installed but does not work is a note."""
    measures = {}
    for label, (worker, function) in list(workers.items()):
        try:
            measure = worker.prepare(function, task, session.at_least)
            measure()
            measures[label] = measure
        except Failure as error:
            session.note(f"{label} does not work here: {error}")
            del workers[label]
    return measures


def training_limits(session: Session, table: Table, small: bool) -> None:
    limit(session, table, FIT, JAX, 1.0 if small else 0.9)
    limit(session, table, FIT, "PyTorch nn", 0.33 if small else 0.5)
    limit(session, table, FIT, FLOOR, 1.8 if small else 1.15)
    if small:
        limit(session, table, LOOP, "the walk-through in PyTorch", 0.5)


def limit(session: Session, table: Table, program: str, other: str, at_most: float) -> None:
    """Against the better thread count of ``other``, if there are several."""
    others = [name for _, name in table.rows if name.startswith(other)]
    if others:
        session.limit(f"{program} / {other}, {table.title}", table.ratio(program, *others), at_most)
