"""Whom a text from a number is about: which patient, which appointment, or that it could be several.

Families share numbers and patients have several appointments: where two could be meant, nobody guesses.
"""

from collections.abc import Collection
from dataclasses import dataclass

import pendulum
from sqlalchemy import func, select

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.models import Appointment, Clinic, Message, Patient

HEARD = frozenset({states.ACCEPTED, states.SENT, states.DELIVERED, states.READ, states.UNDELIVERED, states.FAILED})
PAST_DAYS = 2
LONG_PAST_DAYS = 90


@dataclass(frozen=True)
class Thread:
    """Where a text belongs; `several` when more than one appointment could be meant."""

    clinic_id: int | None = None
    patient_id: int | None = None
    appointment_id: int | None = None
    several: bool = False


def find(e164: str, sender: str, *, now: pendulum.DateTime) -> Thread:
    """Find whom a text to `sender` from this number is about: the appointment last talked about, if it is the only one.

    One that was answered may be answered anew; it is ambiguous when another still waits for its answer.
    """
    clinics = _clinics_of(sender)
    patients = _patients(e164, clinics)
    talked = _talked_about(e164, clinics, now)
    if talked:
        first, others = talked[0], talked[1:]
        several = any(_waits(other, now) for other in others)
        return Thread(first.clinic_id, first.patient_id, first.id, several)
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


def _talked_about(e164: str, clinics: Collection[int], now: pendulum.DateTime) -> list[Appointment]:
    """List appointments this number was texted about, the one last asked about or answered first."""
    texts = (
        select(Message.appointment_id, func.max(Message.send_at).label("asked_at"))
        .where(Message.to_e164 == e164, Message.state.in_(HEARD), Message.clinic_id.in_(clinics))
        .where(Message.kind != "staff")
        .group_by(Message.appointment_id)
        .subquery()
    )
    found = db.session.execute(
        select(Appointment, texts.c.asked_at)
        .join(texts, texts.c.appointment_id == Appointment.id)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(Appointment.starts_at > now.subtract(days=PAST_DAYS), Patient.phone_e164 == e164)
    )
    by_event = [(max(asked_at, a.answered_at or asked_at), -a.starts_at.timestamp(), a) for a, asked_at in found]
    return [a for _, _, a in sorted(by_event, key=lambda event: event[:2], reverse=True)]


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
