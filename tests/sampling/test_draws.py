"""Drawn tokens follow the distribution that they are said to be drawn from."""

import mlx.core as mx
import numpy as np
import pytest
from mlx_lm.sample_utils import apply_min_p, apply_top_k, apply_top_p, make_sampler
from scipy.stats import chisquare

from mlx_entropix.sampling import (
    PRESETS,
    PlainConfig,
    Quadrant,
    candidate_count,
    draw_count,
    filters_of,
    parameter_rows,
    position_key,
    sample,
    sample_rows,
)
from tests.sampling import oracle

DRAWS = 20_000
V = 48


@pytest.fixture(autouse=True)
def uncompiled():
    """Spares mlx-lm's filters a run of the C++ compiler for each number they are given."""
    mx.disable_compile()
    yield
    mx.enable_compile()


def step(config, logits, scores, seed=11, previous=0, exempt=None, chances=0):
    """One step of DRAWS rows that differ in their keys alone; 0 is the clarifying token."""
    rows = mx.repeat(parameter_rows([config], clarifying_token=0), DRAWS, axis=0)
    return sample_rows(
        mx.repeat(logits[None], DRAWS, axis=0),
        mx.repeat(scores[None], DRAWS, axis=0),
        None,
        mx.full((DRAWS,), previous, dtype=mx.int32),
        rows,
        mx.array([position_key(seed, i) for i in range(DRAWS)], dtype=mx.uint32),
        candidates=candidate_count([config], V),
        draws=draw_count([config]),
        filters=filters_of([config]),
        exempt=exempt,
        chances=chances,
    )


def assert_follows(tokens, p):
    """Chi-square of tokens against probabilities (V,), rare ones pooled."""
    counts, expected = np.bincount(tokens, minlength=V), p * len(tokens)
    assert not counts[p == 0].any()
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    possible = expected > 0
    assert possible.sum() > 2
    assert chisquare(counts[possible], expected[possible]).pvalue > 1e-3


def best_of(p, order, draws):
    """The distribution of the best rank among independent draws from p (V,)."""
    ranked = p[order]
    beyond = np.append(np.cumsum(ranked[::-1])[::-1], 0)  # P(rank ≥ r)
    result = np.zeros(V)
    result[order] = beyond[:-1] ** draws - beyond[1:] ** draws
    return result


def random(seed, scale, shape=(V,)):
    return mx.array((np.random.default_rng(seed).normal(size=shape) * scale).astype(np.float32))


two_humps = np.where(np.arange(V) % 4 == 0, 0.0, -14.0) + np.linspace(0, 0.01, V)
half_sure = np.where(np.arange(V) == 5, 4.0, 0.0) + np.linspace(0, 1, V)


@pytest.mark.parametrize(
    ("preset", "changes", "logits", "quadrant"),
    [
        ("entropix", {}, random(0, 1.0), "ADAPTIVE"),
        ("entropix", {"n_adaptive_samples": 2}, random(1, 1.2), "ADAPTIVE"),
        ("frog", {"adaptive": {"temperature_agreement": 0}}, random(2, 2.0), "ADAPTIVE"),
        ("entropix", {}, mx.array(two_humps.astype(np.float32)), "TREADING"),
        ("entropix", {}, mx.array(half_sure.astype(np.float32)), "EXPLORING"),
        (
            "entropix",
            {"high_logits_entropy_threshold": 2.0, "medium_logits_entropy_threshold": 2.0}
            | {"high_logits_varentropy_threshold": 0.5, "medium_logits_varentropy_threshold": 0.5},
            random(3, 1.5),
            "RESAMPLING",
        ),
    ],
)
def test_entropy_sampler(preset, changes, logits, quadrant):
    config = PRESETS[preset].override(changes)
    sampled = step(config, logits, random(4, 2.0, (3, 20)))
    assert {Quadrant(value).name for value in set(sampled.quadrant.tolist())} == {quadrant}

    numbers = [array[0].item() for array in sampled.parameters]
    values = np.array(logits)
    p, doubtful = oracle.filtered(values, *numbers, config.min_tokens_to_keep)
    assert not doubtful
    draws = config.n_adaptive_samples if quadrant == "ADAPTIVE" else 1
    assert_follows(np.array(sampled.token), best_of(p, oracle.ranking(values), draws))


@pytest.mark.parametrize(
    "asked",
    [
        {"top_p": 1, "top_k": 0, "min_p": 0},
        {"top_p": 0, "top_k": 0, "min_p": 0, "temperature": 1.7},
        {"top_p": 0.7, "top_k": 0, "min_p": 0, "temperature": 2.0},
        {"top_p": 1, "top_k": 6, "min_p": 0},
        {"top_p": 1, "top_k": 0, "min_p": 0.2, "temperature": 1.3},
        {"top_p": 1, "top_k": 0, "min_p": 0.9, "min_tokens_to_keep": 5},
        {"top_p": 0.8, "top_k": 9, "min_p": 0.1, "temperature": 1.0},
    ],
)
def test_plain_sampler_is_mlx_lms(asked):
    """The same distribution as mlx-lm's filters give, which mlx-lm's own sampler follows too."""
    config = PlainConfig(**asked)
    logits = random(5, 1.5)
    logprobs = (logits - mx.logsumexp(logits))[None]
    kept = logprobs
    if 0 < config.top_p < 1:
        kept = apply_top_p(kept, config.top_p)
    if config.min_p > 0:
        kept = apply_min_p(kept, config.min_p, config.min_tokens_to_keep)
    if config.top_k > 0:
        kept = apply_top_k(kept, config.top_k)
    p = oracle.softmax(np.array(kept, np.float64)[0] / config.temperature)

    sampled = step(config, logits, random(4, 2.0, (3, 20)))
    assert set(sampled.quadrant.tolist()) == {-1}
    assert [array[0].item() for array in sampled.parameters] == pytest.approx(
        [config.temperature, config.top_p, config.top_k, config.min_p]
    )
    assert_follows(np.array(sampled.token), p)

    theirs = make_sampler(
        config.temperature, config.top_p, config.min_p, config.min_tokens_to_keep, config.top_k
    )
    mx.random.seed(3)
    assert_follows(np.array(theirs(mx.repeat(logprobs, DRAWS, axis=0))), p)


def test_plain_ties_with_the_last_token_inside_top_p_stay():
    """As in mlx-lm, whose threshold is a log-probability and not a rank."""
    logits = mx.array([2.0] + [1.0] * 7 + [0.0] * (V - 8))
    config = PlainConfig(temperature=1, top_p=0.3, top_k=0, min_p=0)
    logprobs = (logits - mx.logsumexp(logits))[None]
    kept = np.flatnonzero(np.array(apply_top_p(logprobs, config.top_p))[0] > -np.inf)
    assert kept.tolist() == list(range(8))
    sampled = step(config, logits, mx.zeros((1, 1)))
    assert sorted(set(sampled.token.tolist())) == kept.tolist()


@pytest.mark.parametrize("top_p", [0.5, 0.25, 0.75])
def test_plain_top_p_right_at_a_sum_is_mlx_lms(top_p):
    """Where every sum is exact: a token whose forerunners reach top_p is left out."""
    logits = mx.log(mx.array([0.5, 0.25, 0.125, 0.125] + [0.0] * (V - 4)))
    kept = np.flatnonzero(np.array(apply_top_p(logits[None], top_p))[0] > -np.inf)
    config = PlainConfig(temperature=1, top_p=top_p, top_k=0, min_p=0)
    sampled = step(config, logits, mx.zeros((1, 1)))
    assert sorted(set(sampled.token.tolist())) == kept.tolist()


def test_equal_logits_all_lie_within_any_top_n_sigma():
    """Their standard deviation is 0, and so is their distance from the best."""
    config = PlainConfig(top_n_sigma=1, temperature=1, top_k=0, top_p=1, min_p=0)
    assert_follows(np.array(step(config, mx.zeros((V,)), mx.zeros((1, 1))).token), np.ones(V) / V)


def test_a_given_token_is_reported_and_not_drawn():
    logits, given = random(5, 1.5), [-1, 7, 0, -1, 47]
    rows = mx.repeat(parameter_rows([PlainConfig(temperature=1)], clarifying_token=0), 5, axis=0)
    sampled = sample_rows(
        mx.repeat(logits[None], 5, axis=0),
        mx.zeros((5, 1, 1)),
        None,
        mx.zeros((5,), dtype=mx.int32),
        rows,
        mx.array([position_key(1, i) for i in range(5)], dtype=mx.uint32),
        candidates=V,
        draws=1,
        given=mx.array(given),
    )
    logprobs = np.array(logits - mx.logsumexp(logits))
    for i, token in enumerate(given):
        drawn = token < 0
        assert drawn or sampled.token[i].item() == token
        assert sampled.logprob[i].item() == pytest.approx(
            logprobs[sampled.token[i].item()], abs=1e-5
        )
        assert all(np.isnan(x[i].item()) != drawn for x in sampled.parameters)


def test_temperature_zero_takes_the_likeliest_token_without_a_draw():
    config = PlainConfig(temperature=0, top_k=0, min_p=0, top_p=1)
    assert candidate_count([config], 50_000) == 128
    logits = random(6, 1.0)
    sampled = step(config, logits, mx.zeros((1, 1)))
    assert set(sampled.token.tolist()) == {mx.argmax(logits).item()}
    assert np.isnan(np.array(sampled.parameters.temperature)).all()


@pytest.mark.parametrize(("n", "banned"), [(0.5, 0), (1.0, 5), (1.7, 0), (3.0, 9)])
def test_top_n_sigma_keeps_what_lies_near_the_best_logit(n, banned):
    """Of the logits as they are: the set does not grow with the temperature."""
    config = PlainConfig(top_n_sigma=n, temperature=1.6, top_k=0, top_p=1, min_p=0)
    logits = np.array(random(11, 1.5), np.float64)
    logits[np.argsort(logits)[:banned]] = -np.inf
    sigma = np.std(logits[np.isfinite(logits)])
    p = oracle.softmax(np.where(logits >= logits.max() - n * sigma, logits, -np.inf) / 1.6)
    assert_follows(np.array(step(config, mx.array(logits), random(4, 2.0, (3, 20))).token), p)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("scale", [0.0, 0.02, 1.0, 3.0, 9.0])
def test_a_base_temperature_of_zero_takes_the_likeliest_token_in_every_quadrant(preset, scale):
    """Whatever a quadrant's minimum, its factor or its clarifying token ask for."""
    logits = random(13, scale)
    cold = PRESETS[preset].override({"temperature": 0})
    sampled = step(cold, logits, random(4, 2.0, (3, 20)), previous=1)
    assert set(sampled.token.tolist()) == {mx.argmax(logits).item()}
    assert np.isnan(np.array(sampled.parameters.temperature)).all()


def test_treading_without_the_clarifying_token_draws():
    flat = mx.zeros((V,))  # all alike: high entropy, no varentropy
    pauses = step(PRESETS["entropix"], flat, mx.zeros((2, 5)), previous=1)
    assert set(pauses.quadrant.tolist()) == {Quadrant.TREADING.value}
    assert set(pauses.token.tolist()) == {0}
    draws = PRESETS["entropix"].override({"treading": {"clarifies": False}})
    drawn = step(draws, flat, mx.zeros((2, 5)), previous=1)
    assert set(drawn.quadrant.tolist()) == {Quadrant.TREADING.value}
    assert len(set(drawn.token.tolist())) == 27  # top_k


def test_sample_splits_one_key_over_its_rows():
    logits, scores = mx.repeat(random(7, 1.0)[None], 400, axis=0), mx.zeros((400, 2, 3))
    previous = mx.zeros((400,), dtype=mx.int32)
    arguments = (logits, scores, previous, PRESETS["frog"].override({"temperature": 2}))
    token, metrics, quadrant = sample(*arguments, mx.random.key(1))
    again, _, _ = sample(*arguments, mx.random.key(1))
    other, _, _ = sample(*arguments, mx.random.key(2))
    assert token.tolist() == again.tolist() != other.tolist()
    assert len(set(token.tolist())) > 3
    assert metrics.logits_entropy.shape == quadrant.shape == (400,)
    single = sample(logits[:1], scores[:1], previous[:1], arguments[3], mx.random.key(1)[None])
    assert single[0].shape == (1,)


@pytest.mark.parametrize(
    "config",
    [
        PRESETS["entropix"],
        PlainConfig(temperature=1.3, top_k=9, top_p=0.9),
        PlainConfig(temperature=0),
    ],
)
def test_tokens_are_as_frequent_as_their_probability_in_the_draw_is_said_to_be(config):
    """Where several draws are made and the best is kept, too."""
    sampled = step(config, random(1, 1.5), random(2, 1, (3, 8)), chances=V)
    tokens = np.array(sampled.token)
    told, ids, of_ids = (np.array(part) for part in sampled.chances)
    p = np.zeros(V)
    p[ids[0]] = of_ids[0]
    assert p.sum() == pytest.approx(1, abs=1e-5)
    assert np.all(np.diff(of_ids[0]) <= 0)
    np.testing.assert_allclose(told, p[tokens], atol=1e-6)
    frequencies = np.bincount(tokens, minlength=V) / DRAWS
    np.testing.assert_allclose(frequencies, p, atol=4 * 0.5 / DRAWS**0.5)
    assert config is not PRESETS["entropix"] or {*np.array(sampled.quadrant)} == {4}
