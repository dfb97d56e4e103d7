"""The items of a response's output, each with the events that tell of it as it is written."""

import uuid
from collections.abc import Iterator
from typing import Any

from mlx_entropix.server.dialect import Event


class OutputItem:
    """An item to which text is added: `value` as far as it has come, and its `place` in the output.

    `event` is what the events of its text begin with.
    """

    event: str

    def __init__(self, prefix: str, kind: str, **fields: Any):
        name = f"{prefix}_{uuid.uuid4().hex}"
        self.value: dict[str, Any] = {"id": name, "type": kind, "status": "in_progress", **fields}
        self.place = 0

    def begin(self) -> Iterator[Event]:
        """That the item is there."""
        yield self._event("response.output_item.added", item=self.value)

    def add(self, text: str, logprobs: list[Any]) -> Event:
        """More of its text, and what is known of the tokens."""
        raise NotImplementedError

    def end(self, status: str) -> Iterator[Event]:
        """That nothing comes any more."""
        self.value["status"] = status
        yield self._event("response.output_item.done", item=self.value)

    def _event(self, kind: str, **fields: Any) -> Event:
        return {"type": kind, "output_index": self.place, **fields}

    def _of_text(self, kind: str, **fields: Any) -> Event:
        return self._event(kind, item_id=self.value["id"], **fields)


class Call(OutputItem):
    """A call of a tool, the `number`-th of the answer: its text are the arguments."""

    event = "response.function_call_arguments"

    def __init__(self, number: int, call_id: str, name: str):
        super().__init__("fc", "function_call", call_id=call_id, name=name, arguments="")
        self.number = number

    def add(self, text: str, _logprobs: list[Any]) -> Event:
        """More of the arguments."""
        self.value["arguments"] += text
        return self._of_text(f"{self.event}.delta", delta=text)

    def end(self, _status: str) -> Iterator[Event]:
        """All of the arguments, and the item, which is complete: a call that is cut is no call."""
        told = {name: self.value[name] for name in ("name", "arguments")}
        yield self._of_text(f"{self.event}.done", **told)
        yield from super().end("completed")


class _InParts(OutputItem):
    """An item whose text is in a part, the only one of the list `parts`."""

    of_part = "response.content_part"
    index = "content_index"
    parts = "content"

    def __init__(self, prefix: str, kind: str, part: dict[str, Any], **fields: Any):
        super().__init__(prefix, kind, **fields)
        self.part = part

    def begin(self) -> Iterator[Event]:
        """That the item is there, and its part, which is empty yet."""
        yield from super().begin()
        self.value[self.parts].append(self.part)
        yield self._of_text(f"{self.of_part}.added", part=self.part)

    def add(self, text: str, logprobs: list[Any]) -> Event:
        """More of the text, with what is known of its tokens where the part says that."""
        self.part["text"] += text
        if "logprobs" not in self.part:
            return self._of_text(f"{self.event}.delta", delta=text)
        self.part["logprobs"] += logprobs
        return self._of_text(f"{self.event}.delta", delta=text, logprobs=logprobs)

    def end(self, status: str) -> Iterator[Event]:
        """All of the text, the part and the item."""
        told = {name: self.part[name] for name in ("text", "logprobs") if name in self.part}
        yield self._of_text(f"{self.event}.done", **told)
        yield self._of_text(f"{self.of_part}.done", part=self.part)
        yield from super().end(status)

    def _of_text(self, kind: str, **fields: Any) -> Event:
        return super()._of_text(kind, **{self.index: 0}, **fields)


class Words(_InParts):
    """What the model says: a message."""

    event = "response.output_text"

    def __init__(self) -> None:
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        super().__init__("msg", "message", part, role="assistant", content=[])


class Thoughts(_InParts):
    """What the model thinks before it answers."""

    event = "response.reasoning_text"

    def __init__(self) -> None:
        part = {"type": "reasoning_text", "text": ""}
        super().__init__("rs", "reasoning", part, summary=[], content=[])


class Summary(_InParts):
    """The same, for clients that show summaries alone."""

    event = "response.reasoning_summary_text"
    of_part = "response.reasoning_summary_part"
    index = "summary_index"
    parts = "summary"

    def __init__(self) -> None:
        super().__init__("rs", "reasoning", {"type": "summary_text", "text": ""}, summary=[])
