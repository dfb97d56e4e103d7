"""Tokens a second with drafts from what was written before, over those without.

uv run python -m benchmarks.speculation
uv run python -m benchmarks.speculation --weights "4 bit" --tokens 24

Each row has an owner of its own, so that what another run wrote helps it nothing; how often guesses
come true and what steps cost is known from the run that is not measured.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from benchmarks.forms import FORMS, in_form
from benchmarks.measure import (
    ROUNDS,
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.speculation_tasks import TASKS, VARIANTS
from mlx_entropix import PlainConfig, SamplerConfig
from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.engine.draft import Drafter, IndexDrafter
from mlx_entropix.engine.events import Summary
from mlx_entropix.sampling.auto import auto_sampler

SEED = 1
GREEDY, AUTO, NORMAL = "greedy", "auto", "normal"
# Prose by `auto` soon repeats itself, as the bundled model does under any sampler near greedy.
SAMPLERS = {"code edit": (GREEDY, AUTO), "prose": (AUTO, NORMAL)}
PROMPTS_KEPT = 2 << 30  # bytes of keys and values, so that no prompt is computed twice


class Writing:
    """Runs of one task on one side: tokens a second, and what came of the last run."""

    def __init__(
        self,
        engine: Engine,
        requests: Sequence[Request],
        owners: Iterator[int],
        drafter: Drafter | None,
    ):
        self.engine = engine
        self.requests = requests
        self.owners = owners
        self.drafter = drafter
        self.tokens: dict[int, list[int]] = {}
        self.summaries: list[Summary] = []

    def __call__(self) -> float:
        """Tokens a second of all rows, from when each has its first to the end of the last."""
        self.engine.drafter = self.drafter
        owned = [replace(request, owner=str(next(self.owners))) for request in self.requests]
        rows = {self.engine.add(request): i for i, request in enumerate(owned)}
        self.tokens = {i: [] for i in rows.values()}
        self.summaries = []
        made, begin, end = 0, 0.0, 0.0
        while not self.engine.idle:
            events = [event for event in self.engine.step() if isinstance(event, TokenEvent)]
            now = time.perf_counter()
            for event in events:
                self.tokens[rows[event.row]].append(event.token_id)
                if event.summary is not None:
                    self.summaries.append(event.summary)
            if begin:
                made += len(events)
                end = now
            elif all(self.tokens.values()):
                begin = now
        return made / (end - begin)


def compared(
    engine: Engine, task: str, sampler: str, rows: int, tokens: int, rounds: int
) -> list[str]:
    """The line of a task."""
    config: SamplerConfig | PlainConfig
    if sampler == AUTO:
        config = auto_sampler(engine.model.name).config
    else:
        config = PlainConfig(temperature=0.0) if sampler == GREEDY else PlainConfig()
    requests = [
        Request(tuple(TASKS[task](engine.tokenizer, variant)), config, tokens, SEED)
        for variant in range(rows)
    ]
    owners = count()
    without = Writing(engine, requests, owners, None)
    drafting = Writing(engine, requests, owners, IndexDrafter())
    numbers = alternate({"without": without, "with": drafting}, rounds)
    summaries = drafting.summaries
    drafted = sum(summary.drafted_tokens for summary in summaries)
    accepted = sum(summary.accepted_tokens for summary in summaries)
    steps = sum(summary.steps for summary in summaries)
    pairs = [(without.tokens[i], drafting.tokens[i]) for i in range(rows)]
    return [
        f"{task}, {sampler}",
        str(rows),
        median_and_range(numbers["without"]),
        median_and_range(numbers["with"]),
        f"{ratio_of_medians(numbers['with'], numbers['without']):.2f}",
        f"{sum(summary.completion_tokens for summary in summaries) / steps:.2f}",
        f"{accepted / drafted:.2f} of {drafted}" if drafted else "none drafted",
        "yes" if all(a == b for a, b in pairs) else f"{sum(a == b for a, b in pairs)} of {rows}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--rows", nargs="+", type=int, default=[1, VARIANTS])
    parser.add_argument("--weights", nargs="+", choices=FORMS, default=["float32"])
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=ROUNDS)
    given = parser.parse_args()
    if not all(1 <= rows <= VARIANTS for rows in given.rows):
        parser.error(f"--rows takes numbers from 1 to {VARIANTS}.")
    print_machine(f"medians of {given.repeats} (range)")
    for form in given.weights:
        model, tokenizer = in_form(form)
        engine = Engine(model, tokenizer, max_rows=VARIANTS, prefix_cache_bytes=PROMPTS_KEPT)
        lines = [
            compared(engine, task, sampler, rows, given.tokens, given.repeats)
            for rows in given.rows
            for task in given.tasks
            for sampler in SAMPLERS.get(task, (AUTO,))
        ]
        head = ("rows", "tokens/s without", "with", "ratio", "tokens a step", "accepted")
        print_table([f"{form}, {given.tokens} tokens", *head, "same tokens"], lines)


if __name__ == "__main__":
    main()
