"""How many tokens come out otherwise where they are verified in spans, as sums round differently.

uv run python -m benchmarks.flips
uv run python -m benchmarks.flips --weights float32 --rows 1 --tokens 2000

First rows are written a token a step. Then the same rows are written with drafts of what is known
to come, with wrong tokens among them. Where a row draws another token than before, that is a flip,
and it is begun anew behind the token that it should have drawn: every position is compared with the
same tokens before it, and one flip is no more than one.
"""

import argparse
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.forms import FORMS, in_form
from benchmarks.measure import print_machine, print_table
from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.engine.row import Row
from mlx_entropix.sampling.auto import auto_sampler

TOKENS = {"float32": 10_000, "bfloat16": 2_000, "4 bit": 2_000}
LENGTH = 100  # tokens of a row; the bundled model repeats itself in longer ones
DRAFTED = 7
WRONG = 0.05  # the share of drafted tokens that are
Z_95 = 1.959963984540054
PROMPT = 160  # characters of a prompt


class Oracle:
    """A drafter that knows what each row should draw, by the name of its owner."""

    def __init__(self, known: Mapping[str, Sequence[int]], vocabulary_size: int):
        self.known = known
        self.vocabulary_size = vocabulary_size
        self.random = random.Random(0)

    def begin(self, row: Row) -> None:
        """Nothing is to be remembered of a row."""

    def learn(self, row: Row, count: int) -> None:
        """Nothing is to be learned."""

    def end(self, row: Row) -> None:
        """Nothing was remembered."""

    def plan(  # `positions` are not asked for: it drafts as much as it can
        self,
        room: Mapping[Row, int],
        positions: int,  # noqa: ARG002
    ) -> dict[Row, tuple[int, ...]]:
        """What comes next, as far as there is room, with wrong tokens now and then."""
        drafts = {}
        for row, most in room.items():
            at = len(row.tokens) - len(row.request.prompt)
            ahead = self.known[row.request.owner][at : at + min(most, DRAFTED)]
            if ahead:
                drafts[row] = tuple(
                    self.random.randrange(self.vocabulary_size)
                    if self.random.random() < WRONG
                    else token_id
                    for token_id in ahead
                )
        return drafts

    def took(self, positions: int, seconds: float) -> None:
        """What steps cost does not matter."""


def prompts(count: int) -> list[str]:
    """Beginnings of paragraphs of the documentation, each of them to be continued."""
    paragraphs = [
        paragraph.strip()
        for path in sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
        for paragraph in path.read_text("utf-8").split("\n\n")
        if len(paragraph) > 2 * PROMPT and paragraph[0].isalpha()
    ]
    if count > len(paragraphs):
        raise SystemExit(f"There are {len(paragraphs)} prompts: give fewer --tokens.")
    return [paragraph[:PROMPT].rsplit(" ", 1)[0] for paragraph in paragraphs[:count]]


def written(engine: Engine, requests: Sequence[Request]) -> list[list[int]]:
    """The tokens of all requests."""
    rows = {engine.add(request): i for i, request in enumerate(requests)}
    tokens: list[list[int]] = [[] for _ in requests]
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                tokens[rows[event.row]].append(event.token_id)
    return tokens


def flipped(
    engine: Engine, requests: Sequence[Request], known: Sequence[Sequence[int]]
) -> tuple[int, int]:
    """How many of how many tokens are not what is known of each request."""
    rows = {engine.add(request): i for i, request in enumerate(requests)}
    flips = compared = 0
    while not engine.idle:
        for event in engine.step():
            if not isinstance(event, TokenEvent) or event.row not in rows:
                continue
            i = rows[event.row]
            at = event.position - len(requests[i].prompt)
            compared += 1
            if event.token_id == known[i][at]:
                continue
            flips += 1
            engine.cancel(event.row)
            del rows[event.row]
            if left := len(known[i]) - at - 1:
                prefix = tuple(known[i][: at + 1])
                rows[engine.add(replace(requests[i], prefix=prefix, max_tokens=left))] = i
    return flips, compared


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927, https://doi.org/10.2307/2276774)."""
    share, weight = count / of, Z_95**2 / of
    middle = share + weight / 2
    reach = Z_95 * math.sqrt(share * (1 - share) / of + weight / of / 4)
    return max(0.0, (middle - reach) / (1 + weight)), (middle + reach) / (1 + weight)


def compared(form: str, rows: int, tokens: int) -> list[str]:
    """The line of one form of the weights."""
    begin = time.perf_counter()
    model, tokenizer = in_form(form)
    config = auto_sampler(model.name).config
    length = min(LENGTH, tokens)
    requests = [
        Request(
            tuple(tokenizer.encode(prompt)),
            config,
            length,
            seed=i,
            owner=str(i),
        )
        for i, prompt in enumerate(prompts(math.ceil(tokens / length)))
    ]
    known = written(Engine(model, tokenizer, max_rows=rows), requests)
    oracle = Oracle({str(i): line for i, line in enumerate(known)}, model.vocabulary_size)
    engine = Engine(model, tokenizer, max_rows=rows, drafter=oracle)
    flips, count = flipped(engine, requests, known)
    low, high = wilson(flips, count)
    return [
        form,
        str(rows),
        f"{count:,}",
        str(flips),
        f"{1e4 * flips / count:.1f} ({1e4 * low:.1f}–{1e4 * high:.1f})",
        f"{time.perf_counter() - begin:.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--tokens", type=int, help="compared; by default " + str(TOKENS))
    given = parser.parse_args()
    print_machine(f"spans of up to {1 + DRAFTED}, sampler auto, 95 % intervals")
    lines = [compared(form, given.rows, given.tokens or TOKENS[form]) for form in given.weights]
    print_table(["weights", "rows", "tokens", "flips", "flips in 10,000 tokens", "seconds"], lines)


if __name__ == "__main__":
    main()
