"""Tries to sign in: each is written down before the password is looked at, and some are not looked at at all."""

import logging

import pendulum
from sqlalchemy import update
from sqlalchemy.orm import Session

from reminder_site.actions import locks
from reminder_site.db import retried, transaction
from reminder_site.domain import second_factor
from reminder_site.domain import sign_in_limits as limits
from reminder_site.models import SignInTry
from reminder_site.queries.sign_in_tries import UNKNOWN, in_a_row, keyed, keyed_code, network, wrong

log = logging.getLogger("reminder_site.security")
NOBODY = "nobody"


class TooManyTries(Exception):
    """No password is looked at before `wait_seconds` have passed."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"wait {wait_seconds} s")
        self.wait_seconds = wait_seconds


class NeedsLink(Exception):
    """This account was tried too often on unknown devices: they need a link that an administrator gives."""


@retried
def note(email: str, address: str, device: str, now: pendulum.DateTime) -> int:
    """Write a try down and return its id; `device` is empty where this account has never signed in."""
    account, place = keyed(email), keyed(network(address))
    with transaction() as session:
        locks.hold(session, f"sign-in:{account}")
        mark = _known_device(account, device, now)
        if mark == UNKNOWN:
            locks.hold(session, f"sign-in:{place}")
            _refuse_unknown(account, place, now)
        tried = SignInTry(account_hash=account, address_hash=place, device_hash=mark, tried_at=now, succeeded=False)
        session.add(tried)
        session.flush()
        return tried.id


@retried
def note_code(email: str, device: str, now: pendulum.DateTime) -> int:
    """Write a try of a second factor's code down and return its id; only whoever typed the right password gets here.

    Five in a quarter of an hour by a device, those not known sharing one budget. Raises TooManyTries, NeedsLink.
    """
    account = keyed_code(email)
    with transaction() as session:
        locks.hold(session, f"sign-in:{account}")
        mark = keyed(device) if device else UNKNOWN
        if _many_in_a_row(account, mark, now):
            mark = UNKNOWN
        if mark == UNKNOWN and _many_in_a_row(account, mark, now):
            log.warning("a code on an unknown device was not looked at: its account was tried too often")
            raise NeedsLink
        _refuse_sixth(account, mark, now)
        tried = SignInTry(account_hash=account, address_hash="", device_hash=mark, tried_at=now, succeeded=False)
        session.add(tried)
        session.flush()
        return tried.id


def mark_right(session: Session, tried: int) -> None:
    """Write down that a try was right."""
    session.execute(update(SignInTry).where(SignInTry.id == tried).values(succeeded=True))


def forgive(session: Session, email: str) -> None:
    """Let an account be tried afresh: its wrong tries count no longer."""
    theirs = SignInTry.account_hash.in_([keyed(email), keyed_code(email)])
    session.execute(update(SignInTry).where(theirs).values(account_hash=NOBODY))


def _many_in_a_row(account: str, mark: str, now: pendulum.DateTime) -> bool:
    mine = SignInTry.account_hash == account, SignInTry.device_hash == mark
    return in_a_row(*mine, since=now.subtract(days=limits.COUNTED_DAYS)).times >= limits.MOST_IN_A_ROW


def _refuse_sixth(account: str, mark: str, now: pendulum.DateTime) -> None:
    mine = SignInTry.account_hash == account, SignInTry.device_hash == mark
    lately = in_a_row(*mine, since=now.subtract(minutes=second_factor.WRONG_MINUTES))
    if lately.times >= second_factor.MOST_WRONG and lately.last_at is not None:
        log.warning("a code was not looked at: its account was tried %s times", lately.times)
        free_at = lately.last_at.add(minutes=second_factor.WRONG_MINUTES)
        raise TooManyTries(max(1, int((free_at - now).total_seconds())))


def _known_device(account: str, device: str, now: pendulum.DateTime) -> str:
    """Return under what a known device is counted; one with a hundred wrong tries in a row is known no longer."""
    if not device:
        return UNKNOWN
    mark = keyed(device)
    mine = SignInTry.account_hash == account, SignInTry.device_hash == mark
    if _many_in_a_row(account, mark, now):
        return UNKNOWN
    lately = wrong(*mine, since=now.subtract(hours=1))
    if lately.times >= limits.KNOWN_TRIES_AN_HOUR and lately.last_at is not None:
        raise TooManyTries(max(1, int((lately.last_at.add(hours=1) - now).total_seconds())))
    return mark


def _refuse_unknown(account: str, place: str, now: pendulum.DateTime) -> None:
    unknown = SignInTry.device_hash == UNKNOWN
    found = in_a_row(SignInTry.account_hash == account, unknown, since=now.subtract(days=limits.COUNTED_DAYS))
    if found.times >= limits.MOST_IN_A_ROW:
        log.warning("a sign-in on an unknown device was not looked at: its account was tried %s times", found.times)
        raise NeedsLink
    here = wrong(SignInTry.address_hash == place, unknown, since=now.subtract(hours=1))
    wait = max(
        limits.wait_seconds(limits.UNKNOWN_DEVICES, *found, now),
        limits.wait_seconds(limits.NETWORK, *here, now),
    )
    if wait:
        log.warning("a sign-in on an unknown device was not looked at: it comes %s s too early", wait)
        raise TooManyTries(wait)
