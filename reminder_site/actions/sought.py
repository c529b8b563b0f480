"""What a text of ours looks like among those that Twilio lists, and whose a listed text is."""

import re
from dataclasses import dataclass

import pendulum
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from reminder_site.actions.links import as_sent
from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import SKEW_STOP_SECONDS
from reminder_site.domain.looks import FOLLOWED_HOURS
from reminder_site.gateways.sms import Remote
from reminder_site.models import Attempt, Message

# When a text of ours may have been made, by Twilio's clock: the call itself, and the skew we put up with.
MATCH_BEFORE_SECONDS, MATCH_AFTER_SECONDS = 60 + SKEW_STOP_SECONDS, 180 + SKEW_STOP_SECONDS
MADE_NOTHING = frozenset({"not_created", "refused"})
UNCLEAR = states.IN_FLIGHT | {states.NEEDS_REVIEW}


@dataclass(frozen=True)
class Sought:
    """What an unclear text looks like at Twilio, if it exists; `tried_at` are the attempts that may have made one."""

    message_id: int
    to: str
    body: re.Pattern[str]
    sender: str
    intent_at: pendulum.DateTime
    attempt_no: int
    absent_reads: int
    tried_at: tuple[pendulum.DateTime, ...]


def look_up(session: Session, message_id: int) -> Sought | None:
    """Return what the text of a message looks like, if one of its attempts made it; None when nobody tried yet."""
    message = session.get(Message, message_id, populate_existing=True)
    if message is None:
        return None
    tried = session.execute(
        select(Attempt.attempt_no, Attempt.intent_at, Attempt.outcome).where(Attempt.message_id == message_id)
    ).all()
    latest = next((attempt for attempt in tried if attempt.attempt_no == message.attempt_no), None)
    if latest is None:
        return None
    return Sought(
        message_id=message.id,
        to=message.address,
        body=as_sent(message.body),
        sender=message.sender,
        intent_at=latest.intent_at,
        attempt_no=message.attempt_no,
        absent_reads=message.absent_reads,
        tried_at=tuple(attempt.intent_at for attempt in tried if attempt.outcome not in MADE_NOTHING),
    )


def matches(remote: Remote, sought: Sought) -> bool:
    """Say whether a text may be what one of this very message's attempts made."""
    service = sought.sender if sought.sender.startswith("MG") else None
    ours = remote.direction == "outbound-api" and remote.messaging_service_sid == service
    in_time = any(
        at.subtract(seconds=MATCH_BEFORE_SECONDS) <= remote.created_at <= at.add(seconds=MATCH_AFTER_SECONDS)
        for at in sought.tried_at
    )
    return ours and in_time and sought.body.fullmatch(remote.body) is not None


def owned(session: Session, sid: str, *, besides: int) -> bool:
    """Say whether a SID is known as that of another message than `besides`."""
    by_message = session.scalar(select(Message.id).where(Message.sid == sid, Message.id != besides))
    by_attempt = select(Attempt.id).where(Attempt.sid == sid, Attempt.message_id != besides)
    return by_message is not None or session.scalar(by_attempt) is not None


def awaited(session: Session, message_id: int, now: pendulum.DateTime) -> bool:
    """Say whether a listed text may be that of another message to the same number: one in flight, or never cleared up.

    A parked one counts for as long as its text may show.
    """
    this = select(Message.to_e164, Message.sender).where(Message.id == message_id).subquery()
    same_way = Message.to_e164 == this.c.to_e164, Message.sender == this.c.sender
    may_show = Message.ever_unknown, Message.sid.is_(None), Message.send_at > now.subtract(hours=FOLLOWED_HOURS)
    parked = and_(Message.state == states.NEEDS_REVIEW, *may_show)
    unclear = or_(Message.state.in_(states.IN_FLIGHT), parked)
    return session.scalar(select(Message.id).where(*same_way, Message.id != message_id, unclear)) is not None
