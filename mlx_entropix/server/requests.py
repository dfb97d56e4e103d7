"""What a client may send. The field descriptions are the documentation at `/docs`.

Types are strict, as in the OpenAI API: a number in quotes is an error. So is a field that is not
named here and asks for something, see unsupported.py.
"""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from mlx_entropix.choices import CHANGES, MOST_BIAS
from mlx_entropix.sampling import PlainConfig
from mlx_entropix.server.answer_form import ResponseFormat, StructuredOutputs
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.unsupported import Neutral, Part, WholePart, only_kinds
from mlx_entropix.server.vllm_fields import VllmFields
from mlx_entropix.window import LONGEST_WINDOW

MOST_TOKENS = 10_000_000
MOST_ANSWERS = 128
MOST_ALTERNATIVES = 20
MOST_ATTENDED = 64
MOST_BIASES = 1024
MOST_STOPS = 64  # editors that complete code send some two dozen

_Stop = Annotated[str, Field(max_length=1024)]
TokenId = Annotated[int, Field(ge=0)]
Length = Annotated[int | None, Field(ge=-1, le=MOST_TOKENS)]


class TextPart(WholePart):
    """A piece of a message's content. Only text can be read."""

    # How others are to keep it; here that goes by itself.
    neutral: ClassVar[Neutral] = {"annotations": ([],), "cache_control": (...,)}

    type: Literal["text"] = Field(description="The kind of part.")
    text: str = Field(description="The text.")

    _is_text = only_kinds("text")


class StreamOptions(WholePart):
    """What a stream carries besides the text."""

    neutral: ClassVar[Neutral] = {"include_obfuscation": (False,)}

    include_usage: bool | None = Field(
        None, description="Send the usage in a last chunk, which has no choices."
    )
    continuous_usage_stats: bool | None = Field(
        None, description="With include_usage: send the usage so far in every chunk."
    )


class Prediction(Part):
    """Text that an answer may well contain, as OpenAI's API has it."""

    type: Literal["content"] = Field("content", description="`content`.")
    content: str | list[TextPart] = Field(description="The text, or a list of text parts.")

    @property
    def text(self) -> str:
        """All of it."""
        content = self.content
        return content if isinstance(content, str) else "".join(part.text for part in content)


def _base_value(name: str) -> Any:
    """An optional field for a base value of the sampler, with the range of the plain one.

    The entropy sampler's lies within; where that one is asked for, it says so itself.
    """
    lowest, highest = PlainConfig.model_fields[name].metadata
    return Field(None, ge=lowest.ge, le=highest.le, description="The sampler's base value.")


def _change(name: str) -> Any:
    """An optional field for what either sampler may be given, with its range."""
    lowest, highest = CHANGES[name]
    about = PlainConfig.model_fields[name].description
    return Field(None, ge=lowest, le=highest, description=about)


class GenerationRequest(VllmFields):
    """What chats and text completions have in common."""

    model: str | None = Field(
        None, description="The name of the served model, as /v1/models lists it."
    )
    max_tokens: Length = Field(
        None,
        description="The most tokens of one answer; -1 for as many as the context has room for.",
    )
    n: int | None = Field(1, ge=1, le=MOST_ANSWERS, description="How many answers to make.")
    stop: _Stop | Annotated[list[_Stop], Field(max_length=MOST_STOPS)] | None = Field(
        None,
        description="Text that ends an answer and is not part of it: a string, or "
        f"up to {MOST_STOPS}.",
    )
    stop_repeats: int | None = Field(
        None,
        ge=2,
        le=100,
        description="End an answer that says the same so many times in a row; null for never.",
    )
    stream: bool | None = Field(
        False, description="Send the answer as it is made, as server-sent events."
    )
    stream_options: StreamOptions | None = Field(
        None, description="What a stream carries besides the text."
    )
    seed: int | None = Field(
        None,
        ge=-(2**63),
        le=2**63 - 1,
        description="Equal seeds give equal answers; answer i of n uses seed + i. Without one, or "
        "with -1, a random seed is taken, and reported in the field `seed` of the response.",
    )
    response_format: ResponseFormat | None = Field(None, description="The form of the answer.")
    structured_outputs: StructuredOutputs | None = Field(
        None, description="The form of the answer, as vLLM has it."
    )
    json_schema: dict[str, Any] | None = Field(
        None, description="A JSON Schema by which the answer is valid, as llama.cpp has it."
    )
    grammar: str | None = Field(
        None,
        description="A grammar by which the answer is written, as llama.cpp has it (GBNF), or a "
        "Lark grammar.",
    )
    sampler: str | None = Field(
        None,
        description="A preset of the entropy sampler (`auto` is the one fitted to the model), or "
        "`normal` for the plain sampler: see /v1/samplers. Without one, the server's own.",
    )
    sampler_config: dict[str, Any] | None = Field(
        None, description="Values that differ from the sampler's, as /v1/samplers describes them."
    )
    temperature: float | None = _base_value("temperature")
    top_p: float | None = _base_value("top_p")
    top_k: int | None = Field(
        None, ge=-1, le=1_000_000, description="The sampler's base value; -1 and 0 keep all tokens."
    )
    min_p: float | None = _base_value("min_p")
    repetition_penalty: float | None = _change("repetition_penalty")
    penalize_nl: bool | None = Field(
        True,
        description="Whether the repetition_penalty is of line breaks too. It is; `false` passes "
        "where there is no such penalty.",
    )
    presence_penalty: float | None = _change("presence_penalty")
    frequency_penalty: float | None = _change("frequency_penalty")
    top_n_sigma: float | None = _change("top_n_sigma")
    p_less: bool | None = Field(None, description=PlainConfig.model_fields["p_less"].description)
    min_entropy_gain: float | None = _change("min_entropy_gain")
    xtc_probability: float | None = _change("xtc_probability")
    xtc_threshold: float | None = _change("xtc_threshold")
    logit_bias: dict[str, Annotated[float, Field(ge=-MOST_BIAS, le=MOST_BIAS)]] | None = Field(
        None,
        max_length=MOST_BIASES,
        description="What is added to the logits of tokens, by their ids, before the sampler sees "
        f"them: {-MOST_BIAS} bans a token, {MOST_BIAS} takes it always.",
    )
    metrics: bool | None = Field(
        True, description="Report metrics, quadrant and parameters of every token of the answers."
    )
    prompt_metrics: bool | None = Field(
        False,
        description="Report what the model thought of each token of the prompt too: metrics, "
        "log-probability, rank and quadrant, in the field `prompt_metrics` of the response.",
    )
    attended: int | None = Field(
        0,
        ge=0,
        le=MOST_ATTENDED,
        description="Add to the metrics of each token so many of the positions that the last layer "
        "looked at most, with their weights; 0 adds none.",
    )
    prefix_token_ids: list[TokenId] | None = Field(
        None,
        description="The answer begins with these tokens, and its text with theirs; the rest is "
        "generated. A character may be cut in two. Stop strings are not looked for in them, and "
        "they count as tokens of the prompt.",
    )
    prediction: Prediction | None = Field(
        None,
        description="Text that the answer may well contain, such as a file that is to be changed. "
        "Where the model draws it, its tokens come faster; the answer is the same.",
    )
    fork: str | dict[str, Any] | None = Field(
        None,
        description="Write the answer on several paths, and choose one: a policy's name, or an "
        "object with its `policy` and values that differ from the policy's own, as /v1/samplers "
        "describes them. Each of n answers has paths of its own.",
    )
    window: int | None = Field(
        0,
        ge=0,
        le=LONGEST_WINDOW,
        description="Add to each token's metrics their mean and slope over the last so many tokens "
        "of the answer; 0 adds none.",
    )

    post_sampling_probs: bool | None = Field(
        False,
        description="Add to the log-probabilities of each token the probabilities of the draw "
        "itself, after temperature, filters and the sampler's decision: `prob` and `top_probs`. "
        "Needs logprobs.",
    )
    cache_prompt: bool | None = Field(
        True,
        description="False: compute the prompt whole, as for a measurement, and take nothing of it "
        "from earlier requests.",
    )
    return_progress: bool | None = Field(
        False,
        description="Say in a stream how much of a prompt is computed, in chunks of their own with "
        "a `prompt_progress`. Without it a prompt that takes several steps has comments.",
    )

    @model_validator(mode="after")
    def _draws_are_told_with_logprobs(self) -> "GenerationRequest":
        if self.post_sampling_probs and self.alternatives is None:
            raise ApiError(
                400,
                "post_sampling_probs adds to the log-probabilities, so it needs logprobs.",
                param="post_sampling_probs",
            )
        return self

    @model_validator(mode="after")
    def _line_breaks_are_tokens_too(self) -> "GenerationRequest":
        if self.penalize_nl is False and self.repetition_penalty not in (None, 1):
            raise ApiError(
                400,
                "The repetition_penalty is of all tokens here, those of line breaks too. Leave out "
                "penalize_nl, or the penalty.",
                param="penalize_nl",
            )
        return self

    @model_validator(mode="after")
    def _progress_is_of_a_stream(self) -> "GenerationRequest":
        if self.return_progress and not self.stream:
            raise ApiError(400, "return_progress needs stream to be true.", param="return_progress")
        return self

    @property
    @abstractmethod
    def limit(self) -> int:
        """The most tokens of one answer."""

    @property
    @abstractmethod
    def alternatives(self) -> int | None:
        """How many alternatives each token is reported with; None for no log-probabilities."""

    @model_validator(mode="after")
    def _has_room_for_its_least(self) -> "GenerationRequest":
        if (self.min_tokens or 0) > self.limit:
            raise ApiError(
                400,
                f"min_tokens is {self.min_tokens}, and an answer has at most {self.limit} tokens. "
                "Raise max_tokens.",
                param="min_tokens",
            )
        return self

    @model_validator(mode="after")
    def _scores_the_prompt_of_a_whole_answer(self) -> "GenerationRequest":
        if self.prompt_logprobs is not None and self.stream:
            raise ApiError(
                400,
                "prompt_logprobs are told in whole answers alone; a stream has prompt_metrics.",
                param="prompt_logprobs",
            )
        return self

    @property
    def echoes_scores(self) -> bool:
        """Whether every answer begins with the prompt's tokens and their log-probabilities."""
        return False

    @property
    def scores_prompt(self) -> bool:
        """Whether the response tells what the model thought of the prompt."""
        return bool(self.prompt_metrics) or self.prompt_logprobs is not None

    @property
    def echoed(self) -> str:
        """What an answer's text begins with of what the client wrote, but for a text's prompt."""
        return ""

    @property
    def tells_reasoning(self) -> bool:
        """Whether thoughts are told."""
        return True

    @property
    def most_thoughts(self) -> int | None:
        """How many tokens the thoughts before an answer may have; None for any number."""
        return None

    @property
    def splits_reasoning(self) -> bool:
        """Whether thoughts are told apart from the answer."""
        return False

    @property
    def offered(self) -> tuple[dict[str, Any], ...]:
        """The tools that the model may call."""
        return ()

    @property
    def forced(self) -> tuple[dict[str, Any], ...]:
        """The tools of which the model has to call one; none where it need not call any."""
        return ()

    @property
    def most_calls(self) -> int | None:
        """How many calls an answer may have; None for any number."""
        return None

    @property
    def answers(self) -> int:
        """How many answers each prompt gets."""
        return self.n or 1

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a chunk of usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def wants_usage_always(self) -> bool:
        """Whether every chunk of a stream has the usage so far."""
        return self.wants_usage and bool(
            self.stream_options and self.stream_options.continuous_usage_stats
        )
