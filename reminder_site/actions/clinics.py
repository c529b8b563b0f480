"""A clinic's own facts and when it may text: opening one, changing it, its closed days."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, time
from typing import Any

import pendulum
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from reminder_site.actions import locks, opt_outs, zone_changes
from reminder_site.actions.outbox import look_again
from reminder_site.actions.settings_guard import NotHere, changes, claim, note, plans_follow
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.consent import DEFAULT_WORDING
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.refusals import QuietHoursNeeded
from reminder_site.domain.rules import DEFAULT_RULES, Rule
from reminder_site.domain.wording import DEFAULT_TEMPLATES
from reminder_site.models import (
    AppointmentType,
    Clinic,
    Clinician,
    ClosedDay,
    ConsentWording,
    ReminderRule,
    Staff,
    StaffClinic,
    Template,
)
from reminder_site.queries.plans import sender_of

QUIET = frozenset({"quiet_opens", "quiet_closes", "no_quiet_why"})


class OnlyAnAdministrator(Exception):
    """Whoever asks may not choose the Messaging Service that a clinic texts from."""


class SenderTaken(Exception):
    """Another clinic texts from this Messaging Service, and it was not said that the two are to share it."""


@dataclass(frozen=True)
class ClinicFacts:
    """What a clinic is; `phone` as its texts show it, `hours` in wall time as models.Clinic keeps them."""

    name: str
    text_name: str
    address: str
    place: str
    phone: str
    country: str
    time_zone: str
    hours: Mapping[str, list[str] | None]


@dataclass(frozen=True)
class TextingFacts:
    """When and how much a clinic texts; `region` is the part of the country whose holidays it keeps.

    `no_quiet_why` is an administrator's reason for quiet hours that are as good as none; empty with others.
    """

    quiet_opens: time
    quiet_closes: time
    texts_on_sundays: bool
    keeps_public_holidays: bool
    region: str
    daily_cap: int
    min_gap_hours: int
    sender: str
    twilio_acknowledges: bool
    texting_on: bool
    no_quiet_why: str = ""


@retried
def add_clinic(*, facts: ClinicFacts, by: Actor, now: pendulum.DateTime) -> str:
    """Open another clinic with the default rules and wording, for whoever adds it; returns its public id."""
    with transaction() as session:
        clinic = new_clinic(session, facts, by=by, now=now)
        session.add(StaffClinic(staff_id=by.staff_id, clinic_id=clinic.id))
        return clinic.public_id


def change_clinic(
    *, clinic_id: int, facts: ClinicFacts, version: int, placing: str = "", by: Actor, now: pendulum.DateTime
) -> None:
    """Change what a clinic is; raises SettingsChanged.

    With another zone its coming appointments are placed anew, as `placing` says (actions.zone_changes); raises
    ZoneIsAsked when there are any and it says nothing.
    """
    wanted = {**asdict(facts), "hours": dict(facts.hours)}
    _change(clinic_id, wanted, version, "clinic.changed", by, now, placing=placing)


def change_texting(
    *, clinic_id: int, facts: TextingFacts, version: int, share_sender: bool = False, by: Actor, now: pendulum.DateTime
) -> None:
    """Change when a clinic texts; raises SettingsChanged, QuietHoursNeeded, OnlyAnAdministrator, SenderTaken.

    Answers and opt-outs come in by the sender: one that another clinic has is taken only to share it (`share_sender`).

    Whoever opted out of the old sender's texts gets none of a new one's. What waits because of the old limits is looked
    at again at once.
    """
    none = QuietHours(facts.quiet_opens, facts.quiet_closes).as_good_as_none
    wanted = {**asdict(facts), "no_quiet_why": facts.no_quiet_why if none else ""}
    _change(clinic_id, wanted, version, "texting.changed", by, now, guarded=none, share_sender=share_sender)


@retried
def close_on(*, clinic_id: int, closed_on: date, name: str, by: Actor, now: pendulum.DateTime) -> None:
    """Name a day on which the clinic is closed; naming it again changes its name.

    The texts of what is booked on it are held until it is moved or cancelled, or the day is opened again.
    """
    with transaction() as session:
        claim(session, clinic_id, None)
        there = session.scalar(
            select(ClosedDay).where(ClosedDay.clinic_id == clinic_id, ClosedDay.closed_on == closed_on)
        )
        if there is None:
            session.add(ClosedDay(clinic_id=clinic_id, closed_on=closed_on, name=name, closed_at=now))
        else:
            there.name = name
        plans_follow(session, clinic_id)
        note(session, clinic_id, "closed_day.added", closed_on.isoformat(), {"name": name}, by=by, now=now)


@retried
def open_again_on(*, clinic_id: int, closed_on: date, by: Actor, now: pendulum.DateTime) -> None:
    """Take a closed day out again; raises NotHere."""
    with transaction() as session:
        claim(session, clinic_id, None)
        gone = delete(ClosedDay).where(ClosedDay.clinic_id == clinic_id, ClosedDay.closed_on == closed_on)
        if session.execute(gone.returning(ClosedDay.id)).first() is None:
            raise NotHere
        plans_follow(session, clinic_id)
        note(session, clinic_id, "closed_day.removed", closed_on.isoformat(), {}, by=by, now=now)


def new_clinic(session: Session, facts: ClinicFacts, *, by: Actor, now: pendulum.DateTime) -> Clinic:
    """Make a clinic that can be used at once: default rules and wording, one clinician, one kind of appointment."""
    clinic = Clinic(**{**asdict(facts), "hours": dict(facts.hours)}, created_at=now)
    session.add(clinic)
    session.flush()
    session.add_all(
        [
            Clinician(clinic_id=clinic.id, name="Any clinician"),
            AppointmentType(clinic_id=clinic.id, name="Appointment", duration_minutes=30),
            ConsentWording(clinic_id=clinic.id, version=1, body=DEFAULT_WORDING, made_at=now, made_by_id=by.staff_id),
            *(new_rule(clinic.id, position, rule) for position, rule in enumerate(DEFAULT_RULES)),
            *(Template(clinic_id=clinic.id, kind=k, body=b, updated_at=now) for k, b in DEFAULT_TEMPLATES.items()),
        ]
    )
    note(session, clinic.id, "clinic.added", clinic.public_id, {"name": clinic.name}, by=by, now=now)
    return clinic


def new_rule(clinic_id: int, position: int, rule: Rule) -> ReminderRule:
    """Return the row of a rule."""
    return ReminderRule(clinic_id=clinic_id, position=position, **asdict(rule))


def _is_administrator(session: Session, by: Actor) -> bool:
    """Say whether somebody may do what is an administrator's to do; the operator at the machine may."""
    theirs = select(Staff.id).where(Staff.id == by.staff_id, Staff.role == "administrator", Staff.active)
    return by.kind == "operator" or session.scalar(theirs) is not None


def _refuse_no_quiet(session: Session, why: str, by: Actor) -> None:
    if not _is_administrator(session, by):
        raise QuietHoursNeeded("Fewer than 6 hours of a day are quiet: only an administrator can set that.")
    if not why:
        raise QuietHoursNeeded("Fewer than 6 hours of a day are quiet: give the reason below. It is kept.")


@retried
def _change(
    clinic_id: int,
    wanted: dict[str, Any],
    version: int,
    what: str,
    by: Actor,
    now: pendulum.DateTime,
    *,
    guarded: bool = False,
    share_sender: bool = False,
    placing: str = "",
) -> None:
    """Change a clinic's columns; `guarded` quiet hours are an administrator's to set, with a reason."""
    with transaction() as session:
        if "sender" in wanted:
            locks.hold(session, "senders")
        claim(session, clinic_id, version)
        clinic = session.get_one(Clinic, clinic_id)
        changed, sender = changes(clinic, wanted), sender_of(clinic)
        if "sender" in changed:
            _check_sender(session, clinic, changed["sender"], share_sender, by, now)
        placed: dict[str, Any] = {}
        if "time_zone" in changed:
            old, new = clinic.time_zone, changed["time_zone"]
            placed = zone_changes.place_anew(session, clinic, old=old, new=new, placing=placing, now=now)
        if guarded and QUIET.intersection(changed):
            _refuse_no_quiet(session, wanted["no_quiet_why"], by)
        for name, value in changed.items():
            setattr(clinic, name, value)
        session.flush()
        if sender_of(clinic) != sender:
            opt_outs.carry_over(session, clinic_id, sender, sender_of(clinic), now=now)
        plans_follow(session, clinic_id)
        look_again(session, clinic_id, now=now)
        note(session, clinic_id, what, clinic.public_id, changed | placed, by=by, now=now)


def _check_sender(
    session: Session, clinic: Clinic, sender: str, shared: bool, by: Actor, now: pendulum.DateTime
) -> None:
    """Raise OnlyAnAdministrator or SenderTaken; sharing on purpose is written down. An empty one is the site's own."""
    if not _is_administrator(session, by):
        raise OnlyAnAdministrator
    others = session.scalars(select(Clinic).where(Clinic.id != clinic.id))
    if not sender or sender not in {sender_of(other) for other in others}:
        return
    if not shared:
        raise SenderTaken
    note(session, clinic.id, "sender.shared", clinic.public_id, {"sender": sender}, by=by, now=now)
