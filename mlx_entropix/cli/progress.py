"""A spinner while the model loads, and bars that show themselves after half a second."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

SECONDS_BEFORE_SHOWING = 0.5


@contextmanager
def spinner(console: Console, text: str, *, shown: bool = True) -> Iterator[None]:
    """Spin beside `text` until the block ends, where the console is a terminal."""
    if not (shown and console.is_terminal):
        yield
        return
    with console.status(f"[dim]{text}[/]", spinner="dots", spinner_style="dim"):
        yield


class LateBar:
    """A progress bar that is drawn after half a second and leaves no trace.

    To be used in a `with` block; nothing is drawn where the console is no terminal. `update` says
    how far it is.
    """

    def __init__(self, console: Console, text: str, total: int, *, shown: bool = True):
        columns = (TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.fields[at]}"))
        self._bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
        self._task = self._bar.add_task(text, total=total, at=f"0 of {total:,}")
        self._timer: threading.Timer | None = None
        if shown and console.is_terminal:
            self._timer = threading.Timer(SECONDS_BEFORE_SHOWING, self._bar.start)
            self._timer.daemon = True

    def update(self, done: int, at: str) -> None:
        """Set the bar to `done`, and what stands beside it."""
        self._bar.update(self._task, completed=done, at=at)

    def restart(self, text: str, total: int, done: int, at: str) -> None:
        """Show another piece of work, or how far it is."""
        self._bar.update(self._task, description=text, total=total, completed=done, at=at)

    def __enter__(self) -> "LateBar":
        if self._timer is not None:
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away; once is enough, more does no harm."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()  # it may be starting the bar right now
            self._timer = None
            self._bar.stop()
