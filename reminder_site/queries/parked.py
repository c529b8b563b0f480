"""What waits for a person: texts whose fate could not be cleared up, appointments whose texts could not be planned.

And how many texts wait for the clinic's daily limit.
"""

from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import and_, func, select

from reminder_site.db import db
from reminder_site.domain import looks
from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import CAP_AGAIN_MINUTES
from reminder_site.domain.names import full_name
from reminder_site.models import Appointment, Message, Patient
from reminder_site.models.appointment import TROUBLED
from reminder_site.models.message import MISSED


@dataclass(frozen=True)
class ForAPerson:
    """A text that waits for a person; `id` is its public id, moments are UTC."""

    id: str
    name: str
    phone_e164: str
    body: str
    why: str
    send_at: pendulum.DateTime
    appointment_id: str | None


@dataclass(frozen=True)
class Missed(ForAPerson):
    """A text that came to be of no use while a trouble of ours held it up."""


@dataclass(frozen=True)
class Parked(ForAPerson):
    """One parked text, and what can be done about it."""

    may_leave: bool
    at_twilio: bool
    looked_for: bool


@dataclass(frozen=True)
class Unplanned:
    """A coming appointment whose texts could not be planned; `id` is its public id, `starts_at` UTC."""

    id: str
    name: str
    phone_e164: str
    starts_at: pendulum.DateTime
    why: str


def count(clinic_id: int, *, now: pendulum.DateTime) -> int:
    """Return how much of a clinic's waits for a person: texts, coming appointments without them, patients to tell."""
    return sum(counts(clinic_id, now=now))


def counts(clinic_id: int, *, now: pendulum.DateTime) -> tuple[int, int, int]:
    """Return how many texts of a clinic wait for a person, how many coming appointments, how many useless texts."""
    texts = select(func.count()).select_from(Message)
    texts = texts.where(Message.clinic_id == clinic_id, Message.state == states.NEEDS_REVIEW)
    visits = select(func.count()).select_from(Appointment).where(*_troubled(clinic_id, now))
    useless = select(func.count()).select_from(Message).where(*_missed(clinic_id))
    row = db.session.execute(select(*(each.scalar_subquery() for each in (texts, visits, useless)))).one()
    return row[0] or 0, row[1] or 0, row[2] or 0


def missed(*, clinic_id: int) -> list[Missed]:
    """List a clinic's texts that a trouble of ours held up until they were of no use, the latest first."""
    found = db.session.execute(
        select(Message, Patient.first_name, Patient.last_name, Appointment.public_id)
        .join(Patient, Patient.id == Message.patient_id, isouter=True)
        .join(Appointment, Appointment.id == Message.appointment_id, isouter=True)
        .where(*_missed(clinic_id))
        .order_by(Message.send_at.desc(), Message.id.desc())
    )
    return [
        Missed(text.public_id, full_name(first or "", last or ""), text.to_e164, text.body, text.state_why,
               text.send_at, appointment_id)
        for text, first, last, appointment_id in found
    ]  # fmt: skip


def _missed(clinic_id: int) -> tuple[Any, ...]:
    return Message.clinic_id == clinic_id, MISSED


def unplanned(*, clinic_id: int, now: pendulum.DateTime) -> list[Unplanned]:
    """List a clinic's coming appointments whose texts could not be planned, the nearest first."""
    found = db.session.execute(
        select(Appointment.public_id, Appointment.starts_at, Appointment.plan_trouble)
        .add_columns(Patient.first_name, Patient.last_name, Patient.phone_e164)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(*_troubled(clinic_id, now))
        .order_by(Appointment.starts_at, Appointment.id)
    )
    return [
        Unplanned(row.public_id, full_name(row.first_name, row.last_name), row.phone_e164, row.starts_at,
                  row.plan_trouble)
        for row in found
    ]  # fmt: skip


def _troubled(clinic_id: int, now: pendulum.DateTime) -> tuple[Any, ...]:
    return Appointment.clinic_id == clinic_id, TROUBLED, Appointment.starts_at > now


def over_the_limit(clinic_id: int, *, now: pendulum.DateTime) -> int:
    """Return how many texts wait because the clinic's daily limit is reached.

    These are looked at again soon, so only what is due by then is read; the filter keeps the database from going
    through all the clinic has planned instead.
    """
    mine = and_(Message.clinic_id == clinic_id, Message.state == states.PENDING)
    due_soon = Message.next_action_at <= now.add(minutes=CAP_AGAIN_MINUTES)
    waits = due_soon, Message.waits_for == "daily_limit"
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
            may_leave=now < message.useful_until and message.wanted and (message.sid is None or _is_gone(message)),
            at_twilio=message.sid is not None and not _is_gone(message),
            looked_for=message.next_action_at is not None,
            appointment_id=appointment_id,
        )
        for message, first, last, appointment_id in found
    ]


def _is_gone(message: Message) -> bool:
    """Say whether Twilio does not know a text that it took, as it has said more than once."""
    return message.sid is not None and message.absent_reads >= looks.TO_BE_GONE
