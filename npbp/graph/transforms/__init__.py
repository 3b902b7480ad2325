"""Functions in, functions out: grad, jacobian, vjp, ...

Read ``gradients`` first, what each transform does; then ``tracing``, how they all do it, and
``trees``, arguments that are nested lists, tuples and dicts of arrays. ``curvature`` has second
derivatives, ``checkpoint`` a function that takes less memory on the way back.
"""
