"""Whether forks are worth their tokens: each policy beside votes that spend as much as it does.

There are two kinds of votes. Those of the arm `voting` are what a user has without forks: of n
answers, each of a seed of its own, the commonest, and of equally common ones the first. Those of
`independent` are draws of the same kind, weighed as its configuration says.

For a policy that spends T tokens an answer, n is such that votes spend T: of n and n + 1 answers in
such shares that the mean is T, or the most that there are. The same for time. Votes of n are taken
over all runs of n neighbouring answers, the last one beside the first, so that chance has less of a
part.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from evals.comparison import GREEDY, ArmAnswers, Place, collect
from evals.fork_trials import INDEPENDENT, MAJORITY, VOTES_TRIED, VOTING
from evals.forking import chosen_by, time_of_rows, time_of_steps
from evals.intervals import Estimate, clustered_mean, paired_difference
from evals.records import Record
from evals.tables import markdown_table, percent, points, share
from evals.votes import winner

Chooser = Callable[[Sequence[Record]], Record]


class Votes(NamedTuple):
    """Votes of n answers: the share that is right by question, and what a vote costs on the mean.

    `time` is in steps of a single row.
    """

    right: dict[Place, float]
    tokens: float
    time: float


def vote_curve(records: Sequence[Record]) -> list[Votes]:
    """Votes of 1, 2, … answers, up to as many as every question has."""
    answers: dict[Place, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record["seed"]):
        answers[_place(record)].append(record)
    return _curve(answers, winner)


def path_curve(records: Sequence[Record], vote: str, score: str) -> list[Votes]:
    """Votes of 1, 2, … paths of answers whose paths all began at the first token."""
    paths = {
        _place(record): [{**p, "completion_tokens": p["tokens"]} for p in record["paths"]]
        for record in records
    }
    return _curve(paths, lambda some: chosen_by({"paths": some}, vote, score))


def _curve(answers: Mapping[Place, list[Record]], choose: Chooser) -> list[Votes]:
    most = min(map(len, answers.values()), default=0)
    return [_votes(answers, n, choose) for n in range(1, most + 1)]


def _votes(answers: Mapping[Place, list[Record]], n: int, choose: Chooser) -> Votes:
    right, tokens, time = {}, [], []
    for place, every in answers.items():
        runs = [(every + every)[first : first + n] for first in range(len(every))]
        right[place] = _mean([float(choose(run)["correct"]) for run in runs])
        lengths = [[record["completion_tokens"] for record in run] for run in runs]
        tokens.append(_mean([float(sum(length)) for length in lengths]))
        time.append(_mean([time_of_rows(length) for length in lengths]))
    return Votes(right, _mean(tokens), _mean(time))


def _place(record: Record) -> Place:
    return Place(record["task"], record["question"])


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


def fork_section(records: Sequence[Record], configs: Mapping[str, Any]) -> str:
    """The tables, in Markdown; empty where no arm forks or nothing votes beside them.

    `configs` are those of the arms, by name.
    """
    of_arm: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        of_arm[record["arm"]].append(record)
    forks = [name for name in configs if any("paths" in record for record in of_arm[name])]
    if not of_arm[VOTING] or not forks:
        return ""
    curves = {VOTING: vote_curve(of_arm[VOTING])}
    if INDEPENDENT in forks:
        weighed = configs[INDEPENDENT]["fork"]
        curves[INDEPENDENT] = path_curve(of_arm[INDEPENDENT], weighed["vote"], weighed["score"])
    arms = collect(records)
    greedy = arms.get(GREEDY)
    rows = []
    for name in [name for name in (GREEDY, "temperature", "auto") if name in arms]:
        tokens = arms[name].tokens_an_answer
        rows.append(_row(arms[name], tokens, tokens, greedy))
    for name, curve in curves.items():
        for n, votes in enumerate(curve, 1):
            rows.append(_row(_as_arm(f"{name}, {n}", votes.right), *votes[1:], greedy))
    for name in [name for name in forks if name != INDEPENDENT]:
        arm = arms[name]
        tokens = arm.tokens_an_answer
        time = _mean([time_of_steps(r["steps"]) for r in of_arm[name] if "steps" in r])
        rows.append(
            _row(arm, tokens, time, greedy)
            + [_against(arm, curve, lambda v: v.tokens, tokens) for curve in curves.values()]
            + [_against(arm, curve, lambda v: v.time, time) for curve in curves.values()]
        )
    head = ["arm", "tokens", "time", "accuracy", "− greedy"]
    head += [f"− {name}, equal tokens" for name in curves]
    head += [f"− {name}, equal time" for name in curves]
    return "\n\n".join(
        [
            "## Forks",
            "*Tokens* are those of all paths, an answer; *time* is in steps of a single row, of "
            "which one of 5 rows takes 1.4 and one of 8 rows 1.55. The last columns are "
            "differences in points to votes of so many answers as cost the same, which *n* says "
            f"({len(curves[VOTING])} at most), paired by question.",
            markdown_table(head, [row + [""] * (len(head) - len(row)) for row in rows]),
            _paths_table(of_arm, forks),
            "What other votes would have chosen among the same paths, right answers in %, with the "
            "difference to a majority's:",
            _votes_table(of_arm, forks),
        ]
    )


def _row(arm: ArmAnswers, tokens: float, time: float, greedy: ArmAnswers | None) -> list[str]:
    beside = arm.minus(greedy) if greedy is not None and arm is not greedy else None
    return [arm.name, f"{tokens:.1f}", f"{time:.1f}", share(arm.accuracy()), points(beside)]


def _as_arm(name: str, right: dict[Place, float]) -> ArmAnswers:
    return ArmAnswers(name, {place: [value] for place, value in right.items()})


def _against(
    arm: ArmAnswers, curve: Sequence[Votes], cost: Callable[[Votes], float], target: float
) -> str:
    n, right = at_cost(curve, cost, target)
    return f"{points(arm.minus(_as_arm('', right)))}, n = {n:.1f}"


def _paths_table(of_arm: Mapping[str, Sequence[Record]], forks: Sequence[str]) -> str:
    """What the paths gave, whichever was chosen."""
    rows = []
    for name in forks:
        mine = [record for record in of_arm[name] if "paths" in record]
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


def _votes_table(of_arm: Mapping[str, Sequence[Record]], forks: Sequence[str]) -> str:
    """All votes that tuning tried, for the policies all of whose paths ran to their ends."""
    whole = {}
    for name in forks:
        mine = [record for record in of_arm[name] if "paths" in record]
        if not any(p["finish_reason"] == "dropped" for r in mine for p in r["paths"]):
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
