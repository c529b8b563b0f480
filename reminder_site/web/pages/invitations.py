"""Invitations to one's own account: another clinic's, accepted or declined."""

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from reminder_site.actions import invitations, sign_in_tries
from reminder_site.actions.settings_guard import NotHere
from reminder_site.web import current, sessions

pages = Blueprint("invitations", __name__, url_prefix="/account/invitations")


@pages.post("/<invitation_id>/accept")
def accept(invitation_id: str) -> Response:
    """Work for the clinics of an invitation with one's own account, by the password that they handed out."""
    given = request.form.get("given", "")
    try:
        invitations.accept(invitation=invitation_id, password=given, by=current.actor(), now=sessions.real_now())
    except NotHere:
        abort(404)
    except sign_in_tries.TooManyTries as refused:
        raise TooManyRequests(retry_after=refused.wait_seconds) from refused
    except invitations.WrongPassword:
        flash("This is not the first password that the clinic gave you: ask whoever invited you.", "error")
    except invitations.OtherRole:
        flash("Your account has another role than the invitation: decline it, and ask for one with your role.", "error")
    else:
        flash("You work there too now. The clinic's name in the header opens the other.", "ok")
    return redirect(url_for("accounts.account"), 303)


@pages.post("/<invitation_id>/decline")
def decline(invitation_id: str) -> Response:
    """Decline an invitation."""
    try:
        invitations.decline(invitation=invitation_id, by=current.actor(), now=sessions.real_now())
    except NotHere:
        abort(404)
    flash("The invitation is declined.", "ok")
    return redirect(url_for("accounts.account"), 303)
