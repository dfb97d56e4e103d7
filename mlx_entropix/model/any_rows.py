"""What any model of mlx-lm keeps of its rows: keys and values, and states that sum up all tokens.

`AnyRows` batches rows for the kinds of cache that it knows: full and windowed keys and values (see
fronts.py), and arrays of states, of which a row has its share along the first axis. `LoneRows` is
for all else: every row has a cache as mlx-lm makes it, and is computed by itself.
"""

import copy
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models.cache import (
    ArraysCache,
    CacheList,
    ConcatenateKVCache,
    KVCache,
    RotatingKVCache,
)

from mlx_entropix.model.cache import KVRows
from mlx_entropix.model.decoder import Span
from mlx_entropix.model.fronts import KVFront, Pass, StageFront
from mlx_entropix.model.quantized import KVBits, QuantizedKVRows
from mlx_entropix.model.runs import Run, lay_out


class NotBatchedError(Exception):
    """A kind of cache that `AnyRows` does not know, or cannot keep in few bits."""


class States(ArraysCache):
    """The states of one row after `offset` tokens."""

    def __init__(self, arrays: Sequence[mx.array | None], offset: int):
        super().__init__(len(arrays))
        self.cache: list[Any] = list(arrays)
        self.offset = offset


class AnyRows:
    """Rows that are computed together, of layers whose caches are like those of `template`.

    `stage` says which of them a rank of a pipeline computes. Of others it holds nothing, but what
    can be done with rows, and how they are batched, goes by all: the ranks have to do the same.

    Raises `NotBatchedError` for other kinds of caches. A mask that differs by rows has `mask_axes`
    axes for the heads: 1, but 2 where a model keeps the query heads of a KV head apart. `kv` says
    how keys and values are packed, if they are.
    """

    def __init__(
        self,
        template: Sequence[Any],
        mask_axes: int = 1,
        kv: KVBits | None = None,
        stage: slice | None = None,
    ):
        self._kind = KVFront if stage is None else StageFront
        self.kv = KVRows(0) if kv is None else QuantizedKVRows(0, kv)
        self.fronts: list[KVFront] = []
        self.states: list[ArraysCache] = []
        self.mask_axes = mask_axes
        self.layers = [self._front(layer) for layer in template][stage or slice(None)]
        if kv is not None and not self.fronts:
            raise NotBatchedError("states alone")
        # By layer and array, (rows, …); None before it is known.
        self.held: list[list[mx.array | None]] = [[None] * len(s.cache) for s in self.states]

    def _front(self, layer: Any, plain: bool = True) -> Any:
        kind, window = type(layer), None
        if layer is None:
            return None
        if kind is ArraysCache:
            self.states.append(ArraysCache(len(layer.cache)))
            return self.states[-1]
        if kind is CacheList:
            plain = sum(not isinstance(part, ArraysCache) for part in layer.caches) == 1
            return CacheList(*(self._front(part, plain) for part in layer.caches))
        if kind is RotatingKVCache and not layer.keep:
            window = layer.max_size
        elif kind not in (KVCache, ConcatenateKVCache):
            raise NotBatchedError(kind.__name__)
        self.fronts.append(self._kind(self.kv, self.kv.add_layer(), window, plain))
        return self.fronts[-1]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return self.kv.lengths

    @property
    def can_rewind(self) -> bool:
        """States cannot be taken back."""
        return not self.states

    def passes(self, spans: Sequence[Span]) -> Iterator[tuple[Run, slice, list[Any]]]:
        """The runs of a step, with where their tokens are among the step's, and the cache for each.

        The model has to be called with it before the next is taken. Rows that begin have no states
        yet, and are computed apart from rows that have.
        """
        first = 0
        parts: list[list[Span]] = [list(spans)]
        if self.states:
            alike = groupby(spans, key=lambda span: not self.lengths[span.row])
            parts = [list(part) for _, part in alike]
        for part in parts:
            layout = lay_out(part, self.kv)
            for run, target in zip(layout.runs, layout.targets, strict=True):
                begins = [line[0] - 1 for line in run.seen]
                even = min(begins) == max(begins)
                offset = begins[0] if even else mx.array(begins)
                coming = Pass(run, target, begins, offset, self.mask_axes)
                for front in self.fronts:
                    front.begin(coming)
                self._load(run, fresh=not any(begins))
                yield run, slice(first + run.tokens.start, first + run.tokens.stop), self.layers
                self._store(run)
            for span in part:
                self.lengths[span.row] += span.length
                first += span.length

    def _load(self, run: Run, fresh: bool) -> None:
        for state, arrays in zip(self.states, self.held, strict=True):
            parts: list[Any] = [None if fresh or a is None else a[run.rows] for a in arrays]
            state.cache = parts
            state.lengths = state.left_padding = None

    def _store(self, run: Run) -> None:
        count = len(self.lengths)
        for state, arrays in zip(self.states, self.held, strict=True):
            for i, new in enumerate(state.cache):
                if new is None:
                    continue
                whole = arrays[i]
                if run.size == count or whole is None:
                    whole = mx.zeros((count, *new.shape[1:]), new.dtype)
                if new.shape[1:] != whole.shape[1:]:
                    raise NotBatchedError("a state that changes its shape")
                if run.size == count:
                    arrays[i] = new
                else:
                    whole[run.rows] = new
                    arrays[i] = whole

    def join(self, layers: Sequence[Any] = (), *, room: int = 0) -> None:
        """Add a row after the others, empty or with what `extract` gave."""
        keys, states = layers[: len(self.fronts)], layers[len(self.fronts) :]
        self.kv.join(keys, room=room)
        if states:
            self.lengths[-1] = states[0].offset
        count = len(self.lengths)
        for i, arrays in enumerate(self.held):
            for k, whole in enumerate(arrays):
                own = states[i].cache[k] if states else None
                if whole is None and own is not None:
                    whole = mx.zeros((count - 1, *own.shape[1:]), own.dtype)
                if whole is not None:
                    own = mx.zeros((1, *whole.shape[1:]), whole.dtype) if own is None else own
                    arrays[k] = mx.concatenate([whole, own])

    def select(self, rows: Sequence[int]) -> None:
        """Make `rows` the rows, in that order: leaving one out drops it, naming it twice copies."""
        self.kv.select(rows)
        index = mx.array(list(rows), dtype=mx.int32)
        for arrays in self.held:
            arrays[:] = [whole[index] if whole is not None and rows else None for whole in arrays]

    def copy(self, copies: Sequence[tuple[int, int]]) -> None:
        """Add a row for each (row, n) after the others: the first n tokens of that row."""
        self._refuse_states()
        self.kv.copy(copies)

    def rewind(self, counts: Sequence[int]) -> None:
        """Forget the last `counts[r]` tokens of each row r. Raises `ValueError` if it has fewer."""
        self._refuse_states()
        self.kv.rewind(counts)

    def _refuse_states(self) -> None:
        if self.states:
            raise ValueError("a state that sums up all tokens cannot be taken back")

    def extract(self, row: int) -> list[Any]:
        """One row as mlx-lm's own caches: keys and values first, then states."""
        length = self.lengths[row]
        states: list[Any] = [
            States([None if a is None else mx.contiguous(a[row : row + 1]) for a in arrays], length)
            for arrays in self.held
        ]
        return [*self.kv.extract(row), *states]

    def blank(self, row: int, begin: int = 0) -> None:
        """Zero and forget what a row holds from token `begin` on, and all its states."""
        self.kv.blank(row, begin)
        for arrays in self.held:
            for whole in arrays:
                if whole is not None:
                    whole[row : row + 1] = 0

    def arrays(self) -> list[mx.array]:
        """Every array that is held, for `mx.eval`, with the states of a run under way."""
        held: list[list[Any]] = [*self.held, *(state.cache for state in self.states)]
        states = [a for arrays in held for a in arrays if a is not None]
        return [*self.kv.arrays(), *states]


class LoneRows:
    """Rows that are computed one by one, each with caches like those of `template`, still empty.

    Of a pipeline it holds those of `stage` alone.
    """

    def __init__(self, template: Sequence[Any], stage: slice | None = None):
        self.kv = KVRows(0)  # the lengths
        self.rows: list[list[Any]] = []
        self._template = list(template[stage or slice(None)])
        self.can_rewind = all(map(_can_rewind, template))

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return self.kv.lengths

    def passes(self, spans: Sequence[Span]) -> Iterator[tuple[Run, slice, list[Any]]]:
        """As those of `AnyRows`, each a single row."""
        first = 0
        for span in spans:
            run = lay_out([span], self.kv).runs[0]
            yield run, slice(first, first + span.length), self.rows[span.row]
            self.lengths[span.row] += span.length
            first += span.length

    def join(self, layers: Sequence[Any] = (), *, room: int = 0) -> None:
        """Add a row after the others, which is empty: `extract` gives nothing."""
        self.kv.join(layers, room=room)
        self.rows.append(copy.deepcopy(self._template))

    def select(self, rows: Sequence[int]) -> None:
        """Make `rows` the rows, in that order: leaving one out drops it, naming it twice copies."""
        self.kv.select(rows)
        seen: set[int] = set()
        kept = []
        for row in rows:
            kept.append(copy.deepcopy(self.rows[row]) if row in seen else self.rows[row])
            seen.add(row)
        self.rows = kept

    def copy(self, copies: Sequence[tuple[int, int]]) -> None:
        """Add a row for each (row, n) after the others: the first n tokens of that row."""
        for row, n in copies:
            self.rows.append(copy.deepcopy(self.rows[row]))
            _trim(self.rows[-1], self.lengths[row] - n)
        self.kv.copy(copies)

    def rewind(self, counts: Sequence[int]) -> None:
        """Forget the last `counts[r]` tokens of each row r. Raises `ValueError` if it has fewer."""
        if any(counts) and not self.can_rewind:
            raise ValueError("these caches cannot be taken back")
        self.kv.rewind(counts)
        for layers, count in zip(self.rows, counts, strict=True):
            _trim(layers, count)

    def extract(self, row: int) -> list[Any]:  # noqa: ARG002
        """Nothing: rows of this kind are not kept."""
        return []

    def blank(self, row: int, begin: int = 0) -> None:
        """Forget all that a row holds; it can only be dropped then, or begin again."""
        self.rows[row] = copy.deepcopy(self._template)
        self.lengths[row] = begin

    def arrays(self) -> list[mx.array]:
        """Every array that is held, for `mx.eval`."""
        states = [layer.state for layers in self.rows for layer in layers if layer is not None]
        flat: Any = tree_flatten(states)
        return [leaf for _, leaf in flat if isinstance(leaf, mx.array)]


def _can_rewind(layer: Any) -> bool:
    if type(layer) is CacheList:
        return all(map(_can_rewind, layer.caches))
    return layer is None or type(layer) in (KVCache, ConcatenateKVCache)


def _trim(layers: Sequence[Any], count: int) -> None:
    for layer in layers:
        if count and layer is not None:
            layer.trim(count)
