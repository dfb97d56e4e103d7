"""Endpoints of OpenAI's API that are not served: each says why, and what to do."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Security
from starlette.responses import Response

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.routes import KEY

_TEXT_ALONE = (
    "Text alone is read and written here. Ask a server that has a model for images or sound."
)
_NO_FILES = "No files are kept here. Send what they say in the messages of a chat."
_NO_CODE = "No code is run here. Offer functions as tools of a chat, and run what is called."
_NO_TRAINING = (
    "No model is trained or judged here. mlx-lm trains adapters, which the server loads with "
    "--adapter_path; lm-eval measures models over this API."
)
_NO_CONVERSATIONS = (
    "No conversations are kept by a name of their own. Go on from a response of /v1/responses with "
    "previous_response_id, or send all that was said."
)
_NO_CHATS = (
    "Chats are not kept here. Responses of /v1/responses are for a while, to be asked for again."
)

_REASONS = {
    "embeddings": "No embeddings are made here: the served model writes text, and was not trained "
    "to compare texts by vectors. Ask a server with an embedding model.",
    "moderations": "Nothing is moderated here: the served model writes text, and was not trained "
    "to judge it. Ask a server with a model that was.",
    "batches": "There are no batches to wait for here. Send the requests side by side: they are "
    "answered together.",
    "responses/compact": "Conversations are not made shorter here. Leave items out of the input, "
    "or begin a new one.",
    **dict.fromkeys(("files", "uploads", "vector_stores"), _NO_FILES),
    **dict.fromkeys(("audio", "images", "videos", "realtime"), _TEXT_ALONE),
    **dict.fromkeys(("containers", "skills"), _NO_CODE),
    **dict.fromkeys(("fine_tuning", "evals"), _NO_TRAINING),
    **dict.fromkeys(("assistants", "threads", "conversations"), _NO_CONVERSATIONS),
}
"""Why there is nothing at a path below /v1, nor below that."""


def _refusal(reason: str) -> Callable[[], Awaitable[Response]]:
    async def refuse() -> Response:
        raise ApiError(404, reason, code="unsupported_endpoint")

    return refuse


def _unserved() -> APIRouter:
    unserved = APIRouter(dependencies=[Security(KEY)], include_in_schema=False)
    anything = ["GET", "POST", "DELETE"]
    chats = "/chat/completions"
    refusals = [(chats, _NO_CHATS, ["GET"]), (f"{chats}/{{rest:path}}", _NO_CHATS, anything)]
    for path, reason in _REASONS.items():
        refusals += [(f"/{path}{rest}", reason, anything) for rest in ("", "/{rest:path}")]
    for path, reason, methods in refusals:
        unserved.add_api_route(f"/v1{path}", _refusal(reason), methods=methods)
    # A base URL may lack /v1, and embeddings are what clients that chat ask for most.
    unserved.add_api_route("/embeddings", _refusal(_REASONS["embeddings"]), methods=anything)
    return unserved


router = _unserved()
