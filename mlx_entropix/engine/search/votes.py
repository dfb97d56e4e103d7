"""How paths agree on an answer.

Of answers with equal weight the one wins that has the path with the highest score, and of these the
one with the lowest branch. Within an answer the path with the highest score is shown, and of equals
the one with the lowest branch.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlx_entropix.engine.events import Vote


class Ballot(NamedTuple):
    """A path that has an answer."""

    branch: int
    answer: str
    score: float


def _majority(ballots: Sequence[Ballot], _power: float) -> list[float]:
    return [1.0] * len(ballots)


def _weighted(ballots: Sequence[Ballot], _power: float) -> list[float]:
    """A score below 0 (a log-probability) would turn a vote against its answer, so the lowest of
    all paths is then where weights begin."""
    lowest = min((ballot.score for ballot in ballots), default=0.0)
    return [ballot.score - min(lowest, 0.0) for ballot in ballots]


def _borda(ballots: Sequence[Ballot], power: float) -> list[float]:
    """(N − rank + 1)^power, ranks from 1 for the highest score (Kang et al., arXiv:2502.18581)."""
    order = sorted(range(len(ballots)), key=lambda i: (-ballots[i].score, ballots[i].branch))
    weights = [0.0] * len(ballots)
    for rank, i in enumerate(order):
        weights[i] = float(len(ballots) - rank) ** power
    return weights


VOTES: dict[str, Callable[[Sequence[Ballot], float], list[float]]] = {
    "majority": _majority,
    "weighted": _weighted,
    "borda": _borda,
}
"""What each path's vote weighs, by the name of the rule; `best` asks for no vote."""


def weights(rule: str, ballots: Sequence[Ballot], power: float = 1.0) -> list[float]:
    """What the vote of each path weighs."""
    return VOTES[rule](ballots, power)


def count(ballots: Sequence[Ballot], weight: Sequence[float]) -> list[Vote]:
    """The answers with their weights, the winner first; its first branch is the one to show."""
    groups: dict[str, list[int]] = {}
    for i, ballot in enumerate(ballots):
        groups.setdefault(ballot.answer, []).append(i)
    ranked = []
    for answer, members in groups.items():
        members.sort(key=lambda i: (-ballots[i].score, ballots[i].branch))
        best = ballots[members[0]]
        total = sum(weight[i] for i in members)
        branches = tuple(ballots[i].branch for i in members)
        ranked.append((-total, -best.score, best.branch, Vote(answer, total, branches)))
    return [vote for *_, vote in sorted(ranked, key=lambda item: item[:3])]
