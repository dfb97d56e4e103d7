"""The trace file: JSON Lines, each written at once, so that a killed run leaves whole lines."""

import contextlib
import json
from pathlib import Path
from typing import Any

from mlx_entropix.errors import TraceError, UsageError


class TraceFile:
    """Writes one JSON object a line. Raises `UsageError` where the file cannot be opened.

    What the file held before is gone with the first line, and not before: a run that fails on its
    way there leaves it as it was.
    """

    def __init__(self, path: str):
        self.path = Path(path).expanduser()
        self._is_old = True
        try:
            # Unbuffered: a line is one write to the system, which no signal cuts in two.
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise UsageError(
                f"The trace file {self.path} cannot be written ({error.strerror}). "
                "Name a file in a folder that exists and that you may write to."
            ) from None

    def write(self, kind: str, index: int, record: dict[str, Any]) -> None:
        """Append `record` as a line of type `kind`, of the prompt number `index`."""
        line = json.dumps({"type": kind, "index": index, **record}, ensure_ascii=False) + "\n"
        if self._is_old:
            self._is_old = False
            with contextlib.suppress(OSError):  # a pipe or a device cannot be cut, and need not be
                self._file.truncate(0)
        try:
            self._file.write(line.encode())
        except OSError as error:
            raise TraceError(
                f"The trace file {self.path} could not be written ({error.strerror}). "
                "Make room, or trace to another place."
            ) from None
