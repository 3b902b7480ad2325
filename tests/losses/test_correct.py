"""What is classified right, and where there is nothing to classify."""

import numpy as np
import pytest

from npbp.losses import count_correct, fraction_correct


def test_fraction_correct_counts_labels_and_rows_alike():
    p = np.array([[0.1, 0.9], [0.6, 0.4], [0.7, 0.3]])
    assert fraction_correct(p, np.array([1, 1, 0])) == 2 / 3
    assert fraction_correct(p, np.array([[0, 1], [0, 1], [1, 0]])) == 2 / 3
    assert count_correct(p, np.array([1, 1, 0], np.uint8)) == 2


@pytest.mark.parametrize(
    "prediction, targets",
    [
        (np.ones((4, 1)), np.zeros((4, 1))),  # one output: its largest entry is always the first
        (np.ones((4, 1)), np.zeros(4, int)),
        (np.ones(4), np.zeros(4)),
        (np.eye(3), np.full((3, 3), 0.5)),  # rows that are no probabilities
        (np.eye(3), -np.eye(3)),
        (np.eye(3), np.array([0.0, 1.0, 2.0])),  # numbers, not labels
        (np.eye(3), np.array([0, 1])),  # of another length: nothing is broadcast
        (np.ones((2, 3, 4)), np.zeros((2, 3), int)),
    ],
)
def test_where_there_are_no_classes_there_is_no_fraction(prediction, targets):
    assert fraction_correct(prediction, targets) is None
    assert count_correct(prediction, targets) is None
