"""Texts of numbers that no clinic knows, to a sender that several share: for whoever may see all of these clinics."""

from collections.abc import Collection

import pendulum
from sqlalchemy import ColumnElement, and_, func, or_, select

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.models import Clinic, InboundMessage

WAITS = and_(
    InboundMessage.clinic_id.is_(None), InboundMessage.needs_person.is_(True), InboundMessage.handled_at.is_(None)
)


def open_to(clinics: Collection[int], here: int) -> ColumnElement[bool]:
    """Select what may be claimed for one clinic (`here`) by somebody who may see some.

    That is what came to its own sender, if they may see every clinic that texts from it; and what came to a sender that
    no clinic texts from any more, if they may see them all.
    """
    site = settings().twilio_messaging_service_sid
    theirs = select(Clinic.id).where(func.coalesce(func.nullif(Clinic.sender, ""), site) == InboundMessage.sender)
    hidden = Clinic.id.not_in(clinics)
    shared = and_(theirs.where(Clinic.id == here).exists(), ~theirs.where(hidden).exists())
    nobodys = and_(~theirs.exists(), ~select(Clinic.id).where(hidden).exists())
    return and_(WAITS, or_(shared, nobodys))


def oldest() -> pendulum.DateTime | None:
    """Return since when the text that waits longest for a clinic has been here (UTC); None when none waits."""
    found: pendulum.DateTime | None = db.session.scalar(select(func.min(InboundMessage.received_at)).where(WAITS))
    return found


def claimed_by(e164: str, sender: str, clinics: Collection[int]) -> int | None:
    """Return the clinic that has claimed the texts of a number nobody knows, if one has and still texts from there.

    `clinics` are those of the sender; where there is none any more, whichever has claimed them keeps them.
    """
    mine = InboundMessage.from_e164 == e164, InboundMessage.sender == sender, InboundMessage.patient_id.is_(None)
    still = InboundMessage.clinic_id.in_(clinics) if clinics else InboundMessage.clinic_id.is_not(None)
    last = select(InboundMessage.clinic_id).where(*mine, still)
    return db.session.scalar(last.order_by(InboundMessage.id.desc()).limit(1))
