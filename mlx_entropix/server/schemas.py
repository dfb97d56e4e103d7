"""What the API answers, as the documentation at `/docs` shows it.

Answers with tokens are written by replies.py without these models, which would check every token of
every stream; the tests check that they agree.
"""

from typing import Any, Literal

from pydantic import BaseModel, Field


class ErrorObject(BaseModel):
    """What was wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(BaseModel):
    """Every answer that is not a success."""

    error: ErrorObject


class TokenRecord(BaseModel):
    """One token. Entropies are in bits, varentropies in bits²; see docs/api.md."""

    position: int = Field(description="Index of the token in the whole sequence.")
    token_id: int
    token: str
    quadrant: Literal["FLOWING", "TREADING", "EXPLORING", "RESAMPLING", "ADAPTIVE"] | None = Field(
        description="None under the plain sampler."
    )
    logprob: float = Field(description="Under the unscaled logits, in nats.")
    logits_entropy: float
    logits_varentropy: float
    attention_entropy: float
    attention_varentropy: float
    agreement: float
    interaction_strength: float
    temperature: float | None = Field(description="None, as the next three, without a draw.")
    top_p: float | None
    top_k: int | None
    min_p: float | None
    choice: int | None = Field(None, description="Whose token it is, where there are several.")


class PromptTokensDetails(BaseModel):
    """Of the prompt's tokens, those that did not have to be computed again."""

    cached_tokens: int


class Usage(BaseModel):
    """Tokens of the whole response."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class TopLogprob(BaseModel):
    """A token that could have been chosen."""

    token: str
    token_id: int
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    """A token that was chosen."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(BaseModel):
    """Log-probabilities of a chat's tokens."""

    content: list[TokenLogprob]
    refusal: None = None


class AnswerMessage(BaseModel):
    """The model's message."""

    role: Literal["assistant"]
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    """One answer to a chat."""

    index: int
    message: AnswerMessage
    logprobs: ChatLogprobs | None
    finish_reason: Literal["stop", "length"]


class Delta(BaseModel):
    """What a chunk adds to a message."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChatChunkChoice(BaseModel):
    """What a chunk adds to an answer."""

    index: int
    delta: Delta
    logprobs: ChatLogprobs | None
    finish_reason: Literal["stop", "length"] | None


class _Response(BaseModel):
    id: str
    created: int
    model: str
    seed: int = Field(description="The seed of the first answer; answer i has seed + i.")
    metrics: list[TokenRecord] | None = None


class ChatCompletion(_Response):
    """A whole answer to a chat."""

    object: Literal["chat.completion"]
    choices: list[ChatChoice]
    usage: Usage


class ChatCompletionChunk(_Response):
    """One event of a stream. The last but `[DONE]` has the usage, if that was asked for."""

    object: Literal["chat.completion.chunk"]
    choices: list[ChatChunkChoice]
    usage: Usage | None = None


class TextLogprobs(BaseModel):
    """Log-probabilities of a text's tokens, one item a token in each list."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class TextChoice(BaseModel):
    """One continuation, or what a chunk adds to it."""

    index: int
    text: str
    logprobs: TextLogprobs | None
    finish_reason: Literal["stop", "length"] | None


class Completion(_Response):
    """Continued texts, whole or one event of a stream."""

    object: Literal["text_completion"]
    choices: list[TextChoice]
    usage: Usage | None = None


class Model(BaseModel):
    """The served model."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "mlx-entropix"


class ModelList(BaseModel):
    """The one model that is served."""

    object: Literal["list"] = "list"
    data: list[Model]


class Samplers(BaseModel):
    """The samplers that requests may name."""

    default: str = Field(description="The sampler of requests that name none.")
    config: dict[str, Any] = Field(description="Its values, as this server was started.")
    presets: dict[str, dict[str, Any]] = Field(description="The entropy sampler's presets.")
    normal: dict[str, Any] = Field(description="The plain sampler's values.")
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the presets.")
    plain_schema: dict[str, Any] = Field(description="JSON Schema of the plain sampler.")


class Health(BaseModel):
    """How the server is."""

    status: Literal["ok", "loading", "stopping"]
    model: str | None
    rows: int = Field(description="Rows that are being computed.")
    queue: int = Field(description="Rows that wait for their turn.")


_REASONS = {
    400: "A field's value cannot be used, or the prompt does not fit",
    401: "The API key is missing or wrong",
    404: "The model is not served here",
    413: "The body is too large",
    429: "The queue is full; Retry-After says how many seconds to wait",
    500: "The server made an error",
    503: "The model is loading, or the server is stopping; see Retry-After",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of error responses."""
    return {
        status: {"model": ErrorResponse, "description": _REASONS[status]} for status in statuses
    }


def answers(whole: type[BaseModel], chunk: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The documentation of an endpoint that answers whole or in chunks."""
    stream = {
        "schema": {"type": "string"},
        "description": f"Events whose data are {chunk.__name__} objects, then `[DONE]`.",
    }
    return {
        200: {
            "model": whole,
            "description": f"The answer, or with `stream` events of {chunk.__name__} objects.",
            "content": {"text/event-stream": stream},
        },
        **errors(400, 404, 413, 429, 500, 503),
    }
