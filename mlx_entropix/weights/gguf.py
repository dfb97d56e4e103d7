"""Reading a GGUF file into the model class of mlx-lm that it is for.

`read_gguf` gives the tensors (Q4_0, Q4_1 and Q8_0 as packed groups of 32 with float16 scales, F16
and F32 as they are, other quantizations widened to float16) and the metadata, whose keys are listed
in the GGUF specification of the ggml repository.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from mlx_entropix.errors import WeightsError
from mlx_entropix.weights.gguf_architectures import (
    NAMES,
    Architecture,
    architecture_of,
    halves_apart,
)
from mlx_entropix.weights.gguf_file import read_gguf, unreadable_types
from mlx_entropix.weights.model_config import check_llama

_GROUP_SIZE = 32

_TOP_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_ROPE_FACTORS = "rope_freqs.weight"
_LONG_ROPE = {
    "long_factor": "rope_factors_long.weight",
    "short_factor": "rope_factors_short.weight",
}


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


Loaded = tuple[nn.Module, dict[str, Any], dict[str, Any]]


def load_gguf(path: Path) -> Loaded:
    """Load a `.gguf` file.

    Returns mlx-lm's model with the file's weights (not evaluated), its config with the names of
    `config.json`, and the file's metadata. Raises `WeightsError`.
    """
    try:
        return _load(path)
    except WeightsError:
        if not (types := unreadable_types(path)):
            raise
        raise WeightsError(
            f"{path} has tensors of {', '.join(types)}, which MLX cannot read. Choose a file of "
            f"the model in Q4_0, Q4_1 or Q8_0, which stay packed, or in Q4_K, Q6_K or F16."
        ) from None


def _load(path: Path) -> Loaded:
    try:
        tensors, metadata = read_gguf(path)
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read ({error.strerror}). Let this user read it."
        ) from None
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as GGUF ({error}). Download it again.") from None
    parts = metadata.get("split.count")  # 0 in a file that was joined again
    if isinstance(parts, mx.array) and mx.any(parts > 1):
        raise WeightsError(
            f"{path} is one of several files that a model was split into. Join them with "
            "`llama-gguf-split --merge FIRST_FILE WHOLE_FILE`, and name the whole."
        )
    architecture = architecture_of(metadata)
    if architecture is None:
        raise WeightsError(
            f"{path}: the architecture {metadata.get('general.architecture')!r} is not supported. "
            f"GGUF files of these work: {', '.join(NAMES)}; of another model name the Hugging Face "
            "folder."
        )
    config = _config(architecture, metadata, tensors, path)
    factors = tensors.pop(_ROPE_FACTORS, None)
    weights = _rename(architecture, config, tensors, path)
    try:
        model = _filled(architecture.model_type, config, weights)
    except (ValueError, KeyError, TypeError) as error:
        detail = " ".join(str(error).split())[:300]
        raise WeightsError(f"{path} does not fit its own metadata: {detail}") from None
    if factors is not None:
        for layer in model.layers:
            layer.self_attn.rope = FactoredRoPE(
                layer.self_attn.head_dim, config["rope_theta"], factors
            )
    return model, config, metadata


def separate_halves(model: Any) -> None:
    """Bring the rows of queries and keys of a Llama into the order of `config.json` checkpoints.

    Adapters are trained with that order.
    """
    for layer in model.layers:
        attention = layer.self_attn
        for projection in (attention.q_proj, attention.k_proj):
            for part in ("weight", "scales", "biases", "bias"):
                if part in projection:
                    projection[part] = halves_apart(projection[part], attention.head_dim)
        attention.rope.traditional = False


def _filled(model_type: str, config: dict[str, Any], weights: dict[str, mx.array]) -> Any:
    """mlx-lm's model of that type, with these weights."""
    module: Any = import_module(f"mlx_lm.models.{model_type}")
    model = module.Model(module.ModelArgs.from_dict(config))
    if hasattr(model, "sanitize"):
        weights = model.sanitize(weights)
    nn.quantize(
        model,
        group_size=_GROUP_SIZE,
        class_predicate=lambda name, _: (
            {"group_size": _GROUP_SIZE, "bits": _bits(weights, name)}
            if f"{name}.scales" in weights
            else False
        ),
    )
    model.load_weights(list(weights.items()))
    return model


def _config(
    architecture: Architecture,
    metadata: dict[str, Any],
    tensors: dict[str, mx.array],
    path: Path,
) -> dict[str, Any]:
    prefix = metadata["general.architecture"]

    def value(key: str, default: Any = None) -> Any:
        found = metadata.get(f"{prefix}.{key}", default)
        return found.item() if isinstance(found, mx.array) and found.size == 1 else found

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
    config: dict[str, Any] = {"model_type": architecture.model_type}
    config |= {name: found for name, key in names.items() if (found := value(key)) is not None}
    config["vocab_size"] = _rows(tensors, "token_embd.weight")
    config["torch_dtype"] = architecture.dtype
    config["rope_theta"] = value("rope.freq_base", 10000.0)
    # A Llama's rows of queries and keys stay in pairs, the order that mlx calls traditional.
    config["rope_traditional"] = architecture.model_type == "llama"
    config["tie_word_embeddings"] = "output.weight" not in tensors
    config["attention_bias"] = "blk.0.attn_q.bias" in tensors
    config["mlp_bias"] = "blk.0.ffn_up.bias" in tensors
    if (scaling := value("rope.scaling.type")) not in (None, "none"):
        config["rope_scaling"] = {
            "type": scaling,
            "factor": value("rope.scaling.factor", 1.0),
            "original_max_position_embeddings": value("rope.scaling.original_context_length"),
        }
    check_llama(config, str(path))
    # Head counts that are equal everywhere are often not written.
    config.setdefault("num_key_value_heads", config["num_attention_heads"])
    config.setdefault("head_dim", config["hidden_size"] // config["num_attention_heads"])
    config |= architecture.more(value, config)
    if _LONG_ROPE["long_factor"] in tensors:
        factors = {name: tensors.pop(key).tolist() for name, key in _LONG_ROPE.items()}
        config["rope_scaling"] = {"type": "longrope", **factors}
    return config


def _rows(tensors: dict[str, mx.array], name: str) -> int:
    return tensors[name].shape[0] if name in tensors else 0


def _bits(weights: dict[str, mx.array], name: str) -> int:
    """The width of a packed matrix: it stores 32 / bits numbers in an element."""
    packed, groups = weights[f"{name}.weight"].shape[-1], weights[f"{name}.scales"].shape[-1]
    return packed * 32 // (groups * _GROUP_SIZE)


def _rename(
    architecture: Architecture, config: dict[str, Any], tensors: dict[str, mx.array], path: Path
) -> dict[str, mx.array]:
    """The tensors by mlx-lm's names, as checkpoints have them."""
    separate = architecture.pairs_together and not config["rope_traditional"]
    renamed = {}
    for name, tensor in tensors.items():
        stem, kind = name.rsplit(".", 1)  # kind: weight, bias, scales or biases
        parts = stem.split(".")
        if separate and parts[-1] in ("attn_q", "attn_k"):
            tensor = halves_apart(tensor, config["head_dim"])
        if architecture.shifted_norms and stem.endswith("norm"):
            tensor = tensor - 1
        if stem in _TOP_NAMES:
            renamed[f"{_TOP_NAMES[stem]}.{kind}"] = tensor
            continue
        if len(parts) != 3 or parts[0] != "blk" or parts[2] not in architecture.layer:
            raise WeightsError(
                f"{path} has a tensor {name!r} that {architecture.model_type} has not in mlx-lm. "
                "Use another GGUF file of the model, or its Hugging Face folder."
            )
        renamed[f"model.layers.{parts[1]}.{architecture.layer[parts[2]]}.{kind}"] = tensor
    return renamed
