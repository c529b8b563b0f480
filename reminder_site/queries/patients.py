"""Finding patients of one clinic: by a piece of the name or of the phone number, by id, by number."""

from dataclasses import dataclass
from datetime import date, datetime

import pendulum
from sqlalchemy import ColumnElement, and_, literal, select, tuple_

from reminder_site.db import db
from reminder_site.domain.names import fold, full_name
from reminder_site.domain.phones import digits_fragment
from reminder_site.models import Appointment, AppointmentType, Clinician, ConsentWording, Patient, Staff

PAGE = 50
HIGHEST = "\U0010ffff"


@dataclass(frozen=True)
class PatientLine:
    """A patient as lists show them; `id` is the public one."""

    id: str
    first_name: str
    last_name: str
    phone_e164: str
    phone_flag: str
    born_on: date | None
    reminders_on: bool
    consent_how: str
    patient_zone: str
    search_name: str

    @property
    def agreed(self) -> bool:
        """Tell whether they agreed to texts and have not taken it back."""
        return bool(self.consent_how)

    @property
    def name(self) -> str:
        """Return the name written out."""
        return full_name(self.first_name, self.last_name)


@dataclass(frozen=True)
class PatientFacts(PatientLine):
    """A patient as their own page shows them; `version` guards edits.

    Of their consent it tells when (UTC), who asked, and which version of the wording, with its words.
    """

    key: int
    channel: str
    language: str
    consent_at: pendulum.DateTime | None
    consent_by: str | None
    consent_wording: int | None
    consent_words: str | None
    version: int
    created_at: pendulum.DateTime


@dataclass(frozen=True)
class Visit:
    """One of a patient's appointments, in whatever state; `starts_local` is the clinic's wall time."""

    id: str
    starts_at: pendulum.DateTime
    starts_local: datetime
    time_zone: str
    state: str
    answer: str
    outcome: str
    late_notice: bool
    clinician: str | None
    kind: str | None


LINE = (
    Patient.public_id.label("id"),
    Patient.first_name,
    Patient.last_name,
    Patient.phone_e164,
    Patient.phone_flag,
    Patient.born_on,
    Patient.reminders_on,
    Patient.consent_how,
    Patient.time_zone.label("patient_zone"),
    Patient.search_name,
)
FACTS = (
    *LINE,
    Patient.id.label("key"),
    Patient.channel,
    Patient.language,
    Patient.consent_at,
    Staff.name.label("consent_by"),
    Patient.consent_wording,
    ConsentWording.body.label("consent_words"),
    Patient.version,
    Patient.created_at,
)


def search(*, clinic_id: int, typed: str, limit: int = PAGE, after: str = "") -> list[PatientLine]:
    """List patients by name; `typed` is the beginning of a name, a piece of a number, or empty for everybody.

    Only when no name begins so is it looked for inside names. `after` is the public id that ended the page before.
    """
    digits, words = digits_fragment(typed), fold(typed)
    if digits:
        return _lines(clinic_id, Patient.phone_e164.contains(digits, autoescape=True), limit, after)
    if not words:
        return [] if typed.strip() else _lines(clinic_id, None, limit, after)
    return _lines(clinic_id, _begins(words), limit, after) or _lines(clinic_id, _inside(words), limit, after)


def suggest(*, clinic_id: int, typed: str, limit: int) -> list[PatientLine]:
    """List the likeliest patients while somebody types: names that begin so, then names that hold it."""
    found = search(clinic_id=clinic_id, typed=typed, limit=limit)
    words = fold(typed)
    if len(found) == limit or not words or digits_fragment(typed):
        return found
    known = {line.id for line in found}
    return (
        found
        + [line for line in _lines(clinic_id, _inside(words), limit, "") if line.id not in known][: limit - len(found)]
    )


def get(*, clinic_id: int, public_id: str) -> PatientFacts | None:
    """Read one patient of this clinic."""
    mine = Patient.clinic_id == clinic_id, Patient.public_id == public_id, Patient.erased_at.is_(None)
    words = and_(ConsentWording.clinic_id == Patient.clinic_id, ConsentWording.version == Patient.consent_wording)
    asked = select(*FACTS).select_from(Patient).outerjoin(Staff, Staff.id == Patient.consent_by_id)
    row = db.session.execute(asked.outerjoin(ConsentWording, words).where(*mine)).mappings().first()
    return PatientFacts(**row) if row else None


def visits(*, clinic_id: int, key: int) -> list[Visit]:
    """List a patient's last and coming appointments, the latest first."""
    rows = db.session.execute(
        select(
            Appointment.public_id.label("id"),
            Appointment.starts_at,
            Appointment.starts_local,
            Appointment.time_zone,
            Appointment.state,
            Appointment.answer,
            Appointment.outcome,
            Appointment.late_notice,
            Clinician.name.label("clinician"),
            AppointmentType.name.label("kind"),
        )
        .join(Clinician, Clinician.id == Appointment.clinician_id, isouter=True)
        .join(AppointmentType, AppointmentType.id == Appointment.type_id, isouter=True)
        .where(Appointment.clinic_id == clinic_id, Appointment.patient_id == key)
        .order_by(Appointment.starts_at.desc())
        .limit(PAGE)
    )
    return [Visit(**row) for row in rows.mappings()]


def with_phone(*, clinic_id: int, e164: str, but_not: str = "") -> list[PatientLine]:
    """List who else in this clinic has this number: the same family, or a slip."""
    rows = db.session.execute(
        select(*LINE)
        .where(Patient.clinic_id == clinic_id, Patient.phone_e164 == e164, Patient.public_id != but_not)
        .order_by(Patient.search_name)
        .limit(PAGE)
    )
    return [PatientLine(**row) for row in rows.mappings()] if e164 else []


def _begins(words: str) -> ColumnElement[bool]:
    """Match the beginning of the name as a range, which the index answers (it is in code point order everywhere)."""
    return Patient.search_name.between(words, words + HIGHEST)


def _inside(words: str) -> ColumnElement[bool]:
    """Match every typed word somewhere in the name, in any order."""
    return and_(*(Patient.search_name.contains(word, autoescape=True) for word in words.split()))


def _lines(clinic_id: int, wanted: ColumnElement[bool] | None, limit: int, after: str) -> list[PatientLine]:
    query = select(*LINE).where(Patient.clinic_id == clinic_id, Patient.erased_at.is_(None))
    if wanted is not None:
        query = query.where(wanted)
    before = select(Patient.search_name, Patient.id).where(Patient.public_id == after, Patient.clinic_id == clinic_id)
    last = db.session.execute(before).first()
    if last is not None:
        query = query.where(tuple_(Patient.search_name, Patient.id) > tuple_(literal(last[0]), literal(last[1])))
    rows = db.session.execute(query.order_by(Patient.search_name, Patient.id).limit(limit))
    return [PatientLine(**row) for row in rows.mappings()]
