"""The conversation that a request goes on with: items it sends, and those it only names."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import TypeAdapter

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.dialect import as_json
from mlx_entropix.server.responses_api.input_items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputItem,
    InputText,
    ItemReference,
    MessageItem,
    ReasoningItem,
)
from mlx_entropix.server.responses_api.kept_responses import Item, KeptResponse, KeptResponses
from mlx_entropix.server.responses_api.response_request import ResponsesRequest
from mlx_entropix.server.settings import MAX_BODY_BYTES

_ITEM: TypeAdapter[Any] = TypeAdapter(InputItem)

_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
}


def conversation(request: ResponsesRequest, kept: KeptResponses) -> list[Any]:
    """The items that a response is to be made from, earlier turns first; each has a name.

    Raises `ApiError` where a response or an item is named that is not kept, and where those that
    are named are longer than what a request may send: a few bytes can name a lot.
    """
    items: list[Any] = []
    size = 0

    def add(named: Item) -> None:
        nonlocal size
        size += len(named.json)
        if size > MAX_BODY_BYTES:
            raise ApiError(
                400,
                f"The items that are named here have more than {MAX_BODY_BYTES:,} bytes. Begin a "
                "new conversation.",
                param="input",
                code="context_length_exceeded",
            )
        items.append(_ITEM.validate_json(named.json))

    previous = request.previous_response_id
    if previous is not None and previous not in kept:
        raise ApiError(
            400,
            f"No response {previous!r} is kept here that this one could go on from. Leave "
            "previous_response_id out, and send the whole conversation as input.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    for earlier in kept[previous].items if previous else ():
        add(earlier)
    for number, item in enumerate(_sent(request)):
        if not isinstance(item, ItemReference):
            item.id = item.id or f"{_PREFIXES[item.type]}_{uuid.uuid4().hex}"
            items.append(item)
        elif found := kept.item(item.id):
            add(found)
        else:
            raise ApiError(
                400,
                f"No item {item.id!r} is kept here. Send the item itself, as clients do that are "
                "told `store: false`.",
                param=f"input[{number}]",
                code="item_not_found",
            )
    return items


def keep(kept: KeptResponses, made_from: Sequence[Any], response: dict[str, Any]) -> None:
    """Keep a response that is complete, and the conversation up to here."""
    output = [_ITEM.validate_python(item) for item in response["output"]]
    parts = (as_json(response), _listed(made_from), _listed(output))
    kept.keep(response["id"], KeptResponse(*parts))


def _sent(request: ResponsesRequest) -> Sequence[Any]:
    if isinstance(request.input, str):
        return [MessageItem(id=None, type="message", role="user", content=request.input)]
    return request.input


def _listed(items: Iterable[Any]) -> list[Item]:
    return [Item(item.id, as_json(_as_listed(item))) for item in items]


def _as_listed(item: Any) -> dict[str, Any]:
    """An item as the API lists it."""
    listed: dict[str, Any] = {"id": item.id, "type": item.type, "status": "completed"}
    match item:
        case MessageItem():
            kind = "output_text" if item.role == "assistant" else "input_text"
            return listed | {"role": item.role, "content": _parts(item.content, kind)}
        case FunctionCallItem():
            told = {"name": item.name, "arguments": item.arguments}
            return listed | {"call_id": item.call_id, **told}
        case FunctionCallOutputItem():
            return listed | {"call_id": item.call_id, "output": _parts(item.output, "input_text")}
        case ReasoningItem():
            return listed | item.model_dump(include={"summary", "content"}, exclude_none=True)
    raise TypeError(item)


def _parts(content: str | list[InputText], kind: str) -> list[dict[str, Any]]:
    """Content in parts, as a client finds it; a text is one of a `kind`."""
    said = [(kind, content)] if isinstance(content, str) else [(p.type, p.text) for p in content]
    return [
        {"type": kind, "text": text}
        | ({"annotations": [], "logprobs": []} if kind == "output_text" else {})
        for kind, text in said
    ]
