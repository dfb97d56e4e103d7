"""What the API answers, as the documentation at `/docs` shows it.

Answers with tokens are written by replies.py without these models, which would check every token of
every stream; the tests check that they agree.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from mlx_entropix.sampling import Metrics, Quadrant
from mlx_entropix.sampling.config_file import Provenance

if TYPE_CHECKING:
    QuadrantName = str
    MetricName = str
else:
    QuadrantName = Literal[tuple(Quadrant.__members__)]
    MetricName = Literal[Metrics._fields]

_INDEX = "Which answer it is, from 0."
_FINISH = "`stop`: the model, or a stop string, ended it; `length`: max_tokens did."
_CREATED = "When it was begun, in seconds since 1970."
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


class Moving(BaseModel):
    """A metric over the last tokens of an answer."""

    mean: float = Field(description="Its mean, in its own unit.")
    slope: float | None = Field(
        description="How fast it rises, by least squares, in its unit a token; null for one token."
    )


class Window(BaseModel):
    """Every metric over the last tokens of an answer, this one among them."""

    size: int = Field(description="How many tokens; the first ones of an answer have fewer.")
    logits_entropy: Moving = Field(description="In bits, and bits a token.")
    logits_varentropy: Moving = Field(description="In bits², and bits² a token.")
    attention_entropy: Moving = Field(description="In bits, and bits a token.")
    attention_varentropy: Moving = Field(description="In bits², and bits² a token.")
    agreement: Moving = Field(description="Mean and slope.")
    interaction_strength: Moving = Field(description="Mean and slope.")


class TokenRecord(BaseModel):
    """One token. Entropies are in bits, varentropies in bits²; see docs/api.md."""

    position: int = Field(
        description="Index of the token in the whole sequence, the prompt included."
    )
    token_id: int = Field(description="The token's number in the vocabulary.")
    token: str = Field(description="Its text; a part of a character reads as `\\xe2`.")
    quadrant: QuadrantName | None = Field(
        description="The condition that held; null under the plain sampler."
    )
    logprob: float = Field(description="Under the unscaled logits, in nats.")
    logits_entropy: float = Field(description="Entropy of the next token's distribution, in bits.")
    logits_varentropy: float = Field(description="Variance of the surprise about it, in bits².")
    attention_entropy: float = Field(
        description="Entropy of the last layer's attention, the mean of its heads, in bits."
    )
    attention_varentropy: float = Field(
        description="Variance of that entropy from head to head, in bits²."
    )
    agreement: float = Field(
        description="How far the heads' attention is from their mean: 0 where all agree."
    )
    interaction_strength: float = Field(
        description="Mean size of the attention scores before softmax."
    )
    temperature: float | None = Field(
        description="Temperature of the draw; null, as the next three, where none was made."
    )
    top_p: float | None = Field(description="Share of probability that was drawn from.")
    top_k: int | None = Field(description="The most candidates that were drawn from.")
    min_p: float | None = Field(
        description="Least probability of a candidate, as a share of the likeliest one's."
    )
    window: Window | None = Field(
        None, description="The metrics over the last tokens; only where the request has a `window`."
    )
    choice: int | None = Field(None, description="Whose token it is, where there are several.")


class PromptTokensDetails(BaseModel):
    """Of the prompt's tokens, those that did not have to be computed again."""

    cached_tokens: int = Field(description="Tokens known from earlier requests.")


class Usage(BaseModel):
    """Tokens of the whole response."""

    prompt_tokens: int = Field(description="Tokens of the prompts, each counted once.")
    completion_tokens: int = Field(description="Tokens of all answers, with those that ended them.")
    total_tokens: int = Field(description="The sum of both.")
    prompt_tokens_details: PromptTokensDetails = Field(description="What prompts cost.")


class TopLogprob(BaseModel):
    """A token that could have been chosen."""

    token: str = Field(description="The token's text.")
    token_id: int = Field(description="The token's number in the vocabulary.")
    logprob: float = Field(description="Under the unscaled logits, in nats.")
    bytes: list[int] = Field(description="The token's bytes; several tokens may make a character.")


class TokenLogprob(TopLogprob):
    """A token that was chosen."""

    top_logprobs: list[TopLogprob] = Field(description="The likeliest tokens, best first.")


class ChatLogprobs(BaseModel):
    """Log-probabilities of a chat's tokens."""

    content: list[TokenLogprob] = Field(description="One item a token.")
    refusal: None = Field(None, description="Always null.")


class AnswerMessage(BaseModel):
    """The model's message."""

    role: Literal["assistant"] = Field(description="Who speaks.")
    content: str = Field(description="The answer.")
    refusal: None = Field(None, description="Always null.")


class ChatChoice(BaseModel):
    """One answer to a chat."""

    index: int = Field(description=_INDEX)
    message: AnswerMessage = Field(description="The answer.")
    logprobs: ChatLogprobs | None = Field(description="Null unless asked for.")
    finish_reason: Literal["stop", "length"] = Field(description=_FINISH)


class Delta(BaseModel):
    """What a chunk adds to a message."""

    role: Literal["assistant"] | None = Field(None, description="In the first chunk alone.")
    content: str | None = Field(None, description="More of the answer.")


class ChatChunkChoice(BaseModel):
    """What a chunk adds to an answer."""

    index: int = Field(description=_INDEX)
    delta: Delta = Field(description="What is new.")
    logprobs: ChatLogprobs | None = Field(description="Of this chunk; null unless asked for.")
    finish_reason: Literal["stop", "length"] | None = Field(
        description=f"{_FINISH} Null in all chunks but an answer's last."
    )


class _Response(BaseModel):
    id: str = Field(description="The response's name, the same in all chunks of a stream.")
    created: int = Field(description=_CREATED)
    model: str = Field(description="The served model.")
    seed: int = Field(description="The seed of the first answer; answer i has seed + i.")
    metrics: list[TokenRecord] | None = Field(
        None,
        description="What the sampler saw and did: one item for each token of the response, or of "
        "the chunk. Left out where the request says so.",
    )


class ChatCompletion(_Response):
    """A whole answer to a chat."""

    object: Literal["chat.completion"] = Field(description=_KIND)
    choices: list[ChatChoice] = Field(description="The answers, in the order of their index.")
    usage: Usage = Field(description="How many tokens it took.")


class ChatCompletionChunk(_Response):
    """One event of a stream. The last but `[DONE]` has the usage, if that was asked for."""

    object: Literal["chat.completion.chunk"] = Field(description=_KIND)
    choices: list[ChatChunkChoice] = Field(description="One item, or none beside the usage.")
    usage: Usage | None = Field(None, description="In the last chunk, if it was asked for.")


class TextLogprobs(BaseModel):
    """Log-probabilities of a text's tokens, one item a token in each list."""

    tokens: list[str] = Field(description="Their texts.")
    token_logprobs: list[float | None] = Field(
        description="Under the unscaled logits, in nats; null for the first token of a prompt."
    )
    top_logprobs: list[dict[str, float] | None] = Field(
        description="The likeliest tokens and the token itself, by their texts."
    )
    text_offset: list[int] = Field(
        description="Where each begins, in characters of the text with its prompt, if echoed."
    )


class TextChoice(BaseModel):
    """One continuation, or what a chunk adds to it."""

    index: int = Field(description=f"{_INDEX} With several prompts, n for each, in their order.")
    text: str = Field(description="The continuation, after the prompt if that is echoed.")
    logprobs: TextLogprobs | None = Field(description="Null unless asked for.")
    finish_reason: Literal["stop", "length"] | None = Field(
        description=f"{_FINISH} Null in all chunks of a stream but an answer's last."
    )


class Completion(_Response):
    """Continued texts, whole or one event of a stream."""

    object: Literal["text_completion"] = Field(description=_KIND)
    choices: list[TextChoice] = Field(
        description="The answers, in the order of their index; in a stream one, or none beside the "
        "usage."
    )
    usage: Usage | None = Field(
        None, description="How many tokens it took; in a stream only if it was asked for."
    )


class Model(BaseModel):
    """The served model."""

    id: str = Field(description="The name that requests may give as `model`.")
    object: Literal["model"] = Field(default="model", description=_KIND)
    created: int = Field(description="When it was loaded, in seconds since 1970.")
    owned_by: str = Field(default="mlx-entropix", description="Who serves it.")


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


class Samplers(BaseModel):
    """The samplers that requests may name, and what there is to know about what they do."""

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
