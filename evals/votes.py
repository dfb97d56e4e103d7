"""Votes: the answer that most of several samples gave, paid for with all their tokens.

A vote of k takes the first k answers of an arm to one question, so a vote of 3 spends what three
answers spend. Answers are equal where their extracted, canonical forms are; a text without an
answer has no vote; of equally many the one that was given first wins.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from evals.records import Record

SIZES = (3, 5)


def vote_arm(arm: str, size: int) -> str:
    """The name of the arm that votes with that many answers of another."""
    return f"{arm}, vote of {size}"


def votes(records: Sequence[Record], uncounted: Iterable[str] = ()) -> list[Record]:
    """What votes of 3 and 5 answer, for every arm and question that has so many answers.

    Each as a record with `correct` and the `completion_tokens` of all its answers. Tasks that are
    `uncounted` have no answers that could be equal.
    """
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    left_out = frozenset(uncounted)
    for record in records:
        if record["task"] not in left_out:
            groups[record["task"], record["question"], record["arm"]].append(record)
    made = []
    for (task, question, arm), answers in groups.items():
        answers.sort(key=lambda record: record["seed"])
        for size in SIZES:
            if len(answers) >= size:
                best = winner(answers[:size])
                made.append(
                    {
                        "task": task,
                        "question": question,
                        "arm": vote_arm(arm, size),
                        "seed": 0,
                        "text": best["text"],
                        "answer": best["answer"],
                        "correct": best["correct"],
                        "completion_tokens": sum(a["completion_tokens"] for a in answers[:size]),
                    }
                )
    return made


def winner(answers: Sequence[Record]) -> Record:
    """The first of the answers that the commonest one is."""
    counts = Counter(record["answer"] for record in answers if record["answer"] is not None)
    if not counts:
        return answers[0]
    best = max(counts.values())
    return next(record for record in answers if counts[record["answer"]] == best)
