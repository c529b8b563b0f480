"""What a person decides about a parked text: send it anyway, or leave it."""

import pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from reminder_site.actions.outbox import DONE, move, wake_after
from reminder_site.db import retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import NotHere, TooLateToSend
from reminder_site.models import Message


@retried
def send_anyway(*, clinic_id: int, message_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Let a parked text leave after all. Raises NotHere, TooLateToSend when it is of no use or already at Twilio."""
    with transaction() as session:
        message = _parked(session, clinic_id, message_id)
        if message.sid is not None or not message.wanted or now >= message.useful_until:
            raise TooLateToSend("This text can no longer be sent: it is at Twilio already, or no longer of use.")
        words = f"sent anyway by {by.name}"
        again = {"next_action_at": now, "lease_until": None, "failures": 0, "absent_reads": 0}
        move(session, message.id, {states.NEEDS_REVIEW}, states.PENDING, words=words, by=by, now=now, **again)
        wake_after(session)


@retried
def leave(*, clinic_id: int, message_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take a parked text off the list for good. Raises NotHere."""
    with transaction() as session:
        message = _parked(session, clinic_id, message_id)
        words = f"left unsent by {by.name}"
        move(session, message.id, {states.NEEDS_REVIEW}, states.CANCELLED, words=words, by=by, now=now, **DONE)


def _parked(session: Session, clinic_id: int, message_id: str) -> Message:
    mine = Message.clinic_id == clinic_id, Message.public_id == message_id, Message.state == states.NEEDS_REVIEW
    message = session.scalar(select(Message).where(*mine).with_for_update())
    if message is None:
        raise NotHere("There is no such text waiting at this clinic.")
    return message
