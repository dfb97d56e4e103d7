"""Inputs of a step, ordinary and extreme, and the profile under which properties are tried."""

from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

PROFILE = settings(
    derandomize=True,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}


@dataclass
class Case:
    """One row: what the device gets, and the same numbers for NumPy."""

    logits: mx.array  # (1, V)
    scores: mx.array  # (1, H, T)
    mask: mx.array  # (1, T)

    def row(self):
        """Logits (V,), scores (H, T), visible keys (T,)."""
        logits = np.array(self.logits.astype(mx.float32))[0]
        return logits, np.array(self.scores.astype(mx.float32))[0], np.array(self.mask)[0]


def build(seed, V, H, T, scale, spread, banned, tied, hidden, dtype):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=V) * scale
    if tied:
        logits = np.round(logits / scale) * scale
    logits[rng.random(V) < banned] = -np.inf
    logits[rng.integers(V)] = rng.normal() * scale  # one token at least is allowed
    mask = rng.random(T) >= hidden
    mask[rng.integers(T)] = True
    scores = np.where(mask, rng.normal(size=(H, T)) * spread, np.nan)
    to = DTYPES[dtype]
    return Case(
        mx.array(logits.astype(np.float32))[None].astype(to),
        mx.array(scores.astype(np.float32))[None].astype(to),
        mx.array(mask)[None],
    )


cases = st.builds(
    build,
    seed=st.integers(0, 2**32 - 1),
    V=st.sampled_from([1, 2, 3, 31, 128, 129, 512, 4097]),
    H=st.sampled_from([1, 3, 9]),
    T=st.sampled_from([1, 2, 17, 200]),
    scale=st.sampled_from([0.01, 0.5, 2.0, 10.0, 1000.0]),
    spread=st.sampled_from([0.01, 3.0, 100.0]),
    banned=st.sampled_from([0.0, 0.5, 0.999]),
    tied=st.booleans(),
    hidden=st.sampled_from([0.0, 0.5, 0.99]),
    dtype=st.sampled_from(sorted(DTYPES)),
)
