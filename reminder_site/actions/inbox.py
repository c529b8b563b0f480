"""What the desk does with a text in the inbox: take it off, stop all texts to its number, claim it for a clinic."""

from collections.abc import Collection

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, opt_outs, outbox
from reminder_site.db import retried, transaction
from reminder_site.domain import wording
from reminder_site.domain.actor import Actor
from reminder_site.domain.dialogue import STOPPED_REPLY
from reminder_site.domain.refusals import AlreadyClaimed, CannotText, NotHere
from reminder_site.models import Clinic, InboundMessage
from reminder_site.queries import unclaimed
from reminder_site.queries.plans import is_opted_out, sender_of

ACKNOWLEDGED_WITHIN_MINUTES = 5


@retried
def mark_handled(*, clinic_id: int, inbound_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take a text off the inbox; one that is off already changes nothing. Raises NotHere."""
    with transaction() as session:
        settle(session, clinic_id, inbound_id, by=by, now=now)


@retried
def claim(*, clinic_id: int, clinics: Collection[int], inbound_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take what a number no clinic knew has sent to a shared sender over to one clinic; its later texts follow.

    `clinics` are those that whoever claims may see. Raises NotHere for a text that is not theirs to claim,
    AlreadyClaimed when another of their clinics was faster.
    """
    with transaction() as session:
        text = session.scalar(select(InboundMessage).where(InboundMessage.public_id == inbound_id))
        if text is not None and text.clinic_id in clinics:
            raise AlreadyClaimed("This has been claimed for a clinic already.")
        may = select(InboundMessage.id).where(unclaimed.open_to(clinics, clinic_id))
        if text is None or session.scalar(may.where(InboundMessage.public_id == inbound_id)) is None:
            raise NotHere("There is no such text to claim.")
        of_number = InboundMessage.from_e164 == text.from_e164, InboundMessage.sender == text.sender
        taken = update(InboundMessage).where(*of_number, InboundMessage.clinic_id.is_(None)).values(clinic_id=clinic_id)
        if not outbox.rows(session.execute(taken)):
            raise AlreadyClaimed("This has been claimed for a clinic already.")
        audit.record(session, actor=by, what="text.claimed", clinic_id=clinic_id, subject=inbound_id, now=now)


@retried
def stop_texts(*, clinic_id: int, inbound_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Keep an opt-out for the number of a text that asks for it in its own way, and take the text off the inbox.

    It is acknowledged once, by us: Twilio knows nothing of it. Raises NotHere, CannotText when no number wrote.
    """
    with transaction() as session:
        mine = InboundMessage.clinic_id == clinic_id, InboundMessage.public_id == inbound_id
        text = session.scalar(select(InboundMessage).where(*mine))
        if text is None:
            raise NotHere("There is no such text at this clinic.")
        if not text.from_e164.startswith("+"):
            raise CannotText("This came from no phone number, so there is nothing to stop.")
        sender = sender_of(session.get_one(Clinic, clinic_id))
        if not is_opted_out(session, text.from_e164, sender):
            opt_outs.start(session, text.from_e164, sender, word="", source="desk", by=by, now=now)
            _acknowledge(session, text, sender, by=by, now=now)
            audit.record(session, actor=by, what="text.stopped", clinic_id=clinic_id, subject=inbound_id, now=now)
        settle(session, clinic_id, inbound_id, by=by, now=now)


def _acknowledge(session: Session, text: InboundMessage, sender: str, *, by: Actor, now: pendulum.DateTime) -> None:
    """Tell the number once that no more texts come: the one text that an opt-out allows, for five minutes.

    Source: 47 CFR 64.1200 (a) (12).
    """
    clinic = session.get_one(Clinic, text.clinic_id)
    body = wording.render(STOPPED_REPLY, {"clinic": clinic.text_name, "phone": clinic.phone})
    outbox.add_message(
        session,
        by=by,
        now=now,
        clinic_id=clinic.id,
        patient_id=text.patient_id,
        kind="stopped",
        dedupe_key=f"stopped:{text.public_id}",
        to_e164=text.from_e164,
        sender=sender,
        body=body,
        send_at=now,
        useful_until=now.add(minutes=ACKNOWLEDGED_WITHIN_MINUTES),
    )


def settle(session: Session, clinic_id: int, inbound_id: str, *, by: Actor, now: pendulum.DateTime) -> None:
    """Note who handled a text and when, inside the caller's transaction; raises NotHere."""
    mine = InboundMessage.clinic_id == clinic_id, InboundMessage.public_id == inbound_id
    if session.scalar(select(InboundMessage.id).where(*mine)) is None:
        raise NotHere("There is no such text at this clinic.")
    handled = session.execute(
        update(InboundMessage)
        .where(*mine, InboundMessage.handled_at.is_(None))
        .values(handled_at=now, handled_by_id=by.staff_id)
    )
    if outbox.rows(handled):
        audit.record(session, actor=by, what="text.handled", clinic_id=clinic_id, subject=inbound_id, now=now)
