"""What a patient sees on a phone, and what stands around it: conversations, what is yet to come, times in words.

Reads the store; draws nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import phonenumbers

from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.identity import SENDER_NUMBER
from reminder_site.sandbox.resources import ERROR_WORDS
from reminder_site.sandbox.store import Message

SHOWN_PHONES = 40
SHOWN_TEXTS = 200
SHOWN_SCHEDULED = 12
CONVERSATION = """
SELECT phone, body, at, waiting FROM (
    SELECT phone, body, max(at) AS at, sum(waiting) AS waiting FROM (
        SELECT recipient AS phone, body, coalesce(sent_at, created_at) AS at, status = 'scheduled' AS waiting
        FROM message WHERE direction != 'inbound'
        UNION ALL
        SELECT sender, body, created_at, 0 FROM message WHERE direction = 'inbound'
    ) GROUP BY phone
) ORDER BY at DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone in the list: its number, its latest text, and how many texts are scheduled for it."""

    address: str
    name: str
    latest: str
    when: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text in a conversation. Side: `in` came to the phone, `out` was written on it, `note` never arrived."""

    sid: str
    side: str
    body: str
    when: str
    exact: str
    note: str
    day: str
    media: list[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One scheduled text."""

    address: str
    name: str
    body: str
    when: str
    exact: str


class Calendar:
    """Says moments as people do, in one zone, as seen from now."""

    def __init__(self, exchange: Exchange) -> None:
        self.zone = ZoneInfo(exchange.zone)
        self.now = self.local(exchange.clock.now())

    def local(self, at: float) -> datetime:
        """Give the wall time of a moment."""
        return datetime.fromtimestamp(at, self.zone)

    def day(self, at: float) -> str:
        """Say the day."""
        moment = self.local(at)
        if moment.date() == self.now.date():
            return "Today"
        year = f" {moment.year}" if moment.year != self.now.year else ""
        return f"{moment:%a} {moment.day} {moment:%b}{year}"

    def time(self, at: float) -> str:
        """Say the time of day."""
        moment = self.local(at)
        return f"{moment.hour % 12 or 12}:{moment:%M} {'am' if moment.hour < 12 else 'pm'}"

    def both(self, at: float) -> str:
        """Say day and time."""
        return f"{self.day(at)}, {self.time(at)}"

    def brief(self, at: float) -> str:
        """Say the time of day for today, else the day."""
        day = self.day(at)
        return self.time(at) if day == "Today" else day

    def exact(self, at: float) -> str:
        """Write the moment to the second, for machines."""
        return self.local(at).isoformat(timespec="seconds")


def name_of(address: str) -> str:
    """Write a number as people read it."""
    channel, _, number = address.rpartition(":")
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return address
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return f"{written} ({channel.capitalize()})" if channel else written


def list_phones(exchange: Exchange, calendar: Calendar) -> list[Phone]:
    """Give the phones that got or sent a text or are about to, the latest first."""
    rows = exchange.store.rows(CONVERSATION, SHOWN_PHONES)
    return [Phone(row[0], name_of(row[0]), row[1], calendar.brief(row[2]), row[3]) for row in rows]


def conversation(exchange: Exchange, calendar: Calendar, address: str) -> list[Bubble]:
    """Give the texts of one phone, oldest first."""
    found = exchange.store.messages(
        "WHERE (recipient = ? AND direction != 'inbound' AND status NOT IN ('scheduled', 'canceled'))"
        " OR (sender = ? AND direction = 'inbound') ORDER BY coalesce(sent_at, created_at) DESC, id DESC LIMIT ?",
        address, address, SHOWN_TEXTS,
    )  # fmt: skip
    bubbles: list[Bubble] = []
    day = ""
    for message in reversed(found):
        said = calendar.day(message.shown_at)
        bubbles.append(_bubble(exchange, calendar, message, said if said != day else ""))
        day = said
    return bubbles


def _bubble(exchange: Exchange, calendar: Calendar, message: Message, day: str) -> Bubble:
    arrived = message.inbound or message.status in ("sent", "delivered", "read")
    side = "out" if message.inbound else "in" if arrived else "note"
    media = exchange.store.rows("SELECT url FROM media WHERE message_sid = ?", message.sid) if message.num_media else []
    return Bubble(
        sid=message.sid,
        side=side,
        body=message.body,
        when=calendar.time(message.shown_at),
        exact=calendar.exact(message.shown_at),
        note=_note(message),
        day=day,
        media=[row[0] for row in media],
    )


def _note(message: Message) -> str:
    code = message.error_code
    if message.inbound:
        return f"The site did not take this ({code})" if code else ""
    if message.status in ("failed", "undelivered"):
        return f"Did not arrive: {message.status} {code or ''} {ERROR_WORDS.get(code or 0, '')}".strip()
    return "On its way" if message.status in ("accepted", "queued") else ""


def waiting(exchange: Exchange, calendar: Calendar) -> list[Waiting]:
    """Give the scheduled texts, the next first."""
    found = exchange.store.messages("WHERE status = 'scheduled' ORDER BY send_at LIMIT ?", SHOWN_SCHEDULED)
    return [
        Waiting(
            message.recipient,
            name_of(message.recipient),
            message.body,
            calendar.both(message.send_at or 0),
            calendar.exact(message.send_at or 0),
        )
        for message in found
    ]


def texted_from(exchange: Exchange, address: str) -> str:
    """Give the number that last texted a phone, which is the one it answers."""
    sender = exchange.store.value(
        "SELECT sender FROM message WHERE recipient = ? AND sender IS NOT NULL ORDER BY id DESC LIMIT 1", address
    )
    return str(sender) if sender else SENDER_NUMBER
