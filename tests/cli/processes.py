"""The command as a real process, and what it draws on a terminal."""

import os
import signal
import subprocess
import sys

NPBP = [sys.executable, "-m", "npbp"]


def heed_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(*arguments, **options):
    return subprocess.run([*NPBP, *map(str, arguments)], **{"timeout": 120, **settings(**options)})


def start(*arguments, command=NPBP, **options):
    """A running command that Ctrl-C stops, even where the tests themselves ignore it."""
    return subprocess.Popen([*command, *map(str, arguments)], preexec_fn=heed_ctrl_c,
                            **settings(**options))


def settings(environment=(), **options):
    return {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
            "env": {**os.environ, **dict(environment)}, **options}


def drawn_on(terminal):
    """All that came to our end of a terminal, when the process is gone; the end is closed."""
    drawn = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not piece:
            break
        drawn += piece
    os.close(terminal)
    return drawn
