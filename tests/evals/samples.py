"""Questions, arms and answers that several tests use."""

from evals.arms import Arm
from evals.plan import Job, Plan
from evals.questions import Question
from evals.records import Record
from evals.tasks import Task
from mlx_entropix import PRESETS, PlainConfig

GREEDY = Arm("greedy", PlainConfig(temperature=0, top_k=1))
WARM = Arm("temperature", PlainConfig(temperature=1.5, top_p=1, top_k=100, min_p=0))
ENTROPIX = Arm("entropix", PRESETS["entropix"])
TASK = Task("counts", "last_number", "Answer with the number only.", "counts.jsonl", max_tokens=6)


def plan(questions: int = 3, seeds: int = 2, arms=(GREEDY, WARM), rows: int = 8) -> Plan:
    """A small plan of counting questions."""
    every = tuple(TASK.questions(None)[:questions])
    return Plan(((TASK, every),), tuple(arms), seeds, "", "a model", "dev", rows)


def answer(job: Job, text: str = "7", tokens: int = 3) -> Record:
    """A record as a runner makes it."""
    found = TASK.extract(text, job.question)
    return {
        "kind": "answer",
        **job.key._asdict(),
        "text": text,
        "answer": found.text if found else None,
        "correct": TASK.is_right(text, found, job.question),
        "completion_tokens": tokens,
    }


def record(arm: str, question: str, correct: bool, tokens: int, seed: int = 0, **more) -> Record:
    """A record with what comparisons look at."""
    return {
        "kind": "answer",
        "task": more.pop("task", "counts"),
        "question": question,
        "arm": arm,
        "seed": seed,
        "text": "x",
        "answer": "7" if correct else "8",
        "correct": correct,
        "completion_tokens": tokens,
        **more,
    }


def question(text: str = "How many?", *answers: str, choices: tuple[str, ...] = ()) -> Question:
    """A question that belongs to no file."""
    return Question("none", "1", text, answers, choices)
