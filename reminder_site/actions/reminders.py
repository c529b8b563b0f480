"""What the desk does to single reminders: take one back, send it now; or switch off all of a patient's."""

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import appointment_rows as rows
from reminder_site.actions import audit, locks, plans, press
from reminder_site.actions.again import NOT_DELIVERED
from reminder_site.actions.one_by_one import replan_each
from reminder_site.db import retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.domain.consent import NOT_AGREED
from reminder_site.domain.refusals import CannotText, ReminderHasLeft
from reminder_site.models import Appointment, Message, Patient, Reminder

STILL_OURS = states.HELD_HERE | {states.SCHEDULED}


@retried
def cancel_reminder(*, clinic_id: int, reminder_id: str, by: Actor, now: pendulum.DateTime) -> str:
    """Take one reminder back, here or at Twilio, for good; return the appointment's public id.

    Raises ReminderHasLeft when its text can no longer be stopped, NotHere.
    """
    with transaction() as session:
        reminder, appointment = _found(session, clinic_id, reminder_id)
        _still_ours(session, reminder)
        plans.switch_off(session, reminder, why=f"taken back by {by.name}", by=by, now=now)
        _note(session, "reminder.cancelled", reminder, by, now)
        plans.replan(session, appointment, by=by, now=now)
        return appointment.public_id


@retried
def send_reminder_now(
    *, clinic_id: int, reminder_id: str, hour: press.Hour = "ask", by: Actor, now: pendulum.DateTime
) -> str:
    """Send one reminder at once instead of at its time, or again when it did not arrive; return the appointment's id.

    `hour` says what was said about quiet hours. Raises ReminderHasLeft when it is already on its way, press.AskedFirst,
    CannotText, NotHere.
    """
    with transaction() as session:
        reminder, appointment = _found(session, clinic_id, reminder_id)
        _still_ours(session, reminder, or_in=NOT_DELIVERED if appointment.starts_at > now else frozenset())
        clinic = press.refuse(session, session.get_one(Patient, appointment.patient_id))
        send_at = press.leaves_at(session, clinic, hour, doubts=[], before=appointment.starts_local, now=now)
        plans.send_now(session, appointment, reminder, at=send_at, by=by, now=now)
        _note(session, "reminder.sent_now", reminder, by, now)
        return appointment.public_id


@retried
def set_patient_reminders(*, clinic_id: int, patient_id: str, on: bool, by: Actor, now: pendulum.DateTime) -> int:
    """Switch all of a patient's reminders on or off and replan what is ahead; return how many appointments that is.

    Raises CannotText when they are to go on for somebody who has not agreed to texts, NotHere.
    """
    with transaction() as session:
        patient = rows.of_clinic(session, Patient, clinic_id, patient_id)
        if on and not patient.agreed:
            raise CannotText(f"Reminders stay off: {NOT_AGREED}. Note first that they do.")
        if patient.reminders_on == on:
            return 0
        values = {"reminders_on": on, "version": Patient.version + 1}
        session.execute(update(Patient).where(Patient.id == patient.id).values(**values))
        session.refresh(patient)
        what = f"patient.reminders_{'on' if on else 'off'}"
        audit.record(session, actor=by, what=what, clinic_id=clinic_id, subject=patient.public_id, now=now)
        ahead = locks.appointments(session, Appointment.patient_id == patient.id, Appointment.starts_at > now)
        replan_each(session, ahead, by=by, now=now)
        return len(ahead)


def _found(session: Session, clinic_id: int, reminder_id: str) -> tuple[Reminder, Appointment]:
    reminder = rows.of_clinic(session, Reminder, clinic_id, reminder_id)
    appointment = locks.appointments(session, Appointment.id == reminder.appointment_id)[0]
    rows.refuse_erased(session, appointment)
    session.refresh(reminder)
    return reminder, appointment


def _still_ours(session: Session, reminder: Reminder, *, or_in: frozenset[str] = frozenset()) -> None:
    newest = select(Message.state).where(Message.reminder_id == reminder.id).order_by(Message.id.desc()).limit(1)
    state = session.scalar(newest)
    if state is None or not reminder.wanted:
        raise ReminderHasLeft("This reminder is not planned any more.")
    if state not in STILL_OURS | or_in:
        raise ReminderHasLeft(f"This text is already {states.WORDS[state]}: nothing was changed.")


def _note(session: Session, what: str, reminder: Reminder, by: Actor, now: pendulum.DateTime) -> None:
    facts = {"step": reminder.step_key, "generation": reminder.generation}
    audit.record(
        session, actor=by, what=what, clinic_id=reminder.clinic_id, subject=reminder.public_id, facts=facts, now=now
    )
