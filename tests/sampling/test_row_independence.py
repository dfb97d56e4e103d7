"""A row's step is the same alone and among others of other configurations and lengths."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix.sampling import (
    PRESETS,
    PlainConfig,
    candidate_count,
    draw_count,
    filters_of,
    parameter_rows,
    position_key,
    sample_rows,
)

CONFIGS = [
    PRESETS["entropix"],
    PRESETS["frog"],
    PlainConfig(),
    PRESETS["entropix"].override({"n_adaptive_samples": 32, "temperature": 1.5}),
    PRESETS["entropix"].override({"n_adaptive_samples": 2, "top_p": 0.5}),
    PRESETS["frog"].override({"adaptive": {"temperature_agreement": 0}}),
    PlainConfig(temperature=0),
    PRESETS["frog"].override({"top_n_sigma": 1.5, "xtc_probability": 0.5}),
    PlainConfig(top_k=0, top_p=1, min_p=0, min_entropy_gain=0.01),
    PlainConfig(p_less=True, xtc_probability=1, xtc_threshold=0.02),
]
V = 6000


def step(configs, logits, scores, mask, keys):
    sampled = sample_rows(
        logits,
        scores,
        mask,
        mx.zeros((len(configs),), dtype=mx.int32),
        parameter_rows(configs, clarifying_token=9),
        keys,
        candidates=candidate_count(configs, V),
        draws=draw_count(configs),
        filters=filters_of(configs),
    )
    drawn = np.array([sampled.token, sampled.quadrant]).T
    numbers = np.array([sampled.logprob, *sampled.metrics, *sampled.parameters]).T
    return drawn, numbers, np.array(sampled.candidates)[:, :128]


@pytest.mark.parametrize("unlimited", [False, True])
def test_a_row_does_not_see_the_others(unlimited):
    rng = np.random.default_rng(1)
    configs = CONFIGS * 5 + ([PlainConfig(top_k=0, top_p=1, min_p=0)] if unlimited else [])
    B, T = len(configs), 90
    logits = mx.array((rng.normal(size=(B, V)) * rng.choice([0.1, 2, 5], (B, 1))).astype("f4"))
    scores = mx.array((rng.normal(size=(B, 9, T)) * 3).astype("f4"))
    lengths = rng.integers(1, T + 1, B)
    mask = mx.arange(T) >= mx.array(T - lengths)[:, None]  # padding on the left
    keys = mx.array([position_key(seed, 5) for seed in range(B)], dtype=mx.uint32)
    together = step(configs, logits, scores, mask, keys)
    for i, config in enumerate(configs):
        own = slice(T - int(lengths[i]), T)
        alone = step([config], logits[i : i + 1], scores[i : i + 1, :, own], None, keys[i : i + 1])
        np.testing.assert_array_equal(alone[0][0], together[0][i])
        np.testing.assert_allclose(alone[1][0], together[1][i], rtol=2e-5, atol=2e-6)
        np.testing.assert_array_equal(alone[2][0], together[2][i])


def test_a_draw_depends_on_its_key_alone():
    """Best of 5 is the same where another row draws 32 times."""
    logits = mx.array(np.random.default_rng(3).normal(size=(1, V)).astype("f4") * 2)
    scores = mx.zeros((1, 2, 4))
    for position in range(40):
        key = mx.array([position_key(8, position)], dtype=mx.uint32)
        alone, _, _ = step(CONFIGS[:1], logits, scores, None, key)
        both = [mx.repeat(x, 2, axis=0) for x in (logits, scores)]
        among, _, _ = step([CONFIGS[3], CONFIGS[0]], *both, None, mx.repeat(key, 2, axis=0))
        np.testing.assert_array_equal(alone[0], among[1])
