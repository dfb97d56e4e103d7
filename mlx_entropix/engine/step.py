"""A step of the batch between the host and the device: what goes there, and what is read."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import mlx.core as mx

from mlx_entropix.engine.events import (
    Alternative,
    Attended,
    Chance,
    Draw,
    Event,
    OfModel,
    PromptToken,
    RowFailed,
    TokenEvent,
)
from mlx_entropix.engine.row import Row, State
from mlx_entropix.model.decoder import Span
from mlx_entropix.sampling import (
    Filters,
    Numbers,
    Quadrant,
    Sampled,
    candidate_count,
    draw_count,
    filters_of,
    measures_trends,
    no_recent,
    parameter_rows,
)
from mlx_entropix.sampling.parameter_rows import RowConfig
from mlx_entropix.text import Tokenizer

CLARIFYING_TEXT = " ..."
"""What TREADING emits."""

_NOT_FINITE = (
    "{} computed values that are not finite numbers. Its weights are damaged or do not belong to "
    "its config.json: download them again."
)
_LOST = "The form that the answer is to have could not be held to its end: {} Make it simpler."


def xtc_exempt(tokenizer: Tokenizer) -> mx.array:
    """The tokens that XTC never excludes: those that end an answer, and a line break, (E,) int32.

    They are mlx-lm's. Without them an answer of a sure model would hardly end.
    """
    ids = {*tokenizer.eos_token_ids, *tokenizer.encode("\n", add_special_tokens=False)}
    return mx.array(sorted(ids), dtype=mx.int32)


class Look(NamedTuple):
    """What a position is looked at for: the token of `row` that stands at `position`.

    `given` is that token where it is known, and only scored. `guess` is what was guessed of it, and
    `after` the token before it where that is but a guess: if the row got another one, nothing that
    follows counts.
    """

    row: Row
    position: int
    given: int | None = None
    after: int | None = None
    guess: int | None = None

    @property
    def counts(self) -> bool:
        """Whether the drawn token is the row's next, as far as the row has come by now."""
        tokens = self.row.tokens
        return len(tokens) == self.position and self.after in (None, tokens[-1])


@dataclass(eq=False)
class QueuedStep:
    """A step that was queued on the device and not read yet."""

    looks: list[Look]
    sampled: Sampled
    best: tuple[mx.array, mx.array] | None  # ids and log-probabilities (N, n), if a row wants any
    certainty: mx.array | None = None  # (N,), if a row wants it
    attended: tuple[mx.array, mx.array] | None = None  # positions and weights (N, n), the same
    positions: int = 0  # that were computed
    is_read: bool = False
    spoilt: set[int] = field(default_factory=set)  # rows whose draft did not give finite numbers

    def __post_init__(self) -> None:
        self.last = {look.row.id: i for i, look in enumerate(self.looks) if look.given is None}
        """Where each row's last draw stands among the looks."""

    def read(self, model_name: str, tokenizer: Tokenizer) -> list[tuple[Row, Event]]:
        """The tokens as events, with their rows, for the rows that have not ended."""
        numbers = cast(list[list[float]], self.sampled.numbers.tolist())
        quadrants = cast(list[int], self.sampled.quadrant.tolist())
        tokens = cast(list[int], self.sampled.token.tolist())
        # Whole arrays, as a part of one would have to be computed behind the step that follows.
        best = [cast(list[list], array.tolist()) for array in self.best or ()]
        certainties = cast(
            list[float | None],
            [None] * len(tokens) if self.certainty is None else self.certainty.tolist(),
        )
        seen_most = [cast(list[list], array.tolist()) for array in self.attended or ()]
        ranks = self.sampled.rank
        rank_of = cast(list[int], ranks.tolist()) if ranks is not None else []
        chances = [cast(list, array.tolist()) for array in self.sampled.chances or ()]
        now = time.perf_counter()
        events: list[tuple[Row, Event]] = []
        for i, look in enumerate(self.looks):
            row = look.row
            seen = Numbers.of(numbers[i], self.sampled.attends)
            if row.draft and not seen.are_finite:  # a guess may be why: it draws again without any
                row.may_draft = False
                self.spoilt.add(row.id)
                continue
            if row.state is State.ENDED or (look.given is None and not look.counts):
                continue
            if not seen.are_finite:
                row.state = State.ENDED
                events.append((row, RowFailed(row.id, _NOT_FINITE.format(model_name))))
                continue
            quadrant = Quadrant(quadrants[i]) if quadrants[i] >= 0 else None
            wanted = row.request.alternatives
            others = _alternatives(tokenizer, *(lists[i][:wanted] for lists in best))
            attended = _attended(*(lists[i][: row.request.attended] for lists in seen_most))
            if look.given is not None:
                text = tokenizer.token_text(look.given)
                row.scored.append(
                    PromptToken(
                        look.given,
                        text,
                        seen.logprob,
                        seen.metrics,
                        quadrant,
                        others,
                        rank_of[i],
                        attended,
                    )
                )
                if done := row.prompt_scored():
                    events.append((row, done))
                continue
            if row.matcher is not None and row.matcher.error is not None:
                row.state = State.ENDED
                events.append((row, RowFailed(row.id, _LOST.format(row.matcher.error))))
                continue
            row.first_token_at = row.first_token_at or now
            row.steps += look.after is None
            row.accepted += tokens[i] == look.guess
            reason = row.take(tokens[i], tokens[i] in row.ends)
            event = TokenEvent(
                row=row.id,
                position=look.position,
                token_id=tokens[i],
                token=tokenizer.token_text(tokens[i]),
                text=row.last.text,
                logprob=seen.logprob,
                metrics=seen.metrics,
                quadrant=quadrant,
                parameters=seen.parameters,
                alternatives=others,
                finish_reason=reason,
                summary=row.summary() if reason else None,
                certainty=certainties[i] if row.request.certainty else None,
                attended=attended,
                drafted=tokens[i] == look.guess,
                reasoning=row.last.reasoning,
                of_model=OfModel(*seen.of_model) if row.request.changes_logits else None,
                draw=_draw(tokenizer, wanted, *(values[i] for values in chances))
                if row.request.tells_draw
                else None,
                stopped_by=row.stopped_by(tokenizer) if reason else None,
            )
            events.append((row, event))
        return events


def _alternatives(
    tokenizer: Tokenizer, ids: Sequence[int] = (), logprobs: Sequence[float] = ()
) -> tuple[Alternative, ...]:
    """The likeliest tokens, best first; ones of probability 0 are left out."""
    return tuple(
        Alternative(token_id, tokenizer.token_text(token_id), logprob)
        for token_id, logprob in zip(ids, logprobs, strict=True)
        if math.isfinite(logprob)
    )


def _draw(
    tokenizer: Tokenizer,
    wanted: int,
    probability: float,
    ids: Sequence[int],
    probabilities: Sequence[float],
) -> Draw:
    """How likely a token was in its draw, and the likeliest ones; of these some are `wanted`."""
    likeliest = tuple(
        Chance(token_id, tokenizer.token_text(token_id), its)
        for token_id, its in zip(ids[:wanted], probabilities[:wanted], strict=True)
        if its > 0
    )
    return Draw(probability, likeliest)


def _attended(positions: Sequence[int] = (), weights: Sequence[float] = ()) -> tuple[Attended, ...]:
    """The positions that were attended to most; ones that are not seen are left out."""
    return tuple(
        Attended(position, weight)
        for position, weight in zip(positions, weights, strict=True)
        if weight > 0
    )


class Samplers(NamedTuple):
    """What the sampler has to know of the configurations of a step, until they change."""

    configs: Sequence[RowConfig]
    parameters: mx.array
    candidates: int
    draws: int
    filters: Filters
    look_back: bool

    @classmethod
    def of(
        cls,
        configs: Sequence[RowConfig],
        clarifying_token: int,
        vocabulary_size: int,
        attends: bool,
    ) -> "Samplers":
        """That of one configuration a position, for a model that `attends` or does not."""
        return cls(
            configs,
            parameter_rows(configs, clarifying_token, attends),
            candidate_count(configs, vocabulary_size),
            draw_count(configs),
            filters_of(configs),
            measures_trends(configs),
        )

    def are_those_of(self, configs: Sequence[RowConfig]) -> bool:
        """Whether they are the very same objects; to compare their values would take longer."""
        pairs = zip(self.configs, configs, strict=False)
        return len(self.configs) == len(configs) and all(a is b for a, b in pairs)


def step_tokens(sources: Sequence[int | Row], before: QueuedStep | None) -> mx.array:
    """The tokens (N,) of a step, int32, from where they come from."""
    known = [source for source in sources if isinstance(source, int)]
    if before is None or len(known) == len(sources):
        return mx.array(known, dtype=mx.int32)
    drawn = before.sampled.token
    behind = iter(range(len(before.looks), len(before.looks) + len(known)))
    index = [
        next(behind) if isinstance(source, int) else before.last[source.id] for source in sources
    ]
    if known:
        drawn = mx.concatenate([drawn, mx.array(known, dtype=mx.int32)])
    return _taken(drawn, index)


def looked_at(tokens: mx.array, spans: Sequence[Span]) -> mx.array:
    """Those of a step's tokens (N,) that are looked at."""
    index: list[int] = []
    end = 0
    for _, length, look in spans:
        end += length
        index += range(end - look, end)
    return _taken(tokens, index)


def recent_metrics(looks: Sequence[Look], before: QueuedStep | None) -> mx.array:
    """The last metrics (N, 6, W) of each row that is looked at, still on the device.

    A row that has just begun to draw brings its own or has none, and so has one of which the step
    before kept none, as no row needed them.
    """
    kept = before.sampled.recent if before is not None else None
    parts = [no_recent(1)]
    index: list[int] = []
    for look in looks:
        at = before.last.get(look.row.id) if before is not None else None
        if look.row.recent is not None:
            index.append(len(parts))
            parts.append(look.row.recent)
            look.row.recent = None
        elif kept is None or at is None or look.given is not None:
            index.append(0)
        else:
            index.append(at - len(kept))  # from the end
    if kept is not None:
        parts.append(kept)
    return _taken(mx.concatenate(parts), index)


def _taken(values: mx.array, index: list[int]) -> mx.array:
    """The rows of `values` (N, …) with the numbers of `index`."""
    if index == list(range(len(values))):
        return values
    return values[mx.array(index, dtype=mx.int32)]
