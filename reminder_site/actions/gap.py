"""What Twilio was given while this database may not have been told: read from Twilio's own lists, and by number."""

from collections.abc import Callable
from functools import partial

import pendulum
from sqlalchemy import and_, or_, select

from reminder_site.actions import throttling
from reminder_site.db import db
from reminder_site.domain import codes
from reminder_site.domain import message_state as states
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Heartbeat, Message

ASKED_AGAIN = 3
BEFORE_MINUTES = 5
OPEN = states.HELD_HERE | states.IN_FLIGHT
# Without a SID here, though there may be one: in flight, still to leave, or parked, and perhaps sent anyway since.
MAY_BE_THERE = and_(Message.sid.is_(None), Message.state.in_(OPEN | {states.NEEDS_REVIEW}))


def opens_at() -> pendulum.DateTime | None:
    """Return from when on texts may have left without this database knowing (UTC); None without a hold."""
    since = db.session.scalar(select(Heartbeat.hold_from).where(Heartbeat.hold_since.is_not(None)))
    db.session.rollback()
    return since.subtract(minutes=BEFORE_MINUTES) if since else None


def ask_by_number(
    listed: dict[str, Remote], sms: Sms, since: pendulum.DateTime, now: pendulum.DateTime
) -> frozenset[str]:
    """Add what Twilio lists by number for all that may have left in the gap; return the numbers it said nothing of.

    A number that Twilio refuses to look for has no texts there. Once it says 429, no other is asked for.
    """
    silent: set[str] = set()
    addresses = _handed_over_perhaps()
    for place, address in enumerate(addresses):
        try:
            theirs = asked(partial(sms.list_to, address))
        except SmsError as error:
            throttling.heed(error, now=now)
            if error.slow_down:
                return frozenset(silent.union(addresses[place:]))
            if not _is_bad_address(error):
                silent.add(address)
            continue
        listed |= {remote.sid: remote for remote in theirs if remote.created_at >= since}
    return frozenset(silent)


def _handed_over_perhaps() -> list[str]:
    """Return the numbers of what is in flight, and of what was due in the gap; others are not on their way yet."""
    began = select(Heartbeat.hold_since).scalar_subquery()
    was_due = or_(Message.next_action_at <= began, Message.waits_for == "hold")
    held_here = and_(Message.sid.is_(None), Message.state.in_(states.HELD_HERE), was_due)
    in_flight = and_(MAY_BE_THERE, Message.state.not_in(states.HELD_HERE))
    rows = db.session.scalars(select(Message).where(or_(in_flight, held_here)))
    addresses = sorted({message.address for message in rows})
    db.session.rollback()
    return addresses


def _is_bad_address(error: SmsError) -> bool:
    not_its = error.code in {codes.NOT_FOUND, None} or codes.of(error.code).is_ours
    return error.permanent and not not_its


def asked(question: Callable[[], list[Remote]]) -> list[Remote]:
    """Ask Twilio, again if it stumbles: of hundreds of answers one missing would make the whole look worthless."""
    for _ in range(ASKED_AGAIN):
        try:
            return question()
        except SmsError as error:
            if error.slow_down:
                raise
    return question()
