"""How much memory does training take, and does its time grow as it should?

Memory is the highest that a process of its own ever held, above what it held when npbp was
imported and the images were there. An epoch should take twice as long for twice the
examples, and for twice the weights: the time an example, and a weight, stays the same.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import mnist
from benchmarks.harness import ROOT, Session, microseconds
from benchmarks.programs import with_npbp, with_numpy


def peak_megabytes() -> float:
    """The most memory that this process has held; NaN where the system does not tell."""
    try:  # Linux: ru_maxrss also counts what the parent held at the start, this does not
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**20 if sys.platform == "darwin" else 2**10)  # there it is bytes


def child(folder: str, epochs: str) -> None:
    """The process that is measured."""
    import npbp

    images, labels = (np.load(Path(folder, name)) for name in ("images.npy", "labels.npy"))
    before = peak_megabytes()
    npbp.fit(npbp.NeuralNet(), (images, labels), epochs=int(epochs), batch_size=64)
    print(peak_megabytes() - before)


def run(session: Session) -> None:
    images, labels, source = mnist.images_and_labels()
    session.note(f"The data: {source}.")
    epochs = 1 if session.quick else 10
    what = f"fit, {epochs} epoch{'s' if epochs > 1 else ''}, above imports and data"
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "images.npy"), images)
        np.save(Path(folder, "labels.npy"), labels)
        command = [sys.executable, "-m", "benchmarks.memory", folder, str(epochs)]
        runs = [float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True,
                                     check=True).stdout) for _ in range(1 if session.quick else 3)]
    if np.isnan(runs[0]):
        session.note("This system does not say how much memory a process took at most.")
    else:
        table = session.table("784-32-10, 60,000 examples", "MB")
        table.add(f"npbp.{what}", runs)
        session.limit(f"memory of npbp.{what}", table.median(f"npbp.{what}"), 150, "MB")

    table = session.table("784-32-10, batch 64", "us an example", x="examples",
                          ratios=("bare products",))
    for examples in (6400, 12800) if session.quick else (7680, 15360, 30720, 59968):
        time(session, table, (784, 32, 10), 64, examples, examples, per=examples)
    table = session.table("784-hidden-10, batch 128", "ns an example and weight",
                          x="hidden units", ratios=("bare products",))
    examples = 1280 if session.quick else 12800
    for hidden in (64, 256) if session.quick else (32, 64, 128, 256, 512, 1024, 2048):
        count = 785 * hidden + (hidden + 1) * 10
        time(session, table, (784, hidden, 10), 128, examples, hidden, per=examples * count / 1e3)


def time(session: Session, table, sizes: tuple, batch: int, examples: int, x: int,
         per: float) -> None:
    task = {"sizes": sizes, "batch": batch, "examples": examples}
    session.compare(table, {"bare products": with_numpy.products(**task),
                            "npbp.fit": with_npbp.fit(**task)}, microseconds(per), x)


if __name__ == "__main__":
    child(*sys.argv[1:])
