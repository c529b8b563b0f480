"""What Twilio tells us about a text: status callbacks, and the shared step that applies any status, from anywhere."""

import hashlib
from collections.abc import Collection
from typing import Any

import pendulum
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.actions import opt_outs
from reminder_site.actions.outbox import DONE, move, note
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import TWILIO, Actor
from reminder_site.domain.delivery import BAD_NUMBER, POLL_AFTER_SECONDS, SWEEP_ORPHANS_MINUTES
from reminder_site.domain.error_words import explain
from reminder_site.failpoints import reach
from reminder_site.models import Message, Patient

DEAD_NUMBER = BAD_NUMBER | {30005, 30006}
# Every text and every receipt passes here: these are built once, and straight on the table.
_m, _attempt, _event = (Message.metadata.tables[name] for name in ("message", "attempt", "provider_event"))
STANDING = select(
    _m.c.id,
    _m.c.sid,
    _m.c.attempt_no,
    _m.c.state,
    _m.c.provider_rank,
    _m.c.wanted,
    _m.c.polls,
    _m.c.send_at,
    _m.c.ever_unknown,
).with_for_update(of=_m)
BY_ID = STANDING.where(_m.c.id == bindparam("message_id"))
BY_IDS = STANDING.where(_m.c.id.in_(bindparam("ids", expanding=True))).order_by(_m.c.id)
NOT_AT_WORK = BY_IDS.with_for_update(of=_m, skip_locked=True)
BY_SID = STANDING.where(_m.c.sid == bindparam("sid"))
BY_TOKEN = STANDING.join(_attempt, _attempt.c.message_id == _m.c.id)
BY_TOKEN = BY_TOKEN.where(_attempt.c.token_hash == bindparam("token_hash"))
SEEN = select(_event.c.id).where(*(_event.c[name] == bindparam(name) for name in ("sid", "status", "error_code")))


@retried
def receive_status(*, token: str, sid: str, status: str, error_code: int | None, now: pendulum.DateTime) -> bool:
    """Take one status callback; False when nobody here knows the text (the answer to Twilio is the same).

    The token in the callback's path says which attempt it belongs to, so a receipt that overtakes the answer to its
    own create adopts the text at once. Duplicates and any order give the same end.
    """
    told = {"sid": sid, "status": status, "error_code": error_code or 0}
    if _seen(told):
        return True
    try:
        with transaction() as session:
            # First of all: rows that refer to the message share a lock on it, and two that share would wait for each
            # other when both go on to change it.
            row = _owner(session, token, sid)
            session.execute(_event.insert(), [{**told, "message_id": row and row.id, "received_at": now}])
            if row is None:
                return False
            apply_status(session, row, status, error_code, sid=sid, by=TWILIO, now=now)
            reach("in_receipt")
    except IntegrityError:
        if not _seen(told):
            raise  # not its twin, stored in the same moment: Twilio will say it again
    reach("after_receipt")
    return True


def token_hash(token: str) -> str:
    """Return what is kept of a callback token."""
    return hashlib.sha256(token.encode()).hexdigest()


def standing(session: Session, message_id: int) -> Any:
    """Read how a message stands, and keep others from changing it until this transaction ends."""
    return session.execute(BY_ID, {"message_id": message_id}).one()


def standing_of(session: Session, ids: Collection[int], *, alone: bool) -> dict[int, Any]:
    """Read how messages stand, and keep others from changing them; several at once (not `alone`) wait for nobody:
    those that somebody else works on are left out.
    """
    return {row.id: row for row in session.execute(BY_IDS if alone else NOT_AT_WORK, {"ids": list(ids)})}


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

    A message without a SID is adopted: it gets this one.
    """
    message_id, before = row.id, row.state
    status = status if status in states.RANK else "accepted"  # a word we do not know yet: Twilio has it, at least
    if not states.outranks(status, row.provider_rank):
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
    if state not in states.MAY_BECOME[before]:
        note(session, message_id, before, f"Twilio reports {status}", by, now)
        session.execute(update(Message).where(Message.id == message_id).values(**changes))
        return True
    ends = DONE if state in states.SETTLED else _next_look(row, state, now)
    words = _words(state, before, error_code, wanted=row.wanted)
    moved = move(session, message_id, {before}, state, words=words, by=by, now=now, **changes, **ends)
    if moved and not row.wanted and state == states.SCHEDULED:
        again = {"next_action_at": now, "lease_until": None}
        move(session, message_id, {state}, states.CANCELLING, words="asking Twilio to cancel", by=by, now=now, **again)
    _learn(session, message_id, error_code, now)
    return moved


def _beside_state(
    row: Any, status: str, error_code: int | None, sid: str | None, now: pendulum.DateTime
) -> dict[str, Any]:
    """Return what a status says about a message beside its state."""
    told: dict[str, Any] = {"provider_rank": states.RANK[status], "provider_status": status}
    if row.sid is None:
        told |= {"sid": sid, "handed_at": now}
    if error_code:
        told["error_code"] = error_code
    return told


def _next_look(row: Any, state: str, now: pendulum.DateTime) -> dict[str, object]:
    if row.ever_unknown and state == states.SCHEDULED:  # a second copy may lie at Twilio, to be sent as well
        at = max(row.send_at.subtract(minutes=SWEEP_ORPHANS_MINUTES), now)
    else:
        wait_seconds = POLL_AFTER_SECONDS[min(row.polls, len(POLL_AFTER_SECONDS) - 1)]
        at = max(row.send_at.add(seconds=wait_seconds), now.add(seconds=60))
    return {"next_action_at": at, "lease_until": None}


def _words(state: str, before: str, error_code: int | None, *, wanted: bool) -> str:
    if state == states.CANCELLED:
        return "Twilio confirms it is cancelled"
    if not wanted and state in {states.ACCEPTED, states.SENT, states.DELIVERED, states.READ}:
        return "too late to cancel: the patient was texted"
    if error_code and state in {states.FAILED, states.UNDELIVERED}:
        return explain(error_code).words
    return f"Twilio reports: {states.WORDS[state]}"


def _seen(told: dict[str, Any]) -> bool:
    there = db.session.connection().execute(SEEN, told).first() is not None
    db.session.rollback()  # the next look sees what others have stored meanwhile
    return there


def _owner(session: Session, token: str, sid: str) -> Any:
    """Read how the message a receipt is about stands, and keep others from moving it; None when there is none."""
    row = session.execute(BY_TOKEN, {"token_hash": token_hash(token)}).first()
    if row is None:
        return session.execute(BY_SID, {"sid": sid}).first()
    return row if row.sid in {None, sid} else None


def _learn(session: Session, message_id: int, error_code: int | None, now: pendulum.DateTime) -> None:
    """Keep what an error says about the number itself: opted out, or not one that can be texted."""
    if error_code == 21610:
        opt_out(session, message_id, now=now)
    elif error_code in DEAD_NUMBER:
        flag_number(session, message_id)


def opt_out(session: Session, message_id: int, *, now: pendulum.DateTime) -> None:
    """Record that Twilio knows this number as opted out, and take back what else is on its way there."""
    e164, sender = session.execute(select(Message.to_e164, Message.sender).where(Message.id == message_id)).one()
    opt_outs.start(session, e164, sender, word="", source="twilio", by=TWILIO, now=now)


def flag_number(session: Session, message_id: int) -> None:
    """Mark the patient's number as one that cannot be texted."""
    patient_id, e164 = session.execute(
        select(Message.patient_id, Message.to_e164).where(Message.id == message_id)
    ).one()
    session.execute(
        update(Patient).where(Patient.id == patient_id, Patient.phone_e164 == e164).values(phone_flag="unreachable")
    )
