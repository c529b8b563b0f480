"""Booking on one page: find the patient or enter a new one, choose the time, see every text, save."""

import secrets
from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import appointments as actions
from reminder_site.actions.appointments import NewPatient
from reminder_site.domain import phones, spoken
from reminder_site.domain.refusals import Refused, SavedSomethingElse
from reminder_site.domain.times import Placed, to_local
from reminder_site.queries import appointments, links, patients, previews
from reminder_site.queries.patients import PatientLine
from reminder_site.web import current, overlaps, text_steps, warnings
from reminder_site.web.forms.appointments import BookingForm, put_error
from reminder_site.web.now import now
from reminder_site.web.pages import moving
from reminder_site.web.saved import renew_nonce

pages = Blueprint("booking", __name__)
MATCHES = 8
LONGEST_SEARCH = 80
LONGEST_NONCE = 43
UNAGREED = "These are the texts if the patient agrees to them. Nothing leaves until you have chosen whether they do."
Page = str | Response | tuple[str, int]


@pages.route("/appointments/new", methods=["GET", "POST"])
def new() -> Page:
    """Book an appointment; "Find" and "Preview" show the same page again without saving."""
    form = _form()
    if request.method == "GET":
        form.nonce.data = secrets.token_urlsafe(24)
        form.day.data = request.args.get("day", "")
        form.patient_id.data = request.args.get("patient", "")
        _as_before(form, request.args.get("again", ""))
        return _page(form)
    if request.form.get("find"):
        return _page(form, found=_matches(form.patient_id_typed.data or ""))
    good, patient, placed = _read(form)
    if request.form.get("preview"):
        return _page(form, preview=_preview(form, patient, placed)), 200 if good else 422
    if not good or patient is None or placed is None:
        return _page(form, preview=_preview(form, patient, placed)), 422
    return _save(form, patient, placed)


@pages.post("/appointments/preview")
def preview() -> str:
    """Show what would be texted if the form were saved as it stands; changes nothing."""
    form = _form()
    _good, patient, placed = _read(form)
    shown = _preview(form, patient, placed)
    return render_template("appointments/preview.html", form=form, preview=shown, live=True)


@pages.post("/appointments/patients")
def find() -> Response:
    """Answer the patient search as JSON; posted, so that nothing typed stands in an address. Changes nothing."""
    typed = request.form.get("typed", "")[:LONGEST_SEARCH]
    return jsonify(items=[_option(each) for each in _matches(typed)])


def _form() -> BookingForm:
    clinic_id = current.clinic().id
    form = BookingForm()
    form.offer(appointments.clinicians(clinic_id=clinic_id))
    form.offer_kinds(appointments.kinds(clinic_id=clinic_id))
    return form


def _as_before(form: BookingForm, public_id: str) -> None:
    """Fill the form like an earlier appointment, but for its day."""
    before = appointments.get(clinic_id=current.clinic().id, public_id=public_id) if public_id else None
    if before is None:
        return
    form.patient_id.data, form.time.data = before.patient_id, before.starts_local.strftime("%H:%M")
    for field, chosen in ((form.clinician, before.clinician_id), (form.kind, before.type_id)):
        if chosen in field.choices:
            field.data = chosen


def _read(form: BookingForm) -> tuple[bool, str | NewPatient | None, Placed | None]:
    """Read patient and time; what is wrong stands beside its field. True when all of the form is right."""
    right = form.validate()
    clinic = current.clinic()
    placed = form.place(clinic.time_zone, now())
    patient = _who(form, clinic.country)
    return right and not any(field.errors for field in form), patient, placed


def _who(form: BookingForm, country: str) -> str | NewPatient | None:
    chosen = _chosen(form)
    if chosen and form.is_new_patient:
        put_error(form.patient_id, f"You chose {chosen.name} and also typed a new patient. Clear one of the two.")
        return None
    if chosen:
        return chosen.id
    if form.is_new_patient:
        return form.new_patient(country)
    put_error(form.patient_id, "Choose a patient, or enter a new one below.")
    return None


def _chosen(form: BookingForm) -> PatientLine | None:
    public_id = form.patient_id.data or ""
    return patients.get(clinic_id=current.clinic().id, public_id=public_id) if public_id else None


def _save(form: BookingForm, patient: str | NewPatient, placed: Placed) -> Page:
    known = patient if isinstance(patient, str) else ""
    settled = overlaps.settle(form, patient_id=known, placed=placed, minutes=_minutes(form))
    if settled is None:
        return _page(form, preview=_preview(form, patient, placed)), 422
    if settled.move:
        return moving.as_asked(settled.move)
    if settled.time:
        return _at_another_time(form, patient, settled.time)
    try:
        made = actions.book(
            clinic_id=current.clinic().id,
            patient=patient,
            time=placed,
            clinician_id=form.clinician.data,
            type_id=form.kind.data,
            nonce=form.nonce.data[:LONGEST_NONCE],
            beside=settled.known,
            by=current.actor(),
            now=now(),
        )
    except SavedSomethingElse as before:
        renew_nonce(form)
        return _page(form, preview=_preview(form, patient, placed), saved=_saved_before(before.made)), 409
    except Refused as refused:
        form.form_errors.append(refused.words)
        return _page(form, preview=_preview(form, patient, placed)), 422
    return redirect(url_for("appointments.show", public_id=made), 303)


def _at_another_time(form: BookingForm, patient: str | NewPatient, clock: str) -> Page:
    """Book at the free time that was chosen instead, or ask again about that one."""
    form.time.data = clock
    placed = form.place(current.clinic().time_zone, now())
    if placed is None:
        return _page(form, preview=_preview(form, patient, placed)), 422
    return _save(form, patient, placed)


def _saved_before(public_id: str) -> dict[str, str]:
    facts = appointments.get(clinic_id=current.clinic().id, public_id=public_id)
    if facts is None:
        return {"words": "an appointment", "url": ""}
    when = spoken.day_and_clock(facts.starts_local, to_local(now(), facts.time_zone).date())
    return {"words": f"{facts.patient}, {when},", "url": url_for("appointments.show", public_id=public_id)}


def _page(
    form: BookingForm,
    *,
    found: list[PatientLine] | None = None,
    preview: dict[str, Any] | None = None,
    saved: dict[str, str] | None = None,
) -> str:
    chosen = _chosen(form) if found is None else None
    if found is not None:
        form.patient_id.data = ""
    if preview is None and chosen:
        preview = {"missing": form.missing_time(), "warnings": [], "steps": []}
    return render_template(
        "appointments/new.html",
        form=form,
        city=text_steps.city(current.clinic().time_zone),
        chosen=_option(chosen) if chosen else None,
        matches=[_option(each) for each in found or ()],
        looked=found is not None,
        preview=preview,
        saved=saved,
    )


def _preview(form: BookingForm, patient: str | NewPatient | None, placed: Placed | None) -> dict[str, Any]:
    """Say what saving would do, as far as the form is filled in."""
    clinic = current.clinic()
    missing = ([] if patient else form.missing_patient()) + ([] if placed else form.missing_time())
    if isinstance(patient, NewPatient):
        warned, facts = warnings.about_number(clinic.id, patient.phone_e164), _facts_of_new(patient)
        if form.consent.errors:
            warned, facts = [UNAGREED, *warned], facts | {"agreed": True}
    else:
        warned, facts = list(form.phone.errors), _facts_of(patient)
    if placed is None or patient is None:
        return {"missing": missing, "warnings": warned + form.time_troubles(), "steps": []}
    minutes = _minutes(form)
    warned += warnings.about_time(clinic.id, placed, minutes)
    if isinstance(patient, str):
        warned += warnings.about_same_day(clinic.id, patient, placed)
    lines = previews.preview(
        clinic_id=clinic.id,
        starts=placed,
        duration_minutes=minutes,
        clinician=form.clinician_name,
        link=links.as_shown(""),
        now=now(),
        **facts,
    )
    steps = [text_steps.preview_step(line, placed.zone) for line in lines]
    return {
        "when": text_steps.placed_words(placed),
        "zone": text_steps.zone_words(placed, now()),
        "warnings": warned,
        "steps": steps,
    }


def _facts_of_new(patient: NewPatient) -> dict[str, Any]:
    agreed = bool(patient.consent_how) or not patient.phone_e164
    return {"first_name": patient.first_name, "phone_e164": patient.phone_e164, "agreed": agreed}


def _facts_of(public_id: str | None) -> dict[str, Any]:
    found = patients.get(clinic_id=current.clinic().id, public_id=public_id) if public_id else None
    if found is None:
        return {}
    names = "first_name", "phone_e164", "phone_flag", "agreed", "reminders_on", "patient_zone"
    return {name: getattr(found, name) for name in names}


def _minutes(form: BookingForm) -> int:
    lengths = {each.id: each.minutes for each in appointments.kinds(clinic_id=current.clinic().id)}
    return lengths.get(form.kind.data, actions.DEFAULT_MINUTES)


def _matches(typed: str) -> list[PatientLine]:
    if not typed.strip():
        return []
    return patients.suggest(clinic_id=current.clinic().id, typed=typed, limit=MATCHES)


def _option(patient: PatientLine) -> dict[str, str]:
    country = current.clinic().country
    born = (
        f"born {patient.born_on.day} {spoken.MONTHS[patient.born_on.month - 1][:3]} {patient.born_on.year}"
        if patient.born_on
        else ""
    )
    number = phones.show(patient.phone_e164, country) if patient.phone_e164 else "no number"
    return {"id": patient.id, "name": patient.name, "detail": " · ".join(filter(None, (born, number)))}
