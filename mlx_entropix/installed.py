"""What comes with the package, and how its commands are called: in a checkout, or from a wheel."""

from functools import cache
from importlib import metadata
from pathlib import Path

_PACKAGE = Path(__file__).parent
_SCRIPTS = {"ask": "mlx_main.py", "download": "mlx_download_weights.py", "serve": "mlx_server.py"}

CHECKOUT = _PACKAGE.parent if (_PACKAGE.parent / "mlx_main.py").is_file() else None
"""The repository's folder; None where the package comes from a wheel."""

PROMPTS_CSV = _PACKAGE / "prompts.csv" if CHECKOUT is None else CHECKOUT / "data" / "prompts.csv"
"""The prompts that come with the project, one for each of many roles."""

_DATA = Path("data/prompts.csv")  # how they are called, from wherever


def found_data(name: str) -> Path:
    """A file that is named: in the current folder, or one that comes along, `data/prompts.csv`."""
    path = Path(name).expanduser()
    return PROMPTS_CSV if path == _DATA and not path.exists() else path


def built_page() -> Path | None:
    """The folder of the web page, if it is built: a wheel has it, a checkout after `bun run build`.

    In a checkout None means that nobody built it.
    """
    folder = _PACKAGE / "page" if CHECKOUT is None else CHECKOUT / "ui" / "dist"
    return folder if (folder / "index.html").is_file() else None


def called(command: str) -> str:
    """What is typed for a command: `uv run mlx_main.py` in a checkout, `mlx-entropix` elsewhere."""
    if CHECKOUT is None:
        return "mlx-entropix" if command == "ask" else f"mlx-entropix {command}"
    return f"uv run {_SCRIPTS.get(command, f'mlx-entropix {command}')}"


@cache
def version() -> str:
    """The version of this package."""
    return metadata.version("mlx-entropix")


@cache
def versions() -> dict[str, str]:
    """The version of this package, and those of the libraries that compute what it answers."""
    return {name: metadata.version(name) for name in ("mlx-entropix", "mlx", "mlx-lm")}
