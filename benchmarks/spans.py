"""What spans cost: positions of one row against as many rows; a rewind; a copy of a row.

uv run python -m benchmarks.spans
"""

import time
from collections.abc import Callable

import mlx_entropix  # noqa: F401

import mlx.core as mx  # isort: skip

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import ours
from mlx_entropix.model.cache import KVRows
from mlx_entropix.model.decoder import Span
from mlx_entropix.model.llama import Llama

KEYS = 200  # tokens of a row where positions are compared with rows
LONG = 2000  # tokens of a row that is rewound or copied
STEPS = 12


def filled(model: Llama, rows: int, tokens: int) -> KVRows:
    """A cache of equal rows."""
    cache = model.empty_cache()
    cache.join(room=tokens + 64)
    model.forward(mx.arange(tokens) + 100, [Span(0, tokens)], cache)
    cache.select([0] * rows)
    mx.eval(cache.arrays())
    return cache


def stepping(model: Llama, rows: int, look: int, tokens: int = KEYS) -> Callable[[], float]:
    """Milliseconds of a step of so many rows with so many looked-at positions each."""
    cache = filled(model, rows, tokens)
    spans = [Span(row, look, look) for row in range(rows)]
    given = mx.arange(rows * look) + 500

    def run() -> float:
        begin = time.perf_counter()
        for _ in range(STEPS):
            looked = model.forward(given, spans, cache)
            assert looked is not None
            mx.eval(looked.logits, looked.scores)
            cache.rewind([look] * rows)
        return (time.perf_counter() - begin) * 1e3 / STEPS

    return run


def rewinding(model: Llama) -> Callable[[], float]:
    """Milliseconds by which a step gets longer where one of eight rows is rewound before it."""
    cache = filled(model, 8, LONG)
    spans = [Span(row, 1, 1) for row in range(8)]
    given = mx.arange(8) + 500

    def run() -> float:
        took = 0.0
        for _ in range(STEPS):
            begin = time.perf_counter()
            cache.rewind([0, 0, 0, 5, 0, 0, 0, 0])
            mx.eval(cache.arrays())
            took += time.perf_counter() - begin
            looked = model.forward(given, spans, cache)
            assert looked is not None
            mx.eval(looked.logits, looked.scores)
        return took * 1e3 / STEPS

    return run


def copying(model: Llama) -> Callable[[], float]:
    """Milliseconds of copying one of seven rows, and of dropping the copy."""
    cache = filled(model, 8, LONG)
    cache.select(list(range(7)))

    def run() -> float:
        begin = time.perf_counter()
        for _ in range(STEPS):
            cache.select([*range(7), 3])
            mx.eval(cache.arrays())
            cache.select(list(range(7)))
        return (time.perf_counter() - begin) * 1e3 / STEPS

    return run


def main() -> None:
    print_machine()
    model, _ = ours()
    for count in (1, 2, 4, 8):
        numbers = alternate(
            {"rows": stepping(model, count, 1), "positions of one row": stepping(model, 1, count)}
        )
        print_table(
            [f"{count} looked at", "ms a step", "ratio"],
            [
                [name, median_and_range(values), f"{ratio_of_medians(values, numbers['rows']):.2f}"]
                for name, values in numbers.items()
            ],
        )
    numbers = alternate(
        {
            f"a step of 8 rows of {LONG:,} tokens": stepping(model, 8, 1, LONG),
            "rewinding one of them": rewinding(model),
            "copying one of them": copying(model),
        }
    )
    step = next(iter(numbers.values()))
    print_table(
        ["operation", "ms", "of a step"],
        [
            [name, median_and_range(values, 2), f"{ratio_of_medians(values, step):.3f}"]
            for name, values in numbers.items()
        ],
    )


if __name__ == "__main__":
    main()
