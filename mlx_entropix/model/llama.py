"""A Llama that runs a checkpoint loaded by mlx-lm, and reports how its last layer attends.

It takes over the weights of `mlx_lm.models.llama.Model` and computes the same logits, with these
differences:

- A step returns, beside the logits, the last layer's attention scores of the one new query. They
  are computed once and also used for that layer's attention, so the report costs nothing extra.
- Matrices that are multiplied with the same vector are stored as one: query, key and value; gate
  and up. Fewer, larger products are faster, the more so where each is a kernel to launch.
- A prompt only fills the cache; no logits are computed until the first step.
- Where weights are float32, the angles of the rotary embedding are computed once for all layers
  (see rotation.py), and on a CPU attention and SwiGLU are computed by powers of two (powers.py).
"""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models import llama
from mlx_lm.models.cache import KVCache

from mlx_entropix.cpu import powers
from mlx_entropix.cpu.rotation import angles, pairs_neighbours, side_by_side, turn
from mlx_entropix.model.cache import KVRows


class Piece(NamedTuple):
    """What attention in one layer needs to know of `length` tokens a row, that stand together.

    `kv` are the layer's keys and values of their rows, `by` is what turns queries and keys (see
    `Llama._angles`), `mask` is for `mx.fast.scaled_dot_product_attention`.
    """

    length: int
    kv: KVCache
    by: int | mx.array
    mask: mx.array | str | None


class Attention(nn.Module):
    """Grouped-query attention with one projection for queries, keys and values."""

    def __init__(self, source: llama.Attention):
        super().__init__()
        self.heads = source.n_heads
        self.kv_heads: int = source.n_kv_heads  # type: ignore[assignment]
        self.head_dim = source.head_dim
        self.scale = source.scale
        self.rope = source.rope
        self.qkv_proj = _fuse([source.pop(name) for name in ("q_proj", "k_proj", "v_proj")])
        self.o_proj = source.pop("o_proj")
        weight = self.qkv_proj.get("weight")
        self.turns = weight is not None and weight.dtype == mx.float32
        self.by_powers = powers.are_faster(weight)
        if self.turns and not pairs_neighbours(self.rope):
            self._bring_pairs_together()

    def _bring_pairs_together(self) -> None:
        """Reorder each query and key head, both alike, which changes none of their products."""
        rotated = self.heads + self.kv_heads
        order = side_by_side(self.head_dim)[None] + mx.arange(rotated)[:, None] * self.head_dim
        for name in ("weight", "bias"):
            if name in self.qkv_proj:
                rows = self.qkv_proj[name]
                turned = mx.take(rows, order.flatten(), axis=0)
                self.qkv_proj[name] = mx.concatenate([turned, rows[order.size :]])

    def angles(self, positions: int | mx.array, length: int) -> int | mx.array:
        """What `_remember` turns queries and keys by, for tokens from `positions` on."""
        return angles(self.rope, self.head_dim, positions, length) if self.turns else positions

    def __call__(self, x: mx.array, pieces: Sequence[Piece]) -> mx.array:
        """Attention of each piece of x (B, L, hidden) over its cache and itself: (B, L, hidden)."""
        qkv = self.qkv_proj(x)
        ends = list(accumulate(piece.length for piece in pieces))
        parts = mx.split(qkv, ends[:-1], axis=1) if len(pieces) > 1 else [qkv]
        outs = [self._attend(*pair) for pair in zip(parts, pieces, strict=True)]
        return self.o_proj(outs[0] if len(outs) == 1 else mx.concatenate(outs, axis=1))

    def _attend(self, qkv: mx.array, piece: Piece) -> mx.array:
        """What the heads of one piece see, side by side: (B, L, H · D)."""
        queries, keys, values = self._remember(qkv, piece.kv, piece.by)
        mask = piece.mask
        if self.by_powers and not isinstance(mask, str):
            out = powers.attend(queries, keys, values, self.scale, mask)
        else:
            out = mx.fast.scaled_dot_product_attention(
                queries, keys, values, scale=self.scale, mask=mask
            )
        return out.transpose(0, 2, 1, 3).flatten(2)

    def _remember(
        self, qkv: mx.array, kv: KVCache, by: int | mx.array
    ) -> tuple[mx.array, mx.array, mx.array]:
        """Queries (B, H, L, D) of qkv (B, L, …), and all keys and values (B, H_kv, T, D)."""
        B, L, _ = qkv.shape
        qkv = qkv.reshape(B, L, -1, self.head_dim)
        rotated = self.heads + self.kv_heads  # queries and keys turn by the same angles
        qk, values = qkv[:, :, :rotated], qkv[:, :, rotated:].transpose(0, 2, 1, 3)
        if self.turns and isinstance(by, mx.array):
            qk = turn(qk, by).transpose(0, 2, 1, 3)
        else:
            qk = self.rope(qk.transpose(0, 2, 1, 3), offset=by)
        keys, values = kv.update_and_fetch(qk[:, self.heads :], values)
        return qk[:, : self.heads], keys, values

    def with_scores(
        self, x: mx.array, kv: KVCache, by: int | mx.array, mask: mx.array | None
    ) -> tuple[mx.array, mx.array]:
        """For one query a row, x (B, 1, hidden): the attention, and its scores (B, H, T).

        The scores are q·k/√d before the softmax. Where `mask` (B, T) is False they are -inf.
        """
        B = x.shape[0]
        queries, keys, values = self._remember(self.qkv_proj(x), kv, by)
        # The query heads that share a KV head become the rows of one product.
        grouped = queries.reshape(B, self.kv_heads, -1, self.head_dim)  # (B, H_kv, H/H_kv, D)
        scores = (grouped * self.scale) @ keys.swapaxes(-1, -2)  # (B, H_kv, H/H_kv, T)
        if mask is not None:
            scores = mx.where(mask[:, None, None, :], scores, -mx.inf)
        out = mx.softmax(scores, axis=-1, precise=True) @ values
        return self.o_proj(out.reshape(B, 1, -1)), scores.reshape(B, self.heads, -1)


class MLP(nn.Module):
    """The gated feed-forward layer with one projection for gate and up."""

    def __init__(self, source: llama.MLP):
        super().__init__()
        self.gate_up_proj = _fuse([source.pop("gate_proj"), source.pop("up_proj")])
        self.down_proj = source.pop("down_proj")
        by_powers = powers.are_faster(self.down_proj.get("weight"))
        self.swiglu = powers.swiglu if by_powers else llama.swiglu

    def __call__(self, x: mx.array) -> mx.array:
        """(B, L, hidden) to (B, L, hidden)."""
        gate, up = mx.split(self.gate_up_proj(x), 2, axis=-1)
        return self.down_proj(self.swiglu(gate, up))


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self, source: llama.TransformerBlock):
        super().__init__()
        self.self_attn = Attention(source.self_attn)
        self.mlp = MLP(source.mlp)
        self.input_layernorm = source.input_layernorm
        self.post_attention_layernorm = source.post_attention_layernorm

    def __call__(self, h: mx.array, pieces: Sequence[Piece]) -> mx.array:
        """(B, L, hidden) to (B, L, hidden)."""
        h = h + self.self_attn(self.input_layernorm(h), pieces)
        return h + self.mlp(self.post_attention_layernorm(h))

    def with_scores(
        self, h: mx.array, kv: KVCache, by: int | mx.array, mask: mx.array | None
    ) -> tuple[mx.array, mx.array]:
        """The same for one token a row, with the attention scores (B, H, T)."""
        out, scores = self.self_attn.with_scores(self.input_layernorm(h), kv, by, mask)
        h = h + out
        return h + self.mlp(self.post_attention_layernorm(h)), scores


class Llama(nn.Module):
    """The model. It takes the weights out of `source`, which is of no use afterwards.

    `context_length` is the most tokens that a row may hold, `vocabulary_size` the width of logits.
    """

    def __init__(self, source: llama.Model, name: str, context_length: int):
        super().__init__()
        self.name = name
        self.weights: Path | None = None
        self.context_length = context_length
        self.vocabulary_size = source.args.vocab_size
        self.embed_tokens = source.model.embed_tokens
        self.norm = source.model.norm
        self.lm_head = None if source.args.tie_word_embeddings else source.lm_head
        self.layers = []
        while source.model.layers:
            # One at a time, so that only one layer is in memory twice.
            layer = Layer(source.model.layers.pop(0))
            mx.eval(layer.parameters())
            self.layers.append(layer)
        mx.eval(self.parameters())

    def empty_cache(self) -> KVRows:
        """A cache of one row without tokens."""
        return KVRows.empty(len(self.layers))

    def prefill(self, tokens: mx.array, cache: KVRows) -> mx.array:
        """Append tokens (B, L) to the cache.

        Returns the hidden states (B, L, hidden) after the last layer; evaluate `cache.arrays()`
        alone where they are not needed.
        """
        return self._fill(self.embed_tokens(tokens), [cache], [tokens.shape[1]])

    def prefill_packed(
        self, prompts: Sequence[Sequence[int]], caches: Sequence[KVRows]
    ) -> list[mx.array]:
        """Append tokens to caches of one row each, any number to each of them.

        All tokens go through the layers side by side, without padding; only attention is computed
        for each prompt alone. Returns their hidden states (1, L, hidden), as `prefill` does.
        """
        lengths = [len(prompt) for prompt in prompts]
        tokens = mx.array([token for prompt in prompts for token in prompt])
        h = self._fill(self.embed_tokens(tokens[None]), caches, lengths)
        return list(mx.split(h, list(accumulate(lengths))[:-1], axis=1))

    def _fill(self, h: mx.array, caches: Sequence[KVRows], lengths: Sequence[int]) -> mx.array:
        places = [
            (self._angles(cache, length), self._mask(cache, length))
            for cache, length in zip(caches, lengths, strict=True)
        ]
        for i, layer in enumerate(self.layers):
            pieces = [
                Piece(length, cache.layers[i], *place)
                for cache, length, place in zip(caches, lengths, places, strict=True)
            ]
            h = layer(h, pieces)
        return h

    def step(self, tokens: mx.array, cache: KVRows) -> tuple[mx.array, mx.array, mx.array | None]:
        """Append one token a row, tokens (B,), and look at what comes next.

        Returns the logits (B, V); the last layer's scores (B, H, T), -inf where a key is padding;
        and the mask of visible keys (B, T), or None where all are.
        """
        h = self.embed_tokens(tokens[:, None])
        by, mask, visible = self._angles(cache, 1), self._mask(cache, 1), cache.key_mask()
        for layer, kv in zip(self.layers[:-1], cache.layers[:-1], strict=True):
            h = layer(h, [Piece(1, kv, by, mask)])
        h, scores = self.layers[-1].with_scores(h, cache.layers[-1], by, visible)
        return self.logits(h)[:, 0], scores, visible

    def _angles(self, cache: KVRows, length: int) -> int | mx.array:
        """What every layer turns the coming tokens by."""
        return self.layers[0].self_attn.angles(cache.positions(), length)

    def _mask(self, cache: KVRows, length: int) -> mx.array | str | None:
        """What the coming tokens see."""
        mask = cache.attention_mask(length)
        return cache.causal_mask(length) if mask == "causal" and self._by_powers else mask

    @property
    def _by_powers(self) -> bool:
        return self.layers[0].self_attn.by_powers

    def logits(self, h: mx.array) -> mx.array:
        """Hidden states (…, hidden) of the last layer to logits (…, V)."""
        h = self.norm(h)
        return self.embed_tokens.as_linear(h) if self.lm_head is None else self.lm_head(h)


def _fuse(parts: Sequence[nn.Module]) -> nn.Module:
    """One linear layer whose output is the outputs of `parts` side by side.

    Layers that cannot be joined, such as ones quantized to different widths, stay apart.
    """
    if len({_format(part) for part in parts}) > 1:
        return SideBySide(parts)
    fused = parts[0]
    for name in ("weight", "scales", "biases", "bias"):
        if name in fused:
            fused[name] = mx.concatenate([part[name] for part in parts], axis=0)
    return fused


def _format(part: nn.Module) -> tuple[Any, ...]:
    """What has to be equal for two linear layers to be joined."""
    quantization = tuple(getattr(part, name, None) for name in ("bits", "group_size", "mode"))
    arrays = tuple((name, part[name].dtype) for name in sorted(part) if name != "weight")
    return type(part), quantization, part["weight"].dtype, arrays


class SideBySide(nn.Module):
    """Linear layers whose outputs are joined."""

    def __init__(self, parts: Sequence[nn.Module]):
        super().__init__()
        self.parts = list(parts)

    def __call__(self, x: mx.array) -> mx.array:
        """(…, in) to (…, sum of the outs)."""
        return mx.concatenate([part(x) for part in self.parts], axis=-1)
