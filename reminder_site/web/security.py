"""The gate before every page (known host, form token, signed in, right role: access.py) and the headers after it."""

import logging
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Response as AnyResponse

from reminder_site.actions import accounts
from reminder_site.config import Settings, settings
from reminder_site.queries.accounts import anybody
from reminder_site.web import access, body_limits, current, errors, form_tokens, sessions, unsaved
from reminder_site.web.now import now
from reminder_site.web.redirects import safe_next

CSP = (
    "default-src 'none'; object-src 'none'; base-uri 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HSTS = "max-age=31536000; includeSubDomains"
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
CACHEABLE = frozenset({"static"})
# Load balancers and watchers ask by address; the answers hold no links.
OPEN_TO_ANY_HOST = frozenset({"health.healthz", "health.livez", "health.metrics"})
# These prove themselves otherwise: Twilio by its signature, programs by their key, a patient by the page's own token.
NO_FORM_TOKEN = access.SIGNATURE | access.API_KEY | access.SIGNED_LINK
# A page left open overnight: its form refuses the old token itself, and says so beside what was typed.
CHECKS_ITS_OWN_TOKEN = frozenset({"accounts.sign_in"})
csrf = CSRFProtect()
log = logging.getLogger("reminder_site.security")


def register(app: Flask) -> None:
    """Put the sessions, the gate and the headers on the app."""
    known: Settings = app.extensions["settings"]
    sessions.register(app, known.public_base_url, known.session_idle_minutes)
    # Our pages send no Referer, so the token alone has to prove where a form came from.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
    app.before_request(_gate)
    app.after_request(_headers)
    app.context_processor(current.page_context)
    errors.register(app)


def _gate() -> AnyResponse | None:
    endpoint = request.endpoint
    if endpoint not in OPEN_TO_ANY_HOST and not host_is_trusted(request.host.lower(), _hosts()):
        abort(400)
    if "\0" in request.path or b"%00" in request.query_string:
        abort(404)  # no id, day or search holds it, and a database may refuse to look for it
    if endpoint is None:
        return None
    body_limits.refuse_too_much(endpoint)
    if endpoint in access.STAFF and current.signed_in():
        form_tokens.bind(current.staff().public_id, current.clinic().public_id)
    refused = _check_form_token(endpoint)
    if refused is not None:
        return refused
    if endpoint in access.PUBLIC | access.SIGNED_LINK | access.SIGNATURE | access.API_KEY:
        return None
    return _admit_staff(endpoint)


def _check_form_token(endpoint: str) -> AnyResponse | None:
    """Take a form only in the session and for the clinic that it was opened in."""
    if endpoint in NO_FORM_TOKEN or _of_no_clinic(endpoint):
        return None
    try:
        csrf.protect()
    except CSRFError:
        log.warning("a form without a good token was refused at %s, from %s", endpoint, request.remote_addr)
        if endpoint in CHECKS_ITS_OWN_TOKEN:
            g.form_expired = True
            return None
        answer = unsaved.refuse(endpoint)
        if answer is None:
            raise
        return answer
    return None


def _of_no_clinic(endpoint: str) -> bool:
    """Tell whether this is a form that no clinic matters to, from a page of this session with another one open."""
    if endpoint not in access.OF_NO_CLINIC or request.method != "POST" or not current.signed_in():
        return False
    where = form_tokens.origin()
    g.csrf_valid = where is not None and form_tokens.of_this_session(where, current.staff().public_id)
    return bool(g.csrf_valid)


def _admit_staff(endpoint: str) -> AnyResponse | None:
    roles = access.roles_for(endpoint, request.method)
    if not roles:
        abort(403)
    if not current.signed_in():
        where = form_tokens.origin() if request.method == "POST" else None
        return unsaved.wait_for_sign_in(where, endpoint) if where else redirect(door())
    if current.user().needs_factor and endpoint not in access.BEFORE_SECOND_FACTOR:
        return _second_factor_first(endpoint)
    if current.staff().role not in roles:
        log.warning("%s (%s) may not open %s", current.staff().public_id, current.staff().role, endpoint)
        accounts.refuse_access(
            endpoint=endpoint, method=request.method, clinic_id=current.clinic().id, by=current.actor(), now=now()
        )
        abort(403)
    if request.headers.get(sessions.QUIET, current.clinic().public_id) != current.clinic().public_id:
        abort(409)  # a page that renews itself shows another clinic than the one that is open: refresh.js says so
    return None


def _second_factor_first(endpoint: str) -> AnyResponse:
    """Lead whoever needs a second factor to set it up; a form sent meanwhile is kept and shown afterwards."""
    where = form_tokens.origin() if request.method == "POST" else None
    to = url_for("second_factor.show")
    return unsaved.wait(where, endpoint, to) if where else redirect(to, 303)


def door() -> str:
    """Return where somebody who is not signed in goes first: sign-in, or set-up while there is no account."""
    if not anybody():
        return url_for("set_up.first_run")
    wanted = safe_next(request.path if request.method in {"GET", "HEAD"} else None)
    return url_for("accounts.sign_in", next=wanted if wanted != "/" else None)


def _hosts() -> list[str]:
    host = urlsplit(settings().public_base_url).hostname or ""
    return LOOPBACK if host in {"127.0.0.1", "localhost", "::1"} else [host]


def _headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint not in CACHEABLE:
        response.headers["Cache-Control"] = "no-store"  # send_file has put in a rule of its own
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response
