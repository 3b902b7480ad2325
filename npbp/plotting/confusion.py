"""The confusion matrix as a picture: which class is taken for which."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from npbp.files import replacing
from npbp.plotting.curves import _own_settings, _png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion(matrix: Any, path: str | os.PathLike | None = None, title: str | None = None) -> Figure:
    """Draw a confusion matrix, a row a class and a column a prediction.

    The colour of a cell is the share of its row, so that a rare class is seen as well; the
    number in it is the count. The right ones are on the diagonal.

    Parameters
    ----------
    matrix : array (C, C)
        Of counts, as `npbp.metrics.confusion_matrix` gives it.
    path : path, optional
        Also write the picture to this file, whole or not at all; its ending says the format.
    title : str, optional
        A line above.

    Returns
    -------
    matplotlib.figure.Figure
        It shows itself as the last expression of a notebook cell.

    Raises
    ------
    ValueError
        If it is no square matrix of at least one class, or ``path`` ends in an unknown format.

    Examples
    --------
    >>> figure = confusion([[9, 1], [2, 8]])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['9', '1', '2', '8']
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(f"confusion: got an array of shape {matrix.shape}, wanted (C, C)")
    with _own_settings():
        figure = _figure(matrix, title)
        if path is not None:
            ending = os.path.splitext(os.fspath(path))[1]
            with replacing(path) as temporary:
                figure.savefig(temporary, format=ending[1:].lower() or "png")
    figure._repr_png_ = functools.partial(_png, figure)  # what a notebook asks for
    return figure


def _figure(matrix: np.ndarray, title: str | None) -> Figure:
    from matplotlib.figure import Figure

    C = len(matrix)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(8, 8), dpi=150, constrained_layout=True)
    axes = figure.add_subplot()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i in range(C):
        for j in range(C):
            axes.text(j, i, str(matrix[i, j]), ha="center", va="center", fontsize=110 / max(C, 6),
                      color="white" if share[i, j] > 0.5 else "#333333")
    axes.set(xticks=range(C), yticks=range(C))
    axes.tick_params(labelsize=14, length=0)
    axes.set_xlabel("predicted", fontsize=18)
    axes.set_ylabel("right answer", fontsize=18)
    if title:
        axes.set_title(title, fontsize=18)
    return figure
