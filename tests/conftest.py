"""Tests anywhere can import `layer_rows` and `loss_rows`."""

import sys
from pathlib import Path

for room in ("layers", "losses"):
    sys.path.insert(0, str(Path(__file__).parent / room))
