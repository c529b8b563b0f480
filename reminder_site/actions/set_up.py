"""The first run: the first account and the first clinic, once."""

import pendulum
from sqlalchemy import select

from reminder_site.actions import audit, locks, passwords
from reminder_site.actions.clinics import ClinicFacts, new_clinic
from reminder_site.actions.staff import new_staff
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Staff, StaffClinic


class AlreadySetUp(Exception):
    """Somebody was here first."""


@retried
def set_up(*, email: str, name: str, password: str, clinic: ClinicFacts, now: pendulum.DateTime) -> None:
    """Make the first account, an administrator, and its clinic; raises AlreadySetUp when there is any account."""
    hashed = passwords.hash_password(password)
    with transaction() as session:
        locks.hold(session, "set-up")
        if session.scalar(select(Staff.id).limit(1)) is not None:
            raise AlreadySetUp
        staff = new_staff(session, email=email, name=name, role="administrator", password_hash=hashed, now=now)
        made = new_clinic(session, clinic, by=OPERATOR, now=now)
        session.add(StaffClinic(staff_id=staff.id, clinic_id=made.id))
        audit.record(session, actor=OPERATOR, what="site.set_up", clinic_id=made.id, subject=staff.public_id, now=now)
