"""The application: the API, its errors, and what every request passes through."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from mlx_entropix.server.errors import install_error_handlers
from mlx_entropix.server.routes import router
from mlx_entropix.server.settings import MAX_BODY_BYTES, Settings
from mlx_entropix.server.worker import Worker

_LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


def create_app(settings: Settings, worker: Worker) -> ASGIApp:
    """The whole ASGI application around `worker`, which need not have loaded its model yet."""
    api = FastAPI(title="mlx-entropix", max_body_size=MAX_BODY_BYTES)
    api.state.worker = worker
    install_error_handlers(api)
    api.include_router(router)
    return CORSMiddleware(
        api,
        allow_origins=settings.cors_origins,
        allow_origin_regex=None if settings.cors_origins else _LOCALHOST,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["X-Request-ID", "Retry-After"],
    )
