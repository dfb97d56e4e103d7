"""What a set of answers says: each arm's accuracy and cost, and the paired differences.

Everything is computed from records alone, so that what is reported can be checked by hand.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from evals.arms import PLAIN_ARMS
from evals.intervals import Estimate, clustered_mean, mean_of, paired_difference
from evals.records import Record
from evals.votes import SIZES, vote_arm, votes

GREEDY = "greedy"


class Place(NamedTuple):
    """Where answers belong."""

    task: str
    question: str


@dataclass
class ArmAnswers:
    """One arm's answers: whether each is right, by question, and the tokens that all took.

    Those that fork are compared at equal tokens in fork_report.py, and to greedy alone here.
    """

    name: str
    right: dict[Place, list[float]] = field(default_factory=lambda: defaultdict(list))
    tokens: int = 0
    forks: bool = False

    @property
    def answers(self) -> int:
        """How many there are."""
        return sum(map(len, self.right.values()))

    @property
    def tokens_an_answer(self) -> float:
        """Mean completion tokens of an answer; of a vote, those of all that vote."""
        return self.tokens / max(1, self.answers)

    def tasks(self) -> list[str]:
        """The tasks that it has answers of."""
        return list(dict.fromkeys(place.task for place in self.right))

    def accuracy(self, task: str | None = None) -> Estimate:
        """The share of right answers, of all or of one task."""
        chosen = [right for place, right in self.right.items() if task in (None, place.task)]
        return clustered_mean(chosen)

    def mean_of_tasks(self) -> Estimate:
        """The mean of the tasks' accuracies, each counting alike."""
        return mean_of([self.accuracy(task) for task in self.tasks()])

    def minus(self, other: "ArmAnswers", task: str | None = None) -> Estimate:
        """The paired difference to another arm over the questions that both have."""
        common = [p for p in self.right if p in other.right and task in (None, p.task)]
        return paired_difference(
            [self.right[place] for place in common], [other.right[place] for place in common]
        )


@dataclass(frozen=True)
class Line:
    """An arm beside those that it is compared to. `cost` is in greedy answers."""

    arm: ArmAnswers
    cost: float
    pooled: Estimate
    by_task: Estimate
    to_greedy: Estimate | None
    to_plain: Estimate | None
    plain: str


def collect(records: Sequence[Record], uncounted: Iterable[str] = ()) -> dict[str, ArmAnswers]:
    """Arms and votes by name, in the order of the records. `uncounted` tasks have no votes."""
    arms: dict[str, ArmAnswers] = {}
    for record in [*records, *votes(records, uncounted)]:
        arm = arms.setdefault(record["arm"], ArmAnswers(record["arm"]))
        arm.right[Place(record["task"], record["question"])].append(float(record["correct"]))
        arm.tokens += record["completion_tokens"]
        arm.forks |= "paths" in record
    return arms


def best_plain(arms: dict[str, ArmAnswers], named: str | None = None) -> str | None:
    """The plain arm that others have to beat: the one `named`, if it is there.

    Else the plain arm that draws and is right most often here. Chosen by the same answers that it
    is judged by, it looks better than it is, which favours none of ours.
    """
    if named in arms:
        return named
    plain = [name for name in PLAIN_ARMS if name in arms and name != GREEDY]
    return max(plain, key=lambda name: arms[name].accuracy().value, default=None)


def compare(arms: dict[str, ArmAnswers], plain: str | None) -> list[Line]:
    """Every arm beside the greedy one, and beside the best plain arm at the same budget.

    A single answer is compared to a single one, a vote of k to a vote of k.
    """
    greedy = arms.get(GREEDY)
    unit = greedy.tokens_an_answer if greedy else 1.0
    lines = []
    for name, arm in arms.items():
        rival = arms.get(_same_budget(name, plain)) if plain and not arm.forks else None
        lines.append(
            Line(
                arm,
                arm.tokens_an_answer / max(unit, 1e-9),
                arm.accuracy(),
                arm.mean_of_tasks(),
                arm.minus(greedy) if greedy and arm is not greedy else None,
                arm.minus(rival) if rival and arm is not rival else None,
                rival.name if rival else "",
            )
        )
    return lines


def _same_budget(name: str, plain: str) -> str:
    for size in SIZES:
        if name.endswith(vote_arm("", size)):
            return vote_arm(plain, size)
    return plain
