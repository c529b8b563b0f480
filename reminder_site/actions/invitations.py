"""Invitations to work at clinics: made, withdrawn, accepted by somebody with an account, declined.

Nothing told here depends on whether an address has an account at other clinics. A first sign-in is in actions.joining.
"""

from collections.abc import Collection

import pendulum
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from reminder_site.actions import audit, passwords, sign_in_tries
from reminder_site.actions.settings_guard import NotHere
from reminder_site.actions.staff_rows import (
    EmailTaken,
    chosen_clinics,
    clinic_ids,
    may_give,
    plain_email,
    refuse_demo,
    role_of,
)
from reminder_site.db import db, retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.roles import may_manage
from reminder_site.models import Clinic, Invitation, Staff, StaffClinic
from reminder_site.queries.invitations import is_open

OWN_PAGE = "invitation"  # where its first password is asked for counts as a device of its own


class OtherRole(Exception):
    """The invitation is for another role than the account has."""


class WrongPassword(Exception):
    """This is not the first password that the inviting clinic handed out."""


@retried
def invite(
    *, email: str, name: str, role: str, password: str, clinics: Collection[str], by: Actor, now: pendulum.DateTime
) -> None:
    """Invite somebody to some of one's own clinics, by public ids, for seven days; `now` is the machine's own time.

    Raises EmailTaken when the address has an account or an open invitation at one's own clinics, NotYours.
    """
    hashed, address = passwords.hash_password(password), plain_email(email)
    with transaction() as session:
        may_give(session, by, role)
        chosen_clinics(session, by, clinics)
        refuse_demo(address)
        _refuse_known_here(session, by, address, now)
        facts = {"email": address, "name": name, "role": role, "password_hash": hashed, "clinics": sorted(clinics)}
        row = Invitation(**facts, made_at=now, made_by=by.name[:80])
        session.add(row)
        session.flush()
        _note(session, "staff.invited", row, by, now)


@retried
def withdraw(*, invitation: str, by: Actor, now: pendulum.DateTime) -> None:
    """Withdraw an open invitation to one's own clinics, of a role one may give; raises NotHere."""
    with transaction() as session:
        mine = _mine(session, by)
        row = _taken(session, Invitation.public_id == invitation)
        if not set(row.clinics) <= mine or not may_manage(role_of(session, by), row.role):
            raise NotHere
        _note(session, "invitation.withdrawn", row, by, now)


def accept(*, invitation: str, password: str, by: Actor, now: pendulum.DateTime) -> None:
    """Have one's own account work for the clinics of an invitation; raises NotHere, OtherRole.

    `password` is the first one, which the inviting clinic handed out: being signed in proves only what the clinics of
    today know, and one of them may have set the account's password. Raises WrongPassword, TooManyTries.
    """
    email = db.session.get_one(Staff, by.staff_id).email
    open_still = Invitation.public_id == invitation, Invitation.email == email, is_open(now)
    kept = db.session.scalar(select(Invitation.password_hash).where(*open_still))
    db.session.rollback()
    if kept is None:
        raise NotHere
    tried = sign_in_tries.note(invitation, "", OWN_PAGE, now)
    if not passwords.matches(password, kept):
        raise WrongPassword
    _accepted(invitation, tried, by, now)


@retried
def _accepted(invitation: str, tried: int, by: Actor, now: pendulum.DateTime) -> None:
    with transaction() as session:
        staff = session.get_one(Staff, by.staff_id, with_for_update={"key_share": True}, populate_existing=True)
        row = _taken(session, Invitation.public_id == invitation, Invitation.email == staff.email, is_open(now))
        if row.role != staff.role:
            raise OtherRole
        new = set(session.scalars(select(Clinic.id).where(Clinic.public_id.in_(row.clinics))))
        new -= clinic_ids(session, staff.id)
        session.add_all(StaffClinic(staff_id=staff.id, clinic_id=clinic) for clinic in new)
        staff.version += 1
        sign_in_tries.mark_right(session, tried)
        _note(session, "invitation.accepted", row, by, now)


@retried
def decline(*, invitation: str, by: Actor, now: pendulum.DateTime) -> None:
    """Decline an invitation to one's own address; raises NotHere."""
    with transaction() as session:
        email = session.get_one(Staff, by.staff_id).email
        row = _taken(session, Invitation.public_id == invitation, Invitation.email == email)
        _note(session, "invitation.declined", row, by, now)


@retried
def forget(*, now: pendulum.DateTime) -> None:
    """Drop the invitations that nobody accepted in time."""
    if db.session.scalar(select(Invitation.id).where(~is_open(now)).limit(1)) is None:
        return
    with transaction() as session:
        session.execute(delete(Invitation).where(~is_open(now)))


def _refuse_known_here(session: Session, by: Actor, address: str, now: pendulum.DateTime) -> None:
    """Refuse an address that whoever asks sees among the accounts or the invitations of the own clinics."""
    here = select(Staff.id).join(StaffClinic, StaffClinic.staff_id == Staff.id)
    here = here.where(Staff.email == address, StaffClinic.clinic_id.in_(clinic_ids(session, by.staff_id)))
    invited = session.scalars(select(Invitation.clinics).where(Invitation.email == address, is_open(now)))
    mine = _mine(session, by)
    if session.scalar(here.limit(1)) is not None or any(set(clinics) & mine for clinics in invited):
        raise EmailTaken


def _mine(session: Session, by: Actor) -> set[str]:
    ids = clinic_ids(session, by.staff_id)
    return set(session.scalars(select(Clinic.public_id).where(Clinic.id.in_(ids))))


def _taken(session: Session, *which: ColumnElement[bool]) -> Invitation:
    """Take an invitation out, so that nobody else can, and return what it said; raises NotHere."""
    row: Invitation | None = session.scalar(select(Invitation).where(*which))
    if (
        row is None
        or session.scalar(delete(Invitation).where(Invitation.id == row.id).returning(Invitation.id)) is None
    ):
        raise NotHere
    return row


def _note(session: Session, what: str, row: Invitation, by: Actor, now: pendulum.DateTime) -> None:
    """Write it down at each of the clinics, whose managers look there."""
    facts = {"role": row.role, "clinics": row.clinics}
    for clinic_id in sorted(session.scalars(select(Clinic.id).where(Clinic.public_id.in_(row.clinics)))):
        audit.record(session, actor=by, what=what, clinic_id=clinic_id, subject=row.public_id, facts=facts, now=now)
