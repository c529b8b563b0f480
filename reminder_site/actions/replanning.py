"""After a change of settings: plans coming appointments anew, a batch at a time, and never loses its place."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from reminder_site.actions.plans import replan
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import Appointment, Clinic
from reminder_site.queries.plans import ground

BATCH = 50
AT_ONCE = 500
WAITING = select(Clinic.id).where(Clinic.replan_after.is_not(None))  # asked at every heartbeat


@dataclass(frozen=True)
class Replanned:
    """How many appointments were looked at, how many of them got another plan, and whether more are waiting."""

    looked_at: int
    changed: int
    unfinished: bool


def follow(*, clinic_id: int, by: Actor, now: pendulum.DateTime, at_once: int = AT_ONCE) -> Replanned:
    """Plan up to `at_once` coming appointments anew; what is left waits for `carry_on`.

    Each batch keeps its place in the same transaction, so a process that dies leaves nothing on an old plan.
    """
    looked_at = changed = 0
    while looked_at < at_once:
        with transaction() as session:
            batch = _batch(session, clinic_id, by, now)
        looked_at, changed = looked_at + batch.looked_at, changed + batch.changed
        if not batch.unfinished:
            return Replanned(looked_at, changed, False)
    return Replanned(looked_at, changed, True)


def carry_on(*, by: Actor, now: pendulum.DateTime) -> int:
    """Plan one batch of each clinic that still has appointments waiting; returns how many were looked at."""
    waiting = db.session.scalars(WAITING).all()
    return sum(follow(clinic_id=clinic_id, by=by, now=now, at_once=BATCH).looked_at for clinic_id in waiting)


def _batch(session: Session, clinic_id: int, by: Actor, now: pendulum.DateTime) -> Replanned:
    # The strongest of locks: it waits for bookings under way, whose rows refer to the clinic, and then sees them.
    clinic = session.scalars(select(Clinic).where(Clinic.id == clinic_id).with_for_update()).one()
    if clinic.replan_after is None:
        return Replanned(0, 0, False)
    coming = session.scalars(
        select(Appointment)
        .where(Appointment.clinic_id == clinic_id, Appointment.id > clinic.replan_after, Appointment.starts_at > now)
        .order_by(Appointment.id)
        .limit(BATCH)
    ).all()
    base = ground(session, clinic_id)
    differences = [replan(session, appointment, by=by, now=now, base=base) for appointment in coming]
    clinic.replan_after = coming[-1].id if len(coming) == BATCH else None
    changed = sum(1 for difference in differences if difference.added or difference.dropped)
    return Replanned(len(coming), changed, clinic.replan_after is not None)
