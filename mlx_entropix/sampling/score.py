"""Tokens that are known already: what the model thought of each where it stands. Nothing is drawn.

Scoring a text looks at every position of it, over the whole vocabulary, and so takes only what is
reported: the metrics, the quadrant, the log-probability and the rank of the token that came.
"""

from typing import Any

import mlx.core as mx

from mlx_entropix.cpu.blocks import in_blocks
from mlx_entropix.sampling.compiled import compiled_on_metal
from mlx_entropix.sampling.decide import decide
from mlx_entropix.sampling.metrics import all_metrics, distribution
from mlx_entropix.sampling.parameter_rows import header
from mlx_entropix.sampling.ranks import best_tokens, rank_of
from mlx_entropix.sampling.sampler import Sampled, attention_of


def score_rows(
    logits: mx.array,
    scores: mx.array | None,
    mask: mx.array | None,
    parameters: mx.array,
    given: mx.array,
    *,
    alternatives: int,
    recent: mx.array | None = None,
) -> Sampled:
    """What is reported of the tokens `given` (B,), as `sample_rows` reports it of drawn ones.

    `logits` (B, V), `scores` (B, H, T), `mask` (B, T), `parameters` and `recent` as there. So many
    `alternatives` are named, at least one. The token is the given one, and no parameters are of a
    draw; the `rank` is 1 for the likeliest token.
    """
    attention, visible = attention_of(logits.shape[0], scores, mask)
    sampled = Sampled(*_score(logits, attention, visible, parameters, given, recent, alternatives))
    return sampled._replace(attends=scores is not None)


@compiled_on_metal
def _score(
    logits: mx.array,
    attention: mx.array,
    visible: mx.array,
    rows: mx.array,
    given: mx.array,
    recent: mx.array | None,
    alternatives: int,
) -> tuple[Any, ...]:
    """All that does not depend on the number of keys T, which grows from step to step."""
    logits = logits.astype(mx.float32)
    token = given[:, None]
    own = mx.take_along_axis(logits, token, axis=-1)
    ids = best_tokens(logits, min(alternatives, logits.shape[-1]))
    named = mx.take_along_axis(logits, ids, axis=-1)
    best = named[:, :1]
    total, metrics = mx.split(in_blocks(_measured, logits, best, attention), [1], axis=-1)
    quadrant, _, recent = decide(metrics, rows, visible, recent)
    quadrant = mx.where(header(rows).plain > 0, -1, quadrant)
    log_total = mx.log(total)
    undrawn = mx.full((logits.shape[0], 4), mx.nan)
    numbers = mx.concatenate([own - best - log_total, metrics, undrawn], axis=-1)
    return (
        given,
        mx.squeeze(quadrant, axis=-1),
        numbers,
        ids.astype(mx.int32),
        named - best - log_total,
        recent,
        rank_of(logits, own),
    )


def _measured(logits: mx.array, best: mx.array, attention: mx.array) -> mx.array:
    """Sum of the weights of logits (B, V), whose greatest is `best`, and all metrics: (B, 7)."""
    p = distribution(logits, best)
    return mx.concatenate([p.total, all_metrics(p, attention)], axis=-1)


def most_attended(scores: mx.array, mask: mx.array | None, count: int) -> tuple[mx.array, mx.array]:
    """The `count` positions of greatest attention, and their weights: each (B, ≤ count).

    `scores` (B, H, T) and `mask` (B, T) as in `sample_rows`. Weights are the mean over heads of
    softmax(scores), and fall; a position that is not seen has 0.
    """
    scores = scores.astype(mx.float32)
    if mask is not None:
        scores = mx.where(mask[:, None, :], scores, -mx.inf)
    weights = mx.mean(mx.softmax(scores, axis=-1), axis=1)  # (B, T)
    positions = best_tokens(weights, min(count, weights.shape[-1]))
    return positions, mx.take_along_axis(weights, positions, axis=-1)
