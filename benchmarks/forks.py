"""What forks cost: live paths, a fork, the same paths one by one, and the host's bookkeeping.

uv run python -m benchmarks.forks
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

import mlx_entropix  # noqa: F401

import mlx.core as mx  # isort: skip

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import ours
from benchmarks.spans import LONG, filled, stepping
from mlx_entropix import PRESETS
from mlx_entropix.choices import FORKS
from mlx_entropix.engine import (
    Engine,
    Request,
    RowFailed,
    RowForked,
    Settled,
    TokenEvent,
    fork_config,
    forked,
)
from mlx_entropix.engine.policy import Batch
from mlx_entropix.engine.row import Row
from mlx_entropix.engine.search import Search
from mlx_entropix.model.llama import Llama
from mlx_entropix.text import Tokenizer

TOKENS = 64
WIDTH = 5  # of the search whose paths are written again one by one
QUESTION = "Write a long letter from a lighthouse keeper to a friend in the city."


def writing(
    model: Llama, tokenizer: Tokenizer, requests: Sequence[Request], rows: int
) -> Callable[[], float]:
    """Milliseconds of a step, from the first that all rows have a part in to the first end.

    Where a request forks there are more rows than requests. Its policy is of use once, so each run
    is told to make it again.
    """

    def run() -> float:
        engine = Engine(model, tokenizer, max_rows=rows)
        for request in requests:
            policy = request.policy
            again = Search(policy.config) if isinstance(policy, Search) else None
            engine.add(replace(request, policy=again))
        steps, begin = 0, 0.0
        while True:
            tokens = [event for event in engine.step() if isinstance(event, TokenEvent)]
            now = time.perf_counter()
            if begin:
                steps += 1
            elif len(tokens) == rows:
                begin = now
            if any(event.ends for event in tokens):
                return (now - begin) * 1e3 / steps

    return run


def forking(model: Llama, copies: int, has_room: bool) -> Callable[[], float]:
    """Milliseconds of so many copies at once of a long row, in arrays with room for them or not."""
    layers = filled(model, 1, LONG).extract(0)

    def run() -> float:
        cache = model.empty_cache()
        for row in range(1 + copies if has_room else 1):
            cache.join(layers if not row else (), room=LONG + 64)
        cache.select([0])
        mx.eval(cache.arrays())
        begin = time.perf_counter()
        cache.copy([(0, LONG)] * copies)
        mx.eval(cache.arrays())
        return (time.perf_counter() - begin) * 1e3

    return run


def searched(engine: Engine, request: Request) -> tuple[list[Request], Settled]:
    """Run a request that forks. Returns, with its end, what asks for each path by itself."""
    root = engine.add(request)
    branches, alone = {root: 0}, {0: replace(request, policy=None)}
    written: dict[int, list[int]] = {0: []}
    start = len(request.prompt)
    while True:
        for event in engine.step():
            if isinstance(event, RowForked):
                parent = branches[event.parent]
                behind = [*alone[parent].prefix, *written[parent]][: event.position - start]
                prefix = (*behind, *event.token_ids)
                branches[event.row], written[event.branch] = event.branch, []
                alone[event.branch] = replace(alone[0], prefix=prefix, branch=event.branch)
            elif isinstance(event, TokenEvent):
                written[branches[event.row]].append(event.token_id)
            elif isinstance(event, Settled):
                return [
                    replace(request, max_tokens=len(written[branch]))
                    for branch, request in alone.items()
                    if written[branch]
                ], event


def bookkeeping(model: Llama, tokenizer: Tokenizer, policy: str) -> Callable[[], float]:
    """Milliseconds that the host takes after a step has been read, of 5 to 8 live paths."""
    took: list[float] = []

    class Timed(Search):
        def after_read(
            self, read: Sequence[tuple[Row, TokenEvent | RowFailed]], batch: Batch
        ) -> None:
            begin = time.perf_counter()
            super().after_read(read, batch)
            if len(self.live) >= WIDTH:
                took.append(time.perf_counter() - begin)

    def run() -> float:
        took.clear()
        more = {"least": 0.0} if policy in ("entropy", "lookahead") else {}
        config = fork_config(policy, paths=8, **more)
        request = forked(asked(tokenizer), config)
        engine = Engine(model, tokenizer, max_rows=8)
        engine.add(replace(request, policy=Timed(config)))
        while not engine.idle:
            engine.step()
        return fmean(took) * 1e3

    return run


def asked(tokenizer: Tokenizer, seed: int = 1) -> Request:
    """The request of all sides."""
    prompt = tuple(tokenizer.chat([{"role": "user", "content": QUESTION}]))
    return Request(prompt, PRESETS["entropix"], TOKENS, seed)


def print_steps(model: Llama, tokenizer: Tokenizer) -> None:
    """Rows of their own and paths of one request."""
    plain = [asked(tokenizer, seed) for seed in range(8)]
    sides = {"1 row": writing(model, tokenizer, plain[:1], 1)}
    for n in (WIDTH, 8):
        paths = forked(plain[0], fork_config("independent", paths=n))
        sides[f"{n} rows"] = writing(model, tokenizer, plain[:n], n)
        sides[f"{n} paths"] = writing(model, tokenizer, [paths], n)
    numbers = alternate(sides)
    print_table(
        ["live", "ms a step", "over 1 row"],
        [
            [name, median_and_range(values), f"{ratio_of_medians(values, numbers['1 row']):.2f}"]
            for name, values in numbers.items()
        ],
    )


def print_forks(model: Llama) -> None:
    """Copies of a long row against a step of it."""
    numbers = alternate(
        {
            f"a step of a row of {LONG:,} tokens": stepping(model, 1, 1, LONG),
            "a fork of it": forking(model, 1, True),
            "4 forks at once": forking(model, 4, True),
            "a fork, for which the arrays grow": forking(model, 1, False),
            "4 forks, for which the arrays grow": forking(model, 4, False),
        }
    )
    step = next(iter(numbers.values()))
    print_table(
        ["operation", "ms", "of a step"],
        [
            [name, median_and_range(values), f"{ratio_of_medians(values, step):.2f}"]
            for name, values in numbers.items()
        ],
    )


def print_one_by_one(model: Llama, tokenizer: Tokenizer) -> None:
    """A search, and all of its paths again, of which each takes its beginning from a cache."""
    config = fork_config("entropy", paths=WIDTH, vote="best")
    requests, settled = searched(
        Engine(model, tokenizer, max_rows=WIDTH), forked(asked(tokenizer), config)
    )
    drawn = sum(request.max_tokens for request in requests)

    def together() -> float:
        begin = time.perf_counter()
        engine = Engine(model, tokenizer, max_rows=WIDTH)
        searched(engine, forked(asked(tokenizer), config))
        return time.perf_counter() - begin

    def one_by_one() -> float:
        begin = time.perf_counter()
        engine = Engine(model, tokenizer, max_rows=1, prefix_cache_bytes=1 << 28)
        for request in requests:
            engine.add(request)
        while not engine.idle:
            engine.step()
        return time.perf_counter() - begin

    numbers = alternate({"together": together, "one after the other": one_by_one})
    print_table(
        [f"{len(settled.paths)} paths, {drawn:,} tokens drawn", "s", "over together"],
        [
            [name, median_and_range(v), f"{ratio_of_medians(v, numbers['together']):.2f}"]
            for name, v in numbers.items()
        ],
    )


def print_bookkeeping(model: Llama, tokenizer: Tokenizer) -> None:
    """What each policy asks of the host."""
    numbers = alternate({name: bookkeeping(model, tokenizer, name) for name in FORKS})
    print_table(
        ["policy, 5 to 8 live paths", "ms of the host a step"],
        [[name, median_and_range(values, 3)] for name, values in numbers.items()],
    )


def main() -> None:
    print_machine()
    model, tokenizer = ours()
    print_steps(model, tokenizer)
    print_forks(model)
    print_one_by_one(model, tokenizer)
    print_bookkeeping(model, tokenizer)


if __name__ == "__main__":
    main()
