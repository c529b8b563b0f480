"""Somebody's second factor as it is kept, and sign-ins that wait for its code. Tells nobody's secret."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import func, select

from reminder_site.db import db
from reminder_site.models import RecoveryCode, SecondFactor, Staff, StaffSession
from reminder_site.queries.accounts import token_hash


@dataclass(frozen=True)
class Awaited:
    """Whose right password waits for a code, by a session that opens nothing yet."""

    staff_id: int
    email: str
    session_id: int


@dataclass(frozen=True)
class Kept:
    """A second factor: the sealed secret, the last time step that was used, and (id, hash) of the codes left."""

    sealed_secret: str
    last_step: int
    recovery: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Shown:
    """What the owner is shown of a second factor."""

    since: pendulum.DateTime
    codes_left: int


def awaited(token: str, *, now: pendulum.DateTime) -> Awaited | None:
    """Find the sign-in that waits for a code, by the token its browser holds; None when it has ended or is too old."""
    found = db.session.execute(
        select(Staff.id, Staff.email, StaffSession.id)
        .join(StaffSession, StaffSession.staff_id == Staff.id)
        .where(StaffSession.token_hash == token_hash(token), StaffSession.awaits_code, Staff.active)
        .where(StaffSession.ended_at.is_(None), StaffSession.expires_at > now)
    ).one_or_none()
    return Awaited(*found) if found else None


def kept(staff_id: int) -> Kept | None:
    """Find somebody's second factor with all that proves a code."""
    factor = db.session.get(SecondFactor, staff_id, populate_existing=True)
    if factor is None:
        return None
    left = RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None)
    codes = db.session.execute(select(RecoveryCode.id, RecoveryCode.code_hash).where(*left).order_by(RecoveryCode.id))
    return Kept(factor.sealed_secret, factor.last_step, tuple((number, hashed) for number, hashed in codes))


def shown(staff_id: int) -> Shown | None:
    """Return since when somebody has a second factor and how many recovery codes are left."""
    left = select(func.count()).select_from(RecoveryCode)
    left = left.where(RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None))
    found = select(SecondFactor.made_at, left.scalar_subquery()).where(SecondFactor.staff_id == staff_id)
    row = db.session.execute(found).one_or_none()
    return Shown(*row) if row else None
