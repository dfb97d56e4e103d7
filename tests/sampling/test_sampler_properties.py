"""The package against the float64 oracle, on inputs ordinary and extreme."""

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlx_entropix.sampling import (
    PRESETS,
    Metrics,
    Quadrant,
    calculate_metrics,
    candidate_count,
    classify,
    draw_count,
    filtered_probabilities,
    parameter_rows,
    position_key,
    sample_rows,
    sampling_parameters,
)
from mlx_entropix.sampling.decide import decide
from tests.sampling import oracle
from tests.sampling.cases import PROFILE, cases

pytestmark = pytest.mark.slow

CLARIFYING = 1


def as_metrics(values):
    return Metrics(*mx.array(np.asarray(values, np.float32))[:, None])


def near_border(values, preset):
    return any(
        abs(values[metric] - border) < 1e-3 * max(1, border)
        for metric, borders in oracle.BORDERS[preset].items()
        for border in borders
    )


@given(cases)
@PROFILE
def test_metrics(case):
    expected = oracle.metrics(*case.row())
    masked = calculate_metrics(case.logits, case.scores, case.mask)
    np.testing.assert_allclose([a.item() for a in masked], expected, atol=1e-4, rtol=2e-5)
    if case.mask.all().item():
        unmasked = calculate_metrics(case.logits, case.scores)
        np.testing.assert_allclose([a.item() for a in unmasked], expected, atol=1e-4, rtol=2e-5)


bits = st.floats(0, 17, width=32)
squares = st.one_of(st.floats(0, 70, width=32), st.floats(0, np.float32(0.2), width=32))
observed = st.tuples(
    st.one_of(bits, st.floats(0, np.float32(0.2), width=32)),
    squares,
    bits,
    squares,
    st.floats(0, np.float32(0.1), width=32),
    st.floats(0, 50, width=32),
)


@pytest.mark.parametrize("preset", PRESETS)
@given(values=observed)
@PROFILE
def test_quadrant_and_parameters(preset, values):
    assume(not near_border(values, preset))
    config, metrics = PRESETS[preset], as_metrics(values)
    quadrant = oracle.classify(values, preset)
    assert Quadrant(classify(metrics, config).item()).name == quadrant

    temperature, top_p, top_k, min_p = oracle.parameters(values, quadrant, preset)
    got = [array.item() for array in sampling_parameters(metrics, config)]
    expected = [temperature, top_p, min_p]
    np.testing.assert_allclose([*got[:2], got[3]], expected, rtol=1e-5, atol=1e-5)
    whole = {np.round(top_k - 1e-4), np.round(top_k + 1e-4)}
    if quadrant == "EXPLORING":
        whole = {np.floor(top_k - 1e-4), np.floor(top_k + 1e-4)}
    assert np.isnan(top_k) or got[2] in whole


@pytest.mark.parametrize("preset", PRESETS)
def test_every_border_is_strict(preset):
    """A metric that equals a threshold lies on neither side of it."""
    config = PRESETS[preset]
    for name in ("flowing", "treading", "exploring", "resampling"):
        inside = dict.fromkeys(Metrics._fields, 0.0)
        conditions = [condition.split() for condition in getattr(config, name).when]
        for metric, side, level in conditions:
            border = config.threshold(level, metric)
            inside[metric] = border * 2 if side == ">" else border / 2
        for metric, _, level in conditions:
            border = np.float32(config.threshold(level, metric))
            at = as_metrics(list({**inside, metric: border}.values()))
            assert Quadrant(classify(as_metrics(list(inside.values())), config).item()).name == (
                name.upper()
            )
            assert Quadrant(classify(at, config).item()).name != name.upper()


@given(
    case=cases,
    temperature=st.sampled_from([0.0, 1e-39, 1e-30, 0.01, 0.666, 1.0, 2.3, 30.0]),
    top_p=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    top_k=st.sampled_from([1, 5, 27, 100]),
    min_p=st.sampled_from([0.0, 0.03, 0.4, 1.0]),
    keep=st.sampled_from([1, 2, 7]),
)
@PROFILE
def test_filtered_probabilities(case, temperature, top_p, top_k, min_p, keep):
    logits, _, _ = case.row()
    expected, doubtful = oracle.filtered(logits, temperature, top_p, top_k, min_p, keep)
    assume(not doubtful)
    got = np.array(filtered_probabilities(case.logits, temperature, top_p, top_k, min_p, keep))[0]
    np.testing.assert_allclose(got, expected, atol=2e-5)
    assert not np.any((got > 0) & (expected == 0))


def test_filter_at_exact_borders():
    """Four equal tokens, where every sum is exact."""
    even = mx.zeros((1, 4))

    def kept(**changes):
        asked = {"temperature": 1, "top_p": 1, "top_k": 4, "min_p": 0, "min_tokens_to_keep": 1}
        return np.flatnonzero(
            np.array(filtered_probabilities(even, **(asked | changes)))[0]
        ).tolist()

    assert kept() == [0, 1, 2, 3]
    assert kept(top_p=0.5) == [0, 1, 2]  # the mass above the third token is 0.5, not more
    assert kept(top_p=0.49) == [0, 1]
    assert kept(min_p=1) == [0]  # p > min_p · p_0 does not hold for a tie with the best
    assert kept(min_p=1, min_tokens_to_keep=3) == [0, 1, 2]
    assert kept(min_p=1, min_tokens_to_keep=3, top_k=2) == [0, 1]
    assert kept(temperature=0) == [0]


@given(cases, st.sampled_from(sorted(PRESETS)), st.booleans(), st.integers(0, 2**64))
@PROFILE
def test_step(case, preset, clarified, seed):
    """A whole step, told from the outside: the token, its log-probability, what was reported."""
    logits, scores, visible = case.row()
    config, V = PRESETS[preset], len(logits)
    sampled = sample_rows(
        case.logits,
        case.scores,
        case.mask,
        mx.array([CLARIFYING if clarified else 0]),
        parameter_rows([config], CLARIFYING),
        mx.array([position_key(seed, 3)], dtype=mx.uint32),
        candidates=candidate_count([config], V),
        draws=draw_count([config]),
    )
    values = oracle.metrics(logits, scores, visible)
    order = oracle.ranking(logits)
    C = min(V, 128)
    assert np.array(sampled.candidates)[0].tolist() == order[:C].tolist()
    logprobs = oracle.log_softmax(logits.astype(np.float64))
    got = np.array(sampled.candidate_logprobs)[0]
    np.testing.assert_allclose(got, logprobs[order[:C]], rtol=1e-4, atol=1e-4)
    token = sampled.token.item()
    np.testing.assert_allclose(sampled.logprob.item(), logprobs[token], rtol=1e-4, atol=1e-4)

    assume(not near_border(values, preset))
    quadrant = oracle.classify(values, preset)
    assert Quadrant(sampled.quadrant.item()).name == quadrant
    numbers = [array.item() for array in sampled.parameters]
    temperature = oracle.parameters(values, quadrant, preset)[0]
    is_known = V > CLARIFYING and logits[CLARIFYING] > -np.inf  # one that is banned is not said
    if quadrant == "TREADING" and not clarified and is_known:
        assert token == CLARIFYING
        assert np.isnan(numbers).all()
    elif quadrant == "FLOWING" or temperature == 0:
        assert token == order[0]
        assert np.isnan(numbers).all()
    elif temperature > 1e-3:
        p, doubtful = oracle.filtered(logits, *numbers, config.min_tokens_to_keep)
        assert doubtful or p[token] > 0


def test_conditions_take_numbers_and_see_attention_at_a_fixed_length():
    """Two rows of equal attention entropy: the one with more keys is the sharper for its length."""
    metrics = Metrics(
        *(mx.array(x) for x in ([2.0, 2.0], [1.0, 1.0], [4.0, 4.0], *[[0.0, 0.0]] * 3))
    )
    by_number = PRESETS["entropix"].override(
        {
            "exploring": {"when": ["logits_entropy > 1.5", "attention_entropy < 3.5"]},
            "attention_entropy_per_doubling": 0.5,
            "attention_entropy_keys": 32,
        }
    )
    assert set(classify(metrics, by_number).tolist()) == {Quadrant.ADAPTIVE.value}
    rows = mx.repeat(parameter_rows([by_number], -1), 2, axis=0)
    visible = mx.array([[63.0], [65.0]])  # twice 32 keys bring just the half bit
    quadrant = decide(mx.stack(list(metrics), axis=-1), rows, visible).quadrant
    assert quadrant[:, 0].tolist() == [Quadrant.ADAPTIVE.value, Quadrant.EXPLORING.value]
