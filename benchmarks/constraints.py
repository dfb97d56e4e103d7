"""Tokens a second of 8 rows, of which half have a form, a bias, penalties or all, against none.

uv run python -m benchmarks.constraints
"""

from collections.abc import Callable
from itertools import count
from typing import Any

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
from mlx_entropix.text import json_schema

ROWS = 8
TOKENS = 32
PROMPT = "List the fifty largest cities of the world as JSON."
# More than there are tokens for: no answer ends.
CITIES = json_schema(
    {
        "type": "array",
        "minItems": 50,
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "country": {"type": "string"},
                "population": {"type": "integer"},
                "coast": {"type": "boolean"},
            },
            "required": ["name", "country", "population", "coast"],
            "additionalProperties": False,
        },
    }
)
PLAIN = PRESETS["entropix"]
PENALIZED = PLAIN.override({"repetition_penalty": 1.1, "frequency_penalty": 0.2})
BIAS = tuple((token_id, 1.0) for token_id in range(1000, 1032))
SIDES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a JSON Schema": {"constraint": CITIES},
    "a bias for 32 tokens": {"logit_bias": BIAS},
    "penalties": {"config": PENALIZED},
    "all three": {"constraint": CITIES, "logit_bias": BIAS, "config": PENALIZED},
}


def main() -> None:
    print_machine()
    model, tokenizer = ours()
    tokenizer.matcher(CITIES)
    prompt = tuple(tokenizer.chat([{"role": "user", "content": PROMPT}]))
    seeds = count()

    def side(changes: dict[str, Any]) -> Callable[[], float]:
        def run() -> float:
            engine = Engine(model, tokenizer, max_rows=ROWS)
            for i in range(ROWS):
                asked = {"config": PLAIN, **(changes if i % 2 else {})}
                engine.add(Request(prompt, max_tokens=TOKENS, seed=next(seeds), **asked))
            return tokens_a_second(engine, ROWS)

        return run

    numbers = alternate({name: side(changes) for name, changes in SIDES.items()})
    print_table(
        [f"half of {ROWS} rows with", "tokens/s, all rows", "over nothing"],
        [
            [name, median_and_range(values), f"{ratio_of_medians(values, numbers['nothing']):.2f}"]
            for name, values in numbers.items()
        ],
    )


if __name__ == "__main__":
    main()
