"""Every model of mlx-lm with an adapter, with keys and values of few bits, and from GGUF files."""

import mlx.core as mx
import numpy as np
import pytest
from mlx_lm.models.cache import QuantizedKVCache
from mlx_lm.utils import load_model as load_mlx_lm

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.load import load_model
from mlx_entropix.model.quantized import KVBits
from tests.model.checkpoints import save_folder
from tests.model.spans import forward, row_of
from tests.model.test_adapter import reference, save_adapter
from tests.model.test_cache import batch_of, check
from tests.model.test_llama import logits_step_by_step
from tests.weights.test_gguf_architectures import CASES, random_model, write

TOKENS = [(7 * i) % 96 for i in range(12)]
WIDE = {"head_dim": 32}
GEMMA_3 = {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 4, "num_hidden_layers": 7}


def step_by_step(model, tokens):
    cache = row_of(model, [])
    looked = [forward(model, cache, [(0, [token], 1)]) for token in tokens]
    return np.array(mx.concatenate([seen.logits for seen in looked]))


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_gguf_file_of_any_architecture_is_decoded(name, tmp_path):
    model_type, changes, keys = CASES[name]
    source, config = random_model(model_type, **changes)
    path = write(tmp_path / "tiny.gguf", name, source, config, keys)
    if model_type == "gemma3_text":
        source.sanitize({})
    expected = np.array(source(mx.array([TOKENS]))[0])
    model, _ = load_model(path)
    assert isinstance(model, AnyDecoder) == (model_type not in ("llama", "qwen2", "qwen3"))
    np.testing.assert_allclose(step_by_step(model, TOKENS), expected, atol=5e-4)


@pytest.mark.parametrize("model_type", ["qwen3", "olmo2"])
def test_few_bits_are_those_of_mlx_lm(model_type, tmp_path):
    folder = save_folder(tmp_path, *random_model(model_type, **WIDE))
    source = load_mlx_lm(folder)[0]
    cache = [QuantizedKVCache(32, 4) for _ in source.layers]
    expected = np.array(source(mx.array([TOKENS]), cache=cache)[0])
    model, _ = load_model(folder, kv=KVBits(4, 32))
    np.testing.assert_allclose(step_by_step(model, TOKENS), expected, atol=5e-4)


@pytest.mark.parametrize(
    ("model_type", "changes"), [("qwen3", WIDE), ("olmo2", WIDE), ("gemma3_text", GEMMA_3)]
)
def test_rows_of_few_bits_compute_in_company_what_they_do_alone(model_type, changes, tmp_path):
    folder = save_folder(tmp_path, *random_model(model_type, **changes))
    model, _ = load_model(folder, kv=KVBits(8, 32))
    rows = [[5, 6, 7, 8, 9, 10, 11], [20, 21], [33], [40, 41, 42, 43]]
    cache = batch_of(model, rows)
    check(model, cache, [[*row, 50 + i] for i, row in enumerate(rows)])
    cache.copy([(0, 4)])
    cache.rewind([2, 0, 1, 0, 1])
    cache.select([4, 0, 1])
    rows = [rows[0][:3], rows[0][:6], [*rows[1], 51]]
    check(model, cache, [[*row, 60 + i] for i, row in enumerate(rows)])


@pytest.mark.parametrize("model_type", ["qwen2", "qwen3", "olmo2"])
def test_a_model_whose_heads_make_no_groups(model_type, tmp_path):
    folder = save_folder(tmp_path, *random_model(model_type, head_dim=16))
    with pytest.raises(WeightsError, match=r"heads of this model have 16 numbers"):
        load_model(folder, kv=KVBits(8, 32))


def test_a_model_without_keys_and_values(tmp_path):
    changes = {"state_size": 8, "conv_kernel": 4, "use_bias": True, "use_conv_bias": True}
    folder = save_folder(tmp_path, *random_model("mamba", time_step_rank=4, **changes))
    assert not load_model(folder)[0].attends
    with pytest.raises(WeightsError, match=r"in a way that --kv_bits can pack. Leave it out"):
        load_model(folder, kv=KVBits(8, 32))


@pytest.mark.parametrize("model_type", ["qwen2", "qwen3", "olmo2"])
def test_an_adapter_for_a_model_of_another_architecture(model_type, tmp_path):
    folder = save_folder(tmp_path / "tiny", *random_model(model_type, **WIDE))
    adapter = save_adapter(tmp_path / "adapter", load_mlx_lm(folder)[0])
    model, _ = load_model(folder, adapter=adapter)
    np.testing.assert_allclose(logits_step_by_step(model), reference(folder, adapter), atol=5e-4)
