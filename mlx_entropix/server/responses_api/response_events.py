"""A chat's answer as the Responses API says it: items, and in a stream typed events."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.dialect import ChatDialect, Event, Reply, TypedEvents
from mlx_entropix.server.responses_api.output_items import (
    Call,
    OutputItem,
    Summary,
    Thoughts,
    Words,
)
from mlx_entropix.server.responses_api.response_request import ReasoningOptions, ResponsesRequest

# Why a response is incomplete, by the chat's finish reason; one is of this server's own.
_CUT_BY = {"length": "max_output_tokens", "repetition": "repetition"}


class ResponsesDialect(TypedEvents):
    """Says one response, and hands it to `keep` once it is complete, before it says so."""

    ping = ChatDialect.ping

    def __init__(
        self, request: ResponsesRequest, keep: Callable[[dict[str, Any]], None] | None = None
    ):
        super().__init__(_begun(request), with_metrics=request.metrics is not False)
        self.keep = keep
        self.summarizes = bool((request.reasoning or ReasoningOptions()).summary)
        self.item: OutputItem | None = None  # the one that is being written
        self.logprobs: list[Any] = []  # of tokens whose text is yet to come
        self.finish_reason: str | None = None
        self.events_sent = 0

    def failed(self, error: ApiError) -> bytes:
        """The error, and that the response failed."""
        fault = error.body()["error"]
        told = {name: fault[name] for name in ("code", "message", "param")}
        code = "rate_limit_exceeded" if error.status == 429 else "server_error"
        self.value |= {
            "status": "failed",
            "error": {"code": code, "message": fault["message"]},
        }
        last = {"type": "response.failed", "response": self.value}
        return self._said({"type": "error", **told}) + self._said(last)

    def _said(self, what: Event) -> bytes:
        numbered = {**what, "sequence_number": self.events_sent}
        self.events_sent += 1
        return super()._said(numbered)

    def _take(self, chunk: Reply) -> Iterator[Event]:
        if self._begins(chunk):
            self.value["created_at"] = chunk["created"]
            for kind in ("response.created", "response.in_progress"):
                yield {"type": kind, "response": self.value}
        self._keep(chunk)
        if usage := chunk.get("usage"):
            self.value["usage"] = _usage(usage)
        for choice in chunk["choices"]:
            self.finish_reason = choice["finish_reason"] or self.finish_reason
            self.logprobs += _of_words(choice, chunk)
            yield from self._more(choice["delta"])

    def _more(self, delta: Reply) -> Iterator[Event]:
        """What the chunk adds to the items."""
        if thoughts := delta.get("reasoning_content"):
            yield from self._open(Summary if self.summarizes else Thoughts)
            yield self._add(thoughts)
        words = delta.get("content") or ""
        if words or (self.logprobs and isinstance(self.item, Words)):
            yield from self._open(Words)
            yield self._add(words)
        for place, call in enumerate(delta.get("tool_calls") or ()):
            number, function = call.get("index", place), call["function"]
            if not (isinstance(self.item, Call) and self.item.number == number):
                yield from self._begin(Call(number, call["id"], function["name"]))
            if arguments := function.get("arguments"):
                yield self._add(arguments)

    def _open(self, kind: type[Words | Thoughts | Summary]) -> Iterator[Event]:
        """Begin an item of a kind, unless the last one is of that and goes on."""
        if type(self.item) is not kind:
            yield from self._begin(kind())

    def _begin(self, item: OutputItem) -> Iterator[Event]:
        yield from self._close("completed")
        self.item = item
        item.place = len(self.value["output"])
        self.value["output"].append(item.value)
        yield from item.begin()

    def _add(self, text: str) -> Event:
        """More text of the item, with all that is known of tokens up to here."""
        assert self.item
        logprobs: list[Any] = []
        if isinstance(self.item, Words):
            logprobs, self.logprobs = self.logprobs, []
        return self.item.add(text, logprobs) | self._tell()

    def _close(self, status: str) -> Iterator[Event]:
        if self.item is not None:
            yield from self.item.end(status)
            self.item = None

    def _finish(self) -> Iterator[Event]:
        cut = _CUT_BY.get(self.finish_reason or "")
        if not cut and all(item["type"] == "reasoning" for item in self.value["output"]):
            yield from self._open(Words)  # it says nothing, but it answers
        status = "incomplete" if cut else "completed"
        yield from self._close(status)
        self.value["status"] = status
        if cut:
            self.value["incomplete_details"] = {"reason": cut}
        else:
            self.value["completed_at"] = int(time.time())
        if self.keep is not None:
            self.keep(self.value)
        yield {"type": f"response.{status}", "response": self.value}


def _begun(request: ResponsesRequest) -> dict[str, Any]:
    """A response that has no output yet. Much of it is what the client sent."""
    asked = request.model_dump(
        include={"tools", "tool_choice", "text", "metadata"}, exclude_none=True, by_alias=True
    )
    thinking = request.reasoning or ReasoningOptions()
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": 0,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": asked.get("metadata", {}),
        "model": request.model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "reasoning": {"effort": thinking.effort, "summary": thinking.summary},
        "service_tier": "default",
        "store": request.store is not False,
        "temperature": request.temperature,
        "text": {"format": {"type": "text"}} | asked.get("text", {}),
        "tool_choice": asked.get("tool_choice", "auto"),
        "tools": asked.get("tools", []),
        "top_logprobs": request.top_logprobs or 0,
        "top_p": request.top_p,
        "truncation": "disabled",
        "usage": None,
    }


def _of_words(choice: Reply, chunk: Reply) -> list[Any]:
    """Log-probabilities of the choice's tokens, but for those of thoughts."""
    if choice["logprobs"] is None:
        return []
    both = zip(choice["logprobs"]["content"], chunk["metrics"], strict=True)
    return [logprob for logprob, token in both if not token.get("reasoning")]


def _usage(usage: Reply) -> dict[str, Any]:
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": usage["total_tokens"],
        "steps": usage["steps"],
    }
