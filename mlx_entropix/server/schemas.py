"""What the API answers, as the documentation at `/docs` shows it.

What answers with tokens are made of are dictionaries, which replies.py writes and mypy checks, as
models would check every token of every stream again. The tests check them against their models.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from mlx_entropix.sampling.config_file import Provenance
from mlx_entropix.server.fork_schemas import ForkEvent, PathsSettled
from mlx_entropix.server.token_schemas import (
    MetricName,
    PromptTokenRecord,
    QuadrantName,
    TokenRecord,
    TopLogprob,
    TopProb,
)

FinishReason = Literal["stop", "length", "tool_calls", "repetition"]

_INDEX = "Which answer it is, from 0."
_FINISH = (
    "`stop`: the model, or a stop string, ended it; `tool_calls`: so, and it has called functions; "
    "`length`: max_tokens ended it; `repetition`: it repeated itself, and `stop_repeats` did."
)
_STOPPED_BY = "The stop string, or the one of `stop_token_ids`, that ended it, if one did."
_TOKEN_IDS = "The ids of its tokens, or of those of the chunk; only with `return_token_ids`."
_PROMPT_IDS = (
    "The ids of the prompt's tokens; only with `return_token_ids`, in a stream in the first chunk."
)
_PROMPT_LOGPROBS = (
    "For each token of the prompt the log-probabilities of it and of the likeliest at its place, "
    "by their ids; null for the first. Only with `prompt_logprobs`."
)
_CREATED = "When it was begun, in seconds since 1970."
_IN_THE_DRAW = "How likely the token was in the draw itself, 0 to 1; 1 where none was made."
_ASKED = "Only where the request has `post_sampling_probs`."
_KIND = "What kind of object this is."


class ErrorObject(BaseModel):
    """What was wrong."""

    message: str = Field(description="What was wrong and what to do, in a sentence or two.")
    type: str = Field(
        description="`invalid_request_error`, `authentication_error`, `rate_limit_error` or "
        "`server_error`."
    )
    param: str | None = Field(description="The field of the request that is at fault, if one is.")
    code: str | None = Field(description="A name for programs, such as `model_not_found`.")


class ErrorResponse(BaseModel):
    """Every answer that is not a success."""

    error: ErrorObject = Field(description="The error.")


class PromptTokensDetails(TypedDict):
    """Of the prompt's tokens, those that did not have to be computed again."""

    cached_tokens: Annotated[int, Field(description="Tokens known from earlier requests.")]


class CompletionTokensDetails(TypedDict):
    """What some of the answers' tokens were for, and what came of guesses ahead."""

    reasoning_tokens: Annotated[
        int, Field(description="Tokens of thoughts before the answers, with those that mark them.")
    ]
    accepted_prediction_tokens: Annotated[
        int, Field(description="Guesses that were what the model drew.")
    ]
    rejected_prediction_tokens: Annotated[
        int, Field(description="Guesses that were not; they are no tokens of the answers.")
    ]


class Usage(TypedDict):
    """Tokens of the whole response."""

    prompt_tokens: Annotated[int, Field(description="Tokens of the prompts, each counted once.")]
    completion_tokens: Annotated[
        int, Field(description="Tokens of all answers, with those that ended them.")
    ]
    total_tokens: Annotated[int, Field(description="The sum of both.")]
    prompt_tokens_details: Annotated[PromptTokensDetails, Field(description="What prompts cost.")]
    completion_tokens_details: Annotated[
        CompletionTokensDetails,
        Field(description="What the answers' tokens were for, and what came of guesses."),
    ]
    steps: Annotated[int, Field(description="Steps of the model that gave the answers' tokens.")]


class UsageSoFar(TypedDict):
    """Tokens of the response up to a chunk, where they were asked for in every chunk."""

    prompt_tokens: Annotated[int, Field(description="Tokens of the prompts, each counted once.")]
    completion_tokens: Annotated[int, Field(description="Tokens of all answers up to now.")]
    total_tokens: Annotated[int, Field(description="The sum of both.")]


class InTheDraw(TypedDict, total=False):
    """How likely a token was in the draw itself, where that is asked for."""

    prob: Annotated[float, Field(description=f"{_IN_THE_DRAW} {_ASKED}")]
    top_probs: Annotated[list[TopProb], Field(description=f"The likeliest in the draw. {_ASKED}")]


class TokenLogprob(TopLogprob, InTheDraw):
    """A token that was chosen."""

    top_logprobs: Annotated[
        list[TopLogprob], Field(description="The likeliest tokens, best first.")
    ]


class ChatLogprobs(TypedDict):
    """Log-probabilities of a chat's tokens."""

    content: Annotated[list[TokenLogprob], Field(description="One item a token.")]
    refusal: Annotated[None, Field(description="Always null.")]


class FunctionCall(TypedDict):
    """A function that the model calls."""

    name: Annotated[str, Field(description="Its name, one of the request's tools.")]
    arguments: Annotated[str, Field(description="A JSON object of its arguments, as a text.")]


class AnswerToolCall(TypedDict):
    """A call, which the client is to make."""

    id: Annotated[str, Field(description="What the `tool` message with its result calls it.")]
    type: Annotated[Literal["function"], Field(description="Always `function`.")]
    function: Annotated[FunctionCall, Field(description="What is called.")]


class AnswerMessage(TypedDict):
    """The model's message."""

    role: Annotated[Literal["assistant"], Field(description="Who speaks.")]
    content: Annotated[
        str | None, Field(description="The answer; null where there are calls alone.")
    ]
    reasoning_content: NotRequired[
        Annotated[str, Field(description="What the model thought before; only where it did.")]
    ]
    tool_calls: NotRequired[
        Annotated[
            list[AnswerToolCall],
            Field(description="The functions that the model calls; only where it does."),
        ]
    ]
    refusal: Annotated[None, Field(description="Always null.")]


class PromptLogprob(TypedDict):
    """A token that stands, or could have stood, at a place of a prompt."""

    logprob: Annotated[float, Field(description="Under the unscaled logits, in nats.")]
    rank: Annotated[int | None, Field(description="1 where no token was likelier.")]
    decoded_token: Annotated[str, Field(description="Its text.")]


PromptLogprobs = list[dict[str, PromptLogprob] | None]


class ChatChoice(TypedDict):
    """One answer to a chat."""

    index: Annotated[int, Field(description=_INDEX)]
    message: Annotated[AnswerMessage, Field(description="The answer.")]
    logprobs: Annotated[ChatLogprobs | None, Field(description="Null unless asked for.")]
    finish_reason: Annotated[FinishReason, Field(description=_FINISH)]
    stop_reason: NotRequired[Annotated[str | int, Field(description=_STOPPED_BY)]]
    token_ids: NotRequired[Annotated[list[int], Field(description=_TOKEN_IDS)]]


class ToolCallDelta(AnswerToolCall):
    """A call in a stream, all of it at once."""

    index: Annotated[int, Field(description="Which call of the answer it is, from 0.")]


class Delta(TypedDict):
    """What a chunk adds to a message."""

    role: NotRequired[
        Annotated[Literal["assistant"] | None, Field(description="In the first chunk alone.")]
    ]
    content: NotRequired[Annotated[str | None, Field(description="More of the answer.")]]
    reasoning_content: NotRequired[
        Annotated[str, Field(description="More of what the model thinks before it answers.")]
    ]
    tool_calls: NotRequired[
        Annotated[list[ToolCallDelta], Field(description="Functions that the model calls.")]
    ]


class ChatChunkChoice(TypedDict):
    """What a chunk adds to an answer."""

    index: Annotated[int, Field(description=_INDEX)]
    delta: Annotated[Delta, Field(description="What is new.")]
    logprobs: Annotated[
        ChatLogprobs | None, Field(description="Of this chunk; null unless asked for.")
    ]
    finish_reason: Annotated[
        FinishReason | None,
        Field(description=f"{_FINISH} Null in all chunks but an answer's last."),
    ]
    stop_reason: NotRequired[Annotated[str | int, Field(description=_STOPPED_BY)]]
    token_ids: NotRequired[Annotated[list[int], Field(description=_TOKEN_IDS)]]


class TextLogprobs(TypedDict):
    """Log-probabilities of a text's tokens, one item a token in each list."""

    tokens: Annotated[list[str], Field(description="Their texts.")]
    token_logprobs: Annotated[
        list[float | None],
        Field(
            description="Under the unscaled logits, in nats; null for the first token of a prompt."
        ),
    ]
    top_logprobs: Annotated[
        list[dict[str, float] | None],
        Field(description="The likeliest tokens and the token itself, by their texts."),
    ]
    text_offset: Annotated[
        list[int],
        Field(
            description="Where each begins, in characters of the text with its prompt, if echoed."
        ),
    ]
    token_probs: NotRequired[
        Annotated[
            list[float | None],
            Field(description=f"{_IN_THE_DRAW} Null for tokens of a prompt. {_ASKED}"),
        ]
    ]
    top_probs: NotRequired[
        Annotated[
            list[dict[str, float] | None],
            Field(description=f"The likeliest in the draw, by their texts. {_ASKED}"),
        ]
    ]


class TextChoice(TypedDict):
    """One continuation, or what a chunk adds to it."""

    index: Annotated[
        int, Field(description=f"{_INDEX} With several prompts, n for each, in their order.")
    ]
    text: Annotated[str, Field(description="The continuation, after the prompt if that is echoed.")]
    logprobs: Annotated[TextLogprobs | None, Field(description="Null unless asked for.")]
    finish_reason: Annotated[
        FinishReason | None,
        Field(description=f"{_FINISH} Null in all chunks of a stream but an answer's last."),
    ]
    stop_reason: NotRequired[Annotated[str | int, Field(description=_STOPPED_BY)]]
    token_ids: NotRequired[Annotated[list[int], Field(description=_TOKEN_IDS)]]
    prompt_token_ids: NotRequired[Annotated[list[int], Field(description=_PROMPT_IDS)]]
    prompt_logprobs: NotRequired[Annotated[PromptLogprobs, Field(description=_PROMPT_LOGPROBS)]]


class _Response(BaseModel):
    id: str = Field(description="The response's name, the same in all chunks of a stream.")
    created: int = Field(description=_CREATED)
    model: str = Field(description="The served model.")
    system_fingerprint: str | None = Field(
        None, description="What computes the answers: the model, and versions of the libraries."
    )
    seed: int = Field(description="The seed of the first answer; answer i has seed + i.")
    metrics: list[TokenRecord] | None = Field(
        None,
        description="What the sampler saw and did: one item for each token of the response, or of "
        "the chunk. Left out where the request says so.",
    )
    prompt_metrics: list[PromptTokenRecord] | None = Field(
        None,
        description="What the model thought of each token of the prompt; only where the request "
        "asks for it, in a stream in one chunk before the first token.",
    )


class PromptProgress(TypedDict):
    """How much of a prompt is computed."""

    total: Annotated[int, Field(description="Tokens of the prompt.")]
    cache: Annotated[int, Field(description="Those that were known from earlier requests.")]
    processed: Annotated[int, Field(description="Those that are computed or known by now.")]
    time_ms: Annotated[int, Field(description="Milliseconds that it has taken.")]


_CUR_POS = (
    "The `position` of a chunk's token, by the name that the published MLX port has for it; only "
    "where there are `metrics`."
)
_PROGRESS = "How much of the prompt is computed; only where the request has `return_progress`."

_FORKS = "How each answer was chosen among its paths; only where the request has a `fork`."
_FORK_EVENTS = (
    "What became of the answer's paths in a step of the batch; only where the request has a `fork`."
)


class ChatCompletion(_Response):
    """A whole answer to a chat."""

    object: Literal["chat.completion"] = Field(description=_KIND)
    choices: list[ChatChoice] = Field(description="The answers, in the order of their index.")
    usage: Usage = Field(description="How many tokens it took.")
    prompt_token_ids: list[int] | None = Field(None, description=_PROMPT_IDS)
    prompt_logprobs: PromptLogprobs | None = Field(None, description=_PROMPT_LOGPROBS)
    forks: list[PathsSettled] | None = Field(None, description=_FORKS)


class ChatCompletionChunk(_Response):
    """One event of a stream. The last but `[DONE]` has the usage, if that was asked for."""

    object: Literal["chat.completion.chunk"] = Field(description=_KIND)
    choices: list[ChatChunkChoice] = Field(description="One item, or none beside the usage.")
    usage: Usage | UsageSoFar | None = Field(
        None, description="In the last chunk, if it was asked for; or in all, up to now."
    )
    cur_pos: int | None = Field(None, description=_CUR_POS)
    prompt_token_ids: list[int] | None = Field(None, description=_PROMPT_IDS)
    prompt_progress: PromptProgress | None = Field(None, description=_PROGRESS)
    forks: list[ForkEvent] | None = Field(None, description=_FORK_EVENTS)


class Completion(_Response):
    """Continued texts, whole or one event of a stream."""

    object: Literal["text_completion"] = Field(description=_KIND)
    choices: list[TextChoice] = Field(
        description="The answers, in the order of their index; in a stream one, or none beside the "
        "usage."
    )
    usage: Usage | UsageSoFar | None = Field(
        None, description="How many tokens it took; in a stream only if it was asked for."
    )
    cur_pos: int | None = Field(None, description=_CUR_POS)
    prompt_progress: PromptProgress | None = Field(None, description=_PROGRESS)
    forks: list[ForkEvent] | None = Field(
        None, description=f"{_FORKS} In a stream: {_FORK_EVENTS[0].lower()}{_FORK_EVENTS[1:]}"
    )


class Model(BaseModel):
    """The served model."""

    id: str = Field(description="The name that requests may give as `model`.")
    object: Literal["model"] = Field(default="model", description=_KIND)
    created: int = Field(description="When it was loaded, in seconds since 1970.")
    owned_by: str = Field(default="mlx-entropix", description="Who serves it.")
    max_model_len: int = Field(description="The most tokens of prompt and answer together.")


class ModelList(BaseModel):
    """The one model that is served."""

    object: Literal["list"] = Field(default="list", description=_KIND)
    data: list[Model] = Field(description="One item.")


class QuadrantFacts(BaseModel):
    """A quadrant, for people."""

    name: QuadrantName = Field(description="Its name, as in `metrics`.")
    code: str = Field(
        description="Low (l) or high (h) entropy (e) and varentropy (v), as in `lehv`."
    )
    phrase: str = Field(description="What it means.")
    glyph: str = Field(description="One character that stands for it.")


class MetricFacts(BaseModel):
    """A metric, for people."""

    name: MetricName = Field(description="Its name, as in `metrics`.")
    unit: str = Field(description="Its unit; empty where it has none.")
    description: str = Field(description="What it says, in a sentence.")


class PolicyFacts(BaseModel):
    """A policy of forks, and the values that requests may give it."""

    name: str = Field(description="Its name, as in `fork`.")
    description: str = Field(description="What it does, in a sentence.")
    defaults: dict[str, Any] = Field(description="Its values where a request gives none.")
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of its values.")


class Samplers(BaseModel):
    """The samplers and policies that requests may name, and what there is to know about them."""

    default: str = Field(description="The sampler of requests that name none.")
    config: dict[str, Any] = Field(description="Its values, as this server was started.")
    presets: dict[str, dict[str, Any]] = Field(description="The entropy sampler's presets.")
    normal: dict[str, Any] = Field(description="The plain sampler's values.")
    fitted: Provenance | None = Field(
        description="How the preset `auto` was fitted to the model; null where none is, and `auto` "
        "is the published preset."
    )
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the presets.")
    plain_schema: dict[str, Any] = Field(description="JSON Schema of the plain sampler.")
    forks: list[PolicyFacts] = Field(description="The policies of forks.")
    quadrants: list[QuadrantFacts] = Field(
        description="The entropy sampler's quadrants, from the surest to the least sure."
    )
    metrics: list[MetricFacts] = Field(description="The metrics of a token, in their order.")
    system_prompt: str = Field(
        description="The system prompt that the command line gives where none is asked for."
    )


class Health(BaseModel):
    """How the server is."""

    status: Literal["ok", "loading", "stopping"] = Field(
        description="`loading` at first, then `ok`, and `stopping` after a signal."
    )
    model: str | None = Field(description="The served model's name; null while it loads.")
    rows: int = Field(description="Rows that are being computed.")
    queue: int = Field(description="Rows that wait for their turn.")
    version: str = Field(description="The version of mlx-entropix.")
