"""Taking a patient's text off the inbox."""

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, outbox
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import NotHere
from reminder_site.models import InboundMessage


@retried
def mark_handled(*, clinic_id: int, inbound_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take a text off the inbox; one that is off already changes nothing. Raises NotHere."""
    with transaction() as session:
        settle(session, clinic_id, inbound_id, by=by, now=now)


def settle(session: Session, clinic_id: int, inbound_id: str, *, by: Actor, now: pendulum.DateTime) -> None:
    """Note who handled a text and when, inside the caller's transaction; raises NotHere."""
    mine = InboundMessage.clinic_id == clinic_id, InboundMessage.public_id == inbound_id
    if session.scalar(select(InboundMessage.id).where(*mine)) is None:
        raise NotHere("There is no such text at this clinic.")
    handled = session.execute(
        update(InboundMessage)
        .where(*mine, InboundMessage.handled_at.is_(None))
        .values(handled_at=now, handled_by_id=by.staff_id)
    )
    if outbox.rows(handled):
        audit.record(session, actor=by, what="text.handled", clinic_id=clinic_id, subject=inbound_id, now=now)
