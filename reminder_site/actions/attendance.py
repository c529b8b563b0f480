"""What the desk notes about a visit in one click: that the patient will come, has come, or has not."""

from typing import Literal

import pendulum
from sqlalchemy import update

from reminder_site.actions import appointment_rows as rows
from reminder_site.actions import audit
from reminder_site.actions.plans import replan
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import AlreadyCancelled, NotYetToday
from reminder_site.domain.times import to_local
from reminder_site.models import Appointment

DeskAnswer = Literal["none", "confirmed", "change_wanted"]
Outcome = Literal["", "arrived", "no_show", "left"]


@retried
def record_answer(
    *, clinic_id: int, appointment_id: str, answer: DeskAnswer, by: Actor, now: pendulum.DateTime
) -> None:
    """Note what a patient said to the desk about coming; "none" takes it back. Raises AlreadyCancelled, NotHere."""
    with transaction() as session:
        appointment = rows.of_clinic(session, Appointment, clinic_id, appointment_id)
        _refuse_cancelled(appointment)
        if appointment.answer == answer:
            return
        answered_at = None if answer == "none" else now
        rows.change(
            session, appointment, appointment.version, answer=answer, answered_at=answered_at, late_notice=False
        )
        facts = {"answer": answer, "way": "desk"}
        audit.record(session, actor=by, what="appointment.answered", **rows.subject(appointment), facts=facts, now=now)
        replan(session, appointment, by=by, now=now)


@retried
def record_outcome(*, clinic_id: int, appointment_id: str, outcome: Outcome, by: Actor, now: pendulum.DateTime) -> None:
    """Note whether the patient came; empty takes it back. It does not touch the version: nobody's edit is in its way.

    Raises NotYetToday before the day of the appointment in its own zone, AlreadyCancelled, NotHere.
    """
    with transaction() as session:
        appointment = rows.of_clinic(session, Appointment, clinic_id, appointment_id)
        _refuse_cancelled(appointment)
        if to_local(now, appointment.time_zone).date() < appointment.starts_local.date():
            raise NotYetToday("This can be noted from the day of the appointment on.")
        if appointment.outcome == outcome:
            return
        noted = {"outcome": outcome, "outcome_at": now if outcome else None}
        session.execute(update(Appointment).where(Appointment.id == appointment.id).values(**noted))
        session.refresh(appointment)
        facts = {"outcome": outcome}
        audit.record(session, actor=by, what="appointment.outcome", **rows.subject(appointment), facts=facts, now=now)
        replan(session, appointment, by=by, now=now)


def _refuse_cancelled(appointment: Appointment) -> None:
    if appointment.state == "cancelled":
        raise AlreadyCancelled("This appointment is cancelled. Undo the cancellation first.")
