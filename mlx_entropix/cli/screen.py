"""Where the command line writes: answers to stdout, everything else beside them.

rich takes a tenth of a second to import, so commands import this behind their `--help`.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

# All control characters but newline and tab: C0, DEL, C1.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """`text` with its control characters replaced by signs for them.

    A model can write an escape sequence that clears the screen or renames the window; a terminal
    must get no such thing from it. Newlines and tabs stay.
    """
    return _CONTROL.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode has a picture of each: ␛ for ESC
    return "␡" if code == 0x7F else "\ufffd"


def make_console(file: IO[str], *, no_color: bool) -> Console:
    """A console that writes text as it is: no markup, no emoji codes, no highlighting.

    It breaks no lines unless it is told to, by `soft_wrap=False`.
    With `no_color`, or NO_COLOR in the environment, it writes no escape sequence for style.
    """
    plain = no_color or bool(os.environ.get("NO_COLOR"))
    return Console(
        file=file,
        color_system=None if plain else "auto",
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
    )


@dataclass(frozen=True)
class Screen:
    """The consoles of one run.

    `answers` is stdout. `notes` is for what accompanies an answer (legend, closing line, progress):
    stdout too where that is a terminal, so that both keep their order, stderr elsewhere. `notices`
    is stderr. `quiet` leaves out the notes and notices; `is_json` replaces text by JSON.
    """

    answers: Console
    notes: Console
    notices: Console
    quiet: bool
    is_json: bool
    no_color: bool

    def note(self, renderable: object) -> None:
        """Write beside an answer."""
        if not (self.quiet or self.is_json):
            self.notes.print(renderable, soft_wrap=not self.notes.is_terminal)

    def print_json(self, record: dict[str, Any]) -> None:
        """Write one JSON object on a line of stdout."""
        self.answers.print(json.dumps(record, ensure_ascii=False))

    def notice(self, text: str) -> None:
        """Say something in passing, dim, on stderr."""
        if not self.quiet:
            self.notices.print(text, style="dim", soft_wrap=not self.notices.is_terminal)


def make_screen(*, no_color: bool, quiet: bool, is_json: bool) -> Screen:
    """The consoles on this process's stdout and stderr."""
    for stream in (sys.stdout, sys.stderr):
        # A locale without the signs that are used here must not end an answer.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    answers = make_console(sys.stdout, no_color=no_color)
    notices = make_console(sys.stderr, no_color=no_color)
    in_terminal = sys.stdout.isatty() and not is_json
    return Screen(answers, answers if in_terminal else notices, notices, quiet, is_json, no_color)


# The end of a sentence: not the point of "Llama 3.2" nor of ".gguf".
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


def print_error(message: str, *, no_color: bool | None = None) -> None:
    """Write `error: what is wrong` to stderr, and on the next line what to do.

    The first sentence of `message` says what is wrong, the rest what to do. `error:` is red in a
    terminal, unless `no_color` or NO_COLOR says otherwise.
    """
    if sys.stderr is None:  # it is closed; rich would write to stdout instead
        return
    console = make_console(sys.stderr, no_color=bool(no_color))
    problem, *remedy = _SENTENCE_END.split(message.strip(), maxsplit=1)
    as_it_is = not console.is_terminal  # a terminal by itself breaks lines within words
    console.print(Text("error: ", "bold red") + Text(problem, "default"), soft_wrap=as_it_is)
    for line in remedy:
        console.print(Text(line), soft_wrap=as_it_is)


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

    def update(self, done: float, at: str) -> None:
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
