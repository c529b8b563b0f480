"""The first run: the first account and the first clinic, once; on a live site only by the code of the machine."""

import hashlib
import secrets

import pendulum
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from reminder_site.actions import audit, locks, passwords
from reminder_site.actions.clinics import ClinicFacts, new_clinic
from reminder_site.actions.staff_rows import new_staff
from reminder_site.config import settings
from reminder_site.db import retried, transaction
from reminder_site.domain import set_up_code as codes
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import SetUpCode, Staff, StaffClinic
from reminder_site.queries.accounts import admitted


class AlreadySetUp(Exception):
    """Somebody was here first."""


class WrongCode(Exception):
    """This is not the code that the machine shows, or it was used, is older than a day or was guessed at too often."""


@retried
def new_code(*, now: pendulum.DateTime) -> str:
    """Make the code for setting a live site up, in place of the one before; raises AlreadySetUp."""
    code = "".join(secrets.choice(codes.ALPHABET) for _ in range(codes.LETTERS))
    with transaction() as session:
        locks.hold(session, "set-up")
        _refuse_if_set_up(session)
        session.execute(delete(SetUpCode))
        session.add(SetUpCode(code_hash=_hashed(code), made_at=now))
        audit.record(session, actor=OPERATOR, what="set_up_code.made", clinic_id=None, subject="site", now=now)
    return codes.grouped(code)


def set_up(
    *, email: str, name: str, password: str, clinic: ClinicFacts, now: pendulum.DateTime, code: str = ""
) -> None:
    """Make the first account, an administrator, and its clinic; raises AlreadySetUp, WrongCode.

    The guess is written down before the code is looked at, so guesses at the same moment cannot exceed the limit.
    """
    if settings().is_live and not _guessed(codes.plain(code), now):
        raise WrongCode
    _made(email, name, passwords.hash_password(password), clinic, now)


@retried
def _guessed(code: str, now: pendulum.DateTime) -> bool:
    with transaction() as session:
        locks.hold(session, "set-up")
        kept = session.scalar(select(SetUpCode).with_for_update(key_share=True))
        if kept is None or kept.guesses >= codes.MOST_GUESSES or kept.made_at <= now.subtract(hours=codes.GOOD_HOURS):
            return False
        kept.guesses += 1
        return secrets.compare_digest(kept.code_hash, _hashed(code))


@retried
def _made(email: str, name: str, hashed: str, clinic: ClinicFacts, now: pendulum.DateTime) -> None:
    with transaction() as session:
        locks.hold(session, "set-up")
        _refuse_if_set_up(session)
        session.execute(delete(SetUpCode))
        staff = new_staff(session, email=email, name=name, role="administrator", password_hash=hashed, now=now)
        made = new_clinic(session, clinic, by=OPERATOR, now=now)
        session.add(StaffClinic(staff_id=staff.id, clinic_id=made.id))
        audit.record(session, actor=OPERATOR, what="site.set_up", clinic_id=made.id, subject=staff.public_id, now=now)


def _refuse_if_set_up(session: Session) -> None:
    if session.scalar(select(Staff.id).where(admitted()).limit(1)) is not None:
        raise AlreadySetUp


def _hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
