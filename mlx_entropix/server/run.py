"""Starting and stopping the server process."""

import asyncio
import socket

import uvicorn

from mlx_entropix.server.app import create_app
from mlx_entropix.server.settings import Settings
from mlx_entropix.server.worker import Worker


def run_server(settings: Settings, listener: socket.socket) -> int:
    """Serve until a signal ends it."""
    return asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> int:
    worker = Worker(settings)
    config = uvicorn.Config(create_app(settings, worker), log_level=settings.log_level)
    server = uvicorn.Server(config)
    worker.start()
    await server.serve(sockets=[listener])
    return 0
