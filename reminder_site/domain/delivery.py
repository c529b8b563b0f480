"""Which way a text leaves, and what an answer of Twilio's means. Pure; times are UTC, durations name a unit."""

from dataclasses import dataclass
from typing import Final, Literal, Self

import pendulum

from reminder_site.domain import codes
from reminder_site.domain.times import seconds_between

# Twilio takes SendAt from 15 minutes to 35 days after it receives the request (error 35114); the margins are ours.
NEAREST_MINUTES: Final = 16
FARTHEST_DAYS: Final = 35
FAR_MARGIN_HOURS: Final = 1

# Twilio drops a text that waits for longer than its ValidityPeriod: 1 to 36,000 s, and above 5 is advised.
LONGEST_VALIDITY_SECONDS: Final = 36_000
SHORTEST_VALIDITY_SECONDS: Final = 6

SKEW_WORTH_SAYING_SECONDS: Final = 30
SKEW_STOP_SECONDS: Final = 300
CAP_AGAIN_MINUTES: Final = 15
LONGEST_WAIT_SECONDS: Final = 300
SWEEP_ORPHANS_MINUTES: Final = 40
POLL_AFTER_SECONDS: Final = (120, 600, 3600, 6 * 3600, 24 * 3600, 72 * 3600)

# Why a text that is due does not leave yet; `missed`: for our trouble it never did, and a person has to tell them.
Wait = Literal[
    "",
    "hold",
    "texting_off",
    "daily_limit",
    "quiet_hours",
    "account",
    "clock",
    "throttle",
    "replaced",
    "number",
    "stale",
    "sender",
    "later",
    "missed",
]
Kind = Literal["created", "not_created", "refused", "unknown"]
Next = Literal[
    "taken",
    "retry",
    "late",
    "slow_down",
    "stop_all",
    "pause",
    "park",
    "suppress",
    "bad_number",
    "local",
    "hold",
    "fail",
    "resolve",
]
NEXT_BY_CODE: Final[dict[int, Next]] = {
    **dict.fromkeys(codes.OUT_OF_WINDOW, "local"),
    codes.CALENDAR_FULL: "hold",
    codes.QUEUE_FULL: "slow_down",
}
NEXT_BY_WHOSE: Final[dict[str, Next]] = {
    "account": "stop_all",
    "sender": "pause",
    "place": "park",
    "number": "bad_number",
    "opted_out": "suppress",
}


@dataclass(frozen=True)
class Pace:
    """How long each step of the protocol may take, in seconds.

    A text must leave within `fence`; an unclear one is looked for only after `first_look` (fence + our read time-out +
    Twilio's own + slack), and again `second_look` later. A worker that stood still for `standstill` ends: what passed
    the fence has left by then or never will (fence + standstill < both looks). Failure campaigns divide all of it by
    one factor.
    """

    lease_seconds: float = 120
    fence_seconds: float = 60
    first_look_seconds: float = 150
    second_look_seconds: float = 60
    silence_seconds: float = 30
    probe_seconds: float = 15
    standstill_seconds: float = 90

    @classmethod
    def faster(cls, times: int) -> Self:
        """Return the same pace, so many times as fast."""
        base = cls()
        return cls(
            base.lease_seconds / times,
            base.fence_seconds / times,
            base.first_look_seconds / times,
            base.second_look_seconds / times,
            base.silence_seconds / times,
            base.probe_seconds / times,
            base.standstill_seconds / times,
        )


@dataclass(frozen=True)
class Route:
    """What to do with a message now: expire it, send it, give it to Twilio with SendAt, or wait until a moment."""

    way: Literal["expire", "send", "schedule", "wait"]
    until: pendulum.DateTime | None = None


def route(
    *, send_at: pendulum.DateTime, useful_until: pendulum.DateTime, now: pendulum.DateTime, local_only: bool = False
) -> Route:
    """Decide the way of a message as it is about to leave (all times UTC).

    Source: Twilio, Message Scheduling, and error 35114: 900 s to 3,024,000 s ahead, inclusive, judged at their receipt.
    """
    if now >= useful_until:
        return Route("expire")
    if now >= send_at:
        return Route("send")
    window_opens_at = send_at.subtract(days=FARTHEST_DAYS).add(hours=FAR_MARGIN_HOURS)
    window_closes_at = send_at.subtract(minutes=NEAREST_MINUTES)
    if local_only or now > window_closes_at:
        return Route("wait", send_at)
    if now < window_opens_at:
        return Route("wait", window_opens_at)
    return Route("schedule")


def validity_seconds(useful_until: pendulum.DateTime, now: pendulum.DateTime) -> int:
    """Return for how long a text that is sent at once may wait on its way: until it is of no use any more (UTC).

    Source: Twilio, Message resource, ValidityPeriod. When it begins for a text with SendAt is not documented, so those
    carry none.
    """
    left = int(seconds_between(now, useful_until))
    return max(SHORTEST_VALIDITY_SECONDS, min(LONGEST_VALIDITY_SECONDS, left))


@dataclass(frozen=True)
class Outcome:
    """What came back from one attempt to create a text at Twilio."""

    kind: Kind
    next: Next
    words: str
    sid: str | None = None
    status: str = ""
    http_status: int | None = None
    code: int | None = None
    retry_after_seconds: int | None = None
    request_id: str = ""
    server_date: pendulum.DateTime | None = None

    @property
    def unanswered(self) -> bool:
        """Say whether Twilio gave no answer of its own: not to be reached, a broken line, or a gateway's error."""
        return self.next in {"retry", "resolve"}


def address(channel: str, e164: str) -> str:
    """Return a recipient as Twilio wants it: channels other than SMS go in front of the number."""
    return e164 if channel == "sms" else f"{channel}:{e164}"


def not_sent(words: str) -> Outcome:
    """Describe an attempt whose first byte never left: DNS, connect or TLS failed."""
    return Outcome("not_created", "retry", words)


def fenced_off(words: str) -> Outcome:
    """Describe an attempt that our own fence ended before its first byte: this process had stood still for too long."""
    return Outcome("not_created", "late", words)


def unclear(words: str, http_status: int | None = None) -> Outcome:
    """Describe an attempt that may or may not have made a text."""
    return Outcome("unknown", "resolve", words, http_status=http_status)


def classify(http_status: int, code: int | None, sid: str | None, status: str = "") -> Outcome:
    """Say what an answer means (reliability: the classification table, one test per row)."""
    if 200 <= http_status < 300 and sid:
        return Outcome("created", "taken", "Twilio took it", sid, status, http_status)
    if http_status == 429:
        return Outcome("not_created", "slow_down", "Twilio asked us to slow down", http_status=429, code=code)
    ambiguous = not 400 <= http_status < 500 or http_status in {408, 409} or (code is None and http_status != 401)
    if ambiguous and http_status not in {401, 403}:
        return unclear(f"Twilio answered {http_status} without saying whether it took the text", http_status)
    then = _next_for(http_status, code)
    kind: Kind = "not_created" if then == "stop_all" else "refused"
    return Outcome(kind, then, f"Twilio refused it ({code})", http_status=http_status, code=code)


def _next_for(http_status: int, code: int | None) -> Next:
    if http_status in {401, 403}:
        return "stop_all"
    return NEXT_BY_CODE.get(code or 0) or NEXT_BY_WHOSE.get(codes.of(code).whose, "fail")


def backoff_seconds(tries: int, jitter: float, retry_after_seconds: int | None = None) -> float:
    """Return how long to wait before trying again: 5 s doubling to 5 min, ±10 % (`jitter` from -1 to 1).

    Twilio may ask for longer, but for no more than the same 5 min: a text has its time.
    """
    wait = float(min(LONGEST_WAIT_SECONDS, 5 * 2 ** min(tries, 10))) * (1 + jitter / 10)
    return max(wait, float(min(LONGEST_WAIT_SECONDS, retry_after_seconds or 0)))
