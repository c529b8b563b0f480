"""What every way to an account shares: its row, whose roles and clinics somebody may give. Opens no transaction."""

from collections.abc import Collection

import pendulum
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.config import settings
from reminder_site.domain import demo_accounts
from reminder_site.domain.actor import Actor
from reminder_site.domain.roles import may_manage
from reminder_site.models import Clinic, Passkey, Staff, StaffClinic


class EmailTaken(Exception):
    """Another account has this e-mail address."""


class NotYours(Exception):
    """Whoever asks may not change this account: one's own, a higher role, or somebody of other clinics too."""


def plain_email(typed: str) -> str:
    """Return an e-mail address as accounts are kept under: no outer blanks, lower case."""
    return typed.strip().lower()


def new_staff(
    session: Session, *, email: str, name: str, role: str, password_hash: str, now: pendulum.DateTime
) -> Staff:
    """Add an account's row; raises EmailTaken, on a live site also for the demo's addresses: they are shut out."""
    refuse_demo(email)
    staff = Staff(email=plain_email(email), name=name, role=role, password_hash=password_hash, created_at=now)
    try:
        with session.begin_nested():
            session.add(staff)
    except IntegrityError as taken:
        raise EmailTaken from taken
    return staff


def refuse_demo(email: str) -> None:
    """Raise EmailTaken for an address of the demo on a live site."""
    if settings().is_live and plain_email(email) in demo_accounts.EMAILS:
        raise EmailTaken


def may_give(session: Session, by: Actor, role: str) -> None:
    """Raise NotYours unless somebody may make accounts of a role; an operator may make all."""
    if by.kind != "operator" and not may_manage(role_of(session, by), role):
        raise NotYours


def chosen_clinics(session: Session, by: Actor, clinics: Collection[str]) -> list[int]:
    """Return the ids of clinics by their public ids; raises NotYours when there are none, or not all are one's own."""
    allowed = select(Clinic.id).where(Clinic.public_id.in_(clinics))
    if by.kind != "operator":
        allowed = allowed.where(Clinic.id.in_(clinic_ids(session, by.staff_id)))
    ids = list(session.scalars(allowed))
    if not ids or len(ids) != len(set(clinics)):
        raise NotYours
    return ids


def clinic_ids(session: Session, staff_id: int | None) -> set[int]:
    """Return the ids of the clinics somebody works for."""
    return set(session.scalars(select(StaffClinic.clinic_id).where(StaffClinic.staff_id == staff_id)))


def role_of(session: Session, by: Actor) -> str:
    """Return the role of whoever acts; empty when the account is off."""
    active = select(Staff.role).where(Staff.id == by.staff_id, Staff.active)
    return session.scalar(active) or ""


def drop_passkeys(session: Session, staff_id: int) -> bool:
    """Take all passkeys of somebody out, and tell whether there were any: whoever knew a password may have made one."""
    return bool(session.scalars(delete(Passkey).where(Passkey.staff_id == staff_id).returning(Passkey.id)).all())
