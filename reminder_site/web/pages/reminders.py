"""Buttons on single reminders, and on all of one patient's."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import press, reminders
from reminder_site.domain.refusals import NotHere, Refused
from reminder_site.web import current
from reminder_site.web.now import now
from reminder_site.web.pages.appointments import found

pages = Blueprint("reminders", __name__)
HOURS: dict[str, press.Hour] = {"now": "now", "opening": "opening"}


@pages.post("/appointments/<public_id>/reminders/<reminder_id>/cancel")
def cancel(public_id: str, reminder_id: str) -> Response:
    """Take one reminder back, here or at Twilio."""
    facts = found(public_id)
    try:
        reminders.cancel_reminder(clinic_id=current.clinic().id, reminder_id=reminder_id, by=current.actor(), now=now())
    except NotHere:
        abort(404)
    except Refused as refused:
        flash(refused.words, "warn")
    return redirect(url_for("appointments.show", public_id=facts.id), 303)


@pages.post("/appointments/<public_id>/reminders/<reminder_id>/send-now")
def send_now(public_id: str, reminder_id: str) -> Response | tuple[str, int]:
    """Send one reminder at once instead of at its time; in quiet hours ask first."""
    facts = found(public_id)
    try:
        reminders.send_reminder_now(
            clinic_id=current.clinic().id,
            reminder_id=reminder_id,
            hour=HOURS.get(request.form.get("hour", ""), "ask"),
            by=current.actor(),
            now=now(),
        )
    except press.AskedFirst as asked:
        page = render_template("appointments/send_now.html", facts=facts, reminder_id=reminder_id, asked=asked)
        return page, 422
    except NotHere:
        abort(404)
    except Refused as refused:
        flash(refused.words, "warn")
    return redirect(url_for("appointments.show", public_id=facts.id), 303)


@pages.post("/appointments/<public_id>/reminders/switch")
def switch(public_id: str) -> Response:
    """Switch all of the patient's reminders on or off."""
    facts = found(public_id)
    on = request.form.get("on") == "yes"
    try:
        reminders.set_patient_reminders(
            clinic_id=current.clinic().id, patient_id=facts.patient_id, on=on, by=current.actor(), now=now()
        )
    except Refused as refused:
        flash(refused.words, "warn")
    else:
        flash("Reminders are on for this patient." if on else "Reminders are off for this patient.", "ok")
    return redirect(url_for("appointments.show", public_id=facts.id), 303)
