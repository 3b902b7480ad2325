"""Training with each loss: what fit and History say of it, and what they do not."""

import csv

import numpy as np
import pytest

from npbp import (
    BinaryCrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KullbackLeiblerLoss,
    Linear,
    MeanAbsoluteErrorLoss,
    MeanSquaredErrorLoss,
    Network,
    ReLU,
    SGD,
    SoftmaxCrossEntropyLoss,
    fit,
)

REGRESSIONS = [MeanSquaredErrorLoss, MeanAbsoluteErrorLoss, HuberLoss]


def inputs(N=60):
    return np.random.default_rng(0).uniform(-1, 1, (N, 4)).astype(np.float32)


def network(outputs, loss):
    rng = np.random.default_rng(1)
    return Network([Linear(4, 16, rng), ReLU(), Linear(16, outputs, rng)], loss)


def targets_of(X, kind):
    """Targets that look like anything: numbers, rows of probabilities, whole numbers."""
    if kind == "numbers":
        return X[:, :3] ** 2
    if kind == "one number":
        return X[:, :1] - X[:, 1:2]
    if kind == "probabilities":
        t = np.exp(X[:, :3])
        return t / t.sum(axis=1, keepdims=True)
    if kind == "one hot":
        return np.eye(3)[X[:, :3].argmax(axis=1)]
    return (X[:, :1] > 0).astype(int)  # whole numbers


@pytest.mark.parametrize("kind", ["numbers", "one number", "probabilities", "one hot", "whole numbers"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("loss", REGRESSIONS)
def test_nothing_says_correct_of_a_regression(loss, reduction, kind, tmp_path):
    X = inputs()
    t = targets_of(X, kind)
    net = network(t.shape[1], loss(reduction=reduction))
    optimizer = SGD(0.02 if reduction == "mean" else 0.002)
    history = fit(net, (X, t), (X, t), epochs=15, batch_size=8, optimizer=optimizer, rng=np.random.default_rng(2))
    assert history.loss[-1] < history.loss[0]
    assert len(history.validation_loss) == 15
    assert history.correct == history.validation_correct == []
    assert "correct" not in repr(history)
    assert [axes.get_ylabel() for axes in history.plot().axes] == ["loss"]
    history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15
    assert all(row["correct"] == row["validation_correct"] == "" for row in rows)
    assert net.evaluate(X, t)[1] is None


@pytest.mark.parametrize(
    "loss, outputs, make_targets",
    [
        (BinaryCrossEntropyLoss(), 1, lambda X: (X[:, 0] > X[:, 1]).astype(np.uint8)),
        (BinaryCrossEntropyLoss(), 1, lambda X: (X[:, :1] > X[:, 1:2])),
        (BinaryCrossEntropyLoss(), 4, lambda X: X > 0),
        (BinaryCrossEntropyLoss("sum"), 4, lambda X: (X > 0).astype(int)),
        (HingeLoss(), 1, lambda X: (X[:, 0] > X[:, 1]).astype(int)),
        (HingeLoss(), 4, lambda X: X.argmax(axis=1)),
        (HingeLoss("sum"), 4, lambda X: X.argmax(axis=1)),
        (KullbackLeiblerLoss(), 4, lambda X: np.eye(4)[X.argmax(axis=1)]),
        (SoftmaxCrossEntropyLoss(label_smoothing=0.1), 4, lambda X: X.argmax(axis=1)),
        (SoftmaxCrossEntropyLoss(class_weights=[1, 2, 3, 4]), 4, lambda X: X.argmax(axis=1)),
    ],
)
def test_a_choice_has_a_fraction_correct_that_rises(loss, outputs, make_targets):
    X = inputs(200)
    t = make_targets(X)
    alpha = 0.3 if loss.reduction == "mean" else 0.03
    history = fit(network(outputs, loss), (X, t), (X, t), 40, 8, SGD(alpha), np.random.default_rng(2))
    assert history.loss[-1] < 0.7 * history.loss[0]
    assert history.correct[-1] > 0.9 and history.validation_correct[-1] > 0.9
    assert 0 <= min(history.correct) and max(history.correct) <= 1


def test_ignored_examples_are_in_no_fraction_and_in_no_mean():
    """The last batch is smaller and has more that is ignored: still the means are those over all
    that counts."""
    X, y = inputs(), inputs()[:, :3].argmax(axis=1)
    y[50:58] = y[::9] = -1
    net = network(3, SoftmaxCrossEntropyLoss(ignored_label=-1, class_weights=[1, 2, 3]))
    p, number = net.loss(net.scores(X), y)
    counts = y >= 0
    right = np.count_nonzero(p.argmax(axis=1)[counts] == y[counts])
    history = fit(net, (X, y), epochs=1, batch_size=8, optimizer=SGD(0.0), rng=np.random.default_rng(0))
    assert history.loss[0] == pytest.approx(number, rel=1e-6)
    assert history.correct[0] == pytest.approx(right / np.count_nonzero(counts), rel=1e-12)
