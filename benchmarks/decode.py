"""Tokens a second of one row: our engine with a full sampler over mlx-lm's temperature sampling.

uv run python -m benchmarks.decode

Without guesses ahead, as mlx-lm has none, and with them, which an answer that repeats nothing must
not pay for.
"""

import time
from collections.abc import Callable, Iterable
from itertools import count

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import ours, theirs

from mlx_lm import stream_generate as mlx_lm_stream  # isort: skip
from mlx_lm.sample_utils import make_sampler  # isort: skip

from mlx_entropix import PRESETS, PlainConfig, SamplerConfig
from mlx_entropix.choices import MOST_DRAFTED
from mlx_entropix.engine import stream_generate
from mlx_entropix.sampling.auto import auto_sampler

TOKENS = 128
PROMPT = "Write a long letter from a lighthouse keeper to a friend in the city."


def rate(events: Iterable[object]) -> float:
    """Tokens a second between the first token and the last."""
    times = [time.perf_counter() for _ in events]
    assert len(times) == TOKENS, f"{len(times)} tokens"
    return (len(times) - 1) / (times[-1] - times[0])


def main() -> None:
    print_machine()
    model, tokenizer = ours()
    reference, wrapped = theirs(tokenizer)
    prompt = tokenizer.chat([{"role": "user", "content": PROMPT}])
    seeds = count()
    auto = auto_sampler(model.name).config
    configs: dict[str, SamplerConfig | PlainConfig] = {**PRESETS, "auto": auto}
    configs["normal"] = PlainConfig()

    def entropix(name: str, speculate: int = 0) -> Callable[[], float]:
        return lambda: rate(
            stream_generate(
                model,
                tokenizer,
                prompt,
                config=configs[name],
                max_tokens=TOKENS,
                seed=next(seeds),
                speculate=speculate,
            )
        )

    def mlx_lm() -> float:
        sampler = make_sampler(temp=0.666)
        return rate(mlx_lm_stream(reference, wrapped, prompt, max_tokens=TOKENS, sampler=sampler))

    numbers = alternate(
        {
            "mlx-lm, temperature": mlx_lm,
            "ours, auto": entropix("auto"),
            "ours, entropix": entropix("entropix"),
            "ours, frog": entropix("frog"),
            "ours, --normal": entropix("normal"),
            "ours, auto, guessing ahead": entropix("auto", MOST_DRAFTED),
            "ours, entropix, guessing ahead": entropix("entropix", MOST_DRAFTED),
            "ours, --normal, guessing ahead": entropix("normal", MOST_DRAFTED),
        }
    )
    baseline = numbers["mlx-lm, temperature"]
    print_table(
        ["decode, 1 row, 128 tokens", "tokens/s", "ratio"],
        [
            [name, median_and_range(values), f"{ratio_of_medians(values, baseline):.2f}"]
            for name, values in numbers.items()
        ],
    )


if __name__ == "__main__":
    main()
