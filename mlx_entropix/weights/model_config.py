"""Which checkpoints can be run, which of them are Llama-shaped, and how `config.json` is read.

The fields and their defaults are those of `mlx_lm.models.llama.ModelArgs`.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlx_entropix.errors import WeightsError

# Checkpoints of these types have the Llama architecture, but for biases (Qwen 2), and norms of
# queries and keys (Qwen 3).
LLAMA_TYPES = ("llama", "mistral", "qwen2", "qwen3")

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


def is_llama(config: dict[str, Any]) -> bool:
    """Whether it is a Llama whose layers all attend to all tokens."""
    windowed = "sliding_attention" in (config.get("layer_types") or ())
    return config.get("model_type") in LLAMA_TYPES and not windowed


def check_config(config: dict[str, Any], source: str) -> None:
    """Raise `WeightsError` unless `config` describes a model that this package can run.

    That is a Llama, or any other architecture that mlx-lm has.
    """
    if not is_llama(config):
        _check_known(config.get("model_type"), source)
        return
    check_llama(config, source)


def _check_known(model_type: Any, source: str) -> None:
    from mlx_lm.utils import MODEL_REMAPPING  # takes a second

    name = MODEL_REMAPPING.get(model_type, model_type)
    if not isinstance(name, str) or not name or find_spec(f"mlx_lm.models.{name}") is None:
        raise WeightsError(
            f"{source}: the architecture {model_type!r} is not supported. Choose one that mlx-lm "
            "knows: docs/models.md lists them."
        )


def check_llama(config: dict[str, Any], source: str) -> None:
    """Raise `WeightsError` unless `config` describes a Llama whose numbers fit together."""
    missing = [name for name in _REQUIRED if name not in config]
    if missing:
        raise WeightsError(f"{source} lacks {', '.join(missing)}. Download it again.")
    for name in _REQUIRED:
        value = config[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise WeightsError(f"{source}: {name} is {value!r}, where a positive number belongs.")
    heads, kv_heads = config["num_attention_heads"], config.get("num_key_value_heads")
    if kv_heads and heads % kv_heads:
        raise WeightsError(f"{source}: {heads} attention heads cannot share {kv_heads} KV heads.")
    if not config.get("head_dim") and config["hidden_size"] % heads:
        raise WeightsError(
            f"{source}: a hidden size of {config['hidden_size']} does not divide by {heads} heads."
        )


# What the length of the context is called, in the order in which it is looked for.
_LENGTHS = (
    "max_position_embeddings",
    "max_sequence_length",
    "max_seq_len",
    "seq_length",
    "n_positions",
    "n_ctx",
    "model_max_length",
)


def context_length(config: dict[str, Any]) -> int:
    """How many tokens a sequence may have: prompt and answer together.

    A model of text and pictures has it among its `text_config`. 2048 where nothing is said.
    """
    for place in (config, config.get("text_config") or {}):
        for name in _LENGTHS:
            if isinstance(length := place.get(name), int) and length > 0:
                return length
    return 2048
