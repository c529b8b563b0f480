"""Who is signed in, for which clinics, and how the sign-in page is being used."""

import hashlib
from dataclasses import dataclass

import pendulum
from sqlalchemy import ColumnElement, select, true

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import demo_accounts
from reminder_site.domain.second_factor import is_needed
from reminder_site.models import Clinic, SecondFactor, Staff, StaffClinic, StaffSession

__all__ = ["Clinic", "SignedIn", "Staff", "all_clinics", "anybody", "by_email", "signed_in", "token_hash"]

KEY_LETTERS = 16


@dataclass(frozen=True)
class SignedIn:
    """One signed-in browser: who, at which clinic, and all the clinics the header offers.

    `needs_factor` says that a second factor has to be set up before anything else.
    """

    staff: Staff
    clinic: Clinic
    clinics: tuple[Clinic, ...]
    needs_factor: bool


@dataclass(frozen=True)
class SessionRow:
    """One browser somebody is signed in at, by a key that opens nothing; `here` is the one that asks."""

    key: str
    since: pendulum.DateTime
    here: bool


def token_hash(token: str) -> str:
    """Return the SHA-256 (hex) under which a session token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def signed_in(token: str, *, now: pendulum.DateTime) -> SignedIn | None:
    """Find who holds a session token; None when it has ended, is past its 12 h, or the account is off."""
    found = db.session.execute(
        select(Staff, StaffSession.clinic_id, Clinic, SecondFactor.staff_id.is_not(None).label("has_factor"))
        .join(StaffSession, StaffSession.staff_id == Staff.id)
        .join(StaffClinic, StaffClinic.staff_id == Staff.id)
        .join(Clinic, Clinic.id == StaffClinic.clinic_id)
        .outerjoin(SecondFactor, SecondFactor.staff_id == Staff.id)
        .where(
            StaffSession.token_hash == token_hash(token),
            ~StaffSession.awaits_code,
            StaffSession.ended_at.is_(None),
            StaffSession.expires_at > now,
            Staff.active,
            admitted(),
        )
        .order_by(Clinic.name)
    ).all()
    if not found:
        return None
    clinics = tuple(row.Clinic for row in found)
    here = [clinic for clinic in clinics if clinic.id == found[0].clinic_id] or clinics
    staff, has_factor = found[0].Staff, found[0].has_factor
    return SignedIn(staff, here[0], clinics, not has_factor and is_needed(staff.role, live=settings().is_live))


def sessions_of(staff_id: int, *, token: str, now: pendulum.DateTime) -> list[SessionRow]:
    """List the browsers somebody is signed in at, the latest first; `token` is the one's that asks."""
    alive = StaffSession.ended_at.is_(None), StaffSession.expires_at > now, ~StaffSession.awaits_code
    found = db.session.execute(
        select(StaffSession.token_hash, StaffSession.created_at)
        .where(StaffSession.staff_id == staff_id, *alive)
        .order_by(StaffSession.id.desc())
    )
    mine = token_hash(token)
    return [SessionRow(kept[:KEY_LETTERS], since, kept == mine) for kept, since in found]


def clinics_of(staff_id: int) -> tuple[Clinic, ...]:
    """List the clinics somebody works for, by name."""
    works_for = select(StaffClinic.clinic_id).where(StaffClinic.staff_id == staff_id)
    return tuple(db.session.scalars(select(Clinic).where(Clinic.id.in_(works_for)).order_by(Clinic.name)))


def all_clinics() -> tuple[Clinic, ...]:
    """List every clinic of the site, for its operator."""
    return tuple(db.session.scalars(select(Clinic).order_by(Clinic.name)))


def by_email(email: str) -> Staff | None:
    """Find an account by its e-mail address, in lower case."""
    return db.session.scalar(select(Staff).where(Staff.email == email))


def anybody() -> bool:
    """Tell whether anybody can sign in: until somebody can, the site asks to be set up."""
    return db.session.scalar(select(Staff.id).where(admitted()).limit(1)) is not None


def admitted() -> ColumnElement[bool]:
    """Return the condition on accounts that may sign in at all: on a live site not the demo's."""
    return Staff.email.not_in(demo_accounts.EMAILS) if settings().is_live else true()


def shut_out() -> list[str]:
    """List the demo's accounts that are still switched on but may not sign in, because the site is live."""
    if not settings().is_live:
        return []
    theirs = select(Staff.email).where(Staff.email.in_(demo_accounts.EMAILS), Staff.active)
    return list(db.session.scalars(theirs.order_by(Staff.email)))
