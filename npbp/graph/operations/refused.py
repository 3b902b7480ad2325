"""What has no derivative, or none that a graph could hold, and what to write in its place.

Every other function that is not there says so too (see ``protocols``); these have a reason.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from npbp.graph.protocols import implements

HOW_MANY = (
    "how many numbers there are depends on their values, and an operation has to give the same "
    "shape for any: use {0}(x.value)"
)
COMPLEX = "the result is complex, and a derivative here is that of a real function"

REFUSED: dict[str, list[Callable]] = {
    HOW_MANY + " for numbers that stay as they are": [
        np.unique, np.intersect1d, np.union1d, np.setdiff1d, np.setxor1d,
    ],
    HOW_MANY + " to see where to cut, and x[a:b]": [np.trim_zeros],
    COMPLEX: [np.sort_complex],
    COMPLEX + ": for a symmetric matrix, use np.linalg.eigh or eigvalsh": [
        np.linalg.eig, np.linalg.eigvals,
    ],
    COMPLEX + ": no derivative of the roots": [np.roots],
    "its functions are not asked for a derivative: use np.where or np.select": [np.piecewise],
}  # fmt: skip


def _refuse(function: Callable, reason: str) -> None:
    module = "np.linalg" if "linalg" in function.__module__ else "np"
    name = f"{module}.{function.__name__}"

    @implements(function)
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{name} of a variable: {reason.format(name)}")


for reason, functions in REFUSED.items():
    for function in functions:
        _refuse(function, reason)
for name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):  # NumPy 2
    if hasattr(np, name):
        _refuse(getattr(np, name), HOW_MANY)
