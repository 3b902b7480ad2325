"""Tests in this folder can `from rows import Row, A`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
