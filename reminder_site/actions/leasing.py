"""Leasing: which messages a worker takes up next, and for how long they are its own."""

from dataclasses import dataclass, replace

import pendulum
from sqlalchemy import Select, or_, select, update

from reminder_site.actions.throttling import spend
from reminder_site.db import db, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import Pace
from reminder_site.failpoints import reach
from reminder_site.models import Message

LEAVING = frozenset({states.PENDING, states.LEASED})


@dataclass(frozen=True)
class Due:
    """A message somebody must look at now; `attempt_no` is the latest attempt to create its text."""

    id: int
    state: str
    attempt_no: int


def lease(*, owner: str, limit: int, may_leave: int, pace: Pace, now: pendulum.DateTime) -> list[Due]:
    """Reserve up to `limit` due messages for one worker, so many of them to leave; a lapsed lease is anybody's again.

    Looks with a plain read first: an idle site takes no write lock.
    """
    due = _due(limit, may_leave, now)
    if db.session.execute(due.limit(1)).first() is None:
        db.session.rollback()
        return []
    with transaction() as session:
        rows = session.execute(due.with_for_update(skip_locked=True)).all()
        found = [Due(row.id, row.state, row.attempt_no) for row in rows]
        ids = [d.id for d in found]
        taken = {"lease_owner": owner, "lease_until": now.add(microseconds=int(pace.lease_seconds * 1e6))}
        session.execute(update(Message).where(Message.id.in_(ids)).values(**taken))
        waiting = update(Message).where(Message.id.in_(ids), Message.state == states.PENDING)
        session.execute(waiting.values(state=states.LEASED, version=Message.version + 1))
        leaving = sum(row.state in LEAVING and row.useful_until > now for row in rows)
        spend(session, leaving, none_waits=leaving < may_leave and len(rows) < limit, now=now)
        reach("in_lease")
    reach("leased")
    return [replace(d, state=states.LEASED if d.state == states.PENDING else d.state) for d in found]


def _due(limit: int, may_leave: int, now: pendulum.DateTime) -> Select[int, str, int, pendulum.DateTime]:
    """Ask for what is due, oldest first; where few texts may leave, all else that is due is looked at all the same."""
    due_now = Message.next_action_at <= now, or_(Message.lease_until.is_(None), Message.lease_until < now)
    due = select(Message.id, Message.state, Message.attempt_no, Message.useful_until).where(*due_now)
    in_order = Message.next_action_at, Message.id
    if may_leave < limit:
        to_leave = Message.state.in_(LEAVING)
        first = select(Message.id).where(*due_now, to_leave).order_by(*in_order).limit(may_leave)
        due = due.where(or_(~to_leave, Message.useful_until <= now, Message.id.in_(first)))
    return due.order_by(*in_order).limit(limit)
