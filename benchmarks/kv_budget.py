"""How many tokens the free memory has room for, and what rows that fill a budget really take.

uv run python -m benchmarks.kv_budget
"""

import mlx_entropix  # noqa: F401

import mlx.core as mx  # isort: skip
from mlx_lm.models.llama import Model, ModelArgs

from benchmarks.measure import print_machine, print_table
from benchmarks.sides import ours
from mlx_entropix.engine import Engine, Request
from mlx_entropix.engine.kv_budget import SHARE, cache_bytes, tokens_within
from mlx_entropix.model.llama import Llama
from mlx_entropix.model.quantized import KVBits
from mlx_entropix.sampling import PlainConfig

FREE_GB = (4, 8, 16)
PAST = 256 * 1024 * 1024  # of --prefix_cache_mb
# What counts for a token's bytes of Llama 3.2 1B. The rest is small, and its numbers are random.
LLAMA = {
    "model_type": "llama",
    "hidden_size": 2048,
    "num_hidden_layers": 16,
    "intermediate_size": 64,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-5,
    "vocab_size": 64,
}
GIVEN = 600_000_000  # bytes of free memory that the measured rows have
PROMPTS = (200, 600, 1200)  # tokens


def main() -> None:
    print_machine("bytes are counted, and peaks are the allocator's")
    model, tokenizer = ours()
    rows: list[list[str]] = []
    llama = Model(ModelArgs.from_dict(LLAMA))
    llama.set_dtype(mx.bfloat16)
    shaped = Llama(llama, "Llama 3.2 1B", 131072)
    for name, one in (("SmolLM2 135M, float32", model), ("Llama 3.2 1B, 16 bits", shaped)):
        for kv in (None, KVBits(8, 64)):
            one.kv = kv
            _, token = cache_bytes(one)
            fitting = [f"{tokens_within(SHARE * gb * 1e9 - PAST, token):,}" for gb in FREE_GB]
            packed = "" if kv is None else ", `--kv_bits 8`"
            rows.append([name + packed, f"{token / 1e3:.1f}", *fitting])
    print_table(["", "kB a token", *(f"tokens in {gb} GB" for gb in FREE_GB)], rows)
    del shaped, llama
    mx.clear_cache()

    model.kv = None
    weights = mx.get_active_memory()
    budget = tokens_within(SHARE * GIVEN, cache_bytes(model)[1])
    rows = []
    for length in PROMPTS:
        engine = Engine(model, tokenizer, max_rows=64, max_kv_tokens=budget)
        for i in range(64):
            engine.add(Request((i, *range(length)), PlainConfig(), max_tokens=4))
        mx.reset_peak_memory()
        most = held = kept = 0
        while not any(row.generated for row in engine.rows):
            engine.step()
            most = max(most, len(engine.rows))
            held = max(held, sum(array.nbytes for array in engine._cache.arrays()))
            kept = max(kept, mx.get_active_memory() + mx.get_cache_memory() - weights)
        peak = mx.get_peak_memory() - weights
        rows.append([str(length), str(most), *(f"{n / 1e6:.0f}" for n in (held, peak, kept))])
        del engine
        mx.clear_cache()
    head = [
        "tokens of each prompt",
        "rows at once",
        "MB in caches",
        "MB at most, with all else",
        "MB with freed arrays",
    ]
    print(f"A budget of {budget:,} tokens, of {GIVEN / 1e6:.0f} MB:\n")
    print_table(head, rows)


if __name__ == "__main__":
    main()
