"""What follows when a text that Twilio had did not get through, or was cancelled there by somebody else.

A text with a SID is never sent again. Trying again is a new one of the same reminder, which leaves only if the old one
has not arrived after all (actions.replacing).
"""

from typing import Any

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, sender_pauses
from reminder_site.actions.outbox import DONE, add_message, move, note
from reminder_site.db import retried, transaction
from reminder_site.domain import codes
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER, Actor
from reminder_site.domain.refusals import NotHere
from reminder_site.models import Message, Reminder
from reminder_site.models.message import MISSED

NOT_DELIVERED = frozenset({states.FAILED, states.UNDELIVERED})
COPIED = (
    "clinic_id", "patient_id", "appointment_id", "reminder_id", "kind", "channel", "to_e164", "sender", "body",
    "content_sid", "content_variables", "media_urls", "told", "send_at", "useful_until", "tried_again", "written_anew",
)  # fmt: skip


def heed(session: Session, row: Any, state: str, error_code: int | None, *, now: pendulum.DateTime) -> None:
    """Do what a new state of a text asks for, which `receipts.standing` read and locked before it."""
    sender_pauses.heard(session, row, state, now)
    if state in NOT_DELIVERED:
        _did_not_arrive(session, row.id, codes.of(error_code), now)
    elif state == states.CANCELLED and row.wanted:
        _cancelled_by_others(session, row, now)


def write(session: Session, old: Message, *, by: Actor, now: pendulum.DateTime, **columns: Any) -> Message:
    """Put the same text in the outbox once more; asked for twice, there is still one."""
    copied = {name: getattr(old, name) for name in COPIED} | columns
    return add_message(session, by=by, now=now, dedupe_key=f"again:{old.id}", replaces_id=old.id, **copied)


@retried
def told_otherwise(*, clinic_id: int, message_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Note that a patient was told what a text of ours did not bring in time. Raises NotHere."""
    with transaction() as session:
        this = Message.clinic_id == clinic_id, Message.public_id == message_id, MISSED
        message = session.scalar(select(Message).where(*this).with_for_update(key_share=True))
        if message is None:
            raise NotHere("This has been noted meanwhile.")
        message.waits_for = ""
        note(session, message.id, message.state, f"the patient was told otherwise, says {by.name}", by, now)
        subject, what = message.public_id, "message.told_otherwise"
        audit.record(session, actor=by, what=what, clinic_id=clinic_id, subject=subject, now=now)


def is_planned(session: Session, message: Message) -> bool:
    """Say whether a text is still wanted, and no other stands in its place."""
    if message.reminder_id is None:
        return message.wanted
    planned = session.scalar(select(Reminder.wanted).where(Reminder.id == message.reminder_id))
    return message.wanted and bool(planned)


def _did_not_arrive(session: Session, message_id: int, code: codes.Code, now: pendulum.DateTime) -> None:
    if not code.is_ours and not code.tries_again_hours:
        return
    old = session.get_one(Message, message_id, populate_existing=True)
    alone = code.is_ours and _is_alone(session, old, code)
    if code.is_ours and not alone:
        sender_pauses.begin(session, old.sender, code.code or 0, by_receipt=True, now=now)
    if not is_planned(session, old):
        return
    if code.is_ours:
        _wait_for_us(session, old, code, alone, now)
    elif old.tried_again < len(code.tries_again_hours):
        at = now.add(hours=code.tries_again_hours[old.tried_again])
        if at < old.useful_until:
            new = write(session, old, by=WORKER, now=now, tried_again=old.tried_again + 1, waits_for="later")
            new.next_action_at, new.state_why = at, "waiting: it did not get through, and is tried again"


def _is_alone(session: Session, old: Message, code: codes.Code) -> bool:
    """Say whether a trouble of ours concerns this text alone: it met it before, and others have got through since."""
    if not code.pauses:
        return True
    before = session.get(Message, old.replaces_id) if old.replaces_id else None
    met = before is not None and before.error_code == code.code and before.body == old.body
    return met and sender_pauses.of(session, old.sender) is None


def _wait_for_us(session: Session, old: Message, code: codes.Code, alone: bool, now: pendulum.DateTime) -> None:
    """Nothing is given up for a trouble of ours: a new text waits, or a person sees it or hears it is too late."""
    if now >= old.useful_until:
        miss(session, old, now)
        return
    new = write(session, old, by=WORKER, now=now)
    words = "written anew: it waits until our sender is put right"
    if alone:
        words = f"it did not get through: {code.words}"
        move(session, new.id, {states.PENDING}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **DONE)
    note(session, old.id, old.state, words, WORKER, now)


def miss(session: Session, message: Message, now: pendulum.DateTime) -> None:
    """Show a text that never arrived, for a trouble of ours, to a person: it is of no use any more."""
    session.execute(update(Message).where(Message.id == message.id).values(waits_for="missed"))
    note(
        session, message.id, message.state, "too late to be tried again: a person has to tell the patient", WORKER, now
    )


def _cancelled_by_others(session: Session, row: Any, now: pendulum.DateTime) -> None:
    """Plan anew what somebody else cancelled at Twilio, once; a second time a person decides."""
    old = session.get_one(Message, row.id, populate_existing=True)
    if not is_planned(session, old):
        return
    if now >= old.useful_until:
        miss(session, old, now)
        return
    new = write(session, old, by=WORKER, now=now, written_anew=old.written_anew + 1)
    if row.sid is None or old.written_anew:
        words = "somebody cancelled it at Twilio, though it is wanted here"
        move(session, new.id, {states.PENDING}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **DONE)
    else:
        note(session, old.id, old.state, "cancelled at Twilio by somebody else: planned anew", WORKER, now)
