"""Chooses values for the arms that have some to choose, on the dev split.

Every arm has the same number of trials, listed below as data; all trials of a question are rows of
one batch. What is chosen, and the whole table, go into a TOML file that the arms read. Nothing is
ever chosen on the test split.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from evals.arms import NO_FILTERS, Arm, arm_of
from evals.comparison import ArmAnswers, collect
from evals.records import Record
from mlx_entropix.errors import EvalError
from mlx_entropix.sampling import PlainConfig

Trials = dict[str, list[dict[str, Any]]]


def _grid(name: str, pairs: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    return [{"temperature": temperature, name: value} for temperature, value in pairs]


# For each arm, from the most careful to the boldest: of equally good ones the first is chosen.
TRIALS: Trials = {
    "temperature": [{"temperature": t} for t in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)],
    "top_p": _grid(
        "top_p",
        [
            (0.3, 0.9),
            (0.5, 0.7),
            (0.5, 0.9),
            (0.7, 0.5),
            (0.7, 0.8),
            (1.0, 0.3),
            (1.0, 0.6),
            (1, 0.9),
        ],
    ),
    "min_p": _grid(
        "min_p",
        [
            (0.3, 0.1),
            (0.5, 0.05),
            (0.5, 0.2),
            (0.7, 0.1),
            (0.7, 0.3),
            (1, 0.05),
            (1, 0.1),
            (1, 0.3),
        ],
    ),
    "top_n_sigma": _grid(
        "top_n_sigma",
        [
            (0.3, 1.0),
            (0.5, 0.5),
            (0.5, 1.0),
            (0.7, 0.5),
            (0.7, 1.0),
            (1.0, 0.3),
            (1.0, 0.5),
            (1, 1),
        ],
    ),
    "entropix_tuned": [
        {"base": "entropix", "temperature": t, "n_adaptive_samples": n}
        for t, n in (
            (0.1, 5),
            (0.2, 5),
            (0.2, 16),
            (0.3, 5),
            (0.3, 16),
            (0.45, 5),
            (0.45, 16),
            (0.666, 16),
        )
    ],
}


def trial_arms(trials: Trials) -> list[Arm]:
    """An arm a trial, named `arm#number`, without arms that this sampler does not know.

    Raises EvalError where arms have unequal numbers of trials.
    """
    known = {
        name: values
        for name, values in trials.items()
        if name in PlainConfig.model_fields or (name not in NO_FILTERS and name != "top_n_sigma")
    }
    counts = {len(values) for values in known.values()}
    if len(counts) > 1:
        told = ", ".join(f"{name} {len(values)}" for name, values in known.items())
        raise EvalError(f"The arms must have equally many trials, and have: {told}.")
    return [
        arm_of(trial_name(name, number), full_values(values), name)
        for name, every in known.items()
        for number, values in enumerate(every)
    ]


def trial_name(arm: str, number: int) -> str:
    """The name of a trial."""
    return f"{arm}#{number}"


def full_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's values; a plain arm's with all other filters off."""
    return dict(values) if "base" in values else {"base": "normal", **NO_FILTERS, **values}


def read_candidates(spec: str) -> tuple[str, list[dict[str, Any]]]:
    """Trials of another arm from `NAME=FILE`: a JSON list of configurations. Raises EvalError."""
    name, _, file = spec.partition("=")
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise EvalError(f"{file} cannot be read ({error.strerror}).") from None
    except json.JSONDecodeError as error:
        raise EvalError(f"{file} is not JSON: {error}.") from None
    if not (name and isinstance(found, list) and all(isinstance(one, dict) for one in found)):
        raise EvalError(f"{spec!r} is not NAME=FILE with a JSON list of configurations.")
    return name, [{"base": "entropix", **values} for values in found]


def choose(records: Sequence[Record], trials: Trials) -> dict[str, int]:
    """The number of each arm's best trial by the share of right answers; the first of equals."""
    arms = collect(records)
    chosen = {}
    for name, values in trials.items():
        scores = [_score(arms.get(trial_name(name, n))) for n in range(len(values))]
        if any(score >= 0 for score in scores):
            chosen[name] = scores.index(max(scores))
    return chosen


def as_toml(
    header: Record, records: Sequence[Record], trials: Trials, command: str, day: date
) -> str:
    """What tuning found: the chosen values, then every trial with its accuracy."""
    arms, chosen = collect(records), choose(records, trials)
    plain = [name for name in chosen if "base" not in trials[name][0]]
    scores = {name: _score(arms.get(trial_name(name, chosen[name]))) for name in plain}
    lines = [
        "# Chosen on the dev split by `python -m evals tune`; the test split was not looked at.",
        f"command = {json.dumps(command)}",
        f"date = {day.isoformat()}",
        f"model = {json.dumps(header['model'])}",
        f"questions = {sum(header['tasks'].values())}",
        f"seeds = {header['seeds']}",
    ]
    if scores:
        lines.append(f"best_plain = {json.dumps(max(scores, key=lambda name: scores[name]))}")
    for name, number in chosen.items():
        lines += ["", f"[arms.{name}]", *to_toml(trials[name][number])]
    for name, every in trials.items():
        for number, values in enumerate(every):
            arm = arms.get(trial_name(name, number))
            if arm is not None:
                accuracy = arm.accuracy()
                lines += ["", "[[trials]]", f"arm = {json.dumps(name)}"]
                lines += [f"accuracy = {accuracy.value:.4f}", f"error = {accuracy.error:.4f}"]
                lines += [f"tokens_an_answer = {arm.tokens_an_answer:.2f}", *to_toml(values)]
    return "\n".join(lines) + "\n"


def _score(arm: ArmAnswers | None) -> float:
    return arm.accuracy().value if arm is not None else -1.0


def to_toml(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """`name = value` lines, nested ones with dotted names. JSON's scalars and lists are TOML's."""
    lines = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += to_toml(value, f"{prefix}{name}.")
        else:
            lines.append(f"{prefix}{name} = {json.dumps(value)}")
    return lines
