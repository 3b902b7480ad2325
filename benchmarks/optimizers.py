"""What does a step of each optimizer cost, beside PyTorch's?

Of the weights of a network 784-784-70 and of the walk-through's. Each library runs in a process
of its own, in one thread. PyTorch has two ways to do a step ("foreach": all arrays in one call),
of which the better one counts. If it is not installed, it is left out.
"""

from __future__ import annotations

import contextlib

from benchmarks.harness import Session, microseconds
from benchmarks.peers import HOW, installed, prepare
from benchmarks.worker import Worker

# ours: (PyTorch's name, its options)
KINDS = {"SGD": ("SGD", {"lr": 1e-3}), "Adam": ("Adam", {}), "AdamW": ("AdamW", {}),
         "Momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9}),
         "Nesterov": ("SGD", {"lr": 1e-3, "momentum": 0.9, "nesterov": True}),
         "AdaGrad": ("Adagrad", {}), "RMSProp": ("RMSprop", {})}
CASES = [("670,390 weights", [[785, 784], [785, 70]], list(KINDS)),
         ("25,450 weights", [[785, 32], [33, 10]], ["SGD", "Adam"])]
OURS, THEIRS = "npbp", ("PyTorch", "PyTorch, foreach")


def run(session: Session) -> None:
    with contextlib.ExitStack() as stack:
        npbp, torch = stack.enter_context(Worker("with_npbp")), None
        if installed("torch"):
            torch = stack.enter_context(Worker("with_torch", 1))
        else:
            session.note(f"Not installed: torch. To install it: {HOW}")
        for title, shapes, kinds in CASES:
            table = session.table(title, "us a step", x="optimizer", ratios=(OURS,))
            for kind in kinds[:2] if session.quick else kinds:
                measures = prepare(session, {OURS: (npbp, "optimizer")}, kind=kind, shapes=shapes,
                                   options={})
                if torch:
                    name, options = KINDS[kind]
                    programs = dict(zip(THEIRS, ((torch, "optimizer"), (torch, "foreach"))))
                    measures.update(prepare(session, programs, kind=name, shapes=shapes,
                                            options=options))
                session.measure(table, measures, microseconds(), x=kind, warm_up=False)
        best = [name for name in THEIRS if ("Adam", name) in session.tables[0].rows]
        if best:
            session.limit("Adam / torch.optim.Adam, 670,390 weights",
                          session.tables[0].ratio(OURS, *best, x="Adam"), 1.0)
