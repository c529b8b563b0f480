"""The reminders of one appointment: what is planned, what left, what was taken back, each with its text and history."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime

import pendulum
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.domain.times import Placed, resolve, to_local
from reminder_site.models import Appointment, Message, MessageEvent, Reminder
from reminder_site.queries.plans import Ground, ground
from reminder_site.queries.threads import HEARD

TRIED_AGAIN = "it did not get through, and was tried again"


@dataclass(frozen=True)
class Event:
    """One step in a text's history; `at` is UTC."""

    at: pendulum.DateTime
    state: str
    words: str
    by: str


@dataclass(frozen=True)
class ReminderFacts:
    """One reminder with its text, if it has one; `current` says that it belongs to the appointment's present plan.

    `state` is the message's, or "skipped"; moments are UTC.
    """

    id: str
    step: str
    name: str
    current: bool
    why: str
    dropped_why: str
    asks: bool
    flagged: bool
    send_at: pendulum.DateTime | None
    useful_until: pendulum.DateTime | None
    state: str
    body: str
    to_e164: str
    error_code: int | None
    state_why: str
    handed_at: pendulum.DateTime | None
    arrived_at: pendulum.DateTime | None
    history: tuple[Event, ...]

    @property
    def left_at(self) -> pendulum.DateTime | None:
        """Return when it left, if it has, or else when it is to leave (UTC)."""
        if self.send_at is None or self.handed_at is None or self.state not in HEARD:
            return self.send_at
        return max(self.send_at, self.handed_at)

    @property
    def skipped(self) -> bool:
        """Tell whether nothing is sent."""
        return self.state == "skipped"


def of_appointment(*, clinic_id: int, key: int) -> list[ReminderFacts]:
    """List an appointment's reminders in the order of their times; those nobody ever saw are left out.

    A skipped one stands where its rule aims at.
    """
    rows = db.session.execute(
        select(Reminder, Message, Appointment.round, Appointment.starts_local)
        .join(Appointment, Appointment.id == Reminder.appointment_id)
        .join(Message, Message.reminder_id == Reminder.id, isouter=True)
        .where(Reminder.clinic_id == clinic_id, Reminder.appointment_id == key)
        .order_by(Reminder.id, Message.id)
    ).all()
    base = ground(db.session(), clinic_id)
    rows = sorted(rows, key=lambda row: _place(base, row.Reminder, row.starts_local))
    history = _history([row.Message.id for row in rows if row.Message is not None])
    newest = {
        row.Reminder.id: row.Message for row in sorted(rows, key=lambda row: row.Message.id if row.Message else 0)
    }
    found = (
        _facts(row.Reminder, row.Message, history, row.Reminder.round == row.round)
        if newest[row.Reminder.id] is row.Message
        else replace(_facts(row.Reminder, row.Message, history, False), dropped_why=TRIED_AGAIN)
        for row in rows
    )
    return [each for each in found if each.current or not each.skipped]


def time_before_untold_move(*, key: int, now: pendulum.DateTime) -> Placed | None:
    """Return the time a patient still goes by: the one before a move whose text has not left; None if there is none."""
    waiting = (
        select(Appointment.moved_from)
        .join(Reminder, Reminder.appointment_id == Appointment.id)
        .join(Message, Message.reminder_id == Reminder.id)
        .where(
            Appointment.id == key,
            Appointment.state == "booked",
            Reminder.round == Appointment.round,
            Reminder.step_key.startswith("moved-"),
            Reminder.wanted,
            Message.state.in_(states.HELD_HERE | {states.SCHEDULED}),
        )
    )
    before = db.session.scalars(waiting.limit(1)).first()
    if before is None:
        return None
    local, zone, fold = datetime.fromisoformat(before["starts_local"]), before["time_zone"], before["fold"]
    placed = Placed(local, zone, fold, resolve(local, zone, fold))
    return placed if placed.at > now else None


def _place(base: Ground, reminder: Reminder, starts_local: datetime) -> tuple[datetime, bool]:
    decided_local = to_local(reminder.created_at, reminder.time_zone)
    return base.place(reminder.step_key, reminder.local_at, starts_local, decided_local)


def _facts(
    reminder: Reminder, message: Message | None, history: dict[int, list[Event]], in_round: bool
) -> ReminderFacts:
    return ReminderFacts(
        id=reminder.public_id,
        step=reminder.step_key,
        name=reminder.name,
        current=reminder.wanted and in_round,
        why=reminder.why,
        dropped_why=reminder.dropped_why,
        asks=reminder.asks,
        flagged=reminder.flagged,
        send_at=message.send_at if message else reminder.send_at,
        useful_until=reminder.useful_until,
        state=message.state if message else "skipped",
        body=message.body if message else "",
        to_e164=message.to_e164 if message else "",
        error_code=message.error_code if message else None,
        state_why=message.state_why if message else "",
        handed_at=message.handed_at if message else None,
        arrived_at=message.finished_at if message and message.state in states.ARRIVED else None,
        history=tuple(history.get(message.id, ())) if message else (),
    )


def _history(ids: list[int]) -> dict[int, list[Event]]:
    columns = MessageEvent.message_id, MessageEvent.at, MessageEvent.state, MessageEvent.words, MessageEvent.by
    rows = db.session.execute(select(*columns).where(MessageEvent.message_id.in_(ids)).order_by(MessageEvent.id))
    found: dict[int, list[Event]] = defaultdict(list)
    for row in rows:
        found[row.message_id].append(Event(row.at, row.state, row.words, row.by))
    return found
