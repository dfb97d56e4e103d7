"""What other APIs have in common: their requests are asked of the chat API, under its names.

A request of another API has fields of its own, and the chat API's for the sampler and what is told
of it. It becomes the body of a chat; what is wrong with that is told under the names that the
client knows.
"""

from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError, create_model
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.chat_request import ChatRequest
from mlx_entropix.server.dialect import Dialect
from mlx_entropix.server.responses import StreamedAnswer, WholeAnswer
from mlx_entropix.server.routes import chat_completions
from mlx_entropix.server.unsupported import Body

_SAME = (
    *("model", "stream", "seed", "sampler", "sampler_config"),
    *("temperature", "top_p", "top_k", "min_p", "stop_repeats"),
    *("repetition_penalty", "presence_penalty", "frequency_penalty", "logit_bias"),
    *("top_n_sigma", "p_less", "min_entropy_gain", "xtc_probability", "xtc_threshold"),
    *("metrics", "prompt_metrics", "attended", "window", "fork", "cache_prompt"),
    *("stop_token_ids", "include_stop_str_in_output", "ignore_eos"),
    *("allowed_token_ids", "bad_words", "skip_special_tokens", "cache_salt"),
    *("truncate_prompt_tokens", "truncation_side"),
    *("prefix_token_ids", "prediction", "continue_final_message", "chat_template_kwargs"),
)
"""Fields of a chat that other APIs have too, or that are this server's own."""


def _same_fields() -> Any:
    chat = ChatRequest.model_fields
    fields: dict[str, Any] = {name: (chat[name].annotation, chat[name]) for name in _SAME}
    return create_model("SameFields", __base__=Body, **fields)


class TranslatedRequest(_same_fields()):  # type: ignore[misc]
    """A request of another API, with the fields that a chat has under the same names."""

    def same_fields(self) -> dict[str, Any]:
        """What of these the client sent."""
        return self.model_dump(include=set(_SAME), exclude_none=True)


async def answer_chat(
    chat: Mapping[str, Any],
    names: Mapping[str, str],
    dialect: Dialect,
    engine: AsyncEngine,
    request: HttpRequest,
) -> Response:
    """Answer the body of a chat, and say it in a `dialect`.

    `names` are what the client calls fields of a chat. Raises `ApiError` and
    `RequestValidationError` with these.
    """
    body = as_chat(chat, names)
    try:
        answer = await chat_completions(body, engine, request)
    except ApiError as error:
        raise renamed(error, names) from None
    assert isinstance(answer, WholeAnswer | StreamedAnswer)
    answer.dialect = dialect
    return answer


def as_chat(chat: Mapping[str, Any], names: Mapping[str, str]) -> ChatRequest:
    """The body of a chat, checked. Raises as `answer_chat` does."""
    try:
        return ChatRequest.model_validate(chat)
    except ApiError as error:
        raise renamed(error, names) from None
    except ValidationError as error:
        faults = [
            {**fault, "loc": ("body", names.get(str(first), first), *rest)}
            for fault in error.errors(include_url=False)
            for first, *rest in [fault["loc"] or ("messages",)]
        ]
        raise RequestValidationError(faults) from None


def renamed(error: ApiError, names: Mapping[str, str]) -> ApiError:
    """The error under the client's name of the field at fault."""
    if name := names.get(error.param or ""):
        error.message = error.message.replace(error.param or "", name, 1)
        error.param = name
    return error
