"""Attention and SwiGLU by powers of two are those of mlx."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from mlx_entropix.cpu import powers


def random(*shape, scale=1.0):
    return mx.random.normal(shape) * scale


@pytest.mark.parametrize("heads", [(4, 4), (6, 2), (5, 1)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scale", [0.1, 10.0])  # even weights; nearly all of it on one key
def test_attention(heads, masked, scale):
    mx.random.seed(heads[0])
    queries, keys, values = random(2, heads[0], 5, 16), *(random(2, heads[1], 9, 16) for _ in "kv")
    seen = mx.arange(9) <= mx.arange(4, 9)[:, None]
    padding = mx.arange(9) >= mx.array([0, 3])[:, None, None, None]
    mask = seen & padding if masked else None
    ours = powers.attend(queries, keys, values, scale, mask)
    theirs = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=scale, mask=mask)
    np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=5e-5)
    assert np.abs(np.array(theirs)).max() > 0.1


def test_swiglu_as_far_as_floats_go():
    gate = mx.array([-3e38, -1e4, -200.0, -89.0, -5.0, -0.0, 1e-8, 3.0, 88.0, 1e4])
    up = mx.array([2.0, -1.0, 3.0, -0.5, 1.5, 2.0, 7.0, -2.0, 0.25, 3.0])
    ours = np.array(powers.swiglu(gate, up))
    np.testing.assert_allclose(ours, np.array(nn.silu(gate) * up), rtol=2e-5, atol=1e-30)


def test_they_are_for_float32_on_a_cpu():
    on_cpu = mx.default_device() == mx.cpu
    assert powers.are_faster(mx.zeros(1)) == on_cpu
    assert not powers.are_faster(mx.zeros(1, dtype=mx.bfloat16))
    assert not powers.are_faster(None)
