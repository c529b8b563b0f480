"""One HTTP exchange over kept-alive connections, that always knows whether the first byte has left. Knows no Twilio."""

import http.client
import io
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
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
        self,
        method: str,
        url: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str],
        may_leave: Fence | None = None,
        within_seconds: float | None = None,
    ) -> Reply:
        """Send one request and read its whole answer, all within the read time-out once the line is up.

        `within_seconds` is for whoever cannot wait as long as that. `may_leave` is asked once the connection is up,
        right before the first byte. Raises NotSent or Unclear.
        """
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection = self._connected(place)
        # All is made ready first: between the fence and the write there is no time for a pause to fall into.
        request = _as_bytes(connection, method, target, body, headers)
        patience = within_seconds or self._read_seconds
        ends_at = time.monotonic() + patience
        connection.sock.settimeout(patience)
        if may_leave is not None and not may_leave():
            raise FencedOff("the fence had closed before the first byte")
        try:
            reply = _speak(connection.sock, method, request, ends_at)
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
    waiting = select.poll()  # select.select cannot take a file number above 1,023
    waiting.register(connection.sock, select.POLLIN)
    return not waiting.poll(0)


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
    try:
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
    except UnicodeEncodeError as error:
        raise NotSent("a header may hold Latin-1 only") from error


class _Reader(io.RawIOBase):
    """What a socket brings until a moment: each read waits only for what is left, however little comes at a time."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock, self._ends_at = sock, ends_at

    def readable(self) -> bool:
        """Say that it can be read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or wait for it; raises TimeoutError when the moment has come."""
        _wait_until(self._sock, self._ends_at)
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give HTTPResponse what it asks a socket for."""
        return io.BufferedReader(self)


def _wait_until(sock: socket.socket, ends_at: float) -> None:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the call took too long")
    sock.settimeout(left)


def _speak(sock: socket.socket, method: str, request: bytes, ends_at: float) -> Reply:
    unsent = memoryview(request)[sock.send(request) :]
    while unsent:
        _wait_until(sock, ends_at)
        unsent = unsent[sock.send(unsent) :]
    reach("after_first_byte")
    with http.client.HTTPResponse(cast(socket.socket, _Reader(sock, ends_at)), method=method) as answer:
        answer.begin()
        return _read(answer)


def _read(answer: http.client.HTTPResponse) -> Reply:
    chunks: list[bytes] = []
    while chunk := answer.read(65536):
        chunks.append(chunk)
        if sum(map(len, chunks)) > MAX_ANSWER_BYTES:
            raise ValueError("the answer is too long")
    if answer.length:
        raise http.client.IncompleteRead(b"".join(chunks), answer.length)
    lower = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, b"".join(chunks).decode("utf-8", "replace"), lower, bool(answer.will_close))
