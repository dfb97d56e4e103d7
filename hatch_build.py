"""Puts the built page into the wheel and the sdist; a checkout that is run in place needs none.

A source distribution has the page in `ui/dist` already, and not what it is built from.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):
    """Builds `ui/dist` with bun, unless it is newer than all that it is built from."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Have the page at hand; ends with a sentence where there is none and no bun."""
        if version == "editable":
            return
        ui = Path(self.root) / "ui"
        if not _is_fresh(ui):
            if bun := shutil.which("bun"):
                subprocess.run([bun, "install", "--frozen-lockfile"], cwd=ui, check=True)
                subprocess.run([bun, "run", "build"], cwd=ui, check=True)
            elif not (ui / "dist" / "index.html").is_file():
                raise SystemExit(
                    "The page is not built, and bun, which builds it, is not here. Install bun "
                    "(https://bun.sh), or copy ui/dist from a machine that has built it."
                )
        if self.target_name == "wheel":
            build_data["force_include"][str(ui / "dist")] = "mlx_entropix/page"


def _is_fresh(ui: Path) -> bool:
    page = ui / "dist" / "index.html"
    sources = [ui / "package.json", ui / "bun.lock", ui / "index.html"]
    sources += [path for folder in ("src", "public") for path in (ui / folder).rglob("*")]
    changed = max((path.stat().st_mtime for path in sources if path.is_file()), default=0)
    return page.is_file() and page.stat().st_mtime >= changed
