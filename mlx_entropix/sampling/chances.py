"""How likely each token was in the draw itself: after temperature, filters and the decision.

Only where a row asks for it: the sampler does without.
"""

from typing import NamedTuple

import mlx.core as mx

from mlx_entropix.sampling.ranks import best_tokens


class Chances(NamedTuple):
    """Probabilities of a draw, of the token and of the likeliest ones, best first.

    Without a draw the token has 1, and all others 0.
    """

    of_token: mx.array  # (B,) float32
    ids: mx.array  # (B, n) int32
    of_ids: mx.array  # (B, n) float32


def chances_by_rank(weights: mx.array, draws: mx.array) -> mx.array:
    """How likely the best of some `draws` (B, 1) in proportion to weights (B, C) is each rank.

    That is P(rank ≥ r)^n − P(rank > r)^n, summed from the least likely rank, where it is exact.
    """
    beyond = mx.cumsum(weights, axis=-1, reverse=True, inclusive=False)
    total = beyond[:, :1] + weights[:, :1]
    best_of_several = ((beyond + weights) / total) ** draws - (beyond / total) ** draws
    return mx.where(draws > 1, best_of_several, weights / total)


def chances_of(
    by_rank: mx.array,
    ids: mx.array,
    rank: mx.array,
    token: mx.array,
    undrawn: mx.array,
    count: int,
) -> Chances:
    """What is told of a draw of `rank` (B, 1), with at most `count` of the likeliest tokens.

    `by_rank` (B, C) are the chances of the tokens `ids` (B, C). Where it is `undrawn` (B, 1), the
    `token` (B, 1) was certain.
    """
    first = mx.arange(by_rank.shape[-1]) == 0
    by_rank = mx.where(undrawn, first, by_rank).astype(mx.float32)
    of_token = mx.where(undrawn, 1.0, mx.take_along_axis(by_rank, rank, axis=-1))
    best = best_tokens(by_rank, min(count, by_rank.shape[-1]))
    named = mx.take_along_axis(ids, best, axis=-1).astype(mx.int32)
    named = mx.where(undrawn & (mx.arange(best.shape[-1]) == 0), token, named)
    return Chances(of_token[:, 0], named, mx.take_along_axis(by_rank, best, axis=-1))
