"""Asks what a plan wants, in one process or several, and writes each answer as it is done."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from evals.plan import Job, Plan
from evals.records import AnswerFile, Record, key_of


class Answerer(Protocol):
    """Gives the records of the jobs of some blocks, in any order."""

    def __call__(self, blocks: Sequence[Sequence[Job]]) -> Iterator[Record]:
        """Yield each record as soon as it is there."""


def default_workers() -> int:
    """One process for each core that this one may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_plan(plan: Plan, out: Path, answer: Answerer, console: Console) -> int:
    """Make the answers of a plan that `out` does not have. Returns how many there are.

    A block of which answers are missing is asked again as a whole, in the company that it always
    has; what the file has of it stays. Raises EvalError where the file is another run's.
    """
    blocks = plan.blocks()
    total = sum(map(len, blocks))
    with AnswerFile(out, plan.header()) as file, _bar(console) as bar:
        missing = [block for block in blocks if not file.done.issuperset(job.key for job in block)]
        task = bar.add_task("answers", total=total, completed=len(file.done), tokens="")
        tokens = 0
        for record in answer(missing):
            if key_of(record) not in file.done:
                file.add(record)
                tokens += record["completion_tokens"]
                bar.update(task, advance=1, tokens=f"{tokens:,} tokens")
    return total


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[tokens]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
