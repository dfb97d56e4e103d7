"""What a client of the Messages API may send, and the chat that it asks for."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from mlx_entropix.server.messages_api.content_blocks import InputTurn, TextBlock, joined
from mlx_entropix.server.requests import MOST_STOPS
from mlx_entropix.server.translation import TranslatedRequest
from mlx_entropix.server.unsupported import Neutral, Part, WholePart

NAMES: Mapping[str, str] = {
    "max_completion_tokens": "max_tokens",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "reasoning_effort": "output_config.effort",
    "response_format": "output_config.format",
    "stop": "stop_sequences",
}
"""What the Messages API calls fields of a chat."""

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


class MessagesTool(WholePart):
    """A tool that the model may call."""

    neutral: ClassVar[Neutral] = {  # its input may come in pieces or at once
        "allowed_callers": (["direct"],),
        "cache_control": (...,),
        "defer_loading": (False,),
        "eager_input_streaming": (...,),
        "input_examples": ([],),
    }

    type: Literal["custom"] | None = Field(
        None, description="`custom`; tools that Anthropic runs are not offered."
    )
    name: str = Field(description="Its name.")
    description: str | None = Field(None, description="What it is for.")
    input_schema: dict[str, Any] = Field(description="JSON Schema of its arguments.")
    strict: bool | None = Field(
        None, description="Whether the arguments have to fit their schema to the letter."
    )

    def of_chat(self) -> dict[str, Any]:
        """The tool as a chat has it."""
        function = self.model_dump(include={"name", "description", "strict"}, exclude_none=True)
        return {"type": "function", "function": {**function, "parameters": self.input_schema}}


class MessagesToolChoice(Part):
    """Whether the model has to call a tool, and which."""

    type: Literal["auto", "any", "tool", "none"] = Field(
        description="`any`: some tool; `tool`: the one that is named."
    )
    name: str | None = Field(None, description="The tool that it has to call.")
    disable_parallel_tool_use: bool | None = Field(
        None, description="Whether it may call no more than one at once."
    )

    @model_validator(mode="after")
    def _names_its_tool(self) -> "MessagesToolChoice":
        if (self.type == "tool") != (self.name is not None):
            raise ValueError("A name belongs to the type tool, and to no other.")
        return self

    def of_chat(self) -> dict[str, Any]:
        """Its fields of a chat."""
        parallel = {"parallel_tool_calls": False} if self.disable_parallel_tool_use else {}
        if self.type == "tool":
            return {
                "tool_choice": {"type": "function", "function": {"name": self.name}},
                **parallel,
            }
        return {"tool_choice": _CHOICES[self.type], **parallel}


class ThinkingConfig(Part):
    """Whether the model is to think before it answers."""

    type: Literal["enabled", "adaptive", "disabled"] = Field(
        description="`adaptive` leaves it to the model, as no `thinking` does; `disabled` asks its "
        "chat template for none; `enabled` has a budget."
    )
    budget_tokens: int | None = Field(
        None, ge=0, description="Of `enabled`: thoughts that have so many tokens are closed."
    )
    display: Literal["summarized"] | None = Field(
        None, description="`summarized`: thoughts are sent, whole in fact."
    )

    @model_validator(mode="after")
    def _has_its_budget(self) -> "ThinkingConfig":
        if (self.type == "enabled") != (self.budget_tokens is not None):
            raise ValueError("budget_tokens belongs to the type enabled, which needs it.")
        return self


class OutputFormat(Part):
    """The form of the answer."""

    type: Literal["json_schema"] = Field(description="`json_schema`.")
    schema_: dict[str, Any] = Field(alias="schema", description="The JSON Schema.")


class OutputConfig(WholePart):
    """How the answer is to be."""

    effort: str | None = Field(default=None, description="Null; anything else is an error.")
    format: OutputFormat | None = Field(default=None, description="Its form: any text without one.")


class CountRequest(TranslatedRequest):
    """A message to be made, whose prompt is to be counted."""

    neutral: ClassVar[Neutral] = {
        "mcp_servers": ([],),
        "service_tier": ("auto", "standard_only"),
        "speed": ("standard",),
    }

    messages: list[InputTurn] = Field(min_length=1, description="The conversation so far.")
    system: str | list[TextBlock] | None = Field(
        None, description="The system's message before it: text, or a list of blocks of text."
    )
    tools: list[MessagesTool] | None = Field(None, description="Tools that the model may call.")
    tool_choice: MessagesToolChoice | None = Field(
        None, description="Whether it has to call one, and which."
    )
    thinking: ThinkingConfig | None = Field(None, description="Whether it is to think first.")
    output_config: OutputConfig | None = Field(None, description="How the answer is to be.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"messages": [{"role": "user", "content": "What is the capital of France?"}]}
            ]
        }
    )

    def chat(self) -> dict[str, Any]:
        """The body of the chat that is asked for."""
        chat = self.same_fields()
        chat["messages"] = [message for turn in self.messages for message in turn.of_chat()]
        if self.system:
            system = {"role": "system", "content": joined(self.system)}
            chat["messages"].insert(0, system)
        if self.tools:
            chat["tools"] = [tool.of_chat() for tool in self.tools]
        if self.tool_choice:
            chat |= self.tool_choice.of_chat()
        if self.thinking and self.thinking.type == "disabled":
            variables = {"enable_thinking": False, **chat.get("chat_template_kwargs", {})}
            chat["chat_template_kwargs"] = variables
        if self.thinking and self.thinking.budget_tokens is not None:
            chat["thinking_token_budget"] = self.thinking.budget_tokens
        wanted = self.output_config or OutputConfig()
        if wanted.effort is not None:
            chat["reasoning_effort"] = wanted.effort
        if wanted.format is not None:
            schema = {"name": "answer", "schema": wanted.format.schema_, "strict": True}
            chat["response_format"] = {"type": "json_schema", "json_schema": schema}
        return chat


class MessagesRequest(CountRequest):
    """A message to be made."""

    max_tokens: int = Field(ge=1, le=10_000_000, description="The most tokens of the message.")
    stop_sequences: (
        Annotated[
            list[Annotated[str, Field(max_length=1024)]],
            Field(max_length=MOST_STOPS),
        ]
        | None
    ) = Field(
        None,
        description=f"Texts that end the message and are not part of it, up to {MOST_STOPS}.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "max_tokens": 16,
                    "messages": [{"role": "user", "content": "What is the capital of France?"}],
                    "seed": 0,
                },
                {
                    "max_tokens": 32,
                    "system": "Answer in one sentence.",
                    "messages": [
                        {"role": "user", "content": "Which is larger, 9.9 or 9.11?"},
                        {"role": "assistant", "content": "9.9 is."},
                        {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
                    ],
                    "stop_sequences": ["\n\n"],
                    "stream": True,
                    "sampler": "entropix",
                },
            ]
        }
    )

    def chat(self) -> dict[str, Any]:
        """The body of the chat that is asked for."""
        chat = super().chat() | {"max_completion_tokens": self.max_tokens}
        if self.stop_sequences:
            chat["stop"] = self.stop_sequences
        if self.stream:  # its first event has the usage so far, and its last but one all of it
            chat["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        return chat
