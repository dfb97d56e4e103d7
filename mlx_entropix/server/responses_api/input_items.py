"""The items of a Responses request's `input`, and the messages of a chat that they are."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from mlx_entropix.server.unsupported import Neutral, Part, WholePart, only_kinds


class _AsSent(WholePart):
    """An item of the input, or a part of one, which a client may have got from a server."""

    neutral: ClassVar[Neutral] = {
        "annotations": ([],),
        "logprobs": (...,),
        "phase": (...,),
        "status": (...,),
    }


class _Item(_AsSent):
    """An item of the input."""

    id: str | None = Field(None, description="Its name. One that has none gets one.")


class InputText(_AsSent):
    """A piece of a message's content. Only text can be read."""

    type: Literal["input_text", "output_text"] = Field(description="The kind of part.")
    text: str = Field(description="The text.")

    _is_text = only_kinds("input_text", "output_text")


class MessageItem(_Item):
    """A message."""

    type: Literal["message"] = Field("message", description="The kind of item.")
    role: Literal["user", "assistant", "system", "developer"] = Field(description="Who speaks.")
    content: str | list[InputText] = Field(description="Text, or a list of text parts.")


class FunctionCallItem(_Item):
    """A call of a tool that the model made."""

    type: Literal["function_call"] = Field(description="The kind of item.")
    call_id: str = Field(description="What the tool's output refers to.")
    name: str = Field(description="The tool.")
    arguments: str = Field(description="Its arguments, as JSON.")


class FunctionCallOutputItem(_Item):
    """What a tool said."""

    type: Literal["function_call_output"] = Field(description="The kind of item.")
    call_id: str = Field(description="The call that it answers.")
    output: str | list[InputText] = Field(description="Text, or a list of text parts.")


class ReasoningPart(Part):
    """A piece of what the model thought."""

    type: Literal["reasoning_text", "summary_text"] = Field(description="The kind of part.")
    text: str = Field(description="The text.")


class ReasoningItem(_Item):
    """What the model thought before an answer."""

    type: Literal["reasoning"] = Field(description="The kind of item.")
    summary: list[ReasoningPart] = Field(
        [], description="The thoughts, where they came as a summary."
    )
    content: list[ReasoningPart] | None = Field(None, description="The thoughts.")

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(part.text for part in self.content or self.summary)


class ItemReference(Part):
    """The name of an item of a response that is kept, in the place of the item."""

    type: Literal["item_reference"] | None = Field(None, description="The kind of item.")
    id: str = Field(description="The item's name.")


def _kind(item: Any) -> Any:
    if isinstance(item, Mapping):
        kind = item.get("type") or ("message" if "role" in item else "item_reference")
    else:
        kind = getattr(item, "type", None)
    return f"-{kind}" if isinstance(kind, str) else None


# The dash keeps these names out of the name of a field at fault, see api_errors.py.
InputItem = Annotated[
    Annotated[MessageItem, Tag("-message")]
    | Annotated[FunctionCallItem, Tag("-function_call")]
    | Annotated[FunctionCallOutputItem, Tag("-function_call_output")]
    | Annotated[ReasoningItem, Tag("-reasoning")]
    | Annotated[ItemReference, Tag("-item_reference")],
    Discriminator(
        _kind,
        custom_error_type="unknown_item",
        custom_error_message="An item is a message, a function_call, a function_call_output or a "
        "reasoning, or an item_reference to one; others cannot be read here.",
    ),
]


def chat_messages(items: Sequence[Any]) -> list[dict[str, Any]]:
    """The messages of a chat that the items are.

    What an assistant thought, said and called in a row is one message, as a chat template has it.
    """
    messages: list[dict[str, Any]] = []
    turn: dict[str, Any] = {}  # the assistant's, as far as it has come

    def end_turn() -> None:
        if turn.keys() > {"role"}:
            messages.append(dict(turn))
        turn.clear()

    for item in items:
        if isinstance(item, ReasoningItem):
            if turn:
                end_turn()
            if item.text:
                turn |= {"role": "assistant", "reasoning_content": item.text}
        elif isinstance(item, FunctionCallItem):
            function = {"name": item.name, "arguments": item.arguments}
            call = {"id": item.call_id, "type": "function", "function": function}
            turn["role"] = "assistant"
            turn.setdefault("content", None)
            turn.setdefault("tool_calls", []).append(call)
        elif isinstance(item, MessageItem) and item.role == "assistant":
            if "content" in turn:
                end_turn()
            turn |= {"role": "assistant", "content": _text(item.content)}
        else:
            end_turn()
            if isinstance(item, MessageItem):
                messages.append({"role": item.role, "content": _text(item.content)})
            elif isinstance(item, FunctionCallOutputItem):
                said = _text(item.output)
                messages.append({"role": "tool", "tool_call_id": item.call_id, "content": said})
    end_turn()
    return messages


def _text(content: str | list[InputText]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)
