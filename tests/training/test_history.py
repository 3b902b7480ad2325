"""A history with metrics: its columns, its file, its repr, and when two are the same."""
from __future__ import annotations

import numpy as np
import pytest

from npbp import History

NAN = float("nan")


def with_metrics():
    return History(loss=[2.0, 1.0], correct=[0.25, 0.5], seconds=[1.0, 1.0], metrics={
        "top_3": [0.5, 0.75], "confusion_matrix": [np.eye(2, dtype=int), 2 * np.eye(2, dtype=int)],
        "validation_top_3": [0.5, 1 / 3]})


def test_the_csv_has_the_metrics_that_are_numbers_after_the_five_lists(tmp_path):
    with_metrics().to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text().splitlines() == [
        "epoch,loss,correct,validation_loss,validation_correct,seconds,top_3,validation_top_3",
        "1,2.0,0.25,,,1.0,0.5,0.5", "2,1.0,0.5,,,1.0,0.75,0.3333333333333333"]


def test_the_repr_says_the_last_of_each_number():
    assert repr(with_metrics()) == "History(2 epochs, loss 1, correct 0.5, top_3 0.75, validation_top_3 0.3333)"


def test_a_column_is_found_by_its_name():
    run = with_metrics()
    assert run.column("loss") is run.loss and run.column("top_3") is run.metrics["top_3"]
    assert list(run.numbers()) == ["top_3", "validation_top_3"]


@pytest.mark.parametrize("name", ["validation_loss", "top_5", "interrupted", "to_csv"])
def test_a_column_that_is_not_there_is_an_error_that_says_which_are(name):
    with pytest.raises(ValueError, match=f"History: got the name '{name}', wanted one of loss, correct, seconds, "
                                         "top_3, confusion_matrix, validation_top_3"):
        with_metrics().column(name)
    with pytest.raises(ValueError, match="wanted one of none: it is empty"):
        History().column("loss")


def test_histories_with_the_same_entries_are_the_same_also_if_they_are_arrays_or_nan():
    assert with_metrics() == with_metrics()
    assert History(loss=[1.0, NAN]) == History(loss=[1.0, float("nan")])
    assert History(metrics={"r2": [NAN]}) == History(metrics={"r2": [float("nan")]})


@pytest.mark.parametrize("change", [
    lambda run: run.loss.__setitem__(0, 3.0), lambda run: run.loss.pop(), lambda run: run.metrics.pop("top_3"),
    lambda run: run.metrics["top_3"].__setitem__(1, 0.7),
    lambda run: run.metrics["confusion_matrix"].__setitem__(1, np.eye(2)),
    lambda run: run.metrics["confusion_matrix"].__setitem__(1, np.eye(3)),
    lambda run: setattr(run, "interrupted", True), lambda run: run.seconds.__setitem__(0, 2.0)])
def test_histories_that_differ_anywhere_are_not_the_same(change):
    run = with_metrics()
    change(run)
    assert run != with_metrics()


def test_a_history_is_nothing_else():
    assert History() != [] and History() != "History"


def test_two_histories_share_no_lists():
    assert History().metrics is not History().metrics and History().loss is not History().loss


def test_ctrl_c_between_two_lists_leaves_whole_epochs_of_the_metrics_too():
    run = with_metrics()
    for values in (run.loss, run.correct, run.metrics["top_3"]):
        values.append(0.9)
    run.metrics["new"] = [0.5]                       # the first of an epoch that was not whole ...
    run.metrics["validation_top_3"].append(0.1)
    run._drop_part_of_an_epoch()
    assert len(run.loss) == 2 and [len(values) for values in run.metrics.values()] == [2, 2, 2, 1]
    run = History(metrics={"new": [0.5]})            # ... is gone, if it was the only one
    run._drop_part_of_an_epoch()
    assert run == History()
