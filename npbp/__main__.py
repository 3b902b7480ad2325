"""``python -m npbp`` is the command ``npbp``."""

from __future__ import annotations

import signal
import sys

from npbp.cli import main
from npbp.cli.common import stop


def run() -> int:
    """The command as a process: other signals end it as cleanly as Ctrl-C."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has not both
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, stop)
    try:
        return main()
    except KeyboardInterrupt:  # in the moment before or after its work
        print("npbp: stopped by Ctrl-C", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the rest is Python's own end


if __name__ == "__main__":
    sys.exit(run())
