"""The endpoints of the Responses API."""

import json
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Security
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from mlx_entropix.server import openapi
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.engine_requests import chat_prompt
from mlx_entropix.server.responses_api import conversation as conversations
from mlx_entropix.server.responses_api.kept_responses import KeptResponse, KeptResponses
from mlx_entropix.server.responses_api.response_events import ResponsesDialect
from mlx_entropix.server.responses_api.response_request import NAMES, ResponsesRequest
from mlx_entropix.server.responses_api.response_schemas import (
    InputItems,
    InputTokens,
    ResponseDeleted,
    ResponseEvent,
    ResponseObject,
)
from mlx_entropix.server.routes import KEY, EngineOf, model_for
from mlx_entropix.server.translation import answer_chat, as_chat, renamed

router = APIRouter(dependencies=[Security(KEY)])

_ERRORS = openapi.errors(400, 401, 404, 500)
_PAGING = ("limit", "order", "after")
_ONE = "/v1/responses/{response_id}"


async def _kept(request: HttpRequest) -> KeptResponses:
    kept: KeptResponses = request.app.state.responses
    return kept


KeptOf = Annotated[KeptResponses, Depends(_kept)]


async def _found(
    response_id: Annotated[str, Path(description="The response's name.")],
    kept: KeptOf,
    request: HttpRequest,
) -> KeptResponse:
    for name, value in request.query_params.items():
        if value not in ("", "false") and name not in _PAGING:
            plain = name.removesuffix("[]")
            raise ApiError(
                400,
                f"{plain} is not supported here. Leave it out: a response is kept as it was sent.",
                param=plain,
                code="unsupported_field",
            )
    return kept[response_id]


Found = Annotated[KeptResponse, Depends(_found)]


@router.post("/responses", include_in_schema=False)
@router.post(
    "/v1/responses",
    summary="Make a response",
    responses=openapi.answers(ResponseObject, ResponseEvent, last="response.completed"),
    tags=["generation"],
)
async def responses(
    body: ResponsesRequest, engine: EngineOf, kept: KeptOf, request: HttpRequest
) -> Response:
    """Answer a chat as the Responses API does, whole or as a stream of typed events.

    The latest responses are kept in memory, so that another one can go on from them.
    """
    items = conversations.conversation(body, kept)
    keep = None if body.store is False else partial(conversations.keep, kept, items)
    dialect = ResponsesDialect(body, keep)
    return await answer_chat(body.chat(items), NAMES, dialect, engine, request)


@router.post("/responses/input_tokens", include_in_schema=False)
@router.post(
    "/v1/responses/input_tokens",
    summary="Count a response's prompt",
    responses=openapi.errors(400, 401, 404, 413, 500, 503),
    tags=["generation"],
)
async def input_tokens(body: ResponsesRequest, engine: EngineOf, kept: KeptOf) -> InputTokens:
    """Count the tokens of the prompt that a response would be made of, without making it."""
    chat = as_chat(body.chat(conversations.conversation(body, kept)), NAMES)
    model = model_for(chat.model, engine)
    try:
        return InputTokens(input_tokens=len(await engine.read(chat_prompt, chat, model)))
    except ApiError as error:
        raise renamed(error, NAMES) from None


@router.get("/responses/{response_id}", include_in_schema=False)
@router.get(
    _ONE,
    summary="Give a response again",
    responses={200: {"model": ResponseObject}, **_ERRORS},
    tags=["generation"],
)
async def response(found: Found) -> Response:
    """Give a response that is kept, as it was sent."""
    return Response(found.json, media_type="application/json")


@router.delete("/responses/{response_id}", include_in_schema=False)
@router.delete(
    _ONE,
    summary="Forget a response",
    responses=_ERRORS,
    dependencies=[Depends(_found)],
    tags=["generation"],
)
async def delete(response_id: str, kept: KeptOf) -> ResponseDeleted:
    """Forget a response. Those that went on from it keep what it said."""
    kept.delete(response_id)
    return ResponseDeleted(id=response_id)


@router.get("/responses/{response_id}/input_items", include_in_schema=False)
@router.get(
    _ONE + "/input_items",
    summary="List what a response was made from",
    responses={200: {"model": InputItems}, **_ERRORS},
    tags=["generation"],
)
async def input_items(
    found: Found,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 20,
    order: Annotated[
        Literal["asc", "desc"], Query(description="`desc`: the latest first; or `asc`.")
    ] = "desc",
    after: Annotated[str | None, Query(description="The item after which to go on.")] = None,
) -> dict[str, Any]:
    """List the items that a response was made from, those of earlier turns too."""
    items = found.made_from if order == "asc" else found.made_from[::-1]
    names = [item.id for item in items]
    if after is not None and after not in names:
        raise ApiError(
            400, f"after: the response was not made from an item {after!r}.", param="after"
        )
    start = 0 if after is None else names.index(after) + 1
    page = items[start : start + limit]
    return {
        "object": "list",
        "data": [json.loads(item.json) for item in page],
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
        "has_more": start + limit < len(items),
    }


@router.post("/responses/{response_id}/cancel", include_in_schema=False)
@router.post(
    _ONE + "/cancel",
    summary="Cancel a response",
    responses=_ERRORS,
    dependencies=[Depends(_found)],
    tags=["generation"],
)
async def cancel() -> ResponseObject:
    """Refused: a response that has a name to be asked for is complete."""
    raise ApiError(
        400,
        "This response is complete. One that is being made is cancelled by closing its stream or "
        "connection; there are none in the background.",
        param="response_id",
        code="not_cancellable",
    )
