"""Time and memory of scoring a text, against its prompt alone in equal chunks.

uv run python -m benchmarks.score [--tokens 8000] [--rounds 1]

The prompt is computed up to its first token, in the chunks in which a text is scored. Scoring looks
at every position: logits over the whole vocabulary, the six metrics, log-probability, rank,
quadrant. Both sides run once unmeasured over the beginning of the text.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import ours

import mlx.core as mx  # isort: skip

from mlx_entropix.engine import Engine, Request
from mlx_entropix.engine.engine import MOST_SCORED
from mlx_entropix.sampling import PRESETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    print_machine(f"medians of {options.rounds} (range), chunks of {MOST_SCORED} tokens")
    model, tokenizer = ours()
    text = "The keeper climbed the stairs and lit the lamp, as on every evening. " * 1000
    prompt = tuple(tokenizer.encode(text)[: options.tokens])
    peaks: dict[str, list[float]] = {}
    warm: set[str] = set()

    def measured(name: str, request: Request) -> Callable[[], float]:
        def run() -> float:
            mx.clear_cache()
            mx.reset_peak_memory()
            engine = Engine(model, tokenizer, max_rows=1, prefill_chunk=MOST_SCORED)
            begin = time.perf_counter()
            if name in warm:
                engine.add(request)
            else:  # the round that `alternate` does not count
                engine.add(replace(request, prompt=request.prompt[: 2 * MOST_SCORED]))
                warm.add(name)
            while not engine.idle:
                engine.step()
            took = time.perf_counter() - begin
            peaks.setdefault(name, []).append(mx.get_peak_memory() / 1e9)
            return took

        return run

    config = PRESETS["entropix"]
    requests = {
        "prompt alone": Request(prompt, config, 1),
        "scored": Request(prompt, config, 0, scores_prompt=True),
    }
    numbers = alternate(
        {name: measured(name, request) for name, request in requests.items()}, options.rounds
    )
    print_table(
        [f"{len(prompt):,} tokens", "seconds", "ratio", "peak memory, GB"],
        [
            [
                name,
                median_and_range(values, 1),
                f"{ratio_of_medians(values, numbers['prompt alone']):.2f}",
                median_and_range(peaks[name][1:], 2),
            ]
            for name, values in numbers.items()
        ],
    )


if __name__ == "__main__":
    main()
