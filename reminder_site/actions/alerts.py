"""Alerts: judging a look, taking one, trying whether they reach anybody. Tells nobody itself: see actions.notices."""

from dataclasses import asdict

import pendulum
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, locks, notices
from reminder_site.actions.outbox import rows
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.alert_judging import Event, Judged, Standing, judge
from reminder_site.domain.alert_measures import Figures, Usual, readings
from reminder_site.domain.refusals import NotHere
from reminder_site.models import Alert, AlertNotice, AlertWatch, Clinic
from reminder_site.queries.alert_figures import usual

KEPT_DAYS = 90
USUAL_HOURS = 1
PING_SECONDS = 55  # a little less than a minute, for looks that come each half of one
LOOK = "alerts"
COLUMNS = tuple(Standing.__dataclass_fields__)


def look(*, found: Figures, usual_at: pendulum.DateTime | None, now: pendulum.DateTime) -> int:
    """Judge the figures of one look, and have people told of what has changed; return of how much.

    One process judges at a time, and goes by what the one before it left: nothing is told twice. What is usual is
    reckoned anew once an hour.
    """
    is_old = usual_at is None or usual_at <= now.subtract(hours=USUAL_HOURS)
    fresh = usual(now=now) if is_old else None
    return _judge(found, fresh, now)


@retried
def _judge(found: Figures, fresh: Usual | None, now: pendulum.DateTime) -> int:
    with transaction() as session:
        locks.hold(session, LOOK)
        _note(session, fresh, now)
        known = {(row.rule, row.subject): row for row in session.scalars(select(Alert).where(Alert.over_at.is_(None)))}
        before = [Standing(*(getattr(row, name) for name in COLUMNS)) for row in known.values()]
        judged = judge(readings(found, now), before, is_open=found.is_open, now=now)
        _keep(session, known, judged)
        _tell(session, judged.events, known, now)
        return len(judged.events)


@retried
def take(*, alert_id: str, clinic_ids: list[int], by: Actor, now: pendulum.DateTime) -> None:
    """Say that somebody sees to an alert, so that it is not told again and again; raises NotHere.

    Of alerts about a clinic only those of `clinic_ids` can be taken.
    """
    with transaction() as session:
        locks.hold(session, LOOK)
        alert = session.scalar(select(Alert).where(Alert.public_id == alert_id, Alert.firing_since.is_not(None)))
        if alert is None or not _is_open_to(session, alert, clinic_ids):
            raise NotHere("There is no such alert.")
        if alert.over_at is not None or alert.taken_at is not None:
            return
        alert.taken_at, alert.taken_by_id = now, by.staff_id
        facts = {"rule": alert.rule, "about": alert.subject}
        audit.record(session, actor=by, what="alert.taken", clinic_id=None, subject=alert.public_id, facts=facts,
                     now=now)  # fmt: skip


@retried
def send_test(*, by: Actor, now: pendulum.DateTime) -> int:
    """Send a test to whoever hears of alerts; return how many ways it goes, none when none is set up."""
    with transaction() as session:
        sent = notices.write_test(session, now=now)
        if sent:
            audit.record(session, actor=by, what="alert.tested", clinic_id=None, subject="alerts", now=now)
        return sent


@retried
def confirm_test(*, token: str, by: Actor, now: pendulum.DateTime) -> None:
    """Note that a test has reached somebody; raises NotHere."""
    with transaction() as session:
        mine = AlertNotice.token_hash == notices.token_hash(token)
        arrived = {"arrived_at": now, "arrived_by_id": by.staff_id}
        changed = update(AlertNotice).where(mine, AlertNotice.arrived_at.is_(None)).values(**arrived)
        if rows(session.execute(changed)):
            audit.record(session, actor=by, what="alert.test_arrived", clinic_id=None, subject="alerts", now=now)
        elif session.scalar(select(AlertNotice.id).where(mine)) is None:
            raise NotHere("There is no such alert.")


@retried
def claim_ping(*, now: pendulum.DateTime) -> bool:
    """Say whether it is time to call the dead man's switch, and if so, that this process does; it is a proof, too,
    that the database can be written to.
    """
    with transaction() as session:
        locks.hold(session, LOOK)
        watch = _watch(session)
        due = watch.pinged_at is None or watch.pinged_at <= now.subtract(seconds=PING_SECONDS)
        if due:
            watch.pinged_at = now
        return due


def _note(session: Session, fresh: Usual | None, now: pendulum.DateTime) -> None:
    """Note who looked when, and once an hour what is usual; then old rows go, too."""
    watch = _watch(session)
    watch.judged_at = now
    if fresh is not None:
        watch.usual, watch.usual_at = asdict(fresh), now
    session.flush()
    if fresh is not None:
        session.execute(delete(Alert).where(Alert.over_at < now.subtract(days=KEPT_DAYS)))
        session.execute(delete(AlertNotice).where(AlertNotice.made_at < now.subtract(days=KEPT_DAYS)))


def _watch(session: Session) -> AlertWatch:
    found = session.get(AlertWatch, 1)
    if found is None:
        found = AlertWatch(id=1)
        session.add(found)
    return found


def _keep(session: Session, known: dict[tuple[str, str], Alert], judged: Judged) -> None:
    """Write down how each alert stands; what was only seen, and is not seen any more, goes without a trace."""
    standing = {(each.rule, each.subject): each for each in judged.standing}
    for key in known.keys() - standing.keys():
        session.delete(known.pop(key))
    for key, each in standing.items():
        row = known.get(key)
        if row is None:
            row = known[key] = Alert(rule=each.rule, subject=each.subject)
            session.add(row)
        if row.taken_at is not None and each.taken_at is None:
            row.taken_by_id = None
        for name in COLUMNS:
            if getattr(row, name) != getattr(each, name):
                setattr(row, name, getattr(each, name))
    session.flush()


def _tell(
    session: Session, events: tuple[Event, ...], known: dict[tuple[str, str], Alert], now: pendulum.DateTime
) -> None:
    if events:
        ids = {key: row.public_id for key, row in known.items()}
        notices.write(session, [(event, ids[event.standing.rule, event.standing.subject]) for event in events], now=now)


def _is_open_to(session: Session, alert: Alert, clinic_ids: list[int]) -> bool:
    """Tell whether somebody of these clinics may see an alert: one about a clinic is that clinic's own."""
    clinic_id = session.scalar(select(Clinic.id).where(Clinic.public_id == alert.subject)) if alert.subject else None
    return clinic_id is None or clinic_id in clinic_ids
