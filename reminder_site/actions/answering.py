"""What an answer does to an appointment, whichever way it came. Shared steps, inside their caller's transaction."""

from typing import Any

import pendulum
from sqlalchemy.orm import Session

from reminder_site.actions import audit, locks
from reminder_site.actions.one_by_one import replan_each
from reminder_site.domain.actor import PATIENT
from reminder_site.domain.answers import Kind
from reminder_site.domain.dialogue import Decision, decide, take_back
from reminder_site.models import Appointment
from reminder_site.queries.links import standing_of

STANDS_AGAIN: dict[str, Any] = {
    "state": "booked",
    "cancelled_at": None,
    "cancelled_by": "",
    "cancel_reason": "",
    "undo_until": None,
    "late_notice": False,
}
NO_NOTICE: dict[str, Any] = {"notice_kind": "", "notice_at": None, "undo_until": None, "moved_from": None}


def held(session: Session, appointment_id: int) -> Appointment:
    """Read an appointment as it is now and keep others from changing it until this transaction ends."""
    return locks.appointments(session, Appointment.id == appointment_id)[0]


def answer(
    session: Session,
    appointment: Appointment,
    kind: Kind,
    *,
    way: str,
    said_at: pendulum.DateTime | None = None,
    now: pendulum.DateTime,
) -> Decision:
    """Let an answer do to an appointment what it does; `way` is "text" or "link".

    One that reached us late counts as of when it was said (`said_at`, UTC), unless the appointment is over by now.
    """
    standing, said_at = standing_of(appointment), said_at or now
    decision = decide(kind, standing, said_at if now < standing.starts_at else now)
    return _apply(session, appointment, decision, way=way, said_at=said_at, now=now)


def undo(session: Session, appointment: Appointment, *, way: str, now: pendulum.DateTime) -> Decision:
    """Take the patient's last answer back."""
    return _apply(session, appointment, take_back(standing_of(appointment), now), way=way, said_at=now, now=now)


def _apply(
    session: Session,
    appointment: Appointment,
    decision: Decision,
    *,
    way: str,
    said_at: pendulum.DateTime,
    now: pendulum.DateTime,
) -> Decision:
    if decision.step == "none":
        return decision
    changes = _changes(appointment, decision, said_at, now)
    before = {"answer": appointment.answer, "late_notice": appointment.late_notice}
    before["answered_at"] = appointment.answered_at.isoformat() if appointment.answered_at else None
    appointment.answer_before = before if decision.step != "take_back" else None
    for name, value in changes.items():
        setattr(appointment, name, value)
    appointment.version += 1
    audit.record(
        session,
        actor=PATIENT,
        what=f"answer.{decision.step}",
        clinic_id=appointment.clinic_id,
        subject=appointment.public_id,
        facts={"way": way, "late": decision.late_notice},
        now=now,
    )
    replan_each(session, [appointment], by=PATIENT, now=now)
    return decision


def _answer_before(appointment: Appointment) -> dict[str, Any]:
    """Return the answer that stood before the one that is taken back."""
    before = appointment.answer_before
    if before is None or before["answer"] == "cannot_come":
        return {"answer": "none", "answered_at": None}
    answered_at = pendulum.parse(before["answered_at"]) if before["answered_at"] else None
    return {"answer": before["answer"], "answered_at": answered_at, "late_notice": before["late_notice"]}


def _changes(
    appointment: Appointment, decision: Decision, said_at: pendulum.DateTime, now: pendulum.DateTime
) -> dict[str, Any]:
    step = decision.step
    again = {**STANDS_AGAIN, "ics_sequence": appointment.ics_sequence + 1} if appointment.state == "cancelled" else {}
    if step == "ask_to_move":
        return {"answer": "change_wanted", "answered_at": said_at}
    if step == "take_back":
        return {**again, **_answer_before(appointment)}
    if step == "cancel":
        return {
            **NO_NOTICE,
            "state": "cancelled",
            "answer": "cannot_come",
            "answered_at": said_at,
            "cancelled_at": now,
            "cancelled_by": "patient",
            "cancel_reason": "the patient can't come",
            "late_notice": decision.late_notice,
            "ics_sequence": appointment.ics_sequence + 1,
        }
    return {**again, "answer": "confirmed", "answered_at": said_at}
