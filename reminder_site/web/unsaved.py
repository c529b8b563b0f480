"""What becomes of a form that is not taken: its session has ended, or it belongs to another clinic than the one open.

Nothing of it is saved. What was typed is kept for whoever sent it; no word of it stands in an address or a log.
"""

import re

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from reminder_site.actions import kept_forms
from reminder_site.web import access, current, form_tokens, sessions
from reminder_site.web.form_tokens import Origin

SECRET_FIELD = re.compile(r"(?:^|-)(?:csrf_token|password|present|new|again)$")
LONGEST_PATH = 200
LONGEST_KEPT = 64_000  # characters; no form of the site comes near
WAITS = "You are signed out. What you typed is kept: sign in, and it is shown to you again. Nothing is saved yet."

COMES_BACK = "What you typed is kept, and is shown to you again afterwards. Nothing is saved yet."


def refuse(endpoint: str) -> AnyResponse | None:
    """Answer a form that does not fit this session: keep what was typed and say where it belongs.

    None when nobody can tell whose it is; then it is refused as any forged form.
    """
    where = form_tokens.origin()
    if where is None:
        return None
    if not current.signed_in():
        return wait_for_sign_in(where, endpoint)
    if where.staff != current.staff().public_id:
        _keep(where, endpoint)
        return _page("errors/another_person.html", 403)
    kept = _keep(where, endpoint)
    if where.clinic != current.clinic().public_id:
        return another_clinic(where.clinic, kept)
    return redirect(url_for("kept.show", kept_id=kept), 303) if kept else None


def wait_for_sign_in(where: Origin, endpoint: str) -> AnyResponse:
    """Keep a form until its sender has signed in again."""
    return wait(where, endpoint, url_for("accounts.sign_in"), WAITS)


def wait(where: Origin, endpoint: str, to: str, words: str = COMES_BACK) -> AnyResponse:
    """Keep a form until its sender has done what else is asked first, at `to`."""
    if _keep(where, endpoint):
        flash(words, "warn")
    return redirect(to, 303)


def another_clinic(clinic: str, kept: str | None) -> Response:
    """Say that a form belongs to another clinic than the one that is open, and offer to open that one."""
    theirs = next((each for each in current.user().clinics if each.public_id == clinic), None)
    return _page("errors/another_clinic.html", 409, theirs=theirs, kept=kept)


def _keep(where: Origin, endpoint: str) -> str | None:
    if endpoint not in access.STAFF - access.OF_NO_CLINIC - access.POSTED_READS or len(request.path) > LONGEST_PATH:
        return None
    fields = [(name, value) for name, value in request.form.items(multi=True) if not SECRET_FIELD.search(name)]
    if sum(len(name) + len(value) for name, value in fields) > LONGEST_KEPT:
        return None
    return kept_forms.keep(
        staff=where.staff, clinic=where.clinic, path=request.path, fields=fields, now=sessions.real_now()
    )


def _page(name: str, status: int, **values: object) -> Response:
    return current_app.make_response((render_template(name, **values), status))
