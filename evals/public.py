"""Public sets of questions: read from a folder, or fetched from their homes. None is copied here.

| set | licence | paper |
| --- | --- | --- |
| SVAMP | MIT | Patel, Bhattamishra and Goyal 2021, arXiv:2103.07191 |
| BIG-Bench Hard | MIT | Suzgun et al. 2022, arXiv:2210.09261 |
| GSM8K | MIT | Cobbe et al. 2021, arXiv:2110.14168 |
| IFEval | Apache-2.0 | Zhou et al. 2023, arXiv:2311.07911 |
"""

import json
from pathlib import Path
from typing import Any

from evals.instructions import can_check
from evals.questions import Question
from mlx_entropix.errors import EvalError

_HOME = "https://raw.githubusercontent.com"
_BBH = f"{_HOME}/suzgunmirac/BIG-Bench-Hard/9ee07bd/bbh"
_BBH_TASKS = (
    "boolean_expressions",
    "date_understanding",
    "navigate",
    "object_counting",
    "sports_understanding",
    "web_of_lies",
)

ADDRESSES: dict[str, str] = {
    "svamp.json": f"{_HOME}/arkilpatel/SVAMP/689d7cc/SVAMP.json",
    "gsm8k_test.jsonl": (
        f"{_HOME}/openai/grade-school-math/3101c7d/grade_school_math/data/test.jsonl"
    ),
    "ifeval.jsonl": (
        f"{_HOME}/josejg/instruction_following_eval/0c495b2/"
        "instruction_following_eval/data/input_data.jsonl"
    ),
    **{f"bbh_{name}.json": f"{_BBH}/{name}.json" for name in _BBH_TASKS},
}


def read(task: str, path: Path) -> list[Question]:
    """The questions of a public set, from its file as published. Raises EvalError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise EvalError(
            f"{path} is not there. Get it with `python -m evals fetch`, or name its folder "
            "with --data."
        ) from None
    except OSError as error:
        raise EvalError(f"{path} cannot be read ({error.strerror}).") from None
    try:
        if path.suffix == ".jsonl":
            content = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            content = json.loads(text)
        questions = _questions(task, content)
    except (json.JSONDecodeError, KeyError, TypeError, IndexError):
        questions = []
    if not questions:
        raise EvalError(f"{path} is not {task} as it is published; get it again.")
    return questions


def fetch(folder: Path) -> list[Path]:
    """Download the sets that are not in the folder yet. Raises EvalError."""
    import httpx2

    folder.mkdir(parents=True, exist_ok=True)
    new = []
    for name, address in ADDRESSES.items():
        path = folder / name
        if path.exists():
            continue
        try:
            reply = httpx2.get(address, follow_redirects=True, timeout=60)
            reply.raise_for_status()
        except httpx2.HTTPError as error:
            raise EvalError(f"{address} cannot be had: {error}. Try again later.") from None
        path.write_bytes(reply.content)
        new.append(path)
    return new


def _questions(task: str, content: Any) -> list[Question]:
    if task == "svamp":
        return [
            Question(task, item["ID"], _svamp_text(item), (f"{item['Answer']:g}",))
            for item in content
        ]
    if task == "gsm8k":
        return [
            Question(task, f"{n:04}", item["question"], (item["answer"].split("####")[1].strip(),))
            for n, item in enumerate(content)
        ]
    if task == "ifeval":
        return [
            Question(task, str(item["key"]), item["prompt"], details=item)
            for item in content
            if can_check(item)
        ]
    choices = ("True", "False") if task == "bbh_boolean_expressions" else ()
    return [
        Question(task, f"{n:03}", item["input"], (item["target"],), choices)
        for n, item in enumerate(content["examples"])
    ]


def _svamp_text(item: dict[str, Any]) -> str:
    return f"{item['Body'].strip().rstrip('.')}. {item['Question'].strip()}"
