"""What a client may send. The field descriptions are the documentation at `/docs`.

Types are strict, as in the OpenAI API: a number in quotes is an error. So is a field that is not
named here and asks for something, see unsupported.py.
"""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import ConfigDict, Field, model_validator

from mlx_entropix.choices import CHANGES, MOST_BIAS
from mlx_entropix.sampling import PlainConfig
from mlx_entropix.server.answer_form import ResponseFormat, StructuredOutputs
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.tools import (
    AllowedChoice,
    CallInHistory,
    NamedChoice,
    OfferedTool,
    ToolChoice,
)
from mlx_entropix.server.unsupported import Neutral, Part, WholePart, only_kinds
from mlx_entropix.server.vllm_fields import VllmChatFields, VllmFields
from mlx_entropix.window import LONGEST_WINDOW

DEFAULT_CHAT_TOKENS = 4096
DEFAULT_TEXT_TOKENS = 16  # as the OpenAI API has it
MOST_TOKENS = 10_000_000
MOST_ANSWERS = 128
MOST_ALTERNATIVES = 20
MOST_ATTENDED = 64
MOST_BIASES = 1024
MOST_TOOLS = 128
MOST_STOPS = 64  # editors that complete code send some two dozen

_Stop = Annotated[str, Field(max_length=1024)]
_TokenId = Annotated[int, Field(ge=0)]
_Length = Annotated[int | None, Field(ge=-1, le=MOST_TOKENS)]


class TextPart(Part):
    """A piece of a message's content. Only text can be read."""

    type: Literal["text"] = Field(description="The kind of part.")
    text: str = Field(description="The text.")

    _is_text = only_kinds("text")


class Message(WholePart):
    """One message of a chat."""

    # Of a message as a client got it from a server.
    neutral: ClassVar[Neutral] = {
        "annotations": ([],),
        "reasoning_content": (...,),  # what was thought before an answer is not said again
        "refusal": ("",),
    }

    role: Literal["system", "developer", "user", "assistant", "tool", "function"] = Field(
        description="Who speaks. Most models were taught `system`, `user` and `assistant` alone."
    )
    content: str | list[TextPart] | None = Field(
        None, description="Text, or a list of text parts. Only an assistant's may be left out."
    )
    name: str | None = Field(
        None, description="Who speaks of several in that role. Most chat templates leave it out."
    )
    tool_calls: list[CallInHistory] | None = Field(
        None, description="The functions that an assistant called."
    )
    tool_call_id: str | None = Field(
        None, description="Of a `tool` message: which call it is the result of."
    )
    reasoning_content: str | None = Field(
        None,
        description="What an assistant thought before. The model's chat template takes of it what "
        "it wants, most often nothing.",
    )

    reasoning: str | None = Field(None, description="The same, as vLLM calls it.")

    @model_validator(mode="after")
    def _has_content(self) -> "Message":
        if self.content is None and self.role != "assistant":
            raise ValueError(f"The {self.role}'s message has no content.")
        return self

    def plain(self) -> dict[str, Any]:
        """The message as the chat template takes it, its text in one string."""
        content = self.content or ""
        if not isinstance(content, str):
            content = "".join(part.text for part in content)
        more: dict[str, Any] = {
            "reasoning_content": self.reasoning or self.reasoning_content,
            "name": self.name,
            "tool_call_id": self.tool_call_id,
            "tool_calls": [call.plain() for call in self.tool_calls or ()],
        }
        given = {name: value for name, value in more.items() if value}
        return {"role": self.role, "content": content, **given}


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
    max_tokens: _Length = Field(
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
    prefix_token_ids: list[_TokenId] | None = Field(
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


class ChatRequest(VllmChatFields, GenerationRequest):
    """A chat to be answered."""

    messages: list[Message] = Field(min_length=1, description="The conversation so far.")
    max_completion_tokens: _Length = Field(None, description="The newer name of max_tokens.")
    logprobs: bool | None = Field(False, description="Report the log-probability of every token.")
    top_logprobs: int | None = Field(
        None,
        ge=0,
        le=MOST_ALTERNATIVES,
        description="How many of the likeliest tokens to report with each. Needs logprobs.",
    )
    continue_final_message: bool | None = Field(
        None,
        description="The last message is the beginning of the answer; go on from there. That is "
        "done where it is an assistant's, unless this is false or there are prefix_token_ids.",
    )
    chat_template_kwargs: dict[str, Any] | None = Field(
        None,
        description="More variables of the model's chat template, such as `enable_thinking`. One "
        "that the template does not have is an error, unless it is false or null.",
    )

    tools: list[OfferedTool] | None = Field(
        None,
        max_length=MOST_TOOLS,
        description="Functions that the model may call. It is for the client to call them, and to "
        "send what they return as a `tool` message.",
    )
    tool_choice: ToolChoice | None = Field(
        None,
        description="Whether functions are called: `auto`, the default, leaves it to the model; "
        "`none` offers it none; with `required`, or a function's name, the answer is a call. "
        "`allowed_tools` offers it some.",
    )
    parallel_tool_calls: bool | None = Field(
        True, description="Whether one answer may call several functions, or one several times."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "messages": [{"role": "user", "content": "What is the capital of France?"}],
                    "max_tokens": 32,
                    "seed": 0,
                },
                {
                    "model": "SmolLM2-135M-Instruct",
                    "messages": [
                        {"role": "system", "content": "Answer in one sentence."},
                        {"role": "user", "content": "Which is larger, 9.9 or 9.11?"},
                    ],
                    "max_completion_tokens": 64,
                    "stream": True,
                    "stream_options": {"include_usage": True},
                    "logprobs": True,
                    "top_logprobs": 3,
                    "sampler": "entropix",
                    "sampler_config": {"temperature": 0.5, "adaptive": {"top_k_maximum": 40}},
                },
                {
                    "messages": [{"role": "user", "content": "What is 17 + 25?"}],
                    "max_tokens": 48,
                    "seed": 0,
                    "fork": {"policy": "entropy", "paths": 4, "extract": "number"},
                },
            ]
        }
    )

    @model_validator(mode="after")
    def _logprobs_asked_for(self) -> "ChatRequest":
        if self.top_logprobs and not self.logprobs:
            raise ApiError(400, "top_logprobs needs logprobs to be true.", param="top_logprobs")
        return self

    @model_validator(mode="after")
    def _answers_something(self) -> "ChatRequest":
        for name in ("max_completion_tokens", "max_tokens"):
            if getattr(self, name) == 0:
                raise ApiError(400, f"{name} is 0; an answer has 1 token or more.", param=name)
        return self

    @model_validator(mode="after")
    def _names_a_tool(self) -> "ChatRequest":
        names = [tool.function.name for tool in self.tools or ()]
        choice = self.tool_choice
        for name in () if choice is None or isinstance(choice, str) else choice.names:
            if name not in names:
                raise ApiError(
                    400,
                    f"tool_choice names the function {name!r}, which is not among the tools.",
                    param="tool_choice",
                )
        if choice == "required" and not names:
            raise ApiError(
                400, "tool_choice is 'required', and there are no tools.", param="tool_choice"
            )
        return self

    @model_validator(mode="after")
    def _begins_in_one_way(self) -> "ChatRequest":
        if self.add_generation_prompt and self.continue_final_message:
            raise ApiError(
                400,
                "continue_final_message goes on from the last message, and add_generation_prompt "
                "opens another one; send one of them.",
                param="add_generation_prompt",
            )
        if self.prefix_token_ids and self.continue_final_message:
            raise ApiError(
                400,
                "prefix_token_ids and continue_final_message both say how the answer begins; send "
                "one of them.",
                param="prefix_token_ids",
            )
        return self

    @property
    def splits_reasoning(self) -> bool:
        """Whether thoughts are told apart from the answer: in a chat they are."""
        return True

    @property
    def continues(self) -> bool:
        """Whether the answer goes on from the last message."""
        if self.continue_final_message is not None:
            return self.continue_final_message
        if self.add_generation_prompt:
            return False
        last = self.messages[-1]
        is_begun = last.role == "assistant" and bool(last.content) and not last.tool_calls
        return is_begun and not self.prefix_token_ids

    @property
    def opens_answer(self) -> bool:
        """Whether the assistant's answer is opened behind the messages."""
        return self.add_generation_prompt is not False

    @property
    def echoed(self) -> str:
        """The last message, where the answer goes on from it and that is asked for."""
        return str(self.messages[-1].plain()["content"]) if self.echo and self.continues else ""

    @property
    def tells_reasoning(self) -> bool:
        """Whether thoughts are told."""
        return self.include_reasoning is not False

    @property
    def effort(self) -> dict[str, Any]:
        """What `reasoning_effort` is as variables of a chat template."""
        if self.reasoning_effort == "none":
            return {"enable_thinking": False}
        return {"reasoning_effort": self.reasoning_effort} if self.reasoning_effort else {}

    @property
    def offered(self) -> tuple[dict[str, Any], ...]:
        """The tools that the model may call, as chat templates and parsers of calls take them."""
        choice, tools = self.tool_choice, self.tools or ()
        if choice == "none":
            return ()
        if isinstance(choice, AllowedChoice):
            tools = [tool for tool in tools if tool.function.name in choice.names]
        return tuple(tool.plain() for tool in tools)

    @property
    def forced(self) -> tuple[dict[str, Any], ...]:
        """The tools of which the model has to call one; none where it need not call any."""
        choice = self.tool_choice
        if isinstance(choice, NamedChoice):
            name = choice.function.name
            return tuple(tool for tool in self.offered if tool["function"]["name"] == name)
        mode = choice.allowed_tools.mode if isinstance(choice, AllowedChoice) else choice
        return self.offered if mode == "required" else ()

    @property
    def most_calls(self) -> int | None:
        """How many calls an answer may have; None for any number."""
        if isinstance(self.tool_choice, NamedChoice):
            return 1
        return 1 if self.parallel_tool_calls is False else None

    @property
    def limit(self) -> int:
        """The most tokens of one answer."""
        most = self.max_completion_tokens or self.max_tokens or DEFAULT_CHAT_TOKENS
        return MOST_TOKENS if most == -1 else most

    @property
    def alternatives(self) -> int | None:
        """How many alternatives each token is reported with; None for no log-probabilities."""
        return (self.top_logprobs or 0) if self.logprobs else None


class CompletionRequest(GenerationRequest):
    """A text, or several, to be continued."""

    prompt: str | list[str] | list[_TokenId] | list[list[_TokenId]] = Field(
        description="A text, a list of token ids, or a list of either. It is used as it is."
    )
    special_tokens: bool | None = Field(
        False,
        description="Read names of control tokens in the text, such as `<|im_start|>`, as these "
        "tokens, for a text that a chat template has written. Do not set it for text of others.",
    )
    echo: bool | None = Field(False, description="Put the prompt before the answer.")
    logprobs: int | None = Field(
        None,
        ge=0,
        le=MOST_ALTERNATIVES,
        description="Report log-probabilities, with so many alternatives. With echo, those of the "
        "prompt too.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "The capital of France is", "max_tokens": 8, "logprobs": 1, "seed": 0},
                {"prompt": ["1, 2, 3,", "A, B, C,"], "max_tokens": 0, "echo": True, "logprobs": 0},
            ]
        }
    )

    @model_validator(mode="after")
    def _makes_something(self) -> "CompletionRequest":
        if self.max_tokens == 0 and not (self.echo or self.scores_prompt):
            raise ApiError(
                400,
                "max_tokens may be 0 only with echo, prompt_metrics or prompt_logprobs.",
                param="max_tokens",
            )
        return self

    @model_validator(mode="after")
    def _echoes_no_prefix(self) -> "CompletionRequest":
        if self.prefix_token_ids and self.echo:
            raise ApiError(
                400,
                "prefix_token_ids does not go with echo; put the tokens at the end of the prompt.",
                param="prefix_token_ids",
            )
        return self

    @property
    def limit(self) -> int:
        """The most tokens of one answer; 0 where the prompt is only to be scored."""
        most = DEFAULT_TEXT_TOKENS if self.max_tokens is None else self.max_tokens
        return MOST_TOKENS if most == -1 else most

    @property
    def alternatives(self) -> int | None:
        """How many alternatives each token is reported with; None for no log-probabilities."""
        return self.logprobs

    @property
    def echoes_scores(self) -> bool:
        """Whether every answer begins with the prompt's tokens and their log-probabilities."""
        return bool(self.echo) and (self.logprobs is not None or self.limit == 0)

    @property
    def prompts(self) -> list[str] | list[list[int]]:
        """The prompts, one or more."""
        prompts: Any = self.prompt
        if isinstance(prompts, str) or (prompts and isinstance(prompts[0], int)):
            prompts = [prompts]
        return cast("list[str] | list[list[int]]", prompts)
