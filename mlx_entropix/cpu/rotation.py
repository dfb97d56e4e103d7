"""The rotary embedding of a step, computed once for all layers.

`mx.fast.rope` turns every pair of numbers by an angle that depends on the position. Every layer
turns by the same angles, so where numbers are float32 and a pair stands side by side, the angles
become one array of complex numbers, and each layer multiplies its pairs with it: one operation,
where `mx.fast.rope` on a CPU is made of thirty. In 16 bits there is no complex type, and on a GPU
`mx.fast.rope` is one kernel anyway.
"""

import mlx.core as mx
import mlx.nn as nn


def pairs_neighbours(rope: nn.Module) -> bool:
    """Whether `rope` pairs numbers 2i and 2i + 1 ("traditional"), or i and i + size / 2."""
    return bool(getattr(rope, "traditional", False))


def angles(rope: nn.Module, size: int, positions: mx.array) -> mx.array:
    """The complex numbers (N, 1, size / 2) that `rope` turns a head's pairs by at `positions` (N,).

    `rope` is any rotary embedding of mlx-lm. Asked to turn pairs (1, 0), it answers with their
    cosines and sines.
    """
    ones = mx.ones((positions.size, 1, 1, size // 2))
    axis = -1 if pairs_neighbours(rope) else -2
    pair_shape = (-1, 2) if axis == -1 else (2, -1)
    units = mx.stack([ones, mx.zeros_like(ones)], axis=axis).reshape(-1, 1, 1, size)
    turned = rope(units, offset=positions).reshape(positions.size, 1, *pair_shape)
    cosines, sines = mx.unstack(turned, axis=axis)
    return cosines + 1j * sines


def turn(x: mx.array, by: mx.array) -> mx.array:
    """Turn the pairs of x (N, heads, 2 · pairs), float32, that stand side by side."""
    return mx.view(mx.view(x, mx.complex64) * by, mx.float32)


def side_by_side(size: int) -> mx.array:
    """The order (size,) that brings number i next to number i + size / 2."""
    return mx.arange(size).reshape(2, size // 2).T.reshape(size)
