"""The application: the API, its errors, and what every request passes through.

`python -m mlx_entropix.server.app` writes the API's description, and needs no model for it.
"""

import json
import sys
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from mlx_entropix.installed import version
from mlx_entropix.server.api_errors import install_error_handlers
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.docs_page import ASSETS, install_docs
from mlx_entropix.server.messages_api.message_errors import MessagesErrors
from mlx_entropix.server.messages_api.messages_route import router as messages_router
from mlx_entropix.server.middleware import (
    POLLED,
    BodyLimit,
    HostCheck,
    KeyCheck,
    PageHeaders,
    RequestLog,
)
from mlx_entropix.server.openapi import describe
from mlx_entropix.server.responses_api.kept_responses import KeptResponses
from mlx_entropix.server.responses_api.responses_route import router as responses_router
from mlx_entropix.server.routes import router
from mlx_entropix.server.settings import MAX_BODY_BYTES, Settings
from mlx_entropix.server.telemetry import Telemetry
from mlx_entropix.server.text_routes import text_router
from mlx_entropix.server.translated_examples import describe_translations

_LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"

_DESCRIPTION = """
An OpenAI-compatible API over a language model with an entropy sampler. Responses carry two more
fields than OpenAI's: `metrics`, which says of every token how sure the model was and what the
sampler did about it, and `forks`, which says how an answer was chosen where it was written on
several paths. The Responses API and Anthropic's Messages API are translations of chats. A field of
a request that is not described here is an error where it asks for something.
"""

_TAGS = [
    {"name": "generation", "description": "Answers, whole or as streams of server-sent events."},
    {"name": "text", "description": "What the model is given: texts, tokens, the chat template."},
    {"name": "server", "description": "What is served, and how it is."},
]


def _create_api() -> FastAPI:
    """The endpoints, with their descriptions."""
    api = FastAPIOffline(
        docs_url=None,  # docs_page.py has one that fits the policy of all pages
        redoc_url=None,
        static_url=ASSETS,
        title="mlx-entropix",
        version=version(),
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        # To OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT names somebody who listens. Its logs
        # would have what clients ask in them.
        telemetry={
            "auto_configure": True,
            "logs": False,
            "exclude": lambda scope: scope["path"] in POLLED,
        },
    )
    install_error_handlers(api)
    for endpoints in (router, text_router, responses_router, messages_router):
        api.include_router(endpoints)
    install_docs(api)
    return api


def _described(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, which `api` serves from then on."""
    return describe_translations(describe(api))


def create_app(settings: Settings, engine: AsyncEngine) -> ASGIApp:
    """The whole ASGI application around `engine`, which need not have loaded its model yet."""
    api = _create_api()
    api.state.engine = engine
    api.state.telemetry = Telemetry(engine)
    api.state.responses = KeptResponses()
    if settings.ui_dir is not None:
        api.frontend("/", directory=settings.ui_dir, fallback=None, check_dir=True)

    app: ASGIApp = BodyLimit(PageHeaders(api), MAX_BODY_BYTES)
    if settings.api_key is not None:
        app = KeyCheck(app, settings.api_key)
    app = CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_origin_regex=None if settings.cors_origins else _LOCALHOST,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["X-Request-ID", "Retry-After"],
    )
    paths = [path for path in _described(api)["paths"] if "{" not in path]
    app = RequestLog(HostCheck(app, settings), api.state.telemetry, [*paths, "/"])
    return MessagesErrors(app)


if __name__ == "__main__":
    json.dump(_described(_create_api()), sys.stdout, indent=1)
