"""The only way reminders come and go: derive the plan of an appointment anew and apply the difference."""

from collections.abc import Sequence
from dataclasses import replace

import pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from reminder_site.actions import locks
from reminder_site.actions.appointment_rows import clinician_of
from reminder_site.actions.outbox import unwant
from reminder_site.actions.plan_rows import ALIVE, Case, Change, Entry, add, drop, drop_text, entries_of
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.domain.planning import Facts, Notice, Step
from reminder_site.domain.times import to_local
from reminder_site.domain.told import still_true
from reminder_site.models import Appointment, Message, Patient, Reminder
from reminder_site.queries.plans import Ground, Text, ground, sender_of, texts_off_why

LAST_CALL_SECONDS = 60  # Twilio takes no cancel for sure any later than this before SendAt
Desired = dict[str, tuple[Step, Text]]


def replan(
    session: Session, appointment: Appointment, *, by: Actor, now: pendulum.DateTime, base: Ground | None = None
) -> Change:
    """Derive the plan of one appointment as things stand now and apply the difference to reminders and messages.

    Call it last in every action that changes anything a plan depends on. An action locks the appointment before it
    reads it (see actions.locks); one that was not locked is locked here, and read anew. `base` may be shared within a
    clinic. Raises TextTooLong.
    """
    case = _case(session, appointment, by, now, base)
    entries = entries_of(case)
    desired = _desired(case, entries)
    dropped, new = 0, []
    for key, wanted in desired.items():
        entry = _standing(entries, key, appointment.round)
        if entry is not None and _same(entry, *wanted, case):
            continue
        if entry is not None:
            dropped += _make_way(case, entry, *wanted)
        if not _reinstated(case, entries, key, wanted):
            new.append(wanted)
    dropped += sum(_drop_stale(case, entry, desired) for entry in entries)
    appointment.planned_with, appointment.plan_trouble = case.base.clinic.plan_version, ""
    return Change(add(case, new, entries), dropped)


def switch_off(session: Session, reminder: Reminder, *, why: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take one reminder back for good: the plan will not bring it again for this time of the appointment."""
    reminder.wanted, reminder.by_hand, reminder.dropped_why = False, True, why[:200]
    same_step = select(Reminder.id).where(
        Reminder.appointment_id == reminder.appointment_id,
        Reminder.step_key == reminder.step_key,
        Reminder.round == reminder.round,
    )
    alive = Message.reminder_id.in_(same_step), Message.state.in_(ALIVE)
    ids = session.scalars(select(Message.id).where(*alive)).all()
    session.flush()
    unwant(session, ids, why=why, by=by, now=now)


def send_now(
    session: Session,
    appointment: Appointment,
    reminder: Reminder,
    *,
    at: pendulum.DateTime,
    by: Actor,
    now: pendulum.DateTime,
) -> None:
    """Have one reminder leave now, or at an opening soon (`at`, UTC), as it is worded: taken back and planned anew.

    The plan keeps it so, whatever its rule says. What Twilio holds of it is asked back first, and if it leaves all the
    same it is the one.
    """
    case = _case(session, appointment, by, now)
    entries = entries_of(case)
    entry = next(e for e in entries if e.reminder.id == reminder.id)
    if entry.message is None:
        raise ValueError("a skipped reminder has no text to send")
    drop(case, entry, f"sent now instead, by {by.name}")
    step = replace(_by_hand(reminder), send_at=at, local=to_local(at, appointment.time_zone))
    step = replace(step, why=f"sent now by {by.name}", useful_until=max(step.useful_until or at, at.add(minutes=15)))
    text = Text(entry.message.body, entry.message.told or {}, {}, appointment.starts_local)
    add(case, [(step, text)], entries, by_hand=True)


def _case(
    session: Session, appointment: Appointment, by: Actor, now: pendulum.DateTime, base: Ground | None = None
) -> Case:
    session.flush()
    if not locks.is_held(session, appointment):
        locks.appointments(session, Appointment.id == appointment.id)
    locks.texts_of(session, appointment.id)
    fresh = not locks.is_made(session, appointment)  # whoever made it has locked or made its patient, too
    patient = session.get_one(Patient, appointment.patient_id, populate_existing=fresh)
    return Case(session, base or ground(session, appointment.clinic_id), appointment, patient, by, now)


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


def _desired(case: Case, entries: Sequence[Entry]) -> Desired:
    appointment, facts = case.appointment, _facts(case, entries)
    clinician = clinician_of(case.session, appointment)
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
        text = case.base.text_of(
            step,
            first_name=case.patient.first_name,
            starts_local=appointment.starts_local,
            clinician=clinician,
        )
        desired[step.key] = (step, text)
    return desired


def _facts(case: Case, entries: Sequence[Entry]) -> Facts:
    appointment, patient = case.appointment, case.patient
    off = texts_off_why(
        case.session,
        case.base.clinic,
        phone_e164=patient.phone_e164,
        phone_flag=patient.phone_flag,
        agreed=patient.agreed,
        reminders_on=patient.reminders_on,
    )
    notice = None
    if appointment.notice_kind and appointment.notice_at:
        notice = Notice(appointment.notice_kind, appointment.notice_at)  # type: ignore[arg-type]
    here = [e for e in entries if e.reminder.round == appointment.round]
    serial = f"-{appointment.notice_serial}"
    held = {_plain(e, serial): e.reminder.send_at for e in here if e.reminder.send_at and e.waits}
    done = [e for e in here if e.counts_as_sent and not (e.did_not_arrive and _plain(e, serial) in held)]
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
        phone_zones=patient.phone_zones,
        shut_why=case.base.shut_why(appointment.starts_local, appointment.timed_at),
        held=held,
        done={_plain(e, serial): e.message.send_at for e in done if e.message},
    )


def _plain(entry: Entry, serial: str) -> str:
    """Name a notice of the present change by its kind alone, as the plan does."""
    return entry.reminder.step_key.removesuffix(serial)


def _standing(entries: Sequence[Entry], key: str, round_no: int) -> Entry | None:
    """Find the reminder that stands for a step now, the newest of several; else one whose text came to nothing."""
    of_step = [e for e in reversed(entries) if (e.reminder.step_key, e.reminder.round) == (key, round_no)]
    wanted = [e for e in of_step if e.reminder.wanted]
    return next((e for e in of_step if e.stands), wanted[0] if wanted else None)


def _same(entry: Entry, step: Step, text: Text, case: Case) -> bool:
    m = entry.message
    if entry.may_have_left or (step.send_at is not None and entry.leaves_by(case.now.add(seconds=LAST_CALL_SECONDS))):
        return True
    if step.send_at is None:
        return (m is None and entry.reminder.why == step.why) or (m is not None and m.state == states.EXPIRED)
    return m is not None and m.wanted and entry.is_alive and _is_worded_so(m, step, text, case)


def _is_worded_so(message: Message, step: Step, text: Text, case: Case) -> bool:
    there = message.send_at, message.body, message.to_e164, message.sender
    return there == (step.send_at, text.body, case.patient.phone_e164, sender_of(case.base.clinic))


def _make_way(case: Case, entry: Entry, step: Step, text: Text) -> int:
    """Take a reminder out of the plan for another one of its step; return how many texts were taken back.

    A text that Twilio holds and that still tells the truth stays there until the other one may leave.
    """
    if step.send_at is not None and _still_serves(case, entry, text):
        entry.reminder.wanted, entry.reminder.by_hand = False, False
        entry.reminder.dropped_why = "another text takes its place as soon as that may leave"
        case.session.flush()
        return 0
    return drop(case, entry, _why_dropped(case.appointment, entry))


def _still_serves(case: Case, entry: Entry, text: Text) -> bool:
    m = entry.message
    held = m is not None and m.wanted and m.state == states.SCHEDULED and m.to_e164 == case.patient.phone_e164
    return m is not None and held and still_true(m.told, text.facts_now)


def _reinstated(case: Case, entries: Sequence[Entry], key: str, wanted: tuple[Step, Text]) -> bool:
    """Bring back a text that was to make way and still lies at Twilio, if it is just what is wanted again."""
    step, text = wanted
    for entry in entries:
        m, reminder = entry.message, entry.reminder
        if (reminder.step_key, reminder.round) != (key, case.appointment.round) or reminder.wanted:
            continue
        if m is not None and m.wanted and m.state == states.SCHEDULED and _is_worded_so(m, step, text, case):
            reminder.wanted, reminder.dropped_why = True, ""
            case.session.flush()
            return True
    return False


def _drop_stale(case: Case, entry: Entry, desired: Desired) -> int:
    """Take back what belongs to another time of the appointment, to no step any more, or has become untrue."""
    reminder, m = entry.reminder, entry.message
    step, text = desired.get(reminder.step_key, (None, None))
    stale = reminder.round != case.appointment.round or step is None
    if reminder.wanted:
        return drop(case, entry, _why_dropped(case.appointment, entry)) if stale and not entry.has_left else 0
    if m is None or not m.wanted or entry.has_left or not entry.is_alive:
        return 0
    serves = step is not None and step.send_at is not None and text is not None and _still_serves(case, entry, text)
    return 0 if serves and not stale else drop_text(case, entry, _why_dropped(case.appointment, entry))


def _why_dropped(appointment: Appointment, entry: Entry) -> str:
    if appointment.state == "cancelled":
        return "the appointment was cancelled"
    return "the appointment was moved" if entry.reminder.round != appointment.round else "the plan changed"
