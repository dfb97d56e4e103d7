"""How an answer is said to a client: as the chat API says it, or as another one does.

The engine's answer is put in the chat API's form first (replies.py). Other APIs are translations of
that form, whole or chunk by chunk.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from fastapi.sse import format_sse_event
from pydantic_core import to_json

from mlx_entropix.server.api_errors import ApiError

Reply = Mapping[str, Any]
"""A `chat.completion` or a `chat.completion.chunk`, or what these are in another API."""


class Dialect(Protocol):
    """Says one answer. What it returns of a stream are bytes of server-sent events, or none."""

    ping: bytes  # keeps proxies from closing the connection of a silent stream

    def whole(self, reply: Reply) -> Reply:
        """The response, of a `chat.completion`."""

    def chunk(self, chunk: Reply) -> bytes:
        """What a `chat.completion.chunk` adds to a stream."""

    def end(self) -> bytes:
        """The end of a stream."""

    def failed(self, error: ApiError) -> bytes:
        """The end of a stream that cannot go on."""


class ChatDialect:
    """As the chat API says it, and the one for texts: chunks as they are, and `[DONE]`."""

    ping = format_sse_event(comment="ping")

    def whole(self, reply: Reply) -> Reply:
        """The response as it is."""
        return reply

    def chunk(self, chunk: Reply) -> bytes:
        """The chunk as it is."""
        return event(chunk)

    def end(self) -> bytes:
        """Nothing comes any more."""
        return format_sse_event(data_str="[DONE]")

    def failed(self, error: ApiError) -> bytes:
        """The error, as the last chunk."""
        return event(error.body()) + self.end()


Event = dict[str, Any]
"""A typed event of another API, as it is sent."""


class TypedEvents:
    """What APIs whose streams are typed events have in common: one answer is said as one `value`.

    A whole answer is made as a stream of one chunk is, whose events nobody gets.
    """

    def __init__(self, value: dict[str, Any], *, with_metrics: bool = True):
        self.value = value
        self._told: dict[str, list[Any]] = {}  # of tokens whose text is yet to come
        self._kept = ("metrics", "prompt_metrics") if with_metrics else ("prompt_metrics",)

    def whole(self, reply: Reply) -> Reply:
        """The value, of a `chat.completion`."""
        for _ in (*self._take(as_one_chunk(reply)), *self._finish()):
            pass
        return self.value

    def chunk(self, chunk: Reply) -> bytes:
        """The events of a `chat.completion.chunk`."""
        return b"".join(map(self._said, self._take(chunk)))

    def end(self) -> bytes:
        """The events that end the answer."""
        return b"".join(map(self._said, self._finish()))

    @abstractmethod
    def _take(self, chunk: Reply) -> Iterator[Event]:
        """What a chunk adds to the value, and the events that say so."""

    @abstractmethod
    def _finish(self) -> Iterator[Event]:
        """The events that end the answer."""

    def _said(self, what: Event) -> bytes:
        return event(what, what["type"])

    def _begins(self, chunk: Reply) -> bool:
        """Take what all chunks say of the first. Returns whether it is that one."""
        if "seed" in self.value:
            return False
        same = ("model", "seed", "system_fingerprint")
        self.value |= {name: chunk[name] for name in same if name in chunk}
        return True

    def _keep(self, chunk: Reply) -> None:
        """Keep what is known of paths, and of tokens until there is an event of their text."""
        for name in self._kept:
            if name in chunk:
                self._told.setdefault(name, []).extend(chunk[name])
                self.value.setdefault(name, []).extend(chunk[name])
        if settled := [fact for fact in chunk.get("forks", ()) if fact["type"] == "settled"]:
            self.value["forks"] = settled

    def _tell(self) -> dict[str, list[Any]]:
        """All that is known of tokens up to here, once."""
        told, self._told = self._told, {}
        return told


def event(value: Reply, name: str | None = None) -> bytes:
    """A server-sent event, of a type if it has a `name`."""
    return format_sse_event(data_str=as_json(value).decode(), event=name)


def as_json(value: Reply) -> bytes:
    """An object as it is sent; numbers that are not finite are null."""
    return to_json(value, inf_nan_mode="null")


def as_one_chunk(reply: Reply) -> Reply:
    """A `chat.completion` of one answer as the only chunk of a stream."""
    (choice,) = reply["choices"]
    return {**reply, "choices": [{**choice, "delta": choice["message"]}]}
