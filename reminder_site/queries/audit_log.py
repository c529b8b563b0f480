"""The audit as people search it, within one clinic; and who opened which patient's page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import pendulum
from sqlalchemy import ColumnElement, Select, and_, or_, select, union

from reminder_site.db import db
from reminder_site.domain.names import full_name
from reminder_site.domain.times import first_valid
from reminder_site.models import Appointment, Audit, InboundMessage, Message, Patient, PatientRead, Staff, StaffClinic

PAGE: Final = 50
READS: Final = "reads"
_RULES = ("rule", "rules", "sender", "template", "texting", "retention")
SETTINGS: Final = ("clinic", "clinician", "appointment_type", "closed_day", "consent_wording", *_RULES)
KINDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "": ("Everything but pages opened", ()),
    READS: ("Patients' pages that were opened", ()),
    "patient": ("Patients and consent", ("patient", "opt_out")),
    "appointment": ("Appointments and answers", ("appointment", "answer", "reminder")),
    "text": ("Texts", ("message", "text", "twin", "hold")),
    "settings": ("Settings", SETTINGS),
    "access": ("Accounts and access", ("access", "session", "staff", "password", "sign_in_link", "site", "key")),
}  # fmt: skip


@dataclass(frozen=True)
class Sought:
    """What is looked for: days at the clinic, a piece of who did it, a kind of KINDS, and whose or what (public id)."""

    first: date | None = None
    last: date | None = None
    who: str = ""
    kind: str = ""
    subject: str = ""


@dataclass(frozen=True)
class About:
    """What an entry is about: its words, and where its page is (an endpoint and the id in it), if it has one."""

    words: str = ""
    endpoint: str = ""
    id: str = ""


@dataclass(frozen=True)
class Line:
    """One entry; `at` is an instant (UTC)."""

    number: int
    at: pendulum.DateTime
    who: str
    what: str
    about: About
    facts: str = ""
    hash: str = ""


def found(*, clinic_id: int, zone: str, sought: Sought, before: int | None = None) -> list[Line]:
    """List the newest entries that fit, or those older than the entry `before`."""
    if sought.kind == READS:
        return _reads(clinic_id, zone, sought, before)
    query = select(Audit).where(_of_clinic(clinic_id), *_between(Audit.at, zone, sought))
    if sought.who:
        query = query.where(Audit.actor.icontains(sought.who, autoescape=True))
    if prefixes := KINDS.get(sought.kind, ("", ()))[1]:
        query = query.where(or_(*(Audit.what.startswith(f"{each}.", autoescape=True) for each in prefixes)))
    if sought.subject:
        query = query.where(Audit.subject.in_(subjects_of(clinic_id, sought.subject)))
    if before is not None:
        query = query.where(Audit.id < before)
    rows = db.session.scalars(query.order_by(Audit.id.desc()).limit(PAGE)).all()
    about = _about(clinic_id, {row.subject for row in rows})
    return [
        Line(row.id, row.at, row.actor.partition(":")[2], _what(row.what),
             about.get(row.subject, About(row.subject)), _told(row.facts), row.hash)
        for row in rows
    ]  # fmt: skip


def _what(what: str) -> str:
    """Say what was done: "text delivered", "patient number trusted"."""
    return re.sub("^message ", "text ", re.sub(r"[._]", " ", what))


def _told(facts: Mapping[str, Any]) -> str:
    """Say the facts of an entry that say anything."""
    words = {True: "yes", False: "no"}
    said = {name: words[fact] if isinstance(fact, bool) else fact for name, fact in facts.items()}
    return ", ".join(f"{name.replace('_', ' ')}: {fact}" for name, fact in said.items() if fact not in ("", None))


def subjects_of(clinic_id: int, public_id: str) -> Select[Any]:
    """Select what entries about something name: it, and of a patient also the appointments and texts."""
    key = select(Patient.id).where(Patient.clinic_id == clinic_id, Patient.public_id == public_id).scalar_subquery()
    theirs = [
        select(table.public_id).where(table.clinic_id == clinic_id, table.patient_id == key)
        for table in (Appointment, Message, InboundMessage)
    ]
    itself = select(Audit.subject).where(Audit.subject == public_id)
    return select(union(itself, *theirs).subquery())


def _of_clinic(clinic_id: int) -> ColumnElement[bool]:
    """Match what was done at a clinic, and the sessions and passwords of those who work there."""
    works_here = select(Staff.public_id).join(StaffClinic).where(StaffClinic.clinic_id == clinic_id)
    return or_(Audit.clinic_id == clinic_id, and_(Audit.clinic_id.is_(None), Audit.subject.in_(works_here)))


def _between(at: Any, zone: str, sought: Sought) -> list[ColumnElement[bool]]:
    begins = [at >= _midnight(sought.first, zone)] if sought.first else []
    return begins + ([at < _midnight(_within_reach(sought.last) + timedelta(days=1), zone)] if sought.last else [])


def _within_reach(day: date) -> date:
    """Keep a day off the ends of the calendar, where a zone's midnight cannot be reckoned."""
    return min(max(day, date.min + timedelta(days=2)), date.max - timedelta(days=2))


def _midnight(day: date, zone: str) -> pendulum.DateTime:
    day = _within_reach(day)
    return first_valid(pendulum.naive(day.year, day.month, day.day), zone)[0].at


def _reads(clinic_id: int, zone: str, sought: Sought, before: int | None) -> list[Line]:
    named = Patient.public_id.label("patient"), Patient.first_name, Patient.last_name, Patient.erased_at
    query = select(PatientRead.id, PatientRead.at, PatientRead.page, Staff.name, *named)
    query = query.join(Patient, Patient.id == PatientRead.patient_id).join(Staff, Staff.id == PatientRead.staff_id)
    query = query.where(PatientRead.clinic_id == clinic_id, *_between(PatientRead.at, zone, sought))
    if sought.who:
        query = query.where(Staff.name.icontains(sought.who, autoescape=True))
    if sought.subject:
        query = query.where(Patient.public_id == sought.subject)
    if before is not None:
        query = query.where(PatientRead.id < before)
    rows = db.session.execute(query.order_by(PatientRead.id.desc()).limit(PAGE))
    return [
        Line(row.id, row.at, row.name, f"opened {row.page.replace('.', ' ')}",
             _person(row.patient, row.first_name, row.last_name, row.erased_at))
        for row in rows
    ]  # fmt: skip


def _person(public_id: str, first: str, last: str, erased_at: pendulum.DateTime | None) -> About:
    return About(full_name(first, last), "" if erased_at else "patients.show", public_id)


def _about(clinic_id: int, subjects: set[str]) -> dict[str, About]:
    """Say in words what some subjects are."""
    if not subjects:
        return {}
    who = Patient.public_id.label("patient"), Patient.first_name, Patient.last_name, Patient.erased_at
    told: dict[str, About] = {}
    for table in (Message, InboundMessage, Appointment):
        rows = db.session.execute(
            select(table.public_id, *who)
            .join(Patient, Patient.id == table.patient_id)
            .where(table.clinic_id == clinic_id, table.public_id.in_(subjects))
        )
        told |= {row.public_id: _person(row.patient, row.first_name, row.last_name, row.erased_at) for row in rows}
    people = db.session.execute(select(*who).where(Patient.clinic_id == clinic_id, Patient.public_id.in_(subjects)))
    told |= {row.patient: _person(*row) for row in people}
    staff = select(Staff.public_id, Staff.name).join(StaffClinic).where(StaffClinic.clinic_id == clinic_id)
    return told | {row[0]: About(row[1]) for row in db.session.execute(staff.where(Staff.public_id.in_(subjects)))}
