"""The paths of an answer while they are written: one line each, below what is settled of it.

What is settled is written as it comes, and stays. Whole lines of it go above the lines of the
paths; the last one, which is not whole yet, is drawn together with them, as a terminal takes back
whole lines alone. In the end the lines of the paths are gone.
"""

import time
from collections.abc import Iterable
from math import isfinite

from rich.cells import cell_len
from rich.console import Group
from rich.live import Live
from rich.segment import Segment, Segments
from rich.text import Text

from mlx_entropix.cli.screen import Screen
from mlx_entropix.cli.words import first_words, last_words
from mlx_entropix.engine import Search

# Between two drawings passes this time, and this many times as long as one takes.
_SECONDS, _TIMES = 1 / 20, 20

_SCORE_WIDTH = 6


class LivePaths:
    """Writes what is settled of an answer, and shows its paths where there is a terminal.

    To be used in a `with` block; `search` is None for an answer that does not fork.
    """

    def __init__(self, screen: Screen, search: Search | None):
        self._screen = screen
        self._search = search
        self._line: list[Segment] = []  # what is settled of the last line
        self._next = 0.0
        self._live: Live | None = None
        console = screen.notes
        is_terminal = console.file.isatty() and not console.is_dumb_terminal
        if search is not None and is_terminal and not screen.quiet:
            self._live = Live(
                console=console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )

    def __enter__(self) -> "LivePaths":
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None and self._live.is_started:
            self._live.stop()
        self._screen.answers.print(Segments(self._line), end="")
        self._line = []

    def write(self, segments: Iterable[Segment]) -> None:
        """Write more of the answer, whose lines are broken where they have to be."""
        if self._live is None or self._screen.notes is not self._screen.answers:
            self._screen.answers.print(Segments(segments), end="")
            return
        for segment in segments:
            self._line.append(segment)
            if segment.text == "\n":
                self._screen.answers.print(Segments(self._line))
                self._line = []

    def update(self) -> None:
        """Show the paths as they are now, if it is time to."""
        if self._live is None or self._search is None:
            return
        now = time.perf_counter()
        if now < self._next:
            return
        if not self._live.is_started:
            self._live.start()
        width, height = self._screen.notes.size
        shown = path_lines(self._search, width, max(1, min(height // 2, height - 5)))
        parts = [(segment.text, segment.style or "") for segment in self._line]
        line = [Text.assemble(*parts)] if parts else []  # as text: its tabs are as many columns
        # What is typed, ^C above all, is seen on a line of its own: at the end of a full one it
        # would make another line, of which nothing here knows.
        self._live.update(Group(*line, *shown, ""), refresh=True)
        drawn = time.perf_counter()
        self._next = drawn + max(_SECONDS, _TIMES * (drawn - now))


def path_lines(search: Search, width: int, most: int) -> list[Text]:
    """A line for each path that is being written: its branch, its last words, its score so far.

    Above them is one that counts the paths; there is none where one path alone is left. At most
    `most` paths have a line.
    """
    live = search.live
    if not live or sum(branch.may_win for branch in search.branches) < 2:
        return []
    ended = sum(branch.may_win for branch in search.branches) - len(live)
    dropped = len(search.branches) - len(live) - ended
    counts = [f"{len(live)} path{'s' * (len(live) != 1)}"]
    counts += [f"{ended} ended"] * bool(ended) + [f"{dropped} dropped"] * bool(dropped)
    counts += [f"{search.used:,} tokens"]
    lines = [_line("", " · ".join(counts), search.config.score.replace("_", " "), width)]
    for branch in live[:most]:
        score = search.score(branch) if branch.tokens else float("nan")
        number = f"{score:.2f}" if isfinite(score) else ""
        mark = f"{branch.number:>3} "
        room = width - 2 - cell_len(mark) - _SCORE_WIDTH
        lines.append(
            _line(mark, last_words(branch.text or branch.reasoning or "", room), number, width)
        )
    if more := len(live[most:]):
        lines.append(_line("", f"and {more} more", "", width))
    return lines


def _line(left: str, middle: str, right: str, width: int) -> Text:
    """One dim line, with `right` at its end; the last column stays free."""
    room = width - 2 - cell_len(left) - cell_len(right)
    middle = first_words(middle, room)
    return Text(f"{left}{middle}{' ' * (room - cell_len(middle))} {right}", "dim")
