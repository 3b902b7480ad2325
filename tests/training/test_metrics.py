"""Metrics: by hand, in batches, in fit, and what they say of wrong arrays."""
from __future__ import annotations

import csv
import math

import numpy as np
import pytest

import npbp
from npbp import (SGD, History, Linear, MeanSquaredErrorLoss, Network, NeuralNet, ReLU,
                  SoftmaxCrossEntropyLoss, fit)
from npbp.datasets import one_hot
from npbp.metrics import (
    Metric,
    accuracy,
    confusion_matrix,
    mean_absolute_error,
    r2,
    top_k,
)
from npbp.training.metrics import as_metrics
from npbp.training.totals import Totals

rng = np.random.default_rng
P = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.2, 0.6, 0.2], [0.4, 0.4, 0.2]])


def in_batches(metric, prediction, targets, size):
    sums = None
    for start in range(0, len(prediction), size):
        new = metric.sums(prediction[start:start + size], targets[start:start + size])
        assert new.dtype == np.float64
        sums = new if sums is None else metric.merge(sums, new)
    return metric.value(sums)


# ---- by hand

def test_accuracy_counts_the_largest_prediction_and_of_equal_ones_the_first():
    assert accuracy(P, np.array([0, 2, 0, 0])) == 0.75
    assert accuracy(P, np.array([0, 2, 0, 1])) == 0.5
    assert type(accuracy(P, np.array([0, 2, 0, 0]))) is float


@pytest.mark.parametrize("k, right", [(1, 2), (2, 3), (3, 4)])
def test_top_k_counts_the_k_largest(k, right):
    assert top_k(k)(P, np.array([0, 2, 2, 1])) == right / 4


def test_of_equal_predictions_the_class_that_comes_first_has_the_better_place():
    same = np.full((4, 4), 0.25)
    labels = np.arange(4)
    assert [top_k(k)(same, labels) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("N", [1, 7, 200])
def test_top_1_is_the_accuracy(N):
    p = rng(N).integers(0, 4, (N, 5)).astype(np.float32)   # many are equal
    labels = rng(N + 1).integers(0, 5, N).astype(np.uint8)
    assert top_k(1)(p, labels) == accuracy(p, labels)


def test_a_row_of_the_confusion_matrix_is_the_true_class_and_a_column_the_predicted_one():
    matrix = confusion_matrix(3)(P, np.array([0, 2, 0, 1]))
    assert matrix.tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert matrix.dtype.kind == "i"


def test_labels_of_one_byte_do_not_overflow_in_the_confusion_matrix():
    labels = np.arange(200, dtype=np.uint8)
    matrix = confusion_matrix(200)(np.eye(200), labels)
    assert np.array_equal(matrix, np.eye(200))


def test_rows_of_probabilities_count_by_their_largest_entry():
    labels = np.array([0, 2, 0, 1])
    rows = one_hot(labels, 3)
    assert accuracy(P, rows) == accuracy(P, labels)
    assert top_k(2)(P, rows) == top_k(2)(P, labels)
    assert np.array_equal(confusion_matrix(3)(P, rows), confusion_matrix(3)(P, labels))


@pytest.mark.parametrize("targets", [np.array([1, 0, 1]), np.array([[1.0], [0.0], [1.0]]),
                                     np.array([[1], [0], [1]]), np.array([0.9, 0.2, 1.0])])
def test_a_single_output_is_the_probability_of_class_1(targets):
    p = np.array([[0.7], [0.6], [0.5]], np.float32)         # 0.5 is no yes
    assert accuracy(p, targets) == pytest.approx(1 / 3)
    assert accuracy(p[:, 0], targets.reshape(-1)) == pytest.approx(1 / 3)
    assert confusion_matrix(2)(p, targets).tolist() == [[0, 1], [1, 1]]


def test_mean_absolute_error_is_the_mean_over_all_numbers():
    p, t = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 2.0], [0.0, 8.0]])
    assert mean_absolute_error(p, t) == 2.0


def test_r2_is_1_for_the_targets_0_for_their_mean_and_less_for_worse():
    t = np.array([[1.0], [2.0], [6.0]])
    assert r2(t, t) == 1.0
    assert r2(np.full((3, 1), 3.0), t) == 0.0
    assert r2(-t, t) < 0
    assert r2(t[:, 0] + 1, t[:, 0]) == pytest.approx(1 - 3 / 14)


def test_r2_of_several_columns_is_the_mean_of_theirs():
    p, t = rng(0).random((20, 3)), rng(1).random((20, 3))
    assert r2(p, t) == pytest.approx(np.mean([r2(p[:, k], t[:, k]) for k in range(3)]))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 / 3])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_r2_of_targets_without_any_spread_is_nan_in_batches_too(value, size):
    t = np.full((7, 1), value, np.float32)
    assert math.isnan(in_batches(r2, t, t, size)) and math.isnan(in_batches(r2, t + 1, t, size))


# ---- sums over batches

@pytest.mark.parametrize("metric", [accuracy, top_k(2), confusion_matrix(4)], ids=repr)
@pytest.mark.parametrize("size", [1, 3, 25, 100])
def test_classes_counted_in_batches_are_those_of_the_whole(metric, size):
    p, labels = rng(0).random((50, 4), np.float32), rng(1).integers(0, 4, 50)
    assert np.array_equal(in_batches(metric, p, labels, size), metric(p, labels))


@pytest.mark.parametrize("metric", [mean_absolute_error, r2], ids=repr)
@pytest.mark.parametrize("size", [1, 3, 25, 100])
def test_numbers_summed_in_batches_are_those_of_the_whole(metric, size):
    p, t = rng(0).random((50, 2)), rng(1).random((50, 2))
    assert in_batches(metric, p, t, size) == pytest.approx(metric(p, t), rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e8])
@pytest.mark.parametrize("size", [1, 10, 1000])
def test_r2_keeps_its_digits_however_far_the_targets_are_from_0(offset, size):
    t = rng(0).standard_normal((1000, 1))
    p = t + 0.1 * rng(1).standard_normal((1000, 1))
    shifted = in_batches(r2, p + offset, t + offset, size)
    assert shifted == pytest.approx(r2(p, t), abs=1e-6)


def test_a_sum_in_float32_does_not_lose_small_numbers():
    p = np.full((3_000_000, 1), 0.1, np.float32)
    p[0] = 3e7
    assert mean_absolute_error(p, np.zeros_like(p)) == pytest.approx(10.1, rel=1e-6)


def test_an_empty_batch_adds_nothing():
    none, some = (np.empty((0, 3)), np.empty(0, int)), (P, np.array([0, 2, 0, 1]))
    for metric in (accuracy, top_k(2), confusion_matrix(3)):
        both = metric.merge(metric.sums(*none), metric.sums(*some))
        assert np.array_equal(metric.value(both), metric(*some))
    none, some = (np.empty((0, 2)), np.empty((0, 2))), (rng(0).random((5, 2)), rng(1).random((5, 2)))
    for metric in (mean_absolute_error, r2):
        for a, b in ((none, some), (some, none)):
            both = metric.merge(metric.sums(*a), metric.sums(*b))
            assert metric.value(both) == pytest.approx(metric(*some))
        assert math.isnan(metric(*none))
        assert math.isnan(metric.value(metric.merge(metric.sums(*none), metric.sums(*none))))
    assert math.isnan(accuracy(np.empty((0, 3)), np.empty(0, int)))


def test_the_arrays_of_the_caller_are_not_written_into():
    p, labels = P.copy(), np.array([0, 2, 0, 1])
    for metric in (accuracy, top_k(2), confusion_matrix(3)):
        metric(p, labels)
    mean_absolute_error(p, P)
    r2(p, P)
    assert np.array_equal(p, P) and labels.tolist() == [0, 2, 0, 1]


# ---- NaN

def test_a_nan_in_the_prediction_is_not_hidden():
    p = P.copy()
    p[1, 0] = np.nan
    labels = np.array([0, 2, 0, 1])
    assert math.isnan(accuracy(p, labels)) and math.isnan(top_k(2)(p, labels))
    assert math.isnan(in_batches(accuracy, p, labels, 1))
    assert math.isnan(mean_absolute_error(p, P)) and math.isnan(r2(p, P))
    with pytest.raises(ValueError, match="confusion_matrix: got NaN as prediction 1"):
        confusion_matrix(3)(p, labels)


# ---- wrong arrays

LABELS = np.array([0, 2, 0, 1])


@pytest.mark.parametrize("metric", [accuracy, top_k(2), confusion_matrix(3)], ids=lambda m: m.name)
@pytest.mark.parametrize("prediction, targets, error, message", [
    (P, LABELS[:3], ValueError, r"got targets of shape \(3,\).*wanted integer labels \(4,\)"),
    (P, LABELS.astype(float), ValueError, "type float64.*wanted integer labels"),
    (P, LABELS + 1, ValueError, "got the label 3, wanted 0 to 2"),
    (P, LABELS - 1, ValueError, "got the label -1, wanted 0 to 2"),
    (P, 2 * P, ValueError, r"rows of probabilities \(4, 3\)"),
    (P[None], LABELS, ValueError, r"got a prediction of shape \(1, 4, 3\), wanted \(N, C\)"),
    (P.astype(str), LABELS, TypeError, "wanted real numbers"),
    (P, None, TypeError, "got None"),
    (np.ma.masked_array(P, P > 0.5), LABELS, TypeError, "masked array"),
    (np.array([[0.2], [7.0], [0.1], [0.3]]), LABELS, ValueError, "got 7.0 as prediction 1.*regression"),
    (np.array([[0.2], [0.7], [0.1], [0.3]]), LABELS, ValueError, "got the label 2, wanted 0 to 1"),
])
def test_what_is_no_classification_is_an_error_that_names_the_metric(
        metric, prediction, targets, error, message):
    with pytest.raises(error, match=f"^{metric.name}: .*{message}"):
        metric(prediction, targets)


@pytest.mark.parametrize("metric", [mean_absolute_error, r2], ids=repr)
@pytest.mark.parametrize("p, t", [(np.ones((4, 1)), np.ones(4)), (np.ones((4, 3)), LABELS),
                                  (np.ones((4, 3)), np.ones((3, 3))), (1.0, 2.0)])
def test_numbers_of_other_shapes_are_not_broadcast(metric, p, t):
    with pytest.raises(ValueError, match=f"^{metric.name}: got a prediction of shape .*the same shape"):
        metric(p, t)


def test_more_places_than_classes_are_an_error():
    with pytest.raises(ValueError, match="^top_4: got predictions for 3 classes, wanted 4 or more"):
        top_k(4)(P, LABELS)


def test_a_confusion_matrix_of_another_size_is_an_error():
    with pytest.raises(ValueError, match="^confusion_matrix: got predictions for 3 classes, wanted 4"):
        confusion_matrix(4)(P, LABELS)


@pytest.mark.parametrize("make", [top_k, confusion_matrix], ids=["top_k", "confusion_matrix"])
@pytest.mark.parametrize("value, error", [(0, ValueError), (-1, ValueError), (2.0, TypeError),
                                          (True, TypeError), (None, TypeError)])
def test_a_size_that_is_none_is_named(make, value, error):
    with pytest.raises(error, match="^(top_k|confusion_matrix): got (k|classes)="):
        make(value)


# ---- what fit takes

def confidence(prediction, targets):
    return np.mean(prediction.max(axis=1))


@pytest.mark.parametrize("metrics, error, message", [
    (accuracy, TypeError, r"wanted a list: metrics=\[\.\.\.\]"),
    (confidence, TypeError, "wanted a list"),
    ("accuracy", TypeError, "wanted a list"),
    (3, TypeError, "wanted a list"),
    (["accuracy"], TypeError, "got 'accuracy' as a metric, .*npbp.metrics.accuracy"),
    ([top_k], TypeError, r"got the class TopK as a metric, wanted .*npbp.metrics.top_k\(3\)"),
    ([3], TypeError, "got 3 as a metric"),
    ([None], TypeError, "got None as a metric"),
    ([lambda p, t: 0.0], ValueError, 'the name .<lambda>.*metrics={"name": function}'),
    ({"": confidence}, ValueError, "the name ''"),
    ({3: confidence}, ValueError, "the name 3"),
    ({"a,b": confidence}, ValueError, "the name 'a,b'"),
    ({"a\nb": confidence}, ValueError, "the name"),
    ({"loss": confidence}, ValueError, "the name 'loss', which the history has itself"),
    ({"validation_x": confidence}, ValueError, "the name 'validation_x'"),
    ([top_k(3), top_k(3)], ValueError, "two metrics with the name 'top_3'"),
])
def test_what_is_no_metric_is_named_before_the_training(metrics, error, message):
    network, X, y = classes()
    start = network.layers[0].W.copy()
    with pytest.raises(error, match=f"^fit: .*{message}"):
        fit(network, (X, y), metrics=metrics, epochs=1)
    assert np.array_equal(network.layers[0].W, start)


@pytest.mark.parametrize("none", [None, (), [], {}])
def test_no_metrics_may_be_said_in_any_way(none):
    assert as_metrics(none) == {}


@pytest.mark.parametrize("returned", [None, "0.5", np.ones(3), 1j, [0.5]])
def test_a_function_that_returns_no_number_is_named(returned):
    network, X, y = classes()
    with pytest.raises(TypeError, match="^metric mine: got .*, wanted one number"):
        fit(network, (X, y), epochs=1, metrics={"mine": lambda p, t: returned})


@pytest.mark.parametrize("returned", [0.5, 1, np.float32(0.5), np.array(0.5), True, np.int64(3)])
def test_a_function_may_return_any_real_number(returned):
    network, X, y = classes()
    history = fit(network, (X, y), epochs=1, metrics={"mine": lambda p, t: returned})
    assert history.metrics == {"mine": [float(returned)]} and type(history.metrics["mine"][0]) is float


def test_a_function_that_writes_into_the_prediction_is_an_error_and_spoils_no_gradient():
    def careless(prediction, targets):
        prediction -= 1
        return 0.0
    network, X, y = classes()
    with pytest.raises(ValueError, match="read-only"):
        fit(network, (X, y), epochs=1, metrics=[careless])


# ---- in fit

def classes(N=103, C=4, loss=None):
    X = rng(0).standard_normal((N, 6)).astype(np.float32)
    y = np.argmax(X[:, :C] + 0.5 * rng(1).standard_normal((N, C)), axis=1)
    r = rng(2)
    network = Network([Linear(6, 9, r), ReLU(), Linear(9, C, r)], loss or SoftmaxCrossEntropyLoss())
    return network, X, y


METRICS = [accuracy, top_k(2), confusion_matrix(4), confidence]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_fit_counts_metrics_over_training_and_validation_as_the_whole_arrays_have_them(reduction):
    network, X, y = classes(loss=SoftmaxCrossEntropyLoss(reduction))
    X2, y2 = rng(5).standard_normal((2500, 6)).astype(np.float32), rng(6).integers(0, 4, 2500)
    history = fit(network, (X, y), (X2, y2), epochs=3, batch_size=10, metrics=METRICS, rng=rng(0),
                  optimizer=SGD(0.0))
    assert list(history.metrics) == ["accuracy", "top_2", "confusion_matrix", "confidence",
                                     "validation_accuracy", "validation_top_2",
                                     "validation_confusion_matrix", "validation_confidence"]
    for prefix, (images, labels) in (("", (X, y)), ("validation_", (X2, y2))):
        p = network.predict(images)
        assert history.metrics[prefix + "accuracy"] == 3 * [accuracy(p, labels)]
        assert history.metrics[prefix + "top_2"] == 3 * [top_k(2)(p, labels)]
        for matrix in history.metrics[prefix + "confusion_matrix"]:
            assert np.array_equal(matrix, confusion_matrix(4)(p, labels))
        assert history.metrics[prefix + "confidence"] == pytest.approx(3 * [confidence(p, labels)])
    assert history.correct == history.metrics["accuracy"]
    assert history.validation_correct == history.metrics["validation_accuracy"]


def test_metrics_of_the_training_are_counted_on_the_way_as_correct_is():
    network, X, y = classes()
    history = fit(network, (X, y), epochs=3, batch_size=10, metrics=[accuracy], rng=rng(0))
    assert history.correct == history.metrics["accuracy"] and len(set(history.correct)) > 1


def test_metrics_change_nothing_of_the_training():
    (a, X, y), (b, _, _) = classes(), classes()
    plain = fit(a, (X, y), (X, y), epochs=3, rng=rng(0))
    counted = fit(b, (X, y), (X, y), epochs=3, rng=rng(0), metrics=METRICS)
    assert plain.loss == counted.loss and plain.validation_loss == counted.validation_loss
    assert np.array_equal(a.layers[0].W, b.layers[0].W)
    assert plain.metrics == {}


def test_each_epoch_has_a_matrix_of_its_own():
    network, X, y = classes()
    matrices = fit(network, (X, y), epochs=2, metrics=[confusion_matrix(4)]).metrics["confusion_matrix"]
    assert not np.shares_memory(*matrices)
    assert all(matrix.sum() == len(y) for matrix in matrices)


def test_the_walk_throughs_network_counts_metrics():
    X, y = rng(0).random((50, 784), np.float32), rng(1).integers(0, 10, 50)
    history = fit(NeuralNet(rng=rng(0)), (X, y), validation=0.2, epochs=2, metrics=[accuracy, top_k(3)])
    assert history.metrics["accuracy"] == history.correct
    assert history.metrics["validation_accuracy"] == history.validation_correct
    assert all(a <= b for a, b in zip(history.metrics["accuracy"], history.metrics["top_3"]))


def test_a_regression_has_its_metrics_and_no_correct(tmp_path):
    X = rng(0).standard_normal((60, 3)).astype(np.float32)
    t = (X @ rng(1).standard_normal((3, 2)) + 1000).astype(np.float32)
    network = Network([Linear(3, 2, rng(2))], MeanSquaredErrorLoss())
    network.layers[0].W[-1] = 1000
    history = fit(network, (X, t), 0.25, epochs=30, batch_size=10, rng=rng(3),
                  metrics=[mean_absolute_error, r2])
    assert history.correct == history.validation_correct == []
    assert history.metrics["validation_r2"][-1] > 0.99 > history.metrics["validation_r2"][0]
    assert history.metrics["mean_absolute_error"][-1] < 0.1
    text = repr(history)
    assert ", r2 1" in text and ", validation_mean_absolute_error " in text and "correct" not in text
    history.to_csv(tmp_path / "h.csv")
    with open(tmp_path / "h.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["validation_r2"]) for row in rows] == history.metrics["validation_r2"]
    assert {row["correct"] for row in rows} == {""}


def test_a_classification_metric_of_a_regression_is_an_error_that_says_so():
    X = rng(0).standard_normal((20, 3)).astype(np.float32)
    network = Network([Linear(3, 1, rng(2))], MeanSquaredErrorLoss())
    with pytest.raises(ValueError, match="^accuracy: got .* as prediction .*regression"):
        fit(network, (X, 100 * X[:, :1]), epochs=1, metrics=[accuracy])


class Squares(Metric):
    name = "squares"

    def sums(self, prediction, targets):
        return np.array([np.sum(prediction**2), len(prediction)])

    def value(self, sums):
        return sums[0] / sums[1]


class Alien:
    """A metric of somebody who never saw the base class."""
    name = "alien"
    sums, value = Squares.sums, Squares.value


@pytest.mark.parametrize("metric", [Squares(), Alien()], ids=["subclass", "alien"])
def test_a_metric_of_ones_own_needs_a_name_sums_and_a_value(metric):
    network, X, y = classes()
    history = fit(network, (X, y), epochs=1, batch_size=10, metrics=[metric], optimizer=SGD(0.0))
    p = network.predict(X)
    assert history.metrics[metric.name] == pytest.approx([np.sum(p**2) / len(p)], rel=1e-6)


@pytest.mark.parametrize("call, message", [(lambda m: m.sums(P, LABELS), r"no sums\(prediction, targets\)"),
                                           (lambda m: m.value(np.ones(2)), r"no value\(sums\)")])
def test_a_metric_without_its_methods_says_which(call, message):
    with pytest.raises(NotImplementedError, match=f"Metric has {message}"):
        call(Metric())


def test_a_dict_gives_a_metric_another_name():
    network, X, y = classes()
    history = fit(network, (X, y), epochs=1, metrics={"right": accuracy})
    assert list(history.metrics) == ["right"] and history.metrics["right"] == history.correct


def test_what_the_loss_ignores_no_metric_counts():
    network, X, y = classes(loss=SoftmaxCrossEntropyLoss(ignored_label=-1))
    y[::3] = -1
    history = fit(network, (X, y), epochs=1, batch_size=10, optimizer=SGD(0.0),
                  metrics=[accuracy, confusion_matrix(4)])
    used = y != -1
    p = network.predict(X)[used]
    assert history.metrics["accuracy"] == [accuracy(p, y[used])]
    assert history.metrics["confusion_matrix"][0].sum() == used.sum()


# ---- totals and their state

@pytest.mark.parametrize("metrics", [METRICS, [r2, mean_absolute_error]])
def test_the_sums_of_a_part_of_an_epoch_can_be_put_back(metrics):
    metrics = as_metrics(metrics)
    network = NeuralNet(4, 3, 4)
    p = rng(0).random((20, 4))
    y = rng(1).integers(0, 4, 20) if "accuracy" in metrics else rng(1).random((20, 4))
    whole, first, second = (Totals(network, metrics) for _ in range(3))
    for totals, parts in ((whole, (0, 5, 10, 15)), (first, (0, 5))):
        for start in parts:
            totals.add(p[start:start + 5], 1.5, y[start:start + 5])
    state = first.state_dict()
    assert all(isinstance(key, str) for key in state)
    second.load_state_dict(state)
    for start in (10, 15):
        second.add(p[start:start + 5], 1.5, y[start:start + 5])
    for a, b in zip(whole.means()[2].values(), second.means()[2].values()):
        assert np.array_equal(a, b)
    assert whole.means()[:2] == second.means()[:2]


@pytest.mark.parametrize("other", [[], [accuracy], [accuracy, top_k(3)]])
def test_sums_of_other_metrics_are_refused(other):
    totals = Totals(NeuralNet(4, 3, 4), as_metrics([accuracy, top_k(2)]))
    totals.add(P, 1.5, LABELS)
    with pytest.raises(ValueError, match="wanted those that the epoch began with: accuracy, top_2"):
        Totals(NeuralNet(4, 3, 4), as_metrics(other)).load_state_dict(totals.state_dict())


# ---- the package

def test_the_metrics_are_reached_from_the_package():
    assert npbp.metrics.accuracy is accuracy is npbp.training.metrics.accuracy
    assert repr(accuracy) == "<metric accuracy>" and repr(top_k(3)) == "<metric top_3>"


def test_a_history_of_before_can_be_made_as_before():
    run = History([1.0], [0.5], [1.2], [0.25], [9.0], True)
    assert run.interrupted and run.metrics == {} and run == History([1.0], [0.5], [1.2], [0.25], [9.0], True)
