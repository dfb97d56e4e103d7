"""What the tests of other people's clients need of the machine: packages, uv, bun."""

import importlib
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.ui.building import missing

FOLDER = Path(__file__).parent


def package(name: str) -> ModuleType:
    """A client's package. Some take seconds to import, so no test does at the top of its file."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        missing(f"{name} (uv sync --group clients)")
        raise


def said(command: list[str], *, prepare: list[str], within: Path = FOLDER) -> dict[str, Any]:
    """The JSON that a program of another environment prints, once that is prepared."""
    if shutil.which(command[0]) is None:
        missing(command[0])
    prepared = subprocess.run(prepare, cwd=within, capture_output=True, text=True)
    if prepared.returncode:
        missing(f"what {' '.join(prepare)} installs ({prepared.stderr.strip()})")
    done = subprocess.run(command, cwd=within, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
