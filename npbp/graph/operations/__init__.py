"""The operations, one kind a file: each has a forward and the bprop that passes a gradient back.

Read ``arithmetic`` first (the operators of Python), then ``elementwise`` (one line a
function), ``constants`` (where no gradient passes), ``reductions`` and ``cumulative``,
``shaping``, ``joining`` and ``indexing``, ``products``, ``linalg``, ``factors`` and
``norms``. ``composed`` is for functions whose derivatives are those of a formula made of others.
"""
