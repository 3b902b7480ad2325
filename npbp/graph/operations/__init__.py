"""The operations, one kind a file: each has a forward and the bprop that passes a gradient back.

Read ``arithmetic`` first (the operators of Python), then ``elementwise`` (one line a
function), ``constants`` (where no gradient passes), ``reductions``, ``softmax`` and
``cumulative``, ``shaping``, ``sorting``, ``joining``, ``choosing`` and ``indexing``,
``products``, ``diagonals``, ``convolution``, ``linalg``, ``factors`` and ``norms``.

``composed`` is for functions whose derivatives are those of a formula made of others:
``statistics`` and ``nanfunctions``, ``differences``, ``interpolation``. The rest is small:
``special`` (sinc), ``parts`` (divmod, frexp, ...), ``outer``; ``refused`` says what has no
derivative.
"""
