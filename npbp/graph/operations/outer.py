"""``np.multiply.outer(A, B)`` and that of every function of two numbers.

NumPy's definition: each number of A with each of B. So A gets axes of length 1 at its end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.graph.operations import arithmetic, constants, elementwise, parts  # noqa: F401
from npbp.graph.protocols import IMPLEMENTED, implements


def _outer(ufunc: np.ufunc) -> None:
    @implements((ufunc, "outer"))
    def outer(A: Any, B: Any) -> Any:
        return ufunc(np.reshape(A, np.shape(A) + (1,) * np.ndim(B)), B)


for _ufunc in [f for f in IMPLEMENTED if isinstance(f, np.ufunc) and f.nin == 2]:
    if not _ufunc.signature:  # (np.matmul is not one of two numbers)
        _outer(_ufunc)
