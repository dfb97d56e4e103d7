"""What is asked: the tasks, their instructions, and how their answers are read.

Those that come with the project are generated or its own (`tasks/*.jsonl`, each with a first line
that says where it is from). Public sets are read from a folder, see public.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals import extraction, public
from evals.instructions import follows_all
from evals.questions import SPLITS, Question, read_questions, stable_hash
from mlx_entropix.engine.search import Extract
from mlx_entropix.errors import EvalError

SHIPPED = Path(__file__).with_name("tasks")
DATA = Path(__file__).with_name("data")

INSTRUCTIONS = "instructions"  # the rule of a task whose answers are checked as a whole


@dataclass(frozen=True)
class Task:
    """A set of questions that are asked and read alike.

    `rule` is one of extraction.RULES, or `instructions`. `file` is where the questions are: beside
    the code for a shipped task, in the data folder for a public one. `most` caps how many of a
    split the default evaluation asks; `by_default` whether it asks them at all.
    """

    name: str
    rule: str
    instruction: str
    file: str
    max_tokens: int = 24
    stop: tuple[str, ...] = ("\n",)
    public: bool = False
    most: int | None = 40
    by_default: bool = True

    @property
    def votes(self) -> bool:
        """Whether answers can be counted: not where any text that obeys is right."""
        return self.rule != INSTRUCTIONS

    def prompt(self, question: Question) -> str:
        """What the user says."""
        return f"{question.text}\n{self.instruction}" if self.instruction else question.text

    def extract(self, text: str, question: Question) -> Extract | None:
        """The answer in a text, None where there is none."""
        if self.rule == INSTRUCTIONS:
            return None
        return extraction.extract(self.rule, text, question)

    def is_right(self, text: str, answer: Extract | None, question: Question) -> bool:
        """Whether a text, of which `answer` was extracted, answers the question."""
        if self.rule == INSTRUCTIONS:
            return follows_all(text, question.details)
        return extraction.is_right(self.rule, answer, question)

    def questions(self, data: Path | None) -> list[Question]:
        """All questions of the task. Raises EvalError where they are not to be had."""
        if not self.public:
            return read_questions(SHIPPED / self.file)
        return public.read(self.name, (data or DATA) / self.file)

    def is_there(self, data: Path | None) -> bool:
        """Whether its questions are on this machine."""
        return not self.public or ((data or DATA) / self.file).exists()


_NUMBER = "Answer with the number only."
_NAME = "Answer with the name only."
_WORD = "Answer with one word only."
_SHORT = "Give a short answer."

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("chain_sum", "last_number", _NUMBER, "chain_sum.jsonl"),
        Task("products", "last_number", _NUMBER, "products.jsonl"),
        Task("gcd", "last_number", _NUMBER, "gcd.jsonl"),
        Task("lcm", "last_number", _NUMBER, "lcm.jsonl"),
        Task("needle_haystack", "choice", _NAME, "needle_haystack.jsonl"),
        Task("capitals", "words", _NAME, "capitals.jsonl"),
        Task("opposites", "words", _WORD, "opposites.jsonl"),
        Task("word_forms", "words", _WORD, "word_forms.jsonl"),
        Task("knowledge", "words", _WORD, "knowledge.jsonl"),
        Task("calendar", "words", _WORD, "calendar.jsonl"),
        Task("counts", "last_number", _NUMBER, "counts.jsonl"),
        Task("comparisons", "choice", _SHORT, "comparisons.jsonl"),
        Task("svamp", "last_number", _NUMBER, "svamp.json", public=True, by_default=False),
        Task(
            "bbh_boolean_expressions",
            "choice",
            "Answer with True or False only.",
            "bbh_boolean_expressions.json",
            public=True,
            most=40,
        ),
        Task(
            "bbh_navigate",
            "yes_no",
            "Answer with Yes or No only.",
            "bbh_navigate.json",
            public=True,
            most=40,
        ),
        Task(
            "bbh_object_counting",
            "last_number",
            _NUMBER,
            "bbh_object_counting.json",
            public=True,
            most=40,
        ),
        Task(
            "bbh_sports_understanding",
            "yes_no",
            "Answer with Yes or No only.",
            "bbh_sports_understanding.json",
            public=True,
            most=40,
        ),
        Task(
            "bbh_web_of_lies",
            "yes_no",
            "Answer with Yes or No only.",
            "bbh_web_of_lies.json",
            public=True,
            by_default=False,
        ),
        Task(
            "bbh_date_understanding",
            "letter",
            "Answer with the letter only.",
            "bbh_date_understanding.json",
            public=True,
            by_default=False,
        ),
        Task(
            "gsm8k",
            "last_number",
            "Work it out step by step. Give the result as a number at the end.",
            "gsm8k_test.jsonl",
            max_tokens=256,
            stop=(),
            public=True,
            by_default=False,
        ),
        Task(
            "ifeval",
            INSTRUCTIONS,
            "",
            "ifeval.jsonl",
            max_tokens=320,
            stop=(),
            public=True,
            by_default=False,
        ),
    )
}


def choose_tasks(
    names: str | None, split: str, limit: int | None, data: Path | None
) -> list[tuple[Task, tuple[Question, ...]]]:
    """The tasks that are asked for, each with its questions of the split.

    None asks for those of the default evaluation that are on this machine. `limit` takes the place
    of each task's own `most`. Which questions are taken depends on their ids alone. Raises
    EvalError.
    """
    if split not in SPLITS:
        raise EvalError(f"There is no split {split!r}; choose dev or test.")
    if names:
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        for name in wanted:
            if name not in TASKS:
                raise EvalError(f"There is no task {name!r}. There are: {', '.join(TASKS)}.")
        chosen = [TASKS[name] for name in dict.fromkeys(wanted)]
    else:
        chosen = [task for task in TASKS.values() if task.by_default and task.is_there(data)]
    return [(task, _sample(task.questions(data), split, limit or task.most)) for task in chosen]


def _sample(questions: Sequence[Question], split: str, most: int | None) -> tuple[Question, ...]:
    """At most that many questions of a split, in the order of the file."""
    inside = [question for question in questions if question.split == split]
    if most is None or len(inside) <= most:
        return tuple(inside)
    taken = sorted(inside, key=lambda question: stable_hash("sample", question.key))[:most]
    return tuple(question for question in inside if question in set(taken))
