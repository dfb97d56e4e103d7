"""A Llama that runs a checkpoint loaded by mlx-lm, and reports how its last layer attends.

Qwen 2 and 3 are Llamas here: the one has biases, the other norms of queries and keys. It takes over
the weights of mlx-lm's own model and computes the same logits, with these differences:

- It takes spans of any lengths (see decoder.py). Their tokens go through the layers side by side,
  without padding; attention takes them in runs (runs.py).
- Where it is to look, it returns the last layer's attention scores too. They are computed once and
  also used for that layer's attention, so the report costs nothing extra. What is not looked at
  leaves the last layer as soon as its keys and values are known.
- Matrices that are multiplied with the same vector are stored as one: query, key and value; gate
  and up. Fewer, larger products are faster, the more so where each is a kernel to launch. Queries
  and keys are normed, where they are, and rotated as one array too.
- Where weights are float32, the angles of the rotary embedding are computed once for all layers
  (cpu/rotation.py); on a CPU attention and SwiGLU are computed by powers of two (cpu/powers.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models import llama, qwen2, qwen3
from mlx_lm.models.rope_utils import DynamicNTKScalingRoPE

from mlx_entropix.cpu import powers
from mlx_entropix.cpu.rotation import angles, pairs_neighbours, side_by_side, turn
from mlx_entropix.model.cache import KVRows
from mlx_entropix.model.decoder import Looked, Span
from mlx_entropix.model.quantized import KVBits, Packed, QuantizedKVRows
from mlx_entropix.model.runs import Layout, Run, join_scores, lay_out

Source = llama.Model | qwen2.Model | qwen3.Model
"""The classes of mlx-lm that are run here, where all layers attend to all tokens."""

Stored = mx.array | Packed
"""All keys or all values (places, H_kv, …, D) of a layer's cache."""


def can_run(source: nn.Module) -> bool:
    """Whether a model of mlx-lm is one of these, and rotates tokens by their positions alone.

    Where the length of the text counts too, every row has wavelengths of its own.
    """
    if not isinstance(source, Source):
        return False
    return not isinstance(source.layers[0].self_attn.rope, DynamicNTKScalingRoPE)


class Attention(nn.Module):
    """Grouped-query attention with one projection for queries, keys and values."""

    def __init__(self, source: Any, layer: int, head_dim: int):
        super().__init__()
        self.layer = layer
        self.heads: int = source.n_heads
        self.kv_heads: int = source.n_kv_heads
        self.head_dim = head_dim
        self.scale = source.scale
        self.rope = source.rope
        self.qkv_proj = _fuse([source.pop(name) for name in ("q_proj", "k_proj", "v_proj")])
        self.o_proj = source.pop("o_proj")
        self.norms: mx.array | None = None  # of the rotated heads (H + H_kv, D)
        if "q_norm" in source:
            rows = [source.q_norm.weight] * self.heads + [source.k_norm.weight] * self.kv_heads
            self.norms, self.eps = mx.stack(rows), source.q_norm.eps
        weight = self.qkv_proj.get("weight")
        self.turns = weight is not None and weight.dtype == mx.float32
        self.by_powers = powers.are_faster(weight)
        if self.turns and not pairs_neighbours(self.rope):
            self._bring_pairs_together()

    def _bring_pairs_together(self) -> None:
        """Reorder each query and key head, both alike, which changes none of their products."""
        rotated, within = self.heads + self.kv_heads, side_by_side(self.head_dim)
        order = within + mx.arange(rotated)[:, None] * self.head_dim
        for name in ("weight", "bias"):
            if name in self.qkv_proj:
                rows = self.qkv_proj[name]
                turned = mx.take(rows, order.flatten(), axis=0)
                self.qkv_proj[name] = mx.concatenate([turned, rows[order.size :]])
        if self.norms is not None:
            self.norms = self.norms[:, within]

    def angles(self, positions: mx.array) -> mx.array:
        """What `__call__` turns queries and keys by, of tokens at `positions` (N,)."""
        return angles(self.rope, self.head_dim, positions) if self.turns else positions

    def __call__(
        self, x: mx.array, by: mx.array, layout: Layout, cache: KVRows
    ) -> tuple[mx.array, Stored, Stored]:
        """Queries (N, H, D) of x (N, hidden), and all keys and values (places, H_kv, …, D).

        Those of the N tokens have come to the cache.
        """
        qkv = self.qkv_proj(x).reshape(x.shape[0], -1, self.head_dim)
        rotated = self.heads + self.kv_heads  # queries and keys turn by the same angles
        qk, values = qkv[:, :rotated], qkv[:, rotated:]
        if self.norms is not None:
            qk = mx.fast.rms_norm(qk, None, self.eps) * self.norms
        qk = turn(qk, by) if self.turns else self.rope(qk[:, :, None], offset=by)[:, :, 0]
        whole = cache.write(self.layer, qk[:, self.heads :], values, layout.targets)
        return qk[:, : self.heads], *whole

    def attend(self, queries: mx.array, keys: Stored, values: Stored, run: Run) -> mx.array:
        """What the heads of one run see, side by side: (B · L, H · D)."""
        out: mx.array
        q, k, v = self._of(run, run.of(queries), keys, values)
        if isinstance(k, Packed) or isinstance(v, Packed):
            out = self._products(q, k, v, run.mask)[0]
        elif self.by_powers:
            out = powers.attend(q, k, v, self.scale, run.mask)
        else:
            mask = "causal" if run.is_causal else run.mask
            out = mx.fast.scaled_dot_product_attention(q, k, v, scale=self.scale, mask=mask)
        return run.real(out.transpose(0, 2, 1, 3).flatten(2).flatten(0, 1))

    def look(
        self, queries: mx.array, keys: Stored, values: Stored, run: Run
    ) -> tuple[mx.array, mx.array]:
        """The same for the positions that are looked at, and their scores (B · look, H, T).

        The scores are q·k/√d before the softmax, −inf at hidden keys.
        """
        B, look = run.size, run.look
        queries = run.of(queries).reshape(B, run.length, self.heads, -1)[:, -look:]
        q, k, v = self._of(run, queries.flatten(0, 1), keys, values)
        mask = None if run.mask is None else run.mask[:, :, -look:]
        out, scores = self._products(q, k, v, mask)
        return (
            run.real(out.transpose(0, 2, 1, 3).flatten(2).flatten(0, 1)),
            run.real(scores.transpose(0, 2, 1, 3).flatten(0, 1)),
        )

    def _products(
        self, q: mx.array, k: Stored, v: Stored, mask: mx.array | None
    ) -> tuple[mx.array, mx.array]:
        """Attention (B, H, L, D) of queries (B, H, L, D), and its scores (B, H, L, T)."""
        B, _, L, _ = q.shape
        # The query heads that share a KV head become the rows of one product.
        grouped = q.reshape(B, self.kv_heads, -1, self.head_dim) * self.scale
        scores = k.products(grouped) if isinstance(k, Packed) else grouped @ k.swapaxes(-1, -2)
        if mask is not None:
            hidden = scores.reshape(B, self.heads, L, -1)
            scores = mx.where(mask, hidden, -mx.inf).reshape(scores.shape)
        weights = mx.softmax(scores, axis=-1, precise=True)
        out = v.sums(weights) if isinstance(v, Packed) else weights @ v
        return out.reshape(B, self.heads, L, -1), scores.reshape(B, self.heads, L, -1)

    def _of(
        self, run: Run, queries: mx.array, keys: Stored, values: Stored
    ) -> tuple[mx.array, Stored, Stored]:
        """Queries (B, H, L, D) of (B · L, H, D); keys and values (B, H_kv, T, D) of a run."""
        q = queries.reshape(run.size, -1, self.heads, self.head_dim).transpose(0, 2, 1, 3)
        return q, self._part(run, keys), self._part(run, values)

    def _part(self, run: Run, stored: Stored) -> Stored:
        """Keys or values (B, H_kv, T, D) of a run.

        Packed ones are multiplied as they are by single tokens. For more it takes less time to
        widen them, of one layer and one run, as it does on a CPU.
        """
        part = stored[run.rows, :, : run.keys]
        if isinstance(part, Packed) and (self.by_powers or run.length > 1):
            return part.widened()
        return part


class MLP(nn.Module):
    """The gated feed-forward layer with one projection for gate and up."""

    def __init__(self, source: Any):
        super().__init__()
        self.gate_up_proj = _fuse([source.pop("gate_proj"), source.pop("up_proj")])
        self.down_proj = source.pop("down_proj")
        by_powers = powers.are_faster(self.down_proj.get("weight"))
        self.swiglu = powers.swiglu if by_powers else llama.swiglu

    def __call__(self, x: mx.array) -> mx.array:
        """(N, hidden) to (N, hidden)."""
        gate, up = mx.split(self.gate_up_proj(x), 2, axis=-1)
        return self.down_proj(self.swiglu(gate, up))


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self, source: Any, number: int, head_dim: int):
        super().__init__()
        self.self_attn = Attention(source.self_attn, number, head_dim)
        self.mlp = MLP(source.mlp)
        self.input_layernorm = source.input_layernorm
        self.post_attention_layernorm = source.post_attention_layernorm

    def __call__(self, h: mx.array, by: mx.array, layout: Layout, cache: KVRows) -> mx.array:
        """(N, hidden) to (N, hidden)."""
        known = self.self_attn(self.input_layernorm(h), by, layout, cache)
        return self._rest(h, [self.self_attn.attend(*known, run) for run in layout.runs])

    def look(
        self, h: mx.array, by: mx.array, layout: Layout, cache: KVRows
    ) -> tuple[mx.array, mx.array, mx.array | None] | None:
        """The same for a last layer: hidden states, scores and mask of what is looked at."""
        known = self.self_attn(self.input_layernorm(h), by, layout, cache)
        runs = [run for run in layout.runs if run.look]
        if not runs:
            return None
        heads, scores = zip(*(self.self_attn.look(*known, run) for run in runs), strict=True)
        if layout.looked < h.shape[0]:
            h = mx.concatenate([_looked(h[run.tokens], run) for run in runs])
        return self._rest(h, heads), *join_scores(scores, runs)

    def _rest(self, h: mx.array, heads: Sequence[mx.array]) -> mx.array:
        """What follows attention, of whose runs the heads' outputs are given."""
        attended = heads[0] if len(heads) == 1 else mx.concatenate(list(heads))
        h = h + self.self_attn.o_proj(attended)
        return h + self.mlp(self.post_attention_layernorm(h))


def _looked(h: mx.array, run: Run) -> mx.array:
    """The hidden states that are looked at, of those of a run's tokens (n, hidden)."""
    if run.padding:
        return h
    return h.reshape(run.size, run.length, -1)[:, -run.look :].flatten(0, 1)


class Llama(nn.Module):
    """The model, a `Decoder`. It takes the weights out of `source`, which is of no use afterwards.

    `context_length` is the most tokens that a row may hold, `vocabulary_size` the width of logits,
    `kv` how its caches pack keys and values, if they do.
    """

    def __init__(self, source: Source, name: str, context_length: int, kv: KVBits | None = None):
        super().__init__()
        self.name = name
        self.attends = True
        self.weights: Path | None = None
        self.kv = kv
        self.context_length = context_length
        args = source.args
        self.vocabulary_size = args.vocab_size
        own_size = getattr(args, "head_dim", None)  # Qwen 2 has none
        head_dim = own_size or args.hidden_size // args.num_attention_heads
        if kv is not None:
            kv.check(head_dim)
        self.embed_tokens = source.model.embed_tokens
        self.norm = source.model.norm
        self.lm_head = None if args.tie_word_embeddings else source.lm_head
        self.layers: list[Layer] = []
        while source.model.layers:
            # One at a time, so that only one layer is in memory twice.
            layer = Layer(source.model.layers.pop(0), len(self.layers), head_dim)
            mx.eval(layer.parameters())
            self.layers.append(layer)
        mx.eval(self.parameters())

    def empty_cache(self) -> KVRows:
        """A cache without rows."""
        layers = len(self.layers)
        return KVRows(layers) if self.kv is None else QuantizedKVRows(layers, self.kv)

    def promise(self, length: int, cache: KVRows) -> None:
        """Append that many tokens to the only row of a cache, without computing any of them."""
        self.forward(mx.zeros(length, mx.int32), [Span(0, length)], cache)

    def forward(self, tokens: mx.array, spans: Sequence[Span], cache: KVRows) -> Looked | None:
        """Append the tokens of `spans` to their rows, and look where that is asked for.

        `tokens` (N,) are those of all spans, one span after the other, rows in ascending order and
        none twice. Returns None where nothing is looked at.
        """
        layout = lay_out(spans, cache, pad=True)
        by = self.layers[0].self_attn.angles(mx.array(layout.positions))
        h = self.embed_tokens(tokens)
        for layer in self.layers[:-1]:
            h = layer(h, by, layout, cache)
        looked = self.layers[-1].look(h, by, layout, cache)
        for span in spans:
            cache.lengths[span.row] += span.length
        return None if looked is None else Looked(self.logits(looked[0]), *looked[1:])

    def logits(self, h: mx.array) -> mx.array:
        """Hidden states (…, hidden) of the last layer to logits (…, V)."""
        h = self.norm(h)
        return self.embed_tokens.as_linear(h) if self.lm_head is None else self.lm_head(h)


def _fuse(parts: Sequence[nn.Module]) -> nn.Module:
    """One linear layer whose output is the outputs of `parts` side by side.

    Layers that cannot be joined, such as ones quantized to different widths or with an adapter
    beside them, stay apart.
    """
    if any("weight" not in part for part in parts) or len({_format(part) for part in parts}) > 1:
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
