"""Shared steps on the outbox: put a message in, take one out, move one along; inside the caller's transaction."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

import pendulum
from sqlalchemy import Update, bindparam, false, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key

from reminder_site.actions import audit
from reminder_site.db import after_commit, before_commit
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.domain.delivery import SWEEP_ORPHANS_MINUTES, route
from reminder_site.failpoints import reach
from reminder_site.gateways.alarms import alarms
from reminder_site.models import Message, MessageEvent


def add_message(session: Session, *, by: Actor, now: pendulum.DateTime, **columns: Any) -> Message:
    """Put one message in the outbox, as `add_messages` does."""
    return add_messages(session, [columns], by=by, now=now)[0]


def add_messages(
    session: Session, wanted: Sequence[dict[str, Any]], *, by: Actor, now: pendulum.DateTime
) -> list[Message]:
    """Put messages in the outbox, to be looked at when they can leave; one with the same dedupe_key is not doubled.

    Each of `wanted` holds columns of models.Message; send_at and useful_until are UTC.
    """
    keys = [columns["dedupe_key"] for columns in wanted]
    there = {m.dedupe_key: m for m in session.scalars(select(Message).where(Message.dedupe_key.in_(keys)))}
    new = [_new(columns, now) for columns in wanted if columns["dedupe_key"] not in there]
    session.add_all(new)
    session.flush()
    for message in new:
        note(session, message.id, states.PENDING, "planned", by, now)
        until = message.next_action_at
        if until is not None and until > now:
            wake_later(session, (until - now).total_seconds())
        else:
            wake_after(session)
    there |= {message.dedupe_key: message for message in new}
    return [there[key] for key in keys]


def move(
    session: Session,
    message_id: int,
    sources: Collection[str],
    to: str,
    *,
    words: str,
    by: Actor,
    now: pendulum.DateTime,
    **changes: Any,
) -> bool:
    """Move a message to a state if it is in one of `sources`; False means the race was lost.

    The only way a state changes, save the lease of a batch. Raises IllegalTransition for a move nobody may make.
    One that was once unclear and is not to be sent is looked at once more, before a twin of it could leave Twilio.
    """
    for source in sources:
        states.check(source, to)
    if to in states.SETTLED or to == states.SENT:
        changes.setdefault("finished_at", now)
    values = {"state": to, "state_why": words[:200], "failures": 0, "waits_for": "", **changes}
    if to in NOT_ON_ITS_WAY:
        values.setdefault("reaches_at", None)
    given = {f"new_{name}": value for name, value in values.items()}
    found = session.execute(_moving(frozenset(sources), tuple(values)), {"moved_id": message_id, **given}).first()
    if found is None:
        return False
    if to in WOULD_BE_SENT_BY_A_TWIN and found.ever_unknown and now < found.send_at:
        values["next_action_at"] = max(found.send_at.subtract(minutes=SWEEP_ORPHANS_MINUTES), now)
        session.execute(LOOK_AGAIN, {"moved_id": message_id, "at": values["next_action_at"]})
    _show(session, message_id, {**values, "version": found.version})
    note(session, message_id, to, words, by, now)
    audit.record(session, actor=by, what=f"message.{to}", clinic_id=found.clinic_id, subject=found.public_id, now=now)
    return True


def unwant(session: Session, ids: Iterable[int], *, why: str, by: Actor, now: pendulum.DateTime) -> int:
    """Take messages back: what waits here is cancelled, what Twilio holds is asked back; returns how many it touched.

    A message in flight is only marked: it is asked back once its SID is known. One that waits for a person is asked
    back, too; where nobody knows whether Twilio has it, Twilio is asked until that is known.
    """
    touched = 0
    mark = {"wanted": False, "unwanted_why": why[:200]}
    for message_id in sorted(ids):  # in one order everywhere: nobody waits for somebody who waits for them
        found = session.execute(UNWANT, {"unwanted_id": message_id, **mark}).first()
        if found is None:
            continue
        touched += 1
        _show(session, message_id, {**mark, "version": found.version})
        _take_back(session, found, why, by, now)
    if touched:
        wake_after(session)
    return touched


def _take_back(session: Session, found: Any, why: str, by: Actor, now: pendulum.DateTime) -> None:
    at_once = {"next_action_at": now, "lease_until": None}
    parked = found.state == states.NEEDS_REVIEW
    if found.state in states.HELD_HERE or (parked and found.sid is None and not found.ever_unknown):
        words = f"cancelled: {why}"
        move(session, found.id, {found.state}, states.CANCELLED, words=words, by=by, now=now, **DONE)
    elif found.state == states.SCHEDULED or (parked and found.sid is not None):
        words = f"asking Twilio to cancel: {why}"
        move(session, found.id, {found.state}, states.CANCELLING, words=words, by=by, now=now, **at_once)
    elif parked:
        session.execute(LOOK_NOW, {"moved_id": found.id, "at": now})


def unwant_number(
    session: Session, e164: str, sender: str, *, why: str, besides: int | None = None, by: Actor, now: pendulum.DateTime
) -> int:
    """Take back every unsettled text to one number from one sender, `besides` one; returns how many."""
    ids = session.scalars(
        select(Message.id).where(
            Message.to_e164 == e164,
            Message.sender == sender,
            Message.wanted,
            Message.state.not_in(states.SETTLED | {states.SENT, states.ACCEPTED}),
        )
    )
    return unwant(session, set(ids) - {besides}, why=why, by=by, now=now)


def unwant_patient(session: Session, patient_id: int, *, why: str, by: Actor, now: pendulum.DateTime) -> int:
    """Take back every unsettled text to one patient, written by hand or planned; returns how many."""
    on_its_way = Message.state.not_in(states.SETTLED | {states.SENT, states.ACCEPTED})
    mine = Message.patient_id == patient_id, Message.wanted, on_its_way
    return unwant(session, session.scalars(select(Message.id).where(*mine)).all(), why=why, by=by, now=now)


def look_again(session: Session, clinic_id: int, *, now: pendulum.DateTime) -> None:
    """Have a clinic's texts that wait for its own limits or switches looked at at once."""
    waiting = Message.clinic_id == clinic_id, Message.state == states.PENDING, Message.waits_for.in_(SETTINGS_WAITS)
    ids = list(session.scalars(select(Message.id).where(*waiting).order_by(Message.id).with_for_update(key_share=True)))
    if ids:
        session.execute(update(Message).where(Message.id.in_(ids)).values(next_action_at=now))
        wake_after(session)


def note(session: Session, message_id: int, state: str, words: str, by: Actor, now: pendulum.DateTime) -> None:
    """Add a line to a message's history, written with all others of this transaction before its audit chain is locked.

    A line shares a lock on its message: whoever held the chain and waited for a message could wait for ever.
    """
    line = {"message_id": message_id, "at": now, "state": state, "words": words[:300], "by": by.name}
    session.info.setdefault("history", []).append(line)
    before_commit(session, _write_history, first=True)


def _new(columns: dict[str, Any], now: pendulum.DateTime) -> Message:
    until = route(send_at=columns["send_at"], useful_until=columns["useful_until"], now=now).until
    return Message(created_at=now, next_action_at=until or now, **columns)


def wake_after(session: Session) -> None:
    """Wake the worker once this transaction is committed (a hint; the sweep finds the work without it)."""
    hooks = session.info.setdefault("after_commit", [])
    if _ring not in hooks:
        after_commit(session, _ring)


def wake_later(session: Session, delay_seconds: float) -> None:
    """Wake the worker so long after this transaction is committed (a Huey delayed task; a hint, as all of them)."""
    after_commit(session, lambda: alarms().in_seconds(delay_seconds))


def rows(result: Any) -> int:
    """Return how many rows a conditional UPDATE touched."""
    return int(result.rowcount) if isinstance(result, CursorResult) else 0


@cache
def _moving(sources: frozenset[str], names: tuple[str, ...]) -> Update:
    """Build the statement that moves a message and changes these columns; every text passes here several times.

    One comparison for each source: an IN would have its text made anew each time.
    """
    in_one_of_them = or_(false(), *(MESSAGES.c.state == source for source in sorted(sources)))
    here = MESSAGES.c.id == bindparam("moved_id"), in_one_of_them
    values = {name: bindparam(f"new_{name}", type_=MESSAGES.c[name].type) for name in names}
    moved = MESSAGES.update().where(*here).values(version=MESSAGES.c.version + 1, **values)
    return moved.returning(*(MESSAGES.c[n] for n in ("public_id", "clinic_id", "version", "ever_unknown", "send_at")))


def _show(session: Session, message_id: int, values: dict[str, Any]) -> None:
    """Let whoever holds the row in this session see what was changed behind its back."""
    held = session.identity_map.get(identity_key(Message, message_id))
    for name, value in values.items() if held is not None else ():
        set_committed_value(held, name, value)


def _write_history(session: Session) -> None:
    session.execute(NOTES, session.info.pop("history"))


def _ring() -> None:
    reach("before_hint")
    alarms().now()


MESSAGES = Message.metadata.tables["message"]
NOTES = MessageEvent.metadata.tables["message_event"].insert()
UNWANT = MESSAGES.update().where(
    MESSAGES.c.id == bindparam("unwanted_id"), MESSAGES.c.wanted, MESSAGES.c.state.not_in(sorted(states.SETTLED))
)
UNWANT = UNWANT.values(
    wanted=bindparam("wanted"), unwanted_why=bindparam("unwanted_why"), version=MESSAGES.c.version + 1
).returning(*(MESSAGES.c[name] for name in ("id", "state", "sid", "ever_unknown", "version")))
LOOK_NOW = MESSAGES.update().where(MESSAGES.c.id == bindparam("moved_id"))
LOOK_NOW = LOOK_NOW.values(next_action_at=bindparam("at"), lease_until=None)
LOOK_AGAIN = MESSAGES.update().where(MESSAGES.c.id == bindparam("moved_id")).values(next_action_at=bindparam("at"))
SETTINGS_WAITS = ("daily_limit", "texting_off", "quiet_hours")
NOT_ON_ITS_WAY = states.HELD_HERE | {states.CANCELLED, states.SUPPRESSED, states.EXPIRED}
WOULD_BE_SENT_BY_A_TWIN = frozenset({states.CANCELLED, states.SUPPRESSED})
DONE: dict[str, Any] = {"next_action_at": None, "lease_until": None}
