"""The generic decoder on a Llama, over mlx-lm's own loop on the same weights, and over itself.

uv run python -m benchmarks.any
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import ours, theirs

import mlx.core as mx  # isort: skip
import mlx.nn as nn  # isort: skip
from mlx_lm.generate import generate_step  # isort: skip

from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.decoder import Decoder, Span

TOKENS = 32
ROWS = 8
MLX_LM = "mlx-lm, its own loop, greedy"
PROMPT = "Write a long letter from a lighthouse keeper to a friend in the city."


def main() -> None:
    print_machine()
    llama, tokenizer = ours()
    reference, _ = theirs(tokenizer)
    source, _ = theirs(tokenizer)
    generic = AnyDecoder(source, llama.name, llama.context_length)
    prompt = tokenizer.chat([{"role": "user", "content": PROMPT}])
    call = cast(int, generic.heard_call)

    def decode(model: Decoder, rows: int, *, hears: bool = True) -> Callable[[], float]:
        def side() -> float:
            if isinstance(model, AnyDecoder):
                model.heard_call = call if hears else None
            return milliseconds(model, prompt, rows)

        return side

    numbers = alternate(
        {
            MLX_LM: lambda: milliseconds_of_mlx_lm(reference, prompt),
            "generic decoder": decode(generic, 1),
            "generic decoder, not heard": decode(generic, 1, hears=False),
            "fast decoder": decode(llama, 1),
            f"generic decoder, {ROWS} rows": decode(generic, ROWS),
            f"fast decoder, {ROWS} rows": decode(llama, ROWS),
        }
    )
    print_steps(numbers)
    one, many = numbers["generic decoder"], numbers[f"generic decoder, {ROWS} rows"]
    print(f"{ROWS} rows give {ROWS * ratio_of_medians(one, many):.2f} × the tokens of one.")
    tap = ratio_of_medians(one, numbers["generic decoder, not heard"]) - 1
    print(f"To be heard costs {tap:.1%} of a step.")


def print_steps(numbers: Mapping[str, Sequence[float]]) -> None:
    """A table of the milliseconds of steps, and their ratio to mlx-lm's."""
    print_table(
        ["one step", "ms", "ratio"],
        [
            [name, median_and_range(values, 2), f"{ratio_of_medians(values, numbers[MLX_LM]):.2f}"]
            for name, values in numbers.items()
        ],
    )


def milliseconds_of_mlx_lm(source: nn.Module, prompt: list[int], max_tokens: int = TOKENS) -> float:
    """A step of mlx-lm's own loop, the likeliest tokens taken."""
    tokens = generate_step(mx.array(prompt), source, max_tokens=max_tokens)
    times = [time.perf_counter() for _ in tokens]
    return 1e3 * (times[-1] - times[0]) / (len(times) - 1)


def milliseconds(model: Decoder, prompt: list[int], rows: int, max_tokens: int = TOKENS) -> float:
    """A step of `rows` rows with equal prompts of different lengths, the likeliest tokens taken.

    As in mlx-lm's loop, a step is queued before the one before it is read.
    """
    cache = model.empty_cache()
    lengths = [len(prompt) - 2 * row for row in range(rows)]
    for _ in range(rows):
        cache.join(room=len(prompt) + max_tokens)
    tokens = [token for length in lengths for token in prompt[:length]]
    model.forward(mx.array(tokens), list(map(Span, range(rows), lengths)), cache)
    mx.eval(cache.arrays())
    spans = [Span(row, 1, 1) for row in range(rows)]
    last = mx.array([prompt[-1]] * rows)
    times = []
    for _ in range(max_tokens):
        before = last
        looked = model.forward(before, spans, cache)
        assert looked is not None
        last = mx.argmax(looked.logits, axis=-1)
        mx.async_eval(last, *([] if looked.scores is None else [looked.scores]))
        mx.eval(before)
        times.append(time.perf_counter())
    mx.eval(last)
    return 1e3 * (times[-1] - times[1]) / (len(times) - 2)


if __name__ == "__main__":
    main()
