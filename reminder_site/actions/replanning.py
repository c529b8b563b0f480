"""After a change of settings: plans coming appointments anew, the nearest first, a batch at a time, and loses none.

Each appointment says with which settings it was planned, so no place has to be kept. Nobody's work waits for a batch:
it leaves out what others hold just now, and comes back to it.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import locks
from reminder_site.actions.checks import STALE_AGAIN_SECONDS
from reminder_site.actions.one_by_one import one_by_one
from reminder_site.actions.plans import replan
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.models import Appointment, Clinic, Message
from reminder_site.queries.plans import ground

log = logging.getLogger("reminder_site.replanning")
BATCH = 10
AT_ONCE = 500
BREATH_SECONDS = 0.005  # between two batches, for whoever waits to write
UNDER_WAY_SECONDS = 120  # whoever booked by the old settings when they changed has long saved by then
WAITING = select(Clinic.id).where(Clinic.plans_behind)  # asked at every heartbeat


@dataclass(frozen=True)
class Replanned:
    """How many appointments were looked at, how many of them got another plan, and whether more are waiting."""

    looked_at: int
    changed: int
    unfinished: bool


def follow(*, clinic_id: int, by: Actor, now: pendulum.DateTime, at_once: int = AT_ONCE) -> Replanned:
    """Plan up to `at_once` coming appointments anew; what is left waits for `carry_on`.

    A process that dies leaves nothing on an old plan: the next one finds what is still on it.
    """
    looked_at = changed = 0
    while looked_at < at_once:
        batch = _batch(clinic_id, by, now)
        looked_at, changed = looked_at + batch.looked_at, changed + batch.changed
        if not batch.unfinished or batch.looked_at == 0:
            return Replanned(looked_at, changed, batch.unfinished)
        time.sleep(BREATH_SECONDS)
    return Replanned(looked_at, changed, True)


def carry_on(*, by: Actor, now: pendulum.DateTime, at_once: int = BATCH) -> int:
    """Plan some appointments of each clinic that has any waiting; returns how many were looked at.

    A clinic whose settings cannot be read does not keep the others waiting; its plans stay behind, and health says so.
    """
    waiting = db.session.scalars(WAITING).all()
    db.session.rollback()
    looked_at = 0
    for clinic_id in waiting:
        try:
            looked_at += follow(clinic_id=clinic_id, by=by, now=now, at_once=at_once).looked_at
        except Exception:
            log.exception("the appointments of clinic %s could not be planned anew", clinic_id)
    return looked_at


def write_anew(*, by: Actor, now: pendulum.DateTime) -> int:
    """Plan the appointments anew whose texts wait because they tell what has changed; returns how many."""
    soon = now.add(seconds=STALE_AGAIN_SECONDS)
    stale = Message.waits_for == "stale", Message.state == states.PENDING, Message.next_action_at <= soon
    found = db.session.scalars(select(Message.appointment_id).where(*stale).distinct().limit(BATCH)).all()
    db.session.rollback()
    return _write_anew([each for each in found if each is not None], by, now) if found else 0


@retried
def _write_anew(ids: Sequence[int], by: Actor, now: pendulum.DateTime) -> int:
    with transaction() as session:
        free = locks.free_appointments(session, ids)
        return len(one_by_one(session, free, lambda each: replan(session, each, by=by, now=now), now=now))


@retried
def _batch(clinic_id: int, by: Actor, now: pendulum.DateTime) -> Replanned:
    with transaction() as session:
        clinic = session.get_one(Clinic, clinic_id)
        if not clinic.plans_behind:
            return Replanned(0, 0, False)
        if clinic.plans_follow_since is None:
            _change(session, clinic, plans_follow_since=now)
        behind = session.scalars(
            select(Appointment.id)
            .where(Appointment.clinic_id == clinic_id, Appointment.starts_at > now)
            .where(Appointment.planned_with != clinic.plan_version)
            .order_by(Appointment.starts_at, Appointment.id)
            .limit(BATCH)
        ).all()
        if not behind:
            _finish(session, clinic, now)
            return Replanned(0, 0, False)
        base = ground(session, clinic_id)
        free = set(locks.free_appointments(session, behind))
        plan = [found for found in behind if found in free]
        done = one_by_one(session, plan, lambda each: replan(session, each, by=by, now=now, base=base), now=now)
        changed = sum(1 for change in done if change.added or change.dropped)
        return Replanned(len(free), changed, len(behind) == BATCH or len(free) < len(behind))


def _finish(session: Session, clinic: Clinic, now: pendulum.DateTime) -> None:
    """Stop looking once nobody can still be saving what was planned by the old settings."""
    since = clinic.plans_follow_since
    if since is not None and now >= since.add(seconds=UNDER_WAY_SECONDS):
        _change(session, clinic, plans_behind=False)


def _change(session: Session, clinic: Clinic, **values: Any) -> None:
    """Change the clinic's row unless its settings have changed again meanwhile."""
    same = Clinic.id == clinic.id, Clinic.plan_version == clinic.plan_version
    session.execute(update(Clinic).where(*same).values(**values).execution_options(synchronize_session=False))
