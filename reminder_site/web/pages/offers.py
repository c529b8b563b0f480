"""Settings: clinicians and kinds of appointment, on one page."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import offers
from reminder_site.actions.settings_guard import NotHere, SettingsChanged
from reminder_site.domain.times import to_local
from reminder_site.queries import coming
from reminder_site.queries import settings as shown
from reminder_site.web import current
from reminder_site.web.forms.settings import ClinicianForm, TypeForm
from reminder_site.web.now import now
from reminder_site.web.pages.settings import NOTHING_TYPED
from reminder_site.web.saved import say_saved

pages = Blueprint("offers", __name__, url_prefix="/settings")
Page = str | Response | tuple[str, int]
QUICKER = "Somebody else saved settings meanwhile. Look whether this still fits, then save again."


@pages.get("/people")
def people() -> Page:
    """List clinicians and kinds of appointment, each with its form."""
    return _page(None, None, "")


@pages.post("/clinicians")
def add_clinician() -> Page:
    """Add a clinician."""
    form = ClinicianForm(prefix="clinician-")
    if not form.validate():
        return _page(form, None, "")
    offers.add_clinician(clinic_id=current.clinic().id, name=form.name.data, by=current.actor(), now=now())
    return _saved(f"{form.name.data} is added.")


@pages.post("/clinicians/<clinician_id>")
def change_clinician(clinician_id: str) -> Page:
    """Rename a clinician or switch them off."""
    form = ClinicianForm(prefix=f"c-{clinician_id}-")
    if not form.validate():
        return _page(form, None, clinician_id)
    if leaving := _leaving(form, clinician_id):
        return _page(form, None, clinician_id, leaving)[0], 409
    try:
        offers.change_clinician(
            clinic_id=current.clinic().id,
            clinician=clinician_id,
            name=form.name.data,
            active=form.active.data,
            version=form.version.data,
            by=current.actor(),
            now=now(),
        )
    except NotHere:
        abort(404)
    except SettingsChanged:
        return _quicker(form, clinician_id)
    return _saved("Saved.")


@pages.post("/types")
def add_type() -> Page:
    """Add a kind of appointment."""
    form = TypeForm(prefix="type-")
    if not form.validate():
        return _page(None, form, "")
    offers.add_type(
        clinic_id=current.clinic().id,
        name=form.name.data,
        duration_minutes=form.duration_minutes.data,
        by=current.actor(),
        now=now(),
    )
    return _saved(f"{form.name.data} is added.")


@pages.post("/types/<type_id>")
def change_type(type_id: str) -> Page:
    """Change a kind of appointment or switch it off."""
    form = TypeForm(prefix=f"t-{type_id}-")
    if not form.validate():
        return _page(None, form, type_id)
    try:
        offers.change_type(
            clinic_id=current.clinic().id,
            kind=type_id,
            name=form.name.data,
            duration_minutes=form.duration_minutes.data,
            active=form.active.data,
            version=form.version.data,
            by=current.actor(),
            now=now(),
        )
    except NotHere:
        abort(404)
    except SettingsChanged:
        return _quicker(form, type_id)
    return _saved("Saved.")


def _leaving(form: ClinicianForm, clinician_id: str) -> dict[str, Any] | None:
    """Gather the coming appointments with somebody who is to be switched off, unless just these were shown already."""
    clinic = current.clinic()
    person = next((row for row in shown.clinicians(clinic.id) if row.public_id == clinician_id), None)
    if form.active.data or person is None or not person.active:
        return None
    found = coming.with_clinician(clinic_id=clinic.id, clinician=clinician_id, now=now())
    if not found.count or request.form.get("asked") == found.mark:
        return None
    today = to_local(now(), clinic.time_zone).date()
    return {"id": clinician_id, "name": person.name, "coming": found, "today": today}


def _quicker(form: ClinicianForm | TypeForm, which: str) -> Page:
    form.name.errors = [QUICKER]
    form.version.data = current.clinic().version
    page, _ = _page(form, None, which) if isinstance(form, ClinicianForm) else _page(None, form, which)
    return page, 409


def _saved(words: str) -> Response:
    say_saved(words)
    return redirect(url_for("offers.people"), 303)


def _page(
    clinician: ClinicianForm | None, kind: TypeForm | None, which: str, leaving: dict[str, Any] | None = None
) -> tuple[str, int]:
    """Draw the page; a form that was refused (of `which`, or the one that adds) stands in its place as typed."""
    clinic, wrong = current.clinic(), clinician or kind
    fresh = {"formdata": NOTHING_TYPED}
    staff, kinds = shown.clinicians(clinic.id), shown.types(clinic.id)
    if which and which not in {row.public_id for row in staff} | {row.public_id for row in kinds}:
        abort(404)
    clinicians = [(r, clinician if which == r.public_id else _clinician_form(r, clinic.version)) for r in staff]
    types = [(r, kind if which == r.public_id else _type_form(r, clinic.version)) for r in kinds]
    page = render_template(
        "settings/people.html",
        clinicians=clinicians,
        types=types,
        leaving=leaving,
        new_clinician=clinician if clinician and not which else ClinicianForm(prefix="clinician-", **fresh),
        new_type=kind if kind and not which else TypeForm(prefix="type-", data={"duration_minutes": 30}, **fresh),
    )
    return page, 422 if wrong else 200


def _clinician_form(row: Any, version: int) -> ClinicianForm:
    prefix = f"c-{row.public_id}-"
    return ClinicianForm(prefix=prefix, obj=row, data={"version": version}, formdata=NOTHING_TYPED)


def _type_form(row: Any, version: int) -> TypeForm:
    prefix = f"t-{row.public_id}-"
    return TypeForm(prefix=prefix, obj=row, data={"version": version}, formdata=NOTHING_TYPED)
