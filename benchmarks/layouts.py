"""Two layouts of a batch's keys and values: ours, and mlx-lm's `BatchKVCache`.

uv run python -m benchmarks.layouts

Ours keeps every row from the left, in a place of its own; mlx-lm's aligns rows on the right behind
padding. The size is that of the bundled model: 30 layers of 3 heads of 64 numbers.
"""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache

import mlx_entropix  # noqa: F401

import mlx.core as mx  # isort: skip
from mlx_lm.models.cache import BatchKVCache, KVCache, dynamic_roll

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from mlx_entropix.model.cache import KVRows
from mlx_entropix.model.decoder import Span
from mlx_entropix.model.runs import lay_out

LAYERS, HEADS, SIZE = 30, 3, 64
LENGTHS = [1000 - 20 * row for row in range(8)]

NEW = mx.random.normal((8, HEADS, SIZE))

Side = tuple[Callable[[], object], Callable[[object], object]]
"""Makes what an operation works on, and does it; what it returns is evaluated."""


@lru_cache
def one_row(length: int) -> list[KVCache]:
    """A row as `extract` gives it."""
    layers = []
    for _ in range(LAYERS):
        layer = KVCache()
        layer.update_and_fetch(*mx.zeros((2, 1, HEADS, length, SIZE)))
        layers.append(layer)
    mx.eval([layer.state for layer in layers])
    return layers


def left(lengths: Sequence[int]) -> KVRows:
    """Ours."""
    rows = KVRows(LAYERS)
    for length in lengths:
        rows.join(one_row(length), room=1100)
    mx.eval(rows.arrays())
    return rows


def right(lengths: Sequence[int]) -> list[BatchKVCache]:
    """mlx-lm's."""
    rows = [one_row(length) for length in lengths]
    caches = [BatchKVCache.merge([row[layer] for row in rows]) for layer in range(LAYERS)]
    for layer in caches:  # so that there is room, as there is in the midst of a run
        layer.update_and_fetch(NEW[: len(lengths), :, None], NEW[: len(lengths), :, None])
    mx.eval(held(caches))
    return caches


def held(caches: Sequence[BatchKVCache]) -> list[object]:
    return [cache.state for cache in caches]


def append_left(cache: KVRows) -> object:
    layout = lay_out([Span(row, 1, 1) for row in range(8)], cache)
    for layer in range(LAYERS):
        cache.write(layer, NEW, NEW, layout.targets)
    return cache.arrays()


def append_right(caches: list[BatchKVCache]) -> object:
    for cache in caches:
        cache.update_and_fetch(NEW[:, :, None], NEW[:, :, None])
    return held(caches)


def join_left(cache: KVRows, row: list[KVCache]) -> object:
    cache.join(row)
    return cache.arrays()


def join_right(caches: list[BatchKVCache], row: list[KVCache]) -> object:
    for cache, layer in zip(caches, row, strict=True):
        cache.extend(BatchKVCache.merge([layer]))
    return held(caches)


def leave_left(cache: KVRows) -> object:
    cache.select([0, 1, 7, 3, 4, 5, 6])  # the last takes the place of the third
    return cache.arrays()


def leave_right(caches: list[BatchKVCache]) -> object:
    for cache in caches:
        cache.filter(mx.array([0, 1, 3, 4, 5, 6, 7]))
    return held(caches)


COUNTS = [3, 0, 1, 4, 0, 2, 0, 1]


def rewind_left(cache: KVRows) -> object:
    cache.rewind(COUNTS)
    return cache.arrays()


def rewind_right(caches: list[BatchKVCache]) -> object:
    counts = mx.array(COUNTS)
    for cache in caches:  # as its own `finalize` does
        cache.keys = dynamic_roll(cache.keys, counts[:, None], axis=2)
        cache.values = dynamic_roll(cache.values, counts[:, None], axis=2)
        cache.offset -= counts
        cache.left_padding += counts
    return held(caches)


def timed(side: Side) -> Callable[[], float]:
    """Milliseconds that the operation takes."""
    make, act = side

    def run() -> float:
        made = make()
        begin = time.perf_counter()
        mx.eval(act(made))
        return (time.perf_counter() - begin) * 1e3

    return run


def main() -> None:
    print_machine()
    row = one_row(900)
    operations: dict[str, dict[str, Side]] = {
        "a step's keys and values are appended": {
            "ours": (lambda: left(LENGTHS), append_left),  # type: ignore[dict-item]
            "BatchKVCache": (lambda: right(LENGTHS), append_right),  # type: ignore[dict-item]
        },
        "an eighth row joins": {
            "ours": (lambda: left(LENGTHS[:7]), lambda c: join_left(c, row)),  # type: ignore[arg-type]
            "BatchKVCache": (lambda: right(LENGTHS[:7]), lambda c: join_right(c, row)),  # type: ignore[arg-type]
        },
        "one of eight leaves": {
            "ours": (lambda: left(LENGTHS), leave_left),  # type: ignore[dict-item]
            "BatchKVCache": (lambda: right(LENGTHS), leave_right),  # type: ignore[dict-item]
        },
        "five of eight are rewound": {
            "ours": (lambda: left(LENGTHS), rewind_left),  # type: ignore[dict-item]
            "BatchKVCache": (lambda: right(LENGTHS), rewind_right),  # type: ignore[dict-item]
        },
    }
    lines = []
    for name, sides in operations.items():
        numbers = alternate({side: timed(pair) for side, pair in sides.items()})
        ratio = ratio_of_medians(numbers["ours"], numbers["BatchKVCache"])
        values = [median_and_range(numbers[side], 2) for side in ("ours", "BatchKVCache")]
        lines.append([name, *values, f"{ratio:.3f}"])
    print_table(["8 rows of 860 to 1,000 tokens, ms", "ours", "BatchKVCache", "ratio"], lines)


if __name__ == "__main__":
    main()
