"""A text nobody knows about: is it at Twilio? Adopted when it is there, tried again when it is proved not to be.

Reads, asks Twilio with no transaction open, and writes what it learnt. A parked text is looked for in the same way.
"""

from collections.abc import Sequence
from typing import Any

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import throttling
from reminder_site.actions.outbox import DONE, move, note
from reminder_site.actions.receipts import apply_status, learn_first, standing
from reminder_site.actions.sought import UNCLEAR, Sought, awaited, look_up, matches, owned
from reminder_site.actions.twins import cancel_twin
from reminder_site.db import db, retried, transaction
from reminder_site.domain import looks
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import Pace
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Message

READS_TO_PROVE_ABSENCE = 2
NEVER_WENT_OUT = "it never went out: Twilio does not have it, and by now it would come too late"


def resolve(*, message_id: int, sms: Sms, quiet: bool, pace: Pace, now: pendulum.DateTime) -> None:
    """Find out whether an unclear text exists: adopt it, or prove twice that it does not, however long that takes.

    `quiet` says that the resolver's own stopwatch, too, has seen the quiescence pass since the intent; without it the
    look is put off, whatever the wall clock says. A text of no use any more is parked, and still looked for.
    """
    reach("before_resolve")
    sought = _seek(message_id, quiet, pace, now)
    if sought is None:
        return
    try:
        listed = sms.list_to(sought.to)
    except SmsError as error:
        throttling.heed(error, now=now)
        _look_again(sought, error, now)
        return
    reach("after_list")
    _learn_first(sought, listed, now)
    found, others = _settle(sought, listed, pace, now)
    reach("after_adoption" if found else "after_absence")
    for twin in others:
        cancel_twin(message_id, twin.sid, sms, now)


@retried
def _seek(message_id: int, quiet: bool, pace: Pace, now: pendulum.DateTime) -> Sought | None:
    """Return what to look for, once it is time to; until then put the look off."""
    with transaction() as session:
        sought = look_up(session, message_id)
        if sought is None:
            session.execute(update(Message).where(Message.id == message_id).values(**DONE))
            return None
        words = "no answer came back: checking with Twilio whether it took the text"
        known = {"ever_unknown": True}
        move(session, message_id, {states.SUBMITTING}, states.UNKNOWN, words=words, by=WORKER, now=now, **known)
        ready_at = sought.intent_at.add(microseconds=int(pace.first_look_seconds * 1e6))
        if quiet and now >= ready_at:
            return sought
        wait = max(ready_at, now.add(microseconds=int(pace.second_look_seconds * 1e6)))
        still_unclear = Message.id == message_id, Message.state.in_(UNCLEAR), Message.sid.is_(None)
        session.execute(update(Message).where(*still_unclear).values(next_action_at=wait, lease_until=None))
        return None


def _learn_first(sought: Sought, listed: Sequence[Remote], now: pendulum.DateTime) -> None:
    session = db.session()
    found = _candidates(session, sought, listed)
    session.rollback()
    if found:
        learn_first(sought.message_id, found[0].status, found[0].error_code, now)


@retried
def _settle(
    sought: Sought, listed: Sequence[Remote], pace: Pace, now: pendulum.DateTime
) -> tuple[bool, Sequence[Remote]]:
    """Write down what a look found; return whether it found a text, and what else of it is to be cancelled."""
    with transaction() as session:
        row = standing(session, sought.message_id)
        found = _candidates(session, sought, listed)
        others = _adopt_first(session, sought, row, found, now) if found else []
        if not found:
            _count_absence(session, sought, pace, now)
        reach("in_adoption" if found else "in_absence")
        return bool(found), others


def _candidates(session: Session, sought: Sought, listed: Sequence[Remote]) -> list[Remote]:
    """Return what may be the text, the one already known as ours first, then the oldest.

    One that Twilio has cancelled will never be sent: it is proof for a text that nobody wants, if there is no other and
    was no other attempt, whose text may show only later.
    """
    known = select(Message.sid, Message.wanted).where(Message.id == sought.message_id)
    sid, wanted = session.execute(known).one()
    found = [r for r in listed if matches(r, sought) and not owned(session, r.sid, besides=sought.message_id)]
    alive = [remote for remote in found if remote.status != "canceled"]
    found = alive if alive or wanted or len(sought.tried_at) > 1 else found
    return sorted(found, key=lambda r: (r.sid != sid, r.created_at, r.sid))


def _adopt_first(
    session: Session, sought: Sought, row: Any, found: Sequence[Remote], now: pendulum.DateTime
) -> Sequence[Remote]:
    """Adopt a text found at Twilio; return its twins, unless one of them may be that of another message."""
    first = found[0]
    if row.sid in {None, first.sid}:
        note(session, sought.message_id, row.state, "found at Twilio: it had been taken", WORKER, now)
        apply_status(session, row, first.status, first.error_code, sid=first.sid, by=WORKER, now=now)
    others = [twin for twin in found if twin.sid != (row.sid or first.sid) and twin.status != "canceled"]
    if not others or awaited(session, sought.message_id, now):
        return []  # before the text leaves they are looked for once more
    words = f"Twilio holds {len(others)} more of the same text: they are cancelled before they leave"
    note(session, sought.message_id, row.state, words, WORKER, now)
    return others


def _count_absence(session: Session, sought: Sought, pace: Pace, now: pendulum.DateTime) -> None:
    """Count one reading without the text; of readers that overtook one another, or an attempt, one counts."""
    same_reading = (
        Message.id == sought.message_id,
        Message.state.in_(UNCLEAR),
        Message.attempt_no == sought.attempt_no,
        Message.absent_reads == sought.absent_reads,
        Message.sid.is_(None),
    )
    asked = select(Message.state, Message.wanted, Message.unwanted_why, Message.useful_until).where(*same_reading)
    row = session.execute(asked.with_for_update(key_share=True)).first()
    if row is None:
        return
    reads = sought.absent_reads + 1
    if reads < READS_TO_PROVE_ABSENCE:
        at = now.add(microseconds=int(pace.second_look_seconds * 1e6))
        again = {"next_action_at": at, "lease_until": None, "absent_reads": reads, "failures": 0}
        session.execute(update(Message).where(Message.id == sought.message_id).values(**again))
    else:
        _is_absent(session, sought, row, reads, now)


def _is_absent(session: Session, sought: Sought, row: Any, reads: int, now: pendulum.DateTime) -> None:
    """Let a text that is proved not to exist leave again; a parked one ends where it is of no use any more."""
    message_id, state, wanted = sought.message_id, row.state, row.wanted
    if state == states.NEEDS_REVIEW and not wanted:
        words = f"cancelled: {row.unwanted_why}"
        move(session, message_id, {state}, states.CANCELLED, words=words, by=WORKER, now=now, **DONE)
    elif state == states.NEEDS_REVIEW and now >= row.useful_until:
        known = {"state_why": NEVER_WENT_OUT, "ever_unknown": False, "absent_reads": reads, "reaches_at": None, **DONE}
        session.execute(update(Message).where(Message.id == message_id).values(**known))
        note(session, message_id, state, NEVER_WENT_OUT, WORKER, now)
    else:
        words = "proved not to be at Twilio, twice: it is tried again"
        back = {"next_action_at": now, "lease_until": None, "absent_reads": reads}
        move(session, message_id, {state}, states.PENDING, words=words, by=WORKER, now=now, **back)


@retried
def _look_again(sought: Sought, error: SmsError, now: pendulum.DateTime) -> None:
    """Twilio would not say: look again later. A text that came to be of no use meanwhile is shown to a person."""
    with transaction() as session:
        unclear = Message.id == sought.message_id, Message.state.in_(UNCLEAR), Message.sid.is_(None)
        asked = select(Message.state, Message.send_at, Message.useful_until, Message.failures).where(*unclear)
        row = session.execute(asked.with_for_update(key_share=True)).first()
        if row is None:
            return
        parked = row.state == states.NEEDS_REVIEW or now >= row.useful_until
        failures = row.failures if parked == (row.state == states.NEEDS_REVIEW) else 0  # what is parked begins anew
        soon = looks.error_at(failures, now, retry_after_seconds=error.retry_after_seconds)
        at = looks.parked_at(row.send_at, failures, now) if parked else soon
        again = {"lease_until": None, "failures": failures + 1, "next_action_at": at}
        if parked and row.state == states.UNKNOWN:
            why = f"could not be cleared up with Twilio: {error}"
            move(session, sought.message_id, {states.UNKNOWN}, states.NEEDS_REVIEW, words=why, by=WORKER, now=now,
                 **again)  # fmt: skip
        else:
            session.execute(update(Message).where(Message.id == sought.message_id).values(**again))
