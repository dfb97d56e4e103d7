"""Which checkpoints are Llama-shaped, and how their `config.json` is read.

The fields and their defaults are those of `mlx_lm.models.llama.ModelArgs`.
"""

import json
from pathlib import Path
from typing import Any

from mlx_entropix.errors import WeightsError

# Checkpoints of these types have the Llama architecture without a difference that matters here.
SUPPORTED_MODEL_TYPES = ("llama", "mistral")

_REQUIRED = (
    "hidden_size",
    "num_hidden_layers",
    "intermediate_size",
    "num_attention_heads",
    "rms_norm_eps",
    "vocab_size",
)


def read_config(folder: Path) -> dict[str, Any]:
    """The checked `config.json` of a checkpoint folder. Raises `WeightsError`."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(
            f"{folder} has no config.json, so it is not a model folder. "
            "Name the folder that holds config.json and the .safetensors files."
        ) from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}). Download it again.") from None
    if not isinstance(config, dict):
        raise WeightsError(f"{path} is not a JSON object. Download it again.")
    check_config(config, str(path))
    return config


def check_config(config: dict[str, Any], source: str) -> None:
    """Raise `WeightsError` unless `config` describes a model that this package can run."""
    model_type = config.get("model_type")
    if model_type not in SUPPORTED_MODEL_TYPES:
        raise WeightsError(
            f"{source}: the architecture {model_type!r} is not supported. "
            f"Checkpoints of these types work: {', '.join(SUPPORTED_MODEL_TYPES)}."
        )
    check_llama(config, source)


def check_llama(config: dict[str, Any], source: str) -> None:
    """Raise `WeightsError` unless `config` describes a Llama whose numbers fit together."""
    missing = [name for name in _REQUIRED if name not in config]
    if missing:
        raise WeightsError(f"{source} lacks {', '.join(missing)}. Download it again.")
    for name in _REQUIRED:
        value = config[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise WeightsError(f"{source}: {name} is {value!r}, where a positive number belongs.")
    if "sliding_attention" in (config.get("layer_types") or ()):
        raise WeightsError(
            f"{source}: sliding-window layers are not supported. "
            "Choose a checkpoint with full attention in every layer, such as Llama 3."
        )
    heads, kv_heads = config["num_attention_heads"], config.get("num_key_value_heads")
    if kv_heads and heads % kv_heads:
        raise WeightsError(f"{source}: {heads} attention heads cannot share {kv_heads} KV heads.")
    if not config.get("head_dim") and config["hidden_size"] % heads:
        raise WeightsError(
            f"{source}: a hidden size of {config['hidden_size']} does not divide by {heads} heads."
        )


def context_length(config: dict[str, Any]) -> int:
    """How many tokens a sequence may have: prompt and answer together."""
    return int(config.get("max_position_embeddings") or 2048)
