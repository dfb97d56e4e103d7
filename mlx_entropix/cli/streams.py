"""Standard input, output and error, where a shell closed them or the disk behind them is full.

Python has None for a stream that is closed (`>&-`), and the next file that is opened then gets its
number: a library that writes to the number 1 would write into that file. A command says so and
ends; a server goes on without.
"""

import contextlib
import errno
import io
import os
import sys
from typing import Any, NoReturn, TextIO

from mlx_entropix.errors import EntropixError, UsageError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BROKEN = (errno.EIO, errno.EBADF)


class OutputError(EntropixError):
    """Standard output takes no more."""

    exit_code = 1


def in_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is open, and a terminal."""
    return stream is not None and stream.isatty()


def check_streams() -> None:
    """Raise `UsageError` where standard output is closed; what goes to a closed stderr is lost."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (for as long as the process lives)
    if sys.stdout is None:
        raise UsageError(
            "Standard output is closed. Send it somewhere, to /dev/null if nowhere else."
        )


def output_error(error: BaseException) -> OutputError | None:
    """What to say of an error that is one of writing to standard output."""
    if not isinstance(error, OSError) or error.filename or error.errno not in _NO_ROOM + _BROKEN:
        return None
    give_up_output()
    remedy = "Make room" if error.errno in _NO_ROOM else "See to it"
    return OutputError(
        f"Standard output cannot be written ({error.strerror}). {remedy}, or write to another "
        "place."
    )


def give_up_output() -> None:
    """Let go of what stdout has not written, so that Python does not try again as it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def write_out(text: str) -> None:
    """Write to stdout, at once, such as a help text; where it takes none, exit with a sentence."""
    try:
        check_streams()
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, UsageError) as error:
        _exit(error)


def _exit(error: OSError | UsageError) -> NoReturn:
    from mlx_entropix.cli.screen import print_error

    known = error if isinstance(error, UsageError) else output_error(error)
    if known is None:  # the reader has gone
        give_up_output()
        raise SystemExit(1)
    print_error(str(known))
    raise SystemExit(known.exit_code)


def keep_streams() -> None:
    """Let the process go on where its standard streams are closed, full, or read by nobody.

    A closed one is opened on nothing: else the next file that is opened, a socket or the weights,
    would have its number, and whoever writes an error into it. What standard error does not take is
    lost.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(nothing := os.open(os.devnull, os.O_RDWR), number)
            if nothing != number:
                os.close(nothing)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Lossy(2, "w", closefd=False)),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


class _Lossy(io.FileIO):
    """A file that takes all that is written, whatever becomes of it."""

    def write(self, data: Any) -> int:
        with contextlib.suppress(OSError):
            super().write(data)
        return memoryview(data).nbytes
