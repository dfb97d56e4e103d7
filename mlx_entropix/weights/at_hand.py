"""Which weights are on this machine, without reading any of them."""

import os
from pathlib import Path

from mlx_entropix.weights.locate import WEIGHTS_FOLDER, places


def weights_at_hand() -> dict[str, str]:
    """What `load` can be given without a download, by a name for people.

    Folders and `.gguf` files in `weights/` of the `places`, of which the first counts where a name
    is there twice, and the repos of the hub's cache that have weights.
    """
    found: dict[str, str] = {}
    for path in [path for place in places() for path in sorted((place / WEIGHTS_FOLDER).glob("*"))]:
        if path.suffix.lower() == ".gguf":
            found.setdefault(path.stem, str(path))
        elif _has_weights(path):
            found.setdefault(path.name, str(path))
    for repo in sorted(_hub_cache().glob("models--*--*")):
        if any(_has_weights(snapshot) for snapshot in repo.glob("snapshots/*")):
            name = repo.name.removeprefix("models--").replace("--", "/")
            found[name] = name
    return found


def _has_weights(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def _hub_cache() -> Path:
    """Where huggingface_hub keeps repos; its own word for it takes long to import."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{caches}/huggingface"
    return Path(home).expanduser() / "hub"
