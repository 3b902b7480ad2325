"""Benchmarks: one question a file. ``python -m benchmarks`` lists them.

Reading order: ``harness`` (how anything is timed), ``epoch`` (what a step of training
costs), ``programs`` (the programs that are compared), then any other.
"""
