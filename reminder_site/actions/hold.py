"""The hold: no text leaves while this database may be older than what was texted, until Twilio's own lists were read.

It ends by itself: texts that are there already are adopted, strangers that would still be sent are withdrawn.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pendulum
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.actions import audit
from reminder_site.actions.links import as_sent, relearn
from reminder_site.actions.outbox import note, wake_after
from reminder_site.actions.receipts import apply_status, standing
from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.audit_seal import Head
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Attempt, Clinic, Heartbeat, Message
from reminder_site.queries import audit_chain

ASKED_AGAIN = 3
AWAY_MINUTES = 5
BEFORE_MINUTES = 5
OPEN = states.HELD_HERE | states.IN_FLIGHT
GONE = {30409, 20404}


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
        beat = session.get(Heartbeat, 1, with_for_update=True)
        if beat is None:
            beat = Heartbeat(id=1, beat_at=now, clock_skew_seconds=0)
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
    With a `rival`, every text that is still to be sent is asked after as well.
    """
    since = _gap_opens()
    if since is None:
        return Look(over=True)
    try:
        listed = _listed(sms, since)
    except SmsError:
        return Look(absent_before)
    reach("after_hold_list")
    adopted = [_adopt(message_id, remote, now) for message_id, remote in _pairs(listed)]
    absent = _absent()
    if not all(adopted) or not absent <= absent_before:
        return Look(absent)
    if not _withdraw(_ghosts(listed, since), sms, now):
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


def _gap_opens() -> pendulum.DateTime | None:
    since = db.session.scalar(select(Heartbeat.hold_from).where(Heartbeat.hold_since.is_not(None)))
    db.session.rollback()
    return since.subtract(minutes=BEFORE_MINUTES) if since else None


def _listed(sms: Sms, since: pendulum.DateTime) -> dict[str, Remote]:
    """Read all that Twilio was given since then, and once more by recipient for those we have something for."""
    found = {remote.sid: remote for remote in _asked(partial(sms.list_since, since))}
    for address in sorted({message.address for message in _waiting(db.session())}):
        theirs = _asked(partial(sms.list_to, address))
        found |= {remote.sid: remote for remote in theirs if remote.created_at >= since}
    db.session.rollback()
    return found


def _asked(question: Callable[[], list[Remote]]) -> list[Remote]:
    """Ask Twilio, again if it stumbles: of hundreds of answers one missing would make the whole look worthless."""
    for _ in range(ASKED_AGAIN):
        try:
            return question()
        except SmsError:
            continue
    return question()


def _waiting(session: Session) -> list[Message]:
    """Return what may have been texted without our knowledge, what is in flight first."""
    gone_since = [Message.sid.is_(None), Message.state.in_(OPEN)]
    rows = session.scalars(select(Message).where(*gone_since).order_by(Message.send_at, Message.id))
    return sorted(rows, key=lambda message: message.state in states.HELD_HERE)


def _pairs(listed: dict[str, Remote]) -> list[tuple[int, Remote]]:
    """Find for each message the text that Twilio already has of it: rather one that has left than one that waits."""
    session = db.session()
    free = sorted(_strangers(session, listed), key=lambda r: (r.status == "scheduled", r.created_at, r.sid))
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


def _strangers(session: Session, listed: dict[str, Remote]) -> list[Remote]:
    """Return the texts sent through the API that no message here owns."""
    sent = {sid: remote for sid, remote in listed.items() if remote.direction == "outbound-api"}
    sids, ours = list(sent), set()
    for first in range(0, len(sids), 500):
        some = sids[first : first + 500]
        for column in (Message.sid, Attempt.sid):
            ours |= set(session.scalars(select(column).where(column.in_(some))))
    return [remote for sid, remote in sent.items() if sid not in ours]


@retried
def _adopt(message_id: int, remote: Remote, now: pendulum.DateTime) -> bool:
    """Make a text that is at Twilio the message's own; False when something else was in the way just now."""
    try:
        with transaction() as session:
            message = session.get_one(Message, message_id, with_for_update=True)
            if message.sid is not None or message.state not in OPEN:
                return True
            note(session, message_id, message.state, "found at Twilio: it had been texted before", WORKER, now)
            row = standing(session, message_id)
            apply_status(session, row, remote.status, remote.error_code, sid=remote.sid, by=WORKER, now=now)
            if message.appointment_id is not None:
                relearn(session, message.appointment_id, remote.body, now=now)
    except IntegrityError:
        return False
    return True


def _absent() -> frozenset[int]:
    """Return what is still unaccounted for; what was planned since the hold began cannot have left before."""
    within = select(Heartbeat.hold_since).scalar_subquery()
    rows = select(Message.id).where(Message.sid.is_(None), Message.state.in_(OPEN), Message.created_at <= within)
    found = frozenset(db.session.scalars(rows))
    db.session.rollback()
    return found


def _ghosts(listed: dict[str, Remote], since: pendulum.DateTime) -> list[str]:
    """Return the texts of the gap that would still be sent and that nothing here wants."""
    session = db.session()
    services = {settings().twilio_messaging_service_sid, *session.scalars(select(Clinic.sender))} - {""}
    found = [r for r in _strangers(session, listed) if r.messaging_service_sid in services and r.created_at >= since]
    session.rollback()
    return [remote.sid for remote in found if remote.status == "scheduled"]


def _withdraw(sids: list[str], sms: Sms, now: pendulum.DateTime) -> bool:
    """Cancel texts at Twilio; False when one could not be asked back yet."""
    failed = False
    for sid in sids:
        try:
            sms.cancel(sid)
        except SmsError as error:
            failed = failed or error.code not in GONE
            continue
        with transaction() as session:
            audit.record(session, actor=WORKER, what="hold.withdrew", clinic_id=None, subject=sid, now=now)
    return not failed


@retried
def _end(rival: bool, now: pendulum.DateTime) -> None:
    with transaction() as session:
        free = {"hold_since": None, "hold_from": None, "hold_why": ""}
        session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(**free))
        if rival:  # it may have cancelled what we believe scheduled
            ask = update(Message).where(Message.state == states.SCHEDULED)
            session.execute(ask.values(next_action_at=now, lease_until=None))
        audit.record(session, actor=WORKER, what="hold.ended", clinic_id=None, subject="sending", now=now)
        wake_after(session)
