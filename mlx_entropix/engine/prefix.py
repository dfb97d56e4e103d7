"""Prompts that begin like an earlier sequence go on from its keys and values."""

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models.cache import LRUPromptCache

_MOST_SEQUENCES = 256


class PrefixCache:
    """The caches of past sequences, at most `max_bytes` of them, the least recently added go first.

    Built on the store of mlx-lm, which finds the sequence with the longest common beginning among
    those of a model. An engine has one model, and tells salts by the name of it.
    """

    def __init__(self, max_bytes: int):
        self.max_bytes = max_bytes
        self.clear()

    def clear(self) -> None:
        """Forget all sequences."""
        self._store = LRUPromptCache(max_size=_MOST_SEQUENCES, max_bytes=self.max_bytes)

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        return self._store.nbytes

    def find(self, tokens: Sequence[int], salt: str = "") -> list[Any]:
        """The cache of a beginning of `tokens`, as long as can be had; empty if none is known.

        Sequences are known to those of the same `salt` alone. It is a copy: what is done with it
        does not change the store.
        """
        layers, rest = self._store.fetch_nearest_cache(salt, list(tokens))
        return [] if layers is None or len(rest) == len(tokens) else layers

    def keep(self, tokens: Sequence[int], layers: list[Any], salt: str = "") -> None:
        """Remember the cache of a sequence. `layers` belong to the store from now on."""
        if tokens and layers and sum(layer.nbytes for layer in layers) <= self.max_bytes:
            # A copy that is only promised would hold on to the whole batch that it is taken from.
            leaves: Any = tree_flatten([layer.state for layer in layers])
            mx.async_eval([leaf for _, leaf in leaves if isinstance(leaf, mx.array)])
            self._store.insert_cache(salt, list(tokens), layers)
