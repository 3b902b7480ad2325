"""What does `import npbp` add to `import numpy`?

Fresh processes, one after the other in turns; each times its own import, so that the start
of Python does not count.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.harness import Session

CODE = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def seconds(module: str) -> float:
    command = [sys.executable, "-c", CODE.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def run(session: Session) -> None:
    session.rounds = 5 if session.quick else 25
    table = session.table("import", "ms", ratios=("numpy",))
    session.measure(table, {"numpy": lambda: seconds("numpy"), "npbp": lambda: seconds("npbp")},
                    lambda seconds: seconds * 1e3)
    session.limit("import npbp, above import numpy",
                  table.median("npbp") - table.median("numpy"), 30, "ms")
