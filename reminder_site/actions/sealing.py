"""Secrets as they are kept: encrypted (Fernet: AES-128-CBC with HMAC-SHA-256) with keys derived from SECRET_KEY."""

import base64

import pendulum
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from reminder_site.config import settings


class Unreadable(Exception):
    """What was sealed was changed, is too old, or was sealed under a SECRET_KEY that the site no longer has."""


def seal(purpose: str, secret: str, *, now: pendulum.DateTime) -> str:
    """Encrypt a secret with the present key of a purpose."""
    return _box(purpose).encrypt_at_time(secret.encode(), int(now.timestamp())).decode()


def unseal(purpose: str, sealed: str) -> str:
    """Return a secret that was sealed with the present key or the one before; raises Unreadable."""
    try:
        return _box(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def is_by_present_key(purpose: str, sealed: str) -> bool:
    """Tell whether a secret was sealed with the present key, so that the keys before may go."""
    try:
        Fernet(base64.urlsafe_b64encode(settings().keys(purpose)[0])).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def unseal_fresh(purpose: str, sealed: str, *, minutes: int, now: pendulum.DateTime) -> str:
    """Return a secret that was sealed at most so many minutes ago; raises Unreadable."""
    try:
        return _box(purpose).decrypt_at_time(sealed.encode(), minutes * 60, int(now.timestamp())).decode()
    except InvalidToken as error:
        raise Unreadable from error


def _box(purpose: str) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in settings().keys(purpose)])
