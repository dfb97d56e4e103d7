"""Errors as OpenAI error objects: every answer that is not a success has this shape."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mlx_entropix.errors import EntropixError
from mlx_entropix.server.unserved import why_unserved

_LONGEST_MESSAGE = 1000

_MESSAGES = {
    400: "The body of the request is not usable JSON.",
    404: "There is nothing at this path. See /docs for what there is.",
    405: "This path does not take this method. See /docs for what there is.",
}


class ApiError(Exception):
    """An error that a client is told of: a sentence, the field at fault, a code for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after

    @classmethod
    def of(cls, error: EntropixError, param: str | None = None) -> "ApiError":
        """What a client is told of an error from below the server."""
        message = str(error)
        ended = message.endswith((".", "?", "!"))
        return cls(error.status, message if ended else f"{message}.", param=param)

    def body(self) -> dict[str, Any]:
        """The error object."""
        return {
            "error": {
                "message": _sendable(self.message),
                "type": _type_of(self.status),
                "param": self.param and _sendable(self.param),
                "code": self.code,
            }
        }

    def response(self) -> JSONResponse:
        """The error as a whole response."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers)


def loading() -> ApiError:
    """There is no model yet."""
    return ApiError(503, "The model is still loading.", code="loading", retry_after=2)


def stopping() -> ApiError:
    """Nothing new is taken any more."""
    return ApiError(503, "The server is stopping.", code="stopping", retry_after=5)


def queue_full(taken: int, capacity: int, rows: int) -> ApiError:
    """There is no room for `rows` more."""
    return ApiError(
        429,
        f"The queue is full: {taken} of {capacity} places are taken, and {rows} more are needed. "
        "Try again in a few seconds.",
        code="queue_full",
        retry_after=2,
    )


def wrong_key() -> ApiError:
    """The client may not call."""
    return ApiError(
        401,
        "The API key is missing or wrong. Send it as `Authorization: Bearer KEY` or as "
        "`X-Api-Key: KEY`.",
        code="invalid_api_key",
    )


def unknown_model(name: str, served: str) -> ApiError:
    """Another model is asked for than the one that is served."""
    return ApiError(
        404,
        f"The model {name!r} is not served here; {served!r} is.",
        param="model",
        code="model_not_found",
    )


def too_large(limit: int) -> ApiError:
    """The body of a request has more than `limit` bytes."""
    return ApiError(413, f"The body has more than {limit:,} bytes, the most allowed.")


def bug() -> ApiError:
    """Nobody foresaw this. The server's log has the traceback, under the same request id."""
    message = "The server made an error. Its log says more, under this response's X-Request-ID."
    return ApiError(500, message, code="internal_error")


def install_error_handlers(app: FastAPI) -> None:
    """Make `app` answer every error with an error object, and none with a traceback."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_bug)


async def _on_api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error.response()


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # Where a field may be one of several things, each of them has an error. The deepest says most,
    # and a wrong type least: the value was meant to be one of the others.
    fault: Mapping[str, Any] = max(
        error.errors(), key=lambda fault: (len(fault["loc"]), not fault["type"].endswith("_type"))
    )
    if fault["type"] == "json_invalid":
        reason, place = fault["ctx"]["error"], fault["loc"][-1]
        return ApiError(
            400, f"The body is not valid JSON ({reason} at character {place})."
        ).response()
    param = _field_name(fault["loc"][1:])
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not param and fault["type"] != "value_error":
        message = "The body must be a JSON object, sent with content-type application/json."
    return ApiError(400, f"{param}: {message}" if param else message, param=param).response()


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    # Where the page is served, a method other than GET on a path that is not there is a 405.
    if error.status_code in (404, 405) and (why := why_unserved(request.url.path)):
        return ApiError(404, why, code="unsupported_endpoint").response()
    message = _MESSAGES.get(error.status_code, str(error.detail))
    response = ApiError(error.status_code, message).response()
    response.headers.update(error.headers or {})
    return response


async def _on_bug(_request: Request, _error: Exception) -> JSONResponse:
    return bug().response()


def _field_name(location: tuple[Any, ...]) -> str | None:
    """`messages[0].content` of ("messages", 0, "content", "str"): the names of types, with which
    pydantic says in which branch of a union it is, are left out.
    """
    name = ""
    for part in location:
        if isinstance(part, int):
            name += f"[{part}]"
        elif part in ("str", "int", "TextPart") or "[" in part or "-" in part:
            continue
        else:
            name += f".{part}" if name else part
    return name or None


def _type_of(status: int) -> str:
    if status == 401:
        return "authentication_error"
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"


def _sendable(text: str) -> str:
    """Text as UTF-8 can carry it, without what a client sent spilling over the whole answer."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
