"""Rows that join, leave, are copied and rewound compute what they would alone."""

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_entropix.model.load import load_model
from tests.model.checkpoints import QWEN_2, QWEN_3, random_model, save_folder
from tests.model.spans import forward, look, row_of

SEQUENCES = [[5, 6, 7, 8, 9, 10, 11], [20, 21], [33], [40, 41, 42, 43]]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folders = [
        save_folder(tmp_path_factory.mktemp("tiny"), *random_model(**changes))
        for changes in ({}, QWEN_2, QWEN_3)
    ]
    return [load_model(folder)[0] for folder in folders]


@pytest.fixture(scope="module")
def model(models):
    return models[0]


def alone(model, sequence):
    """Logits and scores after the last token of a sequence."""
    looked = look(model, row_of(model, sequence[:-1]), sequence[-1:])
    return np.array(looked.logits[0]), np.array(looked.scores[0])


def batch_of(model, sequences):
    cache = model.empty_cache()
    for sequence in sequences:
        cache.join(row_of(model, sequence).extract(0))
    return cache


def check_looked(model, looked, sequences):
    """Every position that was looked at saw what it sees at the end of its sequence, alone."""
    for i, sequence in enumerate(sequences):
        expected_logits, expected_scores = alone(model, sequence)
        np.testing.assert_allclose(np.array(looked.logits[i]), expected_logits, atol=1e-4)
        seen = np.ones(looked.scores.shape[-1], bool)
        if looked.mask is not None:
            seen = np.array(looked.mask[i])
        scores = np.array(looked.scores[i])
        np.testing.assert_allclose(scores[:, seen], expected_scores, atol=1e-4)
        assert (scores[:, ~seen] == -np.inf).all()


def check(model, cache, sequences):
    """One more step of every row gives what each gives alone."""
    check_looked(model, look(model, cache, [s[-1] for s in sequences]), sequences)
    assert list(cache.lengths) == [len(sequence) for sequence in sequences]


def test_rows_of_different_lengths(model):
    cache = batch_of(model, [s[:-1] for s in SEQUENCES])
    check(model, cache, SEQUENCES)
    check(model, cache, [[*s, 50 + i] for i, s in enumerate(SEQUENCES)])


def test_a_longer_row_joins(model):
    cache = batch_of(model, [[1, 2], [3]])
    cache.join(row_of(model, [4, 5, 6, 7, 8]).extract(0))
    check(model, cache, [[1, 2, 9], [3, 9], [4, 5, 6, 7, 8, 9]])


def test_drop_reorder_and_copy(model):
    cache = batch_of(model, SEQUENCES)
    cache.select([3, 1, 1])
    check(model, cache, [[*SEQUENCES[3], 1], [*SEQUENCES[1], 2], [*SEQUENCES[1], 3]])
    # The two copies go their own ways.
    check(model, cache, [[*SEQUENCES[3], 1, 4], [*SEQUENCES[1], 2, 5], [*SEQUENCES[1], 3, 6]])


def test_copies_of_beginnings_are_made_at_once(model):
    """Of several rows, also where the array has to grow for them."""
    cache = batch_of(model, SEQUENCES)
    cache.copy([(0, 4), (0, 4), (0, 2), (3, 3), (1, 0)])
    expected = [*SEQUENCES, *[SEQUENCES[0][:4]] * 2, SEQUENCES[0][:2], SEQUENCES[3][:3], []]
    check(model, cache, [[*s, 50 + i] for i, s in enumerate(expected)])


def test_what_lies_behind_a_copied_beginning_does_not_come_with_it(model):
    cache = batch_of(model, SEQUENCES[:2])
    cache.keys[0][0:1, :, 4:7] = mx.nan
    cache.copy([(0, 4)])
    assert mx.isfinite(cache.keys[0][2]).all().item()


def test_rows_that_change_places(model):
    cache = batch_of(model, SEQUENCES)
    cache.select([1, 0, 3, 2, 0])
    expected = [SEQUENCES[i] for i in (1, 0, 3, 2, 0)]
    check(model, cache, [[*s, 50 + i] for i, s in enumerate(expected)])


def test_rewind_by_different_counts(model):
    cache = batch_of(model, SEQUENCES)
    cache.rewind([4, 0, 1, 2])
    check(model, cache, [[5, 6, 7, 60], [20, 21, 61], [62], [40, 41, 63]])


@pytest.mark.parametrize("counts", [[3, 0], [0, -1]])
def test_rewind_refuses_what_is_not_there(model, counts):
    cache = batch_of(model, [[1, 2], [4, 5, 6]])
    with pytest.raises(ValueError, match="rewind"):
        cache.rewind(counts)
    check(model, cache, [[1, 2, 7], [4, 5, 6, 8]])


def test_extract_is_a_copy_of_one_row(model):
    cache = batch_of(model, SEQUENCES)
    layers = cache.extract(1)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)
    assert held == 2 * 2 * 2 * 2 * 32 * 4  # layers, K and V, heads, tokens, D, float32
    check(model, cache, [[*s, 1] for s in SEQUENCES])
    again = model.empty_cache()
    again.join(layers)
    check(model, again, [[20, 21, 70]])


def test_growing_past_the_reserved_columns(model):
    sequences = [[(3 * i) % 90 for i in range(300)], [(5 * i) % 90 for i in range(250)]]
    cache = batch_of(model, [s[:240] for s in sequences])
    for i in range(240, 249):
        look(model, cache, [sequences[0][i], sequences[1][i]])
    check(model, cache, [sequences[0][:250], sequences[1][:250]])
    cache.join(row_of(model, sequences[0][:-1]).extract(0))
    check(model, cache, [[*sequences[0][:250], 1], [*sequences[1][:250], 2], sequences[0]])
    cache.select([1])  # so much less is in use that the array shrinks
    cache.rewind([241])
    cache.select([0])
    assert cache.arrays()[0].shape[2] < 300
    check(model, cache, [[*sequences[1][:10], 3]])


def test_spans_of_unequal_lengths_in_one_pass(model):
    """A piece of a prompt, a draft, a text to be scored and rows that decode, all at once."""
    cache = batch_of(model, [[1, 2], [3], [4, 5, 6], [7], [], [8, 9]])
    spans = [
        (0, [10, 11, 12], 0),
        (1, [13], 1),
        (2, [14], 1),
        (3, [15, 16, 17], 3),
        (4, [18, 19], 2),
        (5, [20, 21, 22], 1),
    ]
    looked = forward(model, cache, spans)
    check_looked(
        model,
        looked,
        [
            [3, 13],
            [4, 5, 6, 14],
            *([7, 15, 16, 17][: n + 2] for n in range(3)),
            [18],
            [18, 19],
            [8, 9, 20, 21, 22],
        ],
    )
    rows = [[1, 2, 10, 11, 12], [3, 13], [4, 5, 6, 14], [7, 15, 16, 17], [18, 19]]
    rows.append([8, 9, 20, 21, 22])
    check(model, cache, [[*row, 30 + i] for i, row in enumerate(rows)])


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_spans_rewinds_and_copies_equal_a_fresh_row(models, data):
    model = data.draw(st.sampled_from(models))
    tokens = st.integers(0, 95)
    rows = data.draw(st.lists(st.lists(tokens, max_size=6), min_size=1, max_size=6))
    cache = batch_of(model, rows)
    for _ in range(3):
        kept = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=6))
        cache.select(kept)
        rows = [list(rows[i]) for i in kept]
        counts = [data.draw(st.integers(0, len(row))) for row in rows]
        cache.rewind(counts)
        rows = [row[: len(row) - count] for row, count in zip(rows, counts, strict=True)]
        spans, expected = [], []
        for i, row in enumerate(rows):
            new = data.draw(st.lists(tokens, max_size=4))
            if not new:
                continue
            seen = data.draw(st.integers(0, len(new)))
            spans.append((i, new, seen))
            expected += [row + new[: at + 1] for at in range(len(new) - seen, len(new))]
            row += new
        if spans:
            looked = forward(model, cache, spans)
            assert (looked is None) == (not expected)
            if looked is not None:
                check_looked(model, looked, expected)
        assert list(cache.lengths) == [len(row) for row in rows]


def test_what_is_not_finite_does_not_spoil_its_place(model):
    cache = batch_of(model, [[1, 2, 3], [4, 5, 6, 7]])
    for whole in cache.arrays():
        whole[1, :, :4] = mx.nan
    cache.blank(1)
    cache.select([0])
    cache.join(row_of(model, [8]).extract(0))
    check(model, cache, [[1, 2, 3, 9], [8, 10]])


def test_an_emptied_cache_begins_small_again(model):
    cache = row_of(model, list(range(5, 90)) * 8)
    large = sum(array.nbytes for array in cache.arrays())
    cache.select([])
    assert cache.arrays() == []
    cache.join()
    check(model, cache, [[5]])
    assert sum(array.nbytes for array in cache.arrays()) < large / 2


def test_rows_that_move_on_beside_one_that_fills_every_column(model):
    """Writing for them goes to all places: behind that row as well, where there was no room."""
    full = [(3 * i) % 90 for i in range(256)]
    rows = [[1, 2], full, [3, 4, 5], full]
    cache = batch_of(model, rows)
    assert cache.arrays()[0].shape[2] == 256
    looked = forward(model, cache, [(0, [6, 7, 8], 1), (2, [9], 1)])
    check_looked(model, looked, [[1, 2, 6, 7, 8], [3, 4, 5, 9]])
    cache.select([1, 2, 0, 3])
    looked = forward(model, cache, [(1, [10, 11], 1), (2, [12, 13], 1)])
    check_looked(model, looked, [[3, 4, 5, 9, 10, 11], [1, 2, 6, 7, 8, 12, 13]])
    check(
        model,
        cache,
        [[*row, 9] for row in (full, [3, 4, 5, 9, 10, 11], [1, 2, 6, 7, 8, 12, 13], full)],
    )
