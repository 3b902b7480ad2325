"""Number by number, one of several arrays: select by conditions, choose by index.

The gradient goes to the array that was taken from. Of two arrays, it is ``np.where``, in
``elementwise``.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from npbp.graph.operations.indexing import take
from npbp.graph.operations.joining import as_arrays
from npbp.graph.protocols import implements


@implements(np.select)
def select(condlist: Sequence, choicelist: Sequence, default: Any = 0) -> Any:
    """Of the first condition that is true; where none is, the default."""
    if not 0 < len(condlist) == len(choicelist):
        raise ValueError(
            f"np.select: got {len(condlist)} conditions and {len(choicelist)} choices, wanted as "
            "many, and at least one"
        )
    conditions = as_arrays(condlist)
    for c in conditions:
        if c.dtype != bool:
            raise TypeError(f"np.select: got a condition of {c.dtype}, wanted booleans, as x > 0")
    # (A number of Python has no type of its own, and takes that of the arrays.)
    choices = [x if type(x) in (int, float) else as_arrays([x])[0] for x in choicelist]
    default = default if type(default) in (int, float) else as_arrays([default])[0]
    Y = default + np.zeros((), np.result_type(*choices, default))
    for c, x in zip(conditions[::-1], choices[::-1]):
        Y = np.where(c, x, Y)
    return Y


@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """Y = choices[a], number by number."""
    a, *choices = np.broadcast_arrays(*as_arrays([a, *choices]))
    n = len(choices)
    if mode == "raise" and not np.all((a >= 0) & (a < n)):
        raise ValueError(f"np.choose: got an index outside of the {n} choices: see mode=")
    index = take(np.arange(n), a, mode=mode)
    return np.take_along_axis(np.stack(choices), np.expand_dims(index, 0), 0)[0]
