"""How everything stands at this moment, in numbers for /metrics: a few statements, whatever the site has sent."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

import pendulum
from sqlalchemy import and_, case, func, literal, select

from reminder_site.db import Moment, db
from reminder_site.domain import message_state as states
from reminder_site.domain import tallies
from reminder_site.domain.times import first_valid
from reminder_site.domain.zones import to_local
from reminder_site.models import Attempt, Clinic, Heartbeat, InboundMessage, Message, SenderPause
from reminder_site.models.message import IN_FLIGHT
from reminder_site.queries.health_details import workers_seen
from reminder_site.queries.throttle import throttle

REASONS = ("account", "clock", "hold", "sender", "silence")  # why texts do not leave
Lanes = dict[tuple[str, str], float]  # by lane and state


@dataclass
class Standing:
    """Ages are seconds, moments UTC; None where there is nothing to tell."""

    outbox: Lanes
    oldest_due: dict[str, float]
    stopped: dict[str, bool]
    throttle: float
    unknown_oldest: float
    needs_review: int
    inbox_open: int
    inbox_oldest: float
    last_inbound_at: pendulum.DateTime | None
    beat_at: pendulum.DateTime | None
    backup_at: pendulum.DateTime | None
    clock_skew: int
    workers_seen: int
    caps: dict[str, float] = field(default_factory=dict)  # by the clinic's public id


def standing(*, now: pendulum.DateTime) -> Standing:
    """Read how everything stands."""
    outbox, oldest_due = _outbox(now)
    heart = db.session.execute(_HEART).first()
    inbox, inbox_since, last_inbound = db.session.execute(_INBOX).one()
    unknown_since, review = db.session.execute(_DOUBT).one()
    held = throttle()
    return Standing(
        outbox=outbox,
        oldest_due=oldest_due,
        stopped=_stopped(heart, held.down_since is not None),
        throttle=1.0 if held.is_free(now) or held.per_second is None else min(1.0, held.per_second / held.full_rate),
        unknown_oldest=_age(unknown_since, now),
        needs_review=review or 0,
        inbox_open=inbox,
        inbox_oldest=_age(inbox_since, now),
        last_inbound_at=last_inbound,
        beat_at=heart.beat_at if heart else None,
        backup_at=heart.backup_at if heart else None,
        clock_skew=heart.clock_skew_seconds if heart else 0,
        workers_seen=workers_seen(now),
        caps=_caps(now),
    )


def _outbox(now: pendulum.DateTime) -> tuple[Lanes, dict[str, float]]:
    due = case((and_(Message.state.in_(states.HELD_HERE), Message.send_at <= now), Message.send_at))
    rows = select(Message.kind, Message.state, func.count(), func.min(due)).where(Message.next_action_at.is_not(None))
    outbox: Lanes = {}
    oldest = dict.fromkeys(tallies.LANES, 0.0)
    for kind, state, count, since in db.session.execute(rows.group_by(Message.kind, Message.state)):
        lane = tallies.lane(kind)
        outbox[lane, state] = outbox.get((lane, state), 0) + count
        oldest[lane] = max(oldest[lane], _age(since, now))
    return outbox, oldest


def _stopped(heart: Any, silent: bool) -> dict[str, bool]:
    if heart is None:
        return dict.fromkeys(REASONS, False) | {"silence": silent}
    return {
        "account": heart.circuit_open_at is not None,
        "clock": heart.clock_skew_seconds != 0,
        "hold": heart.hold_since is not None,
        "sender": heart.pauses > 0,
        "silence": silent,
    }


def _caps(now: pendulum.DateTime) -> dict[str, float]:
    """Say how much of each clinic's limit the texts use up that reach phones today, by the clinic's own calendar."""
    found = db.session.execute(select(Clinic.time_zone).distinct()).scalars().all()
    days = {zone: _day(zone, now) for zone in found}
    if not days:
        return {}
    since, until = (
        case({zone: literal(day[end], Moment) for zone, day in days.items()}, value=Clinic.time_zone) for end in (0, 1)
    )
    today = Message.reaches_at >= since, Message.reaches_at < until, Message.kind != "reply"
    used = select(func.count()).where(Message.clinic_id == Clinic.id, *today).scalar_subquery()
    rows = db.session.execute(select(Clinic.public_id, Clinic.daily_cap, used))
    return {public_id: count / cap for public_id, cap, count in rows}


def _day(zone: str, now: pendulum.DateTime) -> tuple[pendulum.DateTime, pendulum.DateTime]:
    today = to_local(now, zone).date()
    first, second = (first_valid(datetime.combine(today + timedelta(days=n), time()), zone)[0].at for n in (0, 1))
    return first, second


def _age(since: pendulum.DateTime | None, now: pendulum.DateTime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


_pauses = select(func.count()).select_from(SenderPause).scalar_subquery()
_HEART = select(
    Heartbeat.beat_at, Heartbeat.backup_at, Heartbeat.clock_skew_seconds, Heartbeat.circuit_open_at,
    Heartbeat.hold_since, _pauses.label("pauses"),
).where(Heartbeat.id == 1)  # fmt: skip
_last = select(InboundMessage.received_at).order_by(InboundMessage.id.desc()).limit(1).scalar_subquery()
_INBOX = select(func.count(), func.min(InboundMessage.received_at), _last).where(
    InboundMessage.needs_person.is_(True), InboundMessage.handled_at.is_(None)
)
_this = and_(Attempt.message_id == Message.id, Attempt.attempt_no == Message.attempt_no)
_review = select(func.count()).select_from(Message)
_review = _review.where(Message.clinic_id.in_(select(Clinic.id)), Message.state == states.NEEDS_REVIEW)
_DOUBT = select(func.min(Attempt.intent_at), _review.scalar_subquery()).select_from(Message)
_DOUBT = _DOUBT.join(Attempt, _this).where(IN_FLIGHT, Message.state == states.UNKNOWN)
