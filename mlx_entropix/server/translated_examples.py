"""What `/openapi.json` has of the translated APIs beside types: examples, and models of streams.

The examples are the chat API's, translated.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from mlx_entropix.server.dialect import Dialect, as_json
from mlx_entropix.server.messages_api.message_errors import error_body
from mlx_entropix.server.messages_api.message_events import MessagesDialect
from mlx_entropix.server.messages_api.message_schemas import MessageEvent, MessagesErrorResponse
from mlx_entropix.server.openapi import REF, STREAMED, WHOLE
from mlx_entropix.server.responses_api.response_events import ResponsesDialect
from mlx_entropix.server.responses_api.response_request import ResponsesRequest
from mlx_entropix.server.responses_api.response_schemas import ResponseEvent

_CHAT = "/v1/chat/completions"
_RANDOM = re.compile(r"(?<=_)[0-9a-f]{32}")


def _new_dialects() -> Mapping[str, Dialect]:
    return {
        "/v1/responses": ResponsesDialect(ResponsesRequest(input="Which city?")),
        "/v1/messages": MessagesDialect(),
    }


def describe_translations(description: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI description with examples of the translated APIs, and with all their models."""
    models, paths = description["components"]["schemas"], description["paths"]
    for model in (ResponseEvent, MessageEvent, MessagesErrorResponse):
        schema = model.model_json_schema(ref_template=REF)
        models |= schema.pop("$defs") | {model.__name__: schema}
    whole, streamed = _new_dialects(), _new_dialects()
    for path in whole:
        content = paths[path]["post"]["responses"]["200"]["content"]
        reply = as_json(whole[path].whole(WHOLE[_CHAT]))
        content["application/json"]["example"] = json.loads(_named(reply))
        content["text/event-stream"]["example"] = _named(_stream(streamed[path]))
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        for status, response in paths[path]["post"]["responses"].items():
            if status != "200":
                content = response["content"]["application/json"]
                content["schema"] = {"$ref": REF.format(model=MessagesErrorResponse.__name__)}
                told = content["example"]["error"]["message"]
                content["example"] = error_body(int(status), told)
    return description


def _stream(dialect: Dialect) -> bytes:
    usage = {"usage": WHOLE[_CHAT]["usage"]}
    return b"".join([*(dialect.chunk(chunk | usage) for chunk in STREAMED[_CHAT]), dialect.end()])


def _named(example: bytes) -> str:
    """The example with the same names each time."""
    return _RANDOM.sub("8ac32b34", example.decode())
