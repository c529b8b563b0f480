"""The second factor: set up, asked for at sign-in, made anew, taken away. Each code is good once."""

import logging
import secrets
from dataclasses import dataclass

import pendulum
import pyotp
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import accounts, audit, passwords, sealing, sign_in_tries
from reminder_site.actions.factor_codes import SECRET, Proof, WrongCode, prove_again, proved, step_of, use
from reminder_site.db import db, retried, transaction
from reminder_site.domain import second_factor as rules
from reminder_site.domain.actor import Actor
from reminder_site.models import RecoveryCode, SecondFactor, Staff, StaffSession
from reminder_site.queries import second_factor as found

log = logging.getLogger("reminder_site.security")
DRAFT = "second factor draft"


class NotAwaited(Exception):
    """No right password waits for its code in this browser: it never did, waited too long, or the account changed."""


class OldPage(Exception):
    """The page with the secret was opened too long ago, for somebody else, or by an account that has a factor now."""


@dataclass(frozen=True)
class Draft:
    """A new secret that nobody has proved yet, and the same sealed for whoever set out to, as a form carries it."""

    secret: str
    sealed: str


def draft(*, staff: str, now: pendulum.DateTime) -> Draft:
    """Make up a secret of 160 bits for somebody, by public id; nothing is kept."""
    secret = pyotp.random_base32()
    return Draft(secret, sealing.seal(DRAFT, f"{staff} {secret}", now=now))


def app_address(*, secret: str, email: str, clinic: str) -> str:
    """Return what an authenticator app reads from a QR code (otpauth://)."""
    app = pyotp.TOTP(secret, digits=rules.DIGITS, interval=rules.STEP_SECONDS)
    return app.provisioning_uri(name=email, issuer_name=clinic)


def drafted(*, staff: str, sealed: str, now: pendulum.DateTime) -> Draft:
    """Return the draft that a form carried; raises OldPage."""
    try:
        whose, _, secret = sealing.unseal_fresh(DRAFT, sealed, minutes=rules.SET_UP_MINUTES, now=now).partition(" ")
    except sealing.Unreadable as error:
        raise OldPage from error
    if whose != staff:
        raise OldPage
    return Draft(secret, sealed)


def set_up(
    *, staff_id: int, secret: str, present: str, code: str, by: Actor, now: pendulum.DateTime
) -> tuple[str, list[str]]:
    """Give somebody a second factor, end all their sessions, and return the token of a fresh one and recovery codes.

    Raises WrongCode, WrongPassword, TooManyTries, OldPage.
    """
    step = step_of(secret, rules.app_code(code), after=0, now=now)
    if step is None:
        raise WrongCode
    tried = accounts.present_password(staff_id, present, now)
    codes, hashes = _new_codes()
    factor = {"sealed_secret": sealing.seal(SECRET, secret, now=now), "last_step": step, "made_at": now}
    return _set_up(staff_id, factor, hashes, tried, by, now), codes


def pass_code(*, token: str, code: str, device: str = "", now: pendulum.DateTime) -> str:
    """Turn a sign-in that waits for its code into a session of 12 h, and return that one's token.

    Raises NotAwaited, WrongCode, TooManyTries, NeedsLink. The try is written down first, as that of a password.
    """
    waiting = found.awaited(token, now=now)
    if waiting is None:
        raise NotAwaited
    tried = sign_in_tries.note_code(waiting.email, device, now)
    proof = proved(waiting.staff_id, code, now)
    if proof is None:
        log.warning("a wrong code followed a right password (try %s)", tried)
        raise WrongCode
    return _passed(waiting, proof, tried, now)


def renew_codes(*, staff_id: int, present: str, code: str, by: Actor, now: pendulum.DateTime) -> tuple[str, list[str]]:
    """Exchange the recovery codes, end all sessions, and return the token of a fresh one and the codes.

    Raises WrongPassword, WrongCode, NotSetUp, TooManyTries.
    """
    proof, tries = prove_again(staff_id, present, code, now)
    codes, hashes = _new_codes()
    return _renewed(staff_id, proof, hashes, tries, by, now), codes


def take_away(*, staff_id: int, present: str, code: str, by: Actor, now: pendulum.DateTime) -> str:
    """Take one's own second factor away, end all sessions and return the token of a fresh one.

    Raises WrongPassword, WrongCode, NotSetUp, TooManyTries.
    """
    proof, tries = prove_again(staff_id, present, code, now)
    return _taken_away(staff_id, proof, tries, by, now)


@retried
def seal_anew(*, now: pendulum.DateTime) -> int:
    """Seal with the present key what a key before it sealed, so that that one can go, and return how many were."""
    kept = db.session.execute(select(SecondFactor.staff_id, SecondFactor.sealed_secret)).all()
    stale = {staff_id: sealed for staff_id, sealed in kept if not sealing.is_by_present_key(SECRET, sealed)}
    fresh = {staff_id: _sealed_anew(sealed, now) for staff_id, sealed in stale.items()}
    if not any(fresh.values()):
        return 0
    with transaction() as session:
        for staff_id, sealed in sorted(fresh.items()):
            same = SecondFactor.staff_id == staff_id, SecondFactor.sealed_secret == stale[staff_id]
            if sealed:
                session.execute(update(SecondFactor).where(*same).values(sealed_secret=sealed))
    return sum(map(bool, fresh.values()))


def _sealed_anew(sealed: str, now: pendulum.DateTime) -> str:
    try:
        return sealing.seal(SECRET, sealing.unseal(SECRET, sealed), now=now)
    except sealing.Unreadable:
        return ""


def drop(session: Session, staff_id: int) -> bool:
    """Take somebody's second factor out, and tell whether there was one."""
    gone = session.scalar(
        delete(SecondFactor).where(SecondFactor.staff_id == staff_id).returning(SecondFactor.staff_id)
    )
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    return gone is not None


def _new_codes() -> tuple[list[str], list[str]]:
    letters = range(rules.RECOVERY_LETTERS)
    codes = ["".join(secrets.choice(rules.RECOVERY_ALPHABET) for _ in letters) for _ in range(rules.RECOVERY_CODES)]
    return codes, [passwords.hash_password(code) for code in codes]


@retried
def _passed(waiting: found.Awaited, proof: Proof, tried: int, now: pendulum.DateTime) -> str:
    with transaction() as session:
        staff = accounts.locked(session, waiting.staff_id)
        if not staff.active:
            raise NotAwaited
        use(session, staff.id, proof, now)
        mine = update(StaffSession).where(StaffSession.id == waiting.session_id, StaffSession.ended_at.is_(None))
        clinic = session.scalar(mine.values(ended_at=now).returning(StaffSession.clinic_id))
        if clinic is None:
            raise NotAwaited
        sign_in_tries.mark_right(session, tried)
        facts = {"with": "recovery code" if proof.step is None else "code"}
        accounts.note_opened(session, staff, facts, now)
        return accounts.open_session(session, staff.id, clinic, now)


@retried
def _set_up(
    staff_id: int, factor: dict[str, object], hashes: list[str], tried: int, by: Actor, now: pendulum.DateTime
) -> str:
    with transaction() as session:
        staff = accounts.locked(session, staff_id)
        if session.get(SecondFactor, staff_id) is not None:
            raise OldPage
        session.execute(insert(SecondFactor).values(staff_id=staff_id, **factor))
        _keep_codes(session, staff_id, hashes)
        staff.factor_taken_at, staff.factor_taken_by = None, ""
        return _noted(session, staff, "second_factor.set_up", (tried,), by, now)


@retried
def _renewed(
    staff_id: int, proof: Proof, hashes: list[str], tries: tuple[int, ...], by: Actor, now: pendulum.DateTime
) -> str:
    with transaction() as session:
        staff = accounts.locked(session, staff_id)
        use(session, staff_id, proof, now)
        session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
        _keep_codes(session, staff_id, hashes)
        return _noted(session, staff, "recovery_codes.renewed", tries, by, now)


@retried
def _taken_away(staff_id: int, proof: Proof, tries: tuple[int, ...], by: Actor, now: pendulum.DateTime) -> str:
    with transaction() as session:
        staff = accounts.locked(session, staff_id)
        session.get(SecondFactor, staff_id, with_for_update={"key_share": True})
        use(session, staff_id, proof, now)
        drop(session, staff_id)
        log.warning("%s took the own second factor away", staff.public_id)
        return _noted(session, staff, "second_factor.taken_away", tries, by, now)


def _keep_codes(session: Session, staff_id: int, hashes: list[str]) -> None:
    session.execute(insert(RecoveryCode), [{"staff_id": staff_id, "code_hash": hashed} for hashed in hashes])


def _noted(session: Session, staff: Staff, what: str, tries: tuple[int, ...], by: Actor, now: pendulum.DateTime) -> str:
    """Write a change of one's own second factor down, and begin afresh: every other session ends."""
    session.flush()
    token = accounts.session_anew(session, staff.id, tries, now)
    audit.record(session, actor=by, what=what, clinic_id=None, subject=staff.public_id, now=now)
    return token
