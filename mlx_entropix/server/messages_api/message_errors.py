"""Errors as the Messages API has them, whoever on a request's way found them."""

import json
from typing import Any

from pydantic_core import to_json
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TYPES = {
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}

_PATHS = ("/v1/messages", "/messages")


# By this Anthropic's packages, whose runner of tools would have its conversation kept, know that it
# is not, and send all of it each time.
_NO_THREADS = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def error_body(
    status: int, message: str, request_id: str | None = None, field: str | None = None
) -> dict[str, Any]:
    """An error object of the Messages API; `field` is the request's that is at fault."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    error = {"type": kind, "message": message}
    told = {
        "type": "error",
        "error": error | ({"details": _NO_THREADS} if field == "thread" else {}),
    }
    return told | ({"request_id": request_id} if request_id else {})


class MessagesErrors:
    """Gives the errors of requests to the Messages API its form, and responses their request's id.

    They come from the endpoint, from what checks every request before, and from the server itself;
    all of these say them as OpenAI's API does.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or not scope["path"].startswith(_PATHS):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def send_as_error(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["request-id"] = headers.get("x-request-id", "")
                is_json = headers.get("content-type") == "application/json"
                if message["status"] >= 400 and is_json:  # others are for browsers
                    start = message
                    return
            elif start:
                body += message.get("body", b"")
                if message.get("more_body"):
                    return
                headers = MutableHeaders(scope=start)
                error = json.loads(body)["error"]
                told = error["message"], headers["request-id"], error["param"]
                body = to_json(error_body(start["status"], *told))
                headers["content-length"] = str(len(body))
                await send(start)
                message = {"type": "http.response.body", "body": body}
            await send(message)

        await self.app(scope, receive, send_as_error)
