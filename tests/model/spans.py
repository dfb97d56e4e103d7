"""Rows of a cache, and spans of them through a decoder."""

from collections.abc import Sequence

import mlx.core as mx

from mlx_entropix.model.decoder import Decoder, Looked, Span


def forward(model: Decoder, cache, spans: Sequence[tuple[int, list[int], int]]) -> Looked | None:
    """Rows, their tokens, and how many positions to look at, through a decoder."""
    tokens = [token for _, tokens, _ in spans for token in tokens]
    shapes = [Span(row, len(tokens), look) for row, tokens, look in spans]
    return model.forward(mx.array(tokens), shapes, cache)


def row_of(model: Decoder, tokens: list[int]):
    """A cache of one row."""
    cache = model.empty_cache()
    cache.join()
    if tokens:
        assert forward(model, cache, [(0, tokens, 0)]) is None
    return cache


def look(model: Decoder, cache, tokens: list[int]) -> Looked:
    """One more token for every row, and what is seen there."""
    looked = forward(model, cache, [(row, [token], 1) for row, token in enumerate(tokens)])
    assert looked is not None
    return looked
