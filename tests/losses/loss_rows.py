"""The test cases of the losses: each with every option.

`test_every_loss.py` holds what every loss promises against each of them, and
`test_agreement.py` compares its gradients with those of the general algorithm.
"""

import numpy as np

from npbp import (
    BinaryCrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KullbackLeiblerLoss,
    MeanAbsoluteErrorLoss,
    MeanSquaredErrorLoss,
    SoftmaxCrossEntropyLoss,
)

C = 5  # classes
REDUCTIONS = ("mean", "sum")


class Row:
    """A loss with certain options.

    name : its class, then what is special: "HuberLoss" or "HuberLoss, of a small delta".
    build : called with a reduction, it makes one.
    shape : of one example's scores.
    targets : called with a Generator and N, it draws them.
    twin : its losses once more, ``(N, ...)``, in NumPy style and with the formula only, as a
        function of the scores and the targets.
    counts : of the targets: how much each example counts in a mean, ``(N,)``; 1 if None.
    """

    def __init__(self, name, build, shape, targets, twin, counts=None):
        self.name, self.build, self.shape, self.targets, self.twin = name, build, shape, targets, twin
        self.kind = name.split(",")[0]
        self.counts = counts or (lambda t: np.ones(len(t)))

    def number(self, scores, targets, weight, reduction):
        """J by its definition."""
        l = self.twin(scores, targets)
        N, per_example = len(targets), int(np.prod(l.shape[1:]))
        w = np.ones(N) if weight is None else weight
        total = np.sum(l * w.reshape(N, *[1] * (l.ndim - 1)))
        if reduction == "mean":
            total = total / (per_example * np.sum(w * self.counts(targets)))
        return total


# ---- targets


def numbers(*shape):
    return lambda rng, N: rng.standard_normal((N, *shape))


def zeros_and_ones(rng, N):
    return rng.integers(0, 2, (N, C))


def bits(rng, N):
    return rng.integers(0, 2, N)


def labels(rng, N, classes=C):
    return rng.integers(0, classes, N)


def some_ignored(label):
    def targets(rng, N):
        t = rng.integers(0, 2, N)
        t[2:5] = label
        return t

    return targets


def rows(rng, N, classes=C):
    t = rng.random((N, classes))
    return t / t.sum(axis=1, keepdims=True)


def rows_with_zeros(rng, N):
    t = rng.random((N, C))
    t[:, 1:3] = 0
    return t / t.sum(axis=1, keepdims=True)


# ---- formulas


def huber(delta):
    def losses(s, t):
        distance = np.abs(s - t)
        return np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))

    return losses


def binary_cross_entropy(s, t):
    p = 1 / (1 + np.exp(-s))
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


def softmax(s):
    return np.exp(s) / np.sum(np.exp(s), axis=1, keepdims=True)


def as_rows(t):
    """Labels as rows; a label that is no class, as a row of zeros."""
    return t if t.ndim == 2 else (t[:, None] == np.arange(C)).astype(float)


def softmax_cross_entropy(s, t):
    if t.ndim == 1:
        return -np.log(softmax(s)[np.arange(len(t)), t])
    return -np.sum(t * np.log(softmax(s)), axis=1)


WEIGHTS = [0.5, 2.0, 1.0, 3.0, 0.25]


def with_options(class_weights=(1,) * C, smoothing=0.0, ignored=None):
    """The smoothed loss: a share of that of the target, and one of that of all classes."""
    c = np.array(class_weights, float)

    def losses(s, t):
        wanted = -np.sum(as_rows(t) * c * np.log(softmax(s)), axis=1)
        all_classes = -np.sum(c * np.log(softmax(s)), axis=1) / C
        return used(t) * ((1 - smoothing) * wanted + smoothing * all_classes)

    def used(t):
        return 1.0 * (t != ignored) if t.ndim == 1 else np.ones(len(t))

    return losses, lambda t: used(t) * (as_rows(t) @ c)


def hinge(s, t):
    here = as_rows(t)
    m = s - np.sum(s * here, axis=1, keepdims=True) + 1
    return np.sum(np.where(m > 0, m, 0.0) * (1 - here), axis=1)


def binary_hinge(s, t):
    m = 1 - (2 * t - 1)[:, None] * s
    return np.where(m > 0, m, 0.0)


def kullback_leibler(s, t):
    log_t = np.log(np.where(t > 0, t, 1))
    return np.sum(t * (log_t - np.log(softmax(s))), axis=1)


def cross_entropy_row(name, targets, **options):
    class_weights, smoothing = options.get("class_weights", (1,) * C), options.get("label_smoothing", 0)
    losses, counts = with_options(class_weights, smoothing, options.get("ignored_label"))
    return Row(f"SoftmaxCrossEntropyLoss, {name}", lambda r: SoftmaxCrossEntropyLoss(r, **options), (C,),
               targets, losses, counts)  # fmt: skip


ROWS = {
    row.name: row
    for row in [
        Row("MeanSquaredErrorLoss", MeanSquaredErrorLoss, (4,), numbers(4), lambda s, t: (s - t) ** 2),
        Row("MeanSquaredErrorLoss, of one score", MeanSquaredErrorLoss, (1,), numbers(1),
            lambda s, t: (s - t) ** 2),
        Row("MeanSquaredErrorLoss, of images", MeanSquaredErrorLoss, (2, 3), numbers(2, 3),
            lambda s, t: (s - t) ** 2),
        Row("MeanAbsoluteErrorLoss", MeanAbsoluteErrorLoss, (4,), numbers(4), lambda s, t: np.abs(s - t)),
        Row("MeanAbsoluteErrorLoss, of single numbers", MeanAbsoluteErrorLoss, (), numbers(),
            lambda s, t: np.abs(s - t)),
        Row("HuberLoss", lambda r: HuberLoss(reduction=r), (4,), numbers(4), huber(1.0)),
        Row("HuberLoss, of a small delta", lambda r: HuberLoss(0.25, r), (4,), numbers(4), huber(0.25)),
        Row("BinaryCrossEntropyLoss", BinaryCrossEntropyLoss, (C,), zeros_and_ones, binary_cross_entropy),
        Row("BinaryCrossEntropyLoss, of probabilities", BinaryCrossEntropyLoss, (C,),
            lambda rng, N: rng.random((N, C)), binary_cross_entropy),
        Row("BinaryCrossEntropyLoss, of one score and labels", BinaryCrossEntropyLoss, (1,), bits,
            lambda s, t: binary_cross_entropy(s, t[:, None])),
        Row("SoftmaxCrossEntropyLoss", SoftmaxCrossEntropyLoss, (C,), labels, softmax_cross_entropy),
        Row("SoftmaxCrossEntropyLoss, rows", SoftmaxCrossEntropyLoss, (C,), rows, softmax_cross_entropy),
        cross_entropy_row("class weights", labels, class_weights=WEIGHTS),
        cross_entropy_row("class weights and rows", rows, class_weights=WEIGHTS),
        cross_entropy_row("smoothed", labels, label_smoothing=0.2),
        cross_entropy_row("smoothed rows", rows_with_zeros, label_smoothing=0.2),
        cross_entropy_row("an ignored label", some_ignored(-1), ignored_label=-1),
        cross_entropy_row("an ignored class", some_ignored(3), ignored_label=3),
        cross_entropy_row("class weights, smoothed", labels, class_weights=WEIGHTS, label_smoothing=0.1),
        cross_entropy_row("class weights, smoothed rows", rows, class_weights=WEIGHTS, label_smoothing=0.1),
        cross_entropy_row("all options", some_ignored(-100), class_weights=WEIGHTS, label_smoothing=0.1,
                          ignored_label=-100),
        Row("HingeLoss", HingeLoss, (C,), labels, hinge),
        Row("HingeLoss, of one score", HingeLoss, (1,), bits, binary_hinge),
        Row("KullbackLeiblerLoss", KullbackLeiblerLoss, (C,), rows, kullback_leibler),
        Row("KullbackLeiblerLoss, with zeros", KullbackLeiblerLoss, (C,), rows_with_zeros, kullback_leibler),
    ]
}  # fmt: skip
