"""What a checkpoint says of itself, read from the beginnings of its files."""

import json
import math
import struct
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mlx_entropix.weights.gguf_file import architecture_name, tensor_sizes
from mlx_entropix.weights.model_config import read_config

_UNPACKED = ("F32", "F16", "BF16")


class WeightsFacts(NamedTuple):
    """The architecture by its name, the number of parameters, and how they are packed, if so."""

    architecture: str
    parameters: int
    quantization: str | None


@cache
def weights_facts(path: Path) -> WeightsFacts:
    """The facts of a folder or a `.gguf` file that has been loaded.

    Raises `WeightsError`, `OSError` or `ValueError` where it cannot be read any more.
    """
    return _of_gguf(path) if path.is_file() else _of_folder(path)


def _of_gguf(path: Path) -> WeightsFacts:
    sizes: Counter[str] = Counter()
    for kind, size in tensor_sizes(path):
        sizes[kind] += size
    commonest = max(sizes, key=lambda kind: sizes[kind], default="F32")
    packed = None if commonest in _UNPACKED else commonest
    return WeightsFacts(architecture_name(path), sizes.total(), packed)


def _of_folder(folder: Path) -> WeightsFacts:
    """mlx-lm's way of packing: `.scales` beside a `.weight`, one for each group of numbers."""
    config = read_config(folder)
    packing: dict[str, Any] = config.get("quantization") or {}
    total = 0
    for file in folder.glob("model*.safetensors"):
        tensors = _header(file)
        for name, tensor in tensors.items():
            stem, _, kind = name.rpartition(".")
            size = math.prod(tensor.get("shape", [0]))
            if f"{stem}.scales" not in tensors:
                total += size
            elif kind == "scales":
                own = packing.get(stem)
                total += size * (own if isinstance(own, dict) else packing).get("group_size", 1)
            elif kind == "bias":
                total += size
    packed = None
    if packing:
        packed = f"{packing['bits']} bits in groups of {packing['group_size']}"
    return WeightsFacts(str(config.get("model_type")), total, packed)


def _header(file: Path) -> dict[str, Any]:
    """The names and shapes of the tensors in a .safetensors file."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header: dict[str, Any] = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    return header
