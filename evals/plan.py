"""What a run asks, in which order, and in what company.

The numbers of a forward depend, in their last bits, on the other rows of the batch, and a model
that wavers between two words then takes the one or the other. So that an equal command gives equal
answers, questions are asked in *blocks* of fixed content, each begun with an empty engine: neither
the number of workers, nor their pace, nor a run that was interrupted changes who is asked with
whom.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evals.arms import Arm
from evals.questions import Question, stable_hash
from evals.records import Key
from evals.tasks import Task

QUESTIONS_PER_BLOCK = 16


@dataclass(frozen=True)
class Job:
    """One answer to be made: a question, an arm, and the index of the seed."""

    task: Task
    question: Question
    arm: Arm
    seed: int

    @property
    def key(self) -> Key:
        """The name of its answer."""
        return Key(self.task.name, self.question.id, self.arm.name, self.seed)

    @property
    def random_seed(self) -> int:
        """The sampler's seed: of the question and the index alone, so that arms share draws."""
        return stable_hash("seed", self.question.key, self.seed) >> 1  # a signed 64-bit integer


@dataclass(frozen=True)
class Plan:
    """All that decides which answers a run makes."""

    tasks: tuple[tuple[Task, tuple[Question, ...]], ...]
    arms: tuple[Arm, ...]
    seeds: int
    system: str
    model: str
    split: str
    max_rows: int

    def blocks(self) -> list[list[Job]]:
        """The jobs, in blocks of questions of one task; those of one question follow each other."""
        return [
            [job for question in questions for job in self._jobs(task, question)]
            for task, every in self.tasks
            for questions in _cut(every, QUESTIONS_PER_BLOCK)
        ]

    def header(self) -> dict[str, Any]:
        """What a file of answers says of the run; equal headers are equal runs."""
        return {
            "model": self.model,
            "split": self.split,
            "system": self.system,
            "seeds": self.seeds,
            "max_rows": self.max_rows,
            "tasks": {task.name: len(questions) for task, questions in self.tasks},
            "questions": f"{stable_hash(*self._every_question()):016x}",
            "arms": {arm.name: arm.values for arm in self.arms},
        }

    def _jobs(self, task: Task, question: Question) -> Iterator[Job]:
        for arm in self.arms:
            for seed in range(self.seeds if arm.draws and arm.fork is None else 1):
                yield Job(task, question, arm, seed)

    def _every_question(self) -> list[tuple[object, ...]]:
        return [
            (task.prompt(question), question.key, question.answers, task.max_tokens, task.rule)
            for task, questions in self.tasks
            for question in questions
        ]


def _cut(questions: Sequence[Question], size: int) -> Iterator[Sequence[Question]]:
    for start in range(0, len(questions), size):
        yield questions[start : start + size]
