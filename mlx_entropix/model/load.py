"""Loading a checkpoint into the form that runs fastest on this machine."""

import json
import os
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.llama import Model
from mlx_lm.utils import dequantize_model, get_total_parameters
from mlx_lm.utils import load_model as load_checkpoint

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.llama import Llama
from mlx_entropix.weights.gguf import load_gguf
from mlx_entropix.weights.model_config import context_length, is_llama, read_config

# A float32 copy may take this share of the machine's memory.
_FLOAT32_SHARE = 0.5


def load_model(
    path: Path, name: str | None = None
) -> tuple[Llama | AnyDecoder, dict[str, Any] | None]:
    """Load the weights in a folder or a `.gguf` file: a Llama of our own, or mlx-lm's other models.

    Returns the model, and the metadata of a `.gguf` file, which hold its tokenizer (`None` for a
    folder). Raises `WeightsError`.
    """
    source, config, metadata = load_source(path)
    kind = Llama if isinstance(source, Model) and is_llama(config) else AnyDecoder
    return kind(source, name or path.stem, context_length(config)), metadata  # type: ignore[arg-type]


def load_source(path: Path) -> tuple[nn.Module, dict[str, Any], dict[str, Any] | None]:
    """The weights as mlx-lm's own model, not yet evaluated, in the form that runs fastest here.

    Returns the model, its config and the metadata of a `.gguf` file. Raises `WeightsError`.
    """
    if path.suffix.lower() == ".gguf":
        model: nn.Module
        model, config, metadata = load_gguf(path)
    else:
        model, config, metadata = *_load_folder(path), None
    if mx.default_device().type == mx.DeviceType.cpu:
        model = _widen(model)
    elif metadata is not None:
        model.set_dtype(mx.float16)  # norms come as float32 and would widen everything after them
    return model, config, metadata


def _load_folder(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    config = read_config(folder)
    _check_shards(folder)
    try:
        model, config = load_checkpoint(folder, lazy=True)
    except SystemExit:  # by a module that wants another package
        raise WeightsError(
            f"{folder}: the architecture {config['model_type']!r} needs a package that mlx-lm does "
            "not bring. Choose another model; docs/models.md lists all that work."
        ) from None
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        detail = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"The weights in {folder} cannot be used: {detail}. Download them again, or check "
            "that config.json belongs to them."
        ) from None
    return model, config


def _check_shards(folder: Path) -> None:
    """A folder that was downloaded halfway says which files it lacks."""
    files = {path.name for path in folder.glob("model*.safetensors")}
    index = folder / "model.safetensors.index.json"
    try:
        wanted = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except FileNotFoundError:
        wanted = set()
    except (OSError, ValueError, KeyError, AttributeError):
        raise WeightsError(f"{index} cannot be read. Download it again.") from None
    if missing := sorted(wanted - files):
        raise WeightsError(
            f"{folder} lacks {len(missing)} of {len(wanted)} weight files ({missing[0]} is the "
            "first). The download was not finished: run it again, it resumes."
        )
    if not files:
        raise WeightsError(
            f"{folder} has no model*.safetensors files. Download the weights, for example with "
            "`uv run mlx_download_weights.py`."
        )


def _widen(model: nn.Module) -> nn.Module:
    """Turn every weight into float32 if that fits in memory.

    On a CPU the BLAS multiplies float32 several times faster than mlx multiplies packed or 16-bit
    weights.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if 4 * get_total_parameters(model) > _FLOAT32_SHARE * memory:
        return model
    model.set_dtype(mx.float32)  # first the scales: unpacking into 16 bits takes longer
    return dequantize_model(model)
