"""How long answers take that fork: test questions, one at a time, in turn with answers that do not.

uv run python -m benchmarks.fork_answers
"""

import statistics
import time
from collections import defaultdict

from benchmarks.measure import print_machine, print_table
from benchmarks.sides import ours
from evals.answering import answer_jobs
from evals.arms import choose_arms
from evals.fork_trials import fork_arms
from evals.plan import Plan
from evals.tasks import choose_tasks
from mlx_entropix.engine import Engine
from mlx_entropix.prompts import SYSTEM_PROMPT

ARMS = "greedy,independent,first,entropy,lookahead,deepconf"
QUESTIONS = 3  # of each task
WARM_UP = 2  # answers of each arm, which do not count


def main() -> None:
    print_machine()
    model, tokenizer = ours()
    arms = choose_arms(ARMS, [], forks=fork_arms([]))
    tasks = tuple(choose_tasks(None, "test", QUESTIONS, None))
    rows = max(arm.rows for arm in arms)
    plan = Plan(tasks, tuple(arms), 1, SYSTEM_PROMPT, model.name, "test", rows)
    seconds: dict[str, list[float]] = defaultdict(list)
    tokens: dict[str, list[int]] = defaultdict(list)
    for block in plan.blocks():
        for job in block:
            engine = Engine(model, tokenizer, max_rows=rows)
            begin = time.perf_counter()
            (record,) = answer_jobs(engine, [job], SYSTEM_PROMPT)
            seconds[job.arm.name].append(time.perf_counter() - begin)
            tokens[job.arm.name].append(record["completion_tokens"])
    mean = {name: statistics.fmean(values[WARM_UP:]) for name, values in seconds.items()}
    title = f"{len(seconds['greedy']) - WARM_UP} test questions, one at a time"
    print_table(
        [title, "tokens an answer", "s an answer", "over greedy"],
        [
            [
                name,
                f"{statistics.fmean(tokens[name][WARM_UP:]):.1f}",
                f"{mean[name]:.2f}",
                f"{mean[name] / mean['greedy']:.2f}",
            ]
            for name in mean
        ],
    )


if __name__ == "__main__":
    main()
