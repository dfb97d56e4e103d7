"""The fast decoder on Qwen 2 and 3, over the generic decoder and mlx-lm's own loop.

uv run python -m benchmarks.qwen

The models have random weights, and the sizes of published ones but for a quarter of their layers
and of their vocabulary: a step takes a quarter of the time, in the same shares.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.any import MLX_LM, milliseconds, milliseconds_of_mlx_lm, print_steps
from benchmarks.measure import alternate, print_machine

import mlx.core as mx  # isort: skip
import mlx.nn as nn
from mlx_lm.utils import get_total_parameters

from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.decoder import Decoder, Span
from mlx_entropix.model.llama import Llama
from mlx_entropix.model.load import decoder_of

TOKENS = 10
STEPS_OF_EACH = 4
ROUNDS = 3
PIECE = 32
PROMPT = [(7919 * i) % 30000 for i in range(24)]

QWEN = {
    "rms_norm_eps": 1e-6,
    "vocab_size": 151936 // 4,
    "max_position_embeddings": 32768,
    "rope_theta": 1e6,
    "tie_word_embeddings": True,
}
SIZES: dict[str, dict[str, Any]] = {
    "Qwen2.5 0.5B": QWEN
    | {
        "model_type": "qwen2",
        "hidden_size": 896,
        "num_hidden_layers": 24 // 4,
        "intermediate_size": 4864,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
    },
    "Qwen3 0.6B": QWEN
    | {
        "model_type": "qwen3",
        "hidden_size": 1024,
        "num_hidden_layers": 28 // 4,
        "intermediate_size": 3072,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
}

STEPS = {
    "8 rows": [Span(row, 1, 1) for row in range(8)],
    "8 rows and a piece of a prompt": [*[Span(r, 1, 1) for r in range(8)], Span(8, PIECE, 0)],
    "8 rows, every other with a draft of 4": [Span(r, *((1, 1), (5, 5))[r % 2]) for r in range(8)],
}


def random_source(config: dict[str, Any]) -> nn.Module:
    """mlx-lm's model of that size, in float32 on a CPU and in bfloat16 elsewhere."""
    module: Any = import_module(f"mlx_lm.models.{config['model_type']}")
    mx.random.seed(0)
    model: nn.Module = module.Model(module.ModelArgs.from_dict(config))
    if mx.default_device() != mx.cpu:
        model.set_dtype(mx.bfloat16)
    mx.eval(model.parameters())
    return model


def compare(name: str, config: dict[str, Any]) -> None:
    """Print what a step of a model of that size takes, by each of its decoders."""
    source = random_source(config)
    generic = AnyDecoder(source, name, 512)
    fast = decoder_of(random_source(config), name, config)
    assert isinstance(fast, Llama)
    print(f"{name}, a quarter: {get_total_parameters(source) / 1e6:.0f} million parameters\n")
    sides: dict[str, Callable[[], float]] = {
        MLX_LM: lambda: milliseconds_of_mlx_lm(source, PROMPT, TOKENS)
    }
    decoders: dict[str, Decoder] = {"generic decoder": generic, "fast decoder": fast}
    for label, model in decoders.items():
        sides[label] = partial(milliseconds, model, PROMPT, 1, TOKENS)
    for what, spans in STEPS.items():
        for label, model in decoders.items():
            sides[f"{label}, {what}"] = partial(repeated, model, spans)
    print_steps(alternate(sides, ROUNDS))


def repeated(model: Decoder, spans: Sequence[Span]) -> float:
    """The median milliseconds of a step of `spans`, which is taken back and repeated.

    Their rows begin in different columns.
    """
    cache = model.empty_cache()
    for _ in spans:
        cache.join(room=2 * len(PROMPT) + PIECE)
    lengths = [len(PROMPT) - 2 * row for row in range(len(spans))]
    known = [token for length in lengths for token in PROMPT[:length]]
    model.forward(mx.array(known), list(map(Span, range(len(spans)), lengths)), cache)
    mx.eval(cache.arrays())
    counts = [span.length for span in spans]
    tokens = mx.array((PROMPT * sum(counts))[: sum(counts)])
    times = []
    for _ in range(STEPS_OF_EACH):
        begin = time.perf_counter()
        looked = model.forward(tokens, spans, cache)
        assert looked is not None
        mx.eval(looked.logits, looked.scores, cache.arrays())
        times.append(1e3 * (time.perf_counter() - begin))
        cache.rewind(counts)
    return statistics.median(times)


def main() -> None:
    print_machine(f"medians of {ROUNDS} (range)")
    for name, config in SIZES.items():
        compare(name, config)


if __name__ == "__main__":
    main()
