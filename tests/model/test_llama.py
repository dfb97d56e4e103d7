"""Our Llama against mlx-lm's own on the same weights."""

import gguf
import mlx.core as mx
import numpy as np
import pytest
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model as load_mlx_lm

from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.llama import Llama, SideBySide
from mlx_entropix.model.load import load_model, load_source
from tests.model.checkpoints import (
    LLAMA3_ROPE,
    QWEN_2,
    QWEN_3,
    mixed_widths,
    quantized,
    random_model,
    save_folder,
    save_gguf,
)
from tests.model.spans import look, row_of

TOKENS = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38]

YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8}

VARIANTS = {
    "plain": {},
    "untied": {"tie_word_embeddings": False},
    "llama3 rope": {"rope_scaling": LLAMA3_ROPE},
    "linear rope": {"rope_scaling": {"type": "linear", "factor": 4.0}},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "no grouping": {"num_key_value_heads": 4},
    "one kv head": {"num_key_value_heads": 1},
    "head_dim": {"head_dim": 16},
    "interleaved": {"rope_traditional": True},
    "mistral": {"model_type": "mistral"},
    "qwen2": QWEN_2,
    "qwen2 yarn": {**QWEN_2, "rope_scaling": YARN},
    "qwen3": QWEN_3,
    "qwen3 untied": {**QWEN_3, "tie_word_embeddings": False, "num_key_value_heads": 1},
}


def logits_step_by_step(model, tokens=TOKENS, prompt=4):
    """Logits after the prompt and after every token that follows, (n, V)."""
    cache = row_of(model, tokens[: prompt - 1])
    steps = [look(model, cache, [token]).logits[0] for token in tokens[prompt - 1 :]]
    return np.array(mx.stack(steps).astype(mx.float32))


def reference_logits(source, tokens=TOKENS, prompt=4):
    logits = source(mx.array([tokens]), cache=make_prompt_cache(source))
    return np.array(logits[0, prompt - 1 :].astype(mx.float32))


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_equal_those_of_mlx_lm(variant, tmp_path):
    folder = save_folder(tmp_path, *random_model(**VARIANTS[variant]))
    expected = reference_logits(load_mlx_lm(folder)[0])
    assert np.ptp(expected) > 1  # the weights say something
    model, metadata = load_model(folder)
    assert isinstance(model, Llama)
    assert metadata is None
    np.testing.assert_allclose(logits_step_by_step(model), expected, atol=2e-4)


@pytest.mark.parametrize("changes", [{}, QWEN_3])
def test_wavelengths_that_change_with_the_length_are_left_to_mlx_lm(changes, tmp_path):
    dynamic = {"max_position_embeddings": 8, "rope_scaling": {"type": "dynamic", "factor": 2.0}}
    folder = save_folder(tmp_path, *random_model(**changes, **dynamic))
    source, model = load_mlx_lm(folder)[0], load_model(folder)[0]
    cache = make_prompt_cache(source)
    parts = [source(mx.array([part]), cache) for part in (TOKENS[:9], TOKENS[9:])]
    assert isinstance(model, AnyDecoder)
    logits = look(model, row_of(model, TOKENS[:9]), TOKENS[9:]).logits
    np.testing.assert_allclose(np.array(logits), np.array(parts[1][0]), atol=2e-4)


@pytest.mark.parametrize(("bits", "predicate"), [(4, None), (8, None), (4, mixed_widths)])
def test_quantized_checkpoints(bits, predicate, tmp_path):
    folder = save_folder(tmp_path, *quantized(*random_model(), bits, predicate), shards=3)
    expected = reference_logits(load_mlx_lm(folder)[0])
    model, _ = load_model(folder)
    np.testing.assert_allclose(logits_step_by_step(model), expected, atol=5e-4)


@pytest.mark.parametrize("changes", [{}, QWEN_2, QWEN_3])
@pytest.mark.parametrize("predicate", [None, mixed_widths])
def test_packed_weights_stay_packed_where_they_do_not_fit_widened(
    predicate, changes, tmp_path, monkeypatch
):
    # The form that is used on a GPU, and on a CPU with little memory.
    monkeypatch.setattr("mlx_entropix.model.load._FLOAT32_SHARE", 0.0)
    folder = save_folder(tmp_path, *quantized(*random_model(**changes), 4, predicate))
    expected = reference_logits(load_mlx_lm(folder)[0])
    model, _ = load_model(folder)
    qkv = model.layers[0].self_attn.qkv_proj
    assert isinstance(qkv, SideBySide) == (predicate is not None)
    np.testing.assert_allclose(logits_step_by_step(model), expected, atol=5e-4)


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_0", "Q4_1"])
def test_gguf(kind, tmp_path):
    quantization = gguf.GGMLQuantizationType[kind]
    source, config = random_model(tie_word_embeddings=kind != "Q4_0")
    path = save_gguf(tmp_path / "tiny.gguf", source, config, quantization)
    # What the file really holds, in the order of a checkpoint, by the gguf package alone.
    rounded = [
        (
            name,
            weight
            if weight.ndim == 1
            else mx.array(
                gguf.quants.dequantize(
                    gguf.quants.quantize(np.array(weight), quantization), quantization
                )
            ),
        )
        for name, weight in _parameters(source)
    ]
    source.load_weights(rounded)
    model, metadata = load_model(path)
    assert metadata["general.architecture"] == "llama"
    assert model.context_length == config["max_position_embeddings"]
    np.testing.assert_allclose(logits_step_by_step(model), reference_logits(source), atol=5e-3)


def test_gguf_with_rope_factors(tmp_path):
    # A GGUF of Llama 3.1 stores the scaled wavelengths' factors as a tensor.
    source, config = random_model(rope_scaling=LLAMA3_ROPE)
    plain, _ = random_model()
    base = config["rope_theta"] ** (mx.arange(0, 32, 2) / 32)
    factors = np.array(source.model.layers[0].self_attn.rope._freqs / base).astype(np.float32)
    path = save_gguf(
        tmp_path / "tiny.gguf",
        plain,
        config,
        gguf.GGMLQuantizationType.F32,
        **{"rope_freqs.weight": factors},
    )
    tokens = [(7 * i) % 96 for i in range(80)]  # far enough for the factors to matter
    expected = reference_logits(source, tokens, 70)
    assert np.abs(expected - reference_logits(plain, tokens, 70)).max() > 0.05
    model, _ = load_model(path)
    np.testing.assert_allclose(logits_step_by_step(model, tokens, 70), expected, atol=2e-4)


@pytest.mark.parametrize("changes", [{}, QWEN_2, QWEN_3])
def test_scores_are_the_last_layers_queries_times_keys(changes, tmp_path):
    source, config = random_model(**changes)
    folder = save_folder(tmp_path, source, config)
    model, _ = load_model(folder)
    # By hand, from mlx-lm's modules: the input of the last layer, its queries and keys.
    h = source.model.embed_tokens(mx.array([TOKENS]))
    h = source.model.layers[0](h, "causal")
    attention, x = source.model.layers[1].self_attn, source.model.layers[1].input_layernorm(h)
    size = config.get("head_dim", 32)
    q = attention.q_proj(x).reshape(1, len(TOKENS), 4, size)
    k = attention.k_proj(x).reshape(1, len(TOKENS), 2, size)
    if "q_norm" in attention:
        q, k = attention.q_norm(q), attention.k_norm(k)
    q, k = (attention.rope(heads.swapaxes(1, 2)) for heads in (q, k))
    q, k = q[:, :, -1:], mx.repeat(k, 2, axis=1)
    expected = (q @ k.swapaxes(-1, -2))[:, :, 0] / size**0.5
    looked = look(model, row_of(model, TOKENS[:-1]), TOKENS[-1:])
    assert looked.mask is None
    np.testing.assert_allclose(np.array(looked.scores), np.array(expected), atol=1e-4)


def test_bundled_model_gives_the_logits_of_mlx_lm(bundled):
    model, tokenizer = bundled
    source, _, _ = load_source(_bundled_path())
    tokens = tokenizer.chat([{"role": "user", "content": "Name three rivers of Europe."}])
    expected = reference_logits(source, tokens, len(tokens) - 2)
    np.testing.assert_allclose(
        logits_step_by_step(model, tokens, len(tokens) - 2), expected, atol=2e-3
    )


def _bundled_path():
    from mlx_entropix.weights.locate import bundled_model

    return bundled_model()


def _parameters(model):
    from mlx.utils import tree_flatten

    return tree_flatten(model.parameters())
