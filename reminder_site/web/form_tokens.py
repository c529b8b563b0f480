"""Form tokens say whose form it is: the session's own secret, who opened it and for which clinic, all signed.

Every posting form carries one or is refused, so no form can forget its clinic. Knows no pages.
"""

import secrets
from dataclasses import dataclass

from flask import current_app, request, session
from itsdangerous import BadData, URLSafeTimedSerializer

FIELD = "csrf_token"
HEADER = "X-CSRFToken"
SALT = "wtf-csrf-token"  # Flask-WTF's: it makes the tokens and checks them, here they are only read


@dataclass(frozen=True)
class Origin:
    """Which session a form was opened in, by whom and for which clinic (both public ids)."""

    secret: str
    staff: str
    clinic: str


def bind(staff: str, clinic: str) -> None:
    """Have the tokens of this request name who is signed in and the clinic that is open; others no longer fit."""
    secret = str(session.get(FIELD, "")).partition(".")[0] or secrets.token_hex(20)
    bound = f"{secret}.{staff}.{clinic}"
    if session.get(FIELD) != bound:
        session[FIELD] = bound


def sent() -> str:
    """Return the token that came with this request, whatever it is worth."""
    fields = (value for name, value in request.form.items() if name.endswith(FIELD) and value)
    return request.form.get(FIELD) or next(fields, "") or request.headers.get(HEADER, "")


def origin() -> Origin | None:
    """Read where the form of this request comes from; None unless this site signed it for somebody at a clinic."""
    keys = [*(current_app.config["SECRET_KEY_FALLBACKS"] or ()), current_app.config["SECRET_KEY"]]
    try:
        said = URLSafeTimedSerializer(keys, salt=SALT).loads(sent())
    except BadData:
        return None
    parts = said.split(".") if isinstance(said, str) else []
    return Origin(*parts) if len(parts) == len(Origin.__dataclass_fields__) else None


def of_this_session(where: Origin, staff: str) -> bool:
    """Tell whether a form was opened by this person in this session, for whichever clinic."""
    mine = str(session.get(FIELD, "")).partition(".")[0]
    return where.staff == staff and secrets.compare_digest(where.secret, mine)
