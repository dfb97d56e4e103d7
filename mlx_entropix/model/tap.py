"""Hearing what a model of mlx-lm attends to, where its own module computes attention.

The modules of mlx-lm call `scaled_dot_product_attention` by a name of their own, so another
function can stand under that name in the module, and nothing else changes. A few compute the
softmax of their scores themselves (soft caps): so the name `mx` of the module gets a copy of
`mlx.core` whose softmax is heard, too, between the fetch of a layer's keys and the next fetch.

What is heard are promises of arrays: it costs nothing until scores are computed of it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, NamedTuple

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.cache import KVCache

_NAME = "scaled_dot_product_attention"
_HEARD_BY = "_mlx_entropix_hears"


class Attended(NamedTuple):
    """What one call had: queries and keys with a scale, or the scores themselves."""

    queries: mx.array | None  # (B, H, L, D)
    keys: mx.array | None  # (B, H_kv, T, D)
    scale: float
    mask: Any  # as mlx-lm has it: None, "causal", or an array
    scores: mx.array | None = None  # (B, …, L, T), H heads in between

    def at(self, look: int, hidden: mx.array | None) -> mx.array:
        """The scores (B · look, H, T) of the last `look` positions, −inf where `hidden` says so.

        `hidden` is the mask (B or 1, 1, L, T), true at what is seen; None where all is.
        """
        if self.scores is not None:
            B, (L, T) = self.scores.shape[0], self.scores.shape[-2:]
            scores = self.scores.reshape(B, -1, L, T)[:, :, -look:]
        else:
            assert self.queries is not None
            assert self.keys is not None
            q = self.queries[:, :, -look:] * self.scale
            B, H, _, D = q.shape
            kv_heads = self.keys.shape[1]
            # The query heads that share a KV head become the rows of one product.
            scores = q.reshape(B, kv_heads, -1, D) @ self.keys.swapaxes(-1, -2)
            scores = scores.reshape(B, H, look, -1)
            if isinstance(self.mask, mx.array) and self.mask.dtype != mx.bool_:
                scores = scores + self.mask[..., -look:, :]
        if hidden is not None:
            scores = mx.where(hidden[:, :, -look:], scores, -mx.inf)
        return scores.transpose(0, 2, 1, 3).flatten(0, 1)


class Tap:
    """Listens to the attention of one pass: which calls are there, and what the `wanted` one had.

    A call is plain where its keys are all that a layer with full attention has, and its mask hides
    no more than what comes later.
    """

    def __init__(self, wanted: int | None = None):
        self.wanted = wanted
        self.plain: list[bool] = []
        self.heard: Attended | None = None
        self._fetched: list[tuple[mx.array, bool]] = []
        self._windows: list[Any] = []
        self._armed = False

    def fetched(self, keys: mx.array, plain: bool) -> None:
        """A layer has fetched its keys (B, H_kv, T, D) from the cache."""
        self._fetched.append((keys, plain))
        self._armed = True

    def masked(self, mask: Any) -> None:
        """A mask was made that hides more than what comes later."""
        self._windows.append(mask)

    def called(self, attended: Attended, cache: Any) -> None:
        """Attention is computed."""
        self._armed = False
        if len(self.plain) == self.wanted:
            self.heard = attended
        self.plain.append(self._is_plain(attended, cache))

    def softmax(self, scores: mx.array) -> None:
        """A softmax is computed, which may be that of attention."""
        if self._armed and scores.shape[-1:] == self._fetched[-1][0].shape[2:3]:
            self.called(Attended(None, None, 1.0, None, scores), None)

    def _is_plain(self, attended: Attended, cache: Any) -> bool:
        mask, keys = attended.mask, attended.keys
        if isinstance(mask, mx.array) and any(mask is window for window in self._windows):
            return False
        for known, plain in reversed(self._fetched):
            if keys is known:
                return plain
        if type(cache) is KVCache and keys is not None:  # of a row that is computed by itself
            return bool(keys.shape[2] == cache.offset)
        if self._fetched and (
            keys is None or hasattr(cache, "update_and_fetch")
        ):  # made of what was fetched last
            known, plain = self._fetched[-1]
            return plain and (keys is None or keys.shape[2] == known.shape[2])
        return False


_listening: ContextVar[Tap | None] = ContextVar("listening", default=None)


def listener() -> Tap | None:
    """The tap that listens now."""
    return _listening.get()


@contextmanager
def listen(tap: Tap | None) -> Iterator[None]:
    """Let a tap hear what models compute meanwhile."""
    token = _listening.set(tap)
    try:
        yield
    finally:
        _listening.reset(token)


def open_to_taps(model: nn.Module) -> None:
    """Put functions that can be heard under the names in the modules of a model's classes.

    They do what those did before. It is done once a module.
    """
    for name in {type(part).__module__ for part in model.modules()}:
        module = sys.modules.get(name)
        if module is None or not name.startswith("mlx_lm.models.") or hasattr(module, _HEARD_BY):
            continue
        setattr(module, _HEARD_BY, True)
        if hasattr(module, _NAME):
            setattr(module, _NAME, _attention(getattr(module, _NAME)))
        if getattr(module, "mx", None) is mx:
            module.mx = _copy(  # type: ignore[attr-defined]
                mx, softmax=_softmax, fast=_copy(mx.fast, **{_NAME: _fast(mx.fast)})
            )


def _copy(module: Any, **changes: Any) -> ModuleType:
    copied = ModuleType(module.__name__)
    copied.__dict__.update(module.__dict__)
    copied.__dict__.update(changes)
    return copied


def _attention(original: Callable[..., mx.array]) -> Callable[..., mx.array]:
    """mlx-lm's function: (queries, keys, values, cache, scale, mask, sinks)."""

    def attention(
        queries: mx.array, keys: mx.array, values: mx.array, *args: Any, **named: Any
    ) -> mx.array:
        if (tap := _listening.get()) is not None:
            given = dict(zip(("cache", "scale", "mask"), args, strict=False)) | named
            tap.called(
                Attended(queries, keys, given.get("scale", 1.0), given.get("mask")),
                given.get("cache"),
            )
        return original(queries, keys, values, *args, **named)

    return attention


def _fast(fast: Any) -> Callable[..., mx.array]:
    """MLX's own function, without a cache."""

    def attention(queries: mx.array, keys: mx.array, values: mx.array, **named: Any) -> mx.array:
        if (tap := _listening.get()) is not None:
            tap.called(Attended(queries, keys, named["scale"], named.get("mask")), None)
        out: mx.array = fast.scaled_dot_product_attention(queries, keys, values, **named)
        return out

    return attention


def _softmax(a: mx.array, *args: Any, **named: Any) -> mx.array:
    if (tap := _listening.get()) is not None:
        tap.softmax(a)
    return mx.softmax(a, *args, **named)
