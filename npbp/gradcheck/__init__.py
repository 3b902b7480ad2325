"""Is a hand-written gradient right? Finite differences tell.

The derivative of a function J at x, along a direction v, is close to

    (J(x + h v) - J(x - h v)) / (2 h)

for a small h: the central difference, whose error shrinks as h^2. It needs the
forward alone, so it knows nothing of the backward that it checks. Everything runs
in float64, where h = 1e-5 leaves about ten right digits.

A layer has an array as output, so J is made of it: ``J = sum(y * G)`` with a random
upstream gradient G. Ones in place of G would not do: the rows of a softmax sum to
one whatever its input is, so a backward that is zero, or seven times too large,
would pass.

No h is good for all: with a large one the curvature of J shows and kinks are crossed,
with a small one little is left of J's digits. So where gradient and difference
disagree, the difference is taken again with many h. The one around which it changes
least is believed, but for what it changes there.

Read ``check`` (`check_layer` and `check_loss`), then ``differences``. The rest is there to say
more than "wrong": ``faults``, what kind of fault it looks like; ``promises``, whether a
layer keeps what its callers rely on; ``arguments``, what is no layer, no input, no gradient.
"""

from npbp.gradcheck.arguments import GradientError
from npbp.gradcheck.check import check_layer, check_loss
from npbp.gradcheck.faults import diagnosis

__all__ = ["GradientError", "check_layer", "check_loss", "diagnosis"]

GradientError.__module__ = __name__  # how a traceback calls it
