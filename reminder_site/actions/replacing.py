"""A text that stands in for another one of its step leaves only once that one is certain not to."""

from typing import Any

import pendulum
from sqlalchemy.orm import Session

from reminder_site.actions.again import NOT_DELIVERED
from reminder_site.actions.checks import Verdict
from reminder_site.actions.outbox import unwant
from reminder_site.actions.plan_rows import AT_TWILIO, HAS_LEFT
from reminder_site.domain import codes
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.told import same

__all__ = ["AT_TWILIO", "judge"]
SOON_SECONDS, LATER_SECONDS = 5, 60


def holds_back(before: Any) -> bool:
    """Say whether the text before another one, a row of the message table, may still leave."""
    return before.state in AT_TWILIO | states.IN_FLIGHT | {states.NEEDS_REVIEW}


def judge(session: Session, message: Any, before: Any, *, now: pendulum.DateTime) -> Verdict | None:
    """Say what a text has to wait for, or why it is not sent at all; None when the one `before` it will not leave.

    Both are rows of the message table, locked. A text that Twilio still holds is asked back now, and not before:
    until its successor may leave, it is better than nothing. One that got through says the same, or the new one goes.
    """
    if before.state in NOT_DELIVERED and codes.of(before.error_code).whose != "unclear":
        return None
    if before.state in HAS_LEFT:
        said_the_same = before.body == message.body or (
            before.told is not None and same(before.told, message.told or {})
        )
        words = "not sent: the text it was to replace had left already, and says the same"
        return Verdict(states.CANCELLED, words=words) if said_the_same else None
    if not holds_back(before):
        return None
    if before.wanted:
        unwant(session, [before.id], why="another text takes its place", by=WORKER, now=now)
    wait = LATER_SECONDS if before.state in {states.UNKNOWN, states.NEEDS_REVIEW} else SOON_SECONDS
    words = "waiting until it is certain that the text it replaces does not leave"
    return Verdict(until=now.add(seconds=wait), words=words, waits_for="replaced")
