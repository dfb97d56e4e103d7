"""The trace file: JSON Lines, each written at once, so that a killed run leaves whole lines.

`ask --trace` writes it, `compare` reads it.
"""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_entropix.engine import trace_line
from mlx_entropix.errors import TraceError, UsageError


class TraceFile:
    """Writes one JSON object a line. Raises `UsageError` where the file cannot be opened.

    What the file held before is gone with the first line, and not before: a run that fails on its
    way there leaves it as it was. One that is `resumed` keeps its whole lines.
    """

    def __init__(self, path: str, *, resumed: bool = False):
        self.path = Path(path).expanduser()
        self._resumed = resumed
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
        line = trace_line(kind, index, record)
        if self._is_old:
            self._is_old = False
            with contextlib.suppress(OSError):  # a pipe or a device cannot be cut, and need not be
                self._file.truncate(_whole_lines(self.path) if self._resumed else 0)
        try:
            self._file.write(line.encode())
        except OSError as error:
            raise TraceError(
                f"The trace file {self.path} could not be written ({error.strerror}). "
                "Make room, or trace to another place."
            ) from None


def _whole_lines(path: Path) -> int:
    """How many bytes of a file are lines with their ends."""
    size, block = path.stat().st_size, 1 << 16
    with path.open("rb") as file:
        while size:
            begin = max(size - block, 0)
            file.seek(begin)
            end = file.read(size - begin).rfind(b"\n")
            if end >= 0:
                return begin + end + 1
            size = begin
    return 0


_PARTS_OF_CHARACTERS = re.compile(r"(?:\\x[0-9a-f]{2})+")


@dataclass
class Answer:
    """One answer of a trace: its prompt's line, and its tokens' lines in their order.

    `key` names the prompt: its index and text, and which of the equal prompts of a file it is, as
    one file may hold several runs.
    """

    prompt: dict[str, Any]
    key: tuple[int, str, int]
    tokens: list[dict[str, Any]] = field(default_factory=list)
    is_finished: bool = False

    def place_of(self, phrase: str) -> tuple[int, int] | None:
        """The tokens, as indices, in which the phrase begins and ends where it is first written."""
        wanted, text, ends = phrase.encode(), b"", []
        for token in self.tokens:
            text += _bytes_of(token["token"])
            ends.append(len(text))
        at = text.find(wanted)
        if at < 0:
            return None
        first = next(i for i, end in enumerate(ends) if end > at)
        last = next(i for i, end in enumerate(ends) if end >= at + len(wanted))
        return first, last


@dataclass
class Trace:
    """A trace file: its finished answers, how many were not, and whether its end is cut off."""

    path: Path
    answers: list[Answer]
    unfinished: int
    is_cut: bool

    @property
    def prompts(self) -> Counter[tuple[int, str]]:
        """Which prompts the finished answers are to."""
        return Counter(answer.key[:2] for answer in self.answers)

    @property
    def samplers(self) -> str:
        """The names of the samplers."""
        return ", ".join(dict.fromkeys(str(a.prompt.get("sampler", "?")) for a in self.answers))


def read_trace(name: str, metrics: Sequence[str]) -> Trace:
    """Read a trace whose tokens have all those metrics, as numbers.

    The last line may be cut off, as in a run that was killed. Raises `UsageError` for a file that
    cannot be read, is no trace, or has no finished answer.
    """
    path, answers, is_cut = _read(name, metrics)
    finished = [answer for answer in answers if answer.is_finished and answer.tokens]
    if not finished:
        raise UsageError(
            f"{path} has no finished answer. Let a run with --trace {path} come to its end."
        )
    return Trace(path, finished, len(answers) - len(finished), is_cut)


def finished_prompts(name: str) -> dict[int, dict[str, Any]]:
    """The lines of the prompts of a trace that have whole answers, by their index.

    Raises `UsageError` for a file that cannot be read or is no trace.
    """
    _, answers, _ = _read(name, ())
    return {answer.key[0]: answer.prompt for answer in answers if answer.is_finished}


def _read(name: str, metrics: Sequence[str]) -> tuple[Path, list[Answer], bool]:
    """All answers of a trace, and whether its end is cut off."""
    path = Path(name).expanduser()
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}). Name a file that --trace wrote."
        ) from None
    lines = text.split("\n")
    answers, open_answers, seen, is_cut = [], {}, Counter[tuple[int, str]](), False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            if number == len(lines) > 1:  # the only line without an end
                is_cut = True
                break
            raise _no_trace(path, f"line {number} is not JSON") from None
        if not isinstance(record, dict) or not isinstance(record.get("index"), int):
            raise _no_trace(path, f"line {number} has no type and index")
        index, kind = record["index"], record.get("type")
        if kind == "prompt":
            prompt = (index, str(record.get("text")))
            open_answers[index] = Answer(record, (*prompt, seen[prompt]))
            answers.append(open_answers[index])
            seen[prompt] += 1
        elif index not in open_answers:
            raise _no_trace(path, f"line {number} belongs to no prompt")
        elif kind == "token":
            _check_token(path, number, record, metrics)
            open_answers[index].tokens.append(record)
        elif kind == "result":
            open_answers.pop(index).is_finished = True
    return path, answers, is_cut


def _check_token(path: Path, number: int, record: dict[str, Any], metrics: Sequence[str]) -> None:
    for name in metrics:
        if name in record and record[name] is None:
            raise UsageError(
                f"{path} has no values of {name}: its model's attention cannot be measured. "
                "Name metrics of the logits, as with --metric logits_entropy."
            )
        if not isinstance(record.get(name), int | float):
            raise _no_trace(path, f"line {number} has no number {name}")
    if not isinstance(record.get("token"), str):
        raise _no_trace(path, f"line {number} has no text")


def _no_trace(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is no trace: {why}. Name a JSON Lines file that --trace wrote.")


def _bytes_of(token: str) -> bytes:
    r"""A token's bytes; a part of a character reads as `\xe2`."""
    if _PARTS_OF_CHARACTERS.fullmatch(token):
        return bytes.fromhex(token.replace("\\x", ""))
    return token.encode("utf-8", "replace")
