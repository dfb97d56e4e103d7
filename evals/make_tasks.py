"""Write the questions that come with the project.

uv run --with reasoning-gym python -m evals.make_tasks

Facts come from facts.py, the others from reasoning-gym (Apache-2.0,
https://github.com/open-thought/reasoning-gym) with the settings and seeds below.
"""

import random
import re
from importlib import metadata
from typing import Any

from evals.facts import fact_questions
from evals.questions import Question, write_questions
from evals.tasks import SHIPPED

SEED = 20261124
SETTINGS: dict[str, tuple[int, dict[str, Any]]] = {
    "chain_sum": (150, {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 2}),
    "products": (120, {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 2}),
    "gcd": (100, {"min_value": 2, "max_value": 20}),
    "lcm": (60, {"min_value": 2, "max_value": 12}),
    "needle_haystack": (120, {"min_num_statements": 3, "max_num_statements": 5}),
}


def main() -> None:
    """Write all files."""
    for task, questions in fact_questions().items():
        origin: dict[str, Any] = {"origin": "mlx-entropix, evals/facts.py", "licence": "Apache-2.0"}
        write_questions(SHIPPED / f"{task}.jsonl", origin, questions)
    for task, (count, settings) in SETTINGS.items():
        origin = {
            "origin": f"reasoning-gym {metadata.version('reasoning-gym')}, {task}",
            "licence": "Apache-2.0",
            "seed": SEED,
            "settings": settings,
        }
        write_questions(SHIPPED / f"{task}.jsonl", origin, _generated(task, count, settings))


def _generated(task: str, count: int, settings: dict[str, Any]) -> list[Question]:
    """Distinct questions of a generator."""
    import reasoning_gym  # type: ignore[import-not-found, unused-ignore]

    made: dict[str, Question] = {}
    for item in reasoning_gym.create_dataset(task, seed=SEED, size=5 * count, **settings):
        text = _without_instruction(item["question"])
        if text not in made and len(made) < count:
            choices = tuple(_names(text)) if task == "needle_haystack" else ()
            answers = (str(item["answer"]),)
            made[text] = Question(task, f"{len(made) + 1:03}", text, answers, choices)
    return list(made.values())


def _without_instruction(text: str) -> str:
    """The question alone, in one form: a generator asks in several words, ours are one."""
    text = re.sub(r"\s*(Give only|Reply only|Answer with).*$", "", text.strip(), flags=re.DOTALL)
    sums = re.search(r"(?:problem|multiplication|calculate)[^\d-]*: ?(.*?)(?: =)?\.?$", text)
    return f"What is {sums[1].rstrip('.').strip()}?" if sums else text


def _names(text: str) -> list[str]:
    """Who the statements are about: the first word of each."""
    statements, _, _ = text.rpartition("\n")
    return list(dict.fromkeys(re.findall(r"(?:^|\. )([A-Z][\w'-]*)", statements)))


if __name__ == "__main__":
    random.seed(SEED)
    main()
