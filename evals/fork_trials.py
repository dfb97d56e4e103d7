"""Chooses values for the policies of forks, on the dev split, as tune.py does for samplers.

Every policy has the same number of trials, listed below as data. Which vote and which score choose
among the paths costs no answers more, so all are tried: the best on the mean of a policy's trials
is taken, and then the trial that is best with it. `lookahead` chooses while it writes, so its
scores are part of its trials. What `voting` is compared with, plain votes at a temperature, has
its temperature from the same trials as `independent`.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from evals.arms import Arm, arm_of, tuned_values
from evals.forking import chosen_by
from evals.intervals import Estimate, clustered_mean
from evals.records import Record
from evals.tune import Trials, full_values, to_toml, trial_name
from mlx_entropix.choices import AUTO
from mlx_entropix.engine.search.fork_config import BEST

TUNED_FORKS = Path(__file__).with_name("tuned_forks.toml")

VOTING = "voting"
"""The arm whose answers vote without forks, each of a seed of its own."""

LOOKAHEAD = "lookahead"
INDEPENDENT = "independent"

# What all paths are let run to their ends for; an answer by majority ends as soon as it is decided.
_ALL = {"vote": "borda"}


def _fork(policy: str, temperature: float | str, **values: Any) -> dict[str, Any]:
    """A trial: a policy over the plain sampler at a temperature, or over a named sampler."""
    sampler = (
        {"base": temperature} if isinstance(temperature, str) else {"temperature": temperature}
    )
    votes = {} if policy == LOOKAHEAD else _ALL
    return {**sampler, "fork": {"policy": policy, **votes, **values}}


# From the most careful to the boldest: of equally good ones the first is chosen.
FORK_TRIALS: Trials = {
    INDEPENDENT: [_fork(INDEPENDENT, t) for t in (0.2, 0.4, 0.7)],
    "first": [
        _fork("first", 0, paths=3),
        _fork("first", 0, paths=5),
        _fork("first", 0, paths=8),
    ],
    "entropy": [
        _fork("entropy", AUTO, least=0.1),
        _fork("entropy", 0, least=0.2, ways=2, distance=4),
        _fork("entropy", 0, least=0.1, ways=3, distance=4),
    ],
    LOOKAHEAD: [
        _fork(LOOKAHEAD, AUTO, least=0.1),
        _fork(LOOKAHEAD, 0, least=0.1, paths=3, horizon=12),
        _fork(LOOKAHEAD, 0, least=0.1, paths=3, horizon=12, score="self_certainty"),
    ],
    "deepconf": [
        _fork("deepconf", 0.35, keep=0.9, window=8),
        _fork("deepconf", 0.35, keep=0.5, window=4),
        _fork("deepconf", 0.5, keep=0.5, window=8),
    ],
}

_SCORES = ("logprob", "delta", "lowest_confidence", "self_certainty", "negative_entropy")
MAJORITY = ("majority", "logprob")
VOTES_TRIED = [
    MAJORITY,
    *((vote, score) for vote in ("weighted", "borda", BEST) for score in _SCORES),
]
"""Votes with the scores that weigh them; of a majority the score decides ties alone."""


class Chosen(NamedTuple):
    """A policy's best trial, the vote and the score that chose in it, and what that came to."""

    trial: int
    vote: tuple[str, str] | None
    by_vote: dict[tuple[str, str], float]
    accuracy: list[Estimate]
    tokens: list[float]


def fork_trial_arms(fitted: Sequence[Arm]) -> list[Arm]:
    """An arm a trial; those of `auto` are left out where no preset is `fitted` to the model."""
    return [
        arm
        for policy, every in FORK_TRIALS.items()
        for number, values in enumerate(every)
        for arm in _arm(trial_name(policy, number), values, fitted)
    ]


def fork_arms(fitted: Sequence[Arm], tuned: Path = TUNED_FORKS) -> list[Arm]:
    """The arm `voting`, and one a policy, with the values that tuning chose."""
    chosen = tuned_values(tuned)
    return [arm for name, values in chosen.items() for arm in _arm(name, values, fitted)]


def _arm(name: str, values: Mapping[str, Any], fitted: Sequence[Arm]) -> list[Arm]:
    if values.get("base") != AUTO:
        return [arm_of(name, full_values(values), name)]
    return [
        Arm(name, arm.config, arm_of(name, {**values, "base": "entropix"}, name).fork)
        for arm in fitted
    ]


def choose(records: Sequence[Record]) -> dict[str, Chosen]:
    """The best trial of each policy that has answers, and of `voting`."""
    of_arm: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        of_arm[record["arm"]].append(record)
    chosen = {}
    for name in (VOTING, *FORK_TRIALS):
        policy = INDEPENDENT if name == VOTING else name
        every = [of_arm[trial_name(policy, n)] for n in range(len(FORK_TRIALS[policy]))]
        if not any(every):
            continue
        by_vote = {}
        if name != LOOKAHEAD:
            by_vote = {
                vote: _mean([_accuracy(trial, vote).value for trial in every if trial])
                for vote in ([MAJORITY] if name == VOTING else VOTES_TRIED)
            }
        vote = max(by_vote, key=lambda vote: by_vote[vote], default=None)
        accuracy = [_accuracy(trial, vote) for trial in every]
        best = max(range(len(every)), key=lambda n: (accuracy[n].value if every[n] else -1, -n))
        tokens = [_mean([r["completion_tokens"] for r in trial]) for trial in every]
        chosen[name] = Chosen(best, vote, by_vote, accuracy, tokens)
    return chosen


def _accuracy(records: Sequence[Record], vote: tuple[str, str] | None) -> Estimate:
    """The share of right answers among those that a vote chooses, or that were chosen."""
    return clustered_mean(
        [[float(r["correct"] if vote is None else chosen_by(r, *vote)["correct"])] for r in records]
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def as_toml(header: Record, records: Sequence[Record], command: str, day: date) -> str:
    """What was chosen, then every trial and every vote with what it came to."""
    every = choose(records)
    lines = [
        "# Chosen on the dev split by `python -m evals tune_forks`; the test split was not looked "
        "at.",
        f"command = {json.dumps(command)}",
        f"date = {day.isoformat()}",
        f"model = {json.dumps(header['model'])}",
        f"questions = {sum(header['tasks'].values())}",
    ]
    for name, chosen in every.items():
        lines += ["", f"[arms.{name}]", *to_toml(_tuned(name, chosen))]
    for name, chosen in every.items():
        if name == VOTING:
            continue
        for (vote, score), accuracy in chosen.by_vote.items():
            lines += ["", "[[votes]]", f"policy = {json.dumps(name)}", f"vote = {json.dumps(vote)}"]
            lines += [f"score = {json.dumps(score)}", f"mean_accuracy = {accuracy:.4f}"]
        for number, values in enumerate(FORK_TRIALS[name]):
            accuracy_ = chosen.accuracy[number]
            lines += ["", "[[trials]]", f"policy = {json.dumps(name)}"]
            lines += [f"accuracy = {accuracy_.value:.4f}", f"error = {accuracy_.error:.4f}"]
            lines += [f"tokens_an_answer = {chosen.tokens[number]:.2f}", *to_toml(values)]
    return "\n".join(lines) + "\n"


def _tuned(name: str, chosen: Chosen) -> dict[str, Any]:
    """The values of the arm that a choice makes."""
    policy = INDEPENDENT if name == VOTING else name
    values = dict(FORK_TRIALS[policy][chosen.trial])
    fork = values.pop("fork")
    if name == VOTING:
        return values
    if chosen.vote is not None:
        fork = {**fork, "vote": chosen.vote[0], "score": chosen.vote[1]}
    if name == INDEPENDENT:
        fork["paths"] = 8  # of which fewer are looked at too: it is what the others must beat
    return {**values, "fork": fork}
