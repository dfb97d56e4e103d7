"""Where the command line writes: answers to stdout, everything else beside them.

rich takes a tenth of a second to import, which `--help` does not wait for.
"""

import json
import os
import re
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

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


def make_console(file: IO[str], *, no_color: bool) -> "Console":
    """A console that writes text as it is: no markup, no emoji codes, no highlighting, no wrapping.

    With `no_color`, or NO_COLOR in the environment, it writes no escape sequence for style.
    """
    from rich.console import Console

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

    answers: "Console"
    notes: "Console"
    notices: "Console"
    quiet: bool
    is_json: bool
    no_color: bool

    def note(self, renderable: object) -> None:
        """Write beside an answer."""
        if not (self.quiet or self.is_json):
            self.notes.print(renderable)

    def print_json(self, record: dict[str, Any]) -> None:
        """Write one JSON object on a line of stdout."""
        self.answers.print(json.dumps(record, ensure_ascii=False))

    def notice(self, text: str) -> None:
        """Say something in passing, dim, on stderr."""
        if not self.quiet:
            self.notices.print(text, style="dim")


def make_screen(*, no_color: bool, quiet: bool, is_json: bool) -> Screen:
    """The consoles on this process's stdout and stderr."""
    for stream in (sys.stdout, sys.stderr):
        # A locale without the signs that are used here must not end an answer.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    answers = make_console(sys.stdout, no_color=no_color)
    notices = make_console(sys.stderr, no_color=no_color)
    in_terminal = sys.stdout.isatty() and not is_json
    return Screen(answers, answers if in_terminal else notices, notices, quiet, is_json, no_color)
