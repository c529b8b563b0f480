"""Erasing one patient: a reason, a page that says what goes, and a second press."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import erasing
from reminder_site.actions.patients import PatientChanged
from reminder_site.domain.refusals import NotHere
from reminder_site.domain.retention import REASONS
from reminder_site.queries import patients
from reminder_site.web import current
from reminder_site.web.forms.keeping import EraseForm
from reminder_site.web.now import now

pages = Blueprint("erasing", __name__, url_prefix="/patients")


@pages.route("/<patient_id>/erase", methods=["GET", "POST"])
def erase(patient_id: str) -> str | Response | tuple[str, int]:
    """Ask why, ask once more, and erase."""
    clinic = current.clinic()
    patient = patients.get(clinic_id=clinic.id, public_id=patient_id)
    if patient is None:
        abort(404)
    form = EraseForm(data={"version": patient.version})
    sure = form.validate_on_submit() and request.form.get("sure") == "1"
    if sure:
        try:
            done = erasing.erase(
                clinic_id=clinic.id,
                patient_id=patient_id,
                version=form.version.data,
                why=form.reason.data,
                by=current.actor(),
                now=now(),
            )
        except NotHere:
            abort(404)
        except PatientChanged:
            form.reason.errors = ["This patient was changed meanwhile. Look once more."]
            form.version.data = patient.version
        else:
            flash(_told(done), "ok")
            return redirect(url_for("patients.index"), 303)
    visits = patients.visits(clinic_id=clinic.id, key=patient.key)
    coming = [visit for visit in visits if visit.starts_at > now() and visit.state == "booked"]
    shown = {"form": form, "patient": patient, "coming": coming, "why": REASONS.get(form.reason.data or "", "")}
    asks = request.method == "POST" and not form.errors
    return render_template("patients/erase.html", asks=asks, **shown), 422 if form.errors else 200


def _told(done: erasing.Erased) -> str:
    words = "The patient is erased."
    if done.cancelled:
        words += f" {done.cancelled} coming appointment{'s were' if done.cancelled > 1 else ' was'} cancelled."
    return words + (" What Twilio still holds is being withdrawn." if done.texts_left else "")
