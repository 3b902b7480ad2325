"""Tests anywhere can `from layer_rows import LAYERS`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "layers"))
