"""The description of the API at `/openapi.json`, as far as it is not made of types."""

import json
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from mlx_entropix.server.api_errors import (
    ApiError,
    bug,
    loading,
    queue_full,
    too_large,
    unknown_model,
    wrong_key,
)
from mlx_entropix.server.schemas import ChatCompletionChunk, ErrorResponse
from mlx_entropix.server.settings import MAX_BODY_BYTES

REF = "#/components/schemas/{model}"

_ERRORS = {
    400: (
        "A field's value cannot be used, or the prompt does not fit",
        ApiError(400, "max_tokens: Input should be greater than or equal to 1", param="max_tokens"),
    ),
    401: ("The API key is missing or wrong", wrong_key()),
    404: ("The model is not served here", unknown_model("gpt-4", "SmolLM2-135M-Instruct")),
    413: ("The body is too large", too_large(MAX_BODY_BYTES)),
    429: (
        "The queue is full; Retry-After says how many seconds to wait",
        queue_full(taken=80, capacity=80, rows=2),
    ),
    500: ("The server made an error", bug()),
    503: ("The model is loading, or the server is stopping; see Retry-After", loading()),
}

_SECONDS = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of error responses."""
    return {status: _error(status) for status in statuses}


def _error(status: int) -> dict[str, Any]:
    reason, example = _ERRORS[status]
    content = {"schema": {"$ref": REF.format(model=ErrorResponse.__name__)}}
    response = {"description": reason, "content": {"application/json": content}}
    return response | ({"headers": _SECONDS} if example.retry_after else {})


def answers(
    whole: type[BaseModel], chunk: type[BaseModel], last: str = "[DONE]"
) -> dict[int | str, dict[str, Any]]:
    """The documentation of an endpoint that answers whole or as a stream that ends with `last`."""
    success = {
        "model": whole,
        "description": f"The answer. With `stream`, server-sent events: the data of each is one "
        f"{chunk.__name__}, and the last is `{last}`.",
        "content": {"text/event-stream": {"schema": {"$ref": REF.format(model=chunk.__name__)}}},
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
        schema = model.model_json_schema(ref_template=REF)
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


# Answers to two short requests, as the bundled model made them.
_PARIS: dict[str, Any] = {
    "position": 5,
    "token_id": 7042,
    "token": " Paris",
    "quadrant": "EXPLORING",
    "logprob": -0.2579,
    "logits_entropy": 2.1366,
    "logits_varentropy": 14.0891,
    "attention_entropy": 1.1288,
    "attention_varentropy": 0.3162,
    "agreement": 0.1118,
    "interaction_strength": 3.4583,
    "temperature": 1.4902,
    "top_p": 0.9,
    "top_k": 38,
    "min_p": 0.03,
    "drafted": False,
}

_CAPITAL: dict[str, Any] = {
    "position": 37,
    "token_id": 39832,
    "token": "Capital",
    "quadrant": "RESAMPLING",
    "logprob": -3.8247,
    "logits_entropy": 5.1747,
    "logits_varentropy": 8.6575,
    "attention_entropy": 1.9088,
    "attention_varentropy": 0.3506,
    "agreement": 0.0206,
    "interaction_strength": 2.2259,
    "temperature": 2.0,
    "top_p": 0.5182,
    "top_k": 27,
    "min_p": 0.03,
    "drafted": False,
}

_CHAT = {"id": "chatcmpl-8ac32b34", "created": 1795425194, "model": "SmolLM2-135M-Instruct"}
_TEXT = {"id": "cmpl-8b47a893", "created": 1795425199, "model": "SmolLM2-135M-Instruct"}


def _usage(prompt: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": 1,
        "total_tokens": prompt + 1,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "steps": 1,
    }


def _chat_chunk(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _CHAT | {"object": "chat.completion.chunk", "choices": [choice], "seed": 0}


def _text_chunk(text: str, finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}
    return _TEXT | {"object": "text_completion", "choices": [choice], "seed": 0}


def _seen(token: dict[str, Any]) -> dict[str, Any]:
    return {"metrics": [token], "cur_pos": token["position"]}


WHOLE: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": _CHAT
    | {
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Capital", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "seed": 0,
        "usage": _usage(37),
        "metrics": [_CAPITAL],
    },
    "/v1/completions": _text_chunk(" Paris", "length") | {"usage": _usage(5), "metrics": [_PARIS]},
}
"""Whole answers, by the path of their endpoint."""

STREAMED: dict[str, list[dict[str, Any]]] = {
    "/v1/chat/completions": [
        _chat_chunk({"role": "assistant", "content": ""}),
        _chat_chunk({"content": "Capital"}) | _seen(_CAPITAL),
        _chat_chunk({}, "length"),
    ],
    "/v1/completions": [
        _text_chunk(" Paris", None) | _seen(_PARIS),
        _text_chunk("", "length"),
    ],
}
"""The objects of the same answers as streams."""
