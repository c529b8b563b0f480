"""A phone that could mean several appointments gets a list with letters; what its letters say is done one by one.

Shared steps, inside the transaction that stores the patient's text.
"""

from collections.abc import Mapping
from typing import Final

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import answering, locks, tellings
from reminder_site.domain import lettered, segments
from reminder_site.domain.answers import WORDS, Kind
from reminder_site.domain.lettered import Item
from reminder_site.domain.spoken import day_and_clock
from reminder_site.domain.times import to_local
from reminder_site.domain.told import ASKS
from reminder_site.domain.wording import day_of, time_of
from reminder_site.models import Appointment, Clinic, InboundMessage, Patient
from reminder_site.queries import threads
from reminder_site.queries.threads import OpenList

SAYS: Final = {
    "confirmed_reply": "yes, see you",
    "change_reply": "we will be in touch about another time",
    "cannot_come_reply": "cancelled",
    "past_reply": "is over",
    "cancelled_reply": "had been cancelled",
    "taken_reply": "may have been given away, we will be in touch",
}
IN_TOUCH: Final = "we will be in touch"


def offer(session: Session, row: InboundMessage, meant: tuple[int, ...], *, now: pendulum.DateTime) -> str:
    """Write the list of the appointments that could be meant and keep what its letters stand for; empty if none fits.

    Appointments at several clinics, a change that may be undone yet, and more than two segments can hold are left to a
    person.
    """
    found = session.execute(
        select(Appointment, Patient.first_name)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(Appointment.id.in_(meant), Appointment.starts_at > now, Appointment.state == "booked")
        .where(Patient.phone_e164 == row.from_e164)
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    clinics = {appointment.clinic_id for appointment, _ in found}
    undoes = any(one.undo_until is not None and now <= one.undo_until for one, _ in found)
    if len(clinics) != 1 or len(found) < 2 or undoes:
        return ""
    clinic = session.get_one(Clinic, *clinics)
    text = lettered.write(clinic.text_name, clinic.phone, [Item(name, _when(one, now)) for one, name in found])
    if text:
        row.offered = {
            letter: {"appointment_id": one.id, "told": {"starts": one.starts_local.isoformat()}}
            for letter, (one, _) in zip(lettered.LETTERS, found, strict=False)
        }
    return text


def read(session: Session, body: str, asked: OpenList) -> dict[str, Kind]:
    """Return what a text says about the letters of a list; nothing when any of it is in doubt."""
    ids = asked.appointments
    names = session.execute(
        select(Appointment.id, Patient.first_name)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(Appointment.id.in_(ids.values()))
    )
    first_names = {one.id: one.first_name for one in names}
    return lettered.read(body, {letter: first_names[key] for letter, key in ids.items() if key in first_names})


def take(
    session: Session,
    row: InboundMessage,
    asked: OpenList,
    said: Mapping[str, Kind],
    *,
    sender: str,
    written_at: pendulum.DateTime,
    now: pendulum.DateTime,
) -> str:
    """Let each letter's answer do what it does; note the effects, and return the one reply to them all."""
    letters = {asked.appointments[letter]: letter for letter in sorted(said)}
    held = locks.appointments(session, Appointment.id.in_(letters))
    effects, lines, short, told = [], [], [], []
    for appointment in sorted(held, key=lambda one: letters[one.id]):
        letter = letters[appointment.id]
        listed = asked.starts[letter]
        effect, says, person = _done(session, row, appointment, listed, said[letter], sender, written_at, now)
        when = f" {_when(appointment, now)}" if says != IN_TOUCH else ""  # perhaps the desk chose not to text about it
        stands = day_and_clock(appointment.starts_local, to_local(now, appointment.time_zone).date())
        effects.append(f"{letter}, {stands}: {effect}")
        lines.append(f"{letter}{when}: {says}")
        short.append(f"{letter}: {says}")
        if when:
            starts = {"starts": appointment.starts_local.isoformat(), ASKS: "nothing"}
            told.append({"appointment_id": appointment.id, "told": starts})
        row.needs_person = row.needs_person or person
    row.effect, row.told = "; ".join(effects)[:200], {"each": told} if told else None
    row.appointment_id, row.patient_id, row.clinic_id = held[0].id, held[0].patient_id, held[0].clinic_id
    if said.keys() == asked.appointments.keys():
        session.execute(update(InboundMessage).where(InboundMessage.id == asked.id).values(needs_person=False))
    clinic = session.get_one(Clinic, held[0].clinic_id)
    return _fitting(*(f"{clinic.text_name}: thank you. {'. '.join(form)}. {clinic.phone}" for form in (lines, short)))


def _done(
    session: Session,
    row: InboundMessage,
    appointment: Appointment,
    listed: str,
    kind: Kind,
    sender: str,
    written_at: pendulum.DateTime,
    now: pendulum.DateTime,
) -> tuple[str, str, bool]:
    """Return what an answer did in words for the desk and for the patient, and whether a person is needed."""
    phone = session.scalar(select(Patient.phone_e164).where(Patient.id == appointment.patient_id))
    if phone != row.from_e164:
        return f"{WORDS[kind]}, but the patient has another number now", IN_TOUCH, True
    told = threads.tellings_of(appointment.id, row.from_e164, sender, now=now, written_at=written_at)
    other = tellings.otherwise(session, appointment, told, written_at=written_at, now=now)
    if listed != appointment.starts_local.isoformat():
        other = other or "the list named another time: nothing was changed"
    if appointment.starts_at > now and other:
        return f"{WORDS[kind]}, but {other}", IN_TOUCH, True
    if overtaken := tellings.overtaken(row, appointment, written_at):
        return f"{WORDS[kind]}, but {overtaken}", "what you said later stands", False
    decision = answering.answer(session, appointment, kind, way="text", said_at=written_at, now=now)
    return decision.effect, SAYS.get(decision.reply, IN_TOUCH), decision.needs_person


def _fitting(full: str, short: str) -> str:
    """Return a reply in full where two segments hold it, else without the times, which the list had."""
    return full if segments.count(full).segments <= lettered.MOST_SEGMENTS else short


def _when(appointment: Appointment, now: pendulum.DateTime) -> str:
    today = to_local(now, appointment.time_zone).date()
    return f"{day_of(appointment.starts_local.date(), today)} {time_of(appointment.starts_local)}"
