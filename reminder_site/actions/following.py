"""After Twilio took a text: cancel it, or ask how it is. A parked text is asked after until it is where it belongs.

Each public action reads, asks Twilio with no transaction open, and writes what it learnt.
"""

from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import throttling
from reminder_site.actions.outbox import DONE, move, note
from reminder_site.actions.receipts import apply_status, learn_first, left_at, standing, take_over
from reminder_site.db import db, retried, transaction
from reminder_site.domain import looks
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.codes import NOT_CANCELABLE, NOT_FOUND
from reminder_site.domain.delivery import SWEEP_ORPHANS_MINUTES
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Sms, SmsError
from reminder_site.models import Message

POLLED = frozenset({states.SCHEDULED, states.ACCEPTED, states.SENT})
HELD_THERE = frozenset({states.SCHEDULED, states.CANCELLING})
LOST_WORDS = "Twilio does not know this text"


@dataclass(frozen=True)
class Heard:
    """What Twilio said of a text: how it is, or that it does not know it (`lost`); or why it said nothing."""

    status: str = ""
    error_code: int | None = None
    lost: bool = False
    error: SmsError | None = None


def cancel(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Ask Twilio to cancel a scheduled text; say "cancelled" only when Twilio does, else the truth."""
    sid = db.session.scalar(select(Message.sid).where(Message.id == message_id, Message.state == states.CANCELLING))
    db.session.rollback()
    if sid is None:
        return
    reach("before_cancel")
    heard = _cancelled(sms, sid)
    reach("after_cancel")
    if heard.error is not None:
        throttling.heed(heard.error, now=now)
        _cancel_again(message_id, heard.error.retry_after_seconds, now)
    elif heard.lost:
        lose(message_id=message_id, now=now)
    else:
        take_over(message_id=message_id, status=heard.status, error_code=heard.error_code, by=WORKER, now=now)


def poll(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Ask Twilio how a text is, when its callbacks may have been lost; after the last time leave it as it is."""
    sid = db.session.scalar(select(Message.sid).where(Message.id == message_id))
    db.session.rollback()
    reach("before_poll")
    heard = _news(sms, sid) if sid else Heard()
    if heard.error is not None:
        throttling.heed(heard.error, now=now)
        _poll_again(message_id, heard.error.retry_after_seconds, now)
        return
    reach("after_poll")
    learn_first(message_id, heard.status, heard.error_code, now)
    _polled(message_id, heard, now)


@retried
def lose(*, message_id: int, now: pendulum.DateTime) -> bool:
    """Show a text that Twilio does not know to a person, and go on asking for it; False when it is elsewhere."""
    with transaction() as session:
        return _lost(session, standing(session, message_id), now)


def _cancelled(sms: Sms, sid: str) -> Heard:
    """Ask for a cancel; where Twilio will not, find out where the text stands."""
    try:
        sms.cancel(sid)
    except SmsError as error:
        if error.code == NOT_FOUND:
            return Heard(lost=True)
        heard = _news(sms, sid) if error.code == NOT_CANCELABLE else Heard(error=error)
        return Heard(error=error) if heard.status == "scheduled" else heard
    return Heard("canceled")


def _news(sms: Sms, sid: str) -> Heard:
    try:
        remote = sms.fetch(sid)
    except SmsError as error:
        return Heard(error=error)
    return Heard(lost=True) if remote is None else Heard(remote.status, remote.error_code)


@retried
def _cancel_again(message_id: int, retry_after_seconds: int | None, now: pendulum.DateTime) -> None:
    """Ask again later, unless the message has gone elsewhere meanwhile."""
    with transaction() as session:
        row = standing(session, message_id)
        if row.state == states.CANCELLING:
            at = looks.cancel_at(row.send_at, row.failures, now, retry_after_seconds=retry_after_seconds)
            _put_off(session, row, at)


@retried
def _poll_again(message_id: int, retry_after_seconds: int | None, now: pendulum.DateTime) -> None:
    """Ask again later, unless the message has gone elsewhere meanwhile: a cancel that came in must not wait."""
    with transaction() as session:
        row = standing(session, message_id)
        if row.state == states.NEEDS_REVIEW:
            _put_off(session, row, looks.parked_at(row.send_at, row.failures, now))
        elif row.state in POLLED:
            _put_off(session, row, looks.error_at(row.failures, now, retry_after_seconds=retry_after_seconds))


@retried
def _polled(message_id: int, heard: Heard, now: pendulum.DateTime) -> None:
    with transaction() as session:
        row = standing(session, message_id)
        if heard.lost and _lost(session, row, now):
            return
        _note_look(session, row, now)
        if heard.status:
            apply_status(session, row, heard.status, heard.error_code, by=WORKER, now=now)
        state = session.scalar(select(Message.state).where(Message.id == message_id)) or ""
        if state in POLLED and looks.news_at(left_at(row, now), now) is None:
            note(session, message_id, state, "no receipt came within 72 hours", WORKER, now)


def _note_look(session: Session, row: Any, now: pendulum.DateTime) -> None:
    """Note that Twilio was asked, and when it is next; what the answer changes comes after."""
    left = left_at(row, now)
    sweep_at = row.send_at.subtract(minutes=SWEEP_ORPHANS_MINUTES)
    again: dict[str, Any] = {"lease_until": None, "failures": 0, "polls": row.polls + (now >= left)}
    if row.state == states.NEEDS_REVIEW:
        again |= {"next_action_at": looks.parked_at(row.send_at, row.failures, now), "failures": row.failures + 1}
    elif row.state in POLLED | states.SETTLED:
        settled = row.state in states.SETTLED
        again["next_action_at"] = None if settled else looks.news_at(left, now)
        if row.ever_unknown and now < sweep_at:
            again["next_action_at"] = sweep_at
    else:
        return
    session.execute(update(Message).where(Message.id == row.id).values(**again))


def _lost(session: Session, row: Any, now: pendulum.DateTime) -> bool:
    """Twilio does not know a text it took: a person sees it. One nobody wants is over when Twilio says so again."""
    at = looks.parked_at(row.send_at, row.failures, now)
    if row.state in HELD_THERE:
        again = {"next_action_at": at, "lease_until": None, "absent_reads": 1}
        return move(session, row.id, {row.state}, states.NEEDS_REVIEW, words=LOST_WORDS, by=WORKER, now=now, **again)
    if row.state != states.NEEDS_REVIEW:
        return False
    looks_without = row.absent_reads + 1
    if not row.wanted and looks_without >= looks.TO_BE_GONE:
        words = "cancelled: Twilio does not have it any more"
        move(session, row.id, {row.state}, states.CANCELLED, words=words, by=WORKER, now=now, **DONE)
    else:
        _put_off(session, row, at, absent_reads=looks_without)
    return True


def _put_off(session: Session, row: Any, at: pendulum.DateTime | None, **more: Any) -> None:
    later = {"next_action_at": at, "lease_until": None, "failures": row.failures + 1, **more}
    session.execute(update(Message).where(Message.id == row.id).values(**later))
