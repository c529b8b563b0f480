"""Accounts of the people who work here: add, change, switch off, set a password. One's own is in actions.accounts."""

import logging
import secrets
from collections.abc import Collection
from typing import Any

import pendulum
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.actions import audit, passwords, second_factor, sign_in_tries
from reminder_site.actions.accounts import end_sessions, plain_email
from reminder_site.actions.settings_guard import NotHere, SettingsChanged
from reminder_site.config import settings
from reminder_site.db import retried, transaction
from reminder_site.domain import demo_accounts
from reminder_site.domain.actor import Actor
from reminder_site.domain.roles import may_manage
from reminder_site.models import Clinic, SignInLink, Staff, StaffClinic
from reminder_site.queries.accounts import token_hash

log = logging.getLogger("reminder_site.security")


class EmailTaken(Exception):
    """Another account has this e-mail address."""


class NotYours(Exception):
    """Whoever asks may not change this account: one's own, a higher role, or somebody of other clinics too."""


class NoFactor(Exception):
    """The account has no second factor that could be taken away."""


@retried
def add_staff(
    *, email: str, name: str, role: str, password: str, clinics: Collection[str], by: Actor, now: pendulum.DateTime
) -> str:
    """Add an account for some of one's own clinics, all by public id; raises EmailTaken, NotYours."""
    hashed = passwords.hash_password(password)
    with transaction() as session:
        _may_give(session, by, role)
        staff = new_staff(session, email=email, name=name, role=role, password_hash=hashed, now=now)
        _set_clinics(session, by, staff.id, clinics)
        _note(session, "staff.added", staff, {"role": role}, by, now)
        return staff.public_id


@retried
def change_staff(
    *, staff: str, name: str, role: str, clinics: Collection[str], version: int, by: Actor, now: pendulum.DateTime
) -> None:
    """Change name, role or clinics; another role ends sessions. Raises NotHere, NotYours, SettingsChanged."""
    with transaction() as session:
        row = _find(session, by, staff)
        _may_give(session, by, role)
        if row.version != version:
            raise SettingsChanged
        facts: dict[str, Any] = {"role": role, "was": row.role, "clinics": sorted(clinics)}
        row.name, row.role, row.version = name, role, row.version + 1
        _set_clinics(session, by, row.id, clinics)
        if role != facts["was"]:
            end_sessions(session, row.id, now)
            log.warning("the role of %s becomes %s (it was %s), by %s", row.public_id, role, facts["was"], by.kind)
        _note(session, "staff.changed", row, facts, by, now)


@retried
def switch_staff(*, staff: str, on: bool, by: Actor, now: pendulum.DateTime) -> None:
    """Switch an account off (its sessions end at once) or on again; raises NotHere, NotYours."""
    with transaction() as session:
        row = _find(session, by, staff)
        row.active, row.version = on, row.version + 1
        if not on:
            end_sessions(session, row.id, now)
        _note(session, "staff.switched", row, {"active": on}, by, now)


@retried
def set_password(*, staff: str, password: str, by: Actor, now: pendulum.DateTime) -> None:
    """Set somebody's new password: their sessions end and a locked account opens. Raises NotHere, NotYours."""
    hashed = passwords.hash_password(password)
    with transaction() as session:
        row = _find(session, by, staff)
        row.password_hash, row.version = hashed, row.version + 1
        end_sessions(session, row.id, now)
        sign_in_tries.forgive(session, row.email)
        _note(session, "password.set", row, {}, by, now)


@retried
def give_link(*, staff: str, by: Actor, now: pendulum.DateTime) -> str:
    """Make a link that makes one browser known for an account, and return its token; raises NotHere, NotYours."""
    token = secrets.token_urlsafe(32)
    with transaction() as session:
        row = _find(session, by, staff)
        session.add(SignInLink(token_hash=token_hash(token), staff_id=row.id, made_at=now))
        _note(session, "sign_in_link.given", row, {}, by, now)
    return token


@retried
def take_factor(*, staff: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take somebody's second factor away, end their sessions, and have them told; raises NotHere, NotYours, NoFactor.

    `now` is the machine's own time.
    """
    with transaction() as session:
        row = _find(session, by, staff)
        if not second_factor.drop(session, row.id):
            raise NoFactor
        row.factor_taken_at, row.factor_taken_by = now, by.name[:80]
        session.flush()
        end_sessions(session, row.id, now)
        log.warning("the second factor of %s was taken away, by %s", row.public_id, by.kind)
        _note(session, "second_factor.taken", row, {}, by, now)


def new_staff(
    session: Session, *, email: str, name: str, role: str, password_hash: str, now: pendulum.DateTime
) -> Staff:
    """Add an account's row; raises EmailTaken, on a live site also for the demo's addresses: they are shut out."""
    if settings().is_live and plain_email(email) in demo_accounts.EMAILS:
        raise EmailTaken
    staff = Staff(email=plain_email(email), name=name, role=role, password_hash=password_hash, created_at=now)
    try:
        with session.begin_nested():
            session.add(staff)
    except IntegrityError as taken:
        raise EmailTaken from taken
    return staff


def _find(session: Session, by: Actor, staff: str) -> Staff:
    """Find an account that `by` may change; an operator may change all."""
    row = session.scalar(select(Staff).where(Staff.public_id == staff).with_for_update(key_share=True))
    if row is None:
        raise NotHere
    if by.kind == "operator":
        return row
    mine, theirs = _clinic_ids(session, by.staff_id), _clinic_ids(session, row.id)
    if not mine & theirs:
        raise NotHere
    if row.id == by.staff_id or not theirs <= mine or not may_manage(_role(session, by), row.role):
        raise NotYours
    return row


def _may_give(session: Session, by: Actor, role: str) -> None:
    if by.kind != "operator" and not may_manage(_role(session, by), role):
        raise NotYours


def _set_clinics(session: Session, by: Actor, staff_id: int, clinics: Collection[str]) -> None:
    allowed = select(Clinic.id).where(Clinic.public_id.in_(clinics))
    if by.kind != "operator":
        allowed = allowed.where(Clinic.id.in_(_clinic_ids(session, by.staff_id)))
    ids = session.scalars(allowed).all()
    if not ids or len(ids) != len(set(clinics)):
        raise NotYours
    session.execute(delete(StaffClinic).where(StaffClinic.staff_id == staff_id))
    session.add_all(StaffClinic(staff_id=staff_id, clinic_id=clinic_id) for clinic_id in ids)


def _clinic_ids(session: Session, staff_id: int | None) -> set[int]:
    return set(session.scalars(select(StaffClinic.clinic_id).where(StaffClinic.staff_id == staff_id)))


def _role(session: Session, by: Actor) -> str:
    active = select(Staff.role).where(Staff.id == by.staff_id, Staff.active)
    return session.scalar(active) or ""


def _note(session: Session, what: str, row: Staff, facts: dict[str, Any], by: Actor, now: pendulum.DateTime) -> None:
    audit.record(session, actor=by, what=what, clinic_id=None, subject=row.public_id, facts=facts, now=now)
