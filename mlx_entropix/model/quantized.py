"""Keys and values packed into few bits, as a cache can hold them.

A head's D numbers of a token are cut into groups; a group is stored as whole numbers of `bits` bits
with a scale and a bias in the type of the numbers. So a number takes bits + 2 · 32 / group_size
bits where it is float32, bits + 2 · 16 / group_size in 16 bits. The format is that of
`mx.quantize` and of mlx-lm's `QuantizedKVCache`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import mlx.core as mx
from mlx_lm.models.cache import QuantizedKVCache

from mlx_entropix.choices import KV_BITS, KV_GROUP_SIZES
from mlx_entropix.errors import UsageError, WeightsError
from mlx_entropix.model.cache import KVRows, Target


class KVBits(NamedTuple):
    """How keys and values are packed: `bits` (2, 4 or 8) a number, scaled by groups."""

    bits: int
    group_size: int

    @classmethod
    def of(cls, bits: int, group_size: int) -> "KVBits":
        """Raises `UsageError` where MLX knows no such numbers."""
        for name, value, known in (
            ("kv_bits", bits, KV_BITS),
            ("kv_group_size", group_size, KV_GROUP_SIZES),
        ):
            if value not in known:
                raise UsageError(f"{name} is {value!r}; it can be {', '.join(map(str, known))}.")
        return cls(bits, group_size)

    def check(self, head_dim: int) -> None:
        """Raise `WeightsError` where heads of so many numbers cannot be packed like this."""
        if head_dim % self.group_size == 0:
            return
        fitting = [str(size) for size in KV_GROUP_SIZES if head_dim % size == 0]
        remedy = (
            f"Give --kv_group_size {' or '.join(fitting)}" if fitting else "Leave --kv_bits out"
        )
        raise WeightsError(
            f"The heads of this model have {head_dim} numbers, which groups of {self.group_size} "
            f"for --kv_bits do not divide. {remedy}."
        )


@dataclass(frozen=True)
class Packed:
    """Keys or values (…, T, D), of which words, scales and biases (…, T, n) are stored."""

    words: mx.array
    scales: mx.array
    biases: mx.array
    kv: KVBits

    def __getitem__(self, index: Any) -> "Packed":
        """A part of all that is stored, by its rows, heads and tokens."""
        return Packed(self.words[index], self.scales[index], self.biases[index], self.kv)

    def widened(self) -> mx.array:
        """The numbers themselves (…, T, D), in the type of the scales."""
        return mx.dequantize(self.words, self.scales, self.biases, **self.kv._asdict())

    def products(self, x: mx.array) -> mx.array:
        """x (…, n, D) times each token's numbers: (…, n, T)."""
        return self._product(x, transpose=True)

    def sums(self, weights: mx.array) -> mx.array:
        """The tokens' numbers, weighed by `weights` (…, n, T): (…, n, D)."""
        return self._product(weights, transpose=False)

    def _product(self, x: mx.array, transpose: bool) -> mx.array:
        return mx.quantized_matmul(
            x, self.words, self.scales, self.biases, transpose=transpose, **self.kv._asdict()
        )


class QuantizedKVRows(KVRows):
    """A KV cache as `KVRows` is, whose keys and values are packed from their first token on.

    Each layer has three arrays for keys and three for values, and all of them lie in places alike:
    what rewinds, copies, joins or moves rows is the same.
    """

    _arrays = 3

    def __init__(self, layer_count: int, kv: KVBits):
        super().__init__(3 * layer_count)
        self.kv = kv

    def add_layer(self) -> int:
        """Make room for another layer, while there are no rows. Returns its number."""
        first = super().add_layer()
        super().add_layer()
        super().add_layer()
        return first // 3

    def write(self, layer: int, keys: mx.array, values: mx.array, targets: Any) -> Any:
        """Pack a layer's keys and values (N, H_kv, D), and put them in their places.

        Returns all keys and all values of the layer as `Packed`; see `KVRows.write`.
        """
        return self._pack(self._write, self.keys, layer, keys, targets), self._pack(
            self._write, self.values, layer, values, targets
        )

    def put(self, layer: int, keys: mx.array, values: mx.array, target: Target) -> Any:
        """The same for one target, whose keys and values come as (B, H_kv, L, D).

        Raises `WeightsError` where heads of so many numbers cannot be packed.
        """
        self.kv.check(keys.shape[-1])
        self.kv.check(values.shape[-1])
        return self._pack(self._put_part, self.keys, layer, keys, target), self._pack(
            self._put_part, self.values, layer, values, target
        )

    def _pack(
        self,
        store: Callable[..., mx.array],
        held: list[mx.array | None],
        layer: int,
        new: mx.array,
        where: Sequence[Target] | Target,
    ) -> Packed:
        """Pack a layer's keys or values, and let `store` put each of the three parts `where`."""
        parts = mx.quantize(new, **self.kv._asdict())
        words, scales, biases = (
            store(held, 3 * layer + i, part, where) for i, part in enumerate(parts)
        )
        return Packed(words, scales, biases, self.kv)

    def extract(self, row: int) -> list[Any]:
        """One row as mlx-lm's own quantized cache, a copy."""
        layers, length = [], self.lengths[row]
        for first in range(0, len(self.keys), 3):
            layer: Any = QuantizedKVCache(self.kv.group_size, self.kv.bits)
            if length:
                layer.keys, layer.values = (
                    [
                        mx.contiguous(stored[row : row + 1, :, :length])
                        for stored in held[first : first + 3]
                        if stored is not None
                    ]
                    for held in (self.keys, self.values)
                )
                layer.offset = length
            layers.append(layer)
        return layers
