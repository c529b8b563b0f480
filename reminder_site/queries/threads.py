"""Whom a text from a number is about: which patient, which appointment, or that it could be several.

Families share numbers and patients have several appointments: where two could be meant, nobody guesses.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import and_, func, null, or_, select, union_all

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.models import Appointment, Clinic, InboundMessage, Message, Patient, Reminder

HEARD = frozenset({states.ACCEPTED, states.SENT, states.DELIVERED, states.READ, states.UNDELIVERED, states.FAILED})
NOT_TOLD_YET = states.IN_FLIGHT | {states.SCHEDULED, states.CANCELLING}
PAST_DAYS = 2
LONG_PAST_DAYS = 90


@dataclass(frozen=True)
class Telling:
    """What a phone was last told about an appointment, and when (UTC): the facts as domain.told has them.

    Of texts that did not note their facts only the `round` of the appointment is known that they were about.
    """

    at: pendulum.DateTime
    facts: Mapping[str, str] | None
    round: int | None


@dataclass(frozen=True)
class Thread:
    """Where a text belongs; `several` when more than one appointment could be meant.

    `telling` is what this phone was last told about the appointment; None when it was never told of it.
    """

    clinic_id: int | None = None
    patient_id: int | None = None
    appointment_id: int | None = None
    several: bool = False
    telling: Telling | None = None


def find(e164: str, sender: str, *, now: pendulum.DateTime) -> Thread:
    """Find whom a text to `sender` from this number is about: the appointment last talked about, if it is the only one.

    One that was answered may be answered anew; it is ambiguous when another still waits for its answer.
    """
    clinics = _clinics_of(sender)
    patients = _patients(e164, clinics)
    talked = _talked_about(e164, clinics, now)
    if talked:
        (first, telling), others = talked[0], talked[1:]
        several = any(_waits(other, now) for other, _ in others)
        return Thread(first.clinic_id, first.patient_id, first.id, several, telling)
    return _untexted(patients, clinics, now)


def numbers_patients(e164: str, sender: str) -> list[Patient]:
    """List the patients a number belongs to, among the clinics of one sender, the newest first."""
    return _patients(e164, _clinics_of(sender))


def sender_of_text(service: str, to: str) -> str:
    """Return the sender a patient wrote to, as opt-outs name it: a clinic's own, else the service, else the site's."""
    own = db.session.scalar(select(Clinic.sender).where(Clinic.sender.in_([s for s in (service, to) if s])).limit(1))
    return own or service or settings().twilio_messaging_service_sid


def _clinics_of(sender: str) -> list[int]:
    names = {sender, ""} if sender == settings().twilio_messaging_service_sid else {sender}
    return list(db.session.scalars(select(Clinic.id).where(Clinic.sender.in_(names)).order_by(Clinic.id)))


def _patients(e164: str, clinics: Collection[int]) -> list[Patient]:
    mine = Patient.phone_e164 == e164, Patient.clinic_id.in_(clinics)
    return list(db.session.scalars(select(Patient).where(*mine).order_by(Patient.id.desc())))


def _talked_about(e164: str, clinics: Collection[int], now: pendulum.DateTime) -> list[tuple[Appointment, Telling]]:
    """List appointments this number was told of, the one last asked about or answered first."""
    newest: dict[int, Telling] = {}
    for row in db.session.execute(_tellings(e164, clinics, now)):
        newest[row.appointment_id] = Telling(row.told_at, row.told, row.round)
    found = db.session.scalars(
        select(Appointment)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(Appointment.id.in_(newest), Patient.phone_e164 == e164)
        .where(Appointment.starts_at > now.subtract(days=PAST_DAYS))
        .execution_options(populate_existing=True)
    )
    by_event = [(max(newest[a.id].at, a.answered_at or newest[a.id].at), -a.starts_at.timestamp(), a) for a in found]
    return [(a, newest[a.id]) for _, _, a in sorted(by_event, key=lambda event: event[:2], reverse=True)]


def _tellings(e164: str, clinics: Collection[int], now: pendulum.DateTime) -> Any:
    """Select what a phone was told, the oldest first: by texts of ours that got through, and by replies to its own."""
    told_at = func.coalesce(Message.reaches_at, Message.send_at)
    may_have_come = and_(Message.state.in_(NOT_TOLD_YET), Message.send_at <= now)  # an answer overtakes the receipt
    texts = (
        select(Message.appointment_id, told_at.label("told_at"), Message.told, Reminder.round.label("round"))
        .join(Reminder, Reminder.id == Message.reminder_id, isouter=True)
        .where(Message.to_e164 == e164, Message.clinic_id.in_(clinics))
        .where(or_(Message.state.in_(HEARD), may_have_come))
        .where(Message.appointment_id.is_not(None), Message.kind != "staff")
    )
    replies = select(
        InboundMessage.appointment_id, InboundMessage.received_at, InboundMessage.told, null().label("round")
    ).where(InboundMessage.from_e164 == e164, InboundMessage.clinic_id.in_(clinics), InboundMessage.told.is_not(None))
    both = union_all(texts, replies).subquery()
    return select(both).order_by(both.c.told_at)


def _waits(appointment: Appointment, now: pendulum.DateTime) -> bool:
    return appointment.state == "booked" and appointment.answer == "none" and appointment.starts_at > now


def _untexted(patients: list[Patient], clinics: list[int], now: pendulum.DateTime) -> Thread:
    """Place a text from a number that was not texted lately: its only coming appointment, else the last one."""
    if not patients:
        return Thread(clinic_id=clinics[0] if clinics else None)
    mine = Appointment.patient_id.in_([p.id for p in patients])
    coming = select(Appointment).where(mine, Appointment.starts_at > now, Appointment.state == "booked")
    ahead = db.session.scalars(coming.order_by(Appointment.starts_at).limit(2)).all()
    over = select(Appointment).where(mine, Appointment.starts_at.between(now.subtract(days=LONG_PAST_DAYS), now))
    found = ahead[0] if ahead else db.session.scalar(over.order_by(Appointment.starts_at.desc()).limit(1))
    if found is None:
        return Thread(patients[0].clinic_id, patients[0].id)
    return Thread(found.clinic_id, found.patient_id, found.id, several=len(ahead) > 1)
