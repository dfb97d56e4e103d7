"""Chat messages as people and programs send them: checked, with their text parts joined."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlx_entropix.errors import PromptError
from mlx_entropix.text.plain import check_text

# A template may build a control token of a role ('<|' + role + '|>'), so no other word will do.
ROLES = ("system", "developer", "user", "assistant", "tool", "function", "ipython")


def checked_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a copy of `messages` in which each content is one string.

    A content may be a string or a list of `{"type": "text", "text": …}`. Raises PromptError that
    names the message, counted from 1.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise PromptError("A chat must be a list of messages, each with a role and a content.")
    if not messages:
        raise PromptError("The chat has no message; give it at least one.")
    return [_checked(message, f"Message {n}") for n, message in enumerate(messages, start=1)]


def strings_of(value: Any) -> Iterator[str]:
    """Yield every string in nested lists and mappings, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings_of(key)
            yield from strings_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)


def _checked(message: Mapping[str, Any], what: str) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise PromptError(f"{what} must be an object with a role and a content.")
    if message.get("role") not in ROLES:
        raise PromptError(
            f"{what} has the role {message.get('role')!r}, which is none of {', '.join(ROLES)}."
        )
    if "content" not in message:
        raise PromptError(f"{what} has no content.")
    content = _joined(message["content"], f"The content of message {what.split()[-1]}")
    for string in strings_of([value for key, value in message.items() if key != "content"]):
        check_text(string, what)
    return {**message, "content": content}


def _joined(content: Any, what: str) -> str:
    if not isinstance(content, list):
        return check_text(content, what)
    for part in content:
        if not isinstance(part, Mapping) or part.get("type") != "text":
            raise PromptError(f"{what} has a part that is not text, and only text can be read.")
    return "".join(check_text(part.get("text"), what) for part in content)
