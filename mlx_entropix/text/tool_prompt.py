"""Tools, calls and their results as text, for chat templates that have no words for them.

The form is the one that many models were taught (Hermes 2 Pro, Qwen 2.5): JSON between marks. The
words around it are ours.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

_ABOUT = """You may call functions. Each line describes one:
{tools}

To call a function, write nothing but its name and its arguments, as JSON between these two marks:
<tool_call>
{{"name": "the function", "arguments": {{"an argument": "its value"}}}}
</tool_call>
What it returns comes back between <tool_response> and </tool_response>. Where no function helps, \
answer in words."""


def as_text(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The messages with `tools` in the system's, calls in the assistant's, results in the user's.

    Results that follow each other are one message, as many templates let user and assistant take
    turns.
    """
    written: list[dict[str, Any]] = []
    results: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            results.append(f"<tool_response>\n{message['content']}\n</tool_response>")
            if len(results) > 1:
                written.pop()
            written.append({"role": "user", "content": "\n".join(results)})
            continue
        results = []
        written.append(_with_calls(message))
    return _with_tools(written, tools) if tools else written


def _with_calls(message: Mapping[str, Any]) -> dict[str, Any]:
    message = dict(message)
    calls = message.pop("tool_calls", None) or ()
    parts = [message["content"]] if message["content"] or not calls else []
    for call in calls:
        about = {name: call["function"][name] for name in ("name", "arguments")}
        parts.append(f"<tool_call>\n{_json(about)}\n</tool_call>")
    return {**message, "content": "\n".join(parts)}


def _with_tools(
    messages: list[dict[str, Any]], tools: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    about = _ABOUT.format(tools="\n".join(_json(tool["function"]) for tool in tools))
    first = messages[0]
    if first["role"] not in ("system", "developer"):
        return [{"role": "system", "content": about}, *messages]
    parts = [first["content"], about] if first["content"] else [about]
    return [{**first, "content": "\n\n".join(parts)}, *messages[1:]]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
