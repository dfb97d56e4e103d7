"""What is changed of logits before the sampler, and the filters that both samplers have."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix.sampling import PRESETS, Changed, PlainConfig, changed_logits
from tests.sampling import oracle
from tests.sampling.test_draws import V, assert_follows, random, step

HOT = {"temperature": 1.4, "top_k": 0, "top_p": 1, "min_p": 0}


def listed(lists, value=0.0):
    """Lists of (id, number) as two arrays, filled up with the id -1."""
    width = max(map(len, lists), default=0)
    filled = [[*its, *[(-1, value)] * (width - len(its))] for its in lists]
    ids = mx.array([[i for i, _ in its] for its in filled], dtype=mx.int32)
    numbers = mx.array([[n for _, n in its] for its in filled], dtype=mx.float32)
    return ids.reshape(len(lists), width), numbers.reshape(len(lists), width)


@pytest.mark.parametrize("repetition", [1, 1.3, 0.7])
@pytest.mark.parametrize("bias", [{}, {3: 5.0, 9: -100.0, 47: 0.5}])
def test_penalties_and_biases_are_those_of_numpy(repetition, bias):
    """Rows end with a token of the prompt, a new one of the answer, or one that was there before;
    and one asks for nothing, whose logits stay bit by bit."""
    rng = np.random.default_rng(1)
    logits = mx.array(rng.normal(size=(4, V)).astype("f4") * 3)
    said = [([1, 2, 2, 3], []), ([5, 6], [7, 6, 8]), ([5, 3], [7, 9, 7]), ([4, 5], [6])]
    seen, previous, answers = [], [], []
    for prompt, answer in said:
        *before, last = [*prompt, *answer]
        answered = answer[:-1]
        seen.append([(t, answered.count(t)) for t in dict.fromkeys(before)])
        previous.append(last)
        answers.append([float(bool(answer))])
    penalties = [[repetition, 0.4, 0.9]] * 3 + [[1, 0, 0]]
    biases = [list(bias.items())] * 3 + [[]]
    changed = Changed(
        *listed(seen), mx.array(answers), mx.array(penalties, dtype=mx.float32), *listed(biases)
    )
    found = np.array(changed_logits(logits, mx.array(previous), changed))
    for i, (prompt, answer) in enumerate(said[:3]):
        expected = oracle.changed(np.array(logits[i]), prompt, answer, repetition, 0.4, 0.9, bias)
        np.testing.assert_allclose(found[i], expected, atol=1e-5)
    np.testing.assert_array_equal(found[3], np.array(logits[3]))


@pytest.mark.parametrize("temperature", [0.8, 1.0, 1.7])
def test_p_less_keeps_what_is_as_likely_as_that_two_draws_are_equal(temperature):
    config = PlainConfig(**HOT | {"temperature": temperature}, p_less=True)
    logits = random(3, 0.5)
    tokens = np.array(step(config, logits, random(4, 2.0, (3, 20))).token)
    assert_follows(tokens, oracle.p_less(np.array(logits), temperature))


@pytest.mark.parametrize(
    ("temperature", "gain", "keep"), [(0.8, 0.05, 1), (1.7, 0.2, 1), (1, 0.4, 5)]
)
def test_tokens_are_added_until_the_entropy_grows_by_less(temperature, gain, keep):
    asked = {"temperature": temperature, "min_tokens_to_keep": keep, "min_entropy_gain": gain}
    logits = random(3, 1.0)
    p = oracle.until_entropy_grows_by_less(np.array(logits), temperature, gain, keep)
    assert 2 < np.sum(p > 0) < V / 2
    tokens = np.array(step(PlainConfig(**HOT | asked), logits, random(4, 2.0, (3, 20))).token)
    assert_follows(tokens, p)


@pytest.mark.parametrize("probability", [0.3, 1.0])
def test_xtc_leaves_the_least_likely_of_the_top_choices_as_often_as_it_is_asked_to(probability):
    config = PlainConfig(**HOT, xtc_probability=probability, xtc_threshold=0.06)
    logits = random(5, 1.2)
    plain, hot = (oracle.softmax(np.array(logits, np.float64) / t) for t in (1.0, 1.4))
    assert np.sum(plain > 0.06) > 2
    struck = oracle.without_top_choices(hot, plain, 0.06)
    tokens = np.array(step(config, logits, random(4, 2.0, (3, 20))).token)
    assert_follows(tokens, probability * struck + (1 - probability) * hot)


def test_xtc_spares_the_tokens_that_it_must_not_exclude():
    config = PlainConfig(**HOT, xtc_probability=1, xtc_threshold=0.06)
    logits = random(5, 1.2)
    plain, hot = (oracle.softmax(np.array(logits, np.float64) / t) for t in (1.0, 1.4))
    best = int(np.argmax(plain))
    tokens = step(config, logits, random(4, 2.0, (3, 20)), exempt=mx.array([best, 999])).token
    assert_follows(np.array(tokens), oracle.without_top_choices(hot, plain, 0.06, [best]))


@pytest.mark.parametrize(
    "asked",
    [{"top_n_sigma": 0.8}, {"p_less": True}, {"xtc_probability": 1.0, "xtc_threshold": 0.05}],
    ids=lambda asked: next(iter(asked)),
)
def test_the_entropy_sampler_has_the_filters_too(asked):
    """In its ADAPTIVE quadrant, by the distribution that its quadrant asks for."""
    base = {"n_adaptive_samples": 1, "top_p": 1.0, "min_p": 0.0}
    config = PRESETS["entropix"].override(base | asked)
    logits, scores = random(11, 1.0), random(4, 1.0, (3, 20))
    sampled = step(config, logits, scores)
    temperature, top_p, top_k, min_p = (x[0].item() for x in sampled.parameters)
    p, _ = oracle.filtered(np.array(logits), temperature, top_p, top_k, min_p, 2)
    scaled = oracle.softmax(np.array(logits, np.float64) / temperature)
    if "p_less" in asked:
        p = np.where(scaled >= np.sum(scaled**2), p, 0)
    elif "top_n_sigma" in asked:
        x = np.array(logits, np.float64)
        p = np.where(x >= x.max() - 0.8 * np.std(x), p, 0)
    else:
        p = oracle.without_top_choices(p, p, 0.05)
    assert_follows(np.array(sampled.token), p / np.sum(p))
