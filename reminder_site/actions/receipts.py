"""What Twilio tells us about a text: status callbacks, and the shared step that applies any status, from anywhere."""

import hashlib
from collections.abc import Collection
from typing import Any

import pendulum
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import again, learning
from reminder_site.actions.outbox import DONE, move, note
from reminder_site.db import db, retried, transaction
from reminder_site.domain import codes, looks
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import TWILIO, Actor
from reminder_site.domain.delivery import SWEEP_ORPHANS_MINUTES
from reminder_site.failpoints import reach
from reminder_site.models import Message

# Every text and every receipt passes here: these are built once, and straight on the table.
_m, _attempt, _event, _pause = (
    Message.metadata.tables[name] for name in ("message", "attempt", "provider_event", "sender_pause")
)
_standing = "id sid attempt_no state provider_rank wanted send_at handed_at ever_unknown polls failures absent_reads"
# Of a text that tries whether its sender works again: whether only its arrival proves that; of all others nothing.
STANDING = select(*(_m.c[name] for name in _standing.split()), _pause.c.by_receipt.label("probes"))
STANDING = STANDING.select_from(_m.outerjoin(_pause, _pause.c.probe_id == _m.c.id))
BY_ID = STANDING.where(_m.c.id == bindparam("message_id"))
BY_IDS = STANDING.where(_m.c.id.in_(bindparam("ids", expanding=True))).order_by(_m.c.id)
BY_SID = STANDING.where(_m.c.sid == bindparam("sid"))
BY_TOKEN = STANDING.join(_attempt, _attempt.c.message_id == _m.c.id)
BY_TOKEN = BY_TOKEN.where(_attempt.c.token_hash == bindparam("token_hash"))
# Locked against change, not against being referred to.
LOCKED_BY_ID, LOCKED_BY_IDS, LOCKED_BY_SID, LOCKED_BY_TOKEN = (
    query.with_for_update(of=_m, key_share=True) for query in (BY_ID, BY_IDS, BY_SID, BY_TOKEN)
)
NOT_AT_WORK = BY_IDS.with_for_update(of=_m, key_share=True, skip_locked=True)
SEEN = select(_event.c.id).where(*(_event.c[name] == bindparam(name) for name in ("sid", "status", "error_code")))


def receive_status(*, token: str, sid: str, status: str, error_code: int | None, now: pendulum.DateTime) -> bool:
    """Take one status callback; False when nobody here knows the text (the answer to Twilio is the same).

    The token in the callback's path says which attempt it belongs to, so a receipt that overtakes the answer to its
    own create adopts the text at once. Duplicates and any order give the same end.
    """
    told = {"sid": sid, "status": status, "error_code": error_code or 0}
    if _seen(told):
        return True
    if learning.teaches(error_code):
        row = _owner(db.session(), token, sid)
        db.session.rollback()
        if row is not None and is_news(row, status):
            learning.learn(message_id=row.id, error_code=error_code, now=now)
    known = _take(token, told, now)
    reach("after_receipt")
    return known


@retried
def _take(token: str, told: dict[str, Any], now: pendulum.DateTime) -> bool:
    """Store a receipt and apply it, unless its twin was stored in the same moment."""
    with transaction() as session:
        # First of all: rows that refer to the message share a lock on it, and two that share would wait for each
        # other when both go on to change it.
        row = _owner(session, token, told["sid"], locked=True)
        if session.execute(SEEN, told).first() is not None:
            return True
        session.execute(_event.insert(), [{**told, "message_id": row and row.id, "received_at": now}])
        if row is None:
            return False
        code = told["error_code"] or None
        apply_status(session, row, told["status"], code, sid=told["sid"], by=TWILIO, now=now)
        reach("in_receipt")
    return True


@retried
def take_over(
    *, message_id: int, status: str, error_code: int | None, sid: str | None = None, by: Actor, now: pendulum.DateTime
) -> bool:
    """Apply what Twilio says of a text when it is asked; False when what is known outranks it."""
    learn_first(message_id, status, error_code, now)
    with transaction() as session:
        return apply_status(session, standing(session, message_id), status, error_code, sid=sid, by=by, now=now)


def learn_first(message_id: int, status: str, error_code: int | None, now: pendulum.DateTime) -> None:
    """Keep what a status says about the number, if it is news; before the transaction that applies it."""
    if learning.teaches(error_code):
        row = db.session.execute(BY_ID, {"message_id": message_id}).one()
        db.session.rollback()
        if is_news(row, status):
            learning.learn(message_id=message_id, error_code=error_code, now=now)


def token_hash(token: str) -> str:
    """Return what is kept of a callback token."""
    return hashlib.sha256(token.encode()).hexdigest()


def standing(session: Session, message_id: int) -> Any:
    """Read how a message stands, and keep others from changing it until this transaction ends."""
    return session.execute(LOCKED_BY_ID, {"message_id": message_id}).one()


def standing_of(session: Session, ids: Collection[int], *, alone: bool) -> dict[int, Any]:
    """Read how messages stand, and keep others from changing them; several at once (not `alone`) wait for nobody:
    those that somebody else works on are left out.
    """
    return {row.id: row for row in session.execute(LOCKED_BY_IDS if alone else NOT_AT_WORK, {"ids": list(ids)})}


def is_news(row: Any, status: str) -> bool:
    """Say whether a status tells more than is known of a text, or where a parked one stands after all."""
    back = row.state == states.NEEDS_REVIEW and states.RANK.get(status) == row.provider_rank
    return back or states.outranks(status, row.provider_rank)


def apply_status(
    session: Session,
    row: Any,
    status: str,
    error_code: int | None,
    *,
    sid: str | None = None,
    by: Actor,
    now: pendulum.DateTime,
) -> bool:
    """Apply a Twilio status to a message as `standing` read it; False when what is known outranks it.

    A message without a SID is adopted: it gets this one. What the error code says about the number has been learnt.
    """
    message_id, before = row.id, row.state
    status = status if status in states.RANK else "accepted"  # a word we do not know yet: Twilio has it, at least
    if not is_news(row, status):
        return False
    changes = _beside_state(row, status, error_code, sid, now)
    state = states.STATE_OF[status]
    if state == before:
        session.execute(update(Message).where(Message.id == message_id).values(**changes))
        return True
    if before in states.HELD_HERE:
        words = "Twilio has it after all"
        move(session, message_id, states.HELD_HERE, states.NEEDS_REVIEW, words=words, by=TWILIO, now=now)
        before = states.NEEDS_REVIEW
        if state != states.CANCELLED:
            changes["reaches_at"] = row.send_at  # nothing here had let it leave, so that was not noted yet
    if state not in states.MAY_BECOME[before]:
        note(session, message_id, before, f"Twilio reports {status}", by, now)
        session.execute(update(Message).where(Message.id == message_id).values(**changes))
        return True
    ends = DONE if state in states.SETTLED else _next_look(row, state, now)
    words = _words(state, before, error_code, wanted=row.wanted)
    moved = move(session, message_id, {before}, state, words=words, by=by, now=now, **changes, **ends)
    if moved:
        _follow_up(session, row, state, error_code, by, now)
    return moved


def _follow_up(
    session: Session, row: Any, state: str, error_code: int | None, by: Actor, now: pendulum.DateTime
) -> None:
    again.heed(session, row, state, error_code, now=now)
    if not row.wanted and state == states.SCHEDULED:
        at_once = {"next_action_at": now, "lease_until": None}
        move(session, row.id, {state}, states.CANCELLING, words="asking Twilio to cancel", by=by, now=now, **at_once)


def _beside_state(
    row: Any, status: str, error_code: int | None, sid: str | None, now: pendulum.DateTime
) -> dict[str, Any]:
    """Return what a status says about a message beside its state."""
    told: dict[str, Any] = {"provider_rank": states.RANK[status], "provider_status": status}
    told |= {"failures": 0, "absent_reads": 0}
    if row.sid is None:
        told |= {"sid": sid, "handed_at": now, "error_code": None}
    if error_code:
        told["error_code"] = error_code
    if states.STATE_OF[status] in again.NOT_DELIVERED and codes.of(error_code).is_ours:
        told["reaches_at"] = None  # it has reached nobody: the day's limit is not used up by it
    return told


def _next_look(row: Any, state: str, now: pendulum.DateTime) -> dict[str, object]:
    if row.ever_unknown and state == states.SCHEDULED:  # a second copy may lie at Twilio, to be sent as well
        at = max(row.send_at.subtract(minutes=SWEEP_ORPHANS_MINUTES), now)
    else:
        at = looks.news_at(left_at(row, now), now)
    return {"next_action_at": at, "lease_until": None}


def left_at(row: Any, now: pendulum.DateTime) -> pendulum.DateTime:
    """Return when a text left or is to leave Twilio, as `standing` read it; one that was found just now leaves now."""
    handed_at = row.handed_at or (now if row.sid is None else row.send_at)
    at: pendulum.DateTime = max(row.send_at, handed_at)
    return at


def _words(state: str, before: str, error_code: int | None, *, wanted: bool) -> str:
    if state == states.CANCELLED:
        return "Twilio confirms it is cancelled"
    if not wanted and state in {states.ACCEPTED, states.SENT, states.DELIVERED, states.READ}:
        return "too late to cancel: the patient was texted"
    if error_code and state in {states.FAILED, states.UNDELIVERED}:
        return codes.of(error_code).words
    return f"Twilio reports: {states.WORDS[state]}"


def _seen(told: dict[str, Any]) -> bool:
    there = db.session.connection().execute(SEEN, told).first() is not None
    db.session.rollback()  # the next look sees what others have stored meanwhile
    return there


def _owner(session: Session, token: str, sid: str, *, locked: bool = False) -> Any:
    """Read how the message a receipt is about stands, `locked`: and keep others from moving it; None without one."""
    by_token, by_sid = (LOCKED_BY_TOKEN, LOCKED_BY_SID) if locked else (BY_TOKEN, BY_SID)
    row = session.execute(by_token, {"token_hash": token_hash(token)}).first()
    if row is None:
        return session.execute(by_sid, {"sid": sid}).first()
    return row if row.sid in {None, sid} else None
