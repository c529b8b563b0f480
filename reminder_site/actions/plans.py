"""The only way reminders come and go: derive the plan of an appointment anew and apply the difference."""

from dataclasses import dataclass, replace
from typing import Any

import pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from reminder_site.actions.outbox import add_messages, unwant
from reminder_site.domain import message_state as states
from reminder_site.domain import zones
from reminder_site.domain.actor import Actor
from reminder_site.domain.planning import Facts, Notice, Step
from reminder_site.domain.times import to_local
from reminder_site.models import Appointment, Clinician, Message, Patient, Reminder
from reminder_site.queries.plans import Ground, ground, sender_of, texts_off_why

LAST_CALL_SECONDS = 60  # Twilio takes no cancel for sure any later than this before SendAt
NOT_SENT = frozenset({states.CANCELLED, states.SUPPRESSED})
REPLACEABLE = states.HELD_HERE | {states.SCHEDULED, states.CANCELLING}


@dataclass(frozen=True)
class Change:
    """How many reminders a new plan brought and took."""

    added: int
    dropped: int


@dataclass(frozen=True)
class _Case:
    """One appointment whose plan is being derived anew."""

    session: Session
    base: Ground
    appointment: Appointment
    patient: Patient
    by: Actor
    now: pendulum.DateTime


@dataclass(frozen=True)
class _Entry:
    """A reminder as it stands, with its message if it has one."""

    reminder: Reminder
    message: Message | None

    def leaves_by(self, moment: pendulum.DateTime) -> bool:
        """Twilio sends it by then: exchanging it for another text now could text the patient twice."""
        m = self.message
        return m is not None and m.wanted and m.state == states.SCHEDULED and m.send_at <= moment

    @property
    def texted(self) -> bool:
        """Its text has left, or is leaving too late to be called back."""
        m = self.message
        if m is None or m.state in NOT_SENT | REPLACEABLE:
            return False
        return not (m.state in states.IN_FLIGHT and m.route == "twilio")


def replan(
    session: Session, appointment: Appointment, *, by: Actor, now: pendulum.DateTime, base: Ground | None = None
) -> Change:
    """Derive the plan of one appointment as things stand now and apply the difference to reminders and messages.

    Call it last in every action that changes anything a plan depends on. `base` may be shared within a clinic.
    """
    session.flush()
    patient = session.get_one(Patient, appointment.patient_id)
    case = _Case(session, base or ground(session, appointment.clinic_id), appointment, patient, by, now)
    entries = _entries(case)
    desired = _desired(case, entries)
    dropped, new = 0, []
    for key, (step, body) in desired.items():
        entry = _standing(entries, key, appointment.round)
        if entry is not None and _same(entry, step, body, case):
            continue
        if entry is not None:
            dropped += _drop(case, entry, _why_dropped(appointment, entry))
        new.append((step, body))
    for entry in entries:
        stale = entry.reminder.round != appointment.round or entry.reminder.step_key not in desired
        if entry.reminder.wanted and stale and not entry.texted:
            dropped += _drop(case, entry, _why_dropped(appointment, entry))
    return Change(_add(case, new, entries), dropped)


def switch_off(session: Session, reminder: Reminder, *, why: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take one reminder back for good: the plan will not bring it again for this time of the appointment."""
    reminder.wanted, reminder.by_hand, reminder.dropped_why = False, True, why[:200]
    ids = session.scalars(select(Message.id).where(Message.reminder_id == reminder.id)).all()
    session.flush()
    unwant(session, ids, why=why, by=by, now=now)


def send_now(
    session: Session, appointment: Appointment, reminder: Reminder, *, by: Actor, now: pendulum.DateTime
) -> None:
    """Have one reminder leave now, as it is worded: it is taken back where it waits and planned anew for this moment.

    The plan keeps it so, whatever its rule says. It must still be callable back.
    """
    patient = session.get_one(Patient, appointment.patient_id)
    case = _Case(session, ground(session, appointment.clinic_id), appointment, patient, by, now)
    entries = _entries(case)
    entry = next(e for e in entries if e.reminder.id == reminder.id)
    if entry.message is None:
        raise ValueError("a skipped reminder has no text to send")
    _drop(case, entry, f"sent now instead, by {by.name}")
    step = replace(_by_hand(reminder), send_at=now, local=to_local(now, appointment.time_zone))
    step = replace(step, why=f"sent now by {by.name}", useful_until=max(step.useful_until or now, now.add(minutes=15)))
    _add(case, [(step, entry.message.body)], entries, by_hand=True)


def _by_hand(reminder: Reminder) -> Step:
    """Read a reminder that somebody set by hand as the step it stands for."""
    return Step(
        key=reminder.step_key,
        name=reminder.name,
        send_at=reminder.send_at,
        local=reminder.local_at,
        useful_until=reminder.useful_until,
        asks=reminder.asks,
        why=reminder.why,
    )


def _entries(case: _Case) -> list[_Entry]:
    found = case.session.execute(
        select(Reminder, Message)
        .join(Message, Message.reminder_id == Reminder.id, isouter=True)
        .where(Reminder.appointment_id == case.appointment.id)
        .order_by(Reminder.id)
        .execution_options(populate_existing=True)
    )
    return [_Entry(reminder, message) for reminder, message in found]


def _desired(case: _Case, entries: list[_Entry]) -> dict[str, tuple[Step, str]]:
    appointment, facts = case.appointment, _facts(case, entries)
    clinician = case.session.get(Clinician, appointment.clinician_id) if appointment.clinician_id else None
    by_hand = [e.reminder for e in entries if e.reminder.by_hand and e.reminder.round == appointment.round]
    off = {reminder.step_key: reminder.dropped_why for reminder in by_hand if not reminder.wanted}
    hurried = {reminder.step_key: _by_hand(reminder) for reminder in by_hand if reminder.wanted}
    desired = {}
    for step in case.base.steps(facts, now=case.now):
        if facts.notice and step.key == facts.notice.kind:
            step = replace(step, key=f"{step.key}-{appointment.notice_serial}")
        if step.key in off:
            step = replace(step, send_at=None, local=None, useful_until=None, why=f"skipped: {off[step.key]}")
        elif step.key in hurried and not step.skipped:
            step = hurried[step.key]
        body = case.base.text_of(
            step,
            first_name=case.patient.first_name,
            starts_local=appointment.starts_local,
            clinician=clinician.name if clinician else "",
        )
        desired[step.key] = (step, body)
    return desired


def _facts(case: _Case, entries: list[_Entry]) -> Facts:
    appointment, patient = case.appointment, case.patient
    off = texts_off_why(
        case.session,
        case.base.clinic,
        phone_e164=patient.phone_e164,
        phone_flag=patient.phone_flag,
        reminders_on=patient.reminders_on,
    )
    notice = None
    if appointment.notice_kind and appointment.notice_at:
        notice = Notice(appointment.notice_kind, appointment.notice_at)  # type: ignore[arg-type]
    standing = [e for e in entries if e.reminder.wanted and e.reminder.round == appointment.round]
    serial = f"-{appointment.notice_serial}"
    return Facts(
        starts_at=appointment.starts_at,
        starts_local=appointment.starts_local,
        zone=appointment.time_zone,
        ends_at=appointment.starts_at.add(minutes=appointment.duration_minutes),
        timed_at=appointment.timed_at,
        wanted=appointment.state == "booked",
        confirmed=appointment.answer == "confirmed",
        texts_on=off is None,
        texts_off_why=off,
        notice=notice,
        announced=appointment.announced,
        held={_plain(e, serial): e.reminder.send_at for e in standing if e.reminder.send_at and not e.texted},
        done={_plain(e, serial): e.message.send_at for e in standing if e.message and e.texted},
    )


def _plain(entry: _Entry, serial: str) -> str:
    """Name a notice of the present change by its kind alone, as the plan does."""
    return entry.reminder.step_key.removesuffix(serial)


def _standing(entries: list[_Entry], key: str, round_no: int) -> _Entry | None:
    """Find the reminder that stands for a step now."""
    for entry in reversed(entries):
        if entry.reminder.step_key == key and entry.reminder.round == round_no and entry.reminder.wanted:
            return entry
    return None


def _same(entry: _Entry, step: Step, body: str, case: _Case) -> bool:
    if entry.texted or (step.send_at is not None and entry.leaves_by(case.now.add(seconds=LAST_CALL_SECONDS))):
        return True
    if step.send_at is None or entry.message is None:
        return step.send_at is None and entry.message is None and entry.reminder.why == step.why
    m = entry.message
    return m.wanted and (m.send_at, m.body, m.to_e164) == (step.send_at, body, case.patient.phone_e164)


def _drop(case: _Case, entry: _Entry, why: str) -> int:
    entry.reminder.wanted, entry.reminder.by_hand, entry.reminder.dropped_why = False, False, why[:200]
    case.session.flush()
    if entry.message is None:
        return 0
    return unwant(case.session, [entry.message.id], why=why, by=case.by, now=case.now)


def _add(case: _Case, new: list[tuple[Step, str]], entries: list[_Entry], *, by_hand: bool = False) -> int:
    """Add reminders, and to those that are not skipped their texts; return how many of these."""
    reminders = [_reminder(case, step, entries, by_hand=by_hand) for step, _ in new]
    case.session.add_all(reminders)
    case.session.flush()
    texts = [
        _text(case, reminder, body)
        for reminder, (_, body) in zip(reminders, new, strict=True)
        if reminder.send_at is not None and reminder.useful_until is not None
    ]
    return len(add_messages(case.session, texts, by=case.by, now=case.now)) if texts else 0


def _text(case: _Case, reminder: Reminder, body: str) -> dict[str, Any]:
    return {
        "clinic_id": case.appointment.clinic_id,
        "patient_id": case.patient.id,
        "appointment_id": case.appointment.id,
        "reminder_id": reminder.id,
        "kind": "notice" if "-" in reminder.step_key else "reminder",
        "channel": case.patient.channel,
        "dedupe_key": f"rem:{reminder.id}:{reminder.generation}",
        "to_e164": case.patient.phone_e164,
        "sender": sender_of(case.base.clinic),
        "body": body,
        "send_at": reminder.send_at,
        "useful_until": reminder.useful_until,
    }


def _reminder(case: _Case, step: Step, entries: list[_Entry], *, by_hand: bool) -> Reminder:
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


def _why_dropped(appointment: Appointment, entry: _Entry) -> str:
    if appointment.state == "cancelled":
        return "the appointment was cancelled"
    return "the appointment was moved" if entry.reminder.round != appointment.round else "the plan changed"
