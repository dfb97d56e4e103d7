"""Reading a GGUF file of the llama architecture into mlx-lm's Llama.

`mx.load` gives the tensors (Q4_0, Q4_1 and Q8_0 as packed groups of 32 with float16 scales, F16 and
F32 as they are, other quantizations widened to float16) and the metadata, whose keys are listed in
the GGUF specification of the ggml repository.
"""

from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.llama import Model, ModelArgs

from mlx_entropix.errors import WeightsError
from mlx_entropix.weights.model_config import LLAMA_TYPES, check_llama, is_llama

_GROUP_SIZE = 32

# GGUF's name of each tensor of a layer, and mlx-lm's.
_LAYER_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_TOP_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_ROPE_FACTORS = "rope_freqs.weight"


class FactoredRoPE(nn.Module):
    """Rotary embedding whose wavelengths are multiplied by factors (D/2,) stored in the file."""

    def __init__(self, dims: int, base: float, factors: mx.array):
        super().__init__()
        self.dims = dims
        self.traditional = True
        exponents = mx.arange(0, dims, 2, dtype=mx.float32) / dims
        self._freqs = base**exponents * factors.astype(mx.float32)

    def __call__(self, x: mx.array, offset: int | mx.array = 0) -> mx.array:
        """Rotate x (B, H, L, D), whose first token stands at `offset` (a number, or (B,))."""
        return mx.fast.rope(
            x,
            self.dims,
            traditional=self.traditional,
            base=None,
            scale=1.0,
            offset=offset,
            freqs=self._freqs,
        )


def load_gguf(path: Path) -> tuple[Model, dict[str, Any], dict[str, Any]]:
    """Load a `.gguf` file.

    Returns mlx-lm's Llama with the file's weights (not evaluated), its config with the names of
    `config.json`, and the file's metadata. Raises `WeightsError`.
    """
    try:
        loaded: Any = mx.load(str(path), return_metadata=True)
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as GGUF ({error}). Download it again.") from None
    tensors, metadata = loaded
    config = _config(metadata, tensors, path)
    factors = tensors.pop(_ROPE_FACTORS, None)
    weights = _rename(tensors, path)
    model = Model(ModelArgs.from_dict(config))
    nn.quantize(
        model,
        group_size=_GROUP_SIZE,
        class_predicate=lambda name, _: (
            {"group_size": _GROUP_SIZE, "bits": _bits(weights, name)}
            if f"{name}.scales" in weights
            else False
        ),
    )
    try:
        model.load_weights(list(weights.items()))
    except ValueError as error:
        raise WeightsError(f"{path} does not fit its own metadata: {error}") from None
    if factors is not None:
        for layer in model.layers:
            layer.self_attn.rope = FactoredRoPE(
                layer.self_attn.head_dim, config["rope_theta"], factors
            )
    return model, config, metadata


def _config(metadata: dict[str, Any], tensors: dict[str, mx.array], path: Path) -> dict[str, Any]:
    architecture = metadata.get("general.architecture")

    def value(key: str, default: Any = None) -> Any:
        found = metadata.get(f"{architecture}.{key}", default)
        return found.item() if isinstance(found, mx.array) else found

    names = {
        "hidden_size": "embedding_length",
        "num_hidden_layers": "block_count",
        "intermediate_size": "feed_forward_length",
        "num_attention_heads": "attention.head_count",
        "num_key_value_heads": "attention.head_count_kv",
        "head_dim": "attention.key_length",
        "rms_norm_eps": "attention.layer_norm_rms_epsilon",
        "max_position_embeddings": "context_length",
    }
    config: dict[str, Any] = {"model_type": architecture}
    config |= {name: found for name, key in names.items() if (found := value(key)) is not None}
    config["vocab_size"] = _rows(tensors, "token_embd.weight")
    config["rope_theta"] = value("rope.freq_base", 10000.0)
    # The file stores each head's query and key rows in pairs that rotate together, which is the
    # order that mlx calls traditional.
    config["rope_traditional"] = True
    config["tie_word_embeddings"] = "output.weight" not in tensors
    config["attention_bias"] = "blk.0.attn_q.bias" in tensors
    config["mlp_bias"] = "blk.0.ffn_up.bias" in tensors
    if (scaling := value("rope.scaling.type")) not in (None, "none"):
        config["rope_scaling"] = {
            "type": scaling,
            "factor": value("rope.scaling.factor", 1.0),
            "original_max_position_embeddings": value("rope.scaling.original_context_length"),
        }
    if not is_llama(config):
        raise WeightsError(
            f"{path}: the architecture {architecture!r} is not supported in a GGUF file. "
            f"GGUF files of these types work: {', '.join(LLAMA_TYPES)}."
        )
    check_llama(config, str(path))
    return config


def _rows(tensors: dict[str, mx.array], name: str) -> int:
    return tensors[name].shape[0] if name in tensors else 0


def _bits(weights: dict[str, mx.array], name: str) -> int:
    """The width of a packed matrix: it stores 32 / bits numbers in an element."""
    packed, groups = weights[f"{name}.weight"].shape[-1], weights[f"{name}.scales"].shape[-1]
    return packed * 32 // (groups * _GROUP_SIZE)


def _rename(tensors: dict[str, mx.array], path: Path) -> dict[str, mx.array]:
    renamed = {}
    for name, tensor in tensors.items():
        stem, kind = name.rsplit(".", 1)  # kind: weight, bias, scales or biases
        if stem in _TOP_NAMES:
            renamed[f"{_TOP_NAMES[stem]}.{kind}"] = tensor
            continue
        parts = stem.split(".")
        if len(parts) != 3 or parts[0] != "blk" or parts[2] not in _LAYER_NAMES:
            raise WeightsError(
                f"{path} has a tensor {name!r} that a Llama has not. "
                "Use a GGUF file of a plain Llama model, without experts or adapters."
            )
        renamed[f"model.layers.{parts[1]}.{_LAYER_NAMES[parts[2]]}.{kind}"] = tensor
    return renamed
