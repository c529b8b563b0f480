"""What a code of the second factor proves, and how it is used up: a time step of the app, or one recovery code."""

import hmac
import logging
from dataclasses import dataclass

import pendulum
import pyotp
from sqlalchemy import update
from sqlalchemy.orm import Session

from reminder_site.actions import accounts, passwords, sealing, sign_in_tries
from reminder_site.db import db
from reminder_site.domain import second_factor as rules
from reminder_site.models import RecoveryCode, SecondFactor, Staff
from reminder_site.queries import second_factor as found

log = logging.getLogger("reminder_site.security")
SECRET = "second factor"  # noqa: S105 - what the key is for


class WrongCode(Exception):
    """The code does not fit, is too old, or was used before."""


class NotSetUp(Exception):
    """There is no second factor to change."""


@dataclass(frozen=True)
class Proof:
    """What a right code uses up: a time step of the app, or one recovery code.

    `sealed` is the secret sealed anew, `was` how it was kept: a factor that was exchanged meanwhile is left alone.
    """

    step: int | None = None
    recovery_id: int | None = None
    sealed: str = ""
    was: str = ""


def prove_again(staff_id: int, present: str, code: str, now: pendulum.DateTime) -> tuple[Proof, tuple[int, int]]:
    """Have whoever changes a second factor prove both anew, and return what is used up by it, with the tries.

    Raises WrongPassword, WrongCode, NotSetUp, TooManyTries, NeedsLink.
    """
    password_try = accounts.present_password(staff_id, present, now)
    email = db.session.get_one(Staff, staff_id).email
    code_try = sign_in_tries.note_code(email, accounts.OWN_PAGE, now)
    proof = proved(staff_id, code, now)
    if proof is None:
        log.warning("a change of a second factor was refused (try %s)", code_try)
        raise WrongCode
    return proof, (password_try, code_try)


def proved(staff_id: int, code: str, now: pendulum.DateTime) -> Proof | None:
    """Return what a code proves, or None; nothing is used up yet."""
    kept = found.kept(staff_id)
    if kept is None:
        raise NotSetUp
    if (typed := rules.recovery_code(code)) is not None:
        fits = (number for number, hashed in kept.recovery if passwords.matches(typed, hashed))
        number = next(fits, None)
        return None if number is None else Proof(recovery_id=number)
    try:
        secret = sealing.unseal(SECRET, kept.sealed_secret)
    except sealing.Unreadable:
        log.error("the second factor of an account cannot be read: SECRET_KEY was changed without its previous one")
        return None
    step = step_of(secret, rules.app_code(code), after=kept.last_step, now=now)
    if step is None:
        return None
    return Proof(step=step, sealed=sealing.seal(SECRET, secret, now=now), was=kept.sealed_secret)


def step_of(secret: str, code: str | None, *, after: int, now: pendulum.DateTime) -> int | None:
    """Return the time step that a code belongs to, if it is one around now and later than another."""
    if code is None:
        return None
    app, present = pyotp.TOTP(secret, digits=rules.DIGITS, interval=rules.STEP_SECONDS), int(now.timestamp())
    around = range(-rules.STEPS_EITHER_WAY, rules.STEPS_EITHER_WAY + 1)
    steps = [present // rules.STEP_SECONDS + away for away in around]
    right = [step for step in steps if step > after and hmac.compare_digest(app.generate_otp(step), code)]
    return right[0] if right else None


def use(session: Session, staff_id: int, proof: Proof, now: pendulum.DateTime) -> None:
    """Use a code up; raises WrongCode when somebody else did meanwhile."""
    if proof.step is not None:
        same = SecondFactor.staff_id == staff_id, SecondFactor.sealed_secret == proof.was
        mine = update(SecondFactor).where(*same, SecondFactor.last_step < proof.step)
        step = mine.values(last_step=proof.step, sealed_secret=proof.sealed)
        used = session.scalar(step.returning(SecondFactor.staff_id))
    else:
        mine = update(RecoveryCode).where(RecoveryCode.id == proof.recovery_id, RecoveryCode.used_at.is_(None))
        used = session.scalar(mine.values(used_at=now).returning(RecoveryCode.id))
    if used is None:
        log.warning("a code was used a second time at the same moment, and refused")
        raise WrongCode
