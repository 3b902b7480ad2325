"""When a training deserves a word on its learning rate."""

import math

import pytest

from npbp.training import History
from npbp.training.advice import advice, too_large

LARGE = "the learning rate may be too large, try a tenth of it"


@pytest.mark.parametrize("loss, correct", [
    ([1111429.9, 284.5, 290.0], [0.1, 0.1, 0.1]), ([39.3, 24.9], [0.1, 0.1]),  # far above guessing
    ([5.0], [0.3]), ([5.0], []),
    ([0.9, 0.5, 1.2], [0.7, 0.8, 0.5]),                                         # rose
    ([19.0, 2.33, 2.33], [0.11, 0.1, 0.1])])                                    # died
def test_too_large_a_learning_rate_is_said_to_be_so(loss, correct):
    history = History(loss=loss, correct=correct)
    assert advice(history, 10).endswith(LARGE)
    assert too_large(history, 10) == advice(history, 10)


def test_where_nothing_was_learnt_both_ways_are_named():
    text = advice(History(loss=[2.34, 2.34], correct=[0.11, 0.11]), 10)
    assert "0.110 correct is what guessing gives" in text and "too small or too large" in text
    assert too_large(History(loss=[2.34, 2.34], correct=[0.11, 0.11]), 10) == ""


@pytest.mark.parametrize("loss, correct, classes", [
    ([], [], 10), ([2.3], [0.2], 10), ([2.1, 0.4, 0.1], [0.3, 0.9, 0.99], 10),
    ([0.4, 0.4004], [0.9, 0.9], 10),            # as good as before
    ([0.68, 0.66], [0.6, 0.6], 2) , ([2.2, 2.0], [], 10)])
def test_a_training_that_goes_its_way_gets_no_advice(loss, correct, classes):
    assert advice(History(loss=loss, correct=correct), classes) == ""


def test_the_better_one_of_training_and_validation_counts():
    """The training's numbers are from before the steps: after a single one they say little."""
    run = History(loss=[2.34], correct=[0.11], validation_loss=[2.1], validation_correct=[0.35])
    assert advice(run, 10) == ""
    run = History(loss=[6.0], correct=[0.5], validation_loss=[0.5], validation_correct=[0.85])
    assert advice(run, 10) == ""
    run = History(loss=[0.7, 0.1], correct=[0.8, 0.99], validation_loss=[0.7, 9.0],
                  validation_correct=[0.8, 0.7])
    assert advice(run, 10) == ""
    run = History(loss=[19.0], correct=[0.11], validation_loss=[2.33], validation_correct=[0.09])
    assert advice(run, 10).endswith(LARGE)


def test_guessing_among_two_is_right_more_often_than_among_ten():
    run = History(loss=[math.log(2), math.log(2)], correct=[0.5, 0.5])
    assert "guessing" in advice(run, 2)
    run = History(loss=[2.0, 1.5], correct=[0.3, 0.5])
    assert advice(run, 10) == ""
