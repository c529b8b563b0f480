"""What the worker asks of the outbox."""

import pendulum
from sqlalchemy import func, select

from reminder_site.db import db
from reminder_site.domain.delivery import SWEEP_ORPHANS_MINUTES
from reminder_site.models import Message

_m = Message.metadata.tables["message"]
NEXT_ACTION_AT = select(func.min(_m.c.next_action_at)).where(
    _m.c.next_action_at.is_not(None), _m.c.lease_until.is_(None)
)


def next_action_at() -> pendulum.DateTime | None:
    """Return the next moment (UTC) any message must be looked at, leases left aside."""
    found: pendulum.DateTime | None = db.session.scalar(NEXT_ACTION_AT)
    db.session.rollback()
    return found


def orphan_sweep_is_due(message_id: int, *, now: pendulum.DateTime) -> bool:
    """Say whether a scheduled message that was once unclear is near enough to its time to look for twins of it."""
    row = db.session.execute(select(Message.ever_unknown, Message.send_at).where(Message.id == message_id)).one()
    db.session.rollback()
    return bool(row.ever_unknown) and now >= row.send_at.subtract(minutes=SWEEP_ORPHANS_MINUTES)


def has_sid(message_id: int) -> bool:
    """Say whether Twilio has given a message's text its SID."""
    sid = db.session.scalar(select(Message.sid).where(Message.id == message_id))
    db.session.rollback()
    return sid is not None
