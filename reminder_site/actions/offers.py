"""What patients are booked for and with: clinicians and kinds of appointment. Switched off, never deleted."""

from typing import Any

import pendulum
from sqlalchemy import select

from reminder_site.actions.settings_guard import NotHere, changes, claim, note, plans_follow
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import AppointmentType, Clinician

Offer = type[Clinician] | type[AppointmentType]


def add_clinician(*, clinic_id: int, name: str, by: Actor, now: pendulum.DateTime) -> None:
    """Add somebody patients are booked with."""
    _add(Clinician, clinic_id, {"name": name}, by, now)


def change_clinician(
    *, clinic_id: int, clinician: str, name: str, active: bool, version: int, by: Actor, now: pendulum.DateTime
) -> None:
    """Rename a clinician, or switch them off for new appointments; raises NotHere, SettingsChanged."""
    _change(Clinician, clinic_id, clinician, {"name": name, "active": active}, version, by, now)


def add_type(*, clinic_id: int, name: str, duration_minutes: int, by: Actor, now: pendulum.DateTime) -> None:
    """Add a kind of appointment."""
    _add(AppointmentType, clinic_id, {"name": name, "duration_minutes": duration_minutes}, by, now)


def change_type(
    *,
    clinic_id: int,
    kind: str,
    name: str,
    duration_minutes: int,
    active: bool,
    version: int,
    by: Actor,
    now: pendulum.DateTime,
) -> None:
    """Change a kind of appointment; those already booked keep their length. Raises NotHere, SettingsChanged."""
    wanted = {"name": name, "duration_minutes": duration_minutes, "active": active}
    _change(AppointmentType, clinic_id, kind, wanted, version, by, now)


@retried
def _add(table: Offer, clinic_id: int, columns: dict[str, Any], by: Actor, now: pendulum.DateTime) -> None:
    with transaction() as session:
        claim(session, clinic_id, None)
        row = table(clinic_id=clinic_id, **columns)
        session.add(row)
        session.flush()
        note(session, clinic_id, f"{table.__tablename__}.added", row.public_id, columns, by=by, now=now)


@retried
def _change(
    table: Offer,
    clinic_id: int,
    public_id: str,
    wanted: dict[str, Any],
    version: int,
    by: Actor,
    now: pendulum.DateTime,
) -> None:
    with transaction() as session:
        claim(session, clinic_id, version)
        row = session.scalar(select(table).where(table.clinic_id == clinic_id, table.public_id == public_id))
        if row is None:
            raise NotHere
        changed = changes(row, wanted)
        for name, value in changed.items():
            setattr(row, name, value)
        if table is Clinician and "name" in changed:
            plans_follow(session, clinic_id)
        note(session, clinic_id, f"{table.__tablename__}.changed", public_id, changed, by=by, now=now)
