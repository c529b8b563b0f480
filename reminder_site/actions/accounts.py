"""Signing in and out, one's own password, and which clinic is open. Knows nothing of cookies or pages."""

import logging
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

import pendulum
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, joining, passwords, sign_in_tries
from reminder_site.actions.staff_rows import drop_passkeys, plain_email
from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import demo_accounts
from reminder_site.domain.actor import Actor
from reminder_site.domain.second_factor import AWAITED_MINUTES
from reminder_site.domain.sign_in_limits import LINK_HOURS
from reminder_site.models import Clinic, SecondFactor, SignInLink, Staff, StaffClinic, StaffSession
from reminder_site.queries import accounts as found

log = logging.getLogger("reminder_site.security")
SESSION_HOURS = 12
OWN_PAGE = "own page"  # where a present password is asked for counts as a device of its own


class SignInRefused(Exception):
    """E-mail address and password do not belong together, or the account is off; which of them is not told."""


class WrongPassword(Exception):
    """The present password that was typed is not the present password."""


class NotYourSession(Exception):
    """The session has ended already, or is not one of this person's."""


class BadLink(Exception):
    """The link does not exist, was used or is older than a day."""


class NotYourClinic(Exception):
    """The clinic does not exist or is not one of this person's."""


class Opened(NamedTuple):
    """The token of a session, and whether it opens nothing before the code of a second factor is typed."""

    token: str
    awaits_code: bool


def sign_in(
    *, email: str, password: str, address: str, now: pendulum.DateTime, device: str = "", instead_of: str = ""
) -> Opened:
    """Open a session of 12 h in place of another one's token; `device` names a known browser.

    With a second factor it awaits a code first, for ten minutes. Raises SignInRefused, TooManyTries, NeedsLink. The
    try is written down before the password is looked at: tries at once exceed no limit.
    """
    email = plain_email(email)
    tried = sign_in_tries.note(email, address, device, now)
    staff = found.by_email(email)
    invited = joining.fitting(email, password, now) if staff is None else None
    fits = passwords.matches(password, staff.password_hash) if staff else invited is not None
    if settings().is_live and demo_accounts.is_published(email, password):
        log.warning("somebody tried an account or the password of the demo, which a live site never takes")
        raise SignInRefused
    if fits and invited is not None:
        staff = joining.join(invited, now)
    if not fits or staff is None:
        log.warning("a sign-in was refused (try %s), from %s", tried, address)
        raise SignInRefused
    kept = staff.password_hash
    renewed = passwords.hash_password(password) if passwords.outgrown(kept) else kept
    return _session_opened(staff.id, kept, renewed, tried, instead_of, now)


@retried
def sign_out(*, token: str, by: Actor, now: pendulum.DateTime) -> None:
    """End the session of a token; ending it twice changes nothing."""
    with transaction() as session:
        ended = end_token(session, token, now)
        if ended is not None:
            subject = session.scalars(select(Staff.public_id).where(Staff.id == ended)).one()
            audit.record(session, actor=by, what="session.ended", clinic_id=None, subject=subject, now=now)


@retried
def end_session(*, key: str, by: Actor, now: pendulum.DateTime) -> None:
    """End another session of one's own, by the key that the list of them shows; raises NotYourSession."""
    with transaction() as session:
        alive = StaffSession.staff_id == by.staff_id, StaffSession.ended_at.is_(None)
        mine = update(StaffSession).where(*alive, func.substr(StaffSession.token_hash, 1, found.KEY_LETTERS) == key)
        if session.scalar(mine.values(ended_at=now).returning(StaffSession.id)) is None:
            raise NotYourSession
        subject = session.scalars(select(Staff.public_id).where(Staff.id == by.staff_id)).one()
        audit.record(session, actor=by, what="session.ended", clinic_id=None, subject=subject, now=now)


def change_password(*, staff_id: int, present: str, new: str, by: Actor, now: pendulum.DateTime) -> str:
    """Set one's own new password, end every session and passkey of the account, return the token of a fresh session.

    Raises WrongPassword, TooManyTries. The door has asked domain.passwords about `new`.
    """
    tried = present_password(staff_id, present, now)
    return _password_set(staff_id, passwords.hash_password(new), tried, by, now)


@retried
def switch_clinic(*, token: str, clinic: str, by: Actor, now: pendulum.DateTime) -> None:
    """Open another of one's clinics in this session, by its public id; raises NotYourClinic."""
    with transaction() as session:
        clinic_id = session.scalar(
            select(Clinic.id)
            .join(StaffClinic, StaffClinic.clinic_id == Clinic.id)
            .where(Clinic.public_id == clinic, StaffClinic.staff_id == by.staff_id)
        )
        if clinic_id is None:
            raise NotYourClinic
        mine = update(StaffSession).where(StaffSession.token_hash == found.token_hash(token))
        session.execute(mine.values(clinic_id=clinic_id))


@retried
def take_link(*, token: str, now: pendulum.DateTime) -> str:
    """Use a link up and return the e-mail address of the account that a browser is then known for; raises BadLink."""
    with transaction() as session:
        fits = SignInLink.token_hash == found.token_hash(token), SignInLink.used_at.is_(None)
        taken = update(SignInLink).where(*fits, SignInLink.made_at > now.subtract(hours=LINK_HOURS))
        staff_id = session.scalar(taken.values(used_at=now).returning(SignInLink.staff_id))
        if staff_id is None:
            raise BadLink
        staff = session.get_one(Staff, staff_id)
        by = Actor("staff", staff.name, staff.id)
        audit.record(session, actor=by, what="sign_in_link.used", clinic_id=None, subject=staff.public_id, now=now)
        return staff.email


@retried
def refuse_access(*, endpoint: str, method: str, clinic_id: int, by: Actor, now: pendulum.DateTime) -> None:
    """Write down that somebody asked for a page that their role does not open."""
    with transaction() as session:
        facts = {"method": method}
        audit.record(
            session, actor=by, what="access.refused", clinic_id=clinic_id, subject=endpoint[:64], facts=facts, now=now
        )


def present_password(staff_id: int, typed: str, now: pendulum.DateTime) -> int:
    """Have whoever is signed in prove it by their password, and return the try; raises WrongPassword, TooManyTries."""
    staff = db.session.get_one(Staff, staff_id, populate_existing=True)
    email, kept = staff.email, staff.password_hash
    tried = sign_in_tries.note(email, "", OWN_PAGE, now)
    if not passwords.matches(typed, kept):
        log.warning("a wrong present password was typed (try %s)", tried)
        raise WrongPassword
    return tried


def open_session(
    session: Session, staff_id: int, clinic_id: int | None, now: pendulum.DateTime, *, awaits_code: bool = False
) -> str:
    """Begin a session at a clinic (the first by name when none is given) and return its 256-bit token."""
    here = (
        select(StaffClinic.clinic_id)
        .join(Clinic, Clinic.id == StaffClinic.clinic_id)
        .where(StaffClinic.staff_id == staff_id)
        .order_by(StaffClinic.clinic_id != (clinic_id or 0), Clinic.name)
    )
    clinic = session.scalar(here.limit(1))
    if clinic is None:
        raise SignInRefused
    token = secrets.token_urlsafe(32)
    row = {
        "token_hash": found.token_hash(token),
        "staff_id": staff_id,
        "clinic_id": clinic,
        "created_at": now,
        "expires_at": now.add(minutes=AWAITED_MINUTES) if awaits_code else now.add(hours=SESSION_HOURS),
        "awaits_code": awaits_code,
    }
    session.execute(insert(StaffSession), [row])
    return token


def end_token(session: Session, token: str, now: pendulum.DateTime) -> int | None:
    """End the session of a token, if it has not ended, and return whose it was."""
    mine = update(StaffSession).where(StaffSession.token_hash == found.token_hash(token))
    ended = mine.where(StaffSession.ended_at.is_(None)).values(ended_at=now).returning(StaffSession.staff_id)
    return session.execute(ended).scalar_one_or_none()


def end_sessions(session: Session, staff_id: int, now: pendulum.DateTime) -> None:
    """End every session somebody has, wherever they are signed in."""
    theirs = update(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None))
    session.execute(theirs.values(ended_at=now))


def session_anew(session: Session, staff_id: int, tries: Iterable[int], now: pendulum.DateTime) -> str:
    """End every session of an account, begin one at the clinic it worked at last, and return its token."""
    clinic_id = session.scalar(
        select(StaffSession.clinic_id).where(StaffSession.staff_id == staff_id).order_by(StaffSession.id.desc())
    )
    end_sessions(session, staff_id, now)
    for tried in tries:
        sign_in_tries.mark_right(session, tried)
    return open_session(session, staff_id, clinic_id, now)


def locked(session: Session, staff_id: int) -> Staff:
    """Lock an account and read it as it is now."""
    return session.get_one(Staff, staff_id, with_for_update={"key_share": True}, populate_existing=True)


def note_opened(session: Session, staff: Staff, facts: dict[str, Any], now: pendulum.DateTime) -> None:
    """Write down that somebody is signed in."""
    by = Actor("staff", staff.name, staff.id)
    audit.record(
        session, actor=by, what="session.opened", clinic_id=None, subject=staff.public_id, facts=facts, now=now
    )


@retried
def _session_opened(
    staff_id: int, kept: str, renewed: str, tried: int, instead_of: str, now: pendulum.DateTime
) -> Opened:
    with transaction() as session:
        staff = locked(session, staff_id)
        if not staff.active or staff.password_hash != kept:  # read anew: both may have changed since
            raise SignInRefused
        staff.password_hash = renewed
        session.flush()
        awaits_code = session.get(SecondFactor, staff_id) is not None
        end_token(session, instead_of, now)
        sign_in_tries.mark_right(session, tried)
        token = open_session(session, staff.id, None, now, awaits_code=awaits_code)
        if not awaits_code:
            note_opened(session, staff, {}, now)
    return Opened(token, awaits_code)


@retried
def _password_set(staff_id: int, hashed: str, tried: int, by: Actor, now: pendulum.DateTime) -> str:
    with transaction() as session:
        staff = locked(session, staff_id)
        staff.password_hash, staff.version = hashed, staff.version + 1
        session.flush()
        drop_passkeys(session, staff_id)
        token = session_anew(session, staff_id, (tried,), now)
        audit.record(session, actor=by, what="password.changed", clinic_id=None, subject=staff.public_id, now=now)
    return token
