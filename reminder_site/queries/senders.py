"""Which senders are the site's own, and how Twilio took what came to them."""

from sqlalchemy import select

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.models import Clinic, InboundMessage


def own() -> frozenset[str]:
    """Return the senders that clinics text from: Messaging Services and numbers."""
    return frozenset({settings().twilio_messaging_service_sid, *db.session.scalars(select(Clinic.sender))}) - {""}


def of_address(to: str) -> str:
    """Return the sender behind an address to which a webhook has brought texts; empty when none has."""
    came = InboundMessage.to == to, InboundMessage.found_at.is_(None), InboundMessage.sender != ""
    last = select(InboundMessage.sender).where(*came).order_by(InboundMessage.id.desc()).limit(1)
    return db.session.scalar(last) or ""


def taken_as(body: str, sender: str) -> str:
    """Return how Twilio took the same words to this sender before: STOP, START, HELP, or empty when it never did.

    Only webhooks say so; Advanced Opt-Out takes whole texts, in any case (Advanced Opt-Out page).
    """
    taken = InboundMessage.sender == sender, InboundMessage.opt_out_type != ""
    rows = db.session.execute(select(InboundMessage.body, InboundMessage.opt_out_type).where(*taken).distinct())
    return next((kind for words, kind in rows if words.strip().casefold() == body.strip().casefold()), "")
