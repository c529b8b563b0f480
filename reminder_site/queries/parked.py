"""Texts that wait for a person: their fate could not be cleared up. And how many wait for the clinic's daily limit."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import and_, func, select

from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import CAP_AGAIN_MINUTES
from reminder_site.domain.names import full_name
from reminder_site.models import Appointment, Message, Patient

LIMIT_WORDS = "waiting: the clinic's limit"


@dataclass(frozen=True)
class Parked:
    """One parked text; `id` is the message's public id, moments are UTC."""

    id: str
    name: str
    phone_e164: str
    body: str
    why: str
    send_at: pendulum.DateTime
    useful: bool
    at_twilio: bool
    appointment_id: str | None


def count(clinic_id: int) -> int:
    """Return how many texts of a clinic wait for a person."""
    mine = Message.clinic_id == clinic_id, Message.state == states.NEEDS_REVIEW
    return db.session.scalar(select(func.count()).select_from(Message).where(*mine)) or 0


def over_the_limit(clinic_id: int, *, now: pendulum.DateTime) -> int:
    """Return how many texts wait because the clinic's daily limit is reached.

    These are looked at again soon, so only what is due by then is read; the filter keeps the database from going
    through all the clinic has planned instead.
    """
    mine = and_(Message.clinic_id == clinic_id, Message.state == states.PENDING)
    due_soon = Message.next_action_at <= now.add(minutes=CAP_AGAIN_MINUTES)
    waits = due_soon, Message.state_why.startswith(LIMIT_WORDS)
    return db.session.scalar(select(func.count().filter(mine)).select_from(Message).where(*waits)) or 0


def listed(*, clinic_id: int, now: pendulum.DateTime) -> list[Parked]:
    """List a clinic's parked texts, those due first before the others."""
    found = db.session.execute(
        select(Message, Patient.first_name, Patient.last_name, Appointment.public_id)
        .join(Patient, Patient.id == Message.patient_id, isouter=True)
        .join(Appointment, Appointment.id == Message.appointment_id, isouter=True)
        .where(Message.clinic_id == clinic_id, Message.state == states.NEEDS_REVIEW)
        .order_by(Message.send_at)
    )
    return [
        Parked(
            id=message.public_id,
            name=full_name(first or "", last or ""),
            phone_e164=message.to_e164,
            body=message.body,
            why=message.state_why,
            send_at=message.send_at,
            useful=now < message.useful_until and message.wanted,
            at_twilio=message.sid is not None,
            appointment_id=appointment_id,
        )
        for message, first, last, appointment_id in found
    ]
