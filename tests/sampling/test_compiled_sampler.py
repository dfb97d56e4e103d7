"""The sampler as a Mac's GPU runs it: traced once, then compiled."""

import mlx.core as mx
import pytest

from mlx_entropix.sampling import (
    PRESETS,
    Filters,
    PlainConfig,
    no_recent,
    parameter_rows,
    sample_rows,
)


@pytest.mark.parametrize("recent", [None, no_recent(3)], ids=["", "trends"])
def test_a_step_is_traced_without_reading_a_value(monkeypatch, recent):
    """MLX refuses to trace what looks at an array's value, as a wait for the device would."""
    monkeypatch.setattr(mx.metal, "is_available", lambda: True)
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
    sampled = sample_rows(  # not evaluated: that takes a run of the C++ compiler for every kernel
        mx.zeros((3, 50_001), dtype=mx.bfloat16),
        mx.zeros((3, 4, 9)),
        mx.ones((3, 9)) > 0,
        mx.zeros((3,), dtype=mx.int32),
        parameter_rows([*PRESETS.values(), PlainConfig()], 5),
        mx.zeros((3, 2), dtype=mx.uint32),
        candidates=128,
        draws=5,
        filters=Filters(sigma=True, p_less=True, gain=True, xtc=True),
        exempt=mx.array([2, 7]),
        recent=recent,
    )
    assert (sampled.recent is None) == (recent is None)
    assert recent is None or sampled.recent.shape == recent.shape
    assert sampled.token.shape == sampled.quadrant.shape == sampled.logprob.shape == (3,)
    assert sampled.candidates.shape == sampled.candidate_logprobs.shape == (3, 128)
    assert {values.shape for values in (*sampled.metrics, *sampled.parameters)} == {(3,)}
    assert {values.dtype for values in (*sampled.metrics, *sampled.parameters)} == {mx.float32}
    assert sampled.token.dtype == sampled.quadrant.dtype == sampled.candidates.dtype == mx.int32


def test_a_host_visit_would_be_noticed():
    visiting = mx.compile(lambda x: x * 2 if mx.max(x).item() > 0 else x)
    with pytest.raises(ValueError, match="eval"):
        visiting(mx.ones(3))
