"""The page of disagreements: questions that some arms get right and others do not."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

from evals.questions import Question
from evals.records import Record
from evals.tasks import TASKS
from mlx_entropix.errors import EvalError

TEMPLATE = Path(__file__).with_name("disagreements.html")


def write_page(path: Path, header: Record, records: Sequence[Record], data: Path | None) -> None:
    """Write the page: self-contained, all text of models escaped."""
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    shown = disagreements(records, data)
    tasks = list(dict.fromkeys(item["task"] for item in shown))
    page = template.render(header=header, items=shown, tasks=tasks, arms=list(header["arms"]))
    path.write_text(page, encoding="utf-8")


def disagreements(records: Sequence[Record], data: Path | None) -> list[dict[str, Any]]:
    """The questions on whose answers the arms disagree, each with all its answers."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        groups[record["task"], record["question"]].append(record)
    known: dict[tuple[str, str], Question] = {}
    for task in {task for task, _ in groups}:
        known.update({(task, question.id): question for question in _questions(task, data)})
    shown = []
    for (task, id), answers in groups.items():
        if len({bool(answer["correct"]) for answer in answers}) < 2:
            continue
        question = known.get((task, id))
        answers.sort(key=lambda answer: (answer["arm"], answer["seed"]))
        shown.append(
            {
                "task": task,
                "id": id,
                "text": question.text if question else "",
                "accepted": " · ".join(question.answers) if question else "",
                "answers": answers,
                "right": " ".join(sorted({a["arm"] for a in answers if a["correct"]})),
                "wrong": " ".join(sorted({a["arm"] for a in answers if not a["correct"]})),
            }
        )
    return shown


def _questions(task: str, data: Path | None) -> list[Question]:
    """The questions of a task, none where they are not on this machine any more."""
    try:
        return TASKS[task].questions(data) if task in TASKS else []
    except EvalError:
        return []
