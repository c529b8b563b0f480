"""Accounts of the people who work here: add, change, switch off, set a password. One's own is in actions.accounts."""

import logging
import secrets
from collections.abc import Collection
from typing import Any

import pendulum
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from reminder_site.actions import audit, passwords, second_factor, sign_in_tries
from reminder_site.actions.accounts import end_sessions
from reminder_site.actions.settings_guard import NotHere, SettingsChanged
from reminder_site.actions.staff_rows import (
    NotYours,
    chosen_clinics,
    clinic_ids,
    drop_passkeys,
    may_give,
    new_staff,
    role_of,
)
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.roles import may_manage
from reminder_site.models import SignInLink, Staff, StaffClinic
from reminder_site.queries.accounts import token_hash

log = logging.getLogger("reminder_site.security")


class NoFactor(Exception):
    """The account has no second factor that could be taken away."""


@retried
def add_staff(
    *, email: str, name: str, role: str, password: str, clinics: Collection[str], by: Actor, now: pendulum.DateTime
) -> str:
    """Add an account for some of one's own clinics, all by public id; raises EmailTaken, NotYours."""
    hashed = passwords.hash_password(password)
    with transaction() as session:
        may_give(session, by, role)
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
        may_give(session, by, role)
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
    """Switch an account off (its sessions end at once, its passkeys are gone) or on again; raises NotHere, NotYours."""
    with transaction() as session:
        row = _find(session, by, staff)
        row.active, row.version = on, row.version + 1
        if not on:
            drop_passkeys(session, row.id)
            end_sessions(session, row.id, now)
        _note(session, "staff.switched", row, {"active": on}, by, now)


@retried
def set_password(*, staff: str, password: str, by: Actor, now: pendulum.DateTime) -> None:
    """Set somebody's new password: sessions end, passkeys go, a locked account opens. Raises NotHere, NotYours."""
    hashed = passwords.hash_password(password)
    with transaction() as session:
        row = _find(session, by, staff)
        row.password_hash, row.version = hashed, row.version + 1
        drop_passkeys(session, row.id)
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
    """Take somebody's app, codes and passkeys away and end the sessions; raises NotHere, NotYours, NoFactor.

    `now` is the machine's own time.
    """
    with transaction() as session:
        row = _find(session, by, staff)
        dropped = drop_passkeys(session, row.id), second_factor.drop(session, row.id)
        if not any(dropped):
            raise NoFactor
        row.factor_taken_at, row.factor_taken_by = now, by.name[:80]
        session.flush()
        end_sessions(session, row.id, now)
        log.warning("the second factor of %s was taken away, by %s", row.public_id, by.kind)
        _note(session, "second_factor.taken", row, {}, by, now)


def _find(session: Session, by: Actor, staff: str) -> Staff:
    """Find an account that `by` may change; an operator may change all."""
    row = session.scalar(select(Staff).where(Staff.public_id == staff).with_for_update(key_share=True))
    if row is None:
        raise NotHere
    if by.kind == "operator":
        return row
    mine, theirs = clinic_ids(session, by.staff_id), clinic_ids(session, row.id)
    if not mine & theirs:
        raise NotHere
    if row.id == by.staff_id or not theirs <= mine or not may_manage(role_of(session, by), row.role):
        raise NotYours
    return row


def _set_clinics(session: Session, by: Actor, staff_id: int, clinics: Collection[str]) -> None:
    ids = chosen_clinics(session, by, clinics)
    session.execute(delete(StaffClinic).where(StaffClinic.staff_id == staff_id))
    session.add_all(StaffClinic(staff_id=staff_id, clinic_id=clinic_id) for clinic_id in ids)


def _note(session: Session, what: str, row: Staff, facts: dict[str, Any], by: Actor, now: pendulum.DateTime) -> None:
    audit.record(session, actor=by, what=what, clinic_id=None, subject=row.public_id, facts=facts, now=now)
