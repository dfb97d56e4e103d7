"""How an answer is said to a client: as the chat API says it, or as another one does.

The engine's answer is put in the chat API's form first (replies.py). Other APIs are translations of
that form, whole or chunk by chunk.
"""

from collections.abc import Mapping
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
