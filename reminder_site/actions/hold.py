"""The hold: no text leaves while this database may be older than what was texted, until Twilio's own lists were read.

It ends by itself: texts that are there already are adopted. Only what would still be sent and nothing here knows is
asked about (actions.ghosts).
"""

import logging
import uuid
from dataclasses import dataclass
from functools import partial

import pendulum
from sqlalchemy import select, update
from sqlalchemy.exc import DataError, IntegrityError, InternalError
from sqlalchemy.orm import Session

from reminder_site.actions import audit, gap, ghosts, throttling
from reminder_site.actions.gap import MAY_BE_THERE, OPEN
from reminder_site.actions.links import as_sent, relearn
from reminder_site.actions.outbox import DONE, move, note, wake_after
from reminder_site.actions.receipts import apply_status, learn_first, standing
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.audit_seal import Head
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Heartbeat, Message
from reminder_site.queries import audit_chain

log = logging.getLogger("reminder_site.safeguards")
AWAY_MINUTES = 5
OF_ONE_ROW = (DataError, IntegrityError, InternalError)  # a database that is away raises something else


@dataclass(frozen=True)
class Start:
    """How a worker begins: the database's id, whether sending is on hold, and whether a rival may just have texted.

    A rival is a worker on another state of this database: one from before a restore, or one on another machine.
    """

    instance_id: str
    held: bool = False
    rival: bool = False


@dataclass(frozen=True)
class Look:
    """What one look at Twilio's lists left: messages whose text was not there, and whether the hold is over."""

    absent: frozenset[int] = frozenset()
    over: bool = False


@retried
def begin(*, instance_id: str, head: Head, now: pendulum.DateTime) -> Start:
    """Put sending on hold when this database may have missed texts; to be asked once, before the first heartbeat.

    `instance_id` and `head` are what this machine noted beside the database. Source: reliability, start-up hold.
    """
    known = audit_chain.holds(head)
    with transaction() as session:
        beat = session.get(Heartbeat, 1, with_for_update={"key_share": True})
        if beat is None:
            beat = Heartbeat(id=1, beat_at=now, clock_skew_seconds=0, inbound_from=now.start_of("second"))
            session.add(beat)
            known, instance_id = True, ""  # a new database has missed nothing
        beat.instance_id = beat.instance_id or str(uuid.uuid4())
        if beat.hold_since is not None:
            return Start(beat.instance_id, held=True, rival=True)
        why, rival = _why(beat, instance_id, known, now)
        if why:
            beat.hold_since, beat.hold_from, beat.hold_why = now, beat.beat_at, why
            facts = {"why": why}
            audit.record(
                session, actor=WORKER, what="hold.began", clinic_id=None, subject="sending", facts=facts, now=now
            )
        return Start(beat.instance_id, held=bool(why), rival=rival)


def look(*, sms: Sms, absent_before: frozenset[int], rival: bool, now: pendulum.DateTime) -> Look:
    """Read at Twilio what was texted in the gap, adopt what is ours, and end the hold once all else is proved absent.

    A message counts as absent after two looks, of which the caller keeps the distance (`absent_before`: the first).
    With a `rival`, every text that is still to be sent is asked after as well. A number that cannot be asked after just
    now keeps the hold; what was heard of the others counts.
    """
    since = gap.opens_at()
    if since is None:
        return Look(over=True)
    try:
        listed = {remote.sid: remote for remote in gap.asked(partial(sms.list_since, since))}
    except SmsError as error:
        throttling.heed(error, now=now)
        return Look(absent_before)
    silent = gap.ask_by_number(listed, sms, since, now)
    reach("after_hold_list")
    for message_id, remote in _pairs(listed):
        _adopt(message_id, remote, now)
    absent = _absent(besides=silent)
    if silent:
        return Look(absent_before | absent)
    if not absent <= absent_before or not ghosts.are_settled(listed, since, sms, now):
        return Look(absent)
    reach("before_release")
    _end(rival, now)
    return Look(over=True)


def _why(beat: Heartbeat, instance_id: str, known: bool, now: pendulum.DateTime) -> tuple[str, bool]:
    """Say why to hold (nothing: do not), and whether another worker may have texted until a moment ago."""
    if not known:
        return "this database is older than what was noted on this machine", True
    if instance_id not in {"", beat.instance_id}:
        return "this is another database than this machine worked with before", True
    if beat.beat_at < now.subtract(minutes=AWAY_MINUTES):
        return "the worker was away for a while", False
    return "", False


def _waiting(session: Session) -> list[Message]:
    """Return what may have been texted without our knowledge, what is in flight first."""
    rows = session.scalars(select(Message).where(MAY_BE_THERE).order_by(Message.send_at, Message.id))
    return sorted(rows, key=lambda message: message.state in states.HELD_HERE)


def _pairs(listed: dict[str, Remote]) -> list[tuple[int, Remote]]:
    """Find for each message the text that Twilio already has of it: rather one that has left than one that waits."""
    session = db.session()
    free = sorted(ghosts.strangers(session, listed), key=lambda r: (r.status == "scheduled", r.created_at, r.sid))
    by_address: dict[str, list[Remote]] = {}
    for remote in free:
        if remote.status != "canceled":
            by_address.setdefault(remote.to, []).append(remote)
    found = []
    for message in _waiting(session):
        theirs = by_address.get(message.address, [])
        same = next((remote for remote in theirs if _same_text(remote, message)), None)
        if same is not None:
            theirs.remove(same)
            found.append((message.id, same))
    session.rollback()
    return found


def _same_text(remote: Remote, message: Message) -> bool:
    service = message.sender if message.sender.startswith("MG") else None
    return remote.messaging_service_sid == service and as_sent(message.body).fullmatch(remote.body) is not None


def _adopt(message_id: int, remote: Remote, now: pendulum.DateTime) -> None:
    """Make a text that is at Twilio the message's own; one that cannot be written down keeps no other waiting."""
    try:
        learn_first(message_id, remote.status, remote.error_code, now)
        _make_own(message_id, remote, now)
    except OF_ONE_ROW:
        log.exception("Twilio has the text of message %s, which could not be written down", message_id)
        _put_aside(message_id, now)


@retried
def _put_aside(message_id: int, now: pendulum.DateTime) -> None:
    """Park a text that must not leave again, for a person; one in flight is being cleared up in any case.

    It is not looked up any more: the attempt that made it is not known here, so that it would be proved absent.
    """
    words = "Twilio has this text already, but that could not be written down here"
    known = {"ever_unknown": True, **DONE}
    with transaction() as session:
        row = standing(session, message_id)
        if row.sid is None and row.state in states.HELD_HERE:
            move(session, message_id, {row.state}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **known)


@retried
def _make_own(message_id: int, remote: Remote, now: pendulum.DateTime) -> None:
    with transaction() as session:
        appointment_id = session.scalar(select(Message.appointment_id).where(Message.id == message_id, MAY_BE_THERE))
        if appointment_id is not None:
            relearn(session, appointment_id, remote.body, now=now)
        row = standing(session, message_id)
        if row.sid is None and row.state in OPEN | {states.NEEDS_REVIEW}:
            note(session, message_id, row.state, "found at Twilio: it had been texted before", WORKER, now)
            apply_status(session, row, remote.status, remote.error_code, sid=remote.sid, by=WORKER, now=now)


def _absent(*, besides: frozenset[str]) -> frozenset[int]:
    """Return what is still unaccounted for, besides that to some numbers.

    What was planned since the hold began cannot have left before.
    """
    within = select(Heartbeat.hold_since).scalar_subquery()
    rows = db.session.scalars(
        select(Message).where(Message.sid.is_(None), Message.state.in_(OPEN), Message.created_at <= within)
    )
    found = frozenset(message.id for message in rows if message.address not in besides)
    db.session.rollback()
    return found


@retried
def _end(rival: bool, now: pendulum.DateTime) -> None:
    with transaction() as session:
        if rival:  # it may have cancelled what we believe scheduled
            scheduled = Message.state == states.SCHEDULED
            session.execute(select(Message.id).where(scheduled).order_by(Message.id).with_for_update(key_share=True))
            session.execute(update(Message).where(scheduled).values(next_action_at=now, lease_until=None))
        free = {"hold_since": None, "hold_from": None, "hold_why": "", "hold_asks": "", "hold_answer": ""}
        session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(**free))
        audit.record(session, actor=WORKER, what="hold.ended", clinic_id=None, subject="sending", now=now)
        wake_after(session)
