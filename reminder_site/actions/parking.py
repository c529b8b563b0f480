"""What a person decides about a parked text: send it anyway, or leave it."""

from typing import Any

import pendulum
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from reminder_site.actions import again, checks, locks, plans
from reminder_site.actions.outbox import DONE, move, unwant, wake_after
from reminder_site.db import retried, transaction
from reminder_site.domain import looks
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import NotHere, TooLateToSend
from reminder_site.models import Appointment, Message, Patient, Reminder


@retried
def send_anyway(*, clinic_id: int, message_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Let a parked text leave after all.

    Raises NotHere, and TooLateToSend when it is at Twilio already, of no use any more, or not true or allowed any more.
    """
    with transaction() as session:
        _lock_around(session, clinic_id, message_id)
        this = select(Message).where(*_parked(clinic_id, message_id))
        message = session.scalar(this.with_for_update(key_share=True))
        if message is None:
            raise NotHere("This text has been cleared up meanwhile.")
        if why := _why_not(session, message, now):
            raise TooLateToSend(why)
        words = f"sent anyway by {by.name}"
        if message.sid is not None:  # another one takes its place, and leaves once Twilio says again that it is gone
            again.write(session, message, by=by, now=now)
            unwant(session, [message.id], why=words, by=by, now=now)
            return
        at_once = {"next_action_at": now, "lease_until": None, "absent_reads": 0}
        move(session, message.id, {states.NEEDS_REVIEW}, states.PENDING, words=words, by=by, now=now, **at_once)
        wake_after(session)


@retried
def leave(*, clinic_id: int, message_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take a parked text off the list for good; what Twilio has of it is asked back. Raises NotHere."""
    with transaction() as session:
        about, why = _lock_around(session, clinic_id, message_id), f"left unsent by {by.name}"
        reminder = session.get(Reminder, about.reminder_id) if about.reminder_id else None
        if reminder is not None and reminder.wanted:
            plans.switch_off(session, reminder, why=why, by=by, now=now)  # or the plan would bring it again
        unwant(session, [about.id], why=why, by=by, now=now)
        move(session, about.id, {states.NEEDS_REVIEW}, states.CANCELLED, words=why, by=by, now=now, **DONE)


def _lock_around(session: Session, clinic_id: int, message_id: str) -> Any:
    """Lock whose a parked text is and what it is about; return its row, which is still to be locked. Raises NotHere."""
    asked = select(Message.id, Message.patient_id, Message.appointment_id, Message.reminder_id)
    about = session.execute(asked.where(*_parked(clinic_id, message_id))).first()
    if about is None:
        raise NotHere("There is no such text waiting at this clinic.")
    locks.patients(session, Patient.id == about.patient_id)
    locks.appointments(session, Appointment.id == about.appointment_id)
    return about


def _parked(clinic_id: int, message_id: str) -> tuple[ColumnElement[bool], ...]:
    return Message.clinic_id == clinic_id, Message.public_id == message_id, Message.state == states.NEEDS_REVIEW


def _why_not(session: Session, message: Message, now: pendulum.DateTime) -> str:
    """Say why a text may not leave, in a sentence for the desk; empty when it may."""
    found = checks.Circumstances(session, [message.id]).of(message)
    if message.sid is not None and message.absent_reads < looks.TO_BE_GONE:
        return "Twilio has this text already: it shows here what came of it as soon as Twilio says."
    if now >= message.useful_until:
        return "This text can no longer be sent: by now it would come too late to be of use."
    if found.phone_flag:
        return "This number cannot be texted."
    if untrue := checks.why_untrue(message, found):
        return f"{untrue[0].upper()}{untrue[1:]}, so this text is not sent."
    if not message.wanted:
        return f"This text was taken back: {message.unwanted_why}."
    if found.opted_out:
        return "This number has opted out of texts."
    return "" if found.texting_on else "Texting is switched off for this clinic."
