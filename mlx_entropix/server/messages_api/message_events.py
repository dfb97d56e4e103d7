"""A chat's answer as the Messages API says it: blocks, and in a stream typed events."""

import uuid
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.dialect import Event, Reply, TypedEvents, event
from mlx_entropix.server.messages_api.message_errors import error_body

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "repetition": "repetition",  # of this server's own, as what asks for it is
}

# A block's text, by its kind: the field that holds it, and the kind of the events that add to it.
_TEXTS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}


class MessagesDialect(TypedEvents):
    """Says one message."""

    ping = event({"type": "ping"}, "ping")

    def __init__(self) -> None:
        message: dict[str, Any] = {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        super().__init__(message)
        self.call: int | None = None  # the number of the call that is being written
        self.arguments = ""  # of it
        self.is_open = False  # whether the last block is being written

    def failed(self, error: ApiError) -> bytes:
        """The error, as the last event."""
        return event(error_body(error.status, error.message), "error")

    def _take(self, chunk: Reply) -> Iterator[Event]:
        if usage := chunk.get("usage"):
            self.value["usage"] = _usage(usage)
        if self._begins(chunk):
            yield {"type": "message_start", "message": self.value}
        self._keep(chunk)
        for choice in chunk["choices"]:
            yield from self._more(choice["delta"])
            if reason := choice["finish_reason"]:
                found = choice.get("stop_reason") if reason == "stop" else None
                sequence = found if isinstance(found, str) else None  # and not a token's id
                self.value["stop_sequence"] = sequence
                self.value["stop_reason"] = "stop_sequence" if sequence else _STOP_REASONS[reason]

    def _more(self, delta: Reply) -> Iterator[Event]:
        """What the chunk adds to the blocks."""
        if thoughts := delta.get("reasoning_content"):
            yield from self._write({"type": "thinking", "thinking": "", "signature": ""}, thoughts)
        if words := delta.get("content"):
            yield from self._write({"type": "text", "text": ""}, words)
        for place, call in enumerate(delta.get("tool_calls") or ()):
            number, function = call.get("index", place), call["function"]
            if not (self.is_open and self.call == number):
                block = {"type": "tool_use", "id": call["id"], "name": function["name"]}
                yield from self._begin({**block, "input": {}})
                self.call = number
            if arguments := function.get("arguments"):
                self.arguments += arguments
                yield self._delta({"type": "input_json_delta", "partial_json": arguments})

    def _write(self, block: dict[str, Any], text: str) -> Iterator[Event]:
        """Add text to the last block, where it is of that kind, or to a new one."""
        content = self.value["content"]
        if not (self.is_open and content[-1]["type"] == block["type"]):
            yield from self._begin(block)
        field, kind = _TEXTS[block["type"]]
        content[-1][field] += text
        yield self._delta({"type": kind, field: text})

    def _begin(self, block: dict[str, Any]) -> Iterator[Event]:
        yield from self._close()
        self.is_open = True
        self.value["content"].append(block)
        yield self._of_block("content_block_start", content_block=block)

    def _delta(self, delta: Event) -> Event:
        """More of the block, with all that is known of tokens up to here."""
        return self._of_block("content_block_delta", delta=delta, **self._tell())

    def _close(self) -> Iterator[Event]:
        if not self.is_open:
            return
        self.is_open = False
        block = self.value["content"][-1]
        if block["type"] == "tool_use":
            block["input"] = _input(self.arguments)
            self.call, self.arguments = None, ""
        yield self._of_block("content_block_stop")

    def _of_block(self, kind: str, **fields: Any) -> Event:
        return {"type": kind, "index": len(self.value["content"]) - 1, **fields}

    def _finish(self) -> Iterator[Event]:
        yield from self._close()
        ended = {name: self.value[name] for name in ("stop_reason", "stop_sequence")}
        forks = {"forks": self.value["forks"]} if "forks" in self.value else {}
        told = {"usage": self.value["usage"], **self._tell(), **forks}
        yield {"type": "message_delta", "delta": ended, **told}
        yield {"type": "message_stop"}


def _input(arguments: str) -> dict[str, Any]:
    """The arguments of a call, as far as they have come where the message was cut there."""
    read = from_json(arguments or "{}", allow_partial=True)
    return read if isinstance(read, dict) else {"arguments": read}


def _usage(usage: Reply) -> dict[str, Any]:
    """What the message took, up to now: what was cached is known at the end."""
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    thinking = usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0)
    steps = {"steps": usage["steps"]} if "steps" in usage else {}
    return {
        "input_tokens": usage["prompt_tokens"] - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"thinking_tokens": thinking},
        **steps,
    }
