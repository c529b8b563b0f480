"""What needs a person: texts nobody could clear up, those that were held up too long, appointments without a plan."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import again, parking
from reminder_site.domain.refusals import NotHere, TooLateToSend
from reminder_site.queries import parked
from reminder_site.web import current
from reminder_site.web.now import now
from reminder_site.web.talk import as_read

pages = Blueprint("parked", __name__, url_prefix="/parked")


@pages.get("")
def index() -> str:
    """Show what is parked."""
    clinic_id = current.clinic().id
    texts, unplanned = parked.listed(clinic_id=clinic_id, now=now()), parked.unplanned(clinic_id=clinic_id, now=now())
    shown = {"texts": texts, "unplanned": unplanned, "missed": parked.missed(clinic_id=clinic_id)}
    return render_template("inbox/parked.html", **shown, as_read=as_read)


@pages.post("/<message_id>/send")
def send(message_id: str) -> Response:
    """Let a parked text leave after all."""
    return _decide(parking.send_anyway, message_id, "The text leaves now.")


@pages.post("/<message_id>/leave")
def leave(message_id: str) -> Response:
    """Take a parked text off the list."""
    return _decide(parking.leave, message_id, "The text is left unsent.")


@pages.post("/<message_id>/told")
def told(message_id: str) -> Response:
    """Take a text that came to be of no use off the list: the patient was told otherwise."""
    return _decide(again.told_otherwise, message_id, "Noted: the patient was told.")


def _decide(decision: Callable[..., None], message_id: str, words: str) -> Response:
    try:
        decision(clinic_id=current.clinic().id, message_id=message_id, by=current.actor(), now=now())
    except NotHere:
        abort(404)
    except TooLateToSend as refusal:
        flash(refusal.words, "error")
    else:
        flash(words, "ok")
    return redirect(url_for("parked.index"), 303)
