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
) -> list[list[dict[str, Any]]]:
    """Ways to write calls in the assistant's messages, results in the user's, and `tools` before.

    The first has `tools` in the system's message, the second, for templates that know none, in that
    of the user. Results that follow each other are one message, as many templates let user and
    assistant take turns.
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
    if not tools:
        return [written]
    about = _ABOUT.format(tools="\n".join(_json(tool["function"]) for tool in tools))
    first, *others = written
    if first["role"] in ("system", "developer"):
        return [[_behind(first["content"], about, first), *others]]
    system = {"role": "system", "content": about}
    return [[system, *written], [_behind(about, first["content"], first), *others]]


def _with_calls(message: Mapping[str, Any]) -> dict[str, Any]:
    message = dict(message)
    calls = message.pop("tool_calls", None) or ()
    parts = [message["content"]] if message["content"] or not calls else []
    for call in calls:
        about = {name: call["function"][name] for name in ("name", "arguments")}
        parts.append(f"<tool_call>\n{_json(about)}\n</tool_call>")
    return {**message, "content": "\n".join(parts)}


def _behind(before: str, text: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with both as its content, each in paragraphs of its own."""
    return {**message, "content": "\n\n".join(filter(None, (before, text)))}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
