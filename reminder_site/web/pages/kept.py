"""A form that was sent but not saved, shown again as it was sent. Looking at it saves nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, abort, current_app, g, render_template, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from reminder_site.actions.kept_forms import KEPT_MINUTES, OnlyLooking, only_looking
from reminder_site.queries import kept_forms
from reminder_site.queries.kept_forms import Kept
from reminder_site.web import access, current, sessions, unsaved
from reminder_site.web.errors import told

pages = Blueprint("kept", __name__)
REDIRECTS = range(300, 400)


@pages.get("/forms/kept/<kept_id>")
def show(kept_id: str) -> Any:
    """Show the form filled in as it was sent, on its own page; a mere button is named with what it does."""
    since = sessions.real_now().subtract(minutes=KEPT_MINUTES)
    kept = kept_forms.mine(staff_id=current.staff().id, public_id=kept_id, since=since)
    if kept is None:
        abort(404)
    if kept.clinic != current.clinic().public_id:
        return unsaved.another_clinic(kept.clinic, kept.id)
    found = _view(kept)
    if found is None:
        return render_template("kept.html", kept=kept, typed=told(kept.fields), does=None)
    view, blanks = found
    with _as_sent(kept):
        page = _drawn(view, blanks)
    if page is not None:
        return page
    does = (view.__doc__ or "").partition("\n")[0].strip()
    return render_template("kept.html", kept=kept, typed=told(kept.fields), does=does)


def _view(kept: Kept) -> tuple[Any, dict[str, Any]] | None:
    """Find what takes this form; None when it is gone, or this person's role no longer opens it."""
    routes = current_app.create_url_adapter(request)
    try:
        endpoint, blanks = routes.match(kept.path, method="POST") if routes else ("", {})
    except HTTPException:
        return None
    allowed = current.staff().role in access.roles_for(endpoint, "POST")
    return (current_app.view_functions[endpoint], dict(blanks)) if allowed else None


@contextmanager
def _as_sent(kept: Kept) -> Iterator[None]:
    """Have this request stand for the form's own while its page is drawn."""
    here = request.method, request.path
    request.method, request.path = "POST", kept.path
    sent: ImmutableMultiDict[str, str] = ImmutableMultiDict(kept.fields)
    request.__dict__.update(form=sent, values=sent, files=ImmutableMultiDict())
    g.csrf_valid = g.shown_again = True
    try:
        yield
    finally:
        request.method, request.path = here
        g.shown_again = False


def _drawn(view: Any, blanks: dict[str, Any]) -> Response | None:
    """Draw the page of a form; None for a button without one, which would have acted."""
    try:
        with only_looking():
            answer: Response = current_app.make_response(view(**blanks))
    except (OnlyLooking, HTTPException):
        return None
    if answer.status_code in REDIRECTS:
        return None
    answer.status_code = 200
    return answer
