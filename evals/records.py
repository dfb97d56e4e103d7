"""A file of answers: a header line, then a line an answer, in the order in which they were done.

Each line is flushed when it is written, so a run that was killed has all it did but the last line,
which may be cut; that one is dropped when the file is opened again.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from mlx_entropix.errors import EvalError

Record = dict[str, Any]


class Key(NamedTuple):
    """What tells an answer from the others of a run; `seed` is an index, from 0."""

    task: str
    question: str
    arm: str
    seed: int


def key_of(record: Record) -> Key:
    """The key of an answer's record."""
    return Key(record["task"], record["question"], record["arm"], record["seed"])


class AnswerFile:
    """A file that answers are added to. `done` are the keys of those that it has already.

    Raises EvalError where the file holds the answers of another run.
    """

    def __init__(self, path: Path, header: Record):
        self.done: set[Key] = set()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _drop_cut_line(path)
        if path.exists() and path.stat().st_size:
            found, answers = read_answers(path)
            _check_same_run(path, found, header)
            self.done = {key_of(record) for record in answers}
            self._file: TextIO = path.open("a", encoding="utf-8")
        else:
            self._file = path.open("w", encoding="utf-8")
            self._write({"kind": "header", **header})

    def add(self, record: Record) -> None:
        """Write an answer, unless it is there."""
        if key_of(record) not in self.done:
            self.done.add(key_of(record))
            self._write(record)

    def _write(self, record: Record) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()

    def __enter__(self) -> "AnswerFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def read_answers(path: Path) -> tuple[Record, list[Record]]:
    """The header and the answers of a file; a cut last line is left out. Raises EvalError."""
    records = list(_records(path))
    if not records or records[0].get("kind") != "header":
        raise EvalError(f"{path} holds no answers; make such a file with `python -m evals run`.")
    return records[0], records[1:]


def _records(path: Path) -> Iterator[Record]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise EvalError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise EvalError(f"{path} is not UTF-8 text; give a file of answers.") from None
    last = len(lines)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == last:
                return
            raise EvalError(f"{path}, line {number}: this is not JSON ({error.msg}).") from None
        if not isinstance(record, dict):
            raise EvalError(f"{path}, line {number}: this is no answer.")
        yield record


def _drop_cut_line(path: Path) -> None:
    with path.open("rb+") as file:
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        os.fsync(file.fileno())


def _check_same_run(path: Path, found: Record, header: Record) -> None:
    for name, value in json.loads(json.dumps(header)).items():
        if found.get(name) != value:
            raise EvalError(
                f"{path} holds the answers of another run: its {name.replace('_', ' ')} differs. "
                "Give another --out, or remove the file."
            )
