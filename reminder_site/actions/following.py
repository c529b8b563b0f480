"""After a text was handed over: resolve unclear ones, cancel, ask for news, sweep for orphans.

Each public action reads, asks Twilio with no transaction open, and writes what it learnt.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions.links import as_sent
from reminder_site.actions.outbox import DONE, move, note
from reminder_site.actions.receipts import adopt, apply_status
from reminder_site.db import db, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import GIVE_UP_MINUTES, POLL_AFTER_SECONDS, SKEW_STOP_SECONDS, Pace
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Attempt, Message
from reminder_site.queries.throttle import throttle

# When a text of ours may have been made, by Twilio's clock: the call itself, and the skew we put up with.
MATCH_BEFORE_SECONDS, MATCH_AFTER_SECONDS = 60 + SKEW_STOP_SECONDS, 180 + SKEW_STOP_SECONDS
NOT_CANCELABLE, NOT_FOUND = 30409, 20404
READS_TO_PROVE_ABSENCE = 2
POLLED = frozenset({states.SCHEDULED, states.ACCEPTED, states.SENT})


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


def resolve(*, message_id: int, sms: Sms, quiet: bool, pace: Pace, now: pendulum.DateTime) -> None:
    """Find out whether an unclear text exists: adopt it, or prove twice that it does not, or park it.

    `quiet` says that the resolver's own stopwatch, too, has seen the quiescence pass since the intent; without it the
    look is put off, whatever the wall clock says.
    """
    reach("before_resolve")
    with transaction() as session:
        sought = _seek(session, message_id, quiet, pace, now)
    if sought is None:
        return
    try:
        listed = sms.list_to(sought.to)
    except SmsError as error:
        _look_again(sought, str(error), now)
        return
    reach("after_list")
    others: list[Remote] = []
    with transaction() as session:
        found = [r for r in listed if _matches(r, sought) and not _owned(session, r.sid, besides=message_id)]
        if found:
            others = _adopt_oldest(session, sought, found, now)
        else:
            _count_absence(session, sought, pace, now)
    for twin in others:
        _cancel_stranger(message_id, twin.sid, sms, now)


def cancel(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Ask Twilio to cancel a scheduled text; say "cancelled" only when Twilio does, else the truth."""
    sid = db.session.scalar(select(Message.sid).where(Message.id == message_id, Message.state == states.CANCELLING))
    db.session.rollback()
    if sid is None:
        return
    reach("before_cancel")
    try:
        sms.cancel(sid)
        status, code = "canceled", None
    except SmsError as error:
        status, code = _after_refusal(message_id, sid, sms, error, now)
    reach("after_cancel")
    if not status:
        return
    with transaction() as session:
        apply_status(session, message_id, status, code, by=WORKER, now=now)


def poll(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Ask Twilio how a text is, when its callbacks may have been lost; after the last time leave it as it is."""
    row = db.session.execute(select(Message.sid, Message.send_at).where(Message.id == message_id)).one()
    db.session.rollback()
    reach("before_poll")
    try:
        remote = sms.fetch(row.sid) if row.sid else None
    except SmsError:
        _postpone(message_id, POLLED, now.add(seconds=60))
        return
    reach("after_poll")
    with transaction() as session:
        polls = (session.scalar(select(Message.polls).where(Message.id == message_id)) or 0) + 1
        ends = polls >= len(POLL_AFTER_SECONDS)
        wait = None if ends else max(row.send_at.add(seconds=POLL_AFTER_SECONDS[polls]), now.add(seconds=60))
        later = {"polls": polls, "next_action_at": wait, "lease_until": None}
        session.execute(update(Message).where(Message.id == message_id, Message.state.in_(POLLED)).values(**later))
        if remote is not None:
            apply_status(session, message_id, remote.status, remote.error_code, by=WORKER, now=now)
        elif row.sid:
            words = "Twilio does not know this text"
            move(session, message_id, {states.SCHEDULED}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **DONE)
        state = session.scalar(select(Message.state).where(Message.id == message_id)) or ""
        if ends and state in POLLED:
            note(session, message_id, state, "no receipt came within 72 hours", WORKER, now)


def sweep_orphans(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Before a text that was once unclear is sent, cancel any twin of it that we do not know as ours."""
    with transaction() as session:
        sought = _sought(session, message_id)
        send_at = session.scalar(select(Message.send_at).where(Message.id == message_id)) or now
        swept = {"ever_unknown": False, "next_action_at": send_at.add(seconds=POLL_AFTER_SECONDS[0])}
        session.execute(
            update(Message)
            .where(Message.id == message_id, Message.state == states.SCHEDULED)
            .values(lease_until=None, **swept)
        )
    if sought is None:
        return
    try:
        twins = [r for r in sms.list_to(sought.to) if r.status == "scheduled" and _same_text(r, sought)]
    except SmsError:
        _postpone(message_id, {states.SCHEDULED}, now.add(seconds=60), ever_unknown=True)
        return
    session = db.session()
    own = session.scalar(select(Message.sid).where(Message.id == message_id))
    strangers = [r.sid for r in twins if r.sid != own and not _owned(session, r.sid, besides=message_id)]
    session.rollback()
    if not all([_cancel_stranger(message_id, sid, sms, now) for sid in strangers]):
        _postpone(message_id, {states.SCHEDULED}, now.add(seconds=60), ever_unknown=True)


def _seek(session: Session, message_id: int, quiet: bool, pace: Pace, now: pendulum.DateTime) -> Sought | None:
    sought = _sought(session, message_id)
    if sought is None:
        return None
    words = "no answer came back: checking with Twilio whether it took the text"
    known = {"ever_unknown": True}
    move(session, message_id, {states.SUBMITTING}, states.UNKNOWN, words=words, by=WORKER, now=now, **known)
    ready_at = sought.intent_at.add(microseconds=int(pace.first_look_seconds * 1e6))
    if quiet and now >= ready_at:
        return sought
    wait = max(ready_at, now.add(microseconds=int(pace.second_look_seconds * 1e6)))
    still_unclear = Message.id == message_id, Message.state.in_(states.IN_FLIGHT)
    session.execute(update(Message).where(*still_unclear).values(next_action_at=wait, lease_until=None))
    return None


def _sought(session: Session, message_id: int) -> Sought | None:
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


def _same_text(remote: Remote, sought: Sought) -> bool:
    service = sought.sender if sought.sender.startswith("MG") else None
    ours = remote.direction == "outbound-api" and remote.messaging_service_sid == service
    return ours and sought.body.fullmatch(remote.body) is not None


def _matches(remote: Remote, sought: Sought) -> bool:
    since = sought.intent_at.subtract(seconds=MATCH_BEFORE_SECONDS)
    until = sought.intent_at.add(seconds=MATCH_AFTER_SECONDS)
    return _same_text(remote, sought) and since <= remote.created_at <= until


def _owned(session: Session, sid: str, *, besides: int) -> bool:
    """Say whether a SID is known as that of another message than `besides`."""
    by_message = session.scalar(select(Message.id).where(Message.sid == sid, Message.id != besides))
    by_attempt = select(Attempt.id).where(Attempt.sid == sid, Attempt.message_id != besides)
    return by_message is not None or session.scalar(by_attempt) is not None


def _adopt_oldest(session: Session, sought: Sought, found: list[Remote], now: pendulum.DateTime) -> list[Remote]:
    """Adopt a text found at Twilio, the one already known as ours if there is one; return its twins."""
    known = session.scalar(select(Message.sid).where(Message.id == sought.message_id).with_for_update())
    oldest, *others = sorted(found, key=lambda r: (r.sid != known, r.created_at, r.sid))
    note(session, sought.message_id, states.UNKNOWN, "found at Twilio: it had been taken", WORKER, now)
    adopt(session, sought.message_id, oldest.sid, now=now)
    apply_status(session, sought.message_id, oldest.status, oldest.error_code, by=WORKER, now=now)
    if others:
        words = f"Twilio holds {len(others)} more of the same text: they are cancelled before they leave"
        note(session, sought.message_id, states.UNKNOWN, words, WORKER, now)
    return others


def _count_absence(session: Session, sought: Sought, pace: Pace, now: pendulum.DateTime) -> None:
    """Count one reading without the text; of readers that overtook one another, or an attempt, one counts."""
    same_reading = (
        Message.id == sought.message_id,
        Message.state == states.UNKNOWN,
        Message.attempt_no == sought.attempt_no,
        Message.absent_reads == sought.absent_reads,
        Message.sid.is_(None),
    )
    if session.scalar(select(Message.id).where(*same_reading).with_for_update()) is None:
        return
    reads = sought.absent_reads + 1
    if reads < READS_TO_PROVE_ABSENCE:
        again = {"next_action_at": now.add(microseconds=int(pace.second_look_seconds * 1e6)), "lease_until": None}
        session.execute(update(Message).where(Message.id == sought.message_id).values(absent_reads=reads, **again))
        return
    words = "proved not to be at Twilio, twice: it is tried again"
    back = {"next_action_at": now, "lease_until": None, "absent_reads": reads}
    move(session, sought.message_id, {states.UNKNOWN}, states.PENDING, words=words, by=WORKER, now=now, **back)


def _look_again(sought: Sought, words: str, now: pendulum.DateTime) -> None:
    with transaction() as session:
        useful_until = session.scalar(select(Message.useful_until).where(Message.id == sought.message_id))
        silent = throttle().down_since is not None  # nobody could say more than that: worth waiting for
        too_long = now > sought.intent_at.add(minutes=GIVE_UP_MINUTES) and not silent
        if too_long or (useful_until and now >= useful_until):
            parked = f"could not be cleared up with Twilio: {words}"
            move(session, sought.message_id, {states.UNKNOWN}, states.NEEDS_REVIEW, words=parked, by=WORKER, now=now,
                 **DONE)  # fmt: skip
            return
    _postpone(sought.message_id, {states.UNKNOWN}, now.add(seconds=60))


def _after_refusal(
    message_id: int, sid: str, sms: Sms, error: SmsError, now: pendulum.DateTime
) -> tuple[str, int | None]:
    """Find out where a text stands that Twilio would not cancel; empty when that is to be tried again."""
    if error.code == NOT_FOUND:
        with transaction() as session:
            words = "Twilio does not know this text"
            move(session, message_id, {states.CANCELLING}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **DONE)
        return "", None
    if error.code == NOT_CANCELABLE:
        try:
            remote = sms.fetch(sid)
        except SmsError:
            remote = None
        if remote is not None and remote.status != "scheduled":
            return remote.status, remote.error_code
    _postpone(message_id, {states.CANCELLING}, now.add(seconds=60 if error.permanent else 5))
    return "", None


def _postpone(message_id: int, sources: Collection[str], until: pendulum.DateTime, **changes: object) -> None:
    """Look again later, unless the message has gone elsewhere meanwhile: a cancel that came in must not wait."""
    with transaction() as session:
        later = {"next_action_at": until, "lease_until": None, **changes}
        session.execute(update(Message).where(Message.id == message_id, Message.state.in_(sources)).values(**later))


def _cancel_stranger(message_id: int, sid: str, sms: Sms, now: pendulum.DateTime) -> bool:
    """Cancel a second copy at Twilio; False when that is to be tried again."""
    again = False
    try:
        sms.cancel(sid)
        words = f"cancelled a second copy at Twilio ({sid})"
    except SmsError as error:
        again = not error.permanent
        words = f"a second copy at Twilio ({sid}) could not be cancelled: {error}"
    with transaction() as session:
        note(session, message_id, states.SCHEDULED, words, WORKER, now)
    return not again
