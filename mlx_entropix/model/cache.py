"""Keys and values of the rows of a batch, as mlx-lm's `KVCache`, one a layer.

All rows end in the same column, so that a step appends one column to every row. A row that is
shorter than the longest has empty columns on its left, its *padding*:

    padding  row
          2  . . a b c
          0  d e f g h     length = 5 columns

A row's position in its own sequence is thus `length - padding`. The padding is a list of Python
numbers that every layer shares: whether a mask is needed is known without asking the device.
"""

from collections.abc import Callable, Sequence

import mlx.core as mx
from mlx_lm.models.cache import KVCache


class KVRows:
    """The KV cache of B rows. `layers[i]` holds keys and values of shape (B, H_kv, length, D)."""

    def __init__(self, layers: list[KVCache], padding: list[int]):
        self.layers = layers
        self.padding = padding

    @classmethod
    def empty(cls, layer_count: int) -> "KVRows":
        """One row of no tokens yet."""
        return cls([KVCache() for _ in range(layer_count)], [0])

    def __len__(self) -> int:
        return len(self.padding)

    @property
    def length(self) -> int:
        """Columns in use: the tokens of the longest row."""
        return self.layers[0].offset

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [self.length - padding for padding in self.padding]

    @property
    def nbytes(self) -> int:
        """Bytes that the keys and values occupy, reserved columns included."""
        return sum(layer.nbytes for layer in self.layers if layer.keys is not None)

    def positions(self) -> int | mx.array:
        """Where the next token of each row stands: one number, or (B,) where rows differ."""
        return mx.array(self.lengths) if any(self.padding) else self.length

    def key_mask(self, new: int = 1) -> mx.array | None:
        """Which columns are tokens once `new` more have come: (B, length + new), None for all."""
        if not any(self.padding):
            return None
        columns = mx.arange(self.length + new)
        return columns[None, :] >= mx.array(self.padding)[:, None]

    def attention_mask(self, new: int) -> mx.array | str | None:
        """The mask of `new` queries, in a form that `scaled_dot_product_attention` takes."""
        visible = self.key_mask(new)
        if visible is None:
            return None if new == 1 else "causal"
        if new == 1:
            return visible[:, None, None, :]
        return self.causal_mask(new)[None, None] & visible[:, None, None, :]

    def causal_mask(self, new: int) -> mx.array:
        """Which columns `new` queries see where there is no padding: (new, length + new)."""
        columns = mx.arange(self.length + new)
        return columns[None, :] <= columns[self.length :, None]

    def keep(self, rows: Sequence[int]) -> None:
        """Make `rows` the rows, in that order: leaving one out drops it, naming it twice forks."""
        index = mx.array(list(rows), dtype=mx.int32)
        self._map(lambda x: x[index])
        self.padding = [self.padding[row] for row in rows]
        self._strip()

    def extend(self, *others: "KVRows") -> None:
        """Add the rows of `others` after the own ones."""
        groups = [self, *others]
        length = max(group.length for group in groups)
        padding = [length - n for group in groups for n in group.lengths]
        for layers in zip(*(group.layers for group in groups), strict=True):
            mine = layers[0]
            filled = next((layer for layer in layers if layer.keys is not None), None)
            if filled is None:
                continue
            # Some room on the right, so that the next steps write in place.
            columns = -(-(length + 1) // mine.step) * mine.step
            for name in ("keys", "values"):
                like = getattr(filled, name)
                joined = mx.zeros((len(padding), like.shape[1], columns, like.shape[3]), like.dtype)
                first = 0
                for group, layer in zip(groups, layers, strict=True):
                    if layer.keys is not None:
                        used = getattr(layer, name)[..., : layer.offset, :]
                        begin = length - layer.offset
                        joined[first : first + len(group), :, begin:length] = used
                    first += len(group)
                setattr(mine, name, joined)
        self.padding = padding
        for layer in self.layers:
            layer.offset = length

    def roll_back(self, counts: Sequence[int]) -> None:
        """Forget the last `counts[b]` tokens of each row b.

        Raises `ValueError` where a row has fewer tokens than that.
        """
        if any(count < 0 or count > n for count, n in zip(counts, self.lengths, strict=True)):
            raise ValueError(f"cannot roll back {list(counts)} tokens of rows of {self.lengths}")
        fewest = min(counts)
        shifts = [count - fewest for count in counts]
        if any(shifts):  # move the shortened rows to the right, to where the others now end
            columns = mx.arange(self.length)[None, :] - mx.array(shifts)[:, None]
            index = mx.maximum(columns, 0)[:, None, :, None]
            for layer in self.layers:
                for name in ("keys", "values"):
                    used = getattr(layer, name)[..., : layer.offset, :]
                    setattr(layer, name, mx.take_along_axis(used, index, axis=2))
        for layer in self.layers:
            layer.trim(fewest)
        self.padding = [p + shift for p, shift in zip(self.padding, shifts, strict=True)]
        self._strip()

    def extract(self, row: int) -> list[KVCache]:
        """One row as mlx-lm's own cache, a copy that does not hold on to the other rows."""
        caches = []
        for layer in self.layers:
            cache = KVCache()
            if layer.keys is not None and layer.values is not None:
                used = slice(self.padding[row], layer.offset)
                cache.keys = mx.contiguous(layer.keys[row : row + 1, :, used])
                cache.values = mx.contiguous(layer.values[row : row + 1, :, used])
                cache.offset = cache.keys.shape[2]
            caches.append(cache)
        return caches

    def arrays(self) -> list[mx.array]:
        """Every array that is held, for `mx.eval`."""
        held = (array for layer in self.layers for array in (layer.keys, layer.values))
        return [array for array in held if array is not None]

    def _map(self, change: Callable[[mx.array], mx.array]) -> None:
        for layer in self.layers:
            if layer.keys is not None and layer.values is not None:
                layer.keys, layer.values = change(layer.keys), change(layer.values)

    def _strip(self) -> None:
        """Drop the columns that are padding in every row."""
        spare = min(self.padding)
        if spare:
            self._map(lambda x: x[:, :, spare:])
            for layer in self.layers:
                layer.offset -= spare
            self.padding = [padding - spare for padding in self.padding]
