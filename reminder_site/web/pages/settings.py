"""Settings: the overview, the clinic itself, when it texts, its closed days."""

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import clinics
from reminder_site.actions.settings_guard import NotHere, SettingsChanged
from reminder_site.actions.zone_changes import ZoneIsAsked
from reminder_site.domain import spoken, times
from reminder_site.domain.refusals import QuietHoursNeeded
from reminder_site.domain.times import to_local
from reminder_site.queries import coming
from reminder_site.queries import settings as shown
from reminder_site.queries.accounts import Clinic
from reminder_site.web import current, text_steps
from reminder_site.web.forms.clinics import ClinicForm, ClosedDayForm, TextingForm
from reminder_site.web.now import now
from reminder_site.web.saved import differences, say_saved

pages = Blueprint("settings", __name__, url_prefix="/settings")
Page = str | Response | tuple[str, int]
NEAREST = 5
SENDER_TAKEN = (
    "Another clinic of this site texts from it: answers and opt-outs would count for both. Tick below to share it."
)
NOTHING_TYPED = None  # to a form: leave what came with the request alone


@pages.get("")
def overview() -> str:
    """Show what can be set, and what this role may."""
    clinic = current.clinic()
    return render_template(
        "settings/overview.html",
        clinic=clinic,
        rules=[row.rule for row in shown.rules(clinic.id)],
        may_read=current.staff().role != "reception",
        unfinished=shown.unfinished(clinic.id, now=now()),
    )


@pages.route("/clinic", methods=["GET", "POST"])
def clinic() -> Page:
    """Change what the clinic is and when it is open."""
    present = current.clinic()
    if request.method == "GET":
        return render_template("settings/clinic.html", form=ClinicForm.of(present), meanwhile=[], zone=None)
    form, meanwhile, zone = ClinicForm(), [], None
    if form.validate():
        try:
            clinics.change_clinic(
                clinic_id=present.id,
                facts=form.facts(),
                version=form.version.data,
                placing=_placing(form, present),
                by=current.actor(),
                now=now(),
            )
        except ZoneIsAsked:
            zone = _zone_asked(form, present)
        except SettingsChanged:
            meanwhile = differences(form, ClinicForm.of(present, formdata=NOTHING_TYPED))
            form.version.data = present.version
        else:
            say_saved()
            return redirect(url_for("settings.clinic"), 303)
    page = render_template("settings/clinic.html", form=form, meanwhile=meanwhile, zone=zone)
    return page, 409 if meanwhile or zone else 422


@pages.route("/texting", methods=["GET", "POST"])
def texting() -> Page:
    """Change when and how much the clinic texts."""
    present = current.clinic()
    form, meanwhile = _texting_form(present), []
    if form.validate_on_submit():
        try:
            clinics.change_texting(
                clinic_id=present.id,
                facts=form.facts(),
                version=form.version.data,
                share_sender=bool(form.share_sender and form.share_sender.data),
                by=current.actor(),
                now=now(),
            )
        except clinics.SenderTaken:
            form.sender.errors = [SENDER_TAKEN]
        except SettingsChanged:
            meanwhile = differences(form, _texting_form(present, formdata=NOTHING_TYPED))
            form.version.data = present.version
        except QuietHoursNeeded as refused:
            form.quiet_closes.errors = [refused.words]
        else:
            say_saved()
            return redirect(url_for("settings.texting"), 303)
    return _texting_page(form, ClosedDayForm(formdata=NOTHING_TYPED), meanwhile)


@pages.post("/closed-days")
def close() -> Page:
    """Name a day on which the clinic is closed."""
    form = ClosedDayForm()
    if not form.validate():
        return _texting_page(_texting_form(current.clinic(), formdata=NOTHING_TYPED), form, [])
    if closing := _closing(form):
        return _texting_page(_texting_form(current.clinic(), formdata=NOTHING_TYPED), form, [], closing)[0], 409
    clinics.close_on(
        clinic_id=current.clinic().id,
        closed_on=form.closed_on.data,
        name=form.closed_name.data,
        by=current.actor(),
        now=now(),
    )
    say_saved(f"Closed on {form.closed_on.data:%-d %B %Y}.")
    return redirect(url_for("settings.texting") + "#closed", 303)


@pages.post("/closed-days/<closed_on>/open")
def reopen(closed_on: str) -> Response:
    """Take a closed day out again."""
    try:
        day = date.fromisoformat(closed_on)
        clinics.open_again_on(clinic_id=current.clinic().id, closed_on=day, by=current.actor(), now=now())
    except (ValueError, NotHere):
        abort(404)
    say_saved("The clinic is open on that day.")
    return redirect(url_for("settings.texting") + "#closed", 303)


@pages.route("/clinics/new", methods=["GET", "POST"])
def add_clinic() -> Page:
    """Open another clinic."""
    form = ClinicForm() if request.method == "POST" else ClinicForm.blank()
    if form.validate_on_submit():
        clinics.add_clinic(facts=form.facts(), by=current.actor(), now=now())
        say_saved(f"{form.name.data} is added. Choose it at the top of the page to open it.")
        return redirect(url_for("settings.overview"), 303)
    return render_template("settings/new_clinic.html", form=form), 422 if form.is_submitted() else 200


def _placing(form: ClinicForm, clinic: Clinic) -> str:
    """Return the answer to what stands when the zone changes; it holds only for the two zones it was asked about."""
    asked = f"{clinic.time_zone}>{form.time_zone.data}"
    return form.placing.data or "" if request.form.get("zones") == asked else ""


def _zone_asked(form: ClinicForm, clinic: Clinic) -> dict[str, Any]:
    """Show what either answer makes of the nearest appointments."""
    found = coming.in_zone(clinic_id=clinic.id, zone=clinic.time_zone, now=now())
    new, old = form.time_zone.data, clinic.time_zone
    today = to_local(now(), new).date()
    rows = [
        {
            "patient": row.patient,
            "now": spoken.day_and_clock(row.starts_local, today),
            "walls": spoken.day_and_clock(row.starts_local, today),
            "shift": _shift(times.resolve(row.starts_local, new, 0) - row.starts_at),
            "moments": spoken.day_and_clock(to_local(row.starts_at, new), today),
        }
        for row in found.first[:NEAREST]
    ]
    if request.form.get("zones") and not form.placing.data:
        form.placing.errors = ["Choose one."]
    cities = {"old": text_steps.city(old), "new": text_steps.city(new)}
    return {"asked": f"{old}>{new}", "count": found.count, "rows": rows, **cities}


def _shift(by: timedelta) -> str:
    """Say by how much a moment changes: "1 hour later"."""
    if not by:
        return "at the same moment"
    words = spoken.duration_words(abs(by.total_seconds()))
    return f"{words} {'later' if by > timedelta() else 'earlier'} than now"


def _texting_form(clinic: Clinic, **more: Any) -> TextingForm:
    """Make the form; only an administrator chooses the Messaging Service."""
    return TextingForm(clinic, sets_sender=current.staff().role == "administrator", **more)


def _closing(form: ClosedDayForm) -> dict[str, Any] | None:
    """Gather what is booked on a day that is to be closed, unless just these appointments were shown already."""
    clinic = current.clinic()
    found = coming.on_day(clinic_id=clinic.id, zone=clinic.time_zone, on=form.closed_on.data, now=now())
    if not found.count or request.form.get("asked") == found.mark:
        return None
    return {"coming": found, "words": spoken.long_day(form.closed_on.data)}


def _texting_page(
    form: TextingForm,
    day: ClosedDayForm,
    meanwhile: list[dict[str, str]],
    closing: dict[str, Any] | None = None,
) -> tuple[str, int]:
    clinic = current.clinic()
    today = to_local(now(), clinic.time_zone).date()
    page = render_template(
        "settings/texting.html",
        form=form,
        day=day,
        meanwhile=meanwhile,
        closing=closing,
        closed=shown.closed(clinic, today=today),
        today=today,
    )
    return page, 409 if meanwhile else 422 if form.errors or day.errors else 200
