"""How the spans of a step go through attention: in runs, laid out once for all layers.

All other parts of a layer take a step's tokens side by side, whatever rows they belong to.
Attention takes a *run* at a time: spans of equal length in neighbouring rows, which share one
product. Rows that decode are one run; a piece of a prompt is one by itself.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import mlx.core as mx

from mlx_entropix.model.cache import KVRows, Target
from mlx_entropix.model.decoder import Span


class Run(NamedTuple):
    """B neighbouring rows with L tokens each, of which the last `look` are looked at."""

    tokens: slice  # of the step's tokens
    rows: slice
    length: int  # L
    look: int
    keys: int  # T, columns up to the end of the longest row
    seen: list[list[int]]  # (B, L), how many columns each token sees
    mask: mx.array | None  # (B or 1, 1, L, T), true at the keys a token sees; None: all are seen
    is_causal: bool  # whether `mask` is no more than that a token sees those before it, and itself

    @property
    def size(self) -> int:
        """B."""
        return self.rows.stop - self.rows.start


class Layout(NamedTuple):
    """All that attention needs to know of a step's spans."""

    runs: list[Run]
    positions: list[int]  # of each token in its own row
    targets: list[Target]

    @property
    def looked(self) -> int:
        """How many positions are looked at."""
        return sum(run.size * run.look for run in self.runs)


def lay_out(spans: Sequence[Span], cache: KVRows) -> Layout:
    """The layout of `spans`, whose rows ascend, ahead of a cache; it gets room for their tokens."""
    begins = cache.lengths
    cache.reserve(max(begins[span.row] + span.length for span in spans))
    runs: list[Run] = []
    positions: list[int] = []
    # Neighbours have the same difference of row and number.
    numbered = groupby(enumerate(spans), lambda pair: (pair[1].row - pair[0], *pair[1][1:]))
    for (_, length, look), group in numbered:
        rows = [span.row for _, span in group]
        first = len(positions)
        for row in rows:
            positions += range(begins[row], begins[row] + length)
        seen = [[begins[row] + i + 1 for i in range(length)] for row in rows]
        keys = max(line[-1] for line in seen)
        are_alike = all(line == seen[0] for line in seen)
        runs.append(
            Run(
                slice(first, len(positions)),
                slice(rows[0], rows[-1] + 1),
                length,
                look,
                keys,
                seen,
                _mask(seen[:1] if are_alike else seen, keys),
                are_alike and length > 1,
            )
        )
    return Layout(runs, positions, _targets(runs, spans, cache))


def _mask(seen: list[list[int]], keys: int) -> mx.array | None:
    """Which of the first `keys` columns are seen, where (B, L) tokens see so many."""
    if seen == [[keys]]:
        return None
    return mx.arange(keys) < mx.array(seen)[:, None, :, None]


def _targets(runs: Sequence[Run], spans: Sequence[Span], cache: KVRows) -> list[Target]:
    """Where the tokens of each run go.

    Where rows begin in different columns, one operation writes to all places of the cache. It puts
    something in the places of other rows, too: behind everything that they hold, and get in this
    step.
    """
    free = [*cache.lengths, *[0] * (cache.places - len(cache.lengths))]
    for span in spans:
        free[span.row] += span.length
    targets = []
    for run in runs:
        begins = [line[0] - 1 for line in run.seen]
        columns = None
        if min(begins) != max(begins):
            starts = free.copy()
            starts[run.rows] = begins
            columns = mx.array(starts)[:, None] + mx.arange(run.length)
            columns = columns[:, None, :, None]
            cache.reserve(max(starts) + run.length)
        targets.append(Target(run.tokens, run.rows, run.length, begins[0], columns))
    return targets


def join_scores(
    scores: Sequence[mx.array], runs: Sequence[Run]
) -> tuple[mx.array, mx.array | None]:
    """The scores (N, H, T) of all runs, T that of the longest, and the mask (N, T)."""
    keys = max(run.keys for run in runs)
    padded = [
        mx.pad(x, [(0, 0), (0, 0), (0, keys - run.keys)], constant_values=-mx.inf)
        if run.keys < keys
        else x
        for x, run in zip(scores, runs, strict=True)
    ]
    seen = [count for run in runs for line in run.seen for count in line[-run.look :]]
    mask = None if min(seen) == keys else mx.arange(keys) < mx.array(seen)[:, None]
    return padded[0] if len(padded) == 1 else mx.concatenate(padded), mask
