"""LoRA adapters, as mlx-lm trains them: small products beside a model's own, which change it.

Where weights are float32 the products are added to them, which costs no time; elsewhere they stay
beside, as in mlx-lm, since 16 bits or fewer would round small changes away.
"""

from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_unflatten

from mlx_entropix.errors import WeightsError
from mlx_entropix.weights.adapter_config import CONFIG, WEIGHTS, read_adapter_config

_LEAVES = (".lora_a", ".lora_b")


def add_adapter(model: nn.Module, folder: Path, name: str) -> None:
    """Put the adapter of a folder into an mlx-lm model, which people call `name`.

    Raises `WeightsError` where the adapter is missing, damaged or made for another model.
    """
    from mlx_lm.tuner.utils import load_adapters

    config = read_adapter_config(folder)
    given = set(_weights(folder / WEIGHTS))
    try:
        load_adapters(model, str(folder))
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        first, *faults = str(error).strip("'\"").splitlines() or [type(error).__name__]
        if isinstance(error, ValueError) and faults:
            base = f", that of {config['model']}," if isinstance(config.get("model"), str) else ""
            raise WeightsError(
                f"The adapter {folder} was trained for another model{base} and does not fit "
                f"{name} ({faults[0].strip()}). Name its own model with --model."
            ) from None
        raise WeightsError(
            f"{folder / CONFIG} cannot be used ({first[:200]}). Write it as `mlx_lm.lora` does."
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


def _weights(path: Path) -> dict[str, mx.array]:
    """The adapter's arrays, of which nothing is read yet but their names and shapes."""
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
        raise WeightsError(f"{folder / CONFIG} names no layer. Write it as `mlx_lm.lora` does.")
    if missing := sorted(wanted - given):
        raise WeightsError(
            f"{folder / WEIGHTS} lacks {len(missing)} of {len(wanted)} arrays that "
            f"{CONFIG} asks for ({missing[0]} is the first). Copy the whole adapter, or correct "
            "its num_layers."
        )
