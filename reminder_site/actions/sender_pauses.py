"""Senders that pause: for a trouble of ours no text of theirs is taken, or gets through. Their texts wait meanwhile.

One text tries after a minute, and then ever more rarely up to every quarter of an hour. Its success ends the pause.
"""

import logging
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from reminder_site.actions.outbox import rows, wake_after
from reminder_site.db import after_commit, db, retried, transaction
from reminder_site.domain import codes
from reminder_site.domain import message_state as states
from reminder_site.domain.looks import doubled
from reminder_site.models import Message, SenderPause

log = logging.getLogger("reminder_site.sender_pauses")
FIRST_SECONDS, LONGEST_SECONDS = 60, 900
TAKEN = frozenset({states.SCHEDULED, states.ACCEPTED})
LEFT = states.ARRIVED | {states.SENT}
WAITING = Message.state == states.PENDING, Message.waits_for == "sender"


@dataclass
class Pause:
    """A sender's pause, as one transaction of intents read it; `probe_at` (UTC) is when the next text may try."""

    sender: str
    code: int
    by_receipt: bool
    tries: int
    probe_at: pendulum.DateTime
    probe_id: int | None

    @property
    def words(self) -> str:
        """Say why its texts wait."""
        return f"waiting: nothing gets through from our sender. {codes.of(self.code).words}"

    def may_try(self, way: str, now: pendulum.DateTime) -> bool:
        """Say whether a text that leaves this way may try now; what Twilio only keeps for later would prove nothing."""
        return now >= self.probe_at and not (self.by_receipt and way == "schedule")

    def looks_at(self, message: Any, way: str, now: pendulum.DateTime) -> pendulum.DateTime:
        """Return when a waiting text is looked at again, at the latest as it comes to be of no use."""
        next_at = message.send_at if self.by_receipt and way == "schedule" else max(self.probe_at, now.add(seconds=1))
        at: pendulum.DateTime = max(min(next_at, message.useful_until), now.add(seconds=1))
        return at


def begin(session: Session, sender: str, code: int, *, by_receipt: bool, now: pendulum.DateTime) -> pendulum.DateTime:
    """Have a sender pause, or go on pausing; return when the next text may try (UTC)."""
    row = of(session, sender)
    if row is None:
        row = SenderPause(sender=sender, since=now, code=code, by_receipt=by_receipt, tries=0)
        row.probe_at = now.add(seconds=FIRST_SECONDS)
        session.add(row)
        after_commit(session, lambda: log.error("a sender pauses, Twilio or carriers take nothing from it: %s", code))
    row.code, row.by_receipt = code, row.by_receipt or by_receipt
    session.flush()
    return row.probe_at


def of(session: Session, sender: str) -> SenderPause | None:
    """Return a sender's pause, kept as it is until this transaction ends; None when it does not pause."""
    return session.get(SenderPause, sender, with_for_update=True, populate_existing=True)


def try_with(session: Session, pause: Pause, message_id: int, now: pendulum.DateTime) -> bool:
    """Let one text try whether a sender's texts get through again; False when another one was first.

    If the last one that tried got through after all, the pause is over, and all may leave.
    """
    last = session.scalar(select(Message.state).where(Message.id == pause.probe_id)) if pause.probe_id else None
    if last in LEFT or (last in TAKEN and not pause.by_receipt):
        _end(session, pause.sender, now)
        return True
    pause.tries += 1
    wait = doubled(pause.tries, first_seconds=FIRST_SECONDS, longest_seconds=LONGEST_SECONDS)
    due = SenderPause.sender == pause.sender, SenderPause.probe_at <= now
    pause.probe_at = now.add(seconds=wait)
    begun = {"tries": pause.tries, "probe_at": pause.probe_at, "probe_id": message_id}
    return rows(session.execute(update(SenderPause).where(*due).values(**begun))) == 1


def heard(session: Session, row: Any, state: str, now: pendulum.DateTime) -> None:
    """Learn from what became of a text, as `receipts.standing` read it, whether its sender need not pause any more.

    `row.probes` says whether it is the one that tried last, and if so whether only its arrival proves something.
    """
    if row.probes is None:
        return
    if state in states.ARRIVED or (not row.probes and state in TAKEN | LEFT):
        sender = session.scalar(select(SenderPause.sender).where(SenderPause.probe_id == row.id))
        if sender is not None:
            _end(session, sender, now)


def release(*, now: pendulum.DateTime) -> None:
    """Have texts looked at that wait for a sender which does not pause any more: somebody held them as it ended."""
    soon = Message.next_action_at > now, Message.next_action_at <= now.add(seconds=LONGEST_SECONDS)
    no_pause = ~exists().where(SenderPause.sender == Message.sender)
    left = db.session.scalars(select(Message.sender).where(*WAITING, *soon, no_pause).distinct()).all()
    db.session.rollback()
    for sender in left:
        _release(sender, now)


@retried
def _release(sender: str, now: pendulum.DateTime) -> None:
    with transaction() as session:
        _hurry(session, sender, now)


def _end(session: Session, sender: str, now: pendulum.DateTime) -> None:
    session.execute(delete(SenderPause).where(SenderPause.sender == sender))
    after_commit(session, lambda: log.warning("a sender pauses no longer"))
    _hurry(session, sender, now)


def _hurry(session: Session, sender: str, now: pendulum.DateTime) -> None:
    """Have what waits for a sender looked at now, waiting for nobody: what others hold is left to `release`."""
    free = select(Message.id).where(Message.sender == sender, *WAITING).order_by(Message.id)
    ids = list(session.scalars(free.with_for_update(key_share=True, skip_locked=True)))
    session.execute(update(Message).where(Message.id.in_(ids)).values(next_action_at=now))
    wake_after(session)
