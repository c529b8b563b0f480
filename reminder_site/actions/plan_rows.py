"""The rows a plan consists of: read those of one appointment, take some back, add others. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from reminder_site.actions.outbox import add_messages, unwant
from reminder_site.domain import message_state as states
from reminder_site.domain import zones
from reminder_site.domain.actor import Actor
from reminder_site.domain.planning import Step
from reminder_site.models import Appointment, Message, Patient, Reminder
from reminder_site.queries.plans import Ground, Text, sender_of

HAS_LEFT = frozenset({states.ACCEPTED, states.SENT, states.DELIVERED, states.READ, states.UNDELIVERED, states.FAILED})
GOT_THROUGH = frozenset({states.ACCEPTED, states.SENT, states.DELIVERED, states.READ})
NOT_DELIVERED = frozenset({states.UNDELIVERED, states.FAILED})
UNCLEAR = states.IN_FLIGHT | {states.NEEDS_REVIEW}
AT_TWILIO = frozenset({states.SCHEDULED, states.CANCELLING})
ALIVE = states.HELD_HERE | UNCLEAR | AT_TWILIO
NEW = tuple[Step, Text]


@dataclass(frozen=True)
class Change:
    """How many reminders a new plan brought and took."""

    added: int
    dropped: int


@dataclass(frozen=True)
class Case:
    """One appointment whose plan is being derived anew."""

    session: Session
    base: Ground
    appointment: Appointment
    patient: Patient
    by: Actor
    now: pendulum.DateTime


@dataclass(frozen=True)
class Entry:
    """A reminder as it stands, with its message if it has one."""

    reminder: Reminder
    message: Message | None

    @property
    def has_left(self) -> bool:
        """Its text has left: nothing can call it back."""
        return self.message is not None and self.message.state in HAS_LEFT

    @property
    def may_have_left(self) -> bool:
        """Its text has left, or is on its way to leave at once, or nobody knows: no other is planned beside it."""
        m = self.message
        return self.has_left or (m is not None and m.state in UNCLEAR and m.route != "twilio")

    @property
    def did_not_arrive(self) -> bool:
        """Its text failed: another one may take its place."""
        return self.message is not None and self.message.state in NOT_DELIVERED

    @property
    def is_alive(self) -> bool:
        """Its text may still leave."""
        return self.message is not None and self.message.state in ALIVE

    @property
    def stands(self) -> bool:
        """It is what there is of its step: skipped, or with a text that may leave, has left, or came to be too late."""
        over = self.message is not None and self.message.state == states.EXPIRED
        return self.has_left or (self.reminder.wanted and (self.message is None or self.is_alive or over))

    @property
    def waits(self) -> bool:
        """It holds its place in the plan, skipped or with a text that is still to leave."""
        return self.stands and not self.may_have_left

    @property
    def counts_as_sent(self) -> bool:
        """The patient has, or may have, its text, though somebody may have wanted it back."""
        return self.has_left or (self.reminder.wanted and self.may_have_left)

    def leaves_by(self, moment: pendulum.DateTime) -> bool:
        """Twilio sends it by then: exchanging it for another text now could text the patient twice."""
        m = self.message
        return m is not None and m.wanted and m.state == states.SCHEDULED and m.send_at <= moment


def entries_of(case: Case) -> list[Entry]:
    """Read the reminders of the appointment, the oldest first, each with the text that counts.

    Of several, which tried one after the other, that is the one that got through, or else the newest.
    """
    found = case.session.execute(
        select(Reminder, Message)
        .join(Message, Message.reminder_id == Reminder.id, isouter=True)
        .where(Reminder.appointment_id == case.appointment.id)
        .order_by(Reminder.id, Message.id)
        .execution_options(populate_existing=True)
    )
    entries: dict[int, Entry] = {}
    for reminder, message in found:
        before = entries.get(reminder.id)
        if before is None or before.message is None or before.message.state not in GOT_THROUGH:
            entries[reminder.id] = Entry(reminder, message)
    return list(entries.values())


def drop(case: Case, entry: Entry, why: str) -> int:
    """Take a reminder out of the plan and its text back; return how many texts that were."""
    entry.reminder.wanted, entry.reminder.by_hand, entry.reminder.dropped_why = False, False, why[:200]
    case.session.flush()
    return drop_text(case, entry, why)


def drop_text(case: Case, entry: Entry, why: str) -> int:
    """Take back the text of a reminder, if it has one; return how many that were."""
    if entry.message is None:
        return 0
    return unwant(case.session, [entry.message.id], why=why, by=case.by, now=case.now)


def add(case: Case, new: Sequence[NEW], entries: Sequence[Entry], *, by_hand: bool = False) -> int:
    """Add reminders, and to those that are not skipped their texts; return how many of these."""
    reminders = [_reminder(case, step, entries, by_hand=by_hand) for step, _ in new]
    case.session.add_all(reminders)
    case.session.flush()
    texts = [
        _text(case, reminder, text, _replaced(entries, reminder))
        for reminder, (_, text) in zip(reminders, new, strict=True)
        if reminder.send_at is not None and reminder.useful_until is not None
    ]
    return len(add_messages(case.session, texts, by=case.by, now=case.now)) if texts else 0


def _replaced(entries: Sequence[Entry], reminder: Reminder) -> int | None:
    """Return the text of the same step that Twilio has, or may have: the new one must not leave beside it."""
    for entry in reversed(entries):
        m, other = entry.message, entry.reminder
        same_step = (other.step_key, other.round) == (reminder.step_key, reminder.round)
        if m is not None and same_step and m.state in UNCLEAR | AT_TWILIO:
            return m.id
    return None


def _text(case: Case, reminder: Reminder, text: Text, replaces_id: int | None) -> dict[str, Any]:
    return {
        "clinic_id": case.appointment.clinic_id,
        "patient_id": case.patient.id,
        "appointment_id": case.appointment.id,
        "reminder_id": reminder.id,
        "replaces_id": replaces_id,
        "kind": "notice" if "-" in reminder.step_key else "reminder",
        "channel": case.patient.channel,
        "dedupe_key": f"rem:{reminder.id}:{reminder.generation}",
        "to_e164": case.patient.phone_e164,
        "sender": sender_of(case.base.clinic),
        "body": text.body,
        "told": dict(text.told),
        "send_at": reminder.send_at,
        "useful_until": reminder.useful_until,
    }


def _reminder(case: Case, step: Step, entries: Sequence[Entry], *, by_hand: bool) -> Reminder:
    generations = [entry.reminder.generation for entry in entries if entry.reminder.step_key == step.key]
    return Reminder(
        clinic_id=case.appointment.clinic_id,
        appointment_id=case.appointment.id,
        step_key=step.key,
        generation=max(generations, default=0) + 1,
        round=case.appointment.round,
        name=step.name,
        why=step.why[:400],
        local_at=step.local,
        time_zone=case.appointment.time_zone,
        tzdb_version=zones.version(),
        send_at=step.send_at,
        useful_until=step.useful_until,
        asks=step.asks,
        flagged=step.flagged,
        by_hand=by_hand,
        created_at=case.now,
    )
