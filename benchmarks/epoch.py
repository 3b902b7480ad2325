"""What does a step of training cost, and how near is it to its matrix products?

The products of a step, forward and backward, are the floor: in NumPy nothing can be
faster. What npbp takes beyond them goes into gathering and scaling a batch, ReLU, softmax,
the loss, the fraction correct and the step of the weights.
"""

from __future__ import annotations

from benchmarks import mnist
from benchmarks.harness import Session, microseconds
from benchmarks.programs import with_npbp, with_numpy

# sizes, batch, examples of a run (quick: a tenth), npbp.fit in bare products at most
CASES = [((784, 32, 10), 64, 60000, 1.8),
         ((784, 512, 10), 128, 19200, 1.15),
         ((784, 1024, 1024, 10), 256, 12800, 1.1)]
COURSE = "784-256-10 with batch normalisation, dropout and Adam, batch 64"


def name(sizes: tuple, batch: int) -> str:
    return f"{'-'.join(map(str, sizes))}, batch {batch}"


def run(session: Session) -> None:
    session.note(f"The data: {mnist.images_and_labels()[2]}.")
    if not session.quick:
        session.rounds = 5
    for sizes, batch, examples, at_most in CASES:
        steps = examples // (10 if session.quick else 1) // batch
        task = {"sizes": sizes, "batch": batch, "examples": steps * batch}
        table = session.table(name(sizes, batch), "us a step", ratios=("bare products",))
        session.compare(table, {
            "bare products": with_numpy.products(**task),
            "straightforward NumPy loop": with_numpy.loop(**task),
            "npbp.fit": with_npbp.fit(**task),
            "npbp, the walk-through's loop": with_npbp.loop(**task),
        }, microseconds(steps))
        session.limit(f"npbp.fit / bare products, {table.title}",
                      table.ratio("npbp.fit", "bare products"), at_most)

    images = 1000 if session.quick else 10000
    for batch in (1, images):
        title = f"predict {images:,} images, {'one at a time' if batch == 1 else 'all at once'}"
        table = session.table(title, "us an image", ratios=("bare products",))
        task = {"sizes": (784, 32, 10), "batch": batch, "examples": images}
        session.compare(table, {"bare products": with_numpy.predict_products(**task),
                                "npbp predict": with_npbp.predict(**task)}, microseconds(images))
