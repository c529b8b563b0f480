"""Each night: removes what is older than it is kept, a small batch at a time, and says in the audit how much.

Where a run stands is in the database, so that any worker goes on where another one ended.
"""

import logging
import time
from collections.abc import Sequence
from datetime import date
from typing import Final

import pendulum
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from reminder_site.actions import audit
from reminder_site.actions.retention_chores import OF_CLINIC, OF_SITE, Chore, Standing, nobody_of
from reminder_site.db import aside, db, give_way, retried, transaction
from reminder_site.domain.actor import WORKER
from reminder_site.domain.retention import Keeping, is_due
from reminder_site.domain.times import to_local
from reminder_site.models import Clinic, RetentionRun

log = logging.getLogger("reminder_site.retention")
SITE: Final = "site"
BATCH: Final = 200
BREATH_SECONDS: Final = 0.005  # between two batches, for whoever waits to write
CLINICS = select(Clinic.id, Clinic.time_zone).order_by(Clinic.id)  # asked at every heartbeat
DONE = select(RetentionRun.scope, RetentionRun.done_on)


def due(*, now: pendulum.DateTime, machine_now: pendulum.DateTime) -> dict[str, date]:
    """Name what is to be tidied now, with the day at the clinic that this run is for; the site keeps the first's."""
    done = {scope: done_on for scope, done_on in db.session.execute(DONE)}
    clinics = db.session.execute(CLINICS).all()
    db.session.rollback()
    local = {f"clinic:{clinic_id}": to_local(now, zone) for clinic_id, zone in clinics}
    local |= {SITE: to_local(machine_now, clinics[0].time_zone)} if clinics else {}
    return {scope: at.date() for scope, at in local.items() if is_due(at, done.get(scope))}


def carry_on(*, scope: str, on: date, batches: int, now: pendulum.DateTime) -> bool:
    """Take some more batches of the run for a day; say whether there is more to do.

    `now` is the machine's own time for the site, whose sessions are kept by it.
    """
    _begin(scope)
    for _ in range(batches):
        if not _step(scope, on, now):
            return False
        time.sleep(BREATH_SECONDS)
    return True


@retried
def _begin(scope: str) -> None:
    """See that there is a row for a clinic's runs."""
    with transaction() as session:
        if session.get(RetentionRun, scope) is None:
            session.execute(insert(RetentionRun).values(scope=scope, done_on=None, chore="", after_id=0, counts={}))


@retried
def _step(scope: str, on: date, now: pendulum.DateTime) -> bool:
    """Take one batch; False when the run is done, or somebody else is at it."""
    with transaction() as session:
        mine = select(RetentionRun).where(RetentionRun.scope == scope, RetentionRun.done_on.is_distinct_from(on))
        run = session.scalar(mine.with_for_update(skip_locked=True).execution_options(populate_existing=True))
        if run is None:
            return False
        at = _standing(session, scope, now)
        chores = OF_SITE if scope == SITE else OF_CLINIC
        names = [chore.name for chore in chores]
        place = names.index(run.chore) if run.chore in names else 0
        give_way(session)
        ids = _batch(session, chores[place], run.after_id, at)
        removed = _drop(session, chores[place], ids, at)
        _count(run, chores[place].name, removed, len(ids) - removed)
        if len(ids) == BATCH:
            run.chore, run.after_id = chores[place].name, ids[-1]
        elif place + 1 < len(chores):
            run.chore, run.after_id = names[place + 1], 0
        else:
            _end(session, run, at, on)
        return run.done_on != on


def _standing(session: Session, scope: str, now: pendulum.DateTime) -> Standing:
    if scope == SITE:
        return Standing(None, Keeping(), None, now)
    clinic = session.get_one(Clinic, int(scope.partition(":")[2]), populate_existing=True)
    keeping = Keeping(clinic.texts_kept_days, clinic.receipts_kept_days, clinic.appointments_kept_months)
    return Standing(clinic.id, keeping, clinic.nobody_id or nobody_of(session, clinic.id, now), now)


def _batch(session: Session, chore: Chore, after: int, at: Standing) -> Sequence[int]:
    """List the numbers of the next rows that are to go; those that somebody holds wait for the next night."""
    table = chore.table
    query = select(table.id).where(table.id > after, chore.old(at)).order_by(table.id).limit(BATCH)
    return session.scalars(query.with_for_update(skip_locked=True, key_share=True, of=table)).all()


def _drop(session: Session, chore: Chore, ids: Sequence[int], at: Standing) -> int:
    """Remove some rows; where that fails each by itself, and one that cannot be removed is passed over."""
    if not ids or _try(session, chore, ids, at, "some rows go one by one"):
        return len(ids)
    return sum(_try(session, chore, [each], at, f"row {each} is passed over") for each in ids)


def _try(session: Session, chore: Chore, ids: Sequence[int], at: Standing, otherwise: str) -> bool:
    try:
        with aside(session):
            chore.drop(session, ids, at)
    except OperationalError:
        raise
    except Exception:
        log.exception("retention of %s: %s", chore.name, otherwise)
        return False
    return True


def _count(run: RetentionRun, name: str, removed: int, passed_over: int) -> None:
    counts = dict(run.counts)
    for what, more in ((name, removed), ("passed_over", passed_over)):
        if more:
            counts[what] = counts.get(what, 0) + more
    run.counts = counts


def _end(session: Session, run: RetentionRun, at: Standing, on: date) -> None:
    if run.counts:
        subject = run.scope if at.clinic_id is None else session.get_one(Clinic, at.clinic_id).public_id
        audit.record(session, actor=WORKER, what="retention.done", clinic_id=at.clinic_id, subject=subject,
                     facts=run.counts, now=at.now)  # fmt: skip
    run.done_on, run.chore, run.after_id, run.counts = on, "", 0, {}
