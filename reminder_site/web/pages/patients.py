"""Patients: find, add, correct; one patient's appointments and conversation, a text by hand.

What is searched for is posted, so that no name or number stands in an address.
"""

import secrets
from typing import Any, TypeVar

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import patients as actions
from reminder_site.actions import press, reminders
from reminder_site.domain import hand_written, spoken
from reminder_site.domain.refusals import CannotText, NotHere, SavedSomethingElse
from reminder_site.domain.times import to_local
from reminder_site.queries import consent_wordings, conversation, opt_outs, patients
from reminder_site.queries.patients import PatientFacts
from reminder_site.web import current, reading, talk, warnings
from reminder_site.web.forms.fields import whole_number
from reminder_site.web.forms.patients import DetailsForm, EditPatientForm, NewPatientForm, TextForm
from reminder_site.web.now import now
from reminder_site.web.saved import renew_nonce

pages = Blueprint("patients", __name__, url_prefix="/patients")

LONGEST_SEARCH = 80
CONSENTS = frozenset({"spoken", "written", ""})
HOURS: dict[str, press.Hour] = {"now": "now", "opening": "opening"}
Form = TypeVar("Form", bound=DetailsForm)
Page = str | Response | tuple[str, int]


@pages.get("")
def index() -> str:
    """List the first patients, with the box to find one."""
    return _list("", "")


@pages.post("/find")
def find() -> str:
    """List the patients a piece of a name or number finds, or the next page of them; changes nothing."""
    return _list(request.form.get("typed", "")[:LONGEST_SEARCH], request.form.get("after", "")[:16])


@pages.route("/new", methods=["GET", "POST"])
def new() -> Page:
    """Add a patient."""
    form, wordings = _prepared(NewPatientForm()), consent_wordings.of_clinic(current.clinic().id)
    form.offer_wordings([each.version for each in wordings])
    if request.method == "GET":
        form.nonce.data = secrets.token_urlsafe(24)
    elif form.validate():
        try:
            made = actions.add(
                clinic_id=current.clinic().id,
                details=form.details,
                consent_how=form.consent_how,
                consent_wording=form.consent_wording,
                nonce=(form.nonce.data or "")[:43],
                by=current.actor(),
                now=now(),
            )
        except SavedSomethingElse as before:
            return render_template(
                "patients/new.html", form=form, saved=_saved_before(form, before.made), wordings=wordings
            ), 409
        _warn_of_number(form.e164, made)
        return redirect(url_for("patients.show", patient_id=made), 303)
    return render_template("patients/new.html", form=form, wordings=wordings), 422 if form.errors else 200


@pages.get("/<patient_id>")
def show(patient_id: str) -> str:
    """Show one patient."""
    return _page(_patient(patient_id), _blank_text())


@pages.route("/<patient_id>/edit", methods=["GET", "POST"])
def edit(patient_id: str) -> Page:
    """Correct a patient; whoever saves second sees both versions."""
    patient = _patient(patient_id)
    form = _prepared(EditPatientForm(data=_as_typed(patient)))
    form.offer_zones(current.clinic().country)
    if request.method == "GET" or not form.validate():
        return render_template("patients/edit.html", form=form, patient=patient), 422 if form.errors else 200
    try:
        actions.edit(
            clinic_id=current.clinic().id,
            patient_id=patient_id,
            version=form.version.data,
            details=form.details,
            by=current.actor(),
            now=now(),
        )
    except actions.PatientChanged:
        return _both_versions(form, _patient(patient_id)), 409
    if form.e164 != patient.phone_e164:
        _warn_of_number(form.e164, patient_id)
    flash("Saved.", "ok")
    return redirect(url_for("patients.show", patient_id=patient_id), 303)


@pages.post("/<patient_id>/text")
def text(patient_id: str) -> Page:
    """Send the patient a text written by hand, or ask first; "Preview" shows it as it would leave."""
    patient, form = _patient(patient_id), _text_form()
    if not form.validate():
        return _page(patient, form), 422
    if request.form.get("check"):
        return _page(patient, form)
    try:
        leaves_at = actions.send_text(
            clinic_id=current.clinic().id,
            patient_id=patient_id,
            body=form.body.data,
            nonce=(form.nonce.data or "")[:43],
            answers_id=(form.answers.data or "")[:16],
            confirmed=(form.confirmed.data or "")[:16],
            hour=HOURS.get(request.form.get("hour", ""), "ask"),
            by=current.actor(),
            now=now(),
        )
    except SavedSomethingElse as before:
        saved = _saved_before(form, before.made)
        return _page(patient, form, saved=saved | {"words": f"a text to {saved['words']}"}), 409
    except press.AskedFirst as asked:
        form.body.errors, form.confirmed.data = asked.questions, hand_written.mark(form.body.data)
        return _page(patient, form, asked), 422
    except CannotText as refused:
        form.body.errors = [refused.words]
        return _page(patient, form), 422
    except NotHere:
        abort(404)
    zone = current.clinic().time_zone
    leaves = spoken.moment_words(leaves_at, zone, now())
    flash(f"The text leaves {leaves}." if leaves_at > now() else "The text is on its way.", "ok")
    back = url_for("inbox.index") if form.answers.data else url_for("patients.show", patient_id=patient_id)
    return redirect(back, 303)


@pages.post("/<patient_id>/text/preview")
def preview_text(patient_id: str) -> str:
    """Draw a text written by hand as it is typed: as the patient will read it. Changes nothing."""
    _patient(patient_id)
    form = _text_form()
    seen = talk.seen(form.body.data, current.clinic().text_name) if form.validate() else None
    return render_template("settings/text_preview.html", form=form, seen=seen)


@pages.post("/<patient_id>/reminders")
def set_reminders(patient_id: str) -> Response:
    """Switch the patient's reminders on or off."""
    on = request.form.get("on") == "1"
    try:
        count = _done(reminders.set_patient_reminders, patient_id, on=on)
    except CannotText as refused:
        flash(refused.words, "warn")
        return redirect(url_for("patients.show", patient_id=patient_id), 303)
    told = f", for {count} coming appointment{'s' if count != 1 else ''} too" if count else ""
    flash(f"Reminders are {'on' if on else 'off'}{told}.", "ok")
    return redirect(url_for("patients.show", patient_id=patient_id), 303)


@pages.post("/<patient_id>/consent")
def consent(patient_id: str) -> Response:
    """Note how the patient agreed to texts, or that they no longer do."""
    how = request.form.get("how", "")
    if how not in CONSENTS:
        abort(400)
    _done(actions.record_consent, patient_id, how=how, wording=whole_number(request.form.get("wording", ""), 0) or None)
    flash("Consent noted." if how else "Noted: no more texts go out.", "ok")
    return redirect(url_for("patients.show", patient_id=patient_id), 303)


@pages.post("/<patient_id>/number")
def trust_number(patient_id: str) -> Response:
    """Take the warning off a number that was checked."""
    _done(actions.trust_number, patient_id)
    flash("The number is texted again.", "ok")
    return redirect(url_for("patients.show", patient_id=patient_id), 303)


def _done(action: Any, patient_id: str, **more: Any) -> Any:
    """Run an action on a patient of this clinic; another's ends as not found."""
    try:
        return action(clinic_id=current.clinic().id, patient_id=patient_id, by=current.actor(), now=now(), **more)
    except NotHere:
        abort(404)


def _patient(patient_id: str) -> PatientFacts:
    patient = patients.get(clinic_id=current.clinic().id, public_id=patient_id)
    if patient is None:
        abort(404)
    reading.opened(patient_id)
    return patient


def _list(typed: str, after: str) -> str:
    clinic_id = current.clinic().id
    found = patients.search(clinic_id=clinic_id, typed=typed, after=after)
    more = found[-1].id if len(found) == patients.PAGE else ""
    return render_template("patients/index.html", found=found, typed=typed, more=more, continued=bool(after))


def _saved_before(form: NewPatientForm | TextForm, made: str) -> dict[str, str]:
    """Name the patient whom this form made, or texted, before; from here on it is another form."""
    renew_nonce(form)
    patient = patients.get(clinic_id=current.clinic().id, public_id=made)
    name, url = (patient.name, url_for("patients.show", patient_id=made)) if patient else ("somebody", "")
    return {"words": name, "url": url}


def _page(
    patient: PatientFacts,
    form: TextForm,
    asked: press.AskedFirst | None = None,
    *,
    saved: dict[str, str] | None = None,
) -> str:
    clinic = current.clinic()
    said = conversation.of_patient(clinic_id=clinic.id, key=patient.key)
    opt_out = opt_outs.of_number(clinic_id=clinic.id, e164=patient.phone_e164)
    seen = talk.seen(form.body.data or "", clinic.text_name)
    if seen and asked:
        seen["warnings"] = []  # they stand beside the field already
    return render_template(
        "patients/show.html",
        patient=patient,
        form=form,
        saved=saved,
        asked=asked,
        wordings=[] if patient.agreed else consent_wordings.of_clinic(clinic.id),
        seen=seen,
        texts_off=opt_outs.texts_off(clinic, patient, opt_out),
        now=now(),
        visits=patients.visits(clinic_id=clinic.id, key=patient.key),
        opt_out=opt_out,
        family=patients.with_phone(clinic_id=clinic.id, e164=patient.phone_e164, but_not=patient.id),
        thread=talk.lines(said, clinic.time_zone, now()),
    )


def _blank_text() -> TextForm:
    form = _text_form()
    form.nonce.data = secrets.token_urlsafe(24)
    return form


def _text_form() -> TextForm:
    form = TextForm()
    form.clinic_name = current.clinic().text_name
    return form


def _prepared(form: Form) -> Form:
    form.country, form.today = current.clinic().country, to_local(now(), current.clinic().time_zone).date()
    return form


def _as_typed(patient: PatientFacts) -> dict[str, Any]:
    """Fill the form as somebody would have typed it."""
    shown = talk.number(patient.phone_e164, current.clinic().country)
    names = {"first_name": patient.first_name, "last_name": patient.last_name}
    known = {"born_on": patient.born_on, "time_zone": patient.patient_zone, "version": patient.version}
    return {**names, "phone": shown, **known}


def _both_versions(form: EditPatientForm, theirs: PatientFacts) -> str:
    theirs_typed = _as_typed(theirs)
    rows = [
        {"label": field.label.text, "theirs": str(theirs_typed[name] or ""), "yours": str(field.data or "")}
        for name in ("first_name", "last_name", "phone", "born_on", "time_zone")
        for field in (form[name],)
    ]
    form.version.raw_data = None
    form.version.process(None, data=theirs.version)
    return render_template("patients/edit.html", form=form, patient=theirs, rows=rows)


def _warn_of_number(e164: str, patient_id: str) -> None:
    if warnings.about_number(current.clinic().id, e164, but_not=patient_id):
        flash(warnings.SAME_NUMBER + patient_id, "warn")
