"""How many tokens the caches of all rows may hold, by the memory that the weights leave.

    tokens = (0.8 · free − past prompts − states) / (1.25 · bytes a token)

`free` is what memory.py finds once the model is loaded; a fifth of it is for the arrays of a step
and for those that are moved. Past prompts are what a prefix cache may hold, states what a row has
of a model whose layers sum up all tokens. A cache reserves up to 1.25 times what it needs, as it
grows in steps (model/cache.py). No more is taken than what the most rows can fill.
"""

from collections.abc import Sequence
from typing import NamedTuple

import mlx.core as mx

from mlx_entropix.errors import WeightsError
from mlx_entropix.memory import free_memory
from mlx_entropix.model.cache import GROWTH, places_for
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.ranks.join import Ranks

SHARE = 0.8
"""Of the free memory, what is for caches."""

_PAST_SHARE = 0.25  # of that, the most that is for past prompts
_LEAST_TOKENS = 256  # under it hardly a question and its answer fit
_MEASURED = (256, 512)  # tokens; a cache reserves multiples of 256


class KVBudget(NamedTuple):
    """`tokens` of all rows together, `prefix_cache_bytes` for past prompts, and what it comes of.

    A token takes `token_bytes` in all layers, of `free` bytes.
    """

    tokens: int
    prefix_cache_bytes: int
    token_bytes: int
    free: int


def kv_budget(
    models: Sequence[Decoder],
    *,
    max_rows: int,
    prefix_cache_bytes: int = 0,
    ranks: Ranks | None = None,
) -> KVBudget:
    """What there is memory for beside `models`, which are loaded: one, and a draft model if any.

    Of several `ranks` it goes by the memory of the smallest. Raises `WeightsError` where hardly a
    prompt would fit.
    """
    mx.clear_cache()
    free = free_memory()
    if ranks is not None:
        free = min(free, max(ranks.memory - mx.get_active_memory(), 0))
    room = SHARE * free
    prefix_cache_bytes = min(prefix_cache_bytes, int(_PAST_SHARE * room))
    room -= prefix_cache_bytes
    token_bytes = 0
    for model in models:
        state, token = cache_bytes(model)
        room -= max_rows * state
        token_bytes += token
    tokens = places_for(max_rows) * models[0].context_length
    if token_bytes:
        tokens = min(tokens, tokens_within(room, token_bytes))
    if tokens < _LEAST_TOKENS or room < 0:
        raise WeightsError(
            f"{models[0].name} leaves {free / 1e9:.2f} GB of memory free, and a token takes "
            f"{token_bytes / 1e3:.0f} kB: {tokens} would fit. End other programs, choose a smaller "
            "model or one of fewer bits, or pack keys and values with --kv_bits 8."
        )
    return KVBudget(tokens, prefix_cache_bytes, token_bytes, free)


def tokens_within(room: float, token_bytes: int) -> int:
    """How many tokens of so many bytes the caches of all rows may hold in `room` bytes."""
    return max(int(room / (GROWTH * token_bytes)), 0)


def cache_bytes(model: Decoder) -> tuple[int, int]:
    """Bytes of a row's cache that are there in any case, and of each token in it."""
    sizes = []
    for length in _MEASURED:
        cache = model.empty_cache()
        cache.join()
        model.promise(length, cache)
        sizes.append(sum(array.nbytes for array in cache.arrays()))
    few, many = _MEASURED
    token = (sizes[1] - sizes[0]) // (many - few)
    return max(sizes[0] - few * token, 0), token
