"""What is recorded of answers that fork, what such a record says of other votes, and what it cost.

A record holds all paths with all their scores. So what another vote would have chosen among the
same paths is computed, not asked again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evals.plan import Job
from evals.records import Record
from mlx_entropix.engine.events import Settled
from mlx_entropix.engine.search.fork_config import BEST
from mlx_entropix.engine.search.votes import Ballot, count, weights

# A step of so many rows takes at most so many times as long as one of a single row, on two cores
# with the bundled model (docs/performance.md), with straight lines in between.
STEP_COSTS = {1: 1.0, 5: 1.4, 8: 1.55}


def forks_record(job: Job, settled: Settled, steps: Mapping[int, int]) -> Record:
    """What is added to the record of an answer that forked.

    `steps` counts steps by the rows that they had. The tokens of a path are its own: those that it
    shares with the path it left are counted there.
    """
    paths = []
    for path in settled.paths:
        found = job.task.extract(path.text, job.question)
        paths.append(
            {
                "branch": path.branch,
                "parent": path.parent,
                "position": path.position,
                "tokens": len(path.token_ids),
                "text": path.text,
                "answer": path.answer,
                "correct": job.task.is_right(path.text, found, job.question),
                "finish_reason": path.finish_reason,
                "scores": {name: float(f"{score:.6g}") for name, score in path.scores.items()},
                "vote": float(f"{path.vote:.6g}"),
            }
        )
    return {
        "chosen": settled.chosen,
        "narrowed": settled.narrowed,
        "steps": {str(rows): n for rows, n in sorted(steps.items())},
        "paths": paths,
    }


def chosen_by(record: Record, vote: str, score: str, power: float = 1.0) -> dict[str, Any]:
    """The path of a record that a vote chooses by a score, as the engine chooses.

    The paths must all have run to their ends, so not those of an answer by majority, which ends as
    soon as it is decided.
    """
    paths = [p for p in record["paths"] if p["finish_reason"] not in ("dropped", "failed")]
    ballots = [
        Ballot(path["branch"], path["answer"], path["scores"][score])
        for path in paths
        if path["answer"] is not None
    ]
    if vote != BEST and ballots:
        branch = count(ballots, weights(vote, ballots, power))[0].branches[0]
        return next(path for path in paths if path["branch"] == branch)
    return min(paths, key=lambda path: (-path["scores"][score], path["branch"]))


def time_of_steps(steps: Mapping[str, int]) -> float:
    """How long steps take, in steps of a single row; `steps` counts them by their rows."""
    return sum(n * step_cost(int(rows)) for rows, n in steps.items())


def time_of_rows(tokens: Sequence[int]) -> float:
    """How long rows take that begin together and write so many tokens each."""
    at = Counter(sum(length > step for length in tokens) for step in range(max(tokens, default=0)))
    return sum(n * step_cost(rows) for rows, n in at.items())


def step_cost(rows: int) -> float:
    """How long a step of so many rows takes, in steps of a single row."""
    return float(np.interp(rows, list(STEP_COSTS), list(STEP_COSTS.values())))
