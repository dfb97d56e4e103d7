"""The documentation at `/docs`: Swagger UI, every byte of it from this server.

FastAPI's own page loads scripts from a CDN, which needs a network and a policy that allows it.
"""

import base64
import hashlib
import re

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse

from mlx_entropix.server.middleware import content_policy

ASSETS = "/docs/assets"
"""Where fastapi-offline is to serve what it carries of Swagger UI."""

# What the page shows first: every endpoint closed, the schemas behind them not at all, since each
# endpoint shows its own.
_PARAMETERS = {"defaultModelsExpandDepth": -1, "displayRequestDuration": True}


def install_docs(api: FastAPI) -> None:
    """Serve `/docs`, whose assets are at `ASSETS` already."""
    # Paths are relative, so that the page also works behind a proxy that puts a prefix before it.
    assets = ASSETS.removeprefix("/")
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=f"{api.title} API",
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon.png",
        swagger_ui_parameters=_PARAMETERS,
    )
    body = bytes(page.body).decode()
    headers = {"content-security-policy": content_policy(scripts=_inline_scripts(body))}

    async def docs(_request: Request) -> HTMLResponse:
        return HTMLResponse(body, headers=headers)

    api.add_route("/docs", docs, include_in_schema=False)


def _inline_scripts(page: str) -> list[str]:
    """The sources that a policy names to allow the page's own scripts, and no others."""
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
