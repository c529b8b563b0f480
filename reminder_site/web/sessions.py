"""Sessions: a signed cookie that carries only the CSRF token and a session token; the session itself is a row.

Its 12 h are told by the machine's own clock, even when the site follows the sandbox's.
"""

from datetime import timedelta

import pendulum
from flask import Flask, current_app, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, login_user, logout_user

from reminder_site.clock import Clock
from reminder_site.config import settings
from reminder_site.queries import accounts
from reminder_site.queries.accounts import Clinic, Staff

QUIET = "X-Quiet-Refresh"  # sent by refresh.js with the page's clinic: a page that renews itself is nobody at the desk

AWAITS_CODE = "awaits_code"


class User(UserMixin):
    """Who is signed in, as Flask-Login and the templates see it; its id is the session's token."""

    def __init__(self, token: str, found: accounts.SignedIn) -> None:
        self.token = token
        self.staff: Staff = found.staff
        self.clinic: Clinic = found.clinic
        self.clinics = found.clinics
        self.needs_factor = found.needs_factor

    def get_id(self) -> str:
        """Return the token that the cookie carries."""
        return self.token

    @property
    def name(self) -> str:
        """Return the name shown in the header."""
        return self.staff.name


class IdleCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, renewed by every request of a person but not by a page that renews itself."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Tell whether this answer starts the idle time anew."""
        return session.modified or (session.permanent and QUIET not in request.headers)


def register(app: Flask, base_url: str, idle_minutes: int) -> None:
    """Set the cookie's name and guards, and let Flask-Login find people by their session's token."""
    secure = base_url.startswith("https:")
    app.config.update(
        SESSION_COOKIE_NAME="__Host-session" if secure else "session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=timedelta(minutes=idle_minutes),
    )
    app.session_interface = IdleCookie()
    login = LoginManager(app)
    login.session_protection = None
    login.user_loader(_load)


def real_now() -> pendulum.DateTime:
    """Return the machine's own time (UTC), which sessions and sign-in limits go by."""
    if "real_now" not in g:
        clock: Clock = current_app.extensions["clock"]
        g.real_now = clock.machine_now()
    moment: pendulum.DateTime = g.real_now
    return moment


def begin(token: str) -> None:
    """Start the browser's session afresh with a new token: nothing of the session before it lives on."""
    session.clear()
    session.permanent = True
    found = accounts.signed_in(token, now=real_now())
    if found:
        login_user(User(token, found))


def await_code(token: str) -> None:
    """Start the browser's session afresh with a token that opens nothing before a code is typed."""
    session.clear()
    session.permanent = True
    session[AWAITS_CODE] = token


def awaited_token() -> str:
    """Return the token of the sign-in that waits for a code in this browser; empty when none does."""
    return str(session.get(AWAITS_CODE, ""))


def end() -> None:
    """Take the token and everything else out of the cookie."""
    logout_user()
    session.clear()


def idle_words() -> str:
    """Say how long a signed-in browser may rest."""
    return f"{settings().session_idle_minutes} minutes"


def _load(token: str) -> User | None:
    found = accounts.signed_in(token, now=real_now())
    return User(token, found) if found else None
