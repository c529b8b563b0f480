"""How Twilio calls a customer's URL: signed, with time limits and retries that the URL's fragment may override.

Knows one call at a time; the order and the mishaps of many are in callbacks.py.
"""

import base64
import http.client
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from reminder_site.sandbox.signature import sign

MAX_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Overrides:
    """Time limits in ms (connect, read, total), retries, and what is retried (Twilio, connection overrides)."""

    ct: int = 5_000
    rt: int = 15_000
    tt: int = 15_000
    rc: int = 1
    rp: frozenset[str] = frozenset({"ct"})

    @classmethod
    def of(cls, url: str) -> "Overrides":
        """Read the fragment of a URL; what is missing takes Twilio's default, what is out of range its limit."""
        named = dict(parse_qsl(urlsplit(url).fragment))

        def number(name: str, default: int, low: int, high: int) -> int:
            text = named.get(name, "")
            return min(max(int(text), low), high) if text.isdigit() else default

        retried = frozenset(named["rp"].split(",")) if "rp" in named else cls().rp
        return cls(
            number("ct", 5_000, 100, 10_000), number("rt", 15_000, 100, 15_000), number("tt", 15_000, 100, 15_000),
            number("rc", 1, 0, 5), retried,
        )  # fmt: skip

    def retries(self, outcome: str) -> bool:
        """Tell whether an outcome is tried again."""
        return outcome in self.rp or "all" in self.rp


@dataclass(slots=True)
class Answer:
    """What a webhook said. Outcome: `ok`, `4xx`, `5xx`, `ct` (no connection) or `rt` (no answer in time)."""

    outcome: str
    status: int | None = None
    content_type: str = ""
    body: bytes = b""


@dataclass(slots=True)
class Caller:
    """Makes signed calls, one at a time; keeps its connections open between them."""

    auth_token: str
    _open: dict[tuple[str, str], http.client.HTTPConnection] = field(default_factory=dict)

    def call(self, url: str, parameters: dict[str, str]) -> tuple[Answer, int]:
        """POST parameters to a URL as Twilio does; gives the last answer and how many attempts it took."""
        overrides = Overrides.of(url)
        ends_at = time.monotonic() + overrides.tt / 1000
        headers = self._headers(url, parameters)
        body = urlencode(parameters).encode("ascii")
        answer, attempts = Answer("ct"), 0
        while attempts <= overrides.rc:
            attempts += 1
            answer = self._attempt(url, headers, body, overrides, ends_at)
            if answer.outcome == "ok" or not overrides.retries(answer.outcome) or time.monotonic() >= ends_at:
                break
        return answer, attempts

    def close(self) -> None:
        """Close what is open."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def _headers(self, url: str, parameters: dict[str, str]) -> dict[str, str]:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "X-Twilio-Signature": sign(url, parameters, self.auth_token),
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        parts = urlsplit(url)
        if parts.username is not None:
            pair = f"{parts.username}:{parts.password or ''}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
        return headers

    def _attempt(self, url: str, headers: dict[str, str], body: bytes, overrides: Overrides, ends_at: float) -> Answer:
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        kept = self._open.pop(key, None)
        left_s = max(ends_at - time.monotonic(), 0.05)
        try:
            connection = kept or _connect(
                parts.scheme, parts.hostname or "", parts.port, min(overrides.ct / 1000, left_s)
            )
        except (OSError, http.client.HTTPException):
            return Answer("ct")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.sock.settimeout(min(overrides.rt / 1000, left_s))
            connection.request("POST", target, body, headers)
            answer = _read(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if kept is not None and not isinstance(error, TimeoutError):
                return self._attempt(url, headers, body, overrides, ends_at)  # the other side had let the old one go
            return Answer("rt")
        if connection.sock is not None and len(answer.body) <= MAX_ANSWER_BYTES:
            self._open[key] = connection
        else:
            connection.close()
        return answer


def _connect(scheme: str, host: str, port: int | None, timeout_s: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(host, port, timeout=timeout_s)
    connection.connect()
    return connection


def _read(response: http.client.HTTPResponse) -> Answer:
    body = response.read(MAX_ANSWER_BYTES + 1)
    outcome = "ok" if response.status < 400 else f"{response.status // 100}xx"
    return Answer(outcome, response.status, response.headers.get_content_type(), body)
