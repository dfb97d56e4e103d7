"""Keys and values of few bits: what mlx-lm computes with its quantized cache, for rows at once."""

import copy

import mlx.core as mx
import numpy as np
import pytest
from mlx_lm.models.cache import QuantizedKVCache
from mlx_lm.utils import load_model as load_mlx_lm

from mlx_entropix.engine.prefix import PrefixCache
from mlx_entropix.errors import UsageError, WeightsError
from mlx_entropix.model.load import load_model
from mlx_entropix.model.quantized import KVBits, Packed
from tests.model.checkpoints import quantized, random_model, save_folder
from tests.model.spans import forward, look, row_of
from tests.model.test_cache import batch_of, check, check_looked

TOKENS = [(7 * i) % 96 for i in range(40)]
SEQUENCES = [[5, 6, 7, 8, 9, 10, 11], [20, 21], [33], [40, 41, 42, 43]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_folder(tmp_path_factory.mktemp("tiny"), *random_model())


@pytest.fixture(scope="module")
def model(folder):
    return load_model(folder, kv=KVBits(8, 32))[0]


def mlx_lm_logits(folder, bits, tokens, piece):
    """Logits after every token, of mlx-lm with its own cache."""
    source = load_mlx_lm(folder)[0]
    cache = [QuantizedKVCache(32, bits) for _ in source.layers]
    parts = [
        source(mx.array([tokens[i : i + piece]]), cache=cache) for i in range(0, len(tokens), piece)
    ]
    return np.array(mx.concatenate(parts, axis=1)[0])


def step_by_step(model, tokens, piece):
    """Logits after every token."""
    cache = row_of(model, [])
    spans = [tokens[i : i + piece] for i in range(0, len(tokens), piece)]
    looked = [forward(model, cache, [(0, span, piece)]) for span in spans]
    return np.array(mx.concatenate([seen.logits for seen in looked]))


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("piece", [1, 8])
def test_logits_are_those_of_mlx_lm_with_as_many_bits(bits, piece, folder):
    expected = mlx_lm_logits(folder, bits, TOKENS, piece)
    model, _ = load_model(folder, kv=KVBits(bits, 32))
    np.testing.assert_allclose(step_by_step(model, TOKENS, piece), expected, atol=5e-4)


def test_packed_keys_are_multiplied_as_they_are_where_weights_are_packed(tmp_path, monkeypatch):
    # As on a GPU, where nothing is widened for a single token.
    monkeypatch.setattr("mlx_entropix.model.load._FLOAT32_SHARE", 0.0)
    folder = save_folder(tmp_path, *quantized(*random_model(), 8))
    model, _ = load_model(folder, kv=KVBits(8, 32))
    monkeypatch.setattr(Packed, "widened", None)
    expected = mlx_lm_logits(folder, 8, TOKENS, 1)
    np.testing.assert_allclose(step_by_step(model, TOKENS, 1), expected, atol=2e-3)


def test_scores_are_of_the_keys_that_the_cache_holds(folder, model):
    plain, _ = load_model(folder)
    rounded = look(model, row_of(model, TOKENS[:-1]), TOKENS[-1:]).scores
    exact = look(plain, row_of(plain, TOKENS[:-1]), TOKENS[-1:]).scores
    assert 1e-3 < mx.abs(rounded - exact).max().item() < 0.5


def test_a_cache_of_8_bits_takes_less_than_a_third_of_float32(folder, model):
    sizes = [
        sum(array.nbytes for array in row_of(model, TOKENS).arrays())
        for model in (model, load_model(folder)[0])
    ]
    assert sizes[0] * 3 < sizes[1]


def test_rows_in_company_compute_what_they_do_alone(model):
    """They join, grow, are copied at a beginning, rewound and moved, and one of them is dropped."""
    cache = batch_of(model, SEQUENCES)
    check(model, cache, [[*s, 50 + i] for i, s in enumerate(SEQUENCES)])
    cache.copy([(0, 4), (3, 3), (1, 0)])
    rows = [[*s, 50 + i] for i, s in enumerate(SEQUENCES)]
    rows += [SEQUENCES[0][:4], SEQUENCES[3][:3], []]
    check(model, cache, [[*row, 60 + i] for i, row in enumerate(rows)])
    cache.rewind([3, 0, 1, 2, 0, 1, 1])
    rows = [[*row, 60 + i] for i, row in enumerate(rows)]
    counts = (3, 0, 1, 2, 0, 1, 1)
    rows = [row[: len(row) - count] for row, count in zip(rows, counts, strict=True)]
    kept = [5, 0, 2, 2, 1]
    cache.select(kept)
    check(model, cache, [[*rows[i], 70 + n] for n, i in enumerate(kept)])


def test_spans_of_unequal_lengths_in_one_pass(model):
    cache = batch_of(model, [[1, 2], [3], [4, 5, 6], []])
    looked = forward(
        model, cache, [(0, [10, 11, 12], 0), (1, [13], 1), (2, [14, 15], 2), (3, [16], 1)]
    )
    check_looked(model, looked, [[3, 13], [4, 5, 6, 14], [4, 5, 6, 14, 15], [16]])


def test_a_row_leaves_as_the_cache_of_mlx_lm_and_goes_on_from_it(tmp_path):
    # Of a model that has the pairs that rotate side by side, as we have them in float32.
    folder = save_folder(tmp_path, *random_model(rope_traditional=True))
    model, _ = load_model(folder, kv=KVBits(8, 32))
    layers = row_of(model, TOKENS[:30]).extract(0)
    source = load_mlx_lm(folder)[0]
    theirs = source(mx.array([TOKENS[30:31]]), cache=copy.deepcopy(layers))[0, -1]
    cache = model.empty_cache()
    cache.join(layers)
    ours = look(model, cache, TOKENS[30:31]).logits[0]
    np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=5e-4)


def test_prompts_that_begin_alike_go_on_from_what_is_kept(model):
    kept = PrefixCache(2**20)
    kept.keep(TOKENS[:20], row_of(model, TOKENS[:20]).extract(0))
    assert kept.nbytes == sum(layer.nbytes for layer in row_of(model, TOKENS[:20]).extract(0))
    found = kept.find([*TOKENS[:12], 1, 2])
    cache = model.empty_cache()
    cache.join(found)
    assert cache.lengths == [12]
    check(model, cache, [[*TOKENS[:12], 1]])


def test_what_is_not_finite_does_not_spoil_its_place(model):
    cache = batch_of(model, [[1, 2, 3], [4, 5, 6, 7]])
    for whole in cache.arrays():
        whole[1, :, :4] = mx.nan if whole.dtype == mx.float32 else 2**32 - 1
    cache.blank(1)
    cache.select([0])
    cache.join(row_of(model, [8]).extract(0))
    check(model, cache, [[1, 2, 3, 9], [8, 10]])


def test_a_cache_shrinks_and_grows_again(model):
    cache = row_of(model, [(3 * i) % 90 for i in range(300)])
    cache.rewind([295])
    cache.select([0])
    assert cache.arrays()[0].shape[2] == 256
    check(model, cache, [[0, 3, 6, 9, 12, 50]])


def test_groups_that_do_not_divide_a_head(folder):
    with pytest.raises(WeightsError, match=r"32 numbers.*groups of 64.*Give --kv_group_size 32\."):
        load_model(folder, kv=KVBits(8, 64))


def test_heads_of_which_no_group_can_be_made(tmp_path):
    folder = save_folder(tmp_path, *random_model(head_dim=16))
    with pytest.raises(WeightsError, match=r"16 numbers.*Leave --kv_bits out"):
        load_model(folder, kv=KVBits(8, 64))


@pytest.mark.parametrize(("bits", "size"), [(5, 64), (0, 64), (8, 48)])
def test_bits_and_groups_that_do_not_exist(bits, size):
    with pytest.raises(UsageError, match="it can be"):
        KVBits.of(bits, size)
