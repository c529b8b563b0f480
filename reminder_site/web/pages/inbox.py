"""The inbox: texts that wait for a person, each with its conversation and appointment beside it."""

import secrets
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import inbox as actions
from reminder_site.domain.refusals import AlreadyClaimed, CannotText, NotHere
from reminder_site.queries import appointments, conversation, inbox, opt_outs, patients
from reminder_site.queries.inbox import Waiting
from reminder_site.queries.plans import sender_of
from reminder_site.web import current, talk
from reminder_site.web.forms.patients import TextForm
from reminder_site.web.now import now

pages = Blueprint("inbox", __name__, url_prefix="/inbox")
LAST_SAID = 6


@pages.get("")
def index() -> str:
    """Show the texts that wait, the newest first, those that no clinic has yet apart, and one of them opened."""
    waiting = inbox.listed(clinic_id=current.clinic().id)
    to_claim = inbox.to_claim(clinic_id=current.clinic().id, clinics=current.clinic_ids())
    wanted = request.args.get("text", "")
    opened = next((one for one in waiting + to_claim if one.id == wanted), next(iter(waiting + to_claim), None))
    beside = _beside_unclaimed if opened and opened.unclaimed else _beside
    shown = {"waiting": waiting, "to_claim": to_claim, "opened": opened}
    return render_template("inbox/index.html", **shown, **(beside(opened) if opened else {}))


@pages.post("/<inbound_id>/claim")
def claim(inbound_id: str) -> Response:
    """Take what a number that no clinic knew has sent over to the clinic that is open."""
    here, mine = current.clinic().id, current.clinic_ids()
    try:
        actions.claim(clinic_id=here, clinics=mine, inbound_id=inbound_id, by=current.actor(), now=now())
    except NotHere:
        abort(404)
    except AlreadyClaimed as refused:
        flash(refused.words, "warn")
    return redirect(url_for("inbox.index", text=inbound_id), 303)


@pages.post("/<inbound_id>/handled")
def handled(inbound_id: str) -> Response:
    """Take a text off the inbox."""
    try:
        actions.mark_handled(clinic_id=current.clinic().id, inbound_id=inbound_id, by=current.actor(), now=now())
    except NotHere:
        abort(404)
    return redirect(url_for("inbox.index"), 303)


@pages.post("/<inbound_id>/stop")
def stop(inbound_id: str) -> Response:
    """Keep an opt-out for the number of a text."""
    try:
        actions.stop_texts(clinic_id=current.clinic().id, inbound_id=inbound_id, by=current.actor(), now=now())
    except NotHere:
        abort(404)
    except CannotText as refused:
        flash(refused.words, "warn")
    else:
        flash("No more texts go to this number. It was told so once.", "ok")
    return redirect(url_for("inbox.index"), 303)


def _beside_unclaimed(opened: Waiting) -> dict[str, Any]:
    """Gather what helps to say whose a text is: what else its number sent, and which clinics share the sender."""
    said = conversation.unclaimed(e164=opened.from_e164, sender=opened.sender)
    return {
        "thread": talk.lines(said[-LAST_SAID:], current.clinic().time_zone, now()),
        "shared_by": [one.name for one in current.user().clinics if sender_of(one) == opened.sender],
    }


def _beside(opened: Waiting) -> dict[str, Any]:
    """Gather what somebody needs to answer a text: who, which appointment, what was said before."""
    clinic = current.clinic()
    patient = patients.get(clinic_id=clinic.id, public_id=opened.patient_id) if opened.patient_id else None
    if patient:
        said = conversation.of_patient(clinic_id=clinic.id, key=patient.key)
    else:
        said = conversation.with_number(clinic_id=clinic.id, e164=opened.from_e164)
    visit = appointments.get(clinic_id=clinic.id, public_id=opened.appointment_id) if opened.appointment_id else None
    number = patient.phone_e164 if patient else opened.from_e164
    opt_out = opt_outs.of_number(clinic_id=clinic.id, e164=number)
    form = TextForm(formdata=None)
    form.nonce.data, form.answers.data = secrets.token_urlsafe(24), opened.id
    return {
        "patient": patient,
        "visit": visit,
        "form": form,
        "opt_out": opt_out,
        "texts_off": opt_outs.texts_off(clinic, patient, opt_out) if patient else "",
        "thread": talk.lines(said[-LAST_SAID:], clinic.time_zone, now()),
        "earlier": max(0, len(said) - LAST_SAID),
    }
