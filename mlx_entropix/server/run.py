"""Starting and stopping the server process."""

import asyncio
import os
import signal
import socket
import sys
import time
from types import FrameType

import uvicorn
from rich.console import Console

from mlx_entropix.server.app import create_app
from mlx_entropix.server.errors import ApiError
from mlx_entropix.server.logs import configure_logs
from mlx_entropix.server.settings import Settings
from mlx_entropix.server.worker import ModelInfo, Worker

# Of the time to stop, this much is left for the last events to reach the clients.
_CLOSING_SECONDS = 1.0


def run_server(settings: Settings, listener: socket.socket) -> None:
    """Serve on `listener` until SIGINT or SIGTERM. Raises what kept the model from loading."""
    configure_logs(settings.log_level)
    finished = asyncio.run(_serve(settings, listener))
    if not finished:
        # The thread is inside the library, and the interpreter cannot end while it is there.
        sys.stderr.flush()
        os._exit(0)


class _Server(uvicorn.Server):
    """A server that, when it is to end, first lets running answers finish.

    uvicorn alone would raise the signal again at the end, and thus not exit with 0.
    """

    def __init__(self, config: uvicorn.Config, worker: Worker):
        super().__init__(config)
        self.stop_asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._worker = worker

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Take a signal; a second SIGINT ends the server at once."""
        if self.stop_asked.is_set() and sig == signal.SIGINT:
            self._worker.stopping = True
            self.should_exit = self.force_exit = True
        self._loop.call_soon_threadsafe(self.stop_asked.set)


async def _serve(settings: Settings, listener: socket.socket) -> bool:
    """Returns False where the engine's thread could not be ended."""
    worker = Worker(settings)
    config = uvicorn.Config(
        create_app(settings, worker),
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[("x-content-type-options", "nosniff")],
        timeout_graceful_shutdown=int(_CLOSING_SECONDS),
        lifespan="off",
        ws="none",
    )
    server = _Server(config, worker)
    watch = asyncio.create_task(_watch(settings, worker, server))
    worker.start()
    await server.serve(sockets=[listener])
    await watch
    finished = await worker.stop()
    if worker.failure is not None:
        raise worker.failure
    return finished


async def _watch(settings: Settings, worker: Worker, server: _Server) -> None:
    """Announce the loaded model; when a signal comes, or loading fails, end the server."""
    stop = asyncio.create_task(server.stop_asked.wait())
    loaded = asyncio.create_task(worker.loaded.wait())
    await asyncio.wait({stop, loaded}, return_when=asyncio.FIRST_COMPLETED)
    if worker.info is not None:
        _print_banner(settings, worker.info)
    if worker.failure is None:
        await stop
        await _drain(worker, settings.shutdown_timeout)
    loaded.cancel()
    stop.cancel()
    server.should_exit = True


async def _drain(worker: Worker, seconds: float) -> None:
    """Take no more requests; let the running ones go on for a while, then cut them."""
    worker.stopping = True
    deadline = time.monotonic() + max(seconds - _CLOSING_SECONDS, 0)
    while worker.generations and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    worker.cut(ApiError(503, "The server is stopping; the answer was cut off.", code="stopping"))


def _print_banner(settings: Settings, model: ModelInfo) -> None:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "") else settings.host
    if ":" in host:
        host = "[::1]" if host == "::" else f"[{host}]"
    url = f"http://{host}:{settings.port}"
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    if model.is_fallback:
        console.print(
            f"No weights/Llama-3.2-1B-Instruct here: serving the bundled {model.name}. "
            "For Llama: uv run mlx_download_weights.py",
            style="dim",
        )
    console.print(f"{model.name} · sampler {settings.sampler} · up to {settings.max_rows} rows")
    if settings.ui_dir is not None:
        console.print(f"page {url}/")
    console.print(f"API  {url}/v1  (documentation {url}/docs)\nCtrl-C ends the server.")
