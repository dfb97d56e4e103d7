"""A tiny random model of every architecture that mlx-lm has.

The configuration of each is made of the fields of its `ModelArgs`: a number for each name that is
known, and what an architecture needs beside that, by its module.
"""

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx_lm.models
from mlx.utils import tree_flatten, tree_map_with_path

VOCABULARY = 160

# Fields by their names, wherever they are.
NUMBERS: dict[str, Any] = {
    **dict.fromkeys(
        ["hidden_size", "n_embd", "d_model", "model_dim", "dim", "embedding_size_", "embed_dim"], 64
    ),
    **dict.fromkeys(
        ["num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers"], 4
    ),
    **dict.fromkeys(
        ["intermediate_size", "mlp_hidden_size", "ffn_hidden_size", "ffn_hidden_size_", "n_inner"],
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
    **dict.fromkeys(["rope_theta", "rotary_emb_base", "rope_base", "rope_theta_"], 10000.0),
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
