"""A chat that a client sends, to be answered."""

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.requests import (
    MOST_ALTERNATIVES,
    MOST_TOKENS,
    GenerationRequest,
    Length,
    TextPart,
)
from mlx_entropix.server.tools import (
    AllowedChoice,
    CallInHistory,
    NamedChoice,
    OfferedTool,
    ToolChoice,
)
from mlx_entropix.server.unsupported import Neutral, WholePart
from mlx_entropix.server.vllm_fields import VllmChatFields

DEFAULT_CHAT_TOKENS = 4096
MOST_TOOLS = 128


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


class ChatRequest(VllmChatFields, GenerationRequest):
    """A chat to be answered."""

    messages: list[Message] = Field(min_length=1, description="The conversation so far.")
    max_completion_tokens: Length = Field(None, description="The newer name of max_tokens.")
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
    def most_thoughts(self) -> int | None:
        """How many tokens the thoughts before an answer may have; None for any number."""
        return None if self.thinking_token_budget == -1 else self.thinking_token_budget

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
