"""How the site is: what the health page, the header's heartbeat and the banners say."""

from dataclasses import dataclass
from typing import Literal

import pendulum
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.db import db
from reminder_site.domain.spoken import duration_words
from reminder_site.models import Heartbeat, Message

LATE_SECONDS = 60
OVERDUE_SECONDS = 60
Level = Literal["ok", "degraded", "down"]
Checks = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Pulse:
    """When the worker last looked (UTC), what is next and how much is late."""

    beat_at: pendulum.DateTime | None
    next_at: pendulum.DateTime | None
    overdue: int
    hold_why: str
    circuit_why: str
    skew_seconds: int


def pulse(*, now: pendulum.DateTime) -> Pulse:
    """Read the worker's heartbeat, the next moment it has something to do, and how much is overdue."""
    beat = db.session.get(Heartbeat, 1)
    waiting = Message.next_action_at
    next_at = db.session.scalar(select(func.min(waiting)).where(waiting.is_not(None), waiting > now))
    late = now.subtract(seconds=OVERDUE_SECONDS)
    overdue = db.session.scalar(select(func.count()).select_from(Message).where(waiting.is_not(None), waiting < late))
    return Pulse(
        beat_at=beat.beat_at if beat else None,
        next_at=next_at,
        overdue=overdue or 0,
        hold_why=beat.hold_why if beat and beat.hold_since else "",
        circuit_why=beat.circuit_why if beat and beat.circuit_open_at else "",
        skew_seconds=beat.clock_skew_seconds if beat else 0,
    )


def checks(*, now: pendulum.DateTime) -> Checks:
    """Say how each part is, in words that name what it means for patients."""
    try:
        found = pulse(now=now)
    except SQLAlchemyError:
        db.session.rollback()
        return {"database": {"status": "down", "words": "the database does not answer: nothing can be read or sent"}}
    return judged(found, now=now)


def judged(found: Pulse, *, now: pendulum.DateTime) -> Checks:
    """Say the same of a heartbeat that has been read."""
    return {
        "database": {"status": "ok", "words": "answers"},
        "worker": _worker(found, now),
        "queue": _overdue(found),
        "twilio": _twilio(found),
    }


def worst(checks: Checks) -> Level:
    """Return the worst status among the checks."""
    order: tuple[Level, ...] = ("ok", "degraded", "down")
    return max((order[order.index(c["status"])] for c in checks.values()), key=order.index)


def _worker(found: Pulse, now: pendulum.DateTime) -> dict[str, str]:
    if found.beat_at is None:
        return {"status": "down", "words": "the worker has never run: no reminder leaves"}
    silent = int((now - found.beat_at).total_seconds())
    if silent > LATE_SECONDS:
        return {"status": "down", "words": f"the worker has not looked for {duration_words(silent)}: reminders wait"}
    if found.hold_why:
        return {"status": "degraded", "words": f"sending is on hold: {found.hold_why}"}
    return {"status": "ok", "words": "looks regularly"}


def _overdue(found: Pulse) -> dict[str, str]:
    if found.overdue:
        return {"status": "degraded", "words": f"{found.overdue} texts are overdue"}
    return {"status": "ok", "words": "nothing is overdue"}


def _twilio(found: Pulse) -> dict[str, str]:
    if found.circuit_why:
        return {"status": "down", "words": f"Twilio refuses us: {found.circuit_why}. No reminder leaves"}
    if abs(found.skew_seconds) > 300:
        words = f"this machine's clock is {found.skew_seconds} s off Twilio's: sending stopped"
        return {"status": "down", "words": words}
    if abs(found.skew_seconds) > 30:
        return {"status": "degraded", "words": f"this machine's clock is {found.skew_seconds} s off Twilio's"}
    return {"status": "ok", "words": "no trouble seen"}


def drift() -> int:
    """Return on how many texts the ledger and Twilio's lists did not agree when they were last compared."""
    found = db.session.scalar(select(Heartbeat.drift_count).where(Heartbeat.id == 1))
    return found or 0


def drift_checked_at() -> pendulum.DateTime | None:
    """Return when the ledger was last compared with Twilio's lists (UTC), if ever."""
    found: pendulum.DateTime | None = db.session.scalar(select(Heartbeat.drift_checked_at).where(Heartbeat.id == 1))
    return found
