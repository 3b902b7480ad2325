"""``python -m npbp`` is the command ``npbp``."""

import sys

from npbp.cli import main

if __name__ == "__main__":
    sys.exit(main())
