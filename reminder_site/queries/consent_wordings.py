"""What patients of a clinic were read or signed when they agreed to texts, by version."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import ConsentWording, Staff


@dataclass(frozen=True)
class Wording:
    """One version; `made_at` is UTC, `made_by` a name or None."""

    version: int
    body: str
    made_at: pendulum.DateTime
    made_by: str | None


def of_clinic(clinic_id: int) -> list[Wording]:
    """List a clinic's wordings of consent, the newest first."""
    rows = db.session.execute(
        select(ConsentWording.version, ConsentWording.body, ConsentWording.made_at, Staff.name)
        .join(Staff, Staff.id == ConsentWording.made_by_id, isouter=True)
        .where(ConsentWording.clinic_id == clinic_id)
        .order_by(ConsentWording.version.desc())
    )
    return [Wording(*row) for row in rows]
