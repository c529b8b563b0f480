"""Leasing: which messages a worker takes up next, and for how long they are its own."""

from dataclasses import dataclass, replace

import pendulum
from sqlalchemy import Integer, bindparam, or_, select

from reminder_site.actions.throttling import rest
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import Pace
from reminder_site.failpoints import reach
from reminder_site.models import Message

LEAVING = frozenset({states.PENDING, states.LEASED})
# The worker asks every few seconds, also with nothing to do: what it asks is built once, and straight on the table.
_m = Message.metadata.tables["message"]
_most, _may_leave = bindparam("most", type_=Integer), bindparam("may_leave", type_=Integer)
_due_now = _m.c.next_action_at <= bindparam("now"), or_(_m.c.lease_until.is_(None), _m.c.lease_until < bindparam("now"))
_in_order = _m.c.next_action_at, _m.c.id
_to_leave = _m.c.state.in_(sorted(LEAVING))
_first = select(_m.c.id).where(*_due_now, _to_leave).order_by(*_in_order).limit(_may_leave)
_of_use = (_m.c.useful_until > bindparam("now")).label("of_use")
_due = select(_m.c.id, _m.c.state, _m.c.attempt_no, _of_use).where(*_due_now)
DUE = _due.order_by(*_in_order).limit(_most)
# Where few texts may leave, all else that is due is looked at all the same.
FEW_MAY_LEAVE = DUE.where(or_(~_to_leave, _m.c.useful_until <= bindparam("now"), _m.c.id.in_(_first)))
_these = _m.c.id.in_(bindparam("ids", expanding=True))
TAKE = _m.update().where(_these).values(lease_owner=bindparam("owner"), lease_until=bindparam("until"))
RESERVE = _m.update().where(_these, _m.c.state == states.PENDING)
RESERVE = RESERVE.values(state=states.LEASED, version=_m.c.version + 1)


@dataclass(frozen=True)
class Due:
    """A message somebody must look at now; `attempt_no` is the latest attempt to create its text."""

    id: int
    state: str
    attempt_no: int


@retried
def lease(*, owner: str, limit: int, may_leave: int, pace: Pace, now: pendulum.DateTime) -> list[Due]:
    """Reserve up to `limit` due messages for one worker, so many of them to leave; a lapsed lease is anybody's again.

    Looks with a plain read first: an idle site takes no write lock.
    """
    due = DUE if may_leave >= limit else FEW_MAY_LEAVE
    asked = {"now": now, "most": limit, "may_leave": may_leave}
    if db.session.execute(due, asked | {"most": 1}).first() is None:
        db.session.rollback()
        return []
    until = now.add(microseconds=int(pace.lease_seconds * 1e6))
    with transaction() as session:
        rows = session.execute(due.with_for_update(key_share=True, skip_locked=True), asked).all()
        found = [Due(row.id, row.state, row.attempt_no) for row in rows]
        ids = [d.id for d in found]
        session.execute(TAKE, {"ids": ids, "owner": owner, "until": until})
        session.execute(RESERVE, {"ids": ids})
        leaving = sum(row.state in LEAVING and row.of_use for row in rows)
        if leaving < may_leave and len(rows) < limit:
            rest(session, now=now)
        reach("in_lease")
    reach("leased")
    return [replace(d, state=states.LEASED if d.state == states.PENDING else d.state) for d in found]
