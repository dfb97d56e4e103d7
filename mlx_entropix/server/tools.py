"""Tools of a request, and the calls of them in its messages, as OpenAI's API has both."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from mlx_entropix.server.unsupported import Part, only_kinds


class FunctionOffered(Part):
    """A function that the model may call."""

    name: str = Field(min_length=1, max_length=128, description="Its name.")
    description: str | None = Field(None, description="What it does, for the model.")
    parameters: dict[str, Any] | None = Field(
        None, description="JSON Schema of its arguments, an object; without one it takes none."
    )
    strict: bool | None = Field(
        None,
        description="Arguments of a call that has to be made, or of one beside a form of answers, "
        "are valid by the schema whatever this says; others are as the model writes them.",
    )

    @field_validator("parameters")
    @classmethod
    def _are_of_an_object(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given and given.get("type", "object") != "object":
            raise ValueError(f"its arguments are an object, not of the type {given['type']!r}.")
        return given


class OfferedTool(Part):
    """A tool that the model may use. There are functions alone."""

    type: Literal["function"] = Field(description="`function`.")
    function: FunctionOffered = Field(description="The function.")

    _is_function = only_kinds("function")

    def plain(self) -> dict[str, Any]:
        """The tool as chat templates take it, which may well look for properties."""
        function = self.function.model_dump(exclude_none=True, exclude={"strict"})
        function["parameters"] = self.function.parameters or {"type": "object", "properties": {}}
        return {"type": self.type, "function": function}


class FunctionName(Part):
    """A function, by its name."""

    name: str = Field(description="Its name, as in `tools`.")


class NamedChoice(Part):
    """That a function is to be called."""

    type: Literal["function"] = Field(description="`function`.")
    function: FunctionName = Field(description="Which one.")

    @property
    def names(self) -> list[str]:
        """The functions that it names."""
        return [self.function.name]


class AllowedTools(Part):
    """Some of the tools."""

    mode: Literal["auto", "required"] = Field(
        description="`required`: one of them has to be called; `auto`: that is left to the model."
    )
    tools: list[NamedChoice] = Field(min_length=1, description="Which ones.")


class AllowedChoice(Part):
    """That no other tools than some are offered."""

    type: Literal["allowed_tools"] = Field(description="`allowed_tools`.")
    allowed_tools: AllowedTools = Field(description="Which ones, and whether to call any.")

    @property
    def names(self) -> list[str]:
        """The functions that it names."""
        return [tool.function.name for tool in self.allowed_tools.tools]


def _kind(choice: Any) -> Any:
    if isinstance(choice, str):
        return "-word"
    kind = choice.get("type") if isinstance(choice, Mapping) else getattr(choice, "type", None)
    return f"-{kind}" if isinstance(kind, str) else None


KIND_OF_CHOICE = Discriminator(
    _kind,
    custom_error_type="unknown_choice",
    custom_error_message="It is 'none', 'auto', 'required', or an object of the type 'function' or "
    "'allowed_tools'.",
)
"""Which kind a `tool_choice` is, here and in the Responses API."""

# The dash keeps these names out of the name of a field at fault, see api_errors.py.
ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("-word")]
    | Annotated[NamedChoice, Tag("-function")]
    | Annotated[AllowedChoice, Tag("-allowed_tools")],
    KIND_OF_CHOICE,
]


class FunctionCalled(Part):
    """A function that an assistant called."""

    name: str = Field(description="Its name.")
    arguments: str | dict[str, Any] | None = Field(
        None, description="Its arguments: a JSON object, as a text in OpenAI's API."
    )


class CallInHistory(Part):
    """A call in an assistant's message."""

    id: str | None = Field(None, description="What the `tool` message with its result calls it.")
    type: Literal["function"] | None = Field("function", description="`function`.")
    function: FunctionCalled = Field(description="What was called.")

    def plain(self) -> dict[str, Any]:
        """The call as the chat template takes it."""
        return {**({"id": self.id} if self.id else {}), "function": self.function.model_dump()}
