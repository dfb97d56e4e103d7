"""What the tests of the page need of the machine: bun, Chromium, and the built page."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

UI = Path(__file__).parents[2] / "ui"
DIST = UI / "dist"
SOURCES = ["src", "public", "index.html", "package.json", "bun.lock", "vite.config.ts"]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(what: str) -> None:
    """Skip on a machine without `what`; fail where everything ought to be."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI runs every test")
    pytest.skip(f"{what} is missing")


def _newest(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return max(file.stat().st_mtime for file in files if file.is_file())


def build_page() -> Path:
    """Build the page unless it is newer than everything it is made of."""
    built = DIST / "index.html"
    if built.is_file() and built.stat().st_mtime > max(_newest(UI / name) for name in SOURCES):
        return DIST
    if shutil.which("bun") is None:
        missing("bun, which builds the page,")
    if not (UI / "node_modules").is_dir():
        _bun("install", "--frozen-lockfile")
    _bun("run", "build")
    return DIST


def _bun(*arguments: str) -> None:
    run = subprocess.run(["bun", *arguments], cwd=UI, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def chromium_path(own: str) -> str:
    """The system's Chromium, or the one that Playwright has installed at `own`."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None and not Path(own).is_file():
        missing("Chromium")
    return found or own
