"""Whether forks are worth their tokens: each policy beside votes that spend as much as it does.

The votes are those of the arm `voting`: of n answers, each of a seed of its own, the commonest. For
a policy that spends T tokens an answer, n is such that votes spend T: of n and n + 1 answers in
such shares that the mean is T, or the most that were asked for. The same for time. Votes of n are
taken over all runs of n neighbouring seeds, the last one beside the first, so that chance has less
of a part.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from evals.comparison import GREEDY, ArmAnswers, Place, collect
from evals.fork_trials import FORK_TRIALS, MAJORITY, VOTES_TRIED, VOTING
from evals.forking import chosen_by, time_of_rows, time_of_steps
from evals.intervals import Estimate, clustered_mean, paired_difference
from evals.records import Record
from evals.tables import markdown_table, percent, points, share
from evals.votes import winner


class Votes(NamedTuple):
    """Votes of n answers: the share that is right by question, and what a vote costs on the mean.

    `time` is in steps of a single row.
    """

    right: dict[Place, float]
    tokens: float
    time: float


def vote_curve(records: Sequence[Record], seeds: int) -> list[Votes]:
    """Votes of 1, 2, … `seeds` answers."""
    answers: dict[Place, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record["seed"]):
        answers[Place(record["task"], record["question"])].append(record)
    whole = {place: every for place, every in answers.items() if len(every) >= seeds}
    return [_votes(whole, n) for n in range(1, seeds + 1)]


def _votes(answers: dict[Place, list[Record]], n: int) -> Votes:
    right, tokens, time = {}, [], []
    for place, every in answers.items():
        runs = [(every + every)[first : first + n] for first in range(len(every))]
        right[place] = _mean([float(winner(run)["correct"]) for run in runs])
        lengths = [[record["completion_tokens"] for record in run] for run in runs]
        tokens.append(_mean([float(sum(length)) for length in lengths]))
        time.append(_mean([time_of_rows(length) for length in lengths]))
    return Votes(right, _mean(tokens), _mean(time))


def at_cost(
    curve: Sequence[Votes], cost: Callable[[Votes], float], target: float
) -> tuple[float, dict[Place, float]]:
    """How many answers votes have that cost `target`, and the share that is right by question.

    Where even a single answer costs more it is one, and where the most votes cost less, all.
    """
    for n, (few, more) in enumerate(pairwise(curve), 1):
        if target <= cost(more):
            part = max(0.0, (target - cost(few)) / (cost(more) - cost(few)))
            mixed = {p: (1 - part) * few.right[p] + part * more.right[p] for p in few.right}
            return n + part, mixed
    return float(len(curve)), curve[-1].right


def fork_section(records: Sequence[Record]) -> str:
    """The tables, in Markdown; empty where no arm forks or nothing votes beside them."""
    voting = [record for record in records if record["arm"] == VOTING]
    forks = [name for name in FORK_TRIALS if any(r["arm"] == name for r in records)]
    if not voting or not forks:
        return ""
    seeds = 1 + max(record["seed"] for record in voting)
    curve = vote_curve(voting, seeds)
    arms = collect(records)
    greedy = arms.get(GREEDY)
    rows = []
    for name in [arm for arm in (GREEDY, "temperature") if arm in arms]:
        arm = arms[name]
        rows.append(_row(name, arm.tokens_an_answer, arm.tokens_an_answer, arm, greedy))
    for n, votes in enumerate(curve, 1):
        title = f"{VOTING}, vote of {n}" if n > 1 else f"{VOTING}, one answer"
        rows.append(_row(title, votes.tokens, votes.time, _as_arm(title, votes.right), greedy))
    for name in forks:
        arm = arms[name]
        mine = [record for record in records if record["arm"] == name]
        time = _mean([time_of_steps(record["steps"]) for record in mine if "steps" in record])
        equal = (
            _against(arm, at_cost(curve, lambda votes: votes.tokens, arm.tokens_an_answer)),
            _against(arm, at_cost(curve, lambda votes: votes.time, time)),
        )
        rows.append(_row(name, arm.tokens_an_answer, time, arm, greedy, equal))
    head = ["arm", "tokens", "time", "accuracy", "− greedy"]
    head += ["− votes at equal tokens", "− votes at equal time"]
    return "\n\n".join(
        [
            "## Forks",
            f"*Tokens* are those of all paths, an answer; *time* is in steps of a single row, of "
            "which one of 5 rows takes 1.4 and one of 8 rows 1.55. The last columns are "
            f"differences in points to votes of so many `{VOTING}` answers as cost the same, which "
            f"*n* says ({seeds} at most), paired by question.",
            markdown_table(head, rows),
            _paths_table(records, forks),
            "What other votes would have chosen among the same paths, right answers in %, with the "
            "difference to a majority's:",
            _votes_table(records, forks),
        ]
    )


def _row(
    name: str,
    tokens: float,
    time: float,
    arm: ArmAnswers,
    greedy: ArmAnswers | None,
    equal: tuple[str, str] = ("", ""),
) -> list[str]:
    beside = arm.minus(greedy) if greedy is not None and name != GREEDY else None
    cells = [name, f"{tokens:.1f}", f"{time:.1f}", share(arm.accuracy()), points(beside)]
    return [*cells, *equal]


def _as_arm(name: str, right: dict[Place, float]) -> ArmAnswers:
    return ArmAnswers(name, {place: [value] for place, value in right.items()})


def _against(arm: ArmAnswers, votes: tuple[float, dict[Place, float]]) -> str:
    n, right = votes
    return f"{points(arm.minus(_as_arm(VOTING, right)))}, n = {n:.1f}"


def _paths_table(records: Sequence[Record], forks: Sequence[str]) -> str:
    """What the paths gave, whichever was chosen."""
    rows = []
    for name in forks:
        mine = [r for r in records if r["arm"] == name and "paths" in r]
        ended = [[p for p in r["paths"] if p["finish_reason"] != "dropped"] for r in mine]
        rows.append(
            [
                name,
                f"{_mean([float(len(r['paths'])) for r in mine]):.1f}",
                f"{_mean([float(len({p['answer'] for p in e})) for e in ended]):.1f}",
                share(clustered_mean([[float(r["paths"][0]["correct"])] for r in mine])),
                share(clustered_mean([[float(any(p["correct"] for p in e))] for e in ended])),
                points(_chosen_minus_first(mine)),
            ]
        )
    head = ["policy", "paths", "different answers", "first path right", "any path right"]
    return markdown_table([*head, "chosen − first path"], rows)


def _votes_table(records: Sequence[Record], forks: Sequence[str]) -> str:
    """All votes that tuning tried, for the policies all of whose paths ran to their ends."""
    whole = {}
    for name in forks:
        mine = [r for r in records if r["arm"] == name and "paths" in r]
        cut = any(p["finish_reason"] == "dropped" for r in mine for p in r["paths"])
        if mine and not cut:
            whole[name] = mine
    rows = []
    for vote, score in VOTES_TRIED:
        cells = []
        for mine in whole.values():
            right = [[float(chosen_by(r, vote, score)["correct"])] for r in mine]
            plain = [[float(chosen_by(r, *MAJORITY)["correct"])] for r in mine]
            beside = "" if (vote, score) == MAJORITY else points(paired_difference(right, plain))
            cells.append(f"{percent(clustered_mean(right).value)} {beside}".strip())
        rows.append([vote, score, *cells])
    return markdown_table(["vote", "score", *whole], rows)


def _chosen_minus_first(records: Sequence[Record]) -> Estimate:
    return paired_difference(
        [[float(r["correct"])] for r in records],
        [[float(r["paths"][0]["correct"])] for r in records],
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
