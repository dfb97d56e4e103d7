"""Starting and stopping the server process."""

import asyncio
import contextlib
import ipaddress
import logging
import signal
import socket
import sys
import time
from collections.abc import Iterator

import uvicorn
from rich.console import Console

from mlx_entropix.installed import called
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.app import create_app
from mlx_entropix.server.async_engine import AsyncEngine, ModelInfo
from mlx_entropix.server.connections import AcceptFailures, protocol, room
from mlx_entropix.server.logs import configure_logs
from mlx_entropix.server.settings import Settings

_log = logging.getLogger(__name__)

# Of the time to stop, this much is left for the last events to reach the clients.
_CLOSING_SECONDS = 1.0


def run_server(settings: Settings, listener: socket.socket) -> None:
    """Serve on `listener` until SIGINT, SIGTERM or SIGHUP.

    Raises what kept the model from loading.
    """
    configure_logs(settings.log_level)
    asyncio.run(_serve(settings, listener))


class _Server(uvicorn.Server):
    """A server that leaves the signals to the event loop.

    uvicorn's own handlers stop it from accepting at once, so that nobody could ask how it is, and
    raise the signal once more at the end, so that the exit code is not 0.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield


async def _serve(settings: Settings, listener: socket.socket) -> None:
    engine = AsyncEngine(settings)
    most, backlog = room(settings.max_connections)
    config = uvicorn.Config(
        create_app(settings, engine),
        http=protocol(most, settings.receive_timeout),
        backlog=backlog,
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[("x-content-type-options", "nosniff")],
        timeout_graceful_shutdown=int(_CLOSING_SECONDS),
        lifespan="on",  # by which FastAPI begins and ends what it sends to OpenTelemetry
        ws="none",
    )
    server = _Server(config)
    asked = asyncio.Event()

    def ask_to_stop() -> None:
        server.force_exit = server.should_exit = asked.is_set()  # the second signal does not wait
        asked.set()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(AcceptFailures())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:  # by nohup
            continue
        loop.add_signal_handler(number, ask_to_stop)
    watch = asyncio.create_task(_watch(settings, engine, server, asked))
    engine.start()
    _note(f"Loading the model. Meanwhile {_url(settings)}/health answers.")
    await server.serve(sockets=[listener])
    if server.force_exit:  # uvicorn would let the lifespan be cancelled, and log that as an error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await server.lifespan.shutdown()
    watch.cancel()
    if engine.failure is not None:
        raise engine.failure


async def _watch(
    settings: Settings, engine: AsyncEngine, server: _Server, asked: asyncio.Event
) -> None:
    """Announce the loaded model; when a signal comes, or loading fails, end the server."""
    stop = asyncio.create_task(asked.wait())
    loaded = asyncio.create_task(engine.loaded.wait())
    await asyncio.wait({stop, loaded}, return_when=asyncio.FIRST_COMPLETED)
    if engine.info is not None:
        _announce(settings, engine.info)
    lost = asyncio.create_task(engine.lost.wait())
    if engine.failure is None:
        await asyncio.wait({stop, lost}, return_when=asyncio.FIRST_COMPLETED)
        await _drain(engine, settings.shutdown_timeout)
    for task in (loaded, lost, stop):
        task.cancel()
    server.should_exit = True


async def _drain(engine: AsyncEngine, seconds: float) -> None:
    """Take no more requests; let the running ones go on for a while, then cut them."""
    engine.stopping = True
    deadline = time.monotonic() + max(seconds - _CLOSING_SECONDS, 0)
    while engine.answers and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    engine.cut(ApiError(503, "The server is stopping; the answer was cut off.", code="stopping"))


def _announce(settings: Settings, model: ModelInfo) -> None:
    """Say what is served and where: lines for a person at a terminal, else a record of the log."""
    url = _url(settings)
    if model.is_fallback:
        _note(
            f"No weights/Llama-3.2-1B-Instruct here: serving the bundled {model.name}. "
            f"For Llama: {called('download')}"
        )
    warning = None
    if settings.api_key is None and not is_loopback(settings.host):
        warning = "Whoever can reach this machine can use it; --api_key KEY asks for a key."
    if not _at_terminal():
        fields = {
            "model": model.name,
            "sampler": settings.sampler,
            "max_rows": settings.max_rows,
            "page": None if settings.ui_dir is None else f"{url}/",
            "api": f"{url}/v1",
            "documentation": f"{url}/docs",
        }
        _log.info("serving", extra={"fields": fields})
        if warning is not None:
            _log.warning(warning)
        return
    console = _console()
    console.print(f"{model.name} · sampler {settings.sampler} · up to {settings.max_rows} rows")
    if warning is not None:
        console.print(warning)
    if settings.ui_dir is not None:
        console.print(f"page {url}/")
    console.print(f"API  {url}/v1  (documentation {url}/docs)\nCtrl-C ends the server.")


def _note(text: str) -> None:
    if _at_terminal():
        _console().print(text, style="dim")
    else:
        _log.info(text)


def _at_terminal() -> bool:
    return sys.stderr.isatty()


def is_loopback(host: str) -> bool:
    """Whether a server on `host` can be reached from its own machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _console() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def _url(settings: Settings) -> str:
    """Where this machine reaches the server."""
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
