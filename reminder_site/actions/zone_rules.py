"""When the zone rules change (a new tzdata): every coming appointment keeps its wall time and gets its new instant."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from reminder_site.actions import audit, links, locks
from reminder_site.actions.one_by_one import one_by_one
from reminder_site.actions.plans import replan
from reminder_site.db import db, retried, transaction
from reminder_site.domain import zones
from reminder_site.domain.actor import Actor
from reminder_site.domain.times import resolve
from reminder_site.models import Appointment
from reminder_site.queries.plans import Ground, ground

BATCH = 50
LOOK_BACK_DAYS = 2


@dataclass(frozen=True)
class Followed:
    """How many appointments were looked at, how many of them begin at another instant (UTC), and whether more wait."""

    looked_at: int
    moved: int
    unfinished: bool = False


@retried
def follow(*, by: Actor, now: pendulum.DateTime) -> Followed:
    """Place one batch of appointments by today's zone rules and plan their texts anew.

    The wall time is what was promised to the patient, so nobody is told. One that today's rules skip begins at the
    first valid instant after it. One whose zone today's rules do not know is put aside for a person.
    """
    behind = (
        select(Appointment.id)
        .where(Appointment.tzdb_version != zones.version(), Appointment.starts_at > now.subtract(days=LOOK_BACK_DAYS))
        .order_by(Appointment.id)
        .limit(BATCH)
    )
    ids = db.session.scalars(behind).all()
    if not ids:
        return Followed(0, 0)
    with transaction() as session:
        bases: dict[int, Ground] = {}

        def place(appointment: Appointment) -> bool:
            if appointment.clinic_id not in bases:
                bases[appointment.clinic_id] = ground(session, appointment.clinic_id)
            return _place(session, appointment, bases[appointment.clinic_id], by, now)

        free = locks.free_appointments(session, ids)
        moved = sum(one_by_one(session, free, place, now=now, tzdb_version=zones.version()))
    return Followed(len(free), moved, len(ids) == BATCH or len(free) < len(ids))


def _place(session: Session, appointment: Appointment, base: Ground, by: Actor, now: pendulum.DateTime) -> bool:
    starts_at = resolve(appointment.starts_local, appointment.time_zone, appointment.fold)
    before, told = appointment.starts_at, appointment.tzdb_version
    appointment.tzdb_version = zones.version()
    if starts_at != before:
        appointment.starts_at = starts_at
        appointment.version += 1
        appointment.ics_sequence += 1
        links.link_for(session, appointment, now)
        audit.record(
            session,
            actor=by,
            what="appointment.placed_anew",
            clinic_id=appointment.clinic_id,
            subject=appointment.public_id,
            facts={"from": told, "to": zones.version()},
            now=now,
        )
    replan(session, appointment, by=by, now=now, base=base)
    return starts_at != before
