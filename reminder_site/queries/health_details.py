"""What /healthz tells beyond the header's heartbeat: workers, texts past their time, webhooks, replies, backups.

Each is told with what it means for patients; none of it is a reason to send nobody here.
"""

from dataclasses import replace

import pendulum
from sqlalchemy import and_, case, func, or_, select

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.domain import watch_limits as limits
from reminder_site.domain.delivery import Wait
from reminder_site.domain.told import ASKS
from reminder_site.models import Clinic, Heartbeat, InboundMessage, Message, RefusedWebhook, SenderPause, WorkerSeen
from reminder_site.queries import senders
from reminder_site.queries.health import (
    HELD_PAST_ITS_TIME,
    LOOKED_AT_MINUTES,
    OVERDUE_SECONDS,
    Check,
    Checks,
)

# These wait past their time because somebody wants it so.
ON_PURPOSE: frozenset[Wait] = frozenset({"quiet_hours", "texting_off", "later", "missed"})
LIMIT: Wait = "daily_limit"
_Late = dict[str, tuple[int, pendulum.DateTime]]  # by what they wait for: how many, and since when


def details(found: Checks, *, refused_here: int, now: pendulum.DateTime, real_now: pendulum.DateTime) -> Checks:
    """Add to what was found what the header does not need; `refused_here` webhooks are not written down yet.

    `real_now` is the machine's own time, by which webhooks are counted.
    """
    late = _late(now)
    return found | {
        "worker": _workers(now) if found["worker"].status == "ok" else found["worker"],
        "senders": _senders(found["senders"]),
        "texts": _texts(late),
        "expired": _expired(now),
        "daily_limit": _over_the_limit(late),
        "webhooks": _webhooks(refused_here, real_now),
        "replies": _replies(now),
        "backup": _backup(now),
    }


def workers_seen(now: pendulum.DateTime) -> int:
    """Count the workers that looked at the outbox lately."""
    lately = WorkerSeen.seen_at >= now.subtract(seconds=limits.WORKER_LATE_SECONDS)
    return db.session.scalar(select(func.count()).select_from(WorkerSeen).where(lately)) or 0


def refused_lately(now: pendulum.DateTime) -> int:
    """Count the webhooks that were refused in the last ten minutes and are written down; `now` is the machine's."""
    lately = RefusedWebhook.at > now.subtract(minutes=limits.REFUSED_MINUTES)
    return db.session.scalar(select(func.coalesce(func.sum(RefusedWebhook.times), 0)).where(lately)) or 0


def disk(free_bytes: int, total_bytes: int) -> Check:
    """Say how much room is left on the disk of this machine's data folder, which a door has asked."""
    if limits.is_short_of_disk(free_bytes, total_bytes):
        words = f"the disk fills up: {free_bytes / 1e9:.1f} GB are free ({free_bytes / total_bytes:.0%})"
        return Check("degraded", words, "Once it is full nothing can be saved or sent")
    return Check("ok", "there is room")


def database(takes_changes: bool) -> Check:
    """Say how the database is that answers; whether it takes changes a door has tried."""
    if takes_changes:
        return Check("ok", "answers")
    return Check("down", "the database takes no changes", "Nothing can be saved or sent; what is saved can be read")


def _workers(now: pendulum.DateTime) -> Check:
    seen, expected = max(1, workers_seen(now)), settings().workers_expected
    if seen >= expected:
        return Check("ok", "looks regularly" if expected == 1 else f"{seen} of {expected} look regularly")
    return Check("degraded", f"only {seen} of {expected} workers run", "Texts leave, but many at once take longer")


def _senders(found: Check) -> Check:
    """Say which senders pause: while another one's texts are taken, nobody has to be sent elsewhere."""
    pausing = frozenset(db.session.scalars(select(SenderPause.sender)))
    return replace(found, status="degraded") if pausing and senders.own() - pausing else found


def _late(now: pendulum.DateTime) -> _Late:
    """Find what should have been looked at a minute ago, and what has not left though its time has come."""
    waiting, late = Message.next_action_at, now.subtract(seconds=OVERDUE_SECONDS)
    here = and_(Message.state.in_(states.HELD_HERE), Message.send_at < late)
    held = and_(Message.waits_for.in_(HELD_PAST_ITS_TIME), Message.send_at < late)
    soon = waiting < now.add(minutes=LOOKED_AT_MINUTES)
    due = or_(waiting < late, and_(soon, held), here)
    oldest = func.min(case((waiting < late, waiting), else_=Message.send_at))
    overslept = and_(Message.waits_for.in_(ON_PURPOSE), waiting < late)
    reason = case((overslept, ""), else_=Message.waits_for)
    rows = select(reason, func.count(), oldest).where(waiting.is_not(None), due)
    return {reason: (count, at) for reason, count, at in db.session.execute(rows.group_by(reason))}


def _texts(late: _Late) -> Check:
    """Say how many texts are past their time, whatever holds them; those that wait on purpose are no trouble."""
    reasons = ", ".join(f"{reason}: {count}" for reason, (count, _) in sorted(late.items()) if reason)
    waiting = [found for reason, found in late.items() if reason not in ON_PURPOSE]
    overdue = sum(count for count, _ in waiting)
    if not overdue:
        return Check("ok", f"nothing is overdue{f' (on purpose: {reasons})' if reasons else ''}")
    words = "1 text is overdue" if overdue == 1 else f"{overdue} texts are overdue"
    means = "They leave as soon as they can, while they are of use"
    return Check("degraded", words, means, min(at for _, at in waiting), reasons)


def _over_the_limit(late: _Late) -> Check:
    count, since = late.get(LIMIT, (0, None))
    if not count:
        return Check("ok", "no text waits for a clinic's limit of texts a day")
    texts = "1 text waits" if count == 1 else f"{count} texts wait"
    return Check("degraded", f"{texts} for a clinic's limit of texts a day", "A manager can raise it", since)


def _expired(now: pendulum.DateTime) -> Check:
    lately = Message.finished_at > now.subtract(days=limits.EXPIRED_DAYS)
    which = Message.clinic_id.in_(select(Clinic.id)), Message.state == states.EXPIRED, lately
    count, since = db.session.execute(select(func.count(), func.min(Message.finished_at)).where(*which)).one()
    if not count:
        return Check("ok", "no text came to be of no use in the last day")
    words = f"{count} text{'s' * (count > 1)} did not leave in time to be of use in the last day"
    return Check("degraded", words, "Their patients were not texted", since)


def _webhooks(refused_here: int, now: pendulum.DateTime) -> Check:
    count = refused_lately(now) + refused_here
    words = f"{count or 'no'} webhook{'s' * (count != 1)} refused in the last {limits.REFUSED_MINUTES} minutes"
    if count <= limits.REFUSED_MANY:
        return Check("ok", words)
    means = "If they are Twilio's: answers come in late, by its list, and receipts by asking"
    return Check("degraded", words, means, detail="a rotated auth token, or an address that a proxy changes?")


def _replies(now: pendulum.DateTime) -> Check:
    """Say whether patients answer as ever: many who were asked and none who answers point to a broken way in."""
    last = db.session.scalar(select(InboundMessage.received_at).order_by(InboundMessage.id.desc()).limit(1))
    since = max(filter(None, (last, now.subtract(days=limits.REPLIES_DAYS))))
    arrived = Message.reaches_at > since, Message.reaches_at < now.subtract(hours=limits.REPLIES_HOURS)
    asking = Message.state.in_(states.ARRIVED), Message.kind == "reminder", Message.told[ASKS].as_string().is_(None)
    asked = select(func.count()).select_from(Message).where(Message.clinic_id.in_(select(Clinic.id)), *arrived, *asking)
    count = db.session.scalar(asked) or 0
    if count < limits.REPLIES_AWAITED:
        return Check("ok", "replies come in as ever")
    words = f"{count} texts asked for an answer and none came"
    return Check("degraded", words, "Patients may believe that they have confirmed or cancelled", since)


def _backup(now: pendulum.DateTime) -> Check:
    row = db.session.execute(select(Heartbeat.backup_at, Heartbeat.inbound_from)).first()
    made_at, known = (row.backup_at, row.backup_at or row.inbound_from) if row else (None, None)
    words = f"the last backup was made at {made_at.format('YYYY-MM-DD HH:mm')} UTC" if made_at else "no backup yet"
    late = known is not None and known < now.subtract(hours=limits.BACKUP_LATE_HOURS)
    if not (late and settings().is_live):
        return Check("ok", words)
    means = "Nothing today; after a broken disk what came in since would be lost"
    return Check("degraded", words if made_at else "no backup was ever made", means, known)
