"""Texts to the demo's made-up patients: once a site is live none of them is wanted any more."""

import pendulum
from sqlalchemy import select

from reminder_site.actions.checks import MADE_UP
from reminder_site.actions.outbox import unwant
from reminder_site.db import retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.phones import is_fictional
from reminder_site.models import Message

NORTH_AMERICA = "+1___55501__"


@retried
def withdraw(*, now: pendulum.DateTime) -> int:
    """Take back every text to a made-up number that has not left; return how many."""
    with transaction() as session:
        on_its_way = Message.state.not_in(states.SETTLED | {states.SENT, states.ACCEPTED})
        like_it = select(Message.id, Message.to_e164).where(
            Message.to_e164.like(NORTH_AMERICA), Message.wanted, on_its_way
        )
        found = [row.id for row in session.execute(like_it) if is_fictional(row.to_e164)]
        return unwant(session, found, why=MADE_UP, by=WORKER, now=now)
