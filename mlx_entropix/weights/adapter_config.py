"""The folder of a LoRA adapter, as mlx-lm writes it, before a model is there to put it into.

It has `adapter_config.json` (`fine_tune_type` "lora", "dora" or "full", `num_layers`,
`lora_parameters`, often `model`, for which it was trained) and `adapters.safetensors`.
"""

import json
from pathlib import Path
from typing import Any

from mlx_entropix.errors import WeightsError

CONFIG, WEIGHTS = "adapter_config.json", "adapters.safetensors"


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """The `adapter_config.json` of an adapter's folder.

    Raises `WeightsError` where the folder is not there or is no adapter of mlx-lm.
    """
    path = folder / CONFIG
    if not folder.is_dir():
        raise WeightsError(
            f"There is no adapter at {folder}. Name the folder that holds {CONFIG} and {WEIGHTS}."
        )
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise WeightsError(
            f"{folder} has no {CONFIG}, so it is no adapter. Name the folder that holds it."
        ) from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}). Copy the adapter again.") from None
    if not isinstance(config, dict):
        raise WeightsError(f"{path} is not a JSON object. Copy the adapter again.")
    if "peft_type" in config:
        raise WeightsError(
            f"{folder} is an adapter in the format of PEFT. Adapters in that of mlx-lm work, with "
            f"{WEIGHTS}; or merge it into its model, and name that with --model."
        )
    if not (folder / WEIGHTS).is_file():
        raise WeightsError(f"{folder} has no {WEIGHTS}. Copy the whole adapter there.")
    kind = config.get("fine_tune_type", "lora")
    if kind not in ("lora", "dora", "full"):
        raise WeightsError(
            f"{path}: the fine_tune_type {kind!r} is not known. It can be lora, dora or full."
        )
    return config
