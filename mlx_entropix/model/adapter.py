"""LoRA adapters, as mlx-lm trains them: small products beside a model's own, which change it.

A folder with `adapter_config.json` (`fine_tune_type` "lora", "dora" or "full", `num_layers`,
`lora_parameters`) and `adapters.safetensors`. Where weights are float32 the products are added to
them, which costs no time; elsewhere they stay beside, as in mlx-lm, since 16 bits or fewer would
round small changes away.
"""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_unflatten

from mlx_entropix.errors import WeightsError

_CONFIG, _WEIGHTS = "adapter_config.json", "adapters.safetensors"
_LEAVES = (".lora_a", ".lora_b")


def add_adapter(model: nn.Module, folder: Path, name: str) -> None:
    """Put the adapter of a folder into an mlx-lm model, which people call `name`.

    Raises `WeightsError` where the adapter is missing, damaged or made for another model.
    """
    from mlx_lm.tuner.utils import load_adapters

    config = _config(folder)
    given = set(_weights(folder / _WEIGHTS))
    # Of all errors of mlx-lm only what does not fit a model is a ValueError with a list.
    try:
        load_adapters(model, str(folder))
    except ValueError as error:
        detail = str(error).splitlines()[-1].strip()
        base = f", that of {config['model']}," if isinstance(config.get("model"), str) else ""
        raise WeightsError(
            f"The adapter {folder} was trained for another model{base} and does not fit "
            f"{name} ({detail}). Name its own model with --model."
        ) from None
    except (KeyError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        detail = " ".join(str(error).strip("'\"").split())[:200]
        raise WeightsError(
            f"{folder / _CONFIG} cannot be used ({detail}). Write it as `mlx_lm.lora` does."
        ) from None
    if config.get("fine_tune_type") != "full":
        _check_complete(model, given, folder)
    model.eval()  # no dropout


def merge_adapter(model: nn.Module) -> None:
    """Add the products of an adapter to the weights, if there are any. They have to be unpacked."""
    merged = [
        (path, module.fuse()) for path, module in model.named_modules() if hasattr(module, "fuse")
    ]
    model.update_modules(tree_unflatten(merged))


def _config(folder: Path) -> dict[str, Any]:
    path = folder / _CONFIG
    if not folder.is_dir():
        raise WeightsError(
            f"There is no adapter at {folder}. Name the folder that holds {_CONFIG} and {_WEIGHTS}."
        )
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise WeightsError(
            f"{folder} has no {_CONFIG}, so it is no adapter. Name the folder that holds it."
        ) from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}). Copy the adapter again.") from None
    if not isinstance(config, dict):
        raise WeightsError(f"{path} is not a JSON object. Copy the adapter again.")
    if "peft_type" in config:
        raise WeightsError(
            f"{folder} is an adapter in the format of PEFT. Adapters in that of mlx-lm work, with "
            f"{_WEIGHTS}; or merge it into its model, and name that with --model."
        )
    kind = config.get("fine_tune_type", "lora")
    if kind not in ("lora", "dora", "full"):
        raise WeightsError(
            f"{path}: the fine_tune_type {kind!r} is not known. It can be lora, dora or full."
        )
    return config


def _weights(path: Path) -> dict[str, mx.array]:
    """The adapter's arrays, of which nothing is read yet but their names and shapes."""
    if not path.is_file():
        raise WeightsError(f"{path.parent} has no {_WEIGHTS}. Copy the whole adapter there.")
    try:
        loaded: Any = mx.load(str(path))
    except (RuntimeError, ValueError) as error:
        detail = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path} cannot be read ({detail}). Copy the adapter again.") from None
    return loaded


def _check_complete(model: nn.Module, given: set[str], folder: Path) -> None:
    """Raise where the configuration names layers of which there are no weights."""
    wanted = {
        f"{path}{leaf}"
        for path, module in model.named_modules()
        for leaf in _LEAVES
        if leaf[1:] in module
    }
    if not wanted:
        raise WeightsError(f"{folder / _CONFIG} names no layer. Write it as `mlx_lm.lora` does.")
    if missing := sorted(wanted - given):
        raise WeightsError(
            f"{folder / _WEIGHTS} lacks {len(missing)} of {len(wanted)} arrays that "
            f"{_CONFIG} asks for ({missing[0]} is the first). Copy the whole adapter, or correct "
            "its num_layers."
        )
