"""Coming appointments that a change touches: those with a clinician, on a day, or at the same time as another one."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import pendulum
from sqlalchemy import ColumnElement, func, select

from reminder_site.db import db
from reminder_site.domain.names import full_name
from reminder_site.domain.times import resolve
from reminder_site.models import Appointment, Clinician, Patient

LISTED = 50


@dataclass(frozen=True)
class Booked:
    """One appointment as it stands in such a list; ids are the public ones."""

    id: str
    starts_at: pendulum.DateTime
    starts_local: datetime
    time_zone: str
    patient: str
    clinician: str


@dataclass(frozen=True)
class Coming:
    """The first of them, in their order, and how many there are; `mark` stands for exactly these."""

    first: tuple[Booked, ...]
    count: int
    mark: str


def with_clinician(*, clinic_id: int, clinician: str, now: pendulum.DateTime) -> Coming:
    """List the coming appointments with a clinician (a public id), the nearest first."""
    return _coming(clinic_id, Appointment.starts_at > now, Clinician.public_id == clinician)


def on_day(*, clinic_id: int, zone: str, on: date, now: pendulum.DateTime) -> Coming:
    """List the coming appointments of a day, which begins at the zone's midnight."""
    since, until = (resolve(datetime.combine(each, time()), zone, 0) for each in (on, on + timedelta(days=1)))
    that_day = Appointment.starts_at >= since, Appointment.starts_at < until, Appointment.starts_at > now
    return _coming(clinic_id, *that_day)


def in_zone(*, clinic_id: int, zone: str, now: pendulum.DateTime) -> Coming:
    """List the coming appointments that were booked in a zone, the nearest first."""
    return _coming(clinic_id, Appointment.starts_at > now, Appointment.time_zone == zone)


def _coming(clinic_id: int, *which: ColumnElement[bool]) -> Coming:
    booked = (Appointment.clinic_id == clinic_id, Appointment.state == "booked", *which)
    joined = (
        select(Appointment, Patient.first_name, Patient.last_name, Clinician.name)
        .join(Patient, Patient.id == Appointment.patient_id)
        .join(Clinician, Clinician.id == Appointment.clinician_id, isouter=True)
        .where(*booked)
    )
    rows = db.session.execute(joined.order_by(Appointment.starts_at, Appointment.id).limit(LISTED)).all()
    counted = select(func.count(), func.max(Appointment.id), func.sum(Appointment.version)).select_from(Appointment)
    count, latest, versions = db.session.execute(
        counted.join(Clinician, Clinician.id == Appointment.clinician_id, isouter=True).where(*booked)
    ).one()
    first = tuple(
        Booked(row.public_id, row.starts_at, row.starts_local, row.time_zone, full_name(given, family), clinician or "")
        for row, given, family, clinician in rows
    )
    return Coming(first, count, f"{count}-{latest or 0}-{versions or 0}")
