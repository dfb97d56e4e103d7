"""Attention and SwiGLU by powers of two, for float32 on a CPU.

A power of two takes less than half the time of `mx.exp` there, on which MLX builds softmax and
sigmoid. On a GPU `mx.fast.scaled_dot_product_attention` and a fused SwiGLU are one kernel each.
"""

import mlx.core as mx

LOG2_E = 1.4426950408889634


def power_of_two(bits: mx.array) -> mx.array:
    """2^bits, in any type and on any machine, for the model and the sampler alike."""
    return mx.power(2.0, bits)


def are_faster(weight: mx.array | None) -> bool:
    """Whether a layer of this weight does better with the functions below than with mlx's own."""
    in_float32 = weight is not None and weight.dtype == mx.float32
    return in_float32 and mx.default_device() == mx.cpu


def attend(
    queries: mx.array, keys: mx.array, values: mx.array, scale: float, mask: mx.array | None
) -> mx.array:
    """softmax(queries · keysᵀ · scale) · values, as `mx.fast.scaled_dot_product_attention` has it.

    `queries` (B, H, L, D), `keys` and `values` (B, H_kv, T, D); `mask` is true at the keys that a
    query sees, of a shape that broadcasts with (B, 1, L, T). Returns (B, H, L, D).
    """
    B, H, L, D = queries.shape
    kv_heads, T = keys.shape[1:3]
    # The query heads that share a KV head become the rows of one product.
    grouped = (queries * (scale * LOG2_E)).reshape(B, kv_heads, -1, D)
    bits = (grouped @ keys.swapaxes(-1, -2)).reshape(B, H, L, T)
    if mask is not None:
        bits = mx.where(mask, bits, -mx.inf)
    weights = power_of_two(bits - mx.max(bits, axis=-1, keepdims=True))
    out = (weights.reshape(B, kv_heads, -1, T) @ values).reshape(B, H, L, D)
    return out / mx.sum(weights, axis=-1, keepdims=True)


def swiglu(gate: mx.array, up: mx.array) -> mx.array:
    """gate · sigmoid(gate) · up, for arrays of one shape."""
    return gate / (1.0 + power_of_two(gate * -LOG2_E)) * up
