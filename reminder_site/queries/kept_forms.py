"""Forms that were sent but not saved: whoever sent one may see it again."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Clinic, KeptForm


@dataclass(frozen=True)
class Kept:
    """One kept form: where it was sent, what stood in it, and the clinic it belongs to (`clinic` is its public id)."""

    id: str
    path: str
    fields: tuple[tuple[str, str], ...]
    clinic: str
    clinic_name: str


def mine(*, staff_id: int, public_id: str, since: pendulum.DateTime) -> Kept | None:
    """Return a form that this person sent and that was kept after `since`; None for anybody else's."""
    found = db.session.execute(
        select(KeptForm, Clinic.public_id, Clinic.name)
        .join(Clinic, Clinic.id == KeptForm.clinic_id)
        .where(KeptForm.staff_id == staff_id, KeptForm.public_id == public_id, KeptForm.kept_at > since)
    ).one_or_none()
    if found is None:
        return None
    row, clinic, name = found
    return Kept(row.public_id, row.path, tuple((each, value) for each, value in row.fields), clinic, name)


def waiting(*, staff_id: int, since: pendulum.DateTime) -> str | None:
    """Return the public id of the latest form kept for somebody after `since` that was not offered yet."""
    latest = (
        select(KeptForm.public_id)
        .where(KeptForm.staff_id == staff_id, KeptForm.offered_at.is_(None), KeptForm.kept_at > since)
        .order_by(KeptForm.id.desc())
        .limit(1)
    )
    return db.session.scalar(latest)
