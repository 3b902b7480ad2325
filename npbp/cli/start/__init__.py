"""What the script ``npbp`` starts, so that Ctrl-C is one line from the first moment on.

``import npbp`` takes a tenth of a second, most of it NumPy's, and importing any file of npbp
begins with it. So this one lies outside of npbp, and imports nothing before Ctrl-C is heeded.
"""

import os
import signal


def run() -> int:
    """The command as a process; its exit code."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored
    if ours:
        signal.signal(signal.SIGINT, _leave)
    import npbp.cli  # noqa: F401
    from npbp.__main__ import run

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()


def _leave(number, frame):
    # Not an exception: one that is raised inside of an import may be printed and forgotten.
    try:
        os.write(2, b"npbp: stopped by Ctrl-C\n")
    finally:
        os._exit(130)
