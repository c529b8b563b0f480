"""Texts that wait for a person, and what was answered to texts before."""

from collections.abc import Collection
from dataclasses import dataclass

import pendulum
from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select

from reminder_site.db import db
from reminder_site.domain.names import full_name
from reminder_site.models import Appointment, InboundMessage, Message, Patient
from reminder_site.queries import unclaimed

PAGE = 100
ALWAYS_ANSWERED = frozenset({"help", "stop", "stop_and_maybe_cancel", "wrong_number"})


@dataclass(frozen=True)
class Waiting:
    """A text that waits for a person; ids are public ones, `received_at` is UTC.

    One without a clinic yet is `unclaimed`; `sender` is whom it was sent to.
    """

    id: str
    body: str
    from_e164: str
    media_count: int
    effect: str
    understood: str
    received_at: pendulum.DateTime
    way: str
    name: str
    patient_id: str | None
    appointment_id: str | None
    sender: str
    unclaimed: bool


def waiting(clinic_id: int, clinics: Collection[int] = ()) -> int:
    """Count the texts that wait for a person at a clinic, with those that somebody who may see `clinics` may claim."""
    which = or_(and_(*_waiting(clinic_id)), unclaimed.open_to(clinics, clinic_id))
    return db.session.scalar(select(func.count()).select_from(InboundMessage).where(which)) or 0


def listed(*, clinic_id: int) -> list[Waiting]:
    """List the texts that wait for a person, the newest first."""
    return _lines(and_(*_waiting(clinic_id)))


def to_claim(*, clinic_id: int, clinics: Collection[int]) -> list[Waiting]:
    """List the texts that no clinic has yet and that somebody who may see `clinics` may claim, the newest first."""
    return _lines(unclaimed.open_to(clinics, clinic_id))


def _lines(which: ColumnElement[bool]) -> list[Waiting]:
    rows = db.session.execute(
        select(InboundMessage, Patient, Appointment.public_id)
        .join(Patient, Patient.id == InboundMessage.patient_id, isouter=True)
        .join(Appointment, Appointment.id == InboundMessage.appointment_id, isouter=True)
        .where(which)
        .order_by(InboundMessage.received_at.desc(), InboundMessage.id.desc())
        .limit(PAGE)
    )
    return [_line(row, patient, appointment_id) for row, patient, appointment_id in rows]


def reply_given(sid: str) -> str | None:
    """Return what was answered to a text; None when it has not been seen, empty for silence."""
    return db.session.scalar(select(InboundMessage.reply).where(InboundMessage.sid == sid))


def replied_lately(e164: str, *, now: pendulum.DateTime, minutes: int) -> bool:
    """Say whether an unclear text from this number was answered within the last minutes."""
    lately = select(InboundMessage.id).where(*_replied(e164, now, minutes), InboundMessage.understood == "other")
    return db.session.scalar(lately.limit(1)) is not None


def replies_lately(e164: str, *, now: pendulum.DateTime, minutes: int) -> int:
    """Count the automatic replies to a number within the last minutes, those to HELP and to an opt-out apart."""
    given = *_replied(e164, now, minutes), InboundMessage.understood.not_in(ALWAYS_ANSWERED)
    return db.session.scalar(select(func.count()).select_from(InboundMessage).where(*given)) or 0


def _replied(e164: str, now: pendulum.DateTime, minutes: int) -> tuple[ColumnElement[bool], ...]:
    """Select the texts from a number answered lately: at once, or by a text of its own when they were found late."""
    came_at = func.coalesce(InboundMessage.found_at, InboundMessage.received_at)
    texted = exists().where(Message.dedupe_key == literal("reply:").concat(InboundMessage.sid))
    lately = InboundMessage.from_e164 == e164, came_at > now.subtract(minutes=minutes)
    return *lately, or_(InboundMessage.reply != "", texted)


def _waiting(clinic_id: int) -> tuple[ColumnElement[bool], ...]:
    mine = InboundMessage.clinic_id == clinic_id
    return mine, InboundMessage.needs_person.is_(True), InboundMessage.handled_at.is_(None)


def _line(row: InboundMessage, patient: Patient | None, appointment_id: str | None) -> Waiting:
    return Waiting(
        id=row.public_id,
        body=row.body,
        from_e164=row.from_e164,
        media_count=row.media_count,
        effect=row.effect,
        understood=row.understood,
        received_at=row.received_at,
        way=row.to,
        name=full_name(patient.first_name, patient.last_name) if patient else "",
        patient_id=patient.public_id if patient else None,
        appointment_id=appointment_id,
        sender=row.sender,
        unclaimed=row.clinic_id is None,
    )
