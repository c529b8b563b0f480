"""Signing in and out, one's own password, and which clinic is open. Knows nothing of cookies or pages."""

import hashlib
import hmac
import ipaddress
import logging
import secrets

import pendulum
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, locks, passwords
from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import demo_accounts
from reminder_site.domain.actor import Actor
from reminder_site.models import Clinic, SignInTry, Staff, StaffClinic, StaffSession
from reminder_site.queries import accounts as found

log = logging.getLogger("reminder_site.security")
SESSION_HOURS = 12
TRIES_PER_ACCOUNT = 10  # an hour; reliability: healthchecks' figures
TRIES_PER_ADDRESS = 20  # an hour
WRONG_IN_A_ROW = 100  # then no more until a new password is set (NIST SP 800-63B)
NOBODY = "nobody"


class SignInRefused(Exception):
    """E-mail address and password do not belong together, or the account is off; which of them is not told."""


class TooManyTries(Exception):
    """No password is looked at before `wait_seconds` have passed."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"wait {wait_seconds} s")
        self.wait_seconds = wait_seconds


class WrongPassword(Exception):
    """The present password that was typed is not the present password."""


class NotYourClinic(Exception):
    """The clinic does not exist or is not one of this person's."""


def sign_in(*, email: str, password: str, address: str, now: pendulum.DateTime) -> str:
    """Open a session of 12 h and return its token; raises SignInRefused, TooManyTries.

    The try is written down before the password is looked at, so tries at the same moment cannot exceed the limits.
    """
    email = plain_email(email)
    tried = _try_noted(email, address, now)
    staff = found.by_email(email)
    kept = staff.password_hash if staff else None
    fits = passwords.matches(password, kept)
    if settings().is_live and demo_accounts.is_published(email, password):
        log.warning("somebody tried an account or the password of the demo, which a live site never takes")
        raise SignInRefused
    if not fits or staff is None or kept is None:
        raise SignInRefused
    renewed = passwords.hash_password(password) if passwords.outgrown(kept) else kept
    return _session_opened(staff.id, kept, renewed, tried, now)


@retried
def sign_out(*, token: str, by: Actor, now: pendulum.DateTime) -> None:
    """End the session of a token; ending it twice changes nothing."""
    with transaction() as session:
        ended = session.execute(
            update(StaffSession)
            .where(StaffSession.token_hash == found.token_hash(token), StaffSession.ended_at.is_(None))
            .values(ended_at=now)
            .returning(StaffSession.staff_id)
        ).scalar_one_or_none()
        if ended is not None:
            subject = session.scalars(select(Staff.public_id).where(Staff.id == ended)).one()
            audit.record(session, actor=by, what="session.ended", clinic_id=None, subject=subject, now=now)


def change_password(*, staff_id: int, present: str, new: str, by: Actor, now: pendulum.DateTime) -> str:
    """Set one's own new password, end every session of the account and return the token of a fresh one.

    Raises WrongPassword, TooManyTries. The door has asked domain.passwords about `new`.
    """
    staff = db.session.get_one(Staff, staff_id, populate_existing=True)
    email, kept = staff.email, staff.password_hash
    tried = _try_noted(email, "", now)
    if not passwords.matches(present, kept):
        raise WrongPassword
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
def refuse_access(*, endpoint: str, method: str, clinic_id: int, by: Actor, now: pendulum.DateTime) -> None:
    """Write down that somebody asked for a page that their role does not open."""
    with transaction() as session:
        facts = {"method": method}
        audit.record(
            session, actor=by, what="access.refused", clinic_id=clinic_id, subject=endpoint[:64], facts=facts, now=now
        )


def plain_email(typed: str) -> str:
    """Return an e-mail address as accounts are kept under: no outer blanks, lower case."""
    return typed.strip().lower()


def open_session(session: Session, staff_id: int, clinic_id: int | None, now: pendulum.DateTime) -> str:
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
        "expires_at": now.add(hours=SESSION_HOURS),
    }
    session.execute(insert(StaffSession), [row])
    return token


def end_sessions(session: Session, staff_id: int, now: pendulum.DateTime) -> None:
    """End every session somebody has, wherever they are signed in."""
    theirs = update(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None))
    session.execute(theirs.values(ended_at=now))


def forgive_tries(session: Session, email: str) -> None:
    """Let an account be tried afresh: its wrong tries count no longer (a new password was set)."""
    session.execute(
        update(SignInTry).where(SignInTry.account_hash == _keyed(plain_email(email))).values(account_hash=NOBODY)
    )


@retried
def _try_noted(email: str, address: str, now: pendulum.DateTime) -> int:
    with transaction() as session:
        return _take_a_try(session, email, address, now)


@retried
def _session_opened(staff_id: int, kept: str, renewed: str, tried: int, now: pendulum.DateTime) -> str:
    with transaction() as session:
        staff = session.get_one(Staff, staff_id, with_for_update={"key_share": True}, populate_existing=True)
        if not staff.active or staff.password_hash != kept:  # read anew: both may have changed since
            raise SignInRefused
        staff.password_hash = renewed
        session.flush()
        session.execute(update(SignInTry).where(SignInTry.id == tried).values(succeeded=True))
        by = Actor("staff", staff.name, staff.id)
        token = open_session(session, staff.id, None, now)
        audit.record(session, actor=by, what="session.opened", clinic_id=None, subject=staff.public_id, now=now)
    return token


@retried
def _password_set(staff_id: int, hashed: str, tried: int, by: Actor, now: pendulum.DateTime) -> str:
    with transaction() as session:
        staff = session.get_one(Staff, staff_id, with_for_update={"key_share": True}, populate_existing=True)
        clinic_id = session.scalar(
            select(StaffSession.clinic_id).where(StaffSession.staff_id == staff_id).order_by(StaffSession.id.desc())
        )
        staff.password_hash, staff.version = hashed, staff.version + 1
        session.flush()
        end_sessions(session, staff_id, now)
        session.execute(update(SignInTry).where(SignInTry.id == tried).values(succeeded=True))
        token = open_session(session, staff_id, clinic_id, now)
        audit.record(session, actor=by, what="password.changed", clinic_id=None, subject=staff.public_id, now=now)
    return token


def _take_a_try(session: Session, email: str, address: str, now: pendulum.DateTime) -> int:
    account, place = _keyed(email), _keyed(_network(address))
    locks.hold(session, f"sign-in:{account}")
    locks.hold(session, f"sign-in:{place}")
    _refuse_beyond(session, SignInTry.account_hash == account, TRIES_PER_ACCOUNT, now)
    if address:
        _refuse_beyond(session, SignInTry.address_hash == place, TRIES_PER_ADDRESS, now)
    if _wrong_in_a_row(session, account) >= WRONG_IN_A_ROW:
        raise TooManyTries(3600)
    tried = SignInTry(account_hash=account, address_hash=place, tried_at=now, succeeded=False)
    session.add(tried)
    session.flush()
    return tried.id


def _refuse_beyond(session: Session, whose: object, allowed: int, now: pendulum.DateTime) -> None:
    recent = session.scalars(
        select(SignInTry.tried_at)
        .where(whose, ~SignInTry.succeeded, SignInTry.tried_at > now.subtract(hours=1))  # type: ignore[arg-type]
        .order_by(SignInTry.tried_at.desc())
        .limit(allowed)
    ).all()
    if len(recent) == allowed:
        raise TooManyTries(max(1, int((recent[-1].add(hours=1) - now).total_seconds())))


def _wrong_in_a_row(session: Session, account: str) -> int:
    theirs = SignInTry.account_hash == account
    last_good = select(func.coalesce(func.max(SignInTry.id), 0)).where(theirs, SignInTry.succeeded).scalar_subquery()
    counted = select(func.count()).select_from(SignInTry).where(theirs, SignInTry.id > last_good)
    return session.scalar(counted) or 0


def _keyed(value: str) -> str:
    return hmac.new(settings().keys("throttle")[0], value.encode(errors="replace"), hashlib.sha256).hexdigest()


def _network(address: str) -> str:
    """Return what one household or attacker holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
