"""Loading a checkpoint into the form that runs fastest on this machine."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten
from mlx_lm.utils import dequantize_model, get_total_parameters
from mlx_lm.utils import load_model as load_checkpoint

from mlx_entropix.errors import WeightsError
from mlx_entropix.installed import called
from mlx_entropix.memory import free_memory, total_memory
from mlx_entropix.model.adapter import add_adapter, merge_adapter
from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.llama import Llama, can_run
from mlx_entropix.model.pipeline import check_pipeline
from mlx_entropix.model.quantized import KVBits
from mlx_entropix.model.shard import check_divides, shard
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.ranks.launch import PIPELINE, TENSOR
from mlx_entropix.weights.gguf import load_gguf, separate_halves
from mlx_entropix.weights.model_config import context_length, is_llama, read_config

# A float32 copy may take this share of the machine's memory.
_FLOAT32_SHARE = 0.5


def load_model(
    path: Path,
    name: str | None = None,
    *,
    ranks: Ranks | None = None,
    adapter: Path | None = None,
    kv: KVBits | None = None,
) -> tuple[Llama | AnyDecoder, dict[str, Any] | None]:
    """Load the weights in a folder or a `.gguf` file: a Llama of our own, or mlx-lm's other models.

    With `ranks` it is this one's share of them. `adapter` is the folder of one (adapter.py), if
    there is one. `kv` says how its caches pack keys and values. Returns the model, and the metadata
    of a `.gguf` file, which hold its tokenizer (`None` for a folder). Raises `WeightsError`, also
    for weights that the free memory has no room for: before they are read, but for packed ones of
    a `.gguf` file.
    """
    name = name or path.stem
    share = None if ranks is None else ranks.share
    if ranks is not None and share == TENSOR and path.is_dir():
        check_divides(read_config(path), ranks.size, name)  # before anything is read
    if path.is_file():
        _check_room(path.stat().st_size, name)
    source, config, metadata = load_source(path, name=name, ranks=ranks, adapter=adapter)
    weights: Any = tree_flatten(source.parameters())
    share_of = 1 if ranks is None else ranks.size
    _check_room(sum(array.nbytes for _, array in weights) // share_of, name)
    if ranks is not None and share == PIPELINE:
        check_pipeline(source, ranks.size, name)
        return AnyDecoder(source, name, context_length(config), kv, ranks.group), metadata
    if ranks is not None:
        check_divides(config, ranks.size, name)
        if adapter is not None and any(hasattr(m, "fuse") for m in source.modules()):
            raise WeightsError(
                f"The adapter {adapter} stays beside the packed or 16-bit weights of {name}, which "
                "cannot be divided. Fuse it first with `mlx_lm.fuse`, and name the result with "
                "--model."
            )
        shard(source, ranks.group, name)
    return decoder_of(source, name, config, kv), metadata


def decoder_of(
    source: Any, name: str, config: dict[str, Any], kv: KVBits | None = None
) -> Llama | AnyDecoder:
    """What runs a model of mlx-lm: here it is chosen. Raises `WeightsError`."""
    if can_run(source) and is_llama(config):
        return Llama(source, name, context_length(config), kv)
    return AnyDecoder(source, name, context_length(config), kv)


def load_source(
    path: Path,
    *,
    name: str | None = None,
    ranks: Ranks | None = None,
    adapter: Path | None = None,
) -> tuple[nn.Module, dict[str, Any], dict[str, Any] | None]:
    """The weights as mlx-lm's own model, not yet evaluated, in the form that runs fastest here.

    Returns the model, its config and the metadata of a `.gguf` file. Raises `WeightsError`. All
    `ranks` get the same form.
    """
    model: nn.Module
    if path.suffix.lower() == ".gguf":
        model, config, metadata = load_gguf(path)
    else:
        model, config, metadata = *_load_folder(path), None
    if adapter is not None:
        if config.get("rope_traditional") and metadata is not None:
            separate_halves(model)
        add_adapter(model, adapter, name or path.stem)
    if mx.default_device().type == mx.DeviceType.cpu:
        if ranks is None:
            model = _widen(model, min(_FLOAT32_SHARE * total_memory(), free_memory()))
        else:
            model = _widen(model, _FLOAT32_SHARE * ranks.size * ranks.memory)
    elif metadata is not None:
        # Norms come as float32 and would widen everything after them.
        model.set_dtype(getattr(mx, config["torch_dtype"]))
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
            f"`{called('download')}`."
        )


def _check_room(size: int, name: str) -> None:
    """Raise `WeightsError` where there is no room for so many bytes of weights."""
    if size > (free := free_memory()):
        raise WeightsError(
            f"{name} takes {size / 1e9:.1f} GB for its weights, and {free / 1e9:.1f} GB of memory "
            "are free for it. End other programs, or choose a smaller model, or one of fewer bits."
        )


def _widen(model: nn.Module, room: float) -> nn.Module:
    """Turn every weight into float32 if that fits in `room`, in bytes.

    On a CPU the BLAS multiplies float32 several times faster than mlx multiplies packed or 16-bit
    weights.
    """
    if 4 * get_total_parameters(model) > room:
        return model
    model.set_dtype(mx.float32)  # first the scales: unpacking into 16 bits takes longer
    model = dequantize_model(model)
    merge_adapter(model)
    return model
