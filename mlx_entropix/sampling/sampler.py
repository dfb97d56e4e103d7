"""The sampler: from logits and attention scores to the next token of every row."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import mlx.core as mx

from mlx_entropix.cpu.powers import LOG2_E, power_of_two
from mlx_entropix.sampling.chances import Chances, chances_by_rank, chances_of
from mlx_entropix.sampling.changed import Changed, changed_logits
from mlx_entropix.sampling.compiled import compiled_on_metal
from mlx_entropix.sampling.config import SamplerConfig
from mlx_entropix.sampling.decide import Parameters, decide, parameter_columns
from mlx_entropix.sampling.metrics import (
    Distribution,
    Metrics,
    all_metrics,
    attention_metrics,
    collision_probability,
    distribution,
    entropy_shares,
    logits_metrics,
    metric_columns,
    scaled_probabilities,
    standard_deviation,
    without_attention,
)
from mlx_entropix.sampling.parameter_rows import (
    NO_FILTERS,
    Filters,
    Header,
    candidate_count,
    draw_count,
    header,
    measures_trends,
    parameter_rows,
)
from mlx_entropix.sampling.quadrants import Quadrant
from mlx_entropix.sampling.ranks import (
    best_tokens,
    draw_ranks,
    excluded_choices,
    kept_ranks,
    rank_of,
)
from mlx_entropix.sampling.trends import no_recent

LLAMA3_CLARIFYING_TOKEN = 2564  # " ..." in the vocabulary of Llama 3


class Sampled(NamedTuple):
    """What a step gave. Log-probabilities are natural, under the unscaled logits."""

    token: mx.array  # (B,) int32
    quadrant: mx.array  # (B,) int32, values of `Quadrant`; −1 in a row of the plain sampler
    numbers: mx.array  # (B, 11 or 15) float32, see `Numbers`
    candidates: mx.array  # (B, C) int32, the likeliest tokens, best first
    candidate_logprobs: mx.array  # (B, C) float32
    recent: mx.array | None = None  # (B, 6, W) for the next step, where it was given for this one
    rank: mx.array | None = None  # (B,) of the token, 1 for the likeliest, where any was given
    chances: Chances | None = None  # of the draw, where they were asked for
    attends: bool = True  # whether there were attention scores; without them their metrics are 0

    @property
    def logprob(self) -> mx.array:
        """Of the token, (B,)."""
        return self.numbers[:, 0]

    @property
    def metrics(self) -> Metrics[mx.array]:
        """The metrics, each (B,)."""
        return metric_columns(self.numbers[:, _METRICS])

    @property
    def parameters(self) -> Parameters[mx.array]:
        """The parameters of the draw, each (B,); NaN where none was made."""
        return parameter_columns(self.numbers[:, _PARAMETERS])


_METRICS = slice(1, 1 + len(Metrics._fields))
_PARAMETERS = slice(_METRICS.stop, _METRICS.stop + len(Parameters._fields))


class Numbers(NamedTuple):
    """The numbers of one row of `Sampled.numbers`, on the host."""

    logprob: float
    metrics: Metrics[float]
    parameters: Parameters[float] | None  # None where no draw was made
    of_model: tuple[float, ...] = ()  # before changes, see `_numbers_of_model`

    @classmethod
    def of(cls, row: Sequence[float], attends: bool = True) -> "Numbers":
        """The numbers by their names; those of attention are None where there was none."""
        temperature, top_p, top_k, min_p = row[_PARAMETERS]
        drawn = not math.isnan(temperature)
        parameters = Parameters(temperature, top_p, int(top_k), min_p) if drawn else None
        metrics: Metrics[float] = Metrics(*row[_METRICS])
        metrics = metrics if attends else without_attention(metrics)
        return cls(row[0], metrics, parameters, tuple(row[_PARAMETERS.stop :]))

    @property
    def are_finite(self) -> bool:
        """Whether the model's output was made of numbers."""
        numbers = (self.logprob, *self.metrics)
        return all(math.isfinite(number) for number in numbers if number is not None)


def sample_rows(
    logits: mx.array,
    scores: mx.array | None,
    mask: mx.array | None,
    previous_token: mx.array,
    parameters: mx.array,
    keys: mx.array,
    *,
    candidates: int,
    draws: int,
    filters: Filters = NO_FILTERS,
    exempt: mx.array | None = None,
    recent: mx.array | None = None,
    given: mx.array | None = None,
    changed: Changed | None = None,
    chances: int = 0,
) -> Sampled:
    """Sample one token for every row.

    `logits` (B, V) and `scores` (B, H, T) may be of any float type; `mask` (B, T) is true at
    visible keys, None where all are. Without `scores` attention counts as 0, and `parameters` have
    to be made for that. `previous_token` (B,) integers. `parameters` come from
    `parameter_rows`, `candidates`, `draws` and `filters` from `candidate_count`, `draw_count` and
    `filters_of` the same configurations. `keys` (B, 2) uint32, see `position_key`. Where
    `measures_trends` of them is true, `recent` (B, 6, W) is what the step of each row's token
    before gave, `no_recent` for a row's first. Where `given` (B,) int32 is not negative, it takes
    the place of the token: nothing is drawn, and what is reported is of that one.
    `exempt` (E,) int32 are tokens that XTC never excludes. All is made of the logits as they are
    `changed`, see there; `Numbers.of_model` is of those before. With `chances` it is told how
    likely the token was in the draw, and so many of the likeliest ones.

    Nothing is read back to the host. Rows do not affect each other. NaN among a row's logits or
    scores shows in its metrics, and its token then means nothing.
    """
    attention, visible = attention_of(logits.shape[0], scores, mask)
    candidates = min(candidates, logits.shape[-1])
    of_model = logits
    if changed is not None:
        logits = changed_logits(logits, previous_token, changed)
    sampled = Sampled(
        *_sample(
            logits,
            attention,
            visible,
            previous_token,
            parameters,
            keys,
            recent,
            given,
            exempt,
            candidates,
            draws,
            filters,
            chances,
        )
    )
    if sampled.chances is not None:  # a compiled function gives back a plain tuple
        sampled = sampled._replace(chances=Chances(*sampled.chances))
    if changed is not None:
        numbers = [sampled.numbers, _numbers_of_model(of_model, logits, sampled.token)]
        sampled = sampled._replace(numbers=mx.concatenate(numbers, axis=-1))
    return sampled._replace(attends=scores is not None)


def attention_of(
    count: int, scores: mx.array | None, mask: mx.array | None
) -> tuple[mx.array, mx.array]:
    """The metrics of attention (B, 4) of `count` rows, and how many keys each sees (B, 1)."""
    attention = mx.zeros((count, 4)) if scores is None else attention_metrics(scores, mask)
    if mask is not None:
        return attention, mx.sum(mask, axis=-1, keepdims=True).astype(mx.float32)
    width = 1 if scores is None else scores.shape[-1]
    return attention, mx.full((count, 1), width, dtype=mx.float32)


@compiled_on_metal
def _sample(
    logits: mx.array,
    attention: mx.array,
    visible: mx.array,
    previous_token: mx.array,
    rows: mx.array,
    keys: mx.array,
    recent: mx.array | None,
    given: mx.array | None,
    exempt: mx.array | None,
    candidates: int,
    draws: int,
    filters: Filters,
    chances: int,
) -> tuple[Any, ...]:
    """All of a step that does not depend on the number of keys T, so that T may grow."""
    logits = logits.astype(mx.float32)
    ids = best_tokens(logits, candidates)  # (B, C)
    best_logits = mx.take_along_axis(logits, ids, axis=-1)
    best = best_logits[:, :1]
    p = distribution(logits, best)
    metrics = all_metrics(p, attention)

    base = header(rows)
    quadrant, asked, recent = decide(metrics, rows, visible, recent)  # (B, 1), (B, 4)
    greedy = mx.logical_not(asked[:, :1] > 0)  # a temperature of 0, or NaN
    below_best = best_logits - best
    weights = _weights(p, ids, below_best, asked, base, keys, exempt, filters)
    wanted = mx.where(quadrant == Quadrant.ADAPTIVE.value, base.draws, 1)  # (B, 1)
    drawn = _best_drawn(weights, keys, draws, wanted)
    token = mx.take_along_axis(ids, mx.where(greedy, 0, drawn), axis=-1).astype(mx.int32)

    clarifying = base.clarifying_token.astype(mx.int32)
    known = (clarifying >= 0) & (clarifying < logits.shape[-1])
    chosen = mx.where(known, clarifying, 0)
    known &= mx.take_along_axis(logits, chosen, axis=-1) > -mx.inf  # it may be banned
    treading = quadrant == Quadrant.TREADING.value
    clarifies = treading & known & (base.temperature > 0) & (clarifying != previous_token[:, None])
    token = mx.where(clarifies, clarifying, token)
    undrawn = clarifies | greedy
    told = None
    if chances:
        by_rank = chances_by_rank(weights, wanted)
        told = chances_of(by_rank, ids, drawn, token, undrawn, chances)
    if given is not None:
        undrawn |= given[:, None] >= 0
        token = mx.where(given[:, None] >= 0, given[:, None], token)

    log_total = mx.log(p.total)
    own = mx.take_along_axis(logits, token, axis=-1)
    logprob = own - best - log_total
    rank = None if given is None else rank_of(logits, own)
    used = mx.where(undrawn, mx.nan, asked)
    quadrant = mx.where(base.plain > 0, -1, quadrant)
    numbers = mx.concatenate([logprob, metrics, used], axis=-1)
    token, quadrant = (mx.squeeze(x, axis=-1) for x in (token, quadrant))
    return (
        token,
        quadrant,
        numbers,
        ids.astype(mx.int32),
        below_best - log_total,
        recent,
        rank,
        told,
    )


def _numbers_of_model(logits: mx.array, changed: mx.array, token: mx.array) -> mx.array:
    """What the model's own logits (B, V) say, where `changed` ones were sampled: (B, 4).

    Log-probability of the tokens (B,), entropy, varentropy, and the probability of all tokens that
    the changed logits left possible.
    """
    logits = logits.astype(mx.float32)
    best = mx.max(logits, axis=-1, keepdims=True)
    p = distribution(logits, best)
    logprob = mx.take_along_axis(logits, token[:, None], axis=-1) - best - mx.log(p.total)
    left = mx.sum(mx.where(changed > -mx.inf, p.weights, 0.0), axis=-1, keepdims=True) / p.total
    return mx.concatenate([logprob, *logits_metrics(p), left], axis=-1)


def _weights(
    p: Distribution,
    ids: mx.array,
    logits: mx.array,
    asked: mx.array,
    base: Header,
    keys: mx.array,
    exempt: mx.array | None,
    filters: Filters,
) -> mx.array:
    """What each row draws in proportion to (B, C), by `logits` (B, C), less the best, of the best.

    Their `ids` are (B, C). Filters beside those of `kept_ranks` are worked out where a row of the
    step has them. What is measured is the distribution at the draw's temperature in an entropy
    sampler, and that at a temperature of 1 in the plain one; p-less has that of the draw in both.
    """
    bits = logits * LOG2_E
    scaled = scaled_probabilities(p, bits, asked[:, :1])
    plain = base.plain > 0
    measured = mx.where(plain, power_of_two(bits) / p.total, scaled)
    kept = kept_ranks(measured, asked, base.min_tokens_to_keep, plain)
    if filters.sigma:
        floor = -base.top_n_sigma * standard_deviation(p)
        kept &= (base.top_n_sigma <= 0) | (bits >= floor)
    if filters.p_less:
        kept &= (base.p_less <= 0) | (scaled >= collision_probability(p, asked[:, :1]))
        kept |= mx.arange(bits.shape[-1]) == 0  # rounding may put a lone token below
    if filters.gain:
        spared = mx.arange(bits.shape[-1]) < base.min_tokens_to_keep
        kept &= spared | (entropy_shares(scaled) >= base.min_entropy_gain)
    if filters.xtc:
        kept &= ~excluded_choices(mx.where(kept, measured, 0.0), ids, base, keys, exempt)
    return mx.where(kept, scaled, 0.0)


def _best_drawn(weights: mx.array, keys: mx.array, draws: int, wanted: mx.array) -> mx.array:
    """The best rank (B, 1) of so many draws as are `wanted` (B, 1), up to `draws`.

    ADAPTIVE draws several times and keeps the best rank: its published score is the token's
    log-probability and a confidence term, and that term is the same for every draw.
    """
    ranks = draw_ranks(weights, keys, draws)  # (B, draws)
    made = mx.arange(draws) < wanted
    return mx.min(mx.where(made, ranks, weights.shape[-1]), axis=-1, keepdims=True)


def sample(
    logits: mx.array,
    scores: mx.array,
    previous_token: mx.array,
    config: SamplerConfig,
    key: mx.array,
    *,
    mask: mx.array | None = None,
    clarifying_token: int = LLAMA3_CLARIFYING_TOKEN,
) -> tuple[mx.array, Metrics, mx.array]:
    """Sample one token for every row with one configuration, as the row's first.

    `logits` (B, V), `scores` (B, H, T), `previous_token` (B,), `mask` (B, T) as in `sample_rows`.
    `key` is a key of `mx.random.key`, which is split over the rows, or one key a row (B, 2). The
    `clarifying_token` is the id of " ..." in the tokenizer's vocabulary.
    Returns the tokens (B,), the metrics and the quadrants (B,).
    """
    B, V = logits.shape
    keys = mx.random.split(key, B) if key.ndim == 1 else key
    rows = mx.repeat(parameter_rows([config], clarifying_token), B, axis=0)
    candidates, draws = candidate_count([config], V), draw_count([config])
    sampled = sample_rows(
        logits,
        scores,
        mask,
        previous_token,
        rows,
        keys,
        candidates=candidates,
        draws=draws,
        recent=no_recent(B) if measures_trends([config]) else None,
    )
    return sampled.token, sampled.metrics, sampled.quadrant


def filtered_probabilities(
    logits: mx.array,
    temperature: mx.array | float,
    top_p: mx.array | float,
    top_k: mx.array | float,
    min_p: mx.array | float,
    min_tokens_to_keep: mx.array | int = 2,
) -> mx.array:
    """The distribution that the entropy sampler draws from: (B, V) float32, each row sums to 1.

    `logits` (B, V); each parameter is a number or one number a row (B,). A temperature of 0 puts
    everything on the likeliest token.
    """
    logits = logits.astype(mx.float32)
    B, V = logits.shape
    numbers = (temperature, top_p, top_k, min_p, min_tokens_to_keep)
    columns = [mx.broadcast_to(mx.array(x, dtype=mx.float32), (B,)) for x in numbers]
    asked, spared = mx.stack(columns[:4], axis=-1), columns[4][:, None]
    ids = best_tokens(logits, V)
    ranked = mx.take_along_axis(logits, ids, axis=-1)
    p = distribution(ranked, ranked[:, :1])
    scaled = scaled_probabilities(p, p.bits, asked[:, :1])
    kept = mx.where(kept_ranks(scaled, asked, spared), scaled, 0.0)
    kept = mx.where(asked[:, :1] > 0, kept, mx.arange(V) == 0)
    kept = kept / mx.sum(kept, axis=-1, keepdims=True)
    return mx.put_along_axis(mx.zeros_like(logits), ids, kept, axis=-1)
