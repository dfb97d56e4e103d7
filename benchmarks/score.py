"""Time and memory of scoring a text, against its prompt alone in equal chunks.

uv run python -m benchmarks.score [--tokens 8000]

The prompt is computed up to its first token, in the chunks in which a text is scored. Scoring looks
at every position: logits over the whole vocabulary, the six metrics, log-probability, rank,
quadrant. The sides take turns chunk by chunk, so that whoever else uses the machine slows both; the
beginning of the text is computed once unmeasured.
"""

import argparse
import time
from dataclasses import replace
from statistics import median

from benchmarks.measure import print_machine, print_table
from benchmarks.sides import ours

import mlx.core as mx  # isort: skip

from mlx_entropix.engine import Engine, Request
from mlx_entropix.engine.engine import MOST_SCORED
from mlx_entropix.sampling import PRESETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=8000)
    options = parser.parse_args()
    print_machine(f"sums over chunks of {MOST_SCORED} tokens; ratio of each pair of chunks: median")
    model, tokenizer = ours()
    text = "The keeper climbed the stairs and lit the lamp, as on every evening. " * 1000
    prompt = tuple(tokenizer.encode(text)[: options.tokens])
    config = PRESETS["entropix"]
    requests = {
        "prompt alone": Request(prompt, config, 1),
        "scored": Request(prompt, config, 0, scores_prompt=True),
    }
    for request in requests.values():
        warm = Engine(model, tokenizer, max_rows=1, prefill_chunk=MOST_SCORED)
        warm.add(replace(request, prompt=prompt[: 2 * MOST_SCORED]))
        while not warm.idle:
            warm.step()
    engines = {
        name: Engine(model, tokenizer, max_rows=1, prefill_chunk=MOST_SCORED) for name in requests
    }
    for name, engine in engines.items():
        engine.add(requests[name])
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    made: dict[str, list[float]] = {name: [] for name in engines}
    while not all(engine.idle for engine in engines.values()):
        for name, engine in engines.items():
            if engine.idle:
                continue
            mx.clear_cache()
            mx.reset_peak_memory()
            held = mx.get_active_memory()
            begin = time.perf_counter()
            engine.step()
            mx.synchronize()
            seconds[name].append(time.perf_counter() - begin)
            made[name].append((mx.get_peak_memory() - held) / 1e6)
    alone = seconds["prompt alone"]
    print_table(
        [f"{len(prompt):,} tokens", "seconds", "ratio", "by chunks", "MB made on the way, at most"],
        [
            [
                name,
                f"{sum(values):.1f}",
                f"{sum(values) / sum(alone):.2f}",
                f"{median(one / other for one, other in zip(values, alone, strict=False)):.2f}",
                f"{max(made[name]):.0f}",
            ]
            for name, values in seconds.items()
        ],
    )


if __name__ == "__main__":
    main()
