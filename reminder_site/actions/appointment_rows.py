"""Shared steps on appointment rows: find one, change one by its version, know what its patient has been told.

Each runs inside its caller's transaction and is scoped by the clinic; none decides whether something may be done.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import and_, func, not_, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import locks, outbox
from reminder_site.domain import message_state as states
from reminder_site.domain.drafts import kind_of
from reminder_site.domain.refusals import AppointmentChanged, NotHere, PatientErased
from reminder_site.models import Appointment, AppointmentType, Clinician, Message, Patient, Reminder

Row = TypeVar("Row", Appointment, AppointmentType, Clinician, Patient, Reminder)

HEARD_AT = func.coalesce(Message.reaches_at, Message.send_at)  # when a text that has left reached its phone
# A notice in one of these has told nobody yet, and replanning takes back what still waits. One that Twilio sends all
# the same, because its cancel came too late, is put right afterwards (actions.corrections).
NOT_HEARD = states.HELD_HERE | {
    states.SCHEDULED,
    states.CANCELLING,
    states.CANCELLED,
    states.SUPPRESSED,
    states.EXPIRED,
    states.FAILED,
    states.UNDELIVERED,
}
NEVER_TRIED = and_(Message.state == states.NEEDS_REVIEW, Message.sid.is_(None), not_(Message.ever_unknown))
HEARD = and_(Message.state.not_in(NOT_HEARD), not_(NEVER_TRIED))

LOCKED: dict[Any, Callable[..., list[Any]]] = {Appointment: locks.appointments, Patient: locks.patients}


def of_clinic(session: Session, table: type[Row], clinic_id: int, public_id: str) -> Row:
    """Return a clinic's row by its public id; raises NotHere, also when it is another clinic's, or an erased patient.

    An appointment or a patient is locked until this transaction ends, and read as it is now. Raises PatientErased for
    an appointment whose patient was erased.
    """
    mine = table.clinic_id == clinic_id, table.public_id == public_id
    row: Row | None
    if table in LOCKED:
        row = next(iter(LOCKED[table](session, *mine)), None)
    else:
        row = session.scalar(select(table).where(*mine))
    if row is None or getattr(row, "erased_at", None) is not None:
        raise NotHere("There is no such thing at this clinic.")
    if isinstance(row, Appointment):
        refuse_erased(session, row)
    return row


def refuse_erased(session: Session, appointment: Appointment) -> None:
    """Raise PatientErased if the patient of a locked appointment was erased: erasing locks it, too."""
    if session.scalar(select(Patient.erased_at).where(Patient.id == appointment.patient_id)) is not None:
        raise PatientErased("This patient was erased. Nothing about the appointment can be changed any more.")


def change(session: Session, appointment: Appointment, version: int, **values: Any) -> None:
    """Change an appointment if it is still at `version`, and read it again; raises AppointmentChanged otherwise."""
    changed = session.execute(
        update(Appointment)
        .where(Appointment.id == appointment.id, Appointment.version == version)
        .values(version=Appointment.version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    session.refresh(appointment)
    if outbox.rows(changed) == 0:
        raise AppointmentChanged(theirs=appointment.version, yours=version)


def heard_of_its_end(session: Session, appointment: Appointment) -> bool:
    """Say whether the last text about an appointment that has left for the patient, or may have, called it off."""
    last = session.scalar(
        select(Reminder.step_key)
        .join(Message, Message.reminder_id == Reminder.id)
        .where(Message.appointment_id == appointment.id, HEARD)
        .order_by(HEARD_AT.desc(), Message.id.desc())
        .limit(1)
    )
    return last is not None and kind_of(last) == "cancelled"


def has_been_texted(session: Session, appointment: Appointment, round_no: int) -> bool:
    """Say whether any text about the time an appointment had in a round has left for the patient, or may have."""
    heard = (
        select(Message.id)
        .join(Reminder, Reminder.id == Message.reminder_id)
        .where(
            Message.appointment_id == appointment.id,
            Reminder.round == round_no,
            HEARD,
        )
    )
    return session.scalar(heard.limit(1)) is not None


def clinician_of(session: Session, appointment: Appointment) -> str:
    """Return the name of whom the patient will see; empty when nobody is named."""
    found = session.get(Clinician, appointment.clinician_id) if appointment.clinician_id else None
    return found.name if found else ""


def subject(appointment: Appointment) -> dict[str, Any]:
    """Name the appointment for the audit."""
    return {"clinic_id": appointment.clinic_id, "subject": appointment.public_id}
