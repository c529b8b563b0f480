"""HTTP/1.1 as far as the sandbox needs it: one request read from a socket, one response as one run of bytes.

One write per response keeps a client from waiting 40 ms for a delayed acknowledgement. Knows nothing of Twilio.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_LINE_BYTES = 65_536
MAX_BODY_BYTES = 1_048_576


class BadRequest(Exception):
    """What arrived is not HTTP that can be answered; the connection is closed after saying so."""


class Fields:
    """Named values in the order they came, where a name may come more than once."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = list(pairs)

    def get(self, name: str, default: str | None = None) -> str | None:
        """Give the first value of a name."""
        return next((value for key, value in self.pairs if key == name), default)

    def text(self, name: str) -> str:
        """Give the first value of a name, or the empty string."""
        return self.get(name) or ""

    def all(self, name: str) -> list[str]:
        """Give every value of a name that is not empty."""
        return [value for key, value in self.pairs if key == name and value]

    def says(self, name: str) -> bool:
        """Tell whether a flag was sent as true."""
        return self.text(name).lower() in ("true", "1", "on")

    @classmethod
    def parse(cls, encoded: str) -> "Fields":
        """Read form encoding, empty values included."""
        return cls(parse_qsl(encoded, keep_blank_values=True, max_num_fields=10_000))


@dataclass
class Request:
    """One request as it came, header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path with its percent-escapes undone."""
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> Fields:
        """The query string's values."""
        return Fields.parse(urlsplit(self.target).query)

    @cached_property
    def form(self) -> Fields:
        """The form in the body; empty where the body is something else."""
        if "json" in self.headers.get("content-type", ""):
            return Fields(())
        return Fields.parse(self.body.decode("utf-8", "replace"))

    def json(self) -> Any:
        """Read the body as JSON, raising ValueError where it is not."""
        return json.loads(self.body or b"{}")


@dataclass
class Response:
    """One answer; `after` runs once it has been written, whether or not the other side was still there.

    A `mishap` keeps it from arriving whole: `reset` cuts the connection unanswered, `truncate` breaks off half-way.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: Callable[[], None] | None = None
    close: bool = False
    mishap: str | None = None

    def to_bytes(self) -> bytes:
        """Put status, headers and body into one run of bytes."""
        reason = HTTPStatus(self.status).phrase
        lines = [f"HTTP/1.1 {self.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(self.body)}")
        if self.close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


def as_json(value: Any, status: int = 200) -> Response:
    """Make a JSON answer."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(status, body, {"Content-Type": "application/json"})


def read_request(stream: BufferedIOBase) -> Request | None:
    """Read the next request of a connection, or None at its end; raises BadRequest."""
    line = stream.readline(MAX_LINE_BYTES)
    if not line.strip():
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("not an HTTP request line")
    headers = _read_headers(stream)
    return Request(words[0], words[1], headers, _read_body(stream, headers))


def _read_headers(stream: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    while True:
        line = stream.readline(MAX_LINE_BYTES)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(headers) > 200:
            raise BadRequest("not a header line")
        headers[name.lower()] = value.strip()


def _read_body(stream: BufferedIOBase, headers: dict[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        raise BadRequest("a body needs a Content-Length")
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise BadRequest("a body needs a Content-Length of at most 1 MiB")
    body = stream.read(int(length)) if length != "0" else b""
    if len(body) < int(length):
        raise BadRequest("the body ended early")
    return body
