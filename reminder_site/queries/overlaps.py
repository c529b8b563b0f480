"""What an appointment would overlap: another of the same patient, or another with the same clinician."""

from dataclasses import dataclass
from datetime import datetime

import pendulum
from sqlalchemy import ColumnElement, select

from reminder_site.db import db
from reminder_site.domain.names import full_name
from reminder_site.models import Appointment, Clinician, Patient

LONGEST_HOURS = 12
ANYBODY = (
    "Any clinician"  # whom a new clinic begins with: stands for nobody in particular, and has no time of their own
)


@dataclass(frozen=True)
class Overlap:
    """One appointment in the way (ids are the public ones); it lasts `minutes` from `starts_at` (UTC)."""

    id: str
    starts_at: pendulum.DateTime
    starts_local: datetime
    minutes: int
    patient: str
    clinician: str

    @property
    def ends_at(self) -> pendulum.DateTime:
        """Return the instant (UTC) it is over."""
        return self.starts_at.add(minutes=self.minutes)


def of_patient(
    *, clinic_id: int, patient_id: str, at: pendulum.DateTime, minutes: int, but_not: str = ""
) -> list[Overlap]:
    """List what a patient (a public id) has during a time."""
    return _overlaps(clinic_id, Patient.public_id == patient_id, at, at.add(minutes=minutes), but_not)


def of_clinician(
    *, clinic_id: int, clinician_id: str, at: pendulum.DateTime, minutes: int, but_not: str = ""
) -> list[Overlap]:
    """List what a clinician (a public id) has during a time."""
    theirs = (Clinician.public_id == clinician_id) & (Clinician.name != ANYBODY)
    return _overlaps(clinic_id, theirs, at, at.add(minutes=minutes), but_not)


def next_free(
    *, clinic_id: int, clinician_id: str, at: pendulum.DateTime, minutes: int, but_not: str = ""
) -> list[pendulum.DateTime]:
    """Return up to two instants (UTC), within 12 hours after one, at which a clinician is free for so many minutes."""
    theirs = Clinician.public_id == clinician_id
    taken = _overlaps(clinic_id, theirs, at, at.add(hours=LONGEST_HOURS), but_not)
    ends = sorted({each.ends_at for each in taken})
    fits = [
        end
        for end in ends
        if not any(each.starts_at < end.add(minutes=minutes) and end < each.ends_at for each in taken)
    ]
    return fits[:2]


def _overlaps(
    clinic_id: int,
    whose: ColumnElement[bool],
    since: pendulum.DateTime,
    until: pendulum.DateTime,
    but_not: str,
) -> list[Overlap]:
    rows = db.session.execute(
        select(Appointment, Patient.first_name, Patient.last_name, Clinician.name)
        .join(Patient, Patient.id == Appointment.patient_id)
        .join(Clinician, Clinician.id == Appointment.clinician_id, isouter=True)
        .where(
            Appointment.clinic_id == clinic_id,
            Appointment.state == "booked",
            Appointment.public_id != but_not,
            Appointment.starts_at > since.subtract(hours=LONGEST_HOURS),
            Appointment.starts_at < until,
            whose,
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )
    found = [
        Overlap(
            row.public_id, row.starts_at, row.starts_local, row.duration_minutes, full_name(given, family), name or ""
        )
        for row, given, family, name in rows
    ]
    return [each for each in found if each.ends_at > since]


def ids_of(appointment: Appointment) -> set[str]:
    """Return the public ids of what an appointment overlaps: of its patient, or with its clinician."""
    with_them = (Appointment.clinician_id == appointment.clinician_id) & (Clinician.name != ANYBODY)
    whose = (Appointment.patient_id == appointment.patient_id) | with_them
    since, until = appointment.starts_at, appointment.starts_at.add(minutes=appointment.duration_minutes)
    return {each.id for each in _overlaps(appointment.clinic_id, whose, since, until, appointment.public_id)}
