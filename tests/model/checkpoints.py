"""Tiny Llamas with random weights, written to the disk in every form that is supported."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import gguf
import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from mlx_lm.models.llama import Model
from mlx_lm.utils import quantize_model

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}

BASE = {
    "model_type": "llama",
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "intermediate_size": 192,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 96,
    "max_position_embeddings": 512,
    "rope_theta": 500000.0,
    "tie_word_embeddings": True,
}

QWEN_2 = {"model_type": "qwen2"}
QWEN_3 = {"model_type": "qwen3", "head_dim": 64}  # heads larger than their share of hidden_size


def random_model(seed: int = 0, **changes) -> tuple[Model, dict]:
    """mlx-lm's own Llama with random weights large enough that every part of it matters.

    Or one of another `model_type`.
    """
    config = BASE | changes
    name = "llama" if config["model_type"] == "mistral" else config["model_type"]
    module: Any = import_module(f"mlx_lm.models.{name}")
    model = module.Model(module.ModelArgs.from_dict(config))
    mx.random.seed(seed)
    weights = [
        (
            name,
            1 + 0.1 * mx.random.normal(w.shape)
            if w.ndim == 1 and "norm" in name
            else mx.random.normal(w.shape) * 0.2,
        )
        for name, w in tree_flatten(model.parameters())
    ]
    model.load_weights(weights)
    return model, config


def save_folder(folder: Path, model: Model, config: dict, shards: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    weights = sorted(tree_flatten(model.parameters()))
    if shards == 1:
        mx.save_safetensors(str(folder / "model.safetensors"), dict(weights))
        return folder
    index = {}
    for i in range(shards):
        name = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = dict(weights[i::shards])
        mx.save_safetensors(str(folder / name), part)
        index |= dict.fromkeys(part, name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


def quantized(model: Model, config: dict, bits: int, predicate=None) -> tuple[Model, dict]:
    return quantize_model(model, config, group_size=32, bits=bits, quant_predicate=predicate)


def mixed_widths(path: str, module) -> dict | bool:
    """8 bits for some matrices, 4 for the rest, as mlx-lm's mixed recipes do."""
    if not hasattr(module, "to_quantized"):
        return False
    wide = path.endswith(("v_proj", "down_proj", "embed_tokens"))
    return {"group_size": 32, "bits": 8 if wide else 4}


_GGUF_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_GGUF_TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def _gguf_name(name: str) -> str:
    stem, kind = name.rsplit(".", 1)
    if stem in _GGUF_TOP:
        return f"{_GGUF_TOP[stem]}.{kind}"
    _, _, layer, rest = stem.split(".", 3)
    return f"blk.{layer}.{_GGUF_LAYER[rest]}.{kind}"


def _pairs_together(rows: np.ndarray, heads: int) -> np.ndarray:
    """The row order in which GGUF stores queries and keys of a Llama."""
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def save_gguf(
    path: Path, model: Model, config: dict, kind: gguf.GGMLQuantizationType, **metadata
) -> Path:
    """Write a GGUF file with the field's own writer, as llama.cpp's converter would."""
    writer = gguf.GGUFWriter(path, metadata.pop("architecture", "llama"))
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    for name, weight in tree_flatten(model.parameters()):
        array = np.array(weight.astype(mx.float32))
        if ".q_proj." in name:
            array = _pairs_together(array, config["num_attention_heads"])
        if ".k_proj." in name:
            array = _pairs_together(array, config["num_key_value_heads"])
        if array.ndim == 1:
            writer.add_tensor(_gguf_name(name), array)
            continue
        writer.add_tensor(_gguf_name(name), gguf.quants.quantize(array, kind), raw_dtype=kind)
    for name, array in metadata.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
