"""The description of the API at `/openapi.json`, as far as it is not made of types."""

import json
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from mlx_entropix.server.errors import ApiError
from mlx_entropix.server.examples import STREAMED, WHOLE
from mlx_entropix.server.schemas import ChatCompletionChunk, ErrorResponse

_REF = "#/components/schemas/{model}"

_ERRORS = {
    400: (
        "A field's value cannot be used, or the prompt does not fit",
        ApiError(400, "max_tokens: Input should be greater than or equal to 1", param="max_tokens"),
    ),
    401: (
        "The API key is missing or wrong",
        ApiError(
            401,
            "The API key is missing or wrong. Send it as `Authorization: Bearer KEY`.",
            code="invalid_api_key",
        ),
    ),
    404: (
        "The model is not served here",
        ApiError(
            404,
            "The model 'gpt-4' is not served here; 'SmolLM2-135M-Instruct' is.",
            param="model",
            code="model_not_found",
        ),
    ),
    413: (
        "The body is too large",
        ApiError(413, "The body has more than 8,388,608 bytes, the most allowed."),
    ),
    429: (
        "The queue is full; Retry-After says how many seconds to wait",
        ApiError(
            429,
            "The queue is full: 80 of 80 places are taken, and 2 more are needed. "
            "Try again in a few seconds.",
            code="queue_full",
            retry_after=2,
        ),
    ),
    500: (
        "The server made an error",
        ApiError(
            500,
            "The server made an error. Its log says more, under this response's X-Request-ID.",
            code="internal_error",
        ),
    ),
    503: (
        "The model is loading, or the server is stopping; see Retry-After",
        ApiError(503, "The model is still loading.", code="loading", retry_after=2),
    ),
}

_SECONDS = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of error responses."""
    return {status: _error(status) for status in statuses}


def _error(status: int) -> dict[str, Any]:
    reason, example = _ERRORS[status]
    content = {"schema": {"$ref": _REF.format(model=ErrorResponse.__name__)}}
    response = {"description": reason, "content": {"application/json": content}}
    return response | ({"headers": _SECONDS} if example.retry_after else {})


def answers(whole: type[BaseModel], chunk: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The documentation of an endpoint that answers whole or as a stream of chunks."""
    success = {
        "model": whole,
        "description": f"The answer. With `stream`, server-sent events: the data of each is one "
        f"{chunk.__name__}, and of the last `[DONE]`.",
        "content": {"text/event-stream": {"schema": {"$ref": _REF.format(model=chunk.__name__)}}},
    }
    return {200: success, **errors(400, 401, 404, 413, 429, 500, 503)}


def describe(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, completed, and kept by `api` as the one to serve.

    The 422 that FastAPI writes down goes: here such errors are a 400. Models that only errors and
    streams have are added, and examples, whose nulls FastAPI would leave out.
    """
    description = api.openapi()
    for path, operations in description["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            _add_examples(path, operation["responses"])
    models = description["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        models.pop(name, None)
    for model in (ErrorResponse, ChatCompletionChunk):
        schema = model.model_json_schema(ref_template=_REF)
        models |= schema.pop("$defs") | {model.__name__: schema}
    return description


def _add_examples(path: str, responses: dict[str, dict[str, Any]]) -> None:
    for status, response in responses.items():
        if status != "200":
            response["content"]["application/json"]["example"] = _ERRORS[int(status)][1].body()
        elif path in WHOLE:
            events = [json.dumps(event) for event in STREAMED[path]]
            stream = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"])
            response["content"]["application/json"]["example"] = WHOLE[path]
            response["content"]["text/event-stream"]["example"] = stream
