"""The blocks of a Messages request's messages, and the messages of a chat that they are."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag
from pydantic_core import to_json

from mlx_entropix.server.unsupported import Neutral, WholePart


class Block(WholePart):
    """A block of a message, or a part of one."""

    # Of a block as a client got it from a server, or as it asks to have it cached, which all are.
    neutral: ClassVar[Neutral] = {
        "cache_control": (...,),
        "caller": ({"type": "direct"},),
        "citations": ([], {"enabled": False}),
    }


class TextBlock(Block):
    """Text."""

    type: Literal["text"] = Field(description="`text`; images and documents cannot be read.")
    text: str = Field(description="The text.")


class ThinkingBlock(Block):
    """What the model thought before an answer."""

    type: Literal["thinking"] = Field(description="The kind of block.")
    thinking: str = Field(description="The thoughts.")
    signature: str | None = Field(None, description="Anything: nothing is signed here.")


class ToolUseBlock(Block):
    """A call of a tool that the model made."""

    type: Literal["tool_use"] = Field(description="The kind of block.")
    id: str = Field(description="What the tool's result refers to.")
    name: str = Field(description="The tool.")
    input: dict[str, Any] = Field(description="Its arguments.")


class ToolResultBlock(Block):
    """What a tool said."""

    type: Literal["tool_result"] = Field(description="The kind of block.")
    tool_use_id: str = Field(description="The call that it answers.")
    content: str | list[TextBlock] | None = Field(None, description="Text, or blocks of text.")
    is_error: bool | None = Field(
        None, description="Whether it says why the call failed: `Error: ` is put before it then."
    )


def _kind(block: Any) -> Any:
    kind = block.get("type") if isinstance(block, Mapping) else getattr(block, "type", None)
    return f"-{kind}"


# The dash keeps these names out of the name of a field at fault, see api_errors.py.
ContentBlock = Annotated[
    Annotated[TextBlock, Tag("-text")]
    | Annotated[ThinkingBlock, Tag("-thinking")]
    | Annotated[ToolUseBlock, Tag("-tool_use")]
    | Annotated[ToolResultBlock, Tag("-tool_result")],
    Discriminator(
        _kind,
        custom_error_type="unknown_block",
        custom_error_message="A block is text, thinking, tool_use or tool_result; images, "
        "documents and others cannot be read here.",
    ),
]


class InputTurn(Block):
    """One message of the conversation."""

    role: Literal["user", "assistant", "system"] = Field(description="Who speaks.")
    content: str | list[ContentBlock] = Field(description="Text, or a list of blocks.")

    def of_chat(self) -> Iterator[dict[str, Any]]:
        """The messages of a chat that it is: what tools said comes first, one message each."""
        blocks = [] if isinstance(self.content, str) else self.content
        for block in blocks:
            if isinstance(block, ToolResultBlock):
                said = joined(block.content or "")
                content = f"Error: {said}" if block.is_error else said
                yield {"role": "tool", "tool_call_id": block.tool_use_id, "content": content}
        text = joined(self.content)
        thoughts = "".join(block.thinking for block in blocks if isinstance(block, ThinkingBlock))
        calls = [_call(block) for block in blocks if isinstance(block, ToolUseBlock)]
        if text or calls or thoughts or not blocks:
            message: dict[str, Any] = {"role": self.role, "content": text}
            if thoughts:
                message["reasoning_content"] = thoughts
            if calls:
                message |= {"content": text or None, "tool_calls": calls}
            yield message


def joined(content: str | list[Any]) -> str:
    """The text of a content's blocks."""
    if isinstance(content, str):
        return content
    return "".join(block.text for block in content if isinstance(block, TextBlock))


def _call(block: ToolUseBlock) -> dict[str, Any]:
    arguments = to_json(block.input).decode()
    function = {"name": block.name, "arguments": arguments}
    return {"id": block.id, "type": "function", "function": function}
