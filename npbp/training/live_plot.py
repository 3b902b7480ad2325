"""The curves of a training while it runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from npbp.network import Network
    from npbp.training.history import History


class LivePlot:
    """In a notebook, one picture of the curves that is drawn anew after each epoch.

    With a ``path`` the picture is also written there after each epoch, in a notebook or not.
    Without one it does nothing outside of a notebook.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from npbp import History
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "curves.png")
    ...     LivePlot(path)(None, History(loss=[2.3, 0.9], correct=[0.1, 0.8]))
    ...     path.read_bytes()[1:4]
    b'PNG'
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = None if path is None else os.fspath(path)
        self.handle: Any = None

    def on_start(self, network: Network, history: History, epochs: int) -> None:
        self.handle = None  # each training has a picture of its own

    def __call__(self, network: Network, history: History) -> None:
        display = _display_of_a_notebook()
        if display is None and self.path is None:
            return
        figure = history.plot(self.path)
        if display is not None:
            from IPython.display import Image

            picture = Image(figure._repr_png_(), width=800)
            if self.handle is None:
                self.handle = display(picture, display_id=True)
            else:
                self.handle.update(picture)

    def __repr__(self) -> str:
        return f"LivePlot({self.path!r})" if self.path else "LivePlot()"


def _display_of_a_notebook() -> Callable | None:
    """IPython's ``display``, if this runs in a notebook: then IPython is loaded already."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:  # none, or IPython in a terminal
        return None
    from IPython.display import display

    return display
