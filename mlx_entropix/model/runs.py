"""How the spans of a step go through attention: in runs, laid out once for all layers.

All other parts of a layer take a step's tokens side by side, whatever rows they belong to.
Attention takes a *run* at a time: spans of equal length in neighbouring rows, which share one
product. Rows that decode are one run; a piece of a prompt is one by itself. Drafts differ in
length: where it wastes little, the shorter ones of a run are padded, for attention alone. A run
costs the host some hundred operations a step, whatever its size.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import mlx.core as mx

from mlx_entropix.model.cache import MOST_PADDED, KVRows, Target
from mlx_entropix.model.decoder import Span

# So many keys of padded positions may be multiplied for a run less. On a CPU it takes about as long
# as the host takes for a run.
_WASTE = 2048


class Padding(NamedTuple):
    """How the tokens of spans of unequal length become (B, L): a row's last is repeated."""

    tokens: mx.array  # (B · L,), of the step's
    real: mx.array  # of the B · L, those that are no padding
    lengths: list[int]  # (B,)


class Run(NamedTuple):
    """B neighbouring rows with L tokens each, of which the last `look` are looked at.

    With `padding` L is the length of the longest, and all tokens are looked at.
    """

    tokens: slice  # of the step's tokens
    rows: slice
    length: int  # L
    look: int
    keys: int  # T, columns up to the end of the longest row
    seen: list[list[int]]  # (B, L), how many columns each token sees
    mask: mx.array | None  # (B or 1, 1, L, T), true at the keys a token sees; None: all are seen
    is_causal: bool  # whether `mask` is no more than that a token sees those before it, and itself
    padding: Padding | None = None

    @property
    def size(self) -> int:
        """B."""
        return self.rows.stop - self.rows.start

    @property
    def looked(self) -> int:
        """How many positions are looked at."""
        return sum(self.padding.lengths) if self.padding else self.size * self.look

    def of(self, values: mx.array) -> mx.array:
        """The run's (B · L, …) of all tokens' `values` (N, …)."""
        return values[self.padding.tokens if self.padding else self.tokens]

    def real(self, values: mx.array) -> mx.array:
        """Of `values` (B · look, …) those that are of tokens and no padding."""
        return values[self.padding.real] if self.padding else values


class Layout(NamedTuple):
    """All that attention needs to know of a step's spans."""

    runs: list[Run]
    positions: list[int]  # of each token in its own row
    targets: list[Target]

    @property
    def looked(self) -> int:
        """How many positions are looked at."""
        return sum(run.looked for run in self.runs)


def lay_out(spans: Sequence[Span], cache: KVRows, *, pad: bool = False) -> Layout:
    """The layout of `spans`, whose rows ascend, ahead of a cache; it gets room for their tokens.

    Runs are padded if that is asked for.
    """
    begins = cache.lengths
    cache.reserve(max(begins[span.row] + span.length for span in spans))
    runs: list[Run] = []
    positions: list[int] = []
    # Neighbours have the same difference of row and number.
    numbered = groupby(enumerate(spans), lambda pair: (pair[1].row - pair[0], *pair[1][1:]))
    groups = [[span for _, span in group] for _, group in numbered]
    for group in _merged(groups, begins) if pad else groups:
        rows, lengths = [span.row for span in group], [span.length for span in group]
        length = max(lengths)
        first = len(positions)
        for row, own in zip(rows, lengths, strict=True):
            positions += range(begins[row], begins[row] + own)
        seen = [
            [begins[row] + min(i + 1, own) for i in range(length)]
            for row, own in zip(rows, lengths, strict=True)
        ]
        keys = max(line[-1] for line in seen)
        are_alike = all(line == seen[0] for line in seen)
        runs.append(
            Run(
                slice(first, len(positions)),
                slice(rows[0], rows[-1] + 1),
                length,
                max(span.look for span in group),
                keys,
                seen,
                _mask(seen[:1] if are_alike else seen, keys),
                are_alike and length > 1,
                _padding(first, lengths) if min(lengths) < length else None,
            )
        )
    return Layout(runs, positions, _targets(runs, spans, cache))


def _merged(groups: Sequence[list[Span]], begins: Sequence[int]) -> list[list[Span]]:
    """Groups of neighbouring rows whose spans are looked at throughout, made one where it pays."""
    merged: list[list[Span]] = []
    for group in groups:
        both = [*merged[-1], *group] if merged else group
        length = max(span.length for span in both)
        if (
            merged
            and both[-1].row - both[0].row == len(both) - 1
            and all(span.look == span.length for span in both)
            and length <= MOST_PADDED
        ):
            more = _padded(both) - _padded(merged[-1])
            if more * max(begins[span.row] for span in both) <= _WASTE:
                merged[-1] = both
                continue
        merged.append(group)
    return merged


def _padded(group: Sequence[Span]) -> int:
    """How many positions of a run are padding."""
    return max(span.length for span in group) * len(group) - sum(span.length for span in group)


def _padding(first: int, lengths: Sequence[int]) -> Padding:
    """That of a run whose first token is the step's number `first`."""
    longest = max(lengths)
    tokens, real = [], []
    for row, length in enumerate(lengths):
        tokens += [first + min(i, length - 1) for i in range(longest)]
        real += [row * longest + i for i in range(length)]
        first += length
    return Padding(mx.array(tokens), mx.array(real), list(lengths))


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
        tokens = run.padding.tokens if run.padding else run.tokens
        targets.append(Target(tokens, run.rows, run.length, begins[0], columns))
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
    seen: list[int] = []
    for run in runs:
        if run.padding:
            for line, length in zip(run.seen, run.padding.lengths, strict=True):
                seen += line[:length]
        else:
            for line in run.seen:
                seen += line[-run.look :]
    mask = None if min(seen) == keys else mx.arange(keys) < mx.array(seen)[:, None]
    return padded[0] if len(padded) == 1 else mx.concatenate(padded), mask
