"""The operations, one kind a file: each has a forward and the bprop that passes a gradient back.

Read ``arithmetic`` first (the operators of Python), then ``elementwise`` (one line a
function), ``constants`` (where no gradient passes), ``reductions`` and ``cumulative``,
``shaping``, ``sorting``, ``joining``, ``choosing`` and ``indexing``, ``products``,
``convolution``, ``linalg``, ``factors`` and ``norms``; ``refused`` says what has no derivative.
``composed`` is for functions whose derivatives are those of a formula made of others.
"""
