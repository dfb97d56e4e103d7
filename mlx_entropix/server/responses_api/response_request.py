"""What a client of the Responses API may send, and the chat that it asks for."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, Tag, model_validator

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.dialect import as_json
from mlx_entropix.server.requests import MOST_ALTERNATIVES
from mlx_entropix.server.responses_api.input_items import InputItem, chat_messages
from mlx_entropix.server.tools import KIND_OF_CHOICE
from mlx_entropix.server.translation import TranslatedRequest
from mlx_entropix.server.unsupported import Neutral, Part, WholePart, only_kinds

NAMES: Mapping[str, str] = {
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "verbosity": "text.verbosity",
}
"""What the Responses API calls fields of a chat."""

_LOGPROBS = "message.output_text.logprobs"


class ResponsesTool(WholePart):
    """A tool that the model may call."""

    neutral: ClassVar[Neutral] = {"defer_loading": (False,), "allowed_callers": (["direct"],)}

    _is_function = only_kinds("function")

    type: Literal["function"] = Field(description="`function`; no other kind is offered.")
    name: str = Field(description="Its name.")
    description: str | None = Field(None, description="What it is for.")
    parameters: dict[str, Any] | None = Field(None, description="JSON Schema of its arguments.")
    strict: bool | None = Field(
        None, description="Whether the arguments have to fit their schema to the letter."
    )

    def of_chat(self) -> dict[str, Any]:
        """The tool as a chat has it."""
        function = self.model_dump(exclude={"type"}, exclude_none=True)
        return {"type": "function", "function": function}


class ResponsesNamedChoice(Part):
    """The tool that the model has to call."""

    type: Literal["function"] = Field(description="`function`.")
    name: str = Field(description="Its name.")

    def of_chat(self) -> dict[str, Any]:
        """The choice as a chat has it."""
        return {"type": self.type, "function": {"name": self.name}}


class ResponsesAllowedChoice(Part):
    """That no other tools than some are offered."""

    type: Literal["allowed_tools"] = Field(description="`allowed_tools`.")
    mode: Literal["auto", "required"] = Field(
        description="`required`: one of them has to be called; `auto`: that is left to the model."
    )
    tools: list[ResponsesNamedChoice] = Field(min_length=1, description="Which ones.")

    def of_chat(self) -> dict[str, Any]:
        """The choice as a chat has it."""
        tools = [tool.of_chat() for tool in self.tools]
        return {"type": self.type, self.type: {"mode": self.mode, "tools": tools}}


_ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("-word")]
    | Annotated[ResponsesNamedChoice, Tag("-function")]
    | Annotated[ResponsesAllowedChoice, Tag("-allowed_tools")],
    KIND_OF_CHOICE,
]


class TextFormat(Part):
    """The form of the answer."""

    type: Literal["text", "json_object", "json_schema"] = Field(description="What it is.")
    name: str | None = Field(None, description="A name of the schema.")
    description: str | None = Field(None, description="What the schema is for.")
    schema_: dict[str, Any] | None = Field(None, alias="schema", description="The JSON Schema.")
    strict: bool | None = Field(None, description="Whether it has to be kept to the letter.")

    @model_validator(mode="after")
    def _has_its_schema(self) -> "TextFormat":
        if (self.schema_ is not None) != (self.type == "json_schema"):
            raise ValueError("the type json_schema needs a schema, and no other type has one.")
        return self

    def of_chat(self) -> dict[str, Any]:
        """The form as a chat has it."""
        if self.type != "json_schema":
            return {"type": self.type}
        schema = self.model_dump(exclude={"type"}, exclude_none=True, by_alias=True)
        return {"type": self.type, self.type: schema}


class TextOptions(Part):
    """How the answer's text is to be."""

    format: TextFormat | None = Field(default=None, description="Its form: any text without one.")
    verbosity: str | None = Field(default=None, description="`medium`; another is an error.")


class ReasoningOptions(WholePart):
    """How the model is to think."""

    effort: str | None = Field(default=None, description="As a chat's `reasoning_effort`.")
    summary: Literal["auto", "detailed"] | None = Field(
        default=None,
        description="Send the thoughts as a summary, for clients that show nothing else. They are "
        "sent whole either way.",
    )


class ResponsesStreamOptions(Part):
    """What a stream carries beside its events."""

    include_obfuscation: Literal[False] | None = Field(None, description="False: nothing more.")


class ResponsesRequest(TranslatedRequest):
    """A response to be made."""

    neutral: ClassVar[Neutral] = {
        "background": (False,),
        "context_management": ([],),
        "service_tier": ("auto", "default"),
        "truncation": ("disabled",),
    }

    input: str | list[InputItem] = Field(
        min_length=1, description="A user's message, or the items of the conversation so far."
    )
    instructions: str | None = Field(None, description="The system's message before them.")
    max_output_tokens: int | None = Field(
        None, ge=1, le=10_000_000, description="The most tokens of the answer, with its thoughts."
    )
    tools: list[ResponsesTool] | None = Field(None, description="Tools that the model may call.")
    tool_choice: _ToolChoice | None = Field(
        None, description="Whether it has to call one, and which."
    )
    parallel_tool_calls: bool | None = Field(
        None, description="Whether it may call several at once."
    )
    text: TextOptions | None = Field(None, description="How the answer's text is to be.")
    reasoning: ReasoningOptions | None = Field(None, description="How the model is to think.")
    include: list[Literal["message.output_text.logprobs", "reasoning.encrypted_content"]] | None = (
        Field(
            None,
            description=f"`{_LOGPROBS}` reports the log-probability of every token. Thoughts are "
            "sent as they are, so that nothing of them is encrypted.",
        )
    )
    top_logprobs: int | None = Field(
        None,
        ge=0,
        le=MOST_ALTERNATIVES,
        description="How many of the likeliest tokens to report with each.",
    )
    stream_options: ResponsesStreamOptions | None = Field(
        None, description="What a stream carries beside its events."
    )
    store: bool | None = Field(
        True,
        description="Whether the response is kept in memory, with what it was made from, for "
        "`previous_response_id` and for items that are only referred to. The latest are.",
    )
    previous_response_id: str | None = Field(
        None,
        description="The name of a response that is kept, from which this one goes on: what that "
        "was made from, and its output, come before the input.",
    )
    metadata: dict[str, Any] | None = Field(None, description="Labels, which the response has too.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"input": "What is the capital of France?", "max_output_tokens": 16, "seed": 0},
                {
                    "instructions": "Answer in one sentence.",
                    "input": [
                        {"role": "user", "content": "Which is larger, 9.9 or 9.11?"},
                        {"role": "assistant", "content": "9.9 is."},
                        {"role": "user", "content": [{"type": "input_text", "text": "Why?"}]},
                    ],
                    "max_output_tokens": 32,
                    "stream": True,
                    "include": [_LOGPROBS],
                    "top_logprobs": 2,
                    "sampler": "entropix",
                },
            ]
        }
    )

    @model_validator(mode="after")
    def _can_be_said_again(self) -> "ResponsesRequest":
        """A response has much of its request, and so has what is kept of it."""
        for name in self.model_fields_set:
            try:
                as_json({"event": {"response": {"part": self.model_dump(include={name})}}})
            except ValueError as error:
                is_deep = "depth" in str(error)
                what = "is nested too deeply" if is_deep else "has half a surrogate pair"
                raise ApiError(
                    400, f"{name} {what}, so that it cannot be sent back; change it.", param=name
                ) from None
        return self

    def chat(self, items: Sequence[Any]) -> dict[str, Any]:
        """The body of the chat that is asked for, of the items of the whole conversation."""
        messages = chat_messages(items)
        if self.instructions:
            messages = [{"role": "system", "content": self.instructions}, *messages]
        logprobs = bool(self.top_logprobs) or _LOGPROBS in (self.include or ())
        text, thinking = self.text or TextOptions(), self.reasoning or ReasoningOptions()
        chat = {
            **self.same_fields(),
            "messages": messages,
            "max_completion_tokens": self.max_output_tokens,
            "tools": None if self.tools is None else [tool.of_chat() for tool in self.tools],
            "tool_choice": self._choice(),
            "parallel_tool_calls": self.parallel_tool_calls,
            "response_format": text.format and text.format.of_chat(),
            "verbosity": text.verbosity,
            "reasoning_effort": thinking.effort,
            "logprobs": logprobs or None,
            "top_logprobs": self.top_logprobs if logprobs else None,
            # They say which log-probabilities are those of thoughts.
            "metrics": True if logprobs else self.metrics,
            # The response's first event has no usage yet, and its last has all of it.
            "stream_options": {"include_usage": True} if self.stream else None,
        }
        return {name: value for name, value in chat.items() if value is not None}

    def _choice(self) -> Any:
        choice = self.tool_choice
        return choice if choice is None or isinstance(choice, str) else choice.of_chat()
