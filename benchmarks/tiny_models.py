"""A tiny random model of every architecture that mlx-lm has.

The configuration of each is made of the fields of its `ModelArgs`: a number for each name that is
known, and what an architecture needs beside that, by its module.
"""

import dataclasses
import importlib
import importlib.util
import pkgutil
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx_lm.models
from mlx.utils import tree_map_with_path

VOCABULARY = 160

# Fields by their names, wherever they are.
NUMBERS: dict[str, Any] = {
    **dict.fromkeys(["hidden_size", "n_embd", "d_model", "model_dim", "dim"], 64),
    **dict.fromkeys(
        ["num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers"], 4
    ),
    **dict.fromkeys(
        ["intermediate_size", "mlp_hidden_size", "ffn_hidden_size", "n_inner"],
        96,
    ),
    **dict.fromkeys(
        ["moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"], 48
    ),
    **dict.fromkeys(["num_attention_heads", "n_head", "n_heads", "num_heads"], 4),
    **dict.fromkeys(["num_key_value_heads", "num_kv_heads", "n_kv_heads"], 2),
    **dict.fromkeys(["head_dim", "v_head_dim", "attention_head_dim"], 16),
    **dict.fromkeys(["vocab_size", "num_vocab", "embedding_size", "padded_vocab_size"], VOCABULARY),
    **dict.fromkeys(["rms_norm_eps", "layer_norm_eps", "norm_eps", "layer_norm_epsilon"], 1e-5),
    **dict.fromkeys(["layernorm_epsilon", "norm_epsilon", "layernorm_eps"], 1e-5),
    **dict.fromkeys(["rope_theta", "rotary_emb_base", "rope_base"], 10000.0),
    **dict.fromkeys(
        ["max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length"], 512
    ),
    **dict.fromkeys(["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"], 4),
    **dict.fromkeys(["num_experts_per_tok", "moe_k", "moe_topk", "num_experts_per_token"], 2),
    **dict.fromkeys(["n_shared_experts", "num_shared_experts", "moe_num_shared_experts"], 1),
    **dict.fromkeys(["n_group", "topk_group", "norm_topk_prob", "routed_scaling_factor"], 1),
    **dict.fromkeys(["qk_nope_head_dim", "qk_rope_head_dim", "rotary_dim"], 16),
    "kv_lora_rank": 32,
    "q_lora_rank": 48,
    "first_k_dense_replace": 1,
    "moe_layer_freq": 1,
    "sliding_window": 6,
    "sliding_window_size": 6,
    "attention_bias": False,
    "mlp_bias": False,
    "tie_word_embeddings": True,
    "hidden_act": "silu",
    "hidden_activation": "silu",
    "logit_scale": 1.0,
    "query_pre_attn_scalar": 16,
    "attn_logit_softcapping": 20.0,
    "final_logit_softcapping": 20.0,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "partial_rotary_factor": 0.5,
    "rotary_pct": 0.5,
    "state_size": 8,
    "conv_kernel": 4,
    "use_bias": True,
    "use_conv_bias": True,
    "time_step_rank": 8,
    "rope_scaling": None,
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 32,
    "linear_conv_kernel_dim": 4,
    "full_attention_interval": 2,
}

SLIDING, FULL = "sliding_attention", "full_attention"
LONG_ROPE = {
    "original_max_position_embeddings": 512,
    "short_factor": [1.0] * 8,
    "long_factor": [1.0] * 8,
}
TYPES = [SLIDING, FULL, SLIDING, FULL]
_LINEAR = {
    "num_heads": 4,
    "head_dim": 16,
    "short_conv_kernel_size": 4,
    "kda_layers": [1, 3],
    "full_attn_layers": [2, 4],
    "gate_lower_bound": -5.0,
    "use_full_rank_gate": True,
}
_YARN = {
    "type": "yarn",
    "factor": 2.0,
    "original_max_position_embeddings": 256,
    "beta_fast": 32,
    "beta_slow": 1,
    "mscale": 1.0,
    "mscale_all_dim": 0.0,
}
_GRANITE = {
    "logits_scaling": 1.0,
    "attention_multiplier": 0.25,
    "embedding_multiplier": 2.0,
    "residual_multiplier": 0.5,
}
_LONGCAT = {
    "attention_method": "MLA",
    "zero_expert_type": "identity",
    "zero_expert_num": 1,
    "mla_scale_q_lora": True,
    "mla_scale_kv_lora": True,
}
_GROUPS = {"num_experts": 4, "n_group": 1, "topk_group": 1}

# What an architecture needs beside NUMBERS, by its module.
OWN: dict[str, dict[str, Any]] = {
    "afm7": {"hidden_dim": 64, "num_layers": 4, "num_kv_reuse_layers": 2},
    "afmoe": {"layer_types": TYPES, "num_dense_layers": 1},
    "apertus": {"post_norm": False, "qk_norm": True, "hidden_act": "xielu"},
    "baichuan_m1": {
        "tie_word_embeddings": False,
        "sliding_window_layers": [0, 2],
        "conv_window": 2,
    },
    "bailing_hybrid": {
        "layer_group_size": 2,
        "group_norm_size": 2,
        "q_lora_rank": None,
        "num_key_value_heads": 4,
    },
    "bailing_moe_linear": {"layer_group_size": 2, "group_norm_size": 2, "num_key_value_heads": 4},
    "bailing_moe_v3": {"layer_group_size": 2, **_GROUPS},
    "cohere2": {"sliding_window_pattern": 2},
    "dbrx": {
        "ffn_config": {"ffn_hidden_size": 96, "moe_num_experts": 4, "moe_top_k": 2},
        "attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 10000.0},
    },
    "deepseek_v2": {"topk_method": "greedy", "rope_scaling": _YARN},
    "deepseek_v32": {"index_head_dim": 32, "index_n_heads": 2, "index_topk": 64},
    "deepseek_v41": {
        "o_groups": 2,
        "o_lora_rank": 16,
        "head_dim": 32,
        "qk_rope_head_dim": 16,
        "compress_ratios": [0, 4, 0, 4],
        "kv_source_layer_ids": [0, 1, 2, 3],
        "index_source_layer_ids": [0, 1, 2, 3],
        "index_n_heads": 2,
        "index_head_dim": 32,
        "index_topk": 8,
        "hc_mult": 2,
        "routed_scaling_factor": 1.0,
    },
    "exaone4": {"sliding_window_pattern": "LG", "rope_scaling": {"rope_type": "default"}},
    "exaone_moe": {"layer_types": TYPES, "is_moe_layer": [False, True, True, True]},
    "falcon_h1": {
        "mamba_d_ssm": 64,
        "mamba_d_state": 16,
        "mamba_d_head": 16,
        "mamba_n_heads": 4,
        "mamba_n_groups": 1,
        "mlp_multipliers": [1.0, 1.0],
        "ssm_multipliers": [1.0] * 5,
        "lm_head_multiplier": 1.0,
    },
    "gear": {"layer_types": TYPES},
    "gemma3_text": {"sliding_window_pattern": 2},
    "gemma3n": {
        "num_hidden_layers": 6,
        "layer_types": [SLIDING, SLIDING, FULL, SLIDING, FULL, FULL][:6],
        "num_kv_shared_layers": 2,
        "vocab_size_per_layer_input": VOCABULARY,
        "rope_local_base_freq": 10000.0,
        "activation_sparsity_pattern": [0.0] * 6,
        "hidden_size_per_layer_input": 16,
        "altup_num_inputs": 2,
        "altup_coef_clip": 120.0,
        "altup_correct_scale": True,
        "altup_active_idx": 0,
        "laurel_rank": 8,
        "intermediate_size": [96] * 6,
    },
    "gemma4_text": {
        "num_kv_shared_layers": 2,
        "num_hidden_layers": 6,
        "layer_types": [SLIDING, FULL] * 3,
        "global_head_dim": 32,
        "hidden_size_per_layer_input": 16,
        "vocab_size_per_layer_input": VOCABULARY,
    },
    "glm4_moe": {"use_qk_norm": True, "n_routed_experts": 4},
    "glm_moe_dsa": {
        "index_head_dim": 32,
        "index_n_heads": 2,
        "index_topk": 64,
        "topk_method": "noaux_tc",
        "scoring_func": "sigmoid",
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    },
    "glm4_moe_lite": {"num_key_value_heads": 4},
    "gpt_oss": {"layer_types": TYPES, "hidden_size": 64},
    "granite": _GRANITE,
    "granitemoe": _GRANITE,
    "granitemoehybrid": {
        **_GRANITE,
        "layer_types": ["mamba", "attention", "mamba", "attention"],
        "mamba_n_heads": 4,
        "mamba_d_head": 32,
        "mamba_d_state": 16,
        "mamba_d_conv": 4,
        "mamba_n_groups": 1,
        "mamba_proj_bias": False,
        "mamba_conv_bias": True,
        "shared_intermediate_size": 48,
        "position_embedding_type": "rope",
    },
    "hunyuan": {
        "num_shared_expert": 1,
        "use_mixed_mlp_moe": True,
        "use_qk_norm": True,
        "use_cla": True,
        "cla_share_factor": 2,
        "rope_scaling": {"alpha": 10.0, "factor": 1.0, "type": "dynamic"},
    },
    "hunyuan_v1_dense": {"rope_scaling": {"alpha": 10.0, "factor": 1.0, "type": "dynamic"}},
    "internlm2": {"bias": False},
    "internlm3": {"bias": False, "qkv_bias": False},
    "iquestloopcoder": {"loop_num": 2, "loop_window_size": 6},
    "jamba": {
        "attn_layer_offset": 1,
        "attn_layer_period": 2,
        "expert_layer_offset": 1,
        "expert_layer_period": 2,
        "mamba_d_conv": 4,
        "mamba_d_state": 8,
        "mamba_expand": 2,
    },
    "kimi_linear": {"linear_attn_config": _LINEAR, "model_max_length": 512, "n_group": 1},
    "kimi_k3": {
        "linear_attn_config": _LINEAR,
        "hidden_act": "situ",
        "attn_res_block_size": 2,
        "activation_situ_beta": 1.0,
        "activation_situ_linear_beta": 1.0,
    },
    "laguna": {"layer_types": TYPES, "num_key_value_heads": 2},
    "lfm2": {
        "conv_bias": False,
        "conv_L_cache": 3,
        "block_dim": 64,
        "block_multiple_of": 16,
        "block_ffn_dim_multiplier": 1.0,
        "block_auto_adjust_ff_dim": False,
        "block_ff_dim": 96,
        "full_attn_idxs": [1, 3],
        "layer_types": ["conv", FULL, "conv", FULL],
    },
    "lfm2_moe": {
        "conv_bias": False,
        "conv_L_cache": 3,
        "use_expert_bias": True,
        "num_dense_layers": 1,
        "full_attn_idxs": [1, 3],
        "layer_types": ["conv", FULL, "conv", FULL],
    },
    "lille-130m": {"block_size": 512},
    "llama4_text": {
        "intermediate_size_mlp": 96,
        "no_rope_layers": [1, 1, 1, 0],
        "use_qk_norm": True,
    },
    "llama4": {
        "attention_chunk_size": 8,
        "interleave_moe_layer_step": 2,
        "num_experts_per_tok": 1,
        "intermediate_size_mlp": 96,
        "use_qk_norm": True,
        "rope_scaling": None,
    },
    "longcat_flash": _LONGCAT,
    "longcat_flash_ngram": {**_LONGCAT, "ngram_vocab_size_ratio": 2},
    "mamba2": {
        "num_heads": 4,
        "head_dim": 32,
        "n_groups": 1,
        "time_step_limit": (0.0, 100.0),
        "intermediate_size": 128,
    },
    "mamba": {"intermediate_size": 128},
    "mellum": {
        "layer_types": TYPES,
        "rope_parameters": {
            SLIDING: {"rope_theta": 10000.0, "rope_type": "default"},
            FULL: {"rope_theta": 10000.0, "rope_type": "default"},
        },
    },
    "mimo_v2_flash": {
        "hybrid_layer_pattern": [1, 0, 1, 0],
        "moe_layer_freq": [0, 1, 1, 1],
        "add_swa_attention_sink_bias": True,
        "add_full_attention_sink_bias": False,
        "topk_method": "noaux_tc",
        "scoring_func": "sigmoid",
        "swa_rope_theta": 10000.0,
        "swa_num_attention_heads": 4,
        "swa_num_key_value_heads": 2,
        "swa_head_dim": 16,
        "swa_v_head_dim": 16,
        "n_shared_experts": None,
    },
    "minicpm": {"dim_model_base": 64, "scale_depth": 1.4, "scale_emb": 1.0},
    "minicpm3": {
        "rope_scaling": {"type": "longrope", **LONG_ROPE},
        "dim_model_base": 64,
        "scale_depth": 1.4,
        "scale_emb": 1.0,
    },
    "minimax": {"shared_intermediate_size": 48},
    "minimax_m3_vl": {
        "dense_intermediate_size": 96,
        "shared_intermediate_size": 48,
        "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"],
        "partial_rotary_factor": 0.5,
        "rotary_dim": 8,
    },
    "ministral3": {
        "layer_types": TYPES,
        "rope_parameters": {
            "rope_theta": 10000.0,
            "rope_type": "default",
            "type": "default",
            "llama_4_scaling_beta": 0.1,
            "original_max_position_embeddings": 16,
        },
    },
    "mistral4": {
        "rope_parameters": {
            "rope_theta": 10000.0,
            "rope_type": "default",
            "type": "default",
            "llama_4_scaling_beta": 0.1,
            "original_max_position_embeddings": 16,
        },
    },
    "muse_glimmer": {
        "layer_types": TYPES,
        "layer_rope_theta": [10000.0] * 4,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    },
    "muse_spark": {
        "layer_types": TYPES,
        "layer_rope_theta": [10000.0] * 4,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
        "post_norm_eps": 1e-8,
        "output_multiplier": 0.5,
        "moe_hidden_size": 64,
        "num_shared_experts": 0,
        "mlp_layer_types": ["sparse"] * 4,
    },
    "nemotron-nas": {
        "block_configs": [
            {"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 1.5}},
            {"attention": {"no_op": True}, "ffn": {"ffn_mult": 1.5}},
            {"attention": {"replace_with_linear": True}, "ffn": {"no_op": True}},
            {"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 1.5}},
        ]
    },
    "nemotron": {"hidden_act": "relu2"},
    "nemotron_h": {
        "hybrid_override_pattern": "M*-*",
        "mamba_num_heads": 4,
        "mamba_head_dim": 16,
        "mamba_proj_bias": False,
        "ssm_state_size": 16,
        "n_groups": 1,
        "head_dim": 16,
        "time_step_limit": (0.0, 100.0),
    },
    "olmo3": {"layer_types": TYPES},
    "olmo_hybrid": {
        "linear_allow_neg_eigval": True,
        "layer_types": ["linear_attention", FULL, "linear_attention", FULL],
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    },
    "openelm": {
        "ffn_dim_divisor": 16,
        "num_query_heads": [4] * 4,
        "num_kv_heads": [2] * 4,
        "ffn_multipliers": [1.0] * 4,
    },
    "phi3small": {
        "dense_attention_every_n_layers": 2,
        "ff_intermediate_size": 96,
        "gegelu_limit": 20.0,
        "vocab_size": 100352,  # it bans tokens by their numbers
        "blocksparse_block_size": 64,
        "num_attention_heads": 4,
    },
    "phimoe": {"rope_scaling": {**LONG_ROPE, "short_mscale": 1.0, "long_mscale": 1.0}},
    "phixtral": {"num_local_experts": 4},
    "plamo": {"num_attention_heads": 8, "n_shared_head": 8},
    "plamo2": {
        "hidden_size_per_head": 16,
        "mamba_d_state": 16,
        "mamba_d_conv": 4,
        "mamba_num_heads": 4,
        "mamba_step": 2,
    },
    "plamo3": {"window_size": 6, "sliding_window_pattern": 2},
    "qwen3_5": {
        "rope_parameters": {
            "type": "default",
            "mrope_section": [2, 1, 1],
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.5,
        }
    },
    "recurrent_gemma": {
        "conv1d_width": 4,
        "logits_soft_cap": 20.0,
        "attention_window_size": 6,
        "block_types": ["recurrent", "attention"],
        "_block_types": ["recurrent", "attention"],
    },
    "rwkv7": {
        "a_low_rank_dim": 16,
        "v_low_rank_dim": 16,
        "gate_low_rank_dim": 16,
        "decay_low_rank_dim": 16,
        "head_dim": 32,
    },
    "spark2_5": {
        "layer_types": TYPES,
        "hidden_act": "gelu",
        "rope_parameters": {
            SLIDING: {"rope_theta": 10000.0, "rope_type": "default"},
            FULL: {"rope_theta": 10000.0, "rope_type": "default"},
        },
    },
    "stablelm": {"use_qkv_bias": False},
    "step3p5": {
        "num_attention_groups": 2,
        "layer_types": TYPES,
        "moe_num_experts": 4,
        "moe_top_k": 2,
        "share_expert_dim": 48,
        "moe_layers_enum": "1,2,3",
    },
    "talkie": {"head_dim": 16},
    "qwen": {"num_key_value_heads": 4, "kv_channels": 16},
    "smollm3": {"no_rope_layer_interval": 2},
}

# Architectures around another one: the module whose configuration is their `text_config`.
INNER = {
    "gemma3": "gemma3_text",
    "gemma3n": "gemma3n",
    "gemma4": "gemma4_text",
    "kimi_k25": "deepseek_v3",
    "kimi_vl": "deepseek_v3",
    "kimi_k3": "kimi_k3",
    "lfm2-vl": "lfm2",
    "llama4": "llama4",
    "minimax_m3_vl": "minimax_m3_vl",
    "mistral3": "llama",
    "muse_spark": "muse_spark",
    "pixtral": "llama",
    "prism_hadamard_qwen35": "qwen3_5",
    "qwen2_vl": "qwen2",
    "qwen3_5": "qwen3_5",
    "qwen3_5_moe": "qwen3_5",
    "qwen3_vl": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
}
# Of a module whose `ModelArgs` only hold a `text_config`, the class of that.
_TEXT = ("TextConfig", "TextArgs", "TextModelArgs")


def architectures() -> list[str]:
    """The modules of mlx-lm that may have a model."""
    found = pkgutil.iter_modules(mlx_lm.models.__path__)
    return sorted(module.name for module in found if _source_has_model(module.name))


def _source_has_model(name: str) -> bool:
    spec = importlib.util.find_spec(f"mlx_lm.models.{name}")
    assert spec is not None
    with open(spec.origin or "", encoding="utf-8") as file:
        return "Model" in (text := file.read()) and (
            "class Model(" in text or "import Model" in text
        )


def tiny_config(name: str) -> dict[str, Any]:
    """The `config.json` of a tiny model of a module."""
    module = importlib.import_module(f"mlx_lm.models.{name}")
    own = OWN.get(name, {})
    if (inner := INNER.get(name)) is not None:
        text_module = importlib.import_module(f"mlx_lm.models.{inner}")
        kinds = [getattr(text_module, kind) for kind in _TEXT if hasattr(text_module, kind)]
        text = _filled((kinds or [text_module.ModelArgs])[0], OWN.get(inner, {}))
        text["model_type"] = "deepseek_v3" if inner == "deepseek_v3" else inner
        if name == "qwen3_5_moe":
            text |= {"num_experts": 4, "num_experts_per_tok": 2}
        elif inner == "qwen3_5":
            text |= {"num_experts": 0}
        return {"model_type": name, "vocab_size": VOCABULARY, "text_config": text}
    return _filled(module.ModelArgs, own) | {"model_type": name}


def _filled(kind: type, own: dict[str, Any]) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(kind)]
    return {name: NUMBERS[name] for name in names if name in NUMBERS} | own


def tiny_model(name: str, seed: int = 0, **changes: Any) -> tuple[nn.Module, dict[str, Any]]:
    """mlx-lm's own model with random weights in float32 of which every one matters, and its config.

    Raises whatever the module raises where it cannot be made.
    """
    config = tiny_config(name) | changes
    module = importlib.import_module(f"mlx_lm.models.{name}")
    mx.random.seed(seed)
    model: nn.Module = module.Model(module.ModelArgs.from_dict(config))

    def moved(path: str, weight: mx.array) -> mx.array:
        if not mx.issubdtype(weight.dtype, mx.floating):
            return weight
        scale = 1.5 if weight.ndim > 1 and "A_log" not in path else 1.0
        return weight * scale + 0.05 * mx.random.normal(weight.shape)

    model.update(tree_map_with_path(moved, model.parameters()))
    model.eval()
    mx.eval(model.parameters())
    return model, config
