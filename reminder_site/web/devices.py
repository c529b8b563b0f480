"""The cookie by which a browser is known again at the sign-in page, and for whom. It opens nothing by itself."""

import secrets
from typing import Any, Final

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from reminder_site.config import settings
from reminder_site.queries.sign_in_tries import keyed

KEPT_SECONDS: Final = 400 * 86_400  # the longest that browsers keep a cookie
MOST_ACCOUNTS: Final = 12
MARK_LETTERS: Final = 16


def known_for(email: str) -> str:
    """Return this browser's own id if the account has signed in on it before, else nothing."""
    said = _read()
    return str(said["id"]) if said and _mark(email) in said["of"] else ""


def remember(email: str) -> None:
    """Have this answer tell the browser that the account is known on it from now on."""
    said = _read() or {"id": secrets.token_urlsafe(16), "of": []}
    mark = _mark(email)
    said["of"] = [mark, *(other for other in said["of"] if other != mark)][:MOST_ACCOUNTS]

    @after_this_request
    def tell(response: Response) -> Response:
        response.set_cookie(
            _name(),
            _signer().dumps(said),
            max_age=KEPT_SECONDS,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response


def _read() -> dict[str, Any] | None:
    try:
        said = _signer().loads(request.cookies.get(_name(), ""), max_age=KEPT_SECONDS)
    except BadData:
        return None
    return said if isinstance(said, dict) else None


def _name() -> str:
    return "__Host-device" if current_app.config["SESSION_COOKIE_SECURE"] else "device"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer([*reversed(settings().keys("device"))], salt="device")


def _mark(email: str) -> str:
    return keyed(email.strip().lower())[:MARK_LETTERS]
