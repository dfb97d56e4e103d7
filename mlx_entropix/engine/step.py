"""A step of the batch between the device and the host."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import mlx.core as mx

from mlx_entropix.engine.events import (
    Alternative,
    DrawParameters,
    Event,
    RowFailed,
    TokenEvent,
    TokenMetrics,
)
from mlx_entropix.engine.rows import Row
from mlx_entropix.sampling import Quadrant, Sampled
from mlx_entropix.text import Tokenizer

_NOT_FINITE = (
    "{} computed values that are not finite numbers. Its weights are damaged or do not belong to "
    "its config.json: download them again."
)


@dataclass(eq=False)
class QueuedStep:
    """A step that was queued on the device and not read yet."""

    rows: list[Row]
    sampled: Sampled
    numbers: mx.array  # (B, 11): the log-probability, six metrics, four parameters
    best: tuple[mx.array, mx.array] | None  # ids and log-probabilities (B, n), if a row wants any

    def of_staying(self, rows: list[Row], values: mx.array) -> mx.array:
        """Of this step's `values` (B, …) those of the rows that go on in the next, in order."""
        index = [self.rows.index(row) for row in rows if row.queued > 0]
        return values if len(index) == len(self.rows) else values[mx.array(index)]

    def read(self, model_name: str, tokenizer: Tokenizer) -> list[Event]:
        """The tokens as events, for the rows that were not ended since."""
        numbers = cast(list[list[float]], self.numbers.tolist())
        quadrants = cast(list[int], self.sampled.quadrant.tolist())
        tokens = cast(list[int], self.sampled.token.tolist())
        # Whole arrays, as a part of one would have to be computed behind the step that follows.
        best = [cast(list[list], array.tolist()) for array in self.best or ()]
        now = time.perf_counter()
        events: list[Event] = []
        for i, row in enumerate(self.rows):
            if row.finished:
                continue
            row.first_token_at = row.first_token_at or now
            if not all(map(math.isfinite, numbers[i][:7])):
                row.finished = True
                events.append(RowFailed(row.id, _NOT_FINITE.format(model_name)))
                continue
            alternatives = _alternatives(
                tokenizer, *(lists[i][: row.request.alternatives] for lists in best)
            )
            events.append(
                _token_event(row, tokenizer, tokens[i], quadrants[i], numbers[i], alternatives)
            )
        return events


def _token_event(
    row: Row,
    tokenizer: Tokenizer,
    token_id: int,
    quadrant: int,
    numbers: list[float],
    alternatives: tuple[Alternative, ...],
) -> TokenEvent:
    text, reason = row.take(token_id, token_id in tokenizer.eos_token_ids)
    temperature, top_p, top_k, min_p = numbers[7:]
    drawn = not math.isnan(temperature)
    return TokenEvent(
        row=row.id,
        position=len(row.request.prompt) + row.generated - 1,
        token_id=token_id,
        token=tokenizer.token_text(token_id),
        text=text,
        logprob=numbers[0],
        metrics=TokenMetrics(*numbers[1:7]),
        quadrant=Quadrant(quadrant) if quadrant >= 0 else None,
        parameters=DrawParameters(temperature, top_p, int(top_k), min_p) if drawn else None,
        alternatives=alternatives,
        finish_reason=reason,
        summary=row.summary() if reason else None,
    )


def _alternatives(
    tokenizer: Tokenizer, ids: Sequence[int] = (), logprobs: Sequence[float] = ()
) -> tuple[Alternative, ...]:
    """The likeliest tokens, best first; ones of probability 0 are left out."""
    return tuple(
        Alternative(token_id, tokenizer.token_text(token_id), logprob)
        for token_id, logprob in zip(ids, logprobs, strict=True)
        if math.isfinite(logprob)
    )
