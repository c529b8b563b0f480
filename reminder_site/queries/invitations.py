"""Invitations that are open: to whoever signs in, and to the clinics that made them. Tells no password."""

from collections.abc import Collection
from dataclasses import dataclass

import pendulum
from sqlalchemy import ColumnElement, select

from reminder_site.db import db
from reminder_site.domain.sign_in_limits import INVITED_DAYS
from reminder_site.models import Clinic, Invitation


@dataclass(frozen=True)
class InvitationRow:
    """An invitation, with the names of the clinics that its reader may know."""

    public_id: str
    name: str
    email: str
    role: str
    clinics: tuple[str, ...]
    made_at: pendulum.DateTime
    made_by: str


def is_open(now: pendulum.DateTime) -> ColumnElement[bool]:
    """Return the condition on invitations that can still be accepted."""
    return Invitation.made_at > now.subtract(days=INVITED_DAYS)


def of_clinics(clinics: Collection[Clinic], *, now: pendulum.DateTime) -> list[InvitationRow]:
    """List the open invitations to any of some clinics, by name."""
    names = {clinic.public_id: clinic.name for clinic in clinics}
    rows = db.session.scalars(select(Invitation).where(is_open(now)).order_by(Invitation.name, Invitation.id))
    return [_row(row, names) for row in rows if set(row.clinics) & names.keys()]


def to_address(email: str, *, now: pendulum.DateTime) -> list[InvitationRow]:
    """List the open invitations to an e-mail address, the oldest first."""
    rows = db.session.scalars(select(Invitation).where(Invitation.email == email, is_open(now)).order_by(Invitation.id))
    found = rows.all()
    if not found:
        return []
    wanted = {clinic for row in found for clinic in row.clinics}
    names = {
        public_id: name
        for public_id, name in db.session.execute(
            select(Clinic.public_id, Clinic.name).where(Clinic.public_id.in_(wanted))
        )
    }
    return [_row(row, names) for row in found]


def _row(row: Invitation, names: dict[str, str]) -> InvitationRow:
    clinics = tuple(sorted(names[clinic] for clinic in row.clinics if clinic in names))
    return InvitationRow(row.public_id, row.name, row.email, row.role, clinics, row.made_at, row.made_by)
