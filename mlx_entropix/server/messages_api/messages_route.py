"""The endpoints of the Messages API."""

from fastapi import APIRouter, Security
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from mlx_entropix.server import openapi
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.engine_requests import chat_prompt
from mlx_entropix.server.messages_api.message_events import MessagesDialect
from mlx_entropix.server.messages_api.message_request import (
    NAMES,
    CountRequest,
    MessagesRequest,
)
from mlx_entropix.server.messages_api.message_schemas import (
    AssistantMessage,
    MessageEvent,
    TokenCount,
)
from mlx_entropix.server.routes import KEY, EngineOf, model_for
from mlx_entropix.server.translation import answer_chat, as_chat, renamed

router = APIRouter(dependencies=[Security(KEY)])


@router.post("/messages", include_in_schema=False)
@router.post(
    "/v1/messages",
    summary="Make a message",
    responses=openapi.answers(AssistantMessage, MessageEvent, last="message_stop"),
    tags=["generation"],
)
async def messages(body: MessagesRequest, engine: EngineOf, request: HttpRequest) -> Response:
    """Answer a chat as Anthropic's Messages API does, whole or as a stream of typed events."""
    return await answer_chat(body.chat(), NAMES, MessagesDialect(), engine, request)


@router.post("/messages/count_tokens", include_in_schema=False)
@router.post(
    "/v1/messages/count_tokens",
    summary="Count a message's prompt",
    responses=openapi.errors(400, 401, 404, 413, 500, 503),
    tags=["generation"],
)
async def count_tokens(body: CountRequest, engine: EngineOf) -> TokenCount:
    """Count the tokens of the prompt that a message would be made of, without making it."""
    chat = as_chat(body.chat(), NAMES)
    model = model_for(chat.model, engine)
    try:
        return TokenCount(input_tokens=len(await engine.read(chat_prompt, chat, model)))
    except ApiError as error:
        raise renamed(error, NAMES) from None
