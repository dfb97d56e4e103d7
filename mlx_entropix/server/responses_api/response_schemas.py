"""What the Responses API answers, as the documentation at `/docs` shows it."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from mlx_entropix.server.fork_schemas import PathsSettled
from mlx_entropix.server.schemas import TokenLogprob
from mlx_entropix.server.token_schemas import PromptTokenRecord, TokenRecord

_STATUS = "`incomplete` where max_output_tokens or `stop_repeats` ended it."
_Status = Literal["in_progress", "completed", "incomplete"]


class OutputText(BaseModel):
    """What a message says."""

    type: Literal["output_text"] = Field(description="The kind of part.")
    text: str = Field(description="The text.")
    annotations: list[Any] = Field(description="Always empty.")
    logprobs: list[TokenLogprob] = Field(description="One item a token; empty unless asked for.")


class OutputMessage(BaseModel):
    """The model's message."""

    type: Literal["message"] = Field(description="The kind of item.")
    id: str = Field(description="Its name.")
    status: _Status = Field(description=_STATUS)
    role: Literal["assistant"] = Field(description="Who speaks.")
    content: list[OutputText] = Field(description="One part.")


class InputPart(BaseModel):
    """A piece of a message that was sent."""

    type: Literal["input_text", "output_text"] = Field(description="The kind of part.")
    text: str = Field(description="The text.")


class ReasoningText(BaseModel):
    """Thoughts, or what is sent as their summary: the same."""

    type: Literal["reasoning_text", "summary_text"] = Field(description="The kind of part.")
    text: str = Field(description="The text.")


class OutputReasoning(BaseModel):
    """What the model thought before it answered."""

    type: Literal["reasoning"] = Field(description="The kind of item.")
    id: str = Field(description="Its name.")
    status: _Status = Field(description=_STATUS)
    summary: list[ReasoningText] = Field(
        description="The thoughts, where the request asks for a summary; else empty."
    )
    content: list[ReasoningText] | None = Field(
        None, description="The thoughts, unless they are the summary."
    )


class OutputFunctionCall(BaseModel):
    """A call of a tool."""

    type: Literal["function_call"] = Field(description="The kind of item.")
    id: str = Field(description="Its name.")
    status: _Status = Field(description=_STATUS)
    call_id: str = Field(description="What the tool's output has to refer to.")
    name: str = Field(description="The tool.")
    arguments: str = Field(description="Its arguments, as JSON.")


class InputTokensDetails(BaseModel):
    """Of the input's tokens, those that did not have to be computed again."""

    cached_tokens: int = Field(description="Tokens known from earlier requests.")
    cache_write_tokens: int = Field(description="Always 0: nothing is charged for.")


class OutputTokensDetails(BaseModel):
    """What some of the output's tokens were for."""

    reasoning_tokens: int = Field(description="Tokens of thoughts, with those that mark them.")


class ResponseUsage(BaseModel):
    """Tokens of the response."""

    input_tokens: int = Field(description="Tokens of the prompt.")
    input_tokens_details: InputTokensDetails = Field(description="What the prompt cost.")
    output_tokens: int = Field(description="Tokens of the answer, with the one that ended it.")
    output_tokens_details: OutputTokensDetails = Field(description="What they were for.")
    total_tokens: int = Field(description="The sum of both.")
    steps: int = Field(description="Steps of the model that gave the answer's tokens.")


class IncompleteDetails(BaseModel):
    """Why a response is incomplete."""

    reason: Literal["max_output_tokens", "repetition"] = Field(
        description="What ended it; `repetition`: it repeated itself, and `stop_repeats` did."
    )


class ResponseError(BaseModel):
    """Why a response failed."""

    code: str = Field(description="`server_error` or `rate_limit_exceeded`.")
    message: str = Field(description="What was wrong and what to do.")


class ResponseObject(BaseModel):
    """A response. Beside these fields it has those of the request, as they were sent."""

    id: str = Field(description="Its name, under which it is kept.")
    object: Literal["response"] = Field(description="What kind of object this is.")
    created_at: int = Field(description="When it was begun, in seconds since 1970.")
    completed_at: int | None = Field(None, description="When it was completed.")
    status: Literal["in_progress", "completed", "incomplete", "failed"] = Field(description=_STATUS)
    error: ResponseError | None = Field(description="Why it failed, if it did.")
    incomplete_details: IncompleteDetails | None = Field(description="Why it is incomplete.")
    model: str = Field(description="The served model.")
    system_fingerprint: str | None = Field(
        None, description="What computes the answers: the model, and versions of the libraries."
    )
    output: list[OutputReasoning | OutputMessage | OutputFunctionCall] = Field(
        description="The thoughts, if there are any, the message, and calls of tools."
    )
    store: bool = Field(description="Whether it is kept, for a while.")
    usage: ResponseUsage | None = Field(description="How many tokens it took; null before.")
    seed: int = Field(description="The seed that it was made with.")
    metrics: list[TokenRecord] | None = Field(
        None,
        description="What the sampler saw and did, one item for each token; left out where the "
        "request says so.",
    )
    prompt_metrics: list[PromptTokenRecord] | None = Field(
        None, description="What the model thought of each token of the prompt, if asked for."
    )
    forks: list[PathsSettled] | None = Field(
        None, description="How the answer was chosen; only where the request has a `fork`."
    )


class InputMessage(BaseModel):
    """A message of a conversation."""

    type: Literal["message"] = Field(description="The kind of item.")
    id: str = Field(description="Its name.")
    status: Literal["completed"] = Field(description="`completed`.")
    role: Literal["user", "system", "developer", "assistant"] = Field(description="Who speaks.")
    content: list[InputPart] = Field(description="What it says.")


class FunctionCallOutput(BaseModel):
    """What a tool said."""

    type: Literal["function_call_output"] = Field(description="The kind of item.")
    id: str = Field(description="Its name.")
    status: Literal["completed"] = Field(description="`completed`.")
    call_id: str = Field(description="The call that it answers.")
    output: list[InputPart] = Field(description="What it said.")


class InputItems(BaseModel):
    """Items that a response was made from."""

    object: Literal["list"] = Field(default="list", description="What kind of object this is.")
    data: list[InputMessage | OutputReasoning | OutputFunctionCall | FunctionCallOutput] = Field(
        description="The items."
    )
    first_id: str | None = Field(description="The first one's name; null where there is none.")
    last_id: str | None = Field(description="The last one's name, to go on `after`.")
    has_more: bool = Field(description="Whether there are more after the last one.")


class ResponseDeleted(BaseModel):
    """That a response is not kept any more."""

    id: str = Field(description="Its name.")
    object: Literal["response"] = Field(
        default="response", description="What kind of object this was."
    )
    deleted: Literal[True] = Field(default=True, description="True.")


class InputTokens(BaseModel):
    """How long the prompt of a response would be."""

    object: Literal["response.input_tokens"] = Field(
        default="response.input_tokens", description="What kind of object this is."
    )
    input_tokens: int = Field(description="Tokens of the prompt, with those of its template.")


class ResponseEvent(BaseModel):
    """One event of a stream; which fields it has beside these depends on its type."""

    type: str = Field(
        description="`response.created`, `response.output_text.delta`, `response.completed` and "
        "the others of the Responses API; `error` where the response cannot go on."
    )
    sequence_number: int = Field(description="Its place in the stream, from 0.")
    response: ResponseObject | None = Field(None, description="The response as far as it has come.")
    output_index: int | None = Field(None, description="The item that it tells of, from 0.")
    item_id: str | None = Field(None, description="Its name.")
    item: OutputReasoning | OutputMessage | OutputFunctionCall | None = Field(
        None, description="The item as far as it has come."
    )
    delta: str | None = Field(None, description="What its text has more.")
    logprobs: list[TokenLogprob] | None = Field(None, description="Of the delta's tokens.")
    metrics: list[TokenRecord] | None = Field(
        None, description="What the sampler saw and did, for the tokens up to this delta."
    )
    prompt_metrics: list[PromptTokenRecord] | None = Field(
        None, description="What the model thought of each token of the prompt, if asked for."
    )
