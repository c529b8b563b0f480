"""The first sign-in of somebody who was invited and has no account yet: it makes the account."""

import pendulum
from sqlalchemy import delete, select

from reminder_site.actions import audit, passwords
from reminder_site.actions.staff_rows import EmailTaken, new_staff
from reminder_site.db import db, retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import Clinic, Invitation, Staff, StaffClinic
from reminder_site.queries.invitations import is_open

MOST_LOOKED_AT = 3  # of one address; each costs a hash


def fitting(email: str, password: str, now: pendulum.DateTime) -> int | None:
    """Return the id of the open invitation whose first password this is; costs a hash when there is none, too."""
    newest = select(Invitation.id, Invitation.password_hash).where(Invitation.email == email, is_open(now))
    found = db.session.execute(newest.order_by(Invitation.id.desc()).limit(MOST_LOOKED_AT)).all()
    if not found:
        passwords.matches(password, None)
    fits = [number for number, hashed in found if passwords.matches(password, hashed)]
    return fits[0] if fits else None


@retried
def join(invitation: int, now: pendulum.DateTime) -> Staff | None:
    """Make the account that an invitation is for; None when it was withdrawn, or the address has an account by now."""
    with transaction() as session:
        row = session.get(Invitation, invitation)
        if (
            row is None
            or session.scalar(delete(Invitation).where(Invitation.id == row.id).returning(Invitation.id)) is None
        ):
            return None
        clinics = session.scalars(select(Clinic.id).where(Clinic.public_id.in_(row.clinics))).all()
        facts = {"email": row.email, "name": row.name, "role": row.role, "password_hash": row.password_hash}
        try:
            staff = new_staff(session, **facts, now=now)
        except EmailTaken:
            return None
        session.add_all(StaffClinic(staff_id=staff.id, clinic_id=clinic) for clinic in clinics)
        by, said = Actor("staff", staff.name, staff.id), {"role": row.role, "invitation": row.public_id}
        audit.record(
            session, actor=by, what="staff.added", clinic_id=None, subject=staff.public_id, facts=said, now=now
        )
    return staff
