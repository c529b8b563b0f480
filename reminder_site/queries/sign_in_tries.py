"""How the sign-in page has been tried. E-mail addresses, networks and devices are only ever seen as keyed hashes."""

import hashlib
import hmac
import ipaddress
from typing import NamedTuple

import pendulum
from sqlalchemy import ColumnElement, Select, func, select

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import sign_in_limits as limits
from reminder_site.models import SignInTry

UNKNOWN = ""  # the device of a try that came from one on which this account had never signed in


class Wrong(NamedTuple):
    """How many wrong tries there were, and when the last was."""

    times: int
    last_at: pendulum.DateTime | None


def keyed(value: str) -> str:
    """Return the hash under which an account, a network or a device is counted."""
    return hmac.new(settings().keys("throttle")[0], value.encode(errors="replace"), hashlib.sha256).hexdigest()


def keyed_code(email: str) -> str:
    """Return the hash under which the codes of an account's second factor are counted."""
    return keyed(f"code of {email}")


def network(address: str) -> str:
    """Return what one household or attacker holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


def wrong(*whose: ColumnElement[bool], since: pendulum.DateTime) -> Wrong:
    """Count somebody's wrong tries since a moment."""
    counted = select(func.count(), func.max(SignInTry.tried_at)).where(*whose, ~SignInTry.succeeded)
    times, last_at = db.session.execute(counted.where(SignInTry.tried_at > since)).one()
    return Wrong(times, last_at)


def in_a_row(*whose: ColumnElement[bool], since: pendulum.DateTime) -> Wrong:
    """Count somebody's wrong tries since a moment and since the last right one."""
    right = select(func.coalesce(func.max(SignInTry.id), 0)).where(*whose, SignInTry.succeeded).scalar_subquery()
    return wrong(*whose, SignInTry.id > right, since=since)


def many_wrong(*, now: pendulum.DateTime) -> dict[str, int]:
    """Count, by account (its keyed hash), a day's wrong tries on unknown devices, where they are many."""
    return {account: times for account, times in db.session.execute(many_wrong_accounts(now=now))}


def many_wrong_accounts(*, now: pendulum.DateTime) -> Select[str, int]:
    """Ask for the accounts with many wrong tries on unknown devices in a day."""
    times = func.count()
    today = SignInTry.tried_at > now.subtract(days=1), ~SignInTry.succeeded, SignInTry.device_hash == UNKNOWN
    found = select(SignInTry.account_hash, times).where(*today).group_by(SignInTry.account_hash)
    return found.having(times >= limits.TOLD_FROM)
