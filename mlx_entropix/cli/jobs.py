"""What Ctrl-Z and `fg` do to an answer: whose the terminal is, and whether it echoes."""

import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def without_echo() -> Iterator[None]:
    """Keep what is typed while an answer streams out of it; it stands at the next prompt.

    A shell that Ctrl-Z gives the terminal to gets it as it was, and after `fg` it is silent again.
    """
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = list(before)
    silent[3] &= ~termios.ECHO

    def become(state: list[Any]) -> None:
        # Another job's terminal is none of ours: the shell has it already where our parent, as
        # `uv run`, stopped first, and whoever sets it then is stopped, and after `fg` interrupted.
        if os.tcgetpgrp(terminal) == os.getpgrp():
            termios.tcsetattr(terminal, termios.TCSANOW, state)

    def silence() -> None:
        become(silent)

    def stop(*_: object) -> None:
        become(before)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, stop)

    stops = signal.getsignal(signal.SIGTSTP)
    silence()
    try:
        if stops is signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, stop)
        with on_continue(silence):
            yield
    finally:
        signal.signal(signal.SIGTSTP, stops)
        become(before)


@contextmanager
def on_continue(do: Callable[[], None]) -> Iterator[None]:
    """Do something whenever the process goes on after Ctrl-Z."""
    before = signal.getsignal(signal.SIGCONT)

    def note(number: int, frame: FrameType | None) -> None:
        if callable(before):
            before(number, frame)
        do()

    signal.signal(signal.SIGCONT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before)
