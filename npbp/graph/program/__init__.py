"""The graph is a program that has been run once; here it is run again.

Read ``evaluate`` first, which walks over the graph; then ``compile``, which writes the graph
down as a Python function: by the ``recipes`` of its operations, as ``lines``, which
``writing`` makes into text.
"""
