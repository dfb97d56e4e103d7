"""Rows that are added, dropped, forked and rolled back compute what they would alone."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix.model.cache import KVRows
from mlx_entropix.model.load import load_model
from tests.model.checkpoints import random_model, save_folder

SEQUENCES = [[5, 6, 7, 8, 9, 10, 11], [20, 21], [33], [40, 41, 42, 43]]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = save_folder(tmp_path_factory.mktemp("tiny"), *random_model())
    return load_model(folder)[0]


def alone(model, sequence):
    """Logits and scores after the last token of a sequence."""
    cache = row_of(model, sequence[:-1])
    logits, scores, _ = model.step(mx.array(sequence[-1:]), cache)
    return np.array(logits[0]), np.array(scores[0])


def row_of(model, tokens):
    cache = model.empty_cache()
    if tokens:
        model.prefill(mx.array([tokens]), cache)
    return cache


def batch_of(model, sequences):
    cache = row_of(model, sequences[0])
    for sequence in sequences[1:]:
        cache.extend(row_of(model, sequence))
    return cache


def check(model, cache, sequences):
    """One more step of every row gives what each gives alone."""
    logits, scores, visible = model.step(mx.array([s[-1] for s in sequences]), cache)
    for i, sequence in enumerate(sequences):
        expected_logits, expected_scores = alone(model, sequence)
        np.testing.assert_allclose(np.array(logits[i]), expected_logits, atol=1e-4)
        seen = slice(None) if visible is None else np.array(visible[i])
        np.testing.assert_allclose(np.array(scores[i])[:, seen], expected_scores, atol=1e-4)
        assert cache.lengths[i] == len(sequence)


def test_rows_of_different_lengths(model):
    cache = batch_of(model, [s[:-1] for s in SEQUENCES])
    assert len(cache) == 4
    assert cache.padding == [0, 5, 6, 3]
    check(model, cache, SEQUENCES)
    longer = [[*s, 50 + i] for i, s in enumerate(SEQUENCES)]
    check(model, cache, longer)


def test_a_longer_row_joins(model):
    cache = batch_of(model, [[1, 2], [3]])
    cache.extend(row_of(model, [4, 5, 6, 7, 8]))
    check(model, cache, [[1, 2, 9], [3, 9], [4, 5, 6, 7, 8, 9]])


def test_drop_reorder_and_fork(model):
    cache = batch_of(model, SEQUENCES)
    cache.keep([3, 1, 1])
    assert cache.padding == [0, 2, 2]  # columns that only the dropped rows used are gone
    check(model, cache, [[*SEQUENCES[3], 1], [*SEQUENCES[1], 2], [*SEQUENCES[1], 3]])
    # The two copies go their own ways.
    check(model, cache, [[*SEQUENCES[3], 1, 4], [*SEQUENCES[1], 2, 5], [*SEQUENCES[1], 3, 6]])


def test_roll_back_by_different_counts(model):
    cache = batch_of(model, SEQUENCES)
    cache.roll_back([4, 0, 1, 2])
    check(model, cache, [[5, 6, 7, 60], [20, 21, 61], [62], [40, 41, 63]])


def test_roll_back_all_alike(model):
    cache = batch_of(model, [[1, 2, 3], [4, 5, 6]])
    cache.roll_back([2, 2])
    check(model, cache, [[1, 7], [4, 8]])


@pytest.mark.parametrize("counts", [[3, 0], [0, -1]])
def test_roll_back_refuses_what_is_not_there(model, counts):
    cache = batch_of(model, [[1, 2], [4, 5, 6]])
    with pytest.raises(ValueError, match="roll back"):
        cache.roll_back(counts)
    check(model, cache, [[1, 2, 7], [4, 5, 6, 8]])


def test_extract_is_a_copy_without_padding(model):
    cache = batch_of(model, SEQUENCES)
    extracted = KVRows(cache.extract(1), [0])
    assert extracted.nbytes == 2 * 2 * 2 * 2 * 32 * 4  # layers, K and V, heads, tokens, D, float32
    check(model, cache, [[*s, 1] for s in SEQUENCES])
    check(model, extracted, [[20, 21, 70]])


def test_growing_past_the_reserved_columns(model):
    sequences = [[(3 * i) % 90 for i in range(300)], [(5 * i) % 90 for i in range(250)]]
    cache = batch_of(model, [s[:240] for s in sequences])
    for i in range(240, 249):
        model.step(mx.array([sequences[0][i], sequences[1][i]]), cache)
    check(model, cache, [sequences[0][:250], sequences[1][:250]])
    row = row_of(model, sequences[0][:-1])
    row.extend(cache)
    check(model, row, [sequences[0], [*sequences[0][:250], 1], [*sequences[1][:250], 2]])


def test_several_join_at_once(model):
    cache = batch_of(model, [[1, 2], [3]])
    cache.extend(batch_of(model, [[4, 5, 6, 7], [8]]), model.empty_cache(), row_of(model, [9, 10]))
    assert cache.padding == [2, 3, 0, 3, 4, 2]
    check(model, cache, [[1, 2, 9], [3, 9], [4, 5, 6, 7, 8], [8, 1], [33], [9, 10, 11]])


def test_packed_prompts_are_what_they_are_alone(model):
    known = [[], [1, 2, 3], [4]]
    prompts = [[5, 6, 7, 8], [9], [10, 11]]
    caches = [row_of(model, tokens) for tokens in known]
    states = model.prefill_packed(prompts, caches)
    for before, prompt, cache, hidden in zip(known, prompts, caches, states, strict=True):
        expected = model.prefill(mx.array([prompt]), row_of(model, before))
        np.testing.assert_allclose(np.array(hidden), np.array(expected), atol=1e-4)
        check(model, cache, [[*before, *prompt, 12]])


def test_a_prompt_in_chunks_beside_padding(model):
    cache = batch_of(model, [[1, 2, 3], [4]])
    model.prefill(mx.array([[5, 6], [7, 8]]), cache)
    check(model, cache, [[1, 2, 3, 5, 6, 9], [4, 7, 8, 10]])
