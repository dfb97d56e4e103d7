"""Where the time of a decode step goes: each part alone, for all layers, on one row.

uv run python -m benchmarks.parts
"""

import statistics
import time
from collections.abc import Callable

import mlx_entropix  # noqa: F401

import mlx.core as mx  # isort: skip
from mlx_lm.models.llama import swiglu

from benchmarks.measure import print_machine, print_table
from benchmarks.sides import ours
from mlx_entropix import PRESETS
from mlx_entropix.model.decoder import Span
from mlx_entropix.sampling import parameter_rows, sample_rows

KEYS = 200  # tokens in the cache
RUNS = 40


def milliseconds(run: Callable[[], object]) -> float:
    """The median time of a run."""
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        mx.eval(run())
        times.append(time.perf_counter() - begin)
    return statistics.median(times[5:]) * 1e3


def main() -> None:
    print_machine(f"medians of {RUNS}")
    model, _ = ours()
    layers = model.layers
    attention, mlp = layers[0].self_attn, layers[0].mlp
    heads, size = attention.heads + attention.kv_heads, attention.head_dim
    hidden = mx.random.normal((1, model.norm.weight.size))
    inner = mx.random.normal((1, mlp.down_proj.weight.shape[1]))
    mixed = mx.random.normal((1, attention.heads * size))
    qk = mx.random.normal((1, heads, 1, size))
    keys = mx.random.normal((1, attention.kv_heads, KEYS, size))
    cache = model.empty_cache()
    cache.join()
    model.forward(mx.arange(KEYS), [Span(0, KEYS)], cache)
    logits = mx.random.normal((1, model.vocabulary_size)) * 3
    scores = mx.random.normal((1, attention.heads, KEYS))
    row, key = parameter_rows([PRESETS["entropix"]], 0), mx.array([[1, 2]], dtype=mx.uint32)
    mx.eval(hidden, inner, mixed, qk, keys, logits, scores, row, cache.arrays())

    def attend() -> list[mx.array]:
        queries = qk[:, : attention.heads]
        attended = mx.fast.scaled_dot_product_attention
        return [attended(queries, keys, keys, scale=0.1) for _ in layers]

    def step() -> object:
        looked = model.forward(mx.array([7]), [Span(0, 1, 1)], cache)
        cache.rewind([1])
        return looked.logits if looked else None

    def sampler() -> object:
        token = mx.array([3])
        return sample_rows(logits, scores, None, token, row, key, candidates=128, draws=5)

    parts: dict[str, Callable[[], object]] = {
        "products: query, key, value": lambda: [x.self_attn.qkv_proj(hidden) for x in layers],
        "products: attention output": lambda: [x.self_attn.o_proj(mixed) for x in layers],
        "products: gate, up": lambda: [x.mlp.gate_up_proj(hidden) for x in layers],
        "products: down": lambda: [x.mlp.down_proj(inner) for x in layers],
        "products: logits": lambda: model.logits(hidden),
        "attention": attend,
        "rotary embedding": lambda: [x.self_attn.rope(qk, offset=KEYS) for x in layers],
        "norms": lambda: [x.input_layernorm(hidden) for x in layers for _ in range(2)],
        "SwiGLU": lambda: [swiglu(inner, inner) for _ in layers],
        "sampler": sampler,
    }
    times = {name: milliseconds(run) for name, run in parts.items()}
    times["all of these"] = sum(times.values())
    times["a whole step of the model"] = milliseconds(step)
    print_table(["part of a step", "ms"], [[name, f"{value:.1f}"] for name, value in times.items()])


if __name__ == "__main__":
    main()
