"""The picture of a confusion matrix."""
from __future__ import annotations

import numpy as np
import pytest

from npbp.plotting import confusion


def test_each_cell_has_its_count_and_the_colour_of_its_share_of_the_row():
    matrix = np.array([[90, 10], [0, 1]])
    axes = confusion(matrix).axes[0]
    assert [text.get_text() for text in axes.texts] == ["90", "10", "0", "1"]
    assert [text.get_position() for text in axes.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.9, 0.1], [0, 1]])
    assert axes.get_xlabel() == "predicted" and axes.get_ylabel() == "right answer"


def test_a_class_without_examples_is_a_row_of_zeros():
    axes = confusion([[0, 0, 0], [1, 2, 3], [0, 0, 5]]).axes[0]
    np.testing.assert_allclose(axes.images[0].get_array()[0], 0)


def test_one_class_is_a_matrix_too():
    assert [text.get_text() for text in confusion([[7]]).axes[0].texts] == ["7"]


def test_it_is_written_whole_in_the_format_of_its_name(tmp_path):
    matrix = np.arange(100).reshape(10, 10)
    before = matrix.copy()
    confusion(matrix, tmp_path / "a.png", title="mnist")
    confusion(matrix, tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
    np.testing.assert_array_equal(matrix, before)
    with pytest.raises(ValueError):
        confusion(matrix, tmp_path / "a.xyz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg"]


def test_a_notebook_is_shown_a_png():
    assert confusion([[1, 2], [3, 4]])._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("matrix", [[1, 2], [[1, 2]], [], [[]], np.zeros((2, 2, 2))])
def test_what_is_no_square_matrix_is_refused(matrix):
    with pytest.raises(ValueError, match=r"confusion: got an array of shape .*, wanted \(C, C\)"):
        confusion(matrix)
