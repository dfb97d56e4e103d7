"""Run the commands of docs/recipes.md as they stand, against a server of the bundled model.

uv run python -m benchmarks.recipes [WORD]

WORD chooses the sections whose title has it. What the commands need is fetched by uv and bun.
"""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "recipes.md").read_text("utf-8")


def recipes(text: str) -> list[tuple[str, str]]:
    """The blocks that are to be run, each with the title of its section."""
    found, title = [], ""
    for match in re.finditer(r"^## ([^\n]*)$|^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if match[1]:
            title = match[1]
        else:
            found.append((title, match[2]))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url) as answer:
                if b'"ok"' in answer.read():
                    return
        except OSError:
            pass
        if server.poll() is not None:
            raise SystemExit("The server did not start.")
        time.sleep(0.2)
    raise SystemExit("The server did not come up within two minutes.")


def main(wanted: str = "") -> int:
    """Run them, and return how many failed."""
    port, failed = free_port(), []
    command = [sys.executable, "mlx_server.py", "--port", str(port)]
    origin = ["--cors_origin", "http://localhost:8080"]
    server = subprocess.Popen([*command, *origin], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server)
        for title, commands in recipes(TEXT):
            if wanted.lower() not in title.lower():
                continue
            print(f"\n## {title}", flush=True)
            script = commands.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=ROOT,
                env=os.environ | {"VIRTUAL_ENV": ""},
                timeout=600,
            )
            if done.returncode:
                failed.append(title)
    finally:
        server.terminate()
        server.wait()
    print("\nfailed:", ", ".join(failed) or "none")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
