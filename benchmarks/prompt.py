"""Time and memory of a prompt of 2,000 tokens, up to its first token.

uv run python -m benchmarks.prompt
"""

import time
from collections.abc import Callable, Iterable

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import ours, theirs

import mlx.core as mx  # isort: skip
from mlx_lm import stream_generate as mlx_lm_stream  # isort: skip
from mlx_lm.sample_utils import make_sampler  # isort: skip

from mlx_entropix.engine import stream_generate

LENGTH = 2000


def main() -> None:
    print_machine()
    model, tokenizer = ours()
    reference, wrapped = theirs(tokenizer)
    weights = mx.get_active_memory() / 2  # both models are loaded; each side needs its own
    text = "The keeper climbed the stairs and lit the lamp, as on every evening. " * 200
    prompt = tokenizer.encode(text)[:LENGTH]
    peaks: dict[str, list[float]] = {"mlx-lm": [], "ours": []}

    def measured(name: str, start: Callable[[], Iterable[object]]) -> Callable[[], float]:
        def run() -> float:
            mx.clear_cache()
            before = mx.get_active_memory()
            mx.reset_peak_memory()
            begin = time.perf_counter()
            for _ in start():
                break
            took = time.perf_counter() - begin
            peaks[name].append((weights + mx.get_peak_memory() - before) / 1e9)
            return took

        return run

    sampler = make_sampler(temp=0.666)
    numbers = alternate(
        {
            "mlx-lm": measured(
                "mlx-lm",
                lambda: mlx_lm_stream(reference, wrapped, prompt, max_tokens=2, sampler=sampler),
            ),
            "ours": measured("ours", lambda: stream_generate(model, tokenizer, prompt)),
        }
    )
    print_table(
        ["prompt of 2,000 tokens", "seconds", "ratio", "peak memory, GB", "ratio"],
        [
            [
                name,
                median_and_range(values, 2),
                f"{ratio_of_medians(values, numbers['mlx-lm']):.2f}",
                median_and_range(peaks[name][1:], 2),
                f"{ratio_of_medians(peaks[name][1:], peaks['mlx-lm'][1:]):.2f}",
            ]
            for name, values in numbers.items()
        ],
    )


if __name__ == "__main__":
    main()
