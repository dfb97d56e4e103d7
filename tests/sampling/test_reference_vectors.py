"""Agreement with vectors computed by the published MLX samplers, which lie in tests/data."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix.sampling import (
    PRESETS,
    Metrics,
    Quadrant,
    calculate_metrics,
    classify,
    draw_count,
    filtered_probabilities,
    parameter_rows,
    position_key,
    sample_rows,
    sampling_parameters,
)
from tests.sampling import oracle

DATA = Path(__file__).parents[1] / "data"


def columns(arrays):
    return np.stack([np.array(array) for array in arrays], axis=1)


@pytest.fixture(scope="module", params=["entropix", "frog"])
def case(request):
    """The vectors of a preset, and what this package makes of their inputs."""
    vectors = dict(np.load(DATA / f"{request.param}.npz"))
    config = PRESETS[request.param]
    logits, scores = mx.array(vectors["logits"]), mx.array(vectors["scores"])
    mask = mx.arange(scores.shape[-1]) < mx.array(vectors["length"])[:, None]
    count = len(logits)
    sampled = sample_rows(
        logits,
        scores,  # NaN behind each row's length
        mask,
        mx.array(vectors["prev_token"]),
        mx.repeat(parameter_rows([config], int(vectors["clarifying_token"])), count, axis=0),
        mx.array([position_key(0, i) for i in range(count)], dtype=mx.uint32),
        candidates=128,
        draws=draw_count([config]),
    )
    return request.param, config, vectors, logits, scores, mask, sampled


def test_metrics(case):
    _, _, vectors, logits, scores, mask, sampled = case
    assert tuple(vectors["metric_names"]) == Metrics._fields
    metrics = calculate_metrics(logits, scores, mask)
    np.testing.assert_allclose(columns(metrics), vectors["metrics"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(columns(sampled.metrics), vectors["metrics"], atol=1e-4, rtol=0)


def test_quadrants(case):
    _, config, vectors, logits, scores, mask, sampled = case
    for values in (classify(calculate_metrics(logits, scores, mask), config), sampled.quadrant):
        assert [Quadrant(value).code for value in values.tolist()] == vectors["branch"].tolist()


def test_parameters(case):
    preset, config, vectors, _, _, _, sampled = case
    expected = vectors["params"].copy()
    assert tuple(vectors["param_names"]) == sampled.parameters._fields
    exploring = vectors["branch"] == "lehv"
    # The published port caps EXPLORING at 1 by a slip; the cap is 1.5 as in the JAX sampler.
    for i in np.flatnonzero(exploring):
        expected[i, 0] = oracle.parameters(vectors["metrics"][i], "EXPLORING", preset)[0]
        assert vectors["params"][i, 0] == pytest.approx(min(1, expected[i, 0]), abs=1e-5)
    assert not exploring.any() or 1 < expected[exploring, 0].max() <= 1.5
    asked = columns(sampling_parameters(Metrics(*mx.array(vectors["metrics"]).T), config))
    drawn = ~np.isnan(expected[:, 0])
    np.testing.assert_allclose(asked[drawn], expected[drawn], atol=1e-3, rtol=0)

    expected[expected[:, 0] == 0] = np.nan  # a temperature of 0 makes no draw
    used = columns(sampled.parameters)
    np.testing.assert_allclose(used, expected, atol=1e-3, rtol=0)
    if preset == "frog":
        assert np.sum(np.isnan(used[:, 0]) & (vectors["branch"] == "adaptive")) == 5


def test_filtered_probabilities(case):
    _, config, vectors, logits, _, _, sampled = case
    numbers = mx.array(vectors["params"].astype(np.float32)).T
    ours = np.array(filtered_probabilities(logits, *numbers, config.min_tokens_to_keep))
    for i in np.flatnonzero(~np.isnan(vectors["params"][:, 0])):
        expected = vectors["filtered_probs"][i]
        if vectors["params"][i, 0] == 0:  # published: NaN; here: the likeliest token
            assert np.isnan(expected).all()
            expected = np.eye(512)[np.argmax(vectors["logits"][i])]
            assert sampled.token[i].item() == np.argmax(vectors["logits"][i])
        np.testing.assert_allclose(ours[i], expected, atol=1e-3)
        if vectors["branch"][i] != "lehv":  # where the draw's temperature is ours
            assert expected[sampled.token[i].item()] > 0


def test_tokens_without_a_draw(case):
    _, _, vectors, _, _, _, sampled = case
    undrawn = vectors["draws"] == 0
    assert undrawn.sum() > 12
    tokens = np.array(sampled.token)
    np.testing.assert_array_equal(tokens[undrawn], vectors["token"][undrawn])
    clarifying = vectors["clarifying_token"].item()
    assert {clarifying} < set(tokens[undrawn].tolist())  # both kinds: clarifying and argmax


def wild() -> np.ndarray:
    """Metrics (600, 6) far from what models give, of every quadrant."""
    highest = np.array([8, 10, 12, 9, 0.05, 12])
    values = (np.random.default_rng(0).random((600, 6)) ** 2 * highest).astype(np.float32)
    values[:40, :2] *= 0.002
    values[40:80, 1] *= 0.002
    return values


@pytest.mark.parametrize("base", [{}, {"t": 5, "p": 1, "k": 100, "m": 1}, {"p": 0.02, "k": 1}])
@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_far_from_what_models_give(preset, base, monkeypatch):
    """Wild metrics and bases, where each published limit is met."""
    base = oracle.BASE[preset] | base
    monkeypatch.setitem(oracle.BASE, preset, base)
    names = {"temperature": "t", "top_p": "p", "top_k": "k", "min_p": "m"}
    config = PRESETS[preset].override({name: base[key] for name, key in names.items()})
    values = wild()
    asked = columns(sampling_parameters(Metrics(*mx.array(values).T), config))
    quadrants = classify(Metrics(*mx.array(values).T), config).tolist()
    for row, quadrant, numbers in zip(values, quadrants, asked, strict=True):
        name = oracle.classify(row, preset)
        assert Quadrant(quadrant).name == name
        t, top_p, top_k, min_p = oracle.parameters(row.astype(np.float64), name, preset)
        expected = np.array([t, top_p, min_p])
        np.testing.assert_allclose(numbers[[0, 1, 3]], expected, rtol=1e-4, atol=1e-5)
        top_k = np.minimum(top_k, 100)  # in any quadrant, which keeps NaN
        assert np.isnan(top_k) or abs(numbers[2] - top_k) <= (1 if name == "EXPLORING" else 0.501)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_base_temperature_of_zero_stays_zero_in_every_quadrant(preset):
    metrics = Metrics(*mx.array(wild()).T)
    config = PRESETS[preset].override({"temperature": 0})
    temperature = np.array(sampling_parameters(metrics, config).temperature)
    flowing = np.array(classify(metrics, config)) == Quadrant.FLOWING.value
    assert np.isnan(temperature[flowing]).all()
    assert (temperature[~flowing] == 0).all()
    assert Quadrant.RESAMPLING.value in classify(metrics, config).tolist()  # has a minimum of 2
