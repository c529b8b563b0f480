"""What patients do on their own page: answer, ask for another time in their words, take it back."""

import secrets

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import answering
from reminder_site.db import retried, transaction
from reminder_site.domain.answers import Kind
from reminder_site.domain.dialogue import Decision
from reminder_site.domain.refusals import AppointmentChanged, NotHere
from reminder_site.models import Appointment, InboundMessage, ManageLink, Patient

BY_LINK = "link"


@retried
def record_from_link(*, link_id: int, version: int, kind: Kind, text: str = "", now: pendulum.DateTime) -> Decision:
    """Take an answer given on the patient's page, with what they wrote beside it.

    Raises AppointmentChanged when the page showed another `version`, NotHere for a link that has ended meanwhile.
    """
    with transaction() as session:
        appointment = _opened(session, link_id, version, now)
        decision = answering.answer(session, appointment, kind, way=BY_LINK, now=now)
        _keep(session, appointment, decision, kind, text, now)
        return decision


@retried
def undo_from_link(*, link_id: int, version: int, now: pendulum.DateTime) -> Decision:
    """Take the last answer back from the patient's page; what waited in the inbox because of it waits no longer.

    Raises AppointmentChanged, NotHere.
    """
    with transaction() as session:
        appointment = _opened(session, link_id, version, now)
        decision = answering.undo(session, appointment, way=BY_LINK, now=now)
        if decision.step == "take_back":
            _settle(session, appointment, now)
        if decision.effect:
            _keep(session, appointment, decision, "other", "", now)
        return decision


def _opened(session: Session, link_id: int, version: int, now: pendulum.DateTime) -> Appointment:
    appointment_id = session.scalar(select(ManageLink.appointment_id).where(ManageLink.id == link_id))
    appointment = answering.held(session, appointment_id) if appointment_id else None
    alive = ManageLink.id == link_id, ManageLink.revoked_at.is_(None), ManageLink.expires_at > now
    if appointment is None or session.scalar(select(ManageLink.id).where(*alive)) is None:
        raise NotHere("This link has ended.")
    if appointment.version != version:
        raise AppointmentChanged(theirs=appointment.version, yours=version)
    return appointment


def _keep(
    session: Session, appointment: Appointment, decision: Decision, kind: Kind, text: str, now: pendulum.DateTime
) -> None:
    """Put the answer into the patient's conversation, and before a person where one is needed."""
    if decision.step == "none":
        appointment.version += 1  # the page's token is good once, also where the answer changes nothing else
    patient = session.get_one(Patient, appointment.patient_id)
    session.add(
        InboundMessage(
            clinic_id=appointment.clinic_id,
            patient_id=patient.id,
            appointment_id=appointment.id,
            sid=f"LK{secrets.token_hex(16)}",
            from_e164=patient.phone_e164,
            to=BY_LINK,
            body=text,
            understood=kind,
            effect=decision.effect,
            needs_person=decision.needs_person,
            received_at=now,
        )
    )


def _settle(session: Session, appointment: Appointment, now: pendulum.DateTime) -> None:
    waiting = (
        InboundMessage.appointment_id == appointment.id,
        InboundMessage.to == BY_LINK,
        InboundMessage.needs_person.is_(True),
        InboundMessage.handled_at.is_(None),
        InboundMessage.body == "",
    )
    session.execute(update(InboundMessage).where(*waiting).values(handled_at=now))
