"""What every request passes on its way to the API, from the outside in."""

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import re
import socket
import time
import uuid
from collections.abc import Collection, Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlx_entropix.server import logs
from mlx_entropix.server.api_errors import ApiError, stopping, too_large, wrong_key
from mlx_entropix.server.settings import Settings
from mlx_entropix.server.telemetry import Telemetry

_CLIENT_GONE = 499  # what nginx logs for a client that left before its answer
_GIVEN_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
POLLED = ("/health", "/metrics")
"""Paths that are asked again and again, of which each is no news."""

UNVERSIONED = (
    *("/chat/completions", "/completions", "/embeddings", "/models"),
    *("/responses", "/messages"),
)
"""Paths that clients with a base URL without /v1 ask for."""

_WILDCARDS = ("0.0.0.0", "::", "")


class RequestLog:
    """Gives each request an id, in the header X-Request-ID and in the logs, and logs its outcome.

    A client may bring its own id. `paths` are those that are counted by name.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry, paths: Collection[str]):
        self.app = app
        self.telemetry = telemetry
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        logs.request_id.set(request_id)
        state = scope.setdefault("state", {})
        status = _CLIENT_GONE
        begin = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except asyncio.CancelledError:
            # The server ends, and waits no longer: for the rest of a body, or a prompt's reading.
            if status == _CLIENT_GONE:
                await stopping().response()(scope, receive, send_with_id)
        finally:
            path = scope["path"] if scope["path"] in self.paths else "other"
            self.telemetry.on_request(path, status)
            fields = {
                "client": scope["client"][0] if scope.get("client") else None,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "seconds": round(time.perf_counter() - begin, 4),
                "prompt": state.get("prompt"),  # set only where prompts are to be logged
            }
            level = logging.DEBUG if scope["path"] in POLLED else logging.INFO
            logs.access.log(level, "request", extra={"fields": fields})


class HostCheck:
    """Refuses requests whose Host header is not a name of this server.

    A web page whose domain was made to resolve to this machine (DNS rebinding) could otherwise call
    the API as its own.
    """

    def __init__(self, app: ASGIApp, settings: Settings):
        self.app = app
        self.names = {"localhost", "127.0.0.1", "[::1]", *map(str.lower, settings.allowed_hosts)}
        # A server for the network is reached by addresses, which a rebound name never is.
        self.any_address = settings.host in _WILDCARDS
        if self.any_address:
            self.names.add(socket.gethostname().lower())
        else:
            host = settings.host.lower()
            self.names.add(f"[{host}]" if ":" in host else host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or self._is_known(Headers(scope=scope).get("host", "")):
            await self.app(scope, receive, send)
            return
        error = ApiError(
            400,
            "The Host header does not name this server. Use its address, or start it with "
            "--allowed_host and that name.",
            code="unknown_host",
        )
        await error.response()(scope, receive, send)

    def _is_known(self, header: str) -> bool:
        name = re.sub(r":\d*$", "", header.lower())
        return name in self.names or (self.any_address and _is_address(name))


class KeyCheck:
    """Refuses requests to the API without the right key. The page, /docs and /health stay open.

    What a client with a key wrote is its own: `owner` in the request's state stands for the key.
    """

    def __init__(self, app: ASGIApp, key: str):
        self.app = app
        self.key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["path"].startswith(("/v1/", *UNVERSIONED, "/metrics")):
            headers = Headers(scope=scope)
            scheme, _, key = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":  # as Anthropic's clients send it
                key = headers.get("x-api-key", "")
            given = key.strip().encode("latin-1", "replace")
            if not given or not hmac.compare_digest(given, self.key):
                await wrong_key().response()(scope, receive, send)
                return
            scope.setdefault("state", {})["owner"] = hashlib.sha256(given).hexdigest()
        await self.app(scope, receive, send)


class BodyLimit:
    """Refuses bodies of more than `limit` bytes, announced or counted as they come."""

    def __init__(self, app: ASGIApp, limit: int):
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        error = too_large(self.limit)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.limit:
            await error.response()(scope, receive, send)
            return
        size = 0

        async def receive_counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                # The one kind of exception that FastAPI lets through while it reads a body.
                raise HTTPException(413, error.message)
            return message

        await self.app(scope, receive_counted, send)


def content_policy(*, scripts: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of a page; `scripts` are sources of scripts beside this server.

    Model output is untrusted, so no script, style, frame or image comes from elsewhere, and none is
    written into the page. (Its own inline styles are set by script, which no policy forbids.)
    """
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self'", *scripts]),
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


class PageHeaders:
    """Tells browsers what a web page may do: nothing but talk to this server."""

    _POLICY = content_policy()

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add headers to the response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", self._POLICY)
                headers["referrer-policy"] = "no-referrer"
                if scope["path"].startswith("/assets/"):  # their names change with their content
                    headers["cache-control"] = "public, max-age=31536000, immutable"
                else:
                    headers.setdefault("cache-control", "no-cache")
            await send(message)

        await self.app(scope, receive, send_with_policy)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
