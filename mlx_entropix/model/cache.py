"""Keys and values of the rows of a batch, each row from the left in a place of its own.

One array a layer for keys and one for values, (places, H_kv, columns, D). Row r has place r; its
tokens fill the columns from 0 to `lengths[r]`, and what stands beyond belongs to nobody:

    place  row
      0    a b c · · ·     lengths = [3, 5, 1]
      1    d e f g h ·
      2    i · · · · ·
      3    · · · · · ·     room for a row that joins

So a row that is rewound, by however much, costs nothing; one that joins, moves or is copied costs
what it holds itself, and the others are not touched. The lengths are Python numbers: what is
visible is known without asking the device. docs/performance.md has what other layouts cost.
"""

from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any, NamedTuple

import mlx.core as mx
from mlx_lm.models.cache import KVCache

MOST_PADDED = 64
"""So far behind a row's tokens there may be padding."""

GROWTH = 1.25
"""So many more columns are reserved than are needed: growing then costs a token little."""

_STEP = 256  # and in multiples of this
_PLACES = 4  # places are reserved in multiples of this, from there on


def places_for(rows: int) -> int:
    """How many places are reserved for so many rows."""
    return rows if rows < _PLACES else -(-rows // _PLACES) * _PLACES


def rows_within(places: int) -> int:
    """The most rows that do with so many places."""
    return places if places < _PLACES else places // _PLACES * _PLACES


class Target(NamedTuple):
    """Where the tokens of neighbouring rows, equally many each, go in the cache.

    They are `tokens` of a step's, `length` a row, and go to `rows`. All begin in column `begin`,
    or each in its own: then `columns` (places, 1, length, 1) names them. Where some are padding,
    their numbers are an array; it comes behind what a row has.
    """

    tokens: slice | mx.array
    rows: slice
    length: int
    begin: int
    columns: mx.array | None


class KVRows:
    """The KV cache of any number of rows, for a model with attention to all tokens before."""

    can_rewind = True
    _arrays = 1  # a layer, of keys, and as many of values

    def __init__(self, layer_count: int):
        self.lengths: list[int] = []
        self.keys: list[mx.array | None] = [None] * layer_count
        self.values: list[mx.array | None] = [None] * layer_count
        self.places = 0
        self._columns = 0

    def add_layer(self) -> int:
        """Make room for another layer, while there are no rows. Returns its number."""
        self.keys.append(None)
        self.values.append(None)
        return len(self.keys) - 1

    def join(self, layers: Sequence[Any] = (), *, room: int = 0) -> None:
        """Add a row after the others, empty or with what `extract` gave.

        `room` is for how many tokens to reserve memory now; it grows by itself beyond that.
        """
        length = layers[0].offset if layers else 0
        row = len(self.lengths)
        self._reserve(row + 1, max(room, length))
        for held, name in ((self.keys, "keys"), (self.values, "values")):
            stored = [_parts(getattr(layer, name)) for layer in (layers if length else ())]
            for i, part in enumerate(chain.from_iterable(stored)):
                known = part[..., :length, :]
                self._array(held, i, known)[row : row + 1, :, :length] = known
        self.lengths.append(length)

    def select(self, rows: Sequence[int]) -> None:
        """Make `rows` the rows, in that order: leaving one out drops it, naming it twice copies.

        Only rows that change their place are copied.
        """
        self._reserve(len(rows), 0)
        self._put([(to, row, self.lengths[row]) for to, row in enumerate(rows) if to != row])
        self.lengths = [self.lengths[row] for row in rows]
        self._release()

    def copy(self, copies: Sequence[tuple[int, int]]) -> None:
        """Add a row for each (row, n) after the others: the first n tokens of that row.

        What the row holds beyond them is not copied: it may not be finite.
        """
        count = len(self.lengths)
        self._reserve(count + len(copies), 0)
        self._put([(count + k, row, n) for k, (row, n) in enumerate(copies)])
        self.lengths += [n for _, n in copies]

    def _put(self, moves: Sequence[tuple[int, int, int]]) -> None:
        """Put (to, row, n) in place `to` the first n tokens of that row."""
        longest: dict[int, int] = {}
        for _, row, n in moves:
            longest[row] = max(n, longest.get(row, 0))
        # All are taken out before the first is put in its place. They are computed at once: while
        # they are but promised they hold on to their array, which would then be copied as a whole.
        taken = {
            row: [mx.contiguous(whole[row : row + 1, :, :n]) for whole in self.arrays()]
            for row, n in longest.items()
            if n
        }
        mx.eval(list(taken.values()))
        # Neighbours that are copies of one row are written at once.
        alike = groupby(enumerate(moves), lambda pair: (pair[1][0] - pair[0], *pair[1][1:]))
        for (_, row, n), group in alike:
            places = [to for _, (to, _, _) in group]
            for whole, part in zip(self.arrays() if n else (), taken.get(row, ()), strict=True):
                whole[places[0] : places[-1] + 1, :, :n] = part[:, :, :n]

    def rewind(self, counts: Sequence[int]) -> None:
        """Forget the last `counts[r]` tokens of each row r. Raises `ValueError` if it has fewer."""
        if any(count < 0 or count > n for count, n in zip(counts, self.lengths, strict=True)):
            raise ValueError(f"cannot rewind {list(counts)} tokens of rows of {self.lengths}")
        self.lengths = [n - count for n, count in zip(self.lengths, counts, strict=True)]

    def extract(self, row: int) -> list[KVCache]:
        """One row as mlx-lm's own cache, a copy that does not hold on to the other rows."""
        layers, length = [], self.lengths[row]
        for keys, values in zip(self.keys, self.values, strict=True):
            layer = KVCache()
            if keys is not None and values is not None and length:
                layer.keys = mx.contiguous(keys[row : row + 1, :, :length])
                layer.values = mx.contiguous(values[row : row + 1, :, :length])
                layer.offset = length
            layers.append(layer)
        return layers

    def blank(self, row: int, begin: int = 0) -> None:
        """Zero and forget what a row holds from token `begin` on.

        If that is not finite, it would spoil the place for the row that has it next. So would the
        padding behind it.
        """
        end = self.lengths[row] + MOST_PADDED
        for whole in self.arrays():
            whole[row : row + 1, :, begin:end] = 0
        self.lengths[row] = begin

    def arrays(self) -> list[mx.array]:
        """Every array that is held, for `mx.eval`."""
        return [array for array in (*self.keys, *self.values) if array is not None]

    def reserve(self, columns: int) -> None:
        """Make room for so many tokens in every row."""
        self._reserve(self.places, columns)

    def write(
        self, layer: int, keys: mx.array, values: mx.array, targets: Sequence[Target]
    ) -> tuple[mx.array, mx.array]:
        """Put a layer's keys and values (N, H_kv, D) of a step's tokens in their places.

        Returns all keys and all values of the layer. The lengths stay as they are: they are for the
        caller to change, once every layer has its share.
        """
        return self._write(self.keys, layer, keys, targets), self._write(
            self.values, layer, values, targets
        )

    def put(
        self, layer: int, keys: mx.array, values: mx.array, target: Target
    ) -> tuple[mx.array, mx.array]:
        """The same for one target, whose keys and values come as (B, H_kv, L, D)."""
        return self._put_part(self.keys, layer, keys, target), self._put_part(
            self.values, layer, values, target
        )

    def keys_of(self, layer: int) -> mx.array:
        """A layer's keys, once there are any: one of their arrays, where they are packed."""
        keys = self.keys[layer * self._arrays]
        assert keys is not None, "the layer was not computed"
        return keys

    def set_keys_of(self, layer: int, same: mx.array) -> None:
        """Let an array of the same numbers take the place of what `keys_of` gave."""
        self.keys[layer * self._arrays] = same

    def _write(
        self, held: list[mx.array | None], layer: int, new: mx.array, targets: Sequence[Target]
    ) -> mx.array:
        whole = self._array(held, layer, new[None].swapaxes(1, 2))
        for target in targets:
            whole_step = len(targets) == 1 and isinstance(target.tokens, slice)
            part = new if whole_step else new[target.tokens]
            part = part.reshape(-1, target.length, *new.shape[1:])
            whole = self._put_part(held, layer, part.transpose(0, 2, 1, 3), target)
        return whole

    def _put_part(
        self, held: list[mx.array | None], layer: int, part: mx.array, target: Target
    ) -> mx.array:
        """Put the keys or values (B, H_kv, L, D) of a target in their places."""
        _, rows, length, begin, columns = target
        whole = self._array(held, layer, part)
        if columns is None:
            whole[rows, :, begin : begin + length] = part
            return whole
        if len(part) < self.places:
            spare = (rows.start, self.places - rows.stop)
            part = mx.pad(part, [spare, (0, 0), (0, 0), (0, 0)])
        whole = mx.put_along_axis(whole, mx.broadcast_to(columns, part.shape), part, axis=2)
        held[layer] = whole
        return whole

    def _array(self, held: list[mx.array | None], layer: int, like: mx.array) -> mx.array:
        """A layer's array, made when the shape of a head is known, by `like` (…, H_kv, L, D)."""
        whole = held[layer]
        if whole is None:
            _, heads, _, size = like.shape
            whole = mx.zeros((self.places, heads, self._columns, size), like.dtype)
            held[layer] = whole
        return whole

    def _reserve(self, places: int, columns: int) -> None:
        if places > self.places:
            places = places_for(places)
        if columns > self._columns:
            columns = max(columns, int(self._columns * GROWTH))
            columns = -(-columns // _STEP) * _STEP
        places, columns = max(places, self.places), max(columns, self._columns)
        if (places, columns) != (self.places, self._columns):
            self._resize(places, columns)

    def _release(self) -> None:
        """Give memory back where little of it is in use."""
        if not self.lengths:
            self.keys, self.values = [None] * len(self.keys), [None] * len(self.values)
            self.places = self._columns = 0
        elif self._columns > 4 * max(self.lengths) + _STEP:
            self._resize(self.places, -(-2 * max(self.lengths) // _STEP) * _STEP or _STEP)

    def _resize(self, places: int, columns: int) -> None:
        used = min(max(self.lengths, default=0), columns)
        for held in (self.keys, self.values):
            for i, old in enumerate(held):
                if old is not None:
                    new = mx.zeros((places, old.shape[1], columns, old.shape[3]), old.dtype)
                    new[: self.places, :, :used] = old[:, :, :used]
                    held[i] = new
        self.places, self._columns = places, columns


def _parts(stored: mx.array | Sequence[mx.array]) -> Sequence[mx.array]:
    """The arrays of a layer's keys or values: one, or three of quantized ones."""
    return [stored] if isinstance(stored, mx.array) else stored
