"""The likeliest tokens, exactly, whatever ties and whatever is not a number."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix.sampling import (
    PRESETS,
    PlainConfig,
    candidate_count,
    parameter_rows,
    position_key,
    sample_rows,
)
from mlx_entropix.sampling.ranks import draw_ranks
from tests.sampling import oracle


def step(logits, config=PRESETS["entropix"], scores=None):
    B, V = logits.shape
    return sample_rows(
        logits,
        mx.zeros((B, 2, 3)) if scores is None else scores,
        None,
        mx.zeros((B,), dtype=mx.int32),
        mx.repeat(parameter_rows([config], 1), B, axis=0),
        mx.array([position_key(0, i) for i in range(B)], dtype=mx.uint32),
        candidates=candidate_count([config], V),
        draws=5,
    )


@pytest.mark.parametrize("V", [1, 127, 128, 129, 4096, 4097, 32_003, 49_152])
@pytest.mark.parametrize("levels", [1, 2, 40, 10_000])
def test_ties_go_to_the_lower_id(V, levels):
    rng = np.random.default_rng(V + levels)
    logits = rng.integers(0, levels, size=(2, V)).astype(np.float32) - levels // 2
    logits[:, rng.random(V) < 0.3] *= -0.0  # zeros of both signs, which are equal
    candidates = np.array(step(mx.array(logits)).candidates)
    for row in range(2):
        expected = oracle.ranking(logits[row] + 0.0)[:128]
        assert candidates[row].tolist() == expected.tolist()


def test_fewer_allowed_tokens_than_candidates():
    """Banned tokens follow the others, in order, and are never drawn."""
    logits = np.full((300, 49_150), -np.inf, np.float32)
    logits[:, [7, 40_000, 49_149]] = [0.0, 0.1, 0.2]
    changes = {"min_tokens_to_keep": 50, "n_adaptive_samples": 1}
    sampled = step(mx.array(logits), PRESETS["entropix"].override(changes))
    assert sampled.candidates[0, :5].tolist() == [49_149, 40_000, 7, 0, 1]
    assert set(sampled.token.tolist()) == {7, 40_000, 49_149}
    assert np.isneginf(np.array(sampled.candidate_logprobs)[:, 3:]).all()


@pytest.mark.parametrize("V", [1, 2, 5])
def test_fewer_tokens_than_top_k(V):
    sampled = step(mx.zeros((50, V)), PlainConfig(top_k=100, top_p=1))
    assert sampled.candidates.shape == (50, V)
    assert set(sampled.token.tolist()) == set(range(V))


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf])
@pytest.mark.parametrize("V", [3, 600, 40_001])
def test_what_is_not_a_number_shows_in_the_metrics_of_its_row_only(bad, V):
    logits = np.random.default_rng(0).normal(size=(3, V)).astype(np.float32)
    clean = step(mx.array(logits))
    logits[1, V // 2] = bad
    sampled = step(mx.array(logits))
    entropy = np.array(sampled.metrics.logits_entropy)
    assert np.isnan(entropy).tolist() == [False, True, False]
    assert 0 <= sampled.token[1].item() < V
    assert np.array(sampled.candidates).max() < V
    for row in (0, 2):
        assert sampled.token[row].item() == clean.token[row].item()


def test_a_row_of_nothing_but_negative_nan_stays_inside_the_vocabulary():
    """They rank below the padding that fills the last block of tokens."""
    sampled = step(mx.full((1, 40_001), -np.nan))
    assert np.array(sampled.candidates).max() < 40_001
    assert np.isnan(sampled.metrics.logits_entropy.item())


def test_the_padding_stays_outside_the_vocabulary_where_it_is_the_best_there_is():
    logits = np.full((1, 40_001), -np.inf, np.float32)
    logits[0, : 127 * 32] = -np.nan  # ranks before all else as a block, and behind it as tokens
    logits[0, -1] = 1.0  # alone in the last block
    sampled = step(mx.array(logits))
    assert np.array(sampled.candidates).max() < 40_001


def test_nothing_to_draw_from_gives_the_first_rank():
    keys = mx.array([position_key(0, i) for i in range(3)], dtype=mx.uint32)
    assert draw_ranks(mx.zeros((3, 7)), keys, 2).tolist() == [[0, 0]] * 3


def test_a_draw_right_at_a_border_takes_the_rank_behind_it():
    key = position_key(3, 1)
    u = mx.random.uniform(shape=(32,), key=mx.array(key, dtype=mx.uint32))[:1]
    weights = mx.concatenate([u, 1 - u])[None]
    assert mx.cumsum(weights, axis=-1)[0, -1].item() == 1.0, "so that the target is the border"
    assert draw_ranks(weights, mx.array([key], dtype=mx.uint32), 1).item() == 1


def test_every_token_banned():
    sampled = step(mx.full((1, 5000), -mx.inf))
    assert np.isnan(sampled.metrics.logits_entropy.item())
    assert 0 <= sampled.token.item() < 5000


def test_scores_that_are_not_numbers_show_in_the_metrics():
    scores = np.zeros((2, 2, 3), np.float32)
    scores[1, 0, 1] = np.nan
    metrics = step(mx.zeros((2, 40)), scores=mx.array(scores)).metrics
    for values in metrics[2:]:
        assert np.isnan(np.array(values)).tolist() == [False, True]


@pytest.mark.parametrize("clarifying_token", [-1, 40])
def test_without_a_clarifying_token_treading_draws(clarifying_token):
    sampled = sample_rows(
        mx.zeros((1, 40)),
        mx.zeros((1, 2, 3)),
        None,
        mx.array([3]),
        parameter_rows([PRESETS["entropix"]], clarifying_token),
        mx.array([position_key(0, 0)], dtype=mx.uint32),
        candidates=40,
        draws=5,
    )
    assert sampled.quadrant.item() == 1
    assert sampled.parameters.top_k.item() == 27
    assert 0 <= sampled.token.item() < 27
