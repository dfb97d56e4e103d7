"""Tokens a second of all rows together, for more and more rows.

uv run python -m benchmarks.rows
"""

from collections.abc import Callable
from itertools import count

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import ours, tokens_a_second
from mlx_entropix import PRESETS
from mlx_entropix.engine import Engine, Request

TOKENS = 64
PROMPT = "Write a long letter from a lighthouse keeper to a friend in the city."


def main() -> None:
    print_machine()
    model, tokenizer = ours()
    prompt = tuple(tokenizer.chat([{"role": "user", "content": PROMPT}]))
    seeds = count()

    def rows(number: int) -> Callable[[], float]:
        def run() -> float:
            engine = Engine(model, tokenizer, max_rows=number)
            for _ in range(number):
                engine.add(Request(prompt, PRESETS["entropix"], TOKENS, seed=next(seeds)))
            return tokens_a_second(engine, number)

        return run

    numbers = alternate({str(number): rows(number) for number in (1, 2, 4, 8, 16)})
    print_table(
        ["rows", "tokens/s, all rows", "over one row"],
        [
            [name, median_and_range(values), f"{ratio_of_medians(values, numbers['1']):.2f}"]
            for name, values in numbers.items()
        ],
    )


if __name__ == "__main__":
    main()
