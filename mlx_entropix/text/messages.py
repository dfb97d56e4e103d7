"""Chat messages as people and programs send them: checked, with their text parts joined."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mlx_entropix.errors import PromptError
from mlx_entropix.text.plain import check_text

# A template may build a control token of a role ('<|' + role + '|>'), so no other word will do.
ROLES = ("system", "developer", "user", "assistant", "tool", "function", "ipython")


def checked_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a copy of `messages` in which each content is one string.

    A content may be a string or a list of `{"type": "text", "text": …}`, and null beside
    `tool_calls`. The arguments of these, which may be JSON as a text, are objects then, and the
    result of a call has the function's `name`. Raises PromptError that names the message, counted
    from 1.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise PromptError("A chat must be a list of messages, each with a role and a content.")
    if not messages:
        raise PromptError("The chat has no message; give it at least one.")
    checked = [_checked(message, f"Message {n}") for n, message in enumerate(messages, start=1)]
    calls = [call for message in checked for call in message.get("tool_calls", ())]
    names = {call["id"]: call["function"]["name"] for call in calls if "id" in call}
    for message in checked:
        if message["role"] == "tool" and message.get("tool_call_id") in names:
            message.setdefault("name", names[message["tool_call_id"]])
    return checked


def with_text_arguments(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Copy checked messages, with the arguments of calls as JSON in a text."""
    copies = [dict(message) for message in messages]
    for message in copies:
        if "tool_calls" in message:
            message["tool_calls"] = [_with_text(call) for call in message["tool_calls"]]
    return copies


def _with_text(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = json.dumps(function["arguments"], ensure_ascii=False)
    return {**call, "function": {**function, "arguments": arguments}}


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
    message = dict(message)
    calls = message.pop("tool_calls", None)
    if calls:
        message["tool_calls"] = _checked_calls(calls, what)
        message["content"] = message["content"] or ""
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


def _checked_calls(calls: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(calls, list):
        raise PromptError(f"{what} has tool_calls that are no list.")
    return [_checked_call(call, what) for call in calls]


def _checked_call(call: Any, what: str) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise PromptError(f"{what} has a tool call without a function and its name.")
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        with suppress(ValueError):  # then it is no object
            arguments = json.loads(arguments)
    if not isinstance(arguments, Mapping):
        raise PromptError(
            f"{what} has a call of {function['name']} whose arguments are no JSON object."
        )
    return {**call, "type": "function", "function": {**function, "arguments": dict(arguments)}}
