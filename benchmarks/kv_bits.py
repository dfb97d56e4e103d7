"""What a KV cache of few bits saves, what a step costs with it, and how far it leads astray.

uv run python -m benchmarks.kv_bits
"""

import time
from collections.abc import Callable
from pathlib import Path

import mlx_entropix  # noqa: F401

import mlx.core as mx  # isort: skip

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import ours
from mlx_entropix.model.decoder import Span
from mlx_entropix.model.llama import Llama
from mlx_entropix.model.quantized import KVBits

TEXT = Path(__file__).parents[1] / "docs" / "forks.md"
KEYS = 1000  # tokens in the cache
STEPS = 4
SCORED = 128  # tokens whose logits are looked at in a span
SIDES = {"as they are": None, **{f"{bits} bits": KVBits(bits, 64) for bits in (8, 4, 2)}}


def stepping(model: Llama, kv: KVBits | None, tokens: mx.array) -> Callable[[], float]:
    """Milliseconds of a step of one row."""
    model.kv = kv
    cache = model.empty_cache()
    cache.join(room=KEYS + 64)
    model.forward(tokens[:KEYS], [Span(0, KEYS)], cache)
    mx.eval(cache.arrays())

    def run() -> float:
        begin = time.perf_counter()
        for _ in range(STEPS):
            looked = model.forward(tokens[-1:], [Span(0, 1, 1)], cache)
            assert looked is not None
            mx.eval(looked.logits, looked.scores)
            cache.rewind([1])
        return (time.perf_counter() - begin) * 1e3 / STEPS

    return run


def log_probabilities(model: Llama, kv: KVBits | None, tokens: mx.array) -> mx.array:
    """Those (N, V) of the tokens that follow each of a text's tokens."""
    model.kv = kv
    cache = model.empty_cache()
    cache.join()
    parts = []
    for begin in range(0, tokens.size, SCORED):
        span = tokens[begin : begin + SCORED]
        looked = model.forward(span, [Span(0, span.size, span.size)], cache)
        assert looked is not None
        parts.append(looked.logits - mx.logsumexp(looked.logits, axis=-1, keepdims=True))
        mx.eval(parts)
    return mx.concatenate(parts)


def bytes_a_token(model: Llama, kv: KVBits | None) -> int:
    """Of all layers together."""
    model.kv = kv
    cache = model.empty_cache()
    cache.join()
    model.forward(mx.array([5, 6]), [Span(0, 2)], cache)
    return sum(layer.nbytes for layer in cache.extract(0)) // 2


def main() -> None:
    print_machine()
    model, tokenizer = ours()
    text = tokenizer.encode(TEXT.read_text("utf-8"))
    tokens = mx.array((text * (1 + KEYS // len(text)))[: KEYS + 1])
    times = alternate({name: stepping(model, kv, tokens) for name, kv in SIDES.items()})
    scored = mx.array(text[: 4 * SCORED])
    exact = log_probabilities(model, None, scored)
    plain = bytes_a_token(model, None)
    rows = []
    for name, kv in SIDES.items():
        size = bytes_a_token(model, kv)
        found = log_probabilities(model, kv, scored)
        same = (found.argmax(-1) == exact.argmax(-1)).astype(mx.float32).mean().item()
        astray = (mx.exp(exact) * (exact - found)).sum(-1).mean().item()
        rows.append(
            [
                name,
                f"{size:,}",
                f"{size / plain:.2f}",
                f"{size * KEYS / 1e6:.1f}",
                median_and_range(times[name]),
                f"{ratio_of_medians(times[name], times['as they are']):.2f}",
                f"{100 * same:.1f}",
                f"{astray / 0.6931:.3f}",
            ]
        )
    head = ["keys and values", "bytes a token", "ratio", f"MB, {KEYS:,} tokens"]
    head += [f"ms a step at {KEYS:,}", "ratio", "same likeliest token, %", "KL, bits a token"]
    print_table(head, rows)


if __name__ == "__main__":
    main()
