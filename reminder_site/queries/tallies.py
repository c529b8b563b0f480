"""What has been counted so far, and what has happened since and is not counted yet.

Counts are kept (`tally`) because counting all anew would take longer with every text ever sent. A worker counts what is
settled; whoever asks adds what has come since, so every process answers alike.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pendulum
from sqlalchemy import DateTime, Select, case, exists, func, literal, null, select, type_coerce
from sqlalchemy.orm import aliased

from reminder_site.config import settings
from reminder_site.db import Moment, db
from reminder_site.domain import tallies
from reminder_site.domain.tallies import Counts
from reminder_site.models import Attempt, InboundMessage, Message, MessageEvent, ProviderEvent, SignInTry, Tally

SETTLED_SECONDS = 120  # longer than any transaction, and any call to Twilio: nothing older is still to come
MOST_AT_ONCE = 5_000
MARK = "counted_to"
LINK_LETTERS = 12


@dataclass(frozen=True)
class Source:
    """Rows that are counted once each, in the order of their ids: how to ask for some, and what each line counts.

    `at` is when a row was written; so many seconds later it says what it will go on saying.
    """

    name: str
    id: Any
    at: Any
    asks: Select[*tuple[Any, ...]]
    counts: Callable[[Any], Counts]
    ripens_seconds: int = 0


@dataclass(frozen=True)
class Found:
    """What some rows count, and the id of the last of them (what was asked after when there was none)."""

    counts: Counts
    up_to: int
    is_all: bool


def sources() -> tuple[Source, ...]:
    """Return all that is counted from rows."""
    link = f"{settings().public_base_url}/m/{'x' * LINK_LETTERS}"
    attempts = partial(tallies.of_attempt, link=link)
    came_at = func.coalesce(InboundMessage.found_at, InboundMessage.received_at)
    return (
        Source("texts", MessageEvent.id, MessageEvent.at, _TEXTS, tallies.of_texts),
        Source("attempts", Attempt.id, Attempt.intent_at, _ATTEMPTS, attempts),
        Source("receipts", ProviderEvent.id, ProviderEvent.received_at, _RECEIPTS, tallies.of_receipt),
        Source("inbound", InboundMessage.id, came_at, _INBOUND, tallies.of_inbound),
        Source("sign_ins", SignInTry.id, SignInTry.tried_at, _SIGN_INS, tallies.of_sign_ins, ripens_seconds=5),
    )


def kept() -> Counts:
    """Return what has been counted and kept; the marks are in it, by the name MARK."""
    rows = db.session.execute(select(Tally.name, Tally.label, Tally.amount))
    return Counter({(row.name, row.label): row.amount for row in rows})


def fresh(source: Source, after: int, *, before: pendulum.DateTime | None = None) -> Found:
    """Count a source's rows after an id, MOST_AT_ONCE at the most; up to the first that is not older than `before`."""
    new = source.id > after
    unripe = func.min(case((source.at >= literal(before, Moment), source.id))) if before else null()
    last, first_unripe = db.session.execute(select(func.max(source.id), unripe).where(new)).one()
    end = min(last or after, (first_unripe or math.inf) - 1)
    up_to = int(min(end, after + MOST_AT_ONCE))
    counts: Counts = Counter()
    if up_to > after:
        for line in db.session.execute(source.asks.where(new, source.id <= up_to)):
            counts.update(source.counts(line))
    return Found(counts, up_to, is_all=up_to == end)


def counted(*, now: pendulum.DateTime) -> Counts:
    """Return all counts as of now."""
    found = kept()
    for source in sources():
        before = now.subtract(seconds=source.ripens_seconds) if source.ripens_seconds else None
        found.update(fresh(source, int(found[MARK, source.name]), before=before).counts)
    return found


def _plain(column: Any) -> Any:
    """Read a moment as the driver gives it: two of one database can be compared, and that is all they are for."""
    return type_coerce(column, DateTime(timezone=True)).label(column.key)


_earlier = aliased(MessageEvent)
_again = exists().where(
    _earlier.message_id == MessageEvent.message_id, _earlier.state == MessageEvent.state, _earlier.id < MessageEvent.id
)
_times = func.count().label("times")
_TEXTS = select(MessageEvent.state, Message.kind, _times).join(Message, Message.id == MessageEvent.message_id)
_TEXTS = _TEXTS.where(~_again).group_by(MessageEvent.state, Message.kind)
_ATTEMPTS = select(
    _plain(Attempt.intent_at), _plain(Attempt.outcome_at), Attempt.outcome, Attempt.route, Attempt.code,
    Message.kind, _plain(Message.send_at), _plain(Message.created_at), Message.body,
).join(Message, Message.id == Attempt.message_id).where(Attempt.outcome != "")  # fmt: skip
_RECEIPTS = select(_plain(ProviderEvent.received_at), ProviderEvent.status, _plain(Message.send_at),
                   _plain(Message.handed_at))  # fmt: skip
_RECEIPTS = _RECEIPTS.join(Message, Message.id == ProviderEvent.message_id, isouter=True)
_INBOUND = select(InboundMessage.understood, _times).group_by(InboundMessage.understood)
_SIGN_INS = select(SignInTry.succeeded, _times).group_by(SignInTry.succeeded)
