"""GGUF files of many architectures give what mlx-lm computes with the same weights.

The files are written by the names and keys of the `gguf` package, with what the converters of
llama.cpp do to the weights.
"""

from importlib import import_module

import gguf
import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.load import load_model
from mlx_entropix.weights.gguf import load_gguf

TOKENS = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38]
F32, Q8_0 = gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.Q8_0

BASE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 1e-5,
    "vocab_size": 96,
    "max_position_embeddings": 512,
    "rope_theta": 20000.0,
    "tie_word_embeddings": False,
}
KEYS = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
    "max_position_embeddings": "context_length",
    "rope_theta": "rope.freq_base",
}
EXPERTS = {"expert_count": 4, "expert_used_count": 2}
GRANITE = {
    "attention.scale": 0.3,
    "embedding_scale": 3.0,
    "residual_scale": 0.7,
    "logit_scale": 2.0,
}

# By GGUF's name: mlx-lm's, what the config has beside BASE, what the metadata have.
CASES = {
    "qwen2": ("qwen2", {}, {}),
    "qwen2 tied": ("qwen2", {"tie_word_embeddings": True}, {}),
    "qwen3": ("qwen3", {"head_dim": 32}, {}),
    "qwen3moe": (
        "qwen3_moe",
        {
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 32,
            "decoder_sparse_step": 1,
            "norm_topk_prob": True,
            "mlp_only_layers": [],
        },
        EXPERTS | {"expert_feed_forward_length": 32},
    ),
    "gemma": ("gemma", {"head_dim": 32}, {}),
    "gemma2": (
        "gemma2",
        {"head_dim": 32, "query_pre_attn_scalar": 32},
        {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    ),
    "gemma3": (
        "gemma3_text",
        {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 4, "num_hidden_layers": 7},
        {"attention.sliding_window": 4},
    ),
    "phi3": (
        "phi3",
        {"partial_rotary_factor": 0.5},
        {"rope.dimension_count": 8},
    ),
    "olmo2": ("olmo2", {"num_key_value_heads": 4}, {}),
    "granite": (
        "granite",
        {
            "attention_multiplier": 0.3,
            "embedding_multiplier": 3.0,
            "residual_multiplier": 0.7,
            "logits_scaling": 2.0,
            "attention_bias": False,
            "mlp_bias": False,
        },
        GRANITE,
    ),
    "smollm3": ("smollm3", {"num_hidden_layers": 4, "tie_word_embeddings": True}, {}),
    "llama with experts": ("mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}, EXPERTS),
    "llama": ("llama", {}, {}),
}


def random_model(model_type, **changes):
    config = BASE | {"model_type": model_type} | changes
    module = import_module(f"mlx_lm.models.{model_type}")
    model = module.Model(module.ModelArgs.from_dict(config))
    mx.random.seed(3)
    for path, w in tree_flatten(model.parameters()):
        # Gemma adds one to the weights of norms.
        around = 0 if "gemma" in model_type or "norm" not in path else 1
        scale = 0.1 if w.ndim == 1 else 0.25
        model.load_weights([(path, around + scale * mx.random.normal(w.shape))], strict=False)
    return model, config


def pairs_together(rows, heads):
    """`LlamaModel.permute` of the converter."""
    return rows.reshape(heads, 2, len(rows) // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def write(path, name, model, config, keys, kind=F32):
    """The file that llama.cpp's converter would write."""
    name = name.split()[0]
    number = next(n for n, known in gguf.MODEL_ARCH_NAMES.items() if known == name)
    names = gguf.get_tensor_name_map(number, config["num_hidden_layers"])
    writer = gguf.GGUFWriter(path, name)
    metadata = {key: config[field] for field, key in KEYS.items()} | keys
    for key, value in metadata.items():
        add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        add(f"{name}.{key}", value)
    for parameter, weight in tree_flatten(model.parameters()):
        array = np.array(weight)
        if name in ("llama", "granite", "smollm3"):
            if ".q_proj." in parameter:
                array = pairs_together(array, config["num_attention_heads"])
            if ".k_proj." in parameter:
                array = pairs_together(array, config["num_key_value_heads"])
        if name.startswith("gemma") and parameter.endswith("norm.weight"):
            array = array + 1
        hub_name = parameter.replace("switch_mlp", "experts").replace("block_sparse_moe", "mlp")
        if hub_name.startswith("lm_head") and name.startswith("gemma"):
            continue  # tied
        stored = names.get_name(hub_name, try_suffixes=(".weight", ".bias"))
        quantization = kind if array.ndim > 1 and "gate_inp" not in stored else F32
        if quantization is F32:
            writer.add_tensor(stored, array)
        else:
            writer.add_tensor(stored, gguf.quants.quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def logits(model):
    return np.array(model(mx.array([TOKENS]))[0].astype(mx.float32))


def as_loaded(model, model_type):
    if model_type == "gemma3_text":
        model.sanitize({})  # takes away the head, as it is tied
    return model


@pytest.mark.parametrize("name", CASES)
def test_a_file_gives_the_logits_of_mlx_lm(name, tmp_path):
    model_type, changes, keys = CASES[name]
    source, config = random_model(model_type, **changes)
    expected = logits(as_loaded(source, model_type))
    assert np.ptp(expected) > 0.5  # the weights say something
    path = write(tmp_path / "tiny.gguf", name, source, config, keys)
    model, read, _ = load_gguf(path)
    assert read["model_type"] == model_type
    assert type(model).__module__ == f"mlx_lm.models.{model_type}"
    np.testing.assert_allclose(logits(model), expected, atol=2e-4)


@pytest.mark.parametrize("name", ["qwen3moe", "granite"])
def test_packed_matrices_and_experts_stay_packed(name, tmp_path):
    model_type, changes, keys = CASES[name]
    source, config = random_model(model_type, **changes)
    path = write(tmp_path / "tiny.gguf", name, source, config, keys, kind=Q8_0)
    model, _, _ = load_gguf(path)
    packed = [name for name, _ in tree_flatten(model.parameters()) if name.endswith("scales")]
    assert any("experts" in name or "mlp" in name for name in packed)
    difference = np.abs(logits(model) - logits(source))
    assert difference.mean() < 0.05 * np.ptp(logits(source))


def test_factors_of_long_contexts(tmp_path):
    scaling = {
        "type": "longrope",
        "long_factor": [1.0 + i for i in range(8)],
        "short_factor": [1.0] * 8,
    }
    changes = {"rope_scaling": scaling, "original_max_position_embeddings": 64}
    source, config = random_model("phi3", **changes)
    source_path = write(
        tmp_path / "tiny.gguf",
        "phi3",
        source,
        config,
        {"rope.dimension_count": 16, "rope.scaling.original_context_length": 64},
    )
    tensors, metadata = mx.load(str(source_path), return_metadata=True)
    tensors["rope_factors_long.weight"] = mx.array(scaling["long_factor"])
    tensors["rope_factors_short.weight"] = mx.array(scaling["short_factor"])
    mx.save_gguf(str(tmp_path / "long.gguf"), tensors, metadata)
    model, _, _ = load_gguf(tmp_path / "long.gguf")
    np.testing.assert_allclose(logits(model), logits(source), atol=2e-4)


def test_a_file_that_lacks_a_tensor(tmp_path):
    source, config = random_model("qwen3")
    path = write(tmp_path / "tiny.gguf", "qwen3", source, config, {})
    tensors, metadata = mx.load(str(path), return_metadata=True)
    mx.eval(list(tensors.values()))
    del tensors["blk.1.ffn_up.weight"]
    mx.save_gguf(str(path), tensors, metadata)
    with pytest.raises(WeightsError, match=r"does not fit its own metadata.*up_proj"):
        load_model(path)


def test_a_part_of_a_file_that_was_split(tmp_path):
    path = tmp_path / "tiny-00001-of-00003.gguf"
    metadata = {"general.architecture": "qwen3", "split.count": mx.array(3, mx.uint16)}
    mx.save_gguf(str(path), {"token_embd.weight": mx.zeros((4, 4))}, metadata)
    with pytest.raises(WeightsError, match=r"one of several files .* Join them"):
        load_model(path)


def test_a_file_with_a_tensor_of_another_architecture(tmp_path):
    source, config = random_model("qwen3")
    path = write(tmp_path / "tiny.gguf", "qwen3", source, config, {})
    tensors, metadata = mx.load(str(path), return_metadata=True)
    mx.eval(list(tensors.values()))
    tensors["blk.0.ssm_in.weight"] = mx.zeros((4, 4))
    mx.save_gguf(str(path), tensors, metadata)
    with pytest.raises(WeightsError, match=r"'blk.0.ssm_in.weight' that qwen3 has not"):
        load_model(path)
