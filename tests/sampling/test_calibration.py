"""Thresholds from metrics: known quantiles give known thresholds, and shares come out as asked."""

import numpy as np
import pytest

from mlx_entropix.errors import CalibrationError
from mlx_entropix.sampling import PRESETS, Metrics
from mlx_entropix.sampling.calibration import (
    REFERENCE_KEYS,
    TARGETS,
    TokenTable,
    attention_growth,
    border_intervals,
    fit_thresholds,
    quadrant_shares,
    with_borders,
)
from mlx_entropix.sampling.formulas import LEVELS


def table(entropy, varentropy, attention=None, keys=None, prompts=40):
    """A table of these tokens, dealt to the prompts in turn."""
    count = len(entropy)
    rng = np.random.default_rng(1)
    metrics = rng.random((count, len(Metrics._fields)))
    metrics[:, 0], metrics[:, 1] = entropy, varentropy
    if attention is not None:
        metrics[:, 2] = attention
    keys = np.full(count, REFERENCE_KEYS) if keys is None else keys
    return TokenTable(metrics, keys, np.arange(count) % prompts)


def dependent(count, rho, seed=0):
    """Entropy and varentropy as log-normal numbers whose logarithms correlate by rho."""
    rng = np.random.default_rng(seed)
    normal = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], count)
    return np.exp(normal[:, 0] / 2), 3 * np.exp(normal[:, 1] / 2)


def test_known_quantiles_recover_known_thresholds():
    """Of independent uniform metrics the borders follow from the shares by arithmetic.

    A fifth lies above high V = 0.8 of its range, nine tenths of it under high E = 0.9. FLOWING's
    square corner of 0.36 has sides of 0.6; TREADING's 0.18 are the upper 0.3 of E there.
    """
    rng = np.random.default_rng(5)
    uniform = table(10 * rng.random(200_000), 20 * rng.random(200_000))
    shares = {"FLOWING": 0.36, "TREADING": 0.18, "EXPLORING": 0.18, "RESAMPLING": 0.02}
    fit = fit_thresholds(uniform, shares)
    expected = {
        "low_logits_entropy_threshold": 6.0,
        "medium_logits_entropy_threshold": 7.0,
        "high_logits_entropy_threshold": 9.0,
        "low_logits_varentropy_threshold": 12.0,
        "medium_logits_varentropy_threshold": 14.0,
        "high_logits_varentropy_threshold": 16.0,
    }
    for name, value in expected.items():
        assert fit.borders[name] == pytest.approx(value, rel=0.01), name
    assert not fit.notes


def test_borders_that_would_cross_give_way_as_little_as_they_can():
    """TREADING asks for medium E = 9.5 and EXPLORING for high E = 7.5, and neither is had."""
    rng = np.random.default_rng(5)
    uniform = table(10 * rng.random(50_000), 20 * rng.random(50_000))
    shares = {"FLOWING": 0.36, "TREADING": 0.03, "EXPLORING": 0.15, "RESAMPLING": 0.05}
    fit = fit_thresholds(uniform, shares)
    low, medium, high = (fit.borders[f"{x}_logits_entropy_threshold"] for x in LEVELS)
    assert low <= medium <= high
    missed = {name: abs(fit.shares[name] - share) for name, share in shares.items()}
    assert sum(missed.values()) < 0.1
    assert {note.split()[0] for note in fit.notes} == {n for n, by in missed.items() if by > 0.02}
    assert fit.notes


@pytest.mark.parametrize("rho", [0.5, 0.6, 0.7, 0.8])
def test_shares_come_out_as_asked_however_the_metrics_depend_on_each_other(rho):
    """On other tokens of the same kind, within a percentage point; each metric's own quantiles
    would leave quadrants empty."""
    fit = fit_thresholds(table(*dependent(20_000, rho)))
    fresh = quadrant_shares(table(*dependent(20_000, rho, seed=9)), fit.borders)
    assert not fit.notes
    for name, target in TARGETS.items():
        assert fresh[name] == pytest.approx(target, abs=0.012), name
    assert sum(fresh.values()) == pytest.approx(1)


def test_a_share_that_cannot_be_had_is_said():
    """Varentropy follows entropy to the letter: nothing is high in one and low in the other."""
    entropy = np.linspace(0, 8, 5000)
    fit = fit_thresholds(table(entropy, 2 * entropy))
    assert fit.shares["EXPLORING"] + fit.shares["RESAMPLING"] == pytest.approx(0.2, abs=0.01)
    assert any(note.startswith("TREADING gets 0.0%") for note in fit.notes) or not fit.notes
    with_borders(PRESETS["entropix"], fit.borders)  # thresholds in order all the same


@pytest.mark.parametrize("name", TARGETS)
def test_a_quadrant_may_be_left_out(name):
    fit = fit_thresholds(table(*dependent(5000, 0.6)), TARGETS | {name: 0.0})
    assert fit.shares[name] <= 0.02 or any(note.startswith(name) for note in fit.notes)
    with_borders(PRESETS["entropix"], fit.borders)


def test_the_fitted_config_decides_as_the_shares_say():
    """The device, by the config that is written, and NumPy, by the borders, agree."""
    import mlx.core as mx

    from mlx_entropix.sampling import Quadrant, classify

    tokens = table(*dependent(4000, 0.7))
    fit = fit_thresholds(tokens)
    config = with_borders(PRESETS["entropix"], fit.borders)
    quadrants = classify(Metrics(*mx.array(tokens.metrics.T.astype(np.float32))), config)
    counts = np.bincount(np.array(quadrants), minlength=5) / 4000
    for quadrant in Quadrant:
        assert counts[quadrant] == pytest.approx(fit.shares[quadrant.name], abs=0.003)


def test_attention_entropy_is_compared_at_one_length():
    """An entropy that grows by 0.6 bits a doubling has the quartiles of its noise at 64 keys."""
    rng = np.random.default_rng(3)
    keys = rng.integers(16, 1024, 20_000)
    noise = rng.normal(3.0, 0.4, 20_000)
    tokens = table(*dependent(20_000, 0.5), attention=noise + 0.6 * np.log2(keys / 64), keys=keys)
    assert attention_growth(tokens) == pytest.approx(0.6, abs=0.02)
    borders = fit_thresholds(tokens).borders
    low, middle, high = (
        borders[f"{level}_attention_entropy_threshold"] for level in ("low", "medium", "high")
    )
    assert (low, middle, high) == pytest.approx(np.quantile(noise, (0.25, 0.5, 0.75)), abs=0.03)
    alike = table(*dependent(500, 0.5), attention=np.ones(500))
    assert attention_growth(alike) == 0  # all at one length: nothing to learn from


@pytest.mark.slow
def test_intervals_come_from_whole_prompts():
    """Tokens that repeat within a prompt say nothing new: the interval stays as wide."""
    entropy, varentropy = dependent(400, 0.6)
    once = TokenTable(table(entropy, varentropy).metrics, np.full(400, 64), np.arange(400) % 40)
    many = TokenTable(np.tile(once.metrics, (5, 1)), np.full(2000, 64), np.tile(once.prompt, 5))
    name = "high_logits_varentropy_threshold"
    a, b = (border_intervals(t, resamples=80)[name] for t in (once, many))
    assert b[1] - b[0] == pytest.approx(a[1] - a[0], rel=0.35)
    border = fit_thresholds(once).borders[name]
    assert a[0] <= border <= a[1]
    assert border_intervals(once, resamples=20) == border_intervals(once, resamples=20)


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ({"FLOWING": 0.5}, "four shares"),
        (TARGETS | {"FLOWING": 1.2}, "from 0 to 1"),
        (TARGETS | {"FLOWING": 0.9}, "sum to 1"),
    ],
)
def test_impossible_targets_are_refused(targets, says):
    with pytest.raises(CalibrationError, match=says):
        fit_thresholds(table(*dependent(500, 0.5)), targets)


def test_too_few_tokens_are_refused():
    with pytest.raises(CalibrationError, match="too few"):
        fit_thresholds(table(*dependent(50, 0.5)))
