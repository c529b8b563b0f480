"""Appointments as the desk sees them: the lines of a day or week, one in full, what a form may choose from."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pendulum
from sqlalchemy import Select, func, select

from reminder_site.db import db
from reminder_site.domain.names import full_name
from reminder_site.domain.times import resolve, to_local
from reminder_site.models import Appointment, AppointmentType, Clinician, Message, Patient, Reminder, Staff

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Text:
    """One text of an appointment's present plan: its message's state, or "skipped"; `send_at` is UTC."""

    name: str
    state: str
    send_at: pendulum.DateTime | None
    why: str


@dataclass(frozen=True)
class Line:
    """One appointment as lists show it; ids are the public ones, `key` is the row's own."""

    key: int
    id: str
    starts_at: pendulum.DateTime
    starts_local: datetime
    time_zone: str
    fold: int
    duration_minutes: int
    state: str
    answer: str
    late_notice: bool
    outcome: str
    cancelled_by: str
    cancel_reason: str
    undo_until: pendulum.DateTime | None
    version: int
    patient_id: str
    first_name: str
    last_name: str
    search_name: str
    phone_e164: str
    phone_flag: str
    reminders_on: bool
    agreed: bool
    patient_zone: str
    clinician: str | None
    kind: str | None
    erased_at: pendulum.DateTime | None = None
    texts: tuple[Text, ...] = ()

    @property
    def patient(self) -> str:
        """Return the patient's name written out."""
        return full_name(self.first_name, self.last_name)

    @property
    def standing(self) -> str:
        """Return the one word that says how it stands: outcome before cancellation before answer."""
        return self.outcome or ("cancelled" if self.state == "cancelled" else self.answer)


@dataclass(frozen=True)
class Facts(Line):
    """One appointment as its own page shows it."""

    clinician_id: str = ""
    type_id: str = ""
    moved_from: dict[str, Any] | None = field(default=None)
    announced: bool = True
    booked_at: pendulum.DateTime | None = None
    booked_by: str | None = None
    answered_at: pendulum.DateTime | None = None
    cancelled_at: pendulum.DateTime | None = None
    notice_kind: str = ""
    notice_at: pendulum.DateTime | None = None


@dataclass(frozen=True)
class Choice:
    """Something a form may choose: a clinician, or a kind of appointment with its length (minutes)."""

    id: str
    name: str
    minutes: int = 0


LINE = (
    Appointment.id.label("key"),
    Appointment.public_id.label("id"),
    Appointment.starts_at,
    Appointment.starts_local,
    Appointment.time_zone,
    Appointment.fold,
    Appointment.duration_minutes,
    Appointment.state,
    Appointment.answer,
    Appointment.late_notice,
    Appointment.outcome,
    Appointment.cancelled_by,
    Appointment.cancel_reason,
    Appointment.undo_until,
    Appointment.version,
    Patient.public_id.label("patient_id"),
    Patient.first_name,
    Patient.last_name,
    Patient.search_name,
    Patient.phone_e164,
    Patient.phone_flag,
    Patient.reminders_on,
    (Patient.consent_how != "").label("agreed"),
    Patient.time_zone.label("patient_zone"),
    Clinician.name.label("clinician"),
    AppointmentType.name.label("kind"),
    Patient.erased_at,
)
FACTS = (
    *LINE,
    Clinician.public_id.label("clinician_id"),
    AppointmentType.public_id.label("type_id"),
    Appointment.moved_from,
    Appointment.announced,
    Appointment.booked_at,
    Staff.name.label("booked_by"),
    Appointment.answered_at,
    Appointment.cancelled_at,
    Appointment.notice_kind,
    Appointment.notice_at,
)


def days(*, clinic_id: int, zone: str, first: date, last: date) -> list[Line]:
    """List a clinic's appointments from one day to another, both included; days begin at the zone's midnight."""
    since, until = _midnight(first, zone), _midnight(last + DAY, zone)
    wanted = Appointment.clinic_id == clinic_id, Appointment.starts_at >= since, Appointment.starts_at < until
    rows = db.session.execute(_joined(LINE).where(*wanted).order_by(Appointment.starts_at, Patient.search_name))
    lines = [Line(**row) for row in rows.mappings()]
    texts = _texts(wanted) if lines else {}
    return [replace(line, texts=tuple(texts.get(line.key, ()))) for line in lines]


def next_day(*, clinic_id: int, zone: str, first: date) -> tuple[date, int] | None:
    """Find the first day, from a day on, that has standing appointments, with their number; None when there is none."""
    booked = Appointment.clinic_id == clinic_id, Appointment.state == "booked"
    ahead = Appointment.starts_at >= _midnight(first, zone)
    soonest = select(Appointment.starts_at).where(*booked, ahead).order_by(Appointment.starts_at).limit(1)
    starts_at = db.session.scalar(soonest)
    if starts_at is None:
        return None
    on = to_local(starts_at, zone).date()
    that_day = Appointment.starts_at.between(starts_at, _midnight(on + DAY, zone))
    return on, db.session.scalar(select(func.count()).select_from(Appointment).where(*booked, that_day)) or 0


def get(*, clinic_id: int, public_id: str) -> Facts | None:
    """Read one appointment of this clinic."""
    mine = Appointment.clinic_id == clinic_id, Appointment.public_id == public_id
    found = _joined(FACTS).join(Staff, Staff.id == Appointment.booked_by_id, isouter=True).where(*mine)
    row = db.session.execute(found).mappings().first()
    return Facts(**row) if row else None


def of_patient(*, clinic_id: int, patient_id: str, first: pendulum.DateTime, last: pendulum.DateTime) -> list[Line]:
    """List a patient's standing appointments that start between two instants (UTC)."""
    wanted = (
        Appointment.clinic_id == clinic_id,
        Patient.public_id == patient_id,
        Appointment.state == "booked",
        Appointment.starts_at.between(first, last),
    )
    rows = db.session.execute(_joined(LINE).where(*wanted).order_by(Appointment.starts_at))
    return [Line(**row) for row in rows.mappings()]


def clinicians(*, clinic_id: int) -> list[Choice]:
    """List the clinicians who see patients, by name."""
    mine = Clinician.clinic_id == clinic_id, Clinician.active
    rows = db.session.execute(select(Clinician.public_id, Clinician.name).where(*mine).order_by(Clinician.name))
    return [Choice(row.public_id, row.name) for row in rows]


def kinds(*, clinic_id: int) -> list[Choice]:
    """List the kinds of appointment in use, the oldest first."""
    kind = AppointmentType
    mine = kind.clinic_id == clinic_id, kind.active
    rows = db.session.execute(select(kind.public_id, kind.name, kind.duration_minutes).where(*mine).order_by(kind.id))
    return [Choice(row.public_id, row.name, row.duration_minutes) for row in rows]


def _midnight(on: date, zone: str) -> pendulum.DateTime:
    return resolve(datetime.combine(on, time()), zone, 0)


def _joined(columns: tuple[Any, ...]) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Appointment)
        .join(Patient, Patient.id == Appointment.patient_id)
        .join(Clinician, Clinician.id == Appointment.clinician_id, isouter=True)
        .join(AppointmentType, AppointmentType.id == Appointment.type_id, isouter=True)
    )


def _texts(wanted: tuple[Any, ...]) -> dict[int, list[Text]]:
    """Read the present plan of all these appointments at once."""
    rows = db.session.execute(
        select(Reminder.id, Reminder.appointment_id, Reminder.name, Message.state, Reminder.send_at, Reminder.why)
        .join(Appointment, Appointment.id == Reminder.appointment_id)
        .join(Message, Message.reminder_id == Reminder.id, isouter=True)
        .where(*wanted, Reminder.wanted, Reminder.round == Appointment.round)
        .order_by(Reminder.send_at, Reminder.id, Message.id)
    )
    newest = {row.id: row for row in rows}  # of a reminder that was tried again
    found: dict[int, list[Text]] = defaultdict(list)
    for row in newest.values():
        found[row.appointment_id].append(Text(row.name, row.state or "skipped", row.send_at, row.why))
    return found
