"""Refusals and mishaps as pages in plain words; none of them names a patient or says how the site is made."""

import logging
import re
import secrets
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, ServiceUnavailable, TooManyRequests
from werkzeug.routing import RequestRedirect

from reminder_site.domain.spoken import duration_words
from reminder_site.web import opened, patient_words
from reminder_site.web.redirects import HOME, safe_next
from reminder_site.web.sessions import idle_words

log = logging.getLogger(__name__)
PAGES = frozenset({400, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503})
BARE = frozenset({"twilio"})  # programs ask there; they read no pages
NOT_SHOWN = re.compile(
    r"csrf_token|nonce|password|present|new|again|token|next|submit|version|_id$|then|^code$|sealed|passkey"
)
LONGEST_SHOWN = 2_000
YES_OR_NO = {"0": "no", "1": "yes"}  # what buttons and ticks send


def register(app: Flask) -> None:
    """Put the pages for refusals on the app."""
    app.log_exception = _log  # type: ignore[method-assign]  # Flask's own line holds the path, hence patients' links
    app.register_error_handler(CSRFError, _form_expired)
    app.register_error_handler(HTTPException, _refused)


def _refused(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, RequestRedirect):
        return error
    answer = Response(status=error.code, headers=error.get_headers(), mimetype="text/html")
    if request.blueprint in BARE:
        return answer
    if request.path == "/m" or request.path.startswith("/m/"):
        answer.set_data(_for_patient(error.code))
        return answer
    wait = error.retry_after if isinstance(error, TooManyRequests) else None
    answer.set_data(
        _drawn(
            str(error.code) if error.code in PAGES else "400",
            wait=duration_words(wait) if isinstance(wait, int) else None,
            reference=g.get("reference"),
        )
    )
    return answer


def _for_patient(status: int | None) -> str:
    """Draw the page of a patient who was refused, with whom to phone as far as that is known."""
    said, clinic = patient_words.refusal(status), opened.clinic_to_phone()
    return _drawn("patient", said=said, clinic=clinic, reference=g.get("reference"))


def not_saved(error: Exception) -> Response | HTTPException:
    """Say in words that the database refuses (a full disk, a server that is away) and nothing was saved."""
    log.error("the database refuses at %s: %s", request.endpoint, type(error).__name__, exc_info=error)
    return _refused(ServiceUnavailable())


def _form_expired(error: CSRFError) -> Response:
    """Show what was typed: nothing was saved, and the browser's way back may have lost it."""
    page = _drawn("expired", typed=told(request.form.items(multi=True)), again=_form_address(), idle=idle_words())
    return Response(page, status=400, mimetype="text/html")


def told(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Say in words what somebody typed into a form, without what they did not type themselves."""
    return [
        (name.replace("_", " ").replace("-", " "), YES_OR_NO.get(value, value)[:LONGEST_SHOWN])
        for name, value in fields
        if value.strip() and not NOT_SHOWN.search(name)
    ]


def _form_address() -> str:
    """Return the address of the form that was sent, where it can be opened; the day list otherwise."""
    routes = current_app.create_url_adapter(request)
    return safe_next(request.path) if routes and routes.test(method="GET") else HOME


def _drawn(name: str, **values: Any) -> str:
    """Draw an error page without asking who is signed in: the database may be what is wrong."""
    return current_app.jinja_env.get_template(f"errors/{name}.html").render(**values)


def _log(exc_info: Any) -> None:
    g.reference = secrets.token_hex(4)
    log.error("unexpected error at %s, reference %s", request.endpoint, g.reference, exc_info=exc_info)
