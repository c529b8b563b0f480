"""Our ledger beside Twilio's lists: where they differ, how many do, and what can be put right without a person."""

from dataclasses import dataclass
from typing import Literal

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, following
from reminder_site.actions.links import as_sent
from reminder_site.actions.receipts import take_over
from reminder_site.actions.sought import awaited, look_up, matches
from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Attempt, Clinic, Heartbeat, Message
from reminder_site.queries import trial_texts

DAYS = 36
YOUNG_MINUTES = 10
Kind = Literal["unknown here", "missing there", "status differs", "cancelled there", "body differs"]


@dataclass(frozen=True)
class Difference:
    """One text on which the ledger and Twilio do not agree; `last_digits` are the two last of the number.

    `message_id` is the message it is about; a text unknown here may be the twin of one of ours (`twin_of`).
    """

    kind: Kind
    sid: str
    last_digits: str
    here: str
    there: str
    error_code: int | None = None
    message_id: int | None = None
    twin_of: int | None = None


def compare(*, sms: Sms, now: pendulum.DateTime) -> list[Difference]:
    """Compare what was handed over in the last 36 days with what Twilio says; raises SmsError.

    Texts of the last ten minutes are left out: their answers and receipts may still be on their way.
    """
    since, until = now.subtract(days=DAYS), now.subtract(minutes=YOUNG_MINUTES)
    there = {r.sid: r for r in sms.list_since(since) if r.direction == "outbound-api"}
    session = db.session()
    here = {str(m.sid): m for m in session.scalars(select(Message).where(Message.sid.is_not(None)))
            if m.handed_at and m.handed_at >= since}  # fmt: skip
    found = [d for sid, m in here.items() if m.handed_at and m.handed_at <= until for d in _differs(m, there.get(sid))]
    strangers = [r for sid, r in there.items() if sid not in here and r.created_at <= until]
    found += _unknown(session, strangers)
    session.rollback()
    gone = [d for d in found if d.kind != "missing there" or sms.fetch(d.sid) is None]
    _note(len(gone), now)
    return gone


def put_right(*, difference: Difference, sms: Sms, by: Actor, now: pendulum.DateTime) -> str:
    """Put one difference right if that needs no person, and say what was done; empty when nothing can be.

    A stranger's text is only cancelled if one of our own attempts made it: its words, its number and its time say so.
    """
    message_id, code = difference.message_id, difference.error_code
    if message_id is None:
        return _cancel_twin(difference, sms, by, now)
    if difference.kind in {"status differs", "cancelled there"}:
        status = difference.there
        news = take_over(message_id=message_id, status=status, error_code=code, by=by, now=now)
        return "taken over" if news else ""
    lost = difference.kind == "missing there" and following.lose(message_id=message_id, now=now)
    return "parked for a person" if lost else ""


def _differs(message: Message, remote: Remote | None) -> list[Difference]:
    digits, sid = message.to_e164[-2:], str(message.sid)
    if remote is None:
        if message.redacted_at is not None:
            return []  # Twilio was asked to forget it
        if message.state == states.NEEDS_REVIEW:
            return []  # a person knows already
        return [Difference("missing there", sid, digits, message.state, "", message_id=message.id)]
    found = []
    if states.outranks(remote.status, message.provider_rank):
        ours = message.provider_status or message.state
        by_others: Kind = "cancelled there" if remote.status == "canceled" and message.wanted else "status differs"
        found.append(Difference(by_others, sid, digits, ours, remote.status, remote.error_code, message.id))
    has_words = message.redacted_at is None and not message.content_sid
    if remote.body and has_words and as_sent(message.body).fullmatch(remote.body) is None:
        found.append(Difference("body differs", sid, digits, "our words", "other words", message_id=message.id))
    return found


def _unknown(session: Session, strangers: list[Remote]) -> list[Difference]:
    """Find what was sent from our services and that no message or attempt here knows."""
    services = {settings().twilio_messaging_service_sid, *session.scalars(select(Clinic.sender))} - {""}
    known = set(session.scalars(select(Attempt.sid).where(Attempt.sid.is_not(None))))
    known |= set(session.scalars(select(Message.sid).where(Message.sid.is_not(None))))
    known |= trial_texts.among([r.sid for r in strangers])
    return [
        Difference("unknown here", r.sid, r.to[-2:], "twin" if twin else "", r.status, twin_of=twin)
        for r in strangers
        if r.messaging_service_sid in services and r.sid not in known
        for twin in [_twin(session, r)]
    ]


def _twin(session: Session, remote: Remote) -> int | None:
    """Return the message of ours of which a text is a second copy, if there is one."""
    to_them = select(Message.id).where(Message.to_e164 == remote.to.rpartition(":")[2], Message.sid.is_not(None))
    sought = [look_up(session, message_id) for message_id in session.scalars(to_them).all()]
    return next((each.message_id for each in sought if each is not None and matches(remote, each)), None)


def _cancel_twin(difference: Difference, sms: Sms, by: Actor, now: pendulum.DateTime) -> str:
    if difference.there != "scheduled" or difference.twin_of is None:
        return ""
    is_anothers = awaited(db.session(), difference.twin_of, now)
    db.session.rollback()
    if is_anothers:
        return ""  # perhaps: whose it is comes out once that one is cleared up
    try:
        sms.cancel(difference.sid)
    except SmsError as error:
        return f"not cancelled: {error}"
    _note_cancelled(difference.sid, by, now)
    return "cancelled: we sent the same text"


@retried
def _note_cancelled(sid: str, by: Actor, now: pendulum.DateTime) -> None:
    with transaction() as session:
        audit.record(session, actor=by, what="twin.cancelled", clinic_id=None, subject=sid, now=now)


@retried
def _note(count: int, now: pendulum.DateTime) -> None:
    with transaction() as session:
        if session.get(Heartbeat, 1) is not None:
            found = {"drift_count": count, "drift_checked_at": now}
            session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(**found))
