"""The cache of a layer as the models of mlx-lm know it, in front of rows of our own.

A model calls `update_and_fetch` with the keys and values of the tokens of one run (runs.py), reads
`offset` and asks for masks. Windowed layers keep all tokens: what a window hides is masked, and
what no row of the run sees is not fetched. So every row can be rewound.
"""

from typing import NamedTuple

import mlx.core as mx

from mlx_entropix.model.cache import KVRows, Target
from mlx_entropix.model.quantized import Packed
from mlx_entropix.model.runs import Run
from mlx_entropix.model.tap import listener

Mask = mx.array | str | None


class Pass(NamedTuple):
    """One run through the model."""

    run: Run
    target: Target
    begins: list[int]  # the position of each row's first token
    offset: int | mx.array  # the same, as one number where all are equal
    mask_axes: int  # of a mask by rows; see `AnyRows`

    @property
    def is_even(self) -> bool:
        """Whether all rows begin at one position."""
        return isinstance(self.offset, int)


class KVFront:
    """Stands where a model expects the KV cache of a layer. `window` is None for full attention."""

    def __init__(self, rows: KVRows, layer: int, window: int | None, plain: bool):
        self.window = window
        self.offset: int | mx.array = 0
        self._rows = rows
        self._layer = layer
        self._plain = plain and window is None
        self._pass: Pass | None = None
        self._fetched: tuple[mx.array, mx.array] | None = None

    def begin(self, coming: Pass) -> None:
        """Get ready for a run."""
        self._pass, self._fetched = coming, None
        self.offset = coming.offset

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add keys and values (B, H_kv, L, D). Returns what the run may see, (B, H_kv, T, D)."""
        now = self._now
        rows, columns = now.run.rows, slice(self._first(self.window), now.run.keys)
        stored = self._rows.put(self._layer, keys, values, now.target)
        fetched = tuple(_numbers(whole[rows, :, columns]) for whole in stored)
        self.offset = self.offset + now.run.length
        if (tap := listener()) is not None:
            tap.fetched(fetched[0], self._plain)
        self._fetched = fetched[0], fetched[1]
        return self._fetched

    def keys_and_values(self) -> tuple[mx.array, mx.array]:
        """What `update_and_fetch` returned in this run, for layers that share keys and values."""
        assert self._fetched is not None, "nothing was fetched"
        return self._fetched

    def make_mask(self, N: int, return_array: bool = False, window_size: int | None = None) -> Mask:
        """The mask of a run's N tokens a row, over the columns that `update_and_fetch` returns."""
        now = self._now
        if now.run.length != N:
            raise ValueError(f"a mask of {N} tokens for a run of {now.run.length}")
        window = window_size or self.window
        tap = listener()
        if window is None or (now.run.keys <= window and tap is None):
            return self._causal(N, return_array)
        if self.window and self.window <= window and N == 1 and now.is_even:
            return None  # what it hides is not fetched
        columns = mx.arange(self._first(self.window), now.run.keys)
        begins = mx.array(now.begins[:1] if now.is_even else now.begins)[:, None, None]
        positions = begins + mx.arange(N)[:, None]
        mask = (columns <= positions) & (columns > positions - window)  # (B or 1, N, T)
        if self.window and self.window < window:  # mlx-lm's cache of a window has no more
            mask &= columns > begins - self.window
        mask = mask[0] if now.is_even else self._by_rows(mask)
        if tap is not None:
            tap.masked(mask)
        return mask

    def _causal(self, N: int, return_array: bool) -> Mask:
        now = self._now
        if not now.is_even:
            columns = mx.arange(self._first(self.window), now.run.keys)
            positions = mx.array(now.begins)[:, None, None] + mx.arange(N)[:, None]
            return self._by_rows(columns <= positions)
        if N == 1:
            return None
        if not return_array:
            return "causal"
        return mx.arange(now.run.keys) <= now.begins[0] + mx.arange(N)[:, None]

    def _by_rows(self, mask: mx.array) -> mx.array:
        """(B, N, T) with axes for the heads between B and N."""
        return mask.reshape(mask.shape[0], *[1] * self._now.mask_axes, *mask.shape[1:])

    def _first(self, window: int | None) -> int:
        """The first column that any row's first token sees."""
        return 0 if window is None else max(0, min(self._now.begins) + 1 - window)

    @property
    def _now(self) -> Pass:
        assert self._pass is not None, "no run has begun"
        return self._pass

    def size(self) -> int:
        """Columns in use."""
        return self._now.run.keys

    def empty(self) -> bool:
        """Whether nothing is cached yet."""
        return not any(self._now.begins)


class StageFront(KVFront):
    """The same on a rank of a pipeline, whose model ties what it sends to its last layer's keys.

    So the message is sent whenever the cache is computed, though nobody asks for its result.
    """

    @property
    def keys(self) -> mx.array:
        """An array that every computation of the cache computes."""
        return self._rows.keys_of(self._layer)

    @keys.setter
    def keys(self, same: mx.array) -> None:
        self._rows.set_keys_of(self._layer, same)


def _numbers(part: mx.array | Packed) -> mx.array:
    """Keys or values as a model takes them, as any that computes attention itself has to."""
    return part.widened() if isinstance(part, Packed) else part
