"""What patients do on their own page: answer, ask for another time in their words, take it back.

Each page that went out counts once, and one whose presses contradict each other counts for nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import answering
from reminder_site.actions.appointment_rows import clinician_of
from reminder_site.db import retried, transaction
from reminder_site.domain.answers import ANSWERED_BY, Kind
from reminder_site.domain.dialogue import Decision
from reminder_site.domain.issued_page import EarlierPress, IssuedPage, Pressed, weigh
from reminder_site.domain.refusals import AppointmentChanged, NotHere
from reminder_site.models import Appointment, Clinic, InboundMessage, ManageLink, PagePress, Patient
from reminder_site.queries.links import shown_of

BY_LINK = "link"
CONTRADICTED = "pressed two different buttons of one page: nothing was recorded"


@dataclass(frozen=True)
class Outcome:
    """What became of a press: it was recorded, has to be made sure of, had been recorded, or contradicted another."""

    became: Literal["recorded", "sure", "repeated", "contradicts"]
    decision: Decision | None = None


@retried
def press(*, link_id: int, page: IssuedPage, kind: Pressed, text: str = "", now: pendulum.DateTime) -> Outcome:
    """Take a button pressed on a page of the patient's, with what they wrote beside it.

    Raises AppointmentChanged, and changes nothing, when the page showed another time, place, clinician or answer than
    stand now; NotHere for a link that has ended meanwhile.
    """
    with transaction() as session:
        appointment = _opened(session, link_id, now)
        earlier = session.scalar(select(PagePress).where(PagePress.page == _hash(page)))
        before = EarlierPress(earlier.kind, earlier.acted) if earlier else None
        weight = weigh(kind, before, sure=page.sure)
        if weight == "contradicts":
            _void(session, appointment, earlier, now)
        if weight in {"contradicts", "repeated"}:
            return Outcome("contradicts" if weight == "contradicts" else "repeated")
        _check_it_stands(session, appointment, page)
        noted = earlier or PagePress(link_id=link_id, page=_hash(page), kind=kind, pressed_at=now)
        session.add(noted)
        if weight == "sure":
            return Outcome("sure")
        noted.acted, noted.stood = True, appointment.answer
        decision = _do(session, appointment, kind, text, now)
        noted.version = appointment.version if decision.step != "none" else 0
        return Outcome("recorded", decision)


def _opened(session: Session, link_id: int, now: pendulum.DateTime) -> Appointment:
    appointment_id = session.scalar(select(ManageLink.appointment_id).where(ManageLink.id == link_id))
    appointment = answering.held(session, appointment_id) if appointment_id else None
    alive = ManageLink.id == link_id, ManageLink.revoked_at.is_(None), ManageLink.expires_at > now
    if appointment is None or session.scalar(select(ManageLink.id).where(*alive)) is None:
        raise NotHere("This link has ended.")
    return appointment


def _check_it_stands(session: Session, appointment: Appointment, page: IssuedPage) -> None:
    clinic = session.get_one(Clinic, appointment.clinic_id)
    shown = shown_of(appointment, clinic, clinician_of(session, appointment))
    if (page.version, page.shown) != (appointment.version, shown):
        raise AppointmentChanged(theirs=appointment.version, yours=page.version)


def _do(session: Session, appointment: Appointment, kind: Pressed, text: str, now: pendulum.DateTime) -> Decision:
    if kind == "undo":
        return _undo(session, appointment, now)
    answer: Kind = kind  # type: ignore[assignment]  # "keep" contradicts whatever came before, and ends there
    decision = answering.answer(session, appointment, answer, way=BY_LINK, now=now)
    _keep(session, appointment, decision, answer, text, now)
    return decision


def _undo(session: Session, appointment: Appointment, now: pendulum.DateTime) -> Decision:
    """Take the last answer back; what waited in the inbox because of it waits no longer."""
    decision = answering.undo(session, appointment, way=BY_LINK, now=now)
    if decision.step == "take_back":
        _settle(session, appointment, now)
    if decision.effect:
        _keep(session, appointment, decision, "other", "", now)
    return decision


def _void(session: Session, appointment: Appointment, earlier: PagePress | None, now: pendulum.DateTime) -> None:
    """Take back what a page's first press did, unless something else came after it, and let the page do nothing more.

    Words somebody wrote stay in the inbox.
    """
    if earlier is None:
        return
    if earlier.acted and earlier.version == appointment.version:
        again = ANSWERED_BY.get(earlier.stood) if earlier.kind == "undo" else None
        if again:
            answering.answer(session, appointment, again, way=BY_LINK, now=now)
        elif earlier.kind != "undo" and answering.undo(session, appointment, way=BY_LINK, now=now).step == "take_back":
            _settle(session, appointment, now)
        _keep(session, appointment, Decision("none", "", CONTRADICTED), "other", "", now)
    earlier.kind, earlier.acted = "", False


def _keep(
    session: Session, appointment: Appointment, decision: Decision, kind: Kind, text: str, now: pendulum.DateTime
) -> None:
    """Put the answer into the patient's conversation, and before a person where one is needed."""
    if decision.step == "none":
        appointment.version += 1  # other pages of the link were issued before this was said
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


def _hash(page: IssuedPage) -> str:
    return hashlib.sha256(page.number.encode()).hexdigest()
