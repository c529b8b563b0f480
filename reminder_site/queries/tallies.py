"""What has been counted so far, and what has happened since and is not counted yet.

Counts are kept (`tally`) because counting all anew would take longer with every text ever sent. A worker counts what is
settled; whoever asks adds what has come since, so every process answers alike.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pendulum
from sqlalchemy import Select, exists, select
from sqlalchemy.orm import aliased

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import tallies
from reminder_site.domain.tallies import Counts
from reminder_site.models import Attempt, InboundMessage, Message, MessageEvent, ProviderEvent, SignInTry, Tally

SETTLED_SECONDS = 120  # longer than any transaction, and any call to Twilio: nothing older is still to come
MOST_AT_ONCE = 5_000
MARK = "counted_to"
LINK_LETTERS = 12


@dataclass(frozen=True)
class Source:
    """Rows that are counted once each, in the order of their ids: how to ask for those after an id, and what each is.

    `at` names when a row was made; so many seconds later it says what it will go on saying.
    """

    name: str
    asks: Select[*tuple[Any, ...]]
    id: Any
    at: str
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
    return (
        Source("texts", _TEXTS, MessageEvent.id, "at", tallies.of_text),
        Source("attempts", _ATTEMPTS, Attempt.id, "intent_at", partial(tallies.of_attempt, link=link)),
        Source("receipts", _RECEIPTS, ProviderEvent.id, "received_at", tallies.of_receipt),
        Source("inbound", _INBOUND, InboundMessage.id, "received_at", tallies.of_inbound),
        Source("sign_ins", _SIGN_INS, SignInTry.id, "tried_at", tallies.of_sign_in, ripens_seconds=5),
    )


def kept() -> Counts:
    """Return what has been counted and kept; the marks are in it, by the name MARK."""
    rows = db.session.execute(select(Tally.name, Tally.label, Tally.amount))
    return Counter({(row.name, row.label): row.amount for row in rows})


def fresh(source: Source, after: int, *, before: pendulum.DateTime | None = None) -> Found:
    """Count a source's rows after an id, MOST_AT_ONCE at the most; up to the first that is not older than `before`."""
    counts: Counts = Counter()
    rows = db.session.execute(source.asks.where(source.id > after).order_by(source.id).limit(MOST_AT_ONCE)).all()
    for row in rows:
        if before is not None and getattr(row, source.at) >= before:
            return Found(counts, after, is_all=True)
        counts.update(source.counts(row))
        after = row.id
    return Found(counts, after, is_all=len(rows) < MOST_AT_ONCE)


def counted(*, now: pendulum.DateTime) -> Counts:
    """Return all counts as of now."""
    found = kept()
    for source in sources():
        before = now.subtract(seconds=source.ripens_seconds) if source.ripens_seconds else None
        found.update(fresh(source, int(found[MARK, source.name]), before=before).counts)
    return found


_earlier = aliased(MessageEvent)
_again = exists().where(
    _earlier.message_id == MessageEvent.message_id, _earlier.state == MessageEvent.state, _earlier.id < MessageEvent.id
)
_TEXTS = select(MessageEvent.id, MessageEvent.at, MessageEvent.state, Message.kind)
_TEXTS = _TEXTS.join(Message, Message.id == MessageEvent.message_id).where(~_again)
_ATTEMPTS = select(
    Attempt.id, Attempt.intent_at, Attempt.outcome_at, Attempt.outcome, Attempt.route, Attempt.code,
    Message.kind, Message.send_at, Message.created_at, Message.body,
).join(Message, Message.id == Attempt.message_id).where(Attempt.outcome != "")  # fmt: skip
_RECEIPTS = select(
    ProviderEvent.id, ProviderEvent.received_at, ProviderEvent.status, Message.send_at, Message.handed_at
)
_RECEIPTS = _RECEIPTS.join(Message, Message.id == ProviderEvent.message_id, isouter=True)
_INBOUND = select(InboundMessage.id, InboundMessage.received_at, InboundMessage.understood)
_SIGN_INS = select(SignInTry.id, SignInTry.tried_at, SignInTry.succeeded)
