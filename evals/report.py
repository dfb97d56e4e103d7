"""From files of answers to tables, a picture and a page to read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.comparison import ArmAnswers, Line, best_plain, collect, compare
from evals.intervals import Estimate
from evals.records import Record, key_of, read_answers
from evals.tables import markdown_table, percent, points, share
from evals.tasks import TASKS
from mlx_entropix.errors import EvalError

_SAME = ("model", "split", "system", "questions")


def read_runs(paths: Sequence[Path]) -> tuple[Record, list[Record]]:
    """The answers of some files as one run. Raises EvalError where they do not fit together."""
    header: Record = {}
    records: dict[tuple[object, ...], Record] = {}
    for path in paths:
        found, answers = read_answers(path)
        if not header:
            header = {**found, "arms": dict(found["arms"])}
        for name in _SAME:
            if found.get(name) != header.get(name):
                raise EvalError(
                    f"{path} cannot be reported with {paths[0]}: its {name} differs. "
                    "Report them one by one."
                )
        header["arms"].update(found["arms"])
        records.update((key_of(record), record) for record in answers)
    if not records:
        raise EvalError(f"{paths[0]} has no answers yet; run the evaluation first.")
    order = list(header["arms"])  # and not that in which they were done
    return header, sorted(records.values(), key=lambda record: order.index(record["arm"]))


def write_report(
    paths: Sequence[Path], out: Path, data: Path | None, plain: str | None = None
) -> Path:
    """Write report.md, report.json, accuracy.png, disagreements.html and what reliability.py says.

    `plain` names the best plain arm. Returns the path of report.md. Raises EvalError.
    """
    header, records = read_runs(paths)
    from evals.fork_report import fork_section
    from evals.page import write_page
    from evals.plots import plot_accuracy
    from evals.reliability import greedy_answers, write_reliability

    arms = collect(records, [task.name for task in TASKS.values() if not task.votes])
    plain = best_plain(arms, plain)
    lines = compare(arms, plain)
    out.mkdir(parents=True, exist_ok=True)
    plot_accuracy(lines, out / "accuracy.png")
    write_page(out / "disagreements.html", header, records, data)
    reliable = greedy_answers(records)
    known = write_reliability(reliable, out) if reliable else ""
    (out / "report.json").write_text(
        json.dumps(as_json(header, lines, plain), indent=1) + "\n", encoding="utf-8"
    )
    parts = [as_markdown(header, arms, lines, plain), fork_section(records, header["arms"]), known]
    text = "\n\n".join(filter(None, parts))
    (out / "report.md").write_text(text + "\n", encoding="utf-8")
    return out / "report.md"


def as_markdown(
    header: Record, arms: dict[str, ArmAnswers], lines: Sequence[Line], plain: str | None
) -> str:
    """The tables of a report."""
    questions = {place for arm in arms.values() for place in arm.right}
    return "\n\n".join(
        [
            f"# {header['model']}, {header['split']} split",
            f"{len(questions):,} questions of {len(header['tasks'])} tasks. Accuracy in %, with 95 "
            "% intervals clustered by question; differences in points, paired by question "
            "([Miller 2024](https://arxiv.org/abs/2411.00640)). *Cost* is in greedy answers: "
            "tokens over the greedy arm's. A difference whose interval excludes zero is **bold**; "
            "of twenty differences that are none, one is bold by chance.",
            _arm_table(lines, plain),
            "![Accuracy over tokens spent](accuracy.png)",
            "## By task",
            _task_table(arms),
        ]
    )


def as_json(header: Record, lines: Sequence[Line], plain: str | None) -> dict[str, Any]:
    """The numbers of a report."""
    return {
        "run": {name: header[name] for name in ("model", "split", "system", "seeds", "tasks")},
        "configs": header["arms"],
        "best_plain": plain,
        "arms": [
            {
                "arm": line.arm.name,
                "answers": line.arm.answers,
                "tokens": line.arm.tokens,
                "tokens_an_answer": line.arm.tokens_an_answer,
                "cost": line.cost,
                "accuracy": _numbers(line.pooled),
                "mean_of_tasks": _numbers(line.by_task),
                "minus_greedy": _numbers(line.to_greedy),
                "minus_best_plain": _numbers(line.to_plain),
                "compared_to": line.plain,
                "tasks": {task: _numbers(line.arm.accuracy(task)) for task in line.arm.tasks()},
            }
            for line in lines
        ],
    }


def _arm_table(lines: Sequence[Line], plain: str | None) -> str:
    head = ["arm", "answers", "tokens", "cost", "accuracy", "mean of tasks", "− greedy"]
    head.append(f"− {plain}, same budget" if plain else "")
    rows = [
        [
            line.arm.name,
            f"{line.arm.answers:,}",
            f"{line.arm.tokens:,}",
            f"{line.cost:.2f}",
            share(line.pooled),
            share(line.by_task),
            points(line.to_greedy),
            points(line.to_plain),
        ]
        for line in lines
    ]
    return markdown_table(head, rows)


def _task_table(arms: dict[str, ArmAnswers]) -> str:
    shown = [arm for arm in arms.values() if ", vote of " not in arm.name]
    tasks = list(dict.fromkeys(task for arm in shown for task in arm.tasks()))
    rows = []
    for task in tasks:
        count = len({place for arm in shown for place in arm.right if place.task == task})
        cells = [percent(arm.accuracy(task).value) for arm in shown]
        rows.append([task, str(count), *cells])
    return markdown_table(["task", "questions", *(arm.name for arm in shown)], rows)


def _numbers(value: Estimate | None) -> dict[str, float | None] | None:
    if value is None:
        return None
    return {name: None if x != x else round(x, 6) for name, x in value._asdict().items()}
