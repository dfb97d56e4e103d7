"""How each architecture is spelled in a GGUF file, and which class of mlx-lm it is.

Names of tensors and keys of metadata: `constants.py` of the `gguf` package, github.com/ggml-org/
llama.cpp; what a converter does to tensors, and what a file leaves unsaid: `convert_hf_to_gguf.py`
and `src/llama-model.cpp` there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mlx.core as mx

Value = Callable[..., Any]
"""The metadata of an architecture: `value("rope.freq_base", 10000.0)`, by key and default."""

_ATTENTION = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_norm": "input_layernorm",
}
_MLP = {
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_norm": "post_attention_layernorm",
}
_HEAD_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
_NORMS_BEHIND = {
    "post_attention_norm": "post_attention_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}


def _experts(block: str) -> dict[str, str]:
    """The names of a mixture of experts, whose matrices are stacked."""
    stacked = {f"ffn_{kind}_exps": f"{block}.switch_mlp.{kind}_proj" for kind in _MATRICES}
    return {"ffn_gate_inp": f"{block}.gate", "ffn_norm": "post_attention_layernorm"} | stacked


_MATRICES = ("gate", "up", "down")


@dataclass(frozen=True)
class Architecture:
    """`model_type` is mlx-lm's name, `layer` mlx-lm's name of each tensor of a layer.

    `pairs_together`: the rows of queries and keys are stored in pairs that rotate together, where
    checkpoints have them half a head apart. `shifted_norms`: one was added to the weights of norms.
    `more` gives the fields of the config that only this architecture has. `dtype` is what it is
    computed in on a GPU.
    """

    model_type: str
    layer: Mapping[str, str]
    pairs_together: bool = False
    shifted_norms: bool = False
    dtype: str = "float16"
    more: Callable[[Value, dict[str, Any]], dict[str, Any]] = field(default=lambda *_: {})


def _mixtral(value: Value, _: dict[str, Any]) -> dict[str, Any]:
    return {
        "num_local_experts": value("expert_count"),
        "num_experts_per_tok": value("expert_used_count"),
    }


def _qwen3_moe(value: Value, _: dict[str, Any]) -> dict[str, Any]:
    return {
        "num_experts": value("expert_count"),
        "num_experts_per_tok": value("expert_used_count"),
        "moe_intermediate_size": value("expert_feed_forward_length"),
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "norm_topk_prob": True,
    }


def _gemma2(value: Value, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "attn_logit_softcapping": value("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": value("final_logit_softcapping", 30.0),
        "query_pre_attn_scalar": _query_scalar(config, 46),
    }


def _gemma3(value: Value, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "sliding_window": value("attention.sliding_window", 512),
        "rope_theta": value("rope.freq_base", 1e6),
        "rope_local_base_freq": value("rope.freq_base_swa", 10000.0),
        "query_pre_attn_scalar": _query_scalar(config, 62),
    }


def _query_scalar(config: dict[str, Any], layers_of_27b: int) -> int:
    """What queries are scaled by the root of. Gemma's 27B has its own, which no file says."""
    if config.get("num_hidden_layers") == layers_of_27b:
        return config["hidden_size"] // config["num_attention_heads"]
    return config.get("head_dim") or 256


def _granite(value: Value, _: dict[str, Any]) -> dict[str, Any]:
    return {
        "attention_multiplier": value("attention.scale", 1.0),
        "embedding_multiplier": value("embedding_scale", 1.0),
        "residual_multiplier": value("residual_scale", 1.0),
        "logits_scaling": value("logit_scale", 1.0),
    }


def _phi3(value: Value, config: dict[str, Any]) -> dict[str, Any]:
    head_dim = config["hidden_size"] // config["num_attention_heads"]
    rotated = value("rope.dimension_count", head_dim)
    original = value("rope.scaling.original_context_length")
    return {"partial_rotary_factor": rotated / head_dim} | (
        {"original_max_position_embeddings": original} if original else {}
    )


_GEMMA: dict[str, Any] = {"shifted_norms": True, "dtype": "bfloat16"}
_SANDWICH = _ATTENTION | _MLP | _NORMS_BEHIND | {"ffn_norm": "pre_feedforward_layernorm"}

_ARCHITECTURES = {
    "llama": Architecture("llama", _ATTENTION | _MLP, pairs_together=True),
    "qwen2": Architecture("qwen2", _ATTENTION | _MLP),
    "qwen3": Architecture("qwen3", _ATTENTION | _MLP | _HEAD_NORMS),
    "qwen3moe": Architecture(
        "qwen3_moe", _ATTENTION | _HEAD_NORMS | _experts("mlp"), more=_qwen3_moe
    ),
    "gemma": Architecture("gemma", _ATTENTION | _MLP, **_GEMMA),
    "gemma2": Architecture("gemma2", _SANDWICH, **_GEMMA, more=_gemma2),
    "gemma3": Architecture("gemma3_text", _SANDWICH | _HEAD_NORMS, **_GEMMA, more=_gemma3),
    "phi3": Architecture(
        "phi3",
        _ATTENTION | _MLP | {"attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"},
        more=_phi3,
    ),
    "olmo2": Architecture("olmo2", _ATTENTION | _MLP | _HEAD_NORMS | _NORMS_BEHIND),
    "granite": Architecture("granite", _ATTENTION | _MLP, pairs_together=True, more=_granite),
    "smollm3": Architecture("smollm3", _ATTENTION | _MLP, pairs_together=True),
}
_MIXTRAL = Architecture(
    "mixtral", _ATTENTION | _experts("block_sparse_moe"), pairs_together=True, more=_mixtral
)

NAMES = tuple(_ARCHITECTURES)
"""The architectures of GGUF files that can be read."""


def architecture_of(metadata: Mapping[str, Any]) -> Architecture | None:
    """That of a file with these metadata; None for one that is not known."""
    name = metadata.get("general.architecture")
    if name == "llama" and metadata.get("llama.expert_count", 0):
        return _MIXTRAL
    return _ARCHITECTURES.get(name or "")


def halves_apart(rows: mx.array, head_dim: int) -> mx.array:
    """Rows (heads · D, …) whose pairs stand together, as checkpoints have them: half a head apart.

    There the numbers i and i + D/2 of a head rotate together.
    """
    pairs = rows.reshape(-1, head_dim // 2, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)
