"""The line that a person types into: history, several lines, completion of commands."""

import os
from collections.abc import Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth

PROMPT = "› "
_CONTINUED = "  "


def make_keyboard(commands: Sequence[str], *, no_color: bool) -> PromptSession[str]:
    """The input line. Enter sends; Alt-Enter, or Escape and then Enter, begins a new line.

    Tab completes the `commands`. What was typed is kept in a file in the user's state folder, or
    in memory where that cannot be written.
    """
    return PromptSession(
        PROMPT,
        multiline=True,
        prompt_continuation=_CONTINUED,
        key_bindings=_key_bindings(),
        history=_history(),
        completer=WordCompleter(list(commands), sentence=True),
        complete_while_typing=False,
        color_depth=ColorDepth.MONOCHROME if no_color else None,
    )


def _key_bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


def _history() -> History:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(state) / "mlx-entropix" / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # what people ask is theirs alone
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
