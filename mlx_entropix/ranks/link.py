"""A connection between rank 0 and another rank: messages of JSON, and the news that it is cut.

A process that ends cuts its connections, which the other end is told at once. A machine that loses
its power or its cable says nothing: for this the system probes a silent connection every second.
That is done by the kernel, so a process that is busy or suspended is not taken for dead.
"""

import json
import socket
import struct
import sys
from typing import Any

_LENGTH = struct.Struct("!I")
_TCP_RXT_CONNDROPTIME = 0x80  # macOS's <netinet/tcp.h>; Python has no name for it
_LONGEST = 1 << 28  # bytes; a context of a million tokens is less than a tenth of it

SILENT_SECONDS = 4
"""After so long without an answer of its kernel, a machine counts as gone."""


class Link:
    """One end of a connection. A `send` may come from any thread, one at a time."""

    def __init__(self, connection: socket.socket):
        self._socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        idle = "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE"  # Linux, Mac
        probes = {idle: 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": SILENT_SECONDS - 1}
        for name, value in probes.items():
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        # The same for what was sent and not acknowledged.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * SILENT_SECONDS
            )
        elif sys.platform == "darwin":
            connection.setsockopt(socket.IPPROTO_TCP, _TCP_RXT_CONNDROPTIME, SILENT_SECONDS)

    def send(self, message: Any) -> None:
        """Send a message that JSON can express. Raises `OSError` where the connection is cut."""
        data = json.dumps(message, separators=(",", ":")).encode()
        self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self, seconds: float | None = None) -> Any:
        """The next message. Raises `OSError` where none comes within `seconds`, or ever.

        Raises `ValueError` for bytes that are no message.
        """
        self._socket.settimeout(seconds)
        (length,) = _LENGTH.unpack(self._bytes(_LENGTH.size))
        if length > _LONGEST:
            raise ValueError(f"a message of {length:,} bytes")
        message = json.loads(self._bytes(length))
        self._socket.settimeout(None)
        return message

    def close(self) -> None:
        """Cut the connection."""
        self._socket.close()

    def _bytes(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            part = self._socket.recv(min(count - len(data), 1 << 20))
            if not part:
                raise ConnectionError("the other end has closed the connection")
            data += part
        return bytes(data)
