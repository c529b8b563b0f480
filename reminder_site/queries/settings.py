"""What the settings pages show of one clinic: its rules, wording, people, closed days, accounts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import pendulum
from sqlalchemy import ColumnElement, func, select

from reminder_site.db import db
from reminder_site.domain.closed_days import closed_days
from reminder_site.domain.rules import Rule
from reminder_site.domain.wording import DEFAULT_TEMPLATES, SAMPLE
from reminder_site.models import (
    Appointment,
    AppointmentType,
    Clinic,
    Clinician,
    ClosedDay,
    Message,
    Passkey,
    Reminder,
    ReminderRule,
    SecondFactor,
    Staff,
    StaffClinic,
    Template,
)
from reminder_site.queries.plans import kind_of, rule_of, values
from reminder_site.queries.threads import HEARD

SHOWN_CLOSED_DAYS = 400  # how many days ahead


@dataclass(frozen=True)
class RuleRow:
    """A rule with the id that stands in its address."""

    public_id: str
    rule: Rule


@dataclass(frozen=True)
class TemplateRow:
    """The wording of one kind of text; `version` 0 while it is the default."""

    kind: str
    body: str
    version: int


@dataclass(frozen=True)
class ClosedRow:
    """A day without texts; `own` ones can be taken out, public holidays cannot."""

    on: date
    name: str
    own: bool


@dataclass(frozen=True)
class StaffRow:
    """An account with the public ids of the clinics it works for, as far as the asker knows them."""

    public_id: str
    name: str
    email: str
    role: str
    active: bool
    version: int
    clinics: tuple[str, ...]
    elsewhere: bool
    has_factor: bool = False


def rules(clinic_id: int) -> list[RuleRow]:
    """List a clinic's rules in their order."""
    found = db.session.scalars(
        select(ReminderRule).where(ReminderRule.clinic_id == clinic_id).order_by(ReminderRule.position, ReminderRule.id)
    )
    return [RuleRow(row.public_id, rule_of(row)) for row in found]


def rule(clinic_id: int, public_id: str) -> RuleRow | None:
    """Find one rule."""
    return next((row for row in rules(clinic_id) if row.public_id == public_id), None)


def templates(clinic_id: int) -> dict[str, TemplateRow]:
    """Return the wording of every kind of text, by kind, in the order of the defaults."""
    found = db.session.scalars(select(Template).where(Template.clinic_id == clinic_id))
    own = {row.kind: TemplateRow(row.kind, row.body, row.version) for row in found}
    return {kind: own.get(kind, TemplateRow(kind, body, 0)) for kind, body in DEFAULT_TEMPLATES.items()}


def sample_values(clinic: Clinic, *, now: pendulum.DateTime, link: str) -> Mapping[str, str]:
    """Return what fields stand for at this clinic for a made-up patient, in two weeks at half past two."""
    starts = datetime.combine((now + timedelta(days=14)).date(), time(14, 30))
    fields = values(clinic, SAMPLE["first_name"], starts, SAMPLE["clinician"], read_on=starts.date())
    return {**fields, "link": link}


def texts_left(clinic_id: int, *, since: pendulum.DateTime) -> Counter[str]:
    """Count, by the kind of their wording, the planned texts that have left since a moment."""
    left = select(Reminder.step_key, Reminder.asks, func.count()).join(Message, Message.reminder_id == Reminder.id)
    ours = Message.clinic_id == clinic_id, Message.handed_at >= since, Message.state.in_(HEARD)
    found: Counter[str] = Counter()
    for step_key, asks, count in db.session.execute(left.where(*ours).group_by(Reminder.step_key, Reminder.asks)):
        found[kind_of(step_key, asks=asks)] += count
    return found


def clinicians(clinic_id: int) -> list[Clinician]:
    """List a clinic's clinicians, those switched off last."""
    mine = select(Clinician).where(Clinician.clinic_id == clinic_id)
    return list(db.session.scalars(mine.order_by(~Clinician.active, Clinician.name)))


def types(clinic_id: int) -> list[AppointmentType]:
    """List a clinic's kinds of appointment, those switched off last."""
    mine = select(AppointmentType).where(AppointmentType.clinic_id == clinic_id)
    return list(db.session.scalars(mine.order_by(~AppointmentType.active, AppointmentType.name)))


def closed(clinic: Clinic, *, today: date) -> list[ClosedRow]:
    """List the days ahead on which a clinic sends no reminders, its own and public holidays."""
    until = today + timedelta(days=SHOWN_CLOSED_DAYS)
    own = _own_closed(clinic, ClosedDay.closed_on >= today)
    days = _with_holidays(clinic, own, range(today.year, until.year + 1))
    return [ClosedRow(on, days[on], on in own) for on in sorted(days) if today <= on <= until or on in own]


def closed_between(clinic: Clinic, first: date, last: date) -> Mapping[date, str]:
    """Name the days from one to another, both included, on which a clinic is closed, its own and public holidays."""
    days = _with_holidays(
        clinic, _own_closed(clinic, ClosedDay.closed_on.between(first, last)), {first.year, last.year}
    )
    return {on: name for on, name in days.items() if first <= on <= last}


def coming(clinic_id: int, *, now: pendulum.DateTime) -> int:
    """Count the appointments ahead, which a change of settings plans anew."""
    ahead = select(func.count()).select_from(Appointment)
    return db.session.scalar(ahead.where(Appointment.clinic_id == clinic_id, Appointment.starts_at > now)) or 0


def unfinished(clinic_id: int, *, now: pendulum.DateTime) -> bool:
    """Tell whether appointments still wait for the plan of the last change."""
    behind = (
        select(Appointment.id)
        .join(Clinic, Clinic.id == Appointment.clinic_id)
        .where(Clinic.id == clinic_id, Clinic.plans_behind)
        .where(Appointment.starts_at > now, Appointment.planned_with != Clinic.plan_version)
    )
    return db.session.scalar(behind.limit(1)) is not None


def staff_of(staff_id: int) -> list[StaffRow]:
    """List the accounts that share a clinic with somebody, those switched off last."""
    mine = select(StaffClinic.clinic_id).where(StaffClinic.staff_id == staff_id)
    sharing = select(StaffClinic.staff_id).where(StaffClinic.clinic_id.in_(mine))
    people = db.session.scalars(select(Staff).where(Staff.id.in_(sharing)).order_by(~Staff.active, Staff.name)).all()
    places = db.session.execute(
        select(StaffClinic.staff_id, Clinic.public_id, Clinic.id.in_(mine))
        .join(Clinic, Clinic.id == StaffClinic.clinic_id)
        .where(StaffClinic.staff_id.in_([person.id for person in people]))
        .order_by(Clinic.name)
    ).all()
    rows = [_staff(person, [(clinic, known) for who, clinic, known in places if who == person.id]) for person in people]
    apps = select(SecondFactor.staff_id).where(SecondFactor.staff_id.in_(sharing))
    factors = set(db.session.scalars(apps.union(select(Passkey.staff_id).where(Passkey.staff_id.in_(sharing)))))
    return [replace(row, has_factor=person.id in factors) for row, person in zip(rows, people, strict=True)]


def staff_member(staff_id: int, public_id: str) -> StaffRow | None:
    """Find one account among those that share a clinic with somebody."""
    return next((row for row in staff_of(staff_id) if row.public_id == public_id), None)


def everybody() -> list[StaffRow]:
    """List every account of the site, for its operator."""
    return [_staff(person, []) for person in db.session.scalars(select(Staff).order_by(Staff.email))]


def _own_closed(clinic: Clinic, when: ColumnElement[bool]) -> dict[date, str]:
    found = db.session.execute(
        select(ClosedDay.closed_on, ClosedDay.name).where(ClosedDay.clinic_id == clinic.id, when)
    )
    return {on: name for on, name in found}


def _with_holidays(clinic: Clinic, own: dict[date, str], years: Iterable[int]) -> Mapping[date, str]:
    if not clinic.keeps_public_holidays:
        return own
    return closed_days(clinic.country, clinic.region or None, years, own)


def _staff(person: Staff, places: list[tuple[str, bool]]) -> StaffRow:
    return StaffRow(
        public_id=person.public_id,
        name=person.name,
        email=person.email,
        role=person.role,
        active=person.active,
        version=person.version,
        clinics=tuple(clinic for clinic, known in places if known),
        elsewhere=any(not known for _, known in places),
    )
