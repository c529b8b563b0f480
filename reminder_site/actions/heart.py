"""The worker's heartbeat, and the two reasons to stop everything: an account Twilio refuses, a clock that is wrong."""

from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import bindparam, delete, func, literal, select, true, update
from sqlalchemy.orm import Session

from reminder_site.actions.sender_pauses import Pause
from reminder_site.db import Moment, db, retried, transaction
from reminder_site.domain.delivery import SKEW_STOP_SECONDS, SKEW_WORTH_SAYING_SECONDS, Wait
from reminder_site.domain.times import seconds_between
from reminder_site.models import Heartbeat, SenderPause, WorkerSeen

TRY_AGAIN_SECONDS = 60
FORGOTTEN_AFTER_DAYS = 1
_heart = Heartbeat.metadata.tables["heartbeat"]
# The worker beats every few seconds, also with nothing to do.
BEAT = _heart.update().where(_heart.c.id == 1).values(beat_at=bindparam("now", type_=_heart.c.beat_at.type))
_felt = "hold_since", "circuit_open_at", "clock_skew_seconds", "rehearsal_since"
BEAT = BEAT.returning(*(_heart.c[name] for name in _felt))
_seen = WorkerSeen.metadata.tables["worker_seen"]
SEEN = _seen.update().where(_seen.c.name == bindparam("worker"))
SEEN = SEEN.values(seen_at=bindparam("now", type_=_seen.c.seen_at.type))
_pause = SenderPause.metadata.tables["sender_pause"]
_pauses = (_pause.c[name] for name in ("sender", "code", "by_receipt", "tries", "probe_at", "probe_id"))
STOPS = select(_heart.c.clock_skew_seconds, _heart.c.circuit_open_at, _heart.c.circuit_why, *_pauses)
STOPS = STOPS.select_from(_heart.outerjoin(_pause, true())).where(_heart.c.id == 1)


@dataclass(frozen=True)
class Pulse:
    """What a beat found: sending on hold, the account refused, this machine's clock off Twilio's; a rehearsal."""

    held: bool = False
    refused: bool = False
    skewed: bool = False
    rehearsal: bool = False


@dataclass(frozen=True)
class Stops:
    """What stands in the way: the heartbeat's columns, None before the first beat, and the senders that pause."""

    heart: Any
    pauses: dict[str, Pause]


@retried
def beat(*, worker: str = "", now: pendulum.DateTime) -> Pulse:
    """Write down that a worker looks, by the name it leases under; return what stands in its way."""
    with transaction() as session:
        row = session.execute(BEAT, {"now": now}).first()
        if worker:
            _note_worker(session, worker, now)
        if row is None:
            session.add(Heartbeat(id=1, beat_at=now, clock_skew_seconds=0, inbound_from=now.start_of("second")))
            return Pulse()
        refused, skewed = row.circuit_open_at is not None, row.clock_skew_seconds != 0
        return Pulse(row.hold_since is not None, refused, skewed, row.rehearsal_since is not None)


@retried
def leave(*, worker: str) -> None:
    """Forget a worker that ends in good order."""
    with transaction() as session:
        session.execute(delete(WorkerSeen).where(WorkerSeen.name == worker))


def disagree(theirs: pendulum.DateTime, now: pendulum.DateTime) -> bool:
    """Say whether Twilio's clock (its Date header, whole seconds) and ours differ so much that it is worth saying."""
    return abs(seconds_between(theirs, now)) > SKEW_WORTH_SAYING_SECONDS


@retried
def hear(*, theirs: pendulum.DateTime | None, took: bool, now: pendulum.DateTime) -> None:
    """Learn from an answer of Twilio's: how its clock stands to ours, and that it takes texts again."""
    row = db.session.get(Heartbeat, 1)
    skewed, refused = (row.clock_skew_seconds != 0, row.circuit_open_at is not None) if row else (False, False)
    since = row.skewed_at if row and skewed else now
    db.session.rollback()
    changes: dict[str, Any] = {}
    if theirs is not None and (skewed or disagree(theirs, now)):
        seconds = int((now - theirs).total_seconds()) if disagree(theirs, now) else 0
        changes |= {"clock_skew_seconds": seconds, "skewed_at": since}
    if took and refused:
        changes |= {"circuit_open_at": None, "circuit_since": None, "circuit_why": ""}
    if changes:
        with transaction() as session:
            session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(**changes))


def open_circuit(session: Session, words: str, now: pendulum.DateTime) -> None:
    """Stop handing over: Twilio refuses the account itself, first at `circuit_since` and last at `circuit_open_at`."""
    since = func.coalesce(Heartbeat.circuit_since, literal(now, Moment))
    found = {"circuit_open_at": now, "circuit_since": since, "circuit_why": words[:200]}
    session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(**found))


def stops(session: Session) -> Stops:
    """Read what may stand in the way of every text, and of those of some senders."""
    found = session.execute(STOPS).all()
    pauses = {row.sender: Pause(*row[3:]) for row in found if row.sender is not None}
    return Stops(found[0] if found else None, pauses)


def why_stopped(
    session: Session, stops: Stops, now: pendulum.DateTime, *, may_try: bool = True
) -> tuple[str, Wait] | None:
    """Say why a text may not be handed over, or None; a refused account is tried with one text a minute.

    `stops` is what was read in this transaction. A text that waits all the same may not be the one that tries.
    """
    row = stops.heart
    if row is None:
        return None
    if abs(row.clock_skew_seconds) > SKEW_STOP_SECONDS:
        return "waiting: this machine's clock is wrong", "clock"
    if row.circuit_open_at is None or (may_try and _try_once(session, now)):
        return None
    return f"waiting: Twilio refuses this account ({row.circuit_why})", "account"


def _note_worker(session: Session, worker: str, now: pendulum.DateTime) -> None:
    seen = session.execute(SEEN, {"worker": worker, "now": now})
    if not seen.rowcount:  # type: ignore[attr-defined]
        session.execute(delete(WorkerSeen).where(WorkerSeen.seen_at < now.subtract(days=FORGOTTEN_AFTER_DAYS)))
        session.add(WorkerSeen(name=worker, started_at=now, seen_at=now))


def _try_once(session: Session, now: pendulum.DateTime) -> bool:
    long_ago = Heartbeat.circuit_open_at <= now.subtract(seconds=TRY_AGAIN_SECONDS)
    tried = session.execute(update(Heartbeat).where(Heartbeat.id == 1, long_ago).values(circuit_open_at=now))
    return bool(tried.rowcount)  # type: ignore[attr-defined]
