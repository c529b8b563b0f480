"""What a text of ours looks like among those that Twilio lists, and whose a listed text is."""

import re
from dataclasses import dataclass

import pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from reminder_site.actions.links import as_sent
from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import SKEW_STOP_SECONDS
from reminder_site.gateways.sms import Remote
from reminder_site.models import Attempt, Message

# When a text of ours may have been made, by Twilio's clock: the call itself, and the skew we put up with.
MATCH_BEFORE_SECONDS, MATCH_AFTER_SECONDS = 60 + SKEW_STOP_SECONDS, 180 + SKEW_STOP_SECONDS


@dataclass(frozen=True)
class Sought:
    """What an unclear text looks like at Twilio, if it exists."""

    message_id: int
    to: str
    body: re.Pattern[str]
    sender: str
    intent_at: pendulum.DateTime
    attempt_no: int
    absent_reads: int


def look_up(session: Session, message_id: int) -> Sought | None:
    """Return what the text of a message's latest attempt looks like; None when nobody tried yet."""
    message = session.get(Message, message_id, populate_existing=True)
    if message is None:
        return None
    intent_at = session.scalar(
        select(Attempt.intent_at).where(Attempt.message_id == message.id, Attempt.attempt_no == message.attempt_no)
    )
    if intent_at is None:
        return None
    return Sought(
        message_id=message.id,
        to=message.address,
        body=as_sent(message.body),
        sender=message.sender,
        intent_at=intent_at,
        attempt_no=message.attempt_no,
        absent_reads=message.absent_reads,
    )


def same_text(remote: Remote, sought: Sought) -> bool:
    """Say whether a text has the words, the sender and the origin of the one that is sought."""
    service = sought.sender if sought.sender.startswith("MG") else None
    ours = remote.direction == "outbound-api" and remote.messaging_service_sid == service
    return ours and sought.body.fullmatch(remote.body) is not None


def matches(remote: Remote, sought: Sought) -> bool:
    """Say whether a text may be what this very attempt made."""
    since = sought.intent_at.subtract(seconds=MATCH_BEFORE_SECONDS)
    until = sought.intent_at.add(seconds=MATCH_AFTER_SECONDS)
    return same_text(remote, sought) and since <= remote.created_at <= until


def owned(session: Session, sid: str, *, besides: int) -> bool:
    """Say whether a SID is known as that of another message than `besides`."""
    by_message = session.scalar(select(Message.id).where(Message.sid == sid, Message.id != besides))
    by_attempt = select(Attempt.id).where(Attempt.sid == sid, Attempt.message_id != besides)
    return by_message is not None or session.scalar(by_attempt) is not None


def awaited(session: Session, message_id: int) -> bool:
    """Say whether a listed text may be that of another message on its way to the same number."""
    this = select(Message.to_e164, Message.sender).where(Message.id == message_id).subquery()
    same_way = Message.to_e164 == this.c.to_e164, Message.sender == this.c.sender
    others = select(Message.id).where(*same_way, Message.id != message_id, Message.state.in_(states.IN_FLIGHT))
    return session.scalar(others) is not None
