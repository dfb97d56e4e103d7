"""Logits before the sampler: biases, penalties by what a row has said, tokens that are not allowed.

What each row's changes depend on comes with it as short lists of token ids, so that rows with and
without any share a step, and a row's result does not depend on the others.
"""

from typing import NamedTuple

import mlx.core as mx

_BITS = 32  # of a word of a mask


class Changed(NamedTuple):
    """What changes the logits of N rows. Ids of −1 fill lists up, and stand for nothing.

    `seen` are the tokens before a row's last one, each once; `counts` says how often each is in the
    answer. `answers` tells whether the row's last token is in the answer too. The `penalties` are
    repetition, presence and frequency. Of `allowed`, bit b of word w is that of token 32·w + b.
    """

    seen: mx.array  # (N, S) int32
    counts: mx.array  # (N, S) float32
    answers: mx.array  # (N, 1) float32, 0 or 1
    penalties: mx.array  # (N, 3) float32
    bias_ids: mx.array  # (N, K) int32
    bias: mx.array  # (N, K) float32
    allowed: mx.array | None = None  # (N, V/32) uint32; None where every row may take any token


def changed_logits(logits: mx.array, previous_token: mx.array, changed: Changed) -> mx.array:
    """The logits (N, V) float32 that the sampler sees, of those of the model.

    Bias is added first; then the repetition penalty divides what is positive and multiplies what is
    negative of each token that was seen (Keskar et al., arXiv:1909.05858); then the frequency
    penalty times the count and the presence penalty are taken off what is in the answer, as the
    OpenAI API defines them. Tokens that are not allowed become −inf. `previous_token` (N,) is the
    last token of each row, which may be on the device alone.
    """
    logits = logits.astype(mx.float32)
    if changed.bias.size:
        known = changed.bias_ids >= 0
        ids = mx.where(known, changed.bias_ids, 0)
        row = mx.arange(len(ids))[:, None]
        logits = logits.at[row, ids].add(mx.where(known, changed.bias, 0.0))
    logits = _penalized(logits, previous_token, changed)
    if changed.allowed is not None:
        bits = (changed.allowed[:, :, None] >> mx.arange(_BITS, dtype=mx.uint32)) & 1
        bits = bits.reshape(len(logits), -1)
        if (missing := logits.shape[-1] - bits.shape[-1]) > 0:
            bits = mx.pad(bits, [(0, 0), (0, missing)])
        logits = mx.where(bits[:, : logits.shape[-1]] > 0, logits, -mx.inf)
    return logits


def _penalized(logits: mx.array, previous_token: mx.array, changed: Changed) -> mx.array:
    last = previous_token.astype(mx.int32)[:, None]  # (N, 1)
    again = changed.seen == last
    # The last token may be among those before it; then both places must be given the same logit.
    last_count = mx.sum(mx.where(again, changed.counts, 0.0), axis=-1, keepdims=True)
    last_count = last_count + changed.answers
    counts = mx.where(again | (changed.seen < 0), last_count, changed.counts)
    ids = mx.concatenate([mx.where(changed.seen < 0, last, changed.seen), last], axis=-1)
    counts = mx.concatenate([counts, last_count], axis=-1)
    repetition, presence, frequency = mx.split(changed.penalties, 3, axis=-1)
    of_seen = mx.take_along_axis(logits, ids, axis=-1)
    of_seen = mx.where(of_seen > 0, of_seen / repetition, of_seen * repetition)
    of_seen = of_seen - frequency * counts - presence * (counts > 0)
    return mx.put_along_axis(logits, ids, of_seen, axis=-1)
