"""Numbers that asked for no more texts, as pages show them."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Clinic, OptOut
from reminder_site.queries.plans import sender_of


@dataclass(frozen=True)
class InForce:
    """An opt-out: the word, where it came from, and since when (UTC)."""

    word: str
    source: str
    started_at: pendulum.DateTime


def of_number(*, clinic_id: int, e164: str) -> InForce | None:
    """Find the opt-out of a number from a clinic's texts, if one is in force."""
    if not e164:
        return None
    sender = sender_of(db.session.get_one(Clinic, clinic_id))
    row = db.session.execute(
        select(OptOut.word, OptOut.source, OptOut.started_at).where(
            OptOut.e164 == e164, OptOut.sender == sender, OptOut.ended_at.is_(None)
        )
    ).first()
    return InForce(*row) if row else None
