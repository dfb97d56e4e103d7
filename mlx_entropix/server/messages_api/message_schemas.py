"""What the Messages API answers, as the documentation at `/docs` shows it."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from mlx_entropix.server.fork_schemas import PathsSettled
from mlx_entropix.server.token_schemas import PromptTokenRecord, TokenRecord


class OutputTextBlock(BaseModel):
    """What the message says."""

    type: Literal["text"] = Field(description="The kind of block.")
    text: str = Field(description="The text.")


class OutputThinkingBlock(BaseModel):
    """What the model thought before."""

    type: Literal["thinking"] = Field(description="The kind of block.")
    thinking: str = Field(description="The thoughts.")
    signature: Literal[""] = Field(description="Empty: nothing is signed.")


class OutputToolUseBlock(BaseModel):
    """A call of a tool."""

    type: Literal["tool_use"] = Field(description="The kind of block.")
    id: str = Field(description="What the tool's result has to refer to.")
    name: str = Field(description="The tool.")
    input: dict[str, Any] = Field(description="Its arguments.")


class MessageTokensDetails(BaseModel):
    """What some of the message's tokens were for."""

    thinking_tokens: int = Field(description="Tokens of thoughts, with those that mark them.")


class MessageUsage(BaseModel):
    """Tokens of the message, up to now."""

    input_tokens: int = Field(
        description="Tokens of the prompt, without those of cache_read_input_tokens."
    )
    cache_creation_input_tokens: int = Field(description="Always 0: nothing is charged for.")
    cache_read_input_tokens: int = Field(
        description="Tokens known from earlier requests; 0 in a stream until its end."
    )
    output_tokens: int = Field(description="Tokens of the message, with the one that ended it.")
    output_tokens_details: MessageTokensDetails = Field(description="What they were for.")
    steps: int | None = Field(None, description="Steps of the model that gave them, at the end.")


StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "repetition"]


class _Told(BaseModel):
    metrics: list[TokenRecord] | None = Field(
        None,
        description="What the sampler saw and did, one item for each token; left out where the "
        "request says so. An event has those of the tokens since the last that had any.",
    )
    prompt_metrics: list[PromptTokenRecord] | None = Field(
        None, description="What the model thought of each token of the prompt, if asked for."
    )
    forks: list[PathsSettled] | None = Field(
        None, description="How the message was chosen; only where the request has a `fork`."
    )


class AssistantMessage(_Told):
    """A message of the model's."""

    id: str = Field(description="Its name.")
    type: Literal["message"] = Field(description="What kind of object this is.")
    role: Literal["assistant"] = Field(description="Who speaks.")
    model: str = Field(description="The served model.")
    system_fingerprint: str | None = Field(
        None, description="What computes the answers: the model, and versions of the libraries."
    )
    content: list[OutputTextBlock | OutputThinkingBlock | OutputToolUseBlock] = Field(
        description="The thoughts, if there are any, the text, and calls of tools."
    )
    stop_reason: StopReason | None = Field(
        description="What ended it: the model, max_tokens, a stop sequence, that a tool is to be "
        "used, or that it repeated itself and `stop_repeats` was asked for. Null at the "
        "beginning of a stream."
    )
    stop_sequence: str | None = Field(description="The stop sequence, if one ended it.")
    usage: MessageUsage = Field(description="How many tokens it took.")
    seed: int = Field(description="The seed that it was made with.")


class MessageEvent(_Told):
    """One event of a stream; which fields it has depends on its type."""

    type: Literal[
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    ] = Field(description="What it tells of.")
    message: AssistantMessage | None = Field(None, description="The message, which is empty yet.")
    index: int | None = Field(None, description="The block that it tells of, from 0.")
    content_block: OutputTextBlock | OutputThinkingBlock | OutputToolUseBlock | None = Field(
        None, description="The block, which is empty yet."
    )
    delta: dict[str, str | None] | None = Field(
        None,
        description="What the block has more, a `text_delta`, `thinking_delta` or "
        "`input_json_delta`; or what ended the message.",
    )
    usage: MessageUsage | None = Field(None, description="How many tokens the message took.")


class TokenCount(BaseModel):
    """How long a prompt is."""

    input_tokens: int = Field(description="Tokens of the prompt, with those of its template.")


class MessagesErrorObject(BaseModel):
    """What was wrong."""

    type: str = Field(description="Such as `invalid_request_error` or `rate_limit_error`.")
    message: str = Field(description="What was wrong and what to do, in a sentence or two.")
    details: dict[str, Any] | None = Field(
        None, description="For programs; only where the request asks for a `thread` to be kept."
    )


class MessagesErrorResponse(BaseModel):
    """Every answer of the Messages API that is not a success."""

    type: Literal["error"] = Field(description="What kind of object this is.")
    error: MessagesErrorObject = Field(description="The error.")
    request_id: str | None = Field(None, description="As in the header X-Request-ID.")
