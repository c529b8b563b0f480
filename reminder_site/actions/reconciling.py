"""Our ledger beside Twilio's lists: where they differ, how many do, and what can be put right without a person."""

from dataclasses import dataclass
from typing import Literal

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit
from reminder_site.actions.links import as_sent
from reminder_site.actions.outbox import DONE, move
from reminder_site.actions.receipts import apply_status, standing
from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Attempt, Clinic, Heartbeat, Message

DAYS = 36
YOUNG_MINUTES = 10
ASKED_BACK = frozenset({states.SCHEDULED, states.CANCELLING})
Kind = Literal["unknown here", "missing there", "status differs", "body differs"]


@dataclass(frozen=True)
class Difference:
    """One text on which the ledger and Twilio do not agree; `last_digits` are the two last of the number."""

    kind: Kind
    sid: str
    last_digits: str
    here: str
    there: str
    error_code: int | None = None
    message_id: int | None = None


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

    A stranger's text is only cancelled if its words and number are exactly those of one of ours.
    """
    if difference.message_id is None:
        return _cancel_twin(difference, sms, by, now)
    with transaction() as session:
        if difference.kind == "status differs":
            status, code = difference.there, difference.error_code
            row = standing(session, difference.message_id)
            return "taken over" if apply_status(session, row, status, code, by=by, now=now) else ""
        words = "Twilio does not know this text"
        to = states.NEEDS_REVIEW
        parked = difference.kind == "missing there" and move(
            session, difference.message_id, ASKED_BACK, to, words=words, by=by, now=now, **DONE
        )
        return "parked for a person" if parked else ""


def _differs(message: Message, remote: Remote | None) -> list[Difference]:
    digits, sid = message.to_e164[-2:], str(message.sid)
    if remote is None:
        if message.state == states.NEEDS_REVIEW:
            return []  # a person knows already
        return [Difference("missing there", sid, digits, message.state, "", message_id=message.id)]
    found = []
    if states.outranks(remote.status, message.provider_rank):
        ours = message.provider_status or message.state
        found.append(Difference("status differs", sid, digits, ours, remote.status, remote.error_code, message.id))
    if remote.body and not message.content_sid and as_sent(message.body).fullmatch(remote.body) is None:
        found.append(Difference("body differs", sid, digits, "our words", "other words", message_id=message.id))
    return found


def _unknown(session: Session, strangers: list[Remote]) -> list[Difference]:
    """Find what was sent from our services and that no message or attempt here knows."""
    services = {settings().twilio_messaging_service_sid, *session.scalars(select(Clinic.sender))} - {""}
    known = set(session.scalars(select(Attempt.sid).where(Attempt.sid.is_not(None))))
    known |= set(session.scalars(select(Message.sid).where(Message.sid.is_not(None))))
    return [
        Difference("unknown here", r.sid, r.to[-2:], "twin" if _twin(session, r) else "", r.status)
        for r in strangers
        if r.messaging_service_sid in services and r.sid not in known
    ]


def _twin(session: Session, remote: Remote) -> Message | None:
    """Return a message of ours with the same number and words, if there is one."""
    to_them = select(Message).where(Message.to_e164 == remote.to.rpartition(":")[2], Message.sid.is_not(None))
    return next((m for m in session.scalars(to_them) if as_sent(m.body).fullmatch(remote.body)), None)


def _cancel_twin(difference: Difference, sms: Sms, by: Actor, now: pendulum.DateTime) -> str:
    if difference.there != "scheduled" or difference.here != "twin":
        return ""
    try:
        sms.cancel(difference.sid)
    except SmsError as error:
        return f"not cancelled: {error}"
    with transaction() as session:
        audit.record(session, actor=by, what="twin.cancelled", clinic_id=None, subject=difference.sid, now=now)
    return "cancelled: we sent the same text"


@retried
def _note(count: int, now: pendulum.DateTime) -> None:
    with transaction() as session:
        if session.get(Heartbeat, 1) is not None:
            found = {"drift_count": count, "drift_checked_at": now}
            session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(**found))
