"""Tool calls, told apart from the rest of an answer while its text comes.

A call counts where it can be read and its function was offered. What only looks like one, is
broken, or is never closed, stays text, so that nothing of an answer is lost.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mlx_entropix.text.overlap import overlap
from mlx_entropix.text.tool_formats import ToolFormat

_BETWEEN = " \t\r\n;"


class ToolCall(NamedTuple):
    """A call of the function `name`; its `arguments` are a JSON object, as a text."""

    id: str
    name: str
    arguments: str


class Said(NamedTuple):
    """What a piece of text adds to an answer."""

    content: str = ""
    calls: tuple[ToolCall, ...] = ()

    def then(self, other: "Said") -> "Said":
        """Both, one after the other."""
        return Said(self.content + other.content, self.calls + other.calls)


class CallSplitter:
    """Takes the calls of `tools` out of an answer's text, which may be cut into pieces anywhere.

    What may be the beginning of a call is held back until that is decided. A mark that closes a
    call may stand in its arguments too: then a later one closes it. White space around calls is
    left out, but between text and text, and so are calls beyond `at_most`.
    """

    def __init__(
        self,
        form: ToolFormat,
        tools: Sequence[Mapping[str, Any]],
        at_most: int | None = None,
    ):
        self._form = form
        self._tools = tools
        self._names = {tool["function"]["name"] for tool in tools}
        self._at_most = at_most
        self._made = 0
        self._open = False  # whether what is held begins with the mark of a call
        self._tried = 0  # up to where that was searched for the call's end
        self._held = ""
        self._spaces = ""  # at the end of the content so far
        self._begun = False  # whether there is more content than these

    def add(self, text: str) -> Said:
        """Take more of the answer."""
        return self._take(text, None)

    def finish(self, finish_reason: str) -> Said:
        """Let go what was held back. What the model itself ended may lack the closing mark."""
        said = self._take("", finish_reason)
        return said if self._made else Said(said.content + self._spaces, said.calls)

    def _take(self, text: str, finish_reason: str | None) -> Said:
        self._held += text
        content, made = "", list[ToolCall]()
        while self._open or (at := self._next_mark()) >= 0:
            if not self._open:
                before = self._cut(at)
                if not (self._form.begins_answers and self._made):  # else it stands between calls
                    content += self._content(before)
                self._open, self._tried = True, len(self._form.start)
            decided = self._decide(finish_reason)
            if decided is None:
                return Said(content, tuple(made))
            calls, length = decided
            passed, self._open = self._cut(length), False
            if not calls:
                content += self._content(passed)
            for call in calls:
                if self._at_most is None or self._made < self._at_most:
                    self._made += 1
                    made.append(call)
        undecided = 0 if finish_reason else self._undecided()
        content += self._content(self._cut(len(self._held) - undecided))
        return Said(content, tuple(made))

    def _next_mark(self) -> int:
        """Where a call may begin in what is held, -1 for nowhere."""
        if not self._form.begins_answers:
            return self._held.find(self._form.start)
        at = len(self._held) - len(self._held.lstrip(_BETWEEN))
        begins = not self._begun and self._held.startswith(self._form.start, at)
        return at if begins else -1

    def _undecided(self) -> int:
        """How much of the end of what is held may belong to a call."""
        if self._form.begins_answers:
            between_calls = self._made and not self._begun and not self._held.strip(_BETWEEN)
            return len(self._held) if between_calls else 0
        return overlap(self._held, self._form.start)

    def _decide(self, finish_reason: str | None) -> tuple[tuple[ToolCall, ...], int] | None:
        """The calls that what is held begins with, and how long they are; or how much is text.

        None as long as that depends on what comes next.
        """
        start, end = self._form.start, self._form.end
        held, begin = self._held, len(start)
        while end and (at := held.find(end, self._tried)) >= 0:
            self._tried = at + len(end)
            if calls := self._parse(held[begin:at]):
                return calls, self._tried
        may_be_whole = finish_reason == "stop" or (finish_reason and not end)
        if may_be_whole and (calls := self._parse(held[begin:])):
            return calls, len(held)
        # A mark that opens the next call tells that one that cannot be read is at its end.
        again = -1 if self._form.begins_answers or not end else held.find(start, begin)
        if again >= 0 and (self._tried > begin or finish_reason):
            return (), again
        return ((), len(held)) if finish_reason else None

    def _parse(self, text: str) -> tuple[ToolCall, ...]:
        """The calls in a text, none where one of them is none."""
        try:
            parsed = self._form.parse(text, self._tools)
            return tuple(map(self._call, parsed if isinstance(parsed, list) else [parsed]))
        except Exception:  # parsers raise whatever happens to them
            return ()

    def _call(self, parsed: Mapping[str, Any]) -> ToolCall:
        """A call as a parser returns it. Raises what it likes for one that was not offered."""
        arguments = parsed.get("arguments", parsed.get("parameters"))
        if isinstance(arguments, str):
            arguments = json.loads(arguments)
        if parsed["name"] not in self._names or not isinstance(arguments, dict | None):
            raise ValueError(parsed["name"])
        # Mistral's templates take ids of nine letters and digits alone.
        call_id = str(parsed.get("id") or uuid.uuid4().hex[:9])
        return ToolCall(call_id, parsed["name"], json.dumps(arguments or {}, ensure_ascii=False))

    def _cut(self, length: int) -> str:
        cut, self._held = self._held[:length], self._held[length:]
        return cut

    def _content(self, text: str) -> str:
        text = self._spaces + text
        words = text.rstrip()
        self._spaces = text[len(words) :]
        if self._made and not self._begun:
            words = words.lstrip()
        self._begun = self._begun or bool(words)
        return words
