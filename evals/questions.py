"""Questions with known answers, and the two halves that they fall into.

A question belongs to `dev` (30 %, where settings may be chosen) or to `test` (70 %, where they are
measured) by a hash of its id alone, so that a set may grow without a question changing sides.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_entropix.errors import EvalError

DEV_SHARE = 0.3
SPLITS = ("dev", "test")


@dataclass(frozen=True)
class Question:
    """One question: its task and its id there, what the user says, every answer that is right.

    `answers` are the accepted ones, the usual one first. `choices` are the possible ones where the
    question names them. `details` is what a checker of its own needs.
    """

    task: str
    id: str
    text: str
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)

    @property
    def key(self) -> str:
        """The name of the question among those of all tasks."""
        return f"{self.task}/{self.id}"

    @property
    def split(self) -> str:
        """`dev` or `test`."""
        return "dev" if stable_hash("split", self.key) < DEV_SHARE * 2**64 else "test"


def stable_hash(*parts: object) -> int:
    """64 bits of SHA-256: the same on every machine, for ever."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def read_questions(path: Path) -> list[Question]:
    """Questions from a JSON Lines file as `write_questions` makes it.

    A first line without an `id` says where they come from and is skipped. Raises EvalError.
    """
    questions = []
    for number, record in _json_lines(path):
        if "id" not in record:
            continue
        try:
            questions.append(
                Question(
                    record["task"],
                    record["id"],
                    record["text"],
                    tuple(record["answers"]),
                    tuple(record.get("choices", ())),
                )
            )
        except (KeyError, TypeError):
            raise EvalError(
                f"{path}, line {number}: a question has a task, an id, a text and answers."
            ) from None
    return questions


def write_questions(path: Path, origin: dict[str, Any], questions: list[Question]) -> None:
    """Write `origin` (generator, version, licence) and then a line a question."""
    records: list[dict[str, Any]] = [origin]
    for question in questions:
        record: dict[str, Any] = {
            "task": question.task,
            "id": question.id,
            "text": question.text,
            "answers": list(question.answers),
        }
        if question.choices:
            record["choices"] = list(question.choices)
        records.append(record)
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text(lines, encoding="utf-8")


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise EvalError(f"{path} cannot be read ({error.strerror}).") from None
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise EvalError(f"{path}, line {number}: this is not JSON ({error.msg}).") from None
        yield number, record
