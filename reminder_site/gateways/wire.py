"""One HTTP exchange over kept-alive connections, that always knows whether the first byte has left. Knows no Twilio."""

import http.client
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from reminder_site.failpoints import reach

CONNECT_SECONDS = 3.05
READ_SECONDS = 20.0
IDLE_SECONDS = 30.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024
DROP_UNSENT = struct.pack("ii", 1, 0)

Fence = Callable[[], bool]


class NotSent(OSError):
    """Nothing left: name look-up, connect, TLS, or the fence stopped it before the first byte."""


class FencedOff(NotSent):
    """Nothing left, because it would have left too late: our own doing, not Twilio's."""


class Unclear(OSError):
    """The first byte had left and no whole answer came back."""


@dataclass(frozen=True)
class Reply:
    """An answer as it came; header names are lower case; `closes` says that the far end hangs up after it."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False


@dataclass
class _Line:
    connection: http.client.HTTPConnection
    used_at: float


class Wire:
    """Sends requests, one at a time per thread, over that thread's own connections."""

    def __init__(self, *, read_seconds: float = READ_SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        self._read_seconds, self._idle_seconds = read_seconds, idle_seconds
        self._lines = threading.local()
        self._threads: list[dict[tuple[str, str], _Line]] = []

    def close(self) -> None:
        """Hang up every line, of whichever thread; nobody may be speaking."""
        for lines in self._threads:
            while lines:
                lines.popitem()[1].connection.close()

    def exchange(
        self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str], may_leave: Fence | None = None
    ) -> Reply:
        """Send one request and read its whole answer within the read time-out.

        `may_leave` is asked once the connection is up, right before the first byte. Raises NotSent or Unclear.
        """
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection = self._connected(place)
        # All is made ready first: between the fence and the write there is no time for a pause to fall into.
        request = _as_bytes(connection, method, target, body, headers)
        connection.sock.settimeout(self._read_seconds)
        if may_leave is not None and not may_leave():
            raise FencedOff("the fence had closed before the first byte")
        try:
            reply = _speak(connection, method, request, self._read_seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._drop(place)
            raise Unclear(type(error).__name__) from error
        if reply.closes:
            self._drop(place)
        else:
            self._open_lines()[place].used_at = time.monotonic()
        return reply

    def _open_lines(self) -> dict[tuple[str, str], _Line]:
        if not hasattr(self._lines, "open"):
            self._lines.open = {}
            self._threads.append(self._lines.open)
        lines: dict[tuple[str, str], _Line] = self._lines.open
        return lines

    def _connected(self, place: tuple[str, str]) -> http.client.HTTPConnection:
        line = self._open_lines().get(place)
        if line and time.monotonic() - line.used_at < self._idle_seconds and _quiet(line.connection):
            return line.connection
        self._drop(place)
        kind = http.client.HTTPSConnection if place[0] == "https" else http.client.HTTPConnection
        connection = kind(place[1], timeout=CONNECT_SECONDS)
        try:
            connection.connect()
            # Closing it, even by dying, discards what has not left yet: nothing may reach Twilio after we gave up.
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, DROP_UNSENT)
        except (OSError, ssl.SSLError) as error:
            connection.close()
            raise NotSent(type(error).__name__) from error
        self._open_lines()[place] = _Line(connection, time.monotonic())
        return connection

    def _drop(self, place: tuple[str, str]) -> None:
        line = self._open_lines().pop(place, None)
        if line:
            line.connection.close()


def _quiet(connection: http.client.HTTPConnection) -> bool:
    """Say whether a kept-alive line is still open: one that can be read from has been closed at the far end."""
    if connection.sock is None:
        return False
    readable, _, _ = select.select([connection.sock], [], [], 0)
    return not readable


def _as_bytes(
    connection: http.client.HTTPConnection, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
) -> bytes:
    """Write a request out whole: sent in two pieces, the second could leave after a pause, behind the fence."""
    shown = {"Host": connection.host, "Accept-Encoding": "identity", **headers}
    if connection.port != connection.default_port:
        shown["Host"] = f"{connection.host}:{connection.port}"
    if body is not None:
        shown["Content-Length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in shown.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise NotSent("a header may not hold a line break")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _speak(connection: http.client.HTTPConnection, method: str, request: bytes, read_seconds: float) -> Reply:
    connection.sock.sendall(request)
    ends_at = time.monotonic() + read_seconds
    reach("after_first_byte")
    with http.client.HTTPResponse(connection.sock, method=method) as answer:
        answer.begin()
        return _read(connection, answer, ends_at)


def _read(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, ends_at: float) -> Reply:
    chunks: list[bytes] = []
    while chunk := answer.read(65536):
        chunks.append(chunk)
        left = ends_at - time.monotonic()
        if left <= 0 or sum(map(len, chunks)) > MAX_ANSWER_BYTES:
            raise TimeoutError("the answer took too long")
        connection.sock.settimeout(left)
    if answer.length:
        raise http.client.IncompleteRead(b"".join(chunks), answer.length)
    lower = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, b"".join(chunks).decode("utf-8", "replace"), lower, bool(answer.will_close))
