"""Connections that send no request, or only part of one, keep nobody else out.

They cost a descriptor each, before any key is looked at. So a request has to be there whole within
a time, and where there are too many connections, the one that has been silent longest makes room.
"""

import asyncio
import json
import logging
import resource
import time
from http import HTTPStatus
from typing import Any, NamedTuple

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mlx_entropix.server.api_errors import ApiError

_log = logging.getLogger(__name__)

_OTHER_DESCRIPTORS = 64  # weights, log, sockets of the loop
_MOST_BACKLOG = 128
_ACCEPT_FAILED = "socket.accept() out of system resource"  # asyncio's words
_SECONDS_BETWEEN_LINES = 60.0


def protocol(most: int, seconds: float) -> type[H11Protocol]:
    """The protocol of a server of `most` connections, whose requests arrive within `seconds`."""
    # Connections, in the order in which they fell silent.
    unsent: dict[Any, asyncio.TimerHandle] = {}

    class Connection(H11Protocol):
        """A connection that is closed if its request does not come."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._expect()
            if len(self.connections) > most:
                oldest = next(iter(unsent))
                if oldest is self:  # all others have a request: they are being answered
                    self._refuse(503, f"The server has {most} connections, the most it takes.")
                else:
                    oldest._stop_expecting()
                    oldest.transport.abort()
                    self.connections.discard(oldest)  # it says so itself one turn later

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
                self._expect()
            else:
                self._stop_expecting()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.conn.their_state is h11.IDLE:  # kept alive for another request
                self._expect()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_expecting()
            super().connection_lost(exc)

        def _expect(self) -> None:
            if self not in unsent and not self.transport.is_closing():
                unsent[self] = self.loop.call_later(seconds, self._late)

        def _stop_expecting(self) -> None:
            if timer := unsent.pop(self, None):
                timer.cancel()

        def _late(self) -> None:
            begun = self.conn.their_state is h11.SEND_BODY or bool(self.conn.trailing_data[0])
            if begun and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                self._refuse(408, f"The request did not arrive whole within {seconds:g} seconds.")
            else:
                self._stop_expecting()
                self.transport.close()

        def _refuse(self, status: int, message: str) -> None:
            self._stop_expecting()
            body = json.dumps(ApiError(status, message).body()).encode()
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
                "content-type: application/json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
            self.transport.close()

    return Connection


class Room(NamedTuple):
    """What a process has descriptors for: so many connections, so many new ones at a time."""

    connections: int
    backlog: int


def room(wanted: int) -> Room:
    """How many of `wanted` connections fit the limit of open files, at least one.

    The loop takes up to `backlog` new ones in a turn. Each may make an old one go, which is closed
    two turns later, so three times as many may be open for a moment.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Room(wanted, _MOST_BACKLOG)
    backlog = max(1, min(_MOST_BACKLOG, soft // 8))
    return Room(max(1, min(wanted, soft - _OTHER_DESCRIPTORS - 3 * backlog)), backlog)


class AcceptFailures:
    """An event loop's exception handler that says once a minute that descriptors have run out.

    asyncio says it for each connection that waits, again and again.
    """

    def __init__(self) -> None:
        self._said = -_SECONDS_BETWEEN_LINES

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what went wrong in the loop."""
        if context.get("message") != _ACCEPT_FAILED:
            loop.default_exception_handler(context)
            return
        now = time.monotonic()
        if now - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = now
            _log.error(
                "No connection can be accepted (%s). Raise the limit of open files (ulimit -n), or "
                "lower --max_connections.",
                context.get("exception"),
            )
