"""What a server writes to is closed, or takes nothing more: that ends no server and no answer."""

import contextlib
import io
import os
import sys
from typing import Any


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
