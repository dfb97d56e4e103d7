"""Lines of a streamed answer that end between words, as the terminal's own breaks do not.

A word is often several tokens, and what is written cannot be taken back. So a word that begins near
the right edge is held back until it ends; all others are written as they come, without delay.
"""

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style

# A word that begins further than this from the edge is not held back. Few are longer, and those
# are URLs and the like, which a terminal breaks anywhere.
LONGEST_WORD = 24

_TAB = 8
_PIECES = re.compile(r"\n|[^\S\n]+|\S+")


class Lines:
    """The lines of one answer. `width` is in columns; None leaves the text as it is."""

    def __init__(self, width: int | None):
        self.width = width
        self._console: Console | None = None  # whose width may change on the way
        self._column = 0
        self._gap: list[Segment] = []  # spaces before a word that has not come yet
        self._word: list[Segment] = []  # the beginning of a word that may not fit
        self._in_word = False  # a word's beginning is written, its rest may follow

    @classmethod
    def of(cls, console: Console) -> "Lines":
        """Lines for a terminal; a file or a pipe gets the text as it is."""
        lines = cls(console.width if console.file.isatty() else None)
        lines._console = console
        return lines

    def begin_line(self) -> None:
        """Note that the cursor is at the beginning of a line, wherever it was."""
        self._column = 0

    def add(self, segments: Iterable[Segment]) -> list[Segment]:
        """Take more of the answer. Returns what can be written now."""
        if self.width is None:
            return list(segments)
        if self._console is not None:
            self.width = self._console.width
        return [out for text, style in _pieces(segments) for out in self._take(text, style)]

    def end(self) -> list[Segment]:
        """What was held back."""
        if self.width is None:
            return []
        return [*self._let_go(), *self._write(_taken(self._gap))]

    def _take(self, text: str, style: Style | None) -> Iterator[Segment]:
        assert self.width is not None
        if text == "\n":
            yield from self._let_go()
            if self._column + _cells(self._gap) <= self.width:
                yield from self._gap
            self._gap, self._in_word, self._column = [], False, 0
            yield Segment("\n")
        elif text.isspace():
            yield from self._let_go()
            self._gap.append(Segment(text, style))
            self._in_word = False
        elif self._in_word:
            yield from self._write([Segment(text, style)])
        else:
            self._word.append(Segment(text, style))
            start = self._column + _cells(self._gap)
            is_wide = cell_len(text) > len(text)  # a word of its own, as no space parts those
            is_too_long = start + _cells(self._word) > self.width
            if start + LONGEST_WORD <= self.width or is_wide or is_too_long:
                yield from self._let_go()
                self._in_word = not is_wide

    def _let_go(self) -> Iterator[Segment]:
        """Write the word that was held back, on a line of its own where it does not fit here."""
        if not self._word:
            return
        assert self.width is not None
        word, gap = _taken(self._word), _taken(self._gap)
        end = self._column + _cells(gap) + _cells(word)
        if gap and self._column and end > self.width:  # a line is broken at a space alone
            self._column = 0
            yield Segment("\n")
        else:
            yield from self._write(gap)
        yield from self._write(word)

    def _write(self, segments: list[Segment]) -> Iterator[Segment]:
        """Write, and follow the cursor over the lines that the terminal breaks itself."""
        assert self.width is not None
        for segment in segments:
            for character in segment.text:
                cells = _TAB - self._column % _TAB if character == "\t" else cell_len(character)
                is_over = self._column + cells > self.width
                self._column = cells if is_over else self._column + cells
            yield segment


def _pieces(segments: Iterable[Segment]) -> Iterator[tuple[str, Style | None]]:
    """The segments cut into line ends, spaces, wide characters and what has no space in it."""
    for text, style, _ in segments:
        for piece in _PIECES.findall(text):
            if piece.isascii() or cell_len(piece) <= len(piece):
                yield piece, style
            else:
                yield from ((character, style) for character in piece)


def _cells(segments: list[Segment]) -> int:
    return sum(cell_len(segment.text) for segment in segments)


def _taken(segments: list[Segment]) -> list[Segment]:
    taken = list(segments)
    segments.clear()
    return taken
