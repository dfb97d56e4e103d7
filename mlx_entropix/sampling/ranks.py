"""Tokens by rank, which of them a filter keeps, and draws among those."""

import mlx.core as mx

from mlx_entropix.sampling.config import MOST_DRAWS
from mlx_entropix.sampling.parameter_rows import Header

_CHOICE_KEY = 0x58544300  # makes of a draw's key another one

BLOCK = 32  # neighbouring tokens that are first judged by the best of them


def best_tokens(logits: mx.array, count: int) -> mx.array:
    """The `count` likeliest tokens of logits (B, V) float32, best first: (B, count) uint32 ids.

    At equal logits the lower id has the better rank, exactly, however many tie. `count` ≤ V.
    """
    size = logits.shape[-1]
    ids = mx.broadcast_to(mx.arange(size, dtype=mx.uint32), logits.shape)
    if size > BLOCK * count:
        logits, ids = _best_blocks(logits, count)
    return mx.minimum(_best(logits, ids, count), size - 1)  # a NaN ranks below the padding


def _best_blocks(logits: mx.array, count: int) -> tuple[mx.array, mx.array]:
    """The logits and ids (B, count · BLOCK) of the `count` best blocks of neighbouring tokens.

    They hold the `count` best tokens: one outside would be beaten by the best token of each of
    those blocks. The rest of the vocabulary is read only once, to find the blocks' maxima.
    """
    B, size = logits.shape
    padding = -size % BLOCK
    if padding:  # behind every real token, also where those are banned
        logits = mx.pad(logits, [(0, 0), (0, padding)], constant_values=-mx.inf)
    blocks = logits.reshape(B, -1, BLOCK)
    maxima = mx.max(blocks, axis=-1)
    numbers = mx.broadcast_to(mx.arange(maxima.shape[-1], dtype=mx.uint32), maxima.shape)
    best = _best(maxima, numbers, count)[:, :, None]  # (B, count, 1)
    values = mx.take_along_axis(blocks, best, axis=1)
    ids = best * BLOCK + mx.arange(BLOCK, dtype=mx.uint32)
    return values.reshape(B, -1), ids.reshape(B, -1)


def _best(values: mx.array, ids: mx.array, count: int) -> mx.array:
    """The ids of the `count` greatest of values (B, N) float32, best first; at ties, lower ids.

    Value and id become one 64-bit number: above, bits that fall as the value grows; below, the id.
    No two are equal, so a partition of these numbers is exact, and faster than one of indices.
    """
    bits = mx.view(mx.where(values == 0, 0.0, values), mx.uint32)  # −0 ranks as 0
    falling = mx.where(bits >> 31, bits, bits ^ 0x7FFFFFFF).astype(mx.uint64)
    order = (falling << 32) | ids.astype(mx.uint64)
    if count < order.shape[-1]:
        order = mx.partition(order, count - 1, axis=-1)[:, :count]
    return mx.sort(order, axis=-1).astype(mx.uint32)  # the lower 32 bits


def rank_of(logits: mx.array, own: mx.array) -> mx.array:
    """The rank (B,) of a token of logit `own` (B, 1) among logits (B, V): 1, and those above it."""
    return 1 + mx.sum(logits > own, axis=-1)


def kept_ranks(
    p: mx.array, asked: mx.array, min_tokens: mx.array, plain: mx.array | None = None
) -> mx.array:
    """Which ranks the filters keep: (B, C) bool, true up to some rank and false beyond.

    `p` (B, C) are probabilities by rank, measured over the whole vocabulary; `asked` (B, 4) holds
    the parameters in the order of `Parameters`; `min_tokens` and `plain` are (B, 1). Rank r is
    kept when r < top_k, and r < min_tokens or p_r > min_p · p_0, and r < min_tokens or
    Σ_{s<r} p_s ≤ top_p. Rows of the `plain` sampler follow mlx-lm's `make_sampler` instead.
    """
    top_p, top_k, min_p = asked[:, 1:2], asked[:, 2:3], asked[:, 3:4]
    rank = mx.arange(p.shape[-1], dtype=mx.float32)
    spared = rank < min_tokens
    above = mx.cumsum(p, axis=-1, inclusive=False)
    floor = min_p * p[:, :1]
    entropy_rule = (rank < top_k) & (spared | ((p > floor) & (above <= top_p)))
    if plain is None:
        return entropy_rule

    # mlx-lm: limits of 0 (or a top_p of 1) are off, nothing is spared from top_p, and what ties
    # with the last token inside top_p or lies right on the floor stays.
    inside = above < top_p
    last = mx.maximum(mx.sum(inside, axis=-1, keepdims=True) - 1, 0)
    in_top_p = inside | (p == mx.take_along_axis(p, last, axis=-1)) | (top_p <= 0) | (top_p >= 1)
    in_top_k = (rank < top_k) | (top_k == 0)
    plain_rule = in_top_k & in_top_p & (spared | (p >= floor))
    return mx.where(plain, plain_rule, entropy_rule)


def excluded_choices(
    kept: mx.array, ids: mx.array, base: Header, keys: mx.array, exempt: mx.array | None
) -> mx.array:
    """Which ranks XTC excludes: (B, C) bool.

    `kept` (B, C) are the probabilities of the kept tokens, 0 for others, and `ids` the tokens. With
    a row's `xtc_probability` all that are likelier than its threshold are excluded, but the least
    likely of these and the tokens `exempt` (E,). So mlx-lm has it, after
    https://github.com/oobabooga/text-generation-webui/pull/6335. Whether a position is chosen
    depends on its key alone, and is independent of its draws.
    """
    share = kept / mx.sum(kept, axis=-1, keepdims=True)
    likely = share > base.xtc_threshold
    least = mx.min(mx.where(likely, share, mx.inf), axis=-1, keepdims=True)
    excluded = likely & (share > least)
    if exempt is not None:
        excluded &= ~mx.any(ids.astype(mx.int32)[:, :, None] == exempt, axis=-1)
    chance = mx.vmap(lambda key: mx.random.uniform(shape=(1,), key=key))(keys ^ _CHOICE_KEY)
    return excluded & (chance < base.xtc_probability)


def draw_ranks(weights: mx.array, keys: mx.array, draws: int) -> mx.array:
    """`draws` independent ranks for each row, in proportion to weights (B, C): (B, draws).

    Each draw inverts the cumulative weight at one uniform number. Draw j of a row depends on its
    key (B, 2) and on j alone: as many numbers are made whatever `draws` is.
    """
    uniform = mx.vmap(lambda key: mx.random.uniform(shape=(MOST_DRAWS,), key=key))(keys)
    cumulative = mx.cumsum(weights, axis=-1)[:, None, :]
    target = uniform[:, :draws, None] * cumulative[:, :, -1:]
    ranks = mx.sum(cumulative <= target, axis=-1)  # where the sum first exceeds the target
    rank = mx.arange(weights.shape[-1])
    last = mx.max(mx.where(weights > 0, rank, 0), axis=-1, keepdims=True)  # rounding may pass it
    return mx.maximum(mx.minimum(ranks, last), 0)
