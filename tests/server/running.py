"""The real server, as a process on a free port of the loopback."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from mlx_entropix.server.app import create_app
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    process: subprocess.Popen
    url: str
    log: Path

    @property
    def api(self) -> str:
        return self.url + "/v1"

    def health(self) -> dict:
        return httpx2.get(self.url + "/health", timeout=30).json()

    def wait(self, condition, seconds: float = 200) -> None:
        """Wait until `condition(health)` holds."""
        deadline = time.monotonic() + seconds
        while not condition(health := self.health()):
            assert time.monotonic() < deadline, f"still {health}"
            time.sleep(0.02)

    def wait_idle(self) -> None:
        self.wait(lambda health: health["rows"] == 0 and health["queue"] == 0)

    def post(self, path: str, body: dict, **options) -> httpx2.Response:
        return httpx2.post(self.api + path, json=body, timeout=120, **options)

    def number(self, name: str) -> float:
        """A number of /metrics; the sum, where it has labels."""
        text = httpx2.get(self.url + "/metrics").text
        found = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.M)
        assert found, f"no {name} in {text}"
        return sum(map(float, found))

    def stop(self, *, seconds: float = 30) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(log: Path, *options: str, program: str = "mlx_server.py", **environment: str) -> Server:
    """Start a server and return at once; it is still loading."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, program, "--port", str(port), *options],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Server(process, f"http://127.0.0.1:{port}", log)


def await_start(server: Server, status: str = "ok", seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() < deadline, server.log.read_text()
        with contextlib.suppress(httpx2.TransportError):
            if server.health()["status"] == status:
                return
        time.sleep(0.1)


@contextlib.asynccontextmanager
async def in_place() -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application in this process, once its model is loaded."""
    settings = Settings()
    engine = AsyncEngine(settings)
    engine.start()
    await engine.loaded.wait()
    transport = httpx2.ASGITransport(app=create_app(settings, engine))
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://localhost/v1", timeout=300
    ) as client:
        yield client


@contextlib.contextmanager
def running(log: Path, *options: str, **keywords: str) -> Iterator[Server]:
    """A server that answers, ended afterwards."""
    server = launch(log, *options, **keywords)
    try:
        await_start(server)
        yield server
    finally:
        server.process.kill()
        server.process.wait()
