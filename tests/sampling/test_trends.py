"""Conditions on the mean and the slope of a metric over a row's last tokens."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix.sampling import (
    PRESETS,
    PlainConfig,
    Quadrant,
    SamplerConfig,
    calculate_metrics,
    candidate_count,
    classify,
    draw_count,
    measures_trends,
    no_recent,
    parameter_rows,
    position_key,
    sample_rows,
)
from mlx_entropix.sampling.trends import LONGEST_WINDOW, means_and_slopes, move_on

ENTROPIX = PRESETS["entropix"]
NEVER = {"when": ["logits_entropy > 19", "logits_entropy < low"]}
V, T = 400, 12


def judging(*when, **values):
    """A configuration that is RESAMPLING where `when` holds, and ADAPTIVE elsewhere."""
    others = dict.fromkeys(("flowing", "treading", "exploring"), NEVER)
    return ENTROPIX.override({**others, "resampling": {"when": list(when)}, **values})


def test_means_and_slopes_are_those_of_numpy():
    rng = np.random.default_rng(5)
    windows = [1, 2, 3, 8, 17, 63, 64]
    values = (rng.normal(size=(80, len(windows), 6)) * [1, 5, 2, 1, 0.001, 3]).astype("f4") + 4
    recent = no_recent(len(windows))
    for now in range(len(values)):
        recent = move_on(recent, mx.array(values[now]))
        found = np.array(means_and_slopes(recent, mx.array(windows, dtype=mx.float32)[:, None]))
        for row, window in enumerate(windows):
            seen = values[max(0, now + 1 - window) : now + 1, row].astype(np.float64)
            np.testing.assert_allclose(found[row, :6], seen.mean(axis=0), rtol=2e-6)
            if len(seen) == 1:
                np.testing.assert_array_equal(found[row], [*seen[0].astype("f4"), *[0] * 6])
            else:
                slopes = np.polyfit(np.arange(len(seen)), seen, 1)[0]
                np.testing.assert_allclose(found[row, 6:], slopes, rtol=1e-4, atol=2e-6)


def sequence(rng, steps, rows):
    """Logits (steps, rows, V) that are sure and unsure by turns, and scores."""
    heat = np.exp(np.cumsum(rng.normal(size=(steps, rows, 1)), axis=0) * 0.5)
    logits = rng.normal(size=(steps, rows, V)) * np.clip(heat, 0.2, 8)
    return logits.astype("f4"), (rng.normal(size=(steps, rows, 4, T)) * 2).astype("f4")


def run(configs, logits, scores, joins=0):
    """The tokens and quadrants (steps, B) of rows whose answers begin at step `joins`."""
    recent, tokens, quadrants = no_recent(len(configs)), [], []
    for now in range(joins, len(logits)):
        keys = [position_key(row, now) for row in range(len(configs))]
        sampled = sample_rows(
            mx.array(logits[now]),
            mx.array(scores[now]),
            None,
            mx.zeros((len(configs),), dtype=mx.int32),
            parameter_rows(configs, 9),
            mx.array(keys, dtype=mx.uint32),
            candidates=candidate_count(configs, V),
            draws=draw_count(configs),
            recent=recent if measures_trends(configs) else None,
        )
        recent = sampled.recent
        tokens.append(sampled.token.tolist())
        quadrants.append(sampled.quadrant.tolist())
    return np.array(tokens), np.array(quadrants)


@pytest.mark.parametrize("window", [1, 4, 8, 64])
def test_conditions_on_trends_hold_where_numpy_says(window):
    rng = np.random.default_rng(window)
    logits, scores = sequence(rng, 90, 3)
    configs = [
        judging("logits_entropy_mean > high", window=window),
        judging("logits_varentropy_slope < -0.2", "logits_entropy > 1.0", window=window),
        judging("attention_entropy_mean < medium", "agreement_slope > 0", window=window),
    ]
    _, quadrants = run(configs, logits, scores)
    steps = zip(logits, scores, strict=True)
    metrics = np.array([calculate_metrics(mx.array(a), mx.array(b)) for a, b in steps])
    taken = 0
    for now in range(len(logits)):
        seen = metrics[max(0, now + 1 - window) : now + 1].astype(np.float64)  # (n, 6, row)
        mean = seen.mean(axis=0)
        age = np.arange(len(seen)) - (len(seen) - 1) / 2
        slope = np.tensordot(age, seen, 1) / max(np.sum(age**2), 0.5)
        margins = [
            [mean[0, 0] - 5.0],
            [-0.2 - slope[1, 1], seen[-1, 0, 1] - 1.0],
            [3.0 - mean[2, 2], slope[4, 2]],
        ]
        for row, margin in enumerate(margins):
            if min(map(abs, margin)) < 1e-5 and len(seen) > 1:
                continue  # float32 may decide otherwise
            expected = Quadrant.RESAMPLING if min(margin) > 0 else Quadrant.ADAPTIVE
            assert quadrants[now, row] == expected, (now, row)
            taken += expected is Quadrant.RESAMPLING
    assert taken >= 10


def test_a_first_token_is_its_own_mean_and_has_no_slope():
    logits = mx.array(np.random.default_rng(0).normal(size=(5, V)).astype("f4") * 3)
    metrics = calculate_metrics(logits, mx.zeros((5, 1, 4)))
    means = judging("logits_entropy_mean > 4.5", "logits_varentropy_mean > high")
    values = judging("logits_entropy > 4.5", "logits_varentropy > high")
    assert classify(metrics, means).tolist() == classify(metrics, values).tolist()
    rising = judging("logits_entropy_slope > 0")
    assert set(classify(metrics, rising).tolist()) == {Quadrant.ADAPTIVE.value}
    flat = judging("logits_entropy_slope > -0.001", "logits_entropy_slope < 0.001")
    assert set(classify(metrics, flat).tolist()) == {Quadrant.RESAMPLING.value}


def test_a_row_does_not_see_the_windows_of_others():
    rng = np.random.default_rng(7)
    configs = [
        judging("logits_entropy_mean > 3.0", window=3),
        judging("logits_varentropy_slope > 0.1", window=64),
        ENTROPIX,
        PlainConfig(),
        judging("attention_varentropy_mean > 0.02", window=17),
    ]
    logits, scores = sequence(rng, 40, len(configs))
    together = run(configs, logits, scores)
    for row in range(len(configs)):
        own = slice(row, row + 1)
        # Its key is that of its number: row 0 of one row has another.
        padded = [ENTROPIX] * row + [configs[row]]
        alone = run(padded, logits[:, : row + 1], scores[:, : row + 1])
        np.testing.assert_array_equal(alone[0][:, own], together[0][:, own])
        np.testing.assert_array_equal(alone[1][:, own], together[1][:, own])


def test_the_attention_entropy_of_a_trend_is_that_at_a_fixed_length():
    logits, scores = sequence(np.random.default_rng(3), 30, 2)
    steps = zip(logits[:, :1], scores[:, :1], strict=True)
    entropy = [
        calculate_metrics(mx.array(a), mx.array(b)).attention_entropy.item() for a, b in steps
    ]
    judged = np.array(entropy) + np.log2(48 / T)
    means = np.array([judged[max(0, now - 7) : now + 1].mean() for now in range(30)])
    border = round(float(np.median(means)), 4)
    changes = {"attention_entropy_per_doubling": 1.0, "attention_entropy_keys": 48}
    config = judging(f"attention_entropy_mean > {border}", **changes)
    _, quadrants = run([config, judging("agreement_mean > 0")], logits, scores)
    found = quadrants[:, 0] == Quadrant.RESAMPLING
    np.testing.assert_array_equal(found, means > border)
    assert 10 <= found.sum() <= 20


def test_nothing_is_kept_where_no_row_asks():
    assert not measures_trends([*PRESETS.values(), PlainConfig(), SamplerConfig(window=3)])
    assert measures_trends([PlainConfig(), judging("logits_entropy_slope > 0.2")])
    assert no_recent(2).shape == (2, 6, LONGEST_WINDOW)
