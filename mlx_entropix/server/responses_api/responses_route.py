"""The endpoint of the Responses API."""

from fastapi import APIRouter, Security
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from mlx_entropix.server import openapi
from mlx_entropix.server.responses_api.response_events import ResponsesDialect
from mlx_entropix.server.responses_api.response_request import NAMES, ResponsesRequest
from mlx_entropix.server.responses_api.response_schemas import ResponseEvent, ResponseObject
from mlx_entropix.server.routes import KEY, EngineOf
from mlx_entropix.server.translation import answer_chat

router = APIRouter(dependencies=[Security(KEY)])


@router.post("/responses", include_in_schema=False)
@router.post(
    "/v1/responses",
    summary="Make a response",
    responses=openapi.answers(ResponseObject, ResponseEvent, last="response.completed"),
    tags=["generation"],
)
async def responses(body: ResponsesRequest, engine: EngineOf, request: HttpRequest) -> Response:
    """Answer a chat as the Responses API does, whole or as a stream of typed events.

    Nothing is kept: send the whole conversation each time.
    """
    return await answer_chat(body.chat(), NAMES, ResponsesDialect(body), engine, request)
